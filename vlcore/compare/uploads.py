"""Reports on uploads: what a model names on new pictures, what they are near to, what pulls them, and how new they are.

A report is a row, so that four models on fourteen pictures are one table that can be taken along. Each number that a
random encoder has too stands beside the one of the same encoder before training."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

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
Vectors = NDArray[np.floating]
_LIKE = {
    "unlike anything": "**Unlike anything it has seen**",
    "hardly": "**Hardly like anything it has seen**",
    # No more is known: a photograph may be as near as the drawings are to each other.
    "as held-out ones": "As near to what it has seen as held-out pictures are",
}


@dataclass(frozen=True, eq=False)
class UploadReport:
    """What one model says of one picture."""

    says: str  # the object that it names; empty where none is
    share: float  # that object's softmax share among the objects, or NaN
    why_silent: str  # why no object is named; empty where one is
    captions: tuple[CaptionScore, ...]  # best first; none where they have no embeddings
    nearest: tuple[tuple[int, float], ...]  # row number and cosine, nearest first
    pull: ShortcutAttraction | None  # None where the model's pictures lack a group
    pull_before: ShortcutAttraction | None  # before the first step; None where that is not known
    novelty: Novelty  # how near the nearest training picture is, beside held-out pictures
    novelty_before: Novelty | None  # before the first step; None where that is not known

    @property
    def judged(self) -> Novelty:
        """What says whether anything like it was seen: before training if known, for that pulls all into few clouds."""
        return self.novelty_before or self.novelty


Reports = Mapping[str, Sequence[UploadReport]]  # by what models are called, one a picture


class Before(NamedTuple):
    """What the same encoder made of pictures before its first step: the new ones, (m, E), and those of the map."""

    z: Vectors
    held_out: Vectors
    train: Vectors


def upload_reports(
    model: ModelMap, images: ImageSet, z: Vectors, shown: Sequence[tuple[str, str]], untrained: Before | None = None
) -> list[UploadReport]:
    """What a model says of new pictures, by their embeddings, (m, E). `shown` is the object and context that each is
    said to show, empty where the nearest group decides. `untrained` is the encoder before its first step, if known."""
    grouping, count = images.grouping, len(z)
    table = images.table.iloc[model.rows[: model.held_out]]
    objects, contexts, scenes = (table[name].to_numpy().astype(str) for name in ("object", "context", "scene"))
    nothing: list[Any] = [None] * count
    spaces = [Before(z, model.z[: model.held_out], model.z[model.held_out :]), *([untrained] if untrained else [])]
    try:
        near = nearest_group(z, spaces[0].held_out, objects, contexts, grouping)
        own = [(obj or str(o), context or str(c)) for (obj, context), o, c in zip(shown, *near, strict=True)]
        pulls = [shortcut_attraction(one.z, own, one.held_out, objects, contexts, scenes, grouping) for one in spaces]
    except ValueError:  # a small set may hold no picture of a group out
        pulls = [nothing]
    new = [novelty(one.z, one.train, one.held_out, scenes) for one in spaces]
    named, why_silent = [("", float("nan"))] * count, ""
    try:
        scores = object_scores_of(model, z, grouping)
        if scores is None:
            why_silent = f"Its labels name no {grouping.object_word}."
        else:
            named = [(grouping.objects[row.argmax()], float(row.max())) for row in softmax(scores, axis=1)]
    except ComparisonError as error:
        why_silent = str(error)
    pull, pull_before = [*pulls, nothing][:2]
    now, before = [*new, nothing][:2]
    reports = []
    for vector, (says, share), *seen in zip(z, named, pull, pull_before, now, before, strict=True):
        captions = tuple(caption_scores(model, vector)) if len(model.caption_z) else ()
        near_it = tuple(model.neighbours(vector, NEAREST))
        reports.append(UploadReport(says, share, why_silent, captions, near_it, *seen))
    return reports


def answer_margin(model: ModelMap, z: NDArray[np.floating], grouping: Grouping, says: str) -> NDArray[np.float64]:
    """Log score of the object that a model says minus that of the other, (n, E) to (n,): what is explained."""
    scores = object_scores_of(model, z, grouping)
    assert scores is not None  # it names objects
    place = grouping.objects.index(says)
    return np.asarray(scores[:, place] - scores[:, 1 - place])


def report_table(pictures: Sequence[str], reports: Reports, images: ImageSet) -> pd.DataFrame:
    """All reports, one row a picture and model."""
    rows = []
    for number, picture in enumerate(pictures):
        for name, of_model in reports.items():
            one = of_model[number]
            row, similarity = one.nearest[0]
            facts = images.table.iloc[row]
            share = None if np.isnan(one.share) else round(100 * one.share)
            said = {
                "Says": one.says or one.why_silent, "Share, %": share,
                "Best caption": one.captions[0].caption if one.captions else "",
                "Nearest picture": f"{facts['object']}, {facts['context']} ({similarity:.2f})",
                "Pulled by": _pulled(one.pull, images.grouping), "Balance": _balance(one.pull),
                "Balance, untrained": _balance(one.pull_before), "Like what was seen": _like(one.judged),
            }  # fmt: skip
            rows.append({"Picture": picture, "Model": name, **said})
    return pd.DataFrame(rows)


def _pulled(found: ShortcutAttraction | None, grouping: Grouping) -> str:
    if found is None:
        return "not defined"
    if found.balance.low <= 0 <= found.balance.high:
        return "not decided"
    return grouping.object_word if found.balance.low > 0 else "background"


def _balance(found: ShortcutAttraction | None) -> str:
    return "" if found is None else wording.number(found.balance.as_dict())


def pull_in_words(report: UploadReport, grouping: Grouping) -> str:
    """What pulls a picture, in a sentence with its numbers."""
    found, by = report.pull, _pulled(report.pull, grouping)
    if found is None:
        return "What pulls it is not defined: a group has no held-out picture."
    opening = "Neither pulls harder" if by == "not decided" else f"Pulled by the **{by}**"
    other_object = next(name for name in grouping.objects if name != found.object)
    other_context = next(name for name in grouping.contexts if name != found.context)
    before = f"; before training {_balance(report.pull_before)}" if report.pull_before else ""
    by_object = f"{found.by_object:.2f} to {found.object} with {other_context}"
    by_context = f"{found.by_context:.2f} to {other_object} with {found.context}"
    cosines = f"cosine {by_object}, {by_context}; difference {_balance(found)}{before}"
    return f"{opening}, taken as {found.object} with {found.context}: {cosines}."


def _like(new: Novelty) -> str:
    """Whether a picture is like what was seen, one of `_LIKE`."""
    if new.unlike_anything:
        return "unlike anything"
    return "hardly" if new.rare else "as held-out ones"


def novelty_in_words(report: UploadReport) -> str:
    """Whether a picture is like what the model was trained on, in a sentence or two with their numbers."""
    new, after, when, then = report.judged, report.novelty, "", ""
    if report.novelty_before:
        when = " before training"
        as_far = wording.rate(after.share.as_dict())
        then = f" After training: cosine {after.similarity:.2f}, and {as_far} are at least as far."
    near = f"cosine {new.similarity:.2f} to the nearest training picture{when}"
    far = f"{wording.rate(new.share.as_dict())} of {new.share.n:,} held-out pictures are at least as far from theirs"
    return f"{_LIKE[_like(new)]}: {near}; {far}.{then}"


def cutout_sentences(cutouts: Sequence[str], reports: Reports) -> list[str]:
    """For each cut-out, named for each picture that shows one: on how many backgrounds each model names what."""
    sentences = []
    for name in dict.fromkeys(filter(None, cutouts)):
        places = [place for place, cutout in enumerate(cutouts) if cutout == name]
        parts = []
        for model, of_model in reports.items():
            said = Counter(of_model[place].says or "nothing" for place in places).most_common()
            parts.append(f"{model}: {', '.join(f'{says} on {count}' for says, count in said)}")
        sentences.append(f"**One cut-out on {len(places)} backgrounds** ({as_code(name)}). {'; '.join(parts)}.")
    return sentences


def as_code(name: str) -> str:
    """A foreign text in Markdown, on one line: in a code span nothing in it is a link, a formula, a colour or a tag."""
    return f"`{' '.join(name.replace('`', chr(39)).split())}`"


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
