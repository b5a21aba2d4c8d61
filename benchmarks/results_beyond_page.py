"""The page of what the plans beyond the answer found, docs/results/beyond.md: each number that they
asked for, beside what they predicted."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from benchmarks import head, row
from benchmarks import results_beyond as beyond
from benchmarks.results_data import both, odds
from vlcore.metrics.catalogue import PRIMARY
from vlcore.study import telling_apart
from vlcore.study.answer import (
    CODES_COST,
    DESCRIPTIVE_COST,
    PLAIN_COST,
    PROBE,
    TOWERS,
    TRAINED_WORDS_COST,
    WORDS_COST,
    composition_found,
)
from vlcore.study.contrasts import Contrast, published_contrast, shared_sign
from vlcore.study.pooled import SETS
from vlcore.study.runs_table import AnalysisError
from vlcore.study.telling_apart import APART, LEFT_OUT, NAMED, PLANNED_STUDY, USUAL

ABOUT = (
    "What was planned [beyond the answer](plans/beyond.md), and the fourth step of [its"
    " chain](plans/answer.md), asked with its runs: log odds of minority-group accuracy [points],"
    " 75 % removed, with 95 % t intervals over seed pairs that are not adjusted. All of it is"
    " descriptive but `apart-again` and `apart-why`, which have planned tests. The chain ended at"
    " its second step: the fifth (every second word and text) and the sixth (nine readouts) have no"
    " adjusted p. “Below 0” and “above 0” were predicted before the first run: “yes” where the"
    " interval lies on that side, “no” where it lies on the other, “open” where it has 0 in it."
    " Written by `python -m benchmarks.results`."
)


@dataclass(frozen=True)
class PlannedNumber:
    """A number that a plan asked for.

    Attributes:
        words: what is asked.
        where: the images, and the image tower.
        ask: reads it from the published runs.
        predicted: the side of 0 that the plan named: -1, 1, or None where it named none.
    """

    words: str
    where: str
    ask: Callable[[], Contrast]
    predicted: int | None = None


def beyond_page() -> str:
    """The page, with a section a plan."""
    parts = ["# Beyond the answer", "", ABOUT, ""]
    parts += _second_words()
    for title, words, questions in (
        ("What helps, and at what price", _what_helps(), list(_helped())),
        ("Rich captions", f"{_what_richness_costs()} {RICH}", list(_rich())),
        (
            "Telling captions of one animal apart",
            f"{TELLING_APART} {_equivalence()} {_told_by_captions()}",
            list(_apart()),
        ),
        ("Size", SIZE, list(_size())),
        (
            "How plain the background is",
            f"{_what_plainness_changes()} {CONTRAST}",
            list(_contrasts()),
        ),
        ("How biased the images are", LEVELS, list(_levels())),
    ):
        columns = head("asked", "where", "pairs", "log odds [points]", "predicted", "so")
        rows = [_row(question) for question in questions]
        parts += [f"## {title}", "", words, "", columns, *rows, ""]
    return "\n".join([*parts, *_texts_by_level(), *_other_images()])


CONFIRMING = "apart-again"

RICH = (
    "Captions name 0, 1, 3 or 5 true attributes beside the animal; “with the background” is one of"
    " them. Twenty wordings are less one, over all numbers of attributes. The plan asked for slopes"
    " and wordings; their parts, one attribute alone and each beside it, were looked at afterwards."
)
TELLING_APART = (
    "What naming the background, or the sky, costs less short labels with mismatched captions as"
    " usual, and with those of the other animal alone; then the second less the first."
    " `apart-again` was planned when `apart` was known, to confirm its change, which `apart` had"
    " not predicted for the background. `apart-why` leaves out the captions of the image's own"
    " animal and gives their weight to no other, in the same seed pairs: that less as usual is"
    " what telling captions of one animal apart costs, and the rest is what more of the other"
    " animal gains."
)
SIZE = (
    "What naming the background, or the sky, costs less short labels, by images of a group (700"
    " steps, width 64), and how that cost changes with each doubling of images, width and steps:"
    " above 0 it shrinks. A linear theory predicted that more images shrink it."
)
CONTRAST = (
    "What descriptive labels cost as means of random word vectors less what they cost as codes, by"
    " contrast of the background, and its slope on each doubling of the contrast, in the seed pairs"
    " that have all seven."
)
LEVELS = (
    "The slope of descriptive less short labels on φ over 0, 75 and 90 % removed, with a"
    " transformer for captions: step H2 of the chain, which came after the chain had ended."
)
TEXTS_BY_LEVEL = (
    "What descriptive labels cost less short ones at each level of bias, by what reads them: codes,"
    " one for each caption; a transformer over words; means of random or of trained word vectors;"
    " then the number of seed pairs. Without function words “horse in the desert” is “horse"
    " desert”."
)
_PLAIN = "without function words"
COSTS_BY_TEXT = {
    "codes": CODES_COST,
    "a transformer": DESCRIPTIVE_COST,
    f"a transformer, {_PLAIN}": {"transformer plain": 1.0, "transformer short": -1.0},
    "means of random word vectors": WORDS_COST,
    f"means of random word vectors, {_PLAIN}": PLAIN_COST,
    "means of trained word vectors": TRAINED_WORDS_COST,
    f"means of trained word vectors, {_PLAIN}": {"words plain": 1.0, "words short": -1.0},
}
# Changes of training with descriptive labels, by arms of the studies of `CHANGED`.
CHANGES = {
    "two captions": "animal and background in a caption each",
    "same place": "mismatched captions that all name the image's own background",
    "product": "the frequency of captions taken out",
    "four classes": "four classes, no text",
}
MEASURES = {"rare": PRIMARY, "common": "majority_accuracy", "all groups alike": "balanced_accuracy"}
# The second words of `second-word`, by label style.
SECOND_WORDS = {
    "descriptive": "the background (“horse in the desert”)",
    "sky": "the sky (“horse under dim skies”)",
    "attribute_other": "the coat (“bay horse”; eight of them)",
    "shuffled_context": "a background at random",
    "synonym": "a synonym at random (“one horse”, “single horse”)",
}
ASKED = {
    PRIMARY: "by captions",
    "readouts_adjusted.minority_accuracy": "by captions, their frequency taken out",
    PROBE: "by a linear probe fitted on balanced images",
    "readouts_nearest_neighbours.minority_accuracy": "by five neighbours among balanced images",
}


def _second_words() -> list[str]:
    """What each second word costs less short labels, by four readouts of the same models."""
    lines = [
        "## What must a second word be to cost?",
        "",
        f"{_second_words_that_cost()} Captions say one thing beside the animal: what that costs,"
        " less short labels, in the seed pairs of the chain (the answer's table has others).",
        "",
        head("second word", "where", "pairs", *ASKED.values()),
    ]
    for tower, ending, where in _towers_and_sets():
        study = f"second-word-{tower}{ending}"
        for style, words in SECOND_WORDS.items():
            costs = [_cost_of_word(study, style, measure) for measure in ASKED]
            lines.append(row(words, where, costs[0].n, *map(both, costs)))
    return [*lines, ""]


def _cost_of_word(study: str, style: str, measure: str) -> Contrast:
    return published_contrast(study, {style: 1.0, "undescriptive": -1.0}, measure=measure)


def _second_words_that_cost() -> str:
    """Which second words cost from scratch on both image sets, in two sentences."""
    studies = [f"second-word-scratch{ending}" for ending in SETS.values()]
    costing = {
        measure: [
            words.partition(" (")[0]
            for style, words in SECOND_WORDS.items()
            if all(_cost_of_word(study, style, measure).mean_log_odds.high < 0 for study in studies)
        ]
        for measure in (PRIMARY, PROBE)
    }
    return (
        "From scratch, these cost rare images on both image sets, asked by captions:"
        f" {', '.join(costing[PRIMARY])}. By a balanced probe, and so in the representation"
        f" itself: {', '.join(costing[PROBE])}."
    )


def _row(question: PlannedNumber) -> str:
    expected = {-1: "below 0", 1: "above 0", None: "-"}[question.predicted]
    try:
        result = question.ask()
    except AnalysisError:  # fewer than two seed pairs have all arms
        return row(question.words, question.where, 0, "has not run", expected, "-")
    outcome = _outcome(result, question.predicted)
    return row(question.words, question.where, result.n, both(result), expected, outcome)


def _outcome(result: Contrast, predicted: int | None) -> str:
    if predicted is None:
        return "-"
    return {0: "open", predicted: "yes", -predicted: "no"}[shared_sign([result.mean_log_odds])]


def _rich() -> Iterator[PlannedNumber]:
    for tower, ending, where in _towers_and_sets():
        study = f"rich-{tower}{ending}"
        costs = -1 if tower == "scratch" else None
        for arms, first, how in (
            (beyond.ATTRIBUTES, "the sky", "without"),
            (beyond.WITH_PLACE, "the background", "with"),
        ):
            slope = f"slope over 0 to 5 attributes, {how} the background"
            for images, measure in MEASURES.items():
                words = f"{slope}: {images}"
                predicted = costs if images == "rare" else None
                yield PlannedNumber(
                    words, where, partial(beyond.attributes_slope, study, arms, measure), predicted
                )
            yield PlannedNumber(
                f"{first} alone less short: rare",
                where,
                partial(beyond.first_attribute, study, arms),
            )
            yield PlannedNumber(
                f"each attribute beside {first}: rare",
                where,
                partial(beyond.further_attributes, study, arms),
            )
        yield PlannedNumber(
            "twenty wordings less one: rare", where, partial(beyond.wordings_cost, study), costs
        )


def _what_richness_costs() -> str:
    """What richer captions change for rare images, a sentence an image tower."""
    richer = {
        "naming the sky alone": partial(beyond.first_attribute, arms=beyond.ATTRIBUTES),
        "naming the background alone": partial(beyond.first_attribute, arms=beyond.WITH_PLACE),
        "each attribute beside the sky": partial(beyond.further_attributes, arms=beyond.ATTRIBUTES),
        "each attribute beside the background": partial(
            beyond.further_attributes, arms=beyond.WITH_PLACE
        ),
        "twenty wordings": beyond.wordings_cost,
    }
    sentences = []
    for tower, where in TOWERS.items():
        signs = {}
        for words, ask in richer.items():
            means = [ask(f"rich-{tower}{ending}").mean_log_odds for ending in SETS.values()]
            signs[words] = shared_sign(means)
        clauses = []
        for sign, what in {-1: "costs rare images", 1: "helps rare images"}.items():
            parts = [words for words in richer if signs[words] == sign]
            if parts:
                clauses.append(f"{what} on both image sets: {', '.join(parts)}")
        sentences.append(
            f"{where.capitalize()}, this {'; this '.join(clauses)}." if clauses else ""
        )
    return " ".join(filter(None, sentences))


def _what_plainness_changes() -> str:
    """How composition depends on how plain the background is, a sentence an image tower that has
    run."""
    sentences = []
    for tower, where in TOWERS.items():
        try:
            slope = beyond.contrast_slope(tower).mean_log_odds
        except AnalysisError:  # fewer than two seed pairs have all arms
            continue
        findings = {
            1: "composition gains more",
            -1: "composition gains less",
            0: "it is open whether composition gains more",
        }
        sentences.append(
            f"{where.capitalize()}, {findings[shared_sign([slope])]} the plainer the background:"
            f" {odds(slope)} log odds with each doubling of the contrast."
        )
    return " ".join(sentences)


def _equivalence() -> str:
    """Where the condition of the plan of `apart-again` is met for saying that it is the reason."""
    gone = {named: [data for data in SETS if telling_apart.is_gone(data, named)] for named in NAMED}
    met = [f"{NAMED[named]} on {' and '.join(sets)}" for named, sets in gone.items() if sets]
    both_sets = [NAMED[named] for named, sets in gone.items() if len(sets) == len(SETS)]
    return (
        "The plan of `apart-again` allowed to say that this alone costs where what is left is"
        " equivalent to 0, within half of the usual cost, on both sets: it is so for"
        f" {' and '.join(both_sets) or 'neither'} (on one set, for"
        f" {' and '.join(met) or 'neither'})."
    )


def _what_helps() -> str:
    """Which changes lift descriptive labels above short ones on rare images of both sets."""
    helping = [
        words
        for arm, words in CHANGES.items()
        if shared_sign([beyond.gain(study, arm).mean_log_odds for study in beyond.CHANGED]) == 1
    ]
    share = beyond.told_by_captions(beyond.CHANGED)
    told = share["same_place_100", "descriptive"]
    usual = share["filtered_marginal", "descriptive"]
    return (
        "Changes of training with descriptive labels, from scratch, were held against short labels:"
        f" {'; '.join(CHANGES.values())}. Rare images gain on both image sets by:"
        f" {', '.join(helping)}. What that does to the other images is below; captions alone then"
        f" tell {told:.0f} % of matched from mismatched pairs, {usual:.0f} % as usual."
    )


def _helped() -> Iterator[PlannedNumber]:
    for study, data in beyond.CHANGED.items():
        for images, measure in MEASURES.items():
            ask = partial(beyond.gain, study, "same place", measure)
            yield PlannedNumber(
                f"all name the image's own background: {images}", f"`{data}`, `{study}`", ask
            )


def _told_by_captions() -> str:
    """How well captions alone tell matched pairs, which the negatives change too."""
    share = beyond.told_by_captions(
        f"{study}{suffix}" for study in (CONFIRMING, PLANNED_STUDY) for suffix in SETS.values()
    )
    words = {
        "filtered_marginal": "with mismatched captions as usual",
        "own_object_left_out": "without those of the image's own animal",
        "other_object": "with those of the other animal alone",
    }
    shares = [
        f"{share[negatives, 'descriptive']:.0f} % (the background) and"
        f" {share[negatives, 'sky']:.0f} % (the sky) {how}"
        for negatives, how in words.items()
    ]
    return (
        "A third thing changes, which the plan did not name: how many pairs are told matched from"
        f" mismatched by their captions alone, {', '.join(shares[:-1])} and {shares[-1]}."
    )


def _apart() -> Iterator[PlannedNumber]:
    for study in ("apart", CONFIRMING, PLANNED_STUDY):
        endings = {USUAL: "as usual", APART: "the other animal's captions alone"}
        # `apart` predicted that the background still costs so, and no change of it.
        changes = {(APART, USUAL): "the second less the first"}
        if study == PLANNED_STUDY:
            endings = {LEFT_OUT: "those of the image's own animal left out"}
            changes = {
                (LEFT_OUT, USUAL): "that less as usual",
                (APART, LEFT_OUT): "the other animal's captions alone less that",
            }
        for named in NAMED:
            for data in SETS:
                where = f"`{data}`, `{study}`"
                for ending, words in endings.items():
                    still_costs = (study, named, ending) == ("apart", "place", APART)
                    yield PlannedNumber(
                        f"{NAMED[named]}, {words}",
                        where,
                        partial(telling_apart.cost, data, named, ending, study),
                        -1 if still_costs else None,
                    )
                for (ending, before), words in changes.items():
                    is_predicted = before == USUAL and (study, named) != ("apart", "place")
                    yield PlannedNumber(
                        f"{NAMED[named]}, {words}",
                        where,
                        partial(telling_apart.change, data, named, ending, before, study),
                        1 if is_predicted else None,
                    )


def _size() -> Iterator[PlannedNumber]:
    where = "`balanced-cues`, from scratch"
    for named in ("place", "sky"):
        for images, ending in beyond.SIZES.items():
            yield PlannedNumber(
                f"{NAMED[named]}, {images} images of a group",
                where,
                partial(beyond.cost_of_size, named, ending),
            )
    for named in ("place", "sky"):
        for size, slope, predicted in (
            ("images", beyond.images_slope, 1),
            ("width", beyond.width_slope, None),
            ("steps", beyond.steps_slope, None),
        ):
            yield PlannedNumber(
                f"{NAMED[named]}, each doubling of {size}", where, partial(slope, named), predicted
            )


def _contrasts() -> Iterator[PlannedNumber]:
    for tower, words in TOWERS.items():
        for percentage in sorted((*beyond.CONTRASTS, *beyond.USUAL_CONTRASTS)):
            yield PlannedNumber(
                f"words less codes, at {percentage} %",
                words,
                lambda tower=tower, percentage=percentage: beyond.words_less_codes(tower)[
                    percentage
                ],
            )
        yield PlannedNumber(
            "each doubling of the contrast", words, partial(beyond.contrast_slope, tower), 1
        )


def _levels() -> Iterator[PlannedNumber]:
    for tower, ending, where in _towers_and_sets():
        yield PlannedNumber(
            "slope on φ", where, partial(beyond.levels_slope, f"made-of-words-{tower}{ending}")
        )


def _texts_by_level() -> list[str]:
    """What naming the background costs at each level of bias, by what captions are read as."""
    lines = [
        "## What captions are read as, by bias",
        "",
        f"{composition_found()} {_what_function_words_change()} {TEXTS_BY_LEVEL}",
        "",
        head("captions", "where", *(f"{100 * level:.0f} % removed" for level in beyond.LEVELS)),
    ]
    for tower, ending, where in _towers_and_sets():
        study = f"made-of-words-{tower}{ending}"
        for words, cost in COSTS_BY_TEXT.items():
            lines.append(
                row(words, where, *(_cost_at(study, cost, level) for level in beyond.LEVELS))
            )
    return [*lines, ""]


def _what_function_words_change() -> str:
    """What captions without function words gain over those with them, read as means of random word
    vectors with a pretrained image tower."""
    gains = {
        data: published_contrast(
            f"made-of-words-pretrained{ending}",
            {"words@random plain": 1.0, "words@random descriptive": -1.0},
        )
        for data, ending in SETS.items()
    }
    outcome = {1: "less", -1: "more", 0: "neither clearly less nor more"}[
        shared_sign([gain.mean_log_odds for gain in gains.values()])
    ]
    numbers = [f"{both(gain)} on `{data}`" for data, gain in gains.items()]
    return (
        f"There, means of random word vectors cost rare images {outcome} {_PLAIN} than with them:"
        f" {' and '.join(numbers)}."
    )


def _cost_at(study: str, cost: Mapping[str, float], level: float) -> str:
    try:
        result = published_contrast(study, cost, bias=level)
    except AnalysisError:  # fewer than two seed pairs have the arms
        return "has not run"
    return f"{both(result)}; {result.n}"


def _towers_and_sets() -> Iterator[tuple[str, str, str]]:
    """Each image tower and image set: the tower, how a study's name ends, and both in words."""
    for tower, words in TOWERS.items():
        for data, ending in SETS.items():
            yield tower, ending, f"`{data}`, {words}"


def _other_images() -> list[str]:
    lines = [
        "## Other images",
        "",
        "Six sets drawn anew, each with six initialisations: what naming the background costs, with"
        " an interval over images and initialisations, and the standard deviation that is whose. It"
        " was predicted to be below 0.",
        "",
        head("images", "log odds", "SD between images", "between initialisations", "left"),
    ]
    for data, study in (("scenes", "images-scenes"), ("balanced-cues", "images-cues")):
        try:
            result = beyond.crossed_images(study)
        except AnalysisError:
            lines.append(row(f"`{data}`", "has not run", "-", "-", "-"))
            continue
        spreads = (result.by_images, result.by_initialisation, result.residual)
        spread_cells = [f"{spread:.2f}" for spread in spreads]
        lines.append(row(f"`{data}`", odds(result.mean), *spread_cells))
    return [*lines, ""]
