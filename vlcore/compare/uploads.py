"""Reports on uploads: what a model names on new pictures, what they are near to, what pulls them, and how new they are.

A report is a row, so that four models on fourteen pictures are one table that can be taken along. Each number that a
random encoder has too stands beside the one of the same encoder before training.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import softmax

from vlcore.compare.model_map import CaptionScore, ComparisonError, ModelMap, caption_scores, object_scores_of
from vlcore.core import wording
from vlcore.core.condition import Condition
from vlcore.core.grouping import Grouping
from vlcore.datasets.imageset import ImageSet
from vlcore.measures.novelty import Novelty, ShortcutAttraction, nearest_group, novelty, shortcut_attraction

NEAREST = 5


@dataclass(frozen=True, eq=False)
class UploadReport:
    """What one model says of one picture.

    Attributes:
        says: the object that it names; empty where it names none.
        share: its softmax share among the objects; NaN where none is named.
        why_silent: why no object is named; empty where one is.
        captions: its captions by cosine, best first; none where they have no embeddings.
        nearest: row number and cosine of the nearest pictures, nearest first.
        pull: whether the object or the context pulls it; None where the model's pictures lack a group.
        pull_before: the same before the first step; None where that is not known.
        novelty: how near the nearest training picture is, beside held-out pictures.
        novelty_before: the same before the first step; None where that is not known. It is the better judge: training
            pulls everything into a few clouds, strange pictures too.
    """

    says: str
    share: float
    why_silent: str
    captions: tuple[CaptionScore, ...]
    nearest: tuple[tuple[int, float], ...]
    pull: ShortcutAttraction | None
    pull_before: ShortcutAttraction | None
    novelty: Novelty
    novelty_before: Novelty | None

    @property
    def judged(self) -> Novelty:
        """What says whether the picture is like anything that was seen."""
        return self.novelty_before or self.novelty


@dataclass(frozen=True, eq=False)
class Before:
    """What the same encoder made of pictures before its first step: the new ones, (m, E), and those of the map."""

    z: NDArray[np.floating]
    held_out: NDArray[np.floating]
    train: NDArray[np.floating]


def upload_reports(
    model: ModelMap,
    images: ImageSet,
    z: NDArray[np.floating],
    shown: Sequence[tuple[str, str]],
    untrained: Before | None = None,
) -> list[UploadReport]:
    """What a model says of new pictures, (m, E).

    Args:
        model: its map.
        images: the image set of the map.
        z: embeddings of the pictures.
        shown: object and context that each picture is said to show, empty for what nobody said: then the group that is
            nearest in the model decides.
        untrained: the same encoder before its first step, where it is known.
    """
    grouping, count = images.grouping, len(z)
    table = images.table.iloc[model.rows[: model.held_out]]
    objects, contexts, scenes = (table[name].to_numpy().astype(str) for name in ("object", "context", "scene"))
    known = model.z[: model.held_out]
    pulls: Sequence[ShortcutAttraction | None] = [None] * count
    pulls_before: Sequence[ShortcutAttraction | None] = [None] * count
    try:
        near = nearest_group(z, known, objects, contexts, grouping)
        own = [(obj or str(o), context or str(c)) for (obj, context), o, c in zip(shown, *near, strict=True)]
        pulls = shortcut_attraction(z, own, known, objects, contexts, scenes, grouping)
        if untrained is not None:
            pulls_before = shortcut_attraction(
                untrained.z, own, untrained.held_out, objects, contexts, scenes, grouping
            )
    except ValueError:  # a small set may hold no picture of a group out
        pass
    new = novelty(z, model.z[model.held_out :], known, scenes)
    new_before: Sequence[Novelty | None] = [None] * count
    if untrained is not None:
        new_before = novelty(untrained.z, untrained.train, untrained.held_out, scenes)
    named, why_silent = [("", float("nan"))] * count, ""
    try:
        scores = object_scores_of(model, z, grouping)
        if scores is None:
            why_silent = f"Its labels name no {grouping.object_word}."
        else:
            named = [(grouping.objects[row.argmax()], float(row.max())) for row in softmax(scores, axis=1)]
    except ComparisonError as error:
        why_silent = str(error)
    return [
        UploadReport(
            *named[number],
            why_silent,
            tuple(caption_scores(model, vector)) if len(model.caption_z) else (),
            tuple(model.neighbours(vector, NEAREST)),
            pulls[number],
            pulls_before[number],
            new[number],
            new_before[number],
        )
        for number, vector in enumerate(z)
    ]


def margin(model: ModelMap, z: NDArray[np.floating], grouping: Grouping, says: str) -> NDArray[np.float64]:
    """Log score of the object that a model says minus that of the other, (n, E) to (n,): what an explanation explains.

    Raises:
        ComparisonError: when the model's captions have no embeddings.
    """
    scores = object_scores_of(model, z, grouping)
    assert scores is not None  # it names objects
    place = grouping.objects.index(says)
    return np.asarray(scores[:, place] - scores[:, 1 - place])


def report_table(
    pictures: Sequence[str], reports: Mapping[str, Sequence[UploadReport]], images: ImageSet
) -> pd.DataFrame:
    """All reports, one row a picture and model; `reports` by what the models are called, then by picture."""
    rows = []
    for number, picture in enumerate(pictures):
        for name, of_model in reports.items():
            one = of_model[number]
            row, similarity = one.nearest[0]
            facts = images.table.iloc[row]
            rows.append(
                {
                    "Picture": picture,
                    "Model": name,
                    "Says": one.says or one.why_silent,
                    "Share, %": None if np.isnan(one.share) else round(100 * one.share),
                    "Best caption": one.captions[0].caption if one.captions else "",
                    "Nearest picture": f"{facts['object']}, {facts['context']} ({similarity:.2f})",
                    "Pulled by": _pulled(one.pull, images.grouping)[0],
                    "Balance": "" if one.pull is None else wording.number(one.pull.balance.as_dict()),
                    "Balance, untrained": ""
                    if one.pull_before is None
                    else wording.number(one.pull_before.balance.as_dict()),
                    "Like what was seen": _like(one.judged)[0],
                }
            )
    return pd.DataFrame(rows)


def _pulled(found: ShortcutAttraction | None, grouping: Grouping) -> tuple[str, str]:
    """What pulls a picture, in a cell and as the beginning of a sentence."""
    if found is None:
        return "not defined", "What pulls it is not defined"
    if found.balance.low <= 0 <= found.balance.high:
        return "not decided", "Neither pulls harder"
    by = grouping.object_word if found.balance.low > 0 else "background"
    return by, f"Pulled by the **{by}**"


def pull_in_words(report: UploadReport, grouping: Grouping) -> str:
    """What pulls a picture, in a sentence with its numbers."""
    found, (_, opening) = report.pull, _pulled(report.pull, grouping)
    if found is None:
        return f"{opening}: a group has no held-out picture."
    other_object = next(name for name in grouping.objects if name != found.object)
    other_context = next(name for name in grouping.contexts if name != found.context)
    before = report.pull_before
    return (
        f"{opening}, taken as {found.object} with {found.context}: cosine {found.by_object:.2f} to {found.object} with "
        f"{other_context}, {found.by_context:.2f} to {other_object} with {found.context}; difference "
        f"{wording.number(found.balance.as_dict())}"
        f"{f'; before training {wording.number(before.balance.as_dict())}' if before else ''}."
    )


def _like(new: Novelty) -> tuple[str, str]:
    """Whether a picture is like what was seen, in a cell and as the beginning of a sentence."""
    if new.unlike_anything:
        return "unlike anything", "**Unlike anything it has seen**"
    if new.rare:
        return "hardly", "**Hardly like anything it has seen**"
    # No more is known: a photograph may be as near as the drawings are to each other.
    return "as held-out ones", "As near to what it has seen as held-out pictures are"


def novelty_in_words(report: UploadReport) -> str:
    """Whether a picture is like what the model was trained on, in a sentence or two with their numbers."""
    new, after = report.judged, report.novelty
    when = "" if report.novelty_before is None else " before training"
    far = wording.rate(new.share.as_dict())
    sentence = (
        f"{_like(new)[1]}: cosine {new.similarity:.2f} to the nearest training picture{when}; {far} of {new.share.n:,} "
        "held-out pictures are at least as far from theirs."
    )
    if report.novelty_before is None:
        return sentence
    far = wording.rate(after.share.as_dict())
    return f"{sentence} After training: cosine {after.similarity:.2f}, and {far} are at least as far."


def cutout_sentences(cutouts: Sequence[str], reports: Mapping[str, Sequence[UploadReport]]) -> list[str]:
    """For each cut-out: on how many backgrounds each model names what.

    Args:
        cutouts: name of the cut-out that each picture shows, empty where it shows none.
        reports: by what the models are called, then by picture.
    """
    sentences = []
    for name in dict.fromkeys(filter(None, cutouts)):
        places = [place for place, cutout in enumerate(cutouts) if cutout == name]
        parts = []
        for model, of_model in reports.items():
            said = Counter(of_model[place].says or "nothing" for place in places)
            parts.append(f"{model}: " + ", ".join(f"{says} on {count}" for says, count in said.most_common()))
        sentences.append(f"**One cut-out on {len(places)} backgrounds** ({as_code(name)}). {'; '.join(parts)}.")
    return sentences


def as_code(name: str) -> str:
    """A foreign name in Markdown: in a code span nothing in it is a link, a formula, a colour or a tag."""
    return f"`{name.replace('`', chr(39))}`"


def with_untrained(trained: dict[str, Condition]) -> dict[str, Condition]:
    """Models to ask by key, and the untrained encoder of each seed and label style, made when it is chosen."""
    choices, there = dict(trained), set(map(_described, trained.values()))
    for one in trained.values():
        if one.kind.has_weights and _described(one.untrained) not in there:  # what bias would do comes after
            choices[one.untrained.key] = one.untrained
            there.add(_described(one.untrained))
    return choices


def distinct_names(choices: dict[str, Condition]) -> dict[str, str]:
    """A name for each choice, by key; no two are equal: the browser tells choices apart by their names alone."""
    described = {key: _described(one) for key, one in choices.items()}
    times = Counter(described.values())
    return {key: name if times[name] == 1 else f"{name} · {key.rpartition('-')[2]}" for key, name in described.items()}


def _described(condition: Condition) -> str:
    length = f", {condition.steps:,} steps" if condition.steps else ""
    return f"{wording.title(condition)} · seed {condition.init_seed}{length}"
