"""The answer in one table on one scale: what descriptive labels change in log odds, and on what it
depends. README, Findings and the page of results show it."""

from vlcore.experiment.condition import STUDY_BIAS
from vlcore.experiment.wording import difference
from vlcore.metrics.catalogue import PRIMARY
from vlcore.study import telling_apart
from vlcore.study.answer import (
    CODES_COST,
    TRAINED_WORDS_COST,
    WORDS_COST,
    cost_by_text,
    cost_of_word,
)
from vlcore.study.contrasts import Contrast
from vlcore.study.pooled import SETS, pooled
from vlcore.study.telling_apart import LEFT_OUT, USUAL

COMMON = "majority_accuracy"
PROBE = "readouts_linear_probe.minority_accuracy"
_LEFT_OUT = "without mismatched captions of the image's own animal"


def answer_table() -> str:
    """The table in Markdown, with intervals and numbers of seed pairs.

    Raises:
        AnalysisError: a study of it is not published.
        StudyError: none is.
    """
    heads = " | ".join(f"`{data}`" for data in SETS)
    lines = [
        f"| Change in log odds against short captions (95\u00a0% interval; seed pairs) | {heads} |",
        "| --- | --- | --- |",
    ]
    by_set = {data: _changes(data) for data in SETS}
    for words in by_set[SETS[0]]:
        cells = [_cell(changes[words]) for changes in by_set.values()]
        lines.append(f"| {words} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _changes(data: str) -> dict[str, Contrast]:
    """What captions that name more change on an image set, by what is asked."""

    def named(what: str, negatives: str) -> Contrast:
        return telling_apart.cost(data, what, negatives)

    return {
        "**rare images**": pooled(data).all_pairs,
        "common images": pooled(data, COMMON).all_pairs,
        "rare images, none removed from training": pooled(data, PRIMARY, 0.0).all_pairs,
        "rare images, read by a linear probe fitted on balanced images": pooled(
            data, PROBE, STUDY_BIAS
        ).all_pairs,
        f"rare images, {_LEFT_OUT}": named("place", LEFT_OUT),
        "rare images, captions that name the sky, not the background": named("sky", USUAL),
        f"the same, {_LEFT_OUT}": named("sky", LEFT_OUT),
        "rare images, captions “one horse” or “single horse” at random": cost_of_word(
            data, "synonym"
        ),
        "rare images, pretrained image tower, captions as codes": cost_by_text(
            data, "pretrained", CODES_COST
        ),
        "the same, as means of random word vectors": cost_by_text(data, "pretrained", WORDS_COST),
        "the same, as means of trained word vectors": cost_by_text(
            data, "pretrained", TRAINED_WORDS_COST
        ),
    }


def _cell(result: Contrast) -> str:
    return f"{difference(result.mean_log_odds.as_dict())}; {result.n}"
