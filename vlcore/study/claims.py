"""Claims of the study as a table (`claims.yaml`): what it said, what would show it, what it must
beat, which numbers decide. What comes out is a status and the numbers behind it; no sentence says
that labels help or hurt.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from vlcore.experiment.files import read_yaml
from vlcore.experiment.grouping import SCENES, Grouping, group_words
from vlcore.metrics.catalogue import words_of
from vlcore.study.evidence import Claim, ClaimResult, Evidence, Query, evaluate_claim


def ledger(frame: pd.DataFrame, grouping: Grouping = SCENES) -> list[ClaimResult]:
    """Every claim of the study with what a `vlcore.study.runs_table.runs_table` says of it; other
    label styles and mitigations are left aside. AnalysisError when runs differ in more than these,
    size mode, bias and seeds.
    """
    evidence = Evidence(frame)
    return [evaluate_claim(claim, evidence) for claim in claims(grouping)]


def claims(grouping: Grouping = SCENES) -> list[Claim]:
    """The claims of the study, in its order; their groups are those of an image set."""
    groups = group_words(grouping).values()

    def filled(text: str, measure: str = "") -> str:
        return text.format(
            *groups, object=grouping.object_word, measure=words_of(measure, grouping)
        )

    def changes(told: Mapping[str, Any]) -> dict[str, Any]:
        named = {"groups": tuple(grouping.names[number] for number in told.get("groups", ()))}
        return {**told, **named} if "groups" in told else dict(told)

    found = []
    for name, told in read_yaml(Path(__file__).with_name("claims.yaml")).items():
        parts = {**told, **{part: filled(told[part]) for part in ("says", "test", "null", "what")}}
        parts["query"] = Query(**changes(told["query"]))
        parts["nulls"] = tuple(
            (filled(words), changes(differs)) for words, differs in told["nulls"]
        )
        parts["variations"] = tuple(
            (axis, filled(words, differs.get("measure", "")), changes(differs))
            for axis, words, differs in told["variations"]
        )
        parts["reference"] = changes(told["reference"]) if "reference" in told else None
        found.append(Claim(name, **parts))
    return found
