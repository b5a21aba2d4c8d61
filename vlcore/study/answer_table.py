"""The answer in one table on one scale: what descriptive labels change in log odds, and on what it
depends. README, Findings and the page of results show it."""

from vlcore.experiment.wording import difference
from vlcore.metrics.catalogue import PRIMARY
from vlcore.study.answer import CODES_COST, SETS, SYNONYM_COST, TRAINED_WORDS_COST, WORDS_COST
from vlcore.study.contrasts import Contrast, published_contrast
from vlcore.study.pooled import pooled
from vlcore.study.telling_apart import LEFT_OUT, USUAL, cost

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
    changes = [_changes(data) for data in SETS]
    for words in changes[0]:
        cells = [_cell(on_set[words]) for on_set in changes]
        lines.append(f"| {words} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _changes(data: str) -> dict[str, Contrast]:
    """What captions that name more change on an image set, by what is asked."""
    pretrained = f"made-of-words-pretrained{SETS[data]}"
    second_word = f"second-word-scratch{SETS[data]}"
    return {
        "**rare images**": pooled(data).all_pairs,
        "common images": pooled(data, COMMON).all_pairs,
        "rare images, none removed from training": pooled(data, PRIMARY, 0.0).all_pairs,
        "rare images, read by a linear probe fitted on balanced images": pooled(
            data, PROBE
        ).all_pairs,
        f"rare images, {_LEFT_OUT}": cost(data, "place", LEFT_OUT),
        "rare images, captions that name the sky, not the background": cost(data, "sky", USUAL),
        f"the same, {_LEFT_OUT}": cost(data, "sky", LEFT_OUT),
        "rare images, captions “one horse” or “single horse” at random": published_contrast(
            second_word, SYNONYM_COST
        ),
        "rare images, pretrained image tower, captions as codes": published_contrast(
            pretrained, CODES_COST
        ),
        "the same, as means of random word vectors": published_contrast(pretrained, WORDS_COST),
        "the same, as means of trained word vectors": published_contrast(
            pretrained, TRAINED_WORDS_COST
        ),
    }


def _cell(result: Contrast) -> str:
    return f"{difference(result.mean_log_odds.as_dict())}; {result.n}"
