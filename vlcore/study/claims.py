"""The claims table: what the study claimed (`claims.yaml`), and what the runs say of each claim.

Each claim has its operational test and the controls that it is held against. What comes out is a
status and the numbers behind it; no sentence says that labels help or hurt.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from vlcore.experiment.files import read_yaml
from vlcore.experiment.grouping import SCENES, Grouping, group_words
from vlcore.metrics.catalogue import words_of
from vlcore.study.evidence import Claim, ClaimResult, Evidence, Query, evaluate_claim


def evaluate_claims(frame: pd.DataFrame, grouping: Grouping = SCENES) -> list[ClaimResult]:
    """Put every claim of the study to the runs of a `vlcore.study.runs_table.runs_table`.

    Other label styles and mitigations are ignored. AnalysisError when runs differ in more than
    these, size mode, bias and seeds.
    """
    evidence = Evidence(frame)
    return [evaluate_claim(claim, evidence) for claim in study_claims(grouping)]


def study_claims(grouping: Grouping = SCENES) -> list[Claim]:
    """The claims of the study, in its order, about the groups of an image set."""
    groups = group_words(grouping).values()

    def filled(text: str, measure: str = "") -> str:
        measure_words = words_of(measure, grouping)
        return text.format(*groups, object=grouping.object_word, measure=measure_words)

    def changes(query: Mapping[str, Any]) -> dict[str, Any]:
        if "groups" not in query:
            return dict(query)
        names = tuple(grouping.names[number] for number in query["groups"])
        return {**query, "groups": names}

    claims = []
    for name, entry in read_yaml(Path(__file__).with_name("claims.yaml")).items():
        parts = dict(entry)
        for text in ("says", "test", "control", "what"):
            parts[text] = filled(parts[text])
        parts["query"] = Query(**changes(parts["query"]))
        parts["controls"] = tuple(
            (filled(words), changes(differs)) for words, differs in parts["controls"]
        )
        parts["variations"] = tuple(
            (axis, filled(words, differs.get("measure", "")), changes(differs))
            for axis, words, differs in parts["variations"]
        )
        if "reference" in parts:
            parts["reference"] = changes(parts["reference"])
        claims.append(Claim(name, **parts))
    return claims
