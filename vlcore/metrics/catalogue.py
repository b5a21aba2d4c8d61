"""Every measure of a model by name: its words, its unit, and where it is listed.

Code that lists, draws or compares measures reads it here. A measure is known by its entry, never by
a part of its name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial

from vlcore.experiment.grouping import Grouping, group_words
from vlcore.metrics import accuracy
from vlcore.metrics.estimate import Estimate

PRIMARY = "minority_accuracy"
FEWEST = 5  # images of each group that `Need.HELD_OUT` and `Need.PROBE` ask for
# Measures of a model that a command prints, in this order.
HEADLINE = ("balanced_accuracy", PRIMARY, "worst_group_accuracy")


class Unit(Enum):
    """The unit of a measure."""

    SHARE = "of images, counted: in per cent, differences in points, slopes in log odds"
    PART = "of a whole, or between two shares: in per cent"
    NUMBER = "any number"


class Need(Enum):
    """What a measure needs to be defined."""

    READOUT = "a readout that predicts the object of any image"
    OWN_CAPTIONS = "embeddings of the images' captions"
    TWINS = "held-out scenes, each with both objects in both contexts"
    HELD_OUT = "enough held-out images of each group"
    PROBE = "enough images of each group to fit a probe on"
    VALIDATION = "validation images"
    MASKS = "masks of the objects"


_ANSWERS = (Need.READOUT,)
_SWAPS = (Need.READOUT, Need.TWINS)
_CALIBRATED = (Need.READOUT, Need.VALIDATION)
_PANEL = (Need.READOUT, Need.MASKS)
_PAIRS = (Need.OWN_CAPTIONS,)
_SPACE = (Need.HELD_OUT,)
_FIT = (Need.PROBE,)
_PROBES = (Need.PROBE, Need.HELD_OUT)
SHARE = Unit.SHARE
OfPredictions = Callable[[accuracy.Predictions], Estimate | Mapping[str, Estimate]]


@dataclass(frozen=True)
class Measure:
    """A measure of a model."""

    name: str  # in `metrics.json`, with dots for a value inside another
    # For people; ``{object}`` is what the objects of a set are called, ``{group}`` one of several.
    words: str
    unit: Unit = Unit.NUMBER
    needs: tuple[Need, ...] = ()  # the first that is not met is why it is not defined
    in_table: bool = True  # whether tables of models list it
    parent: str = ""  # `absent` has the reason for several measures under this name
    compared: bool = False  # whether a study compares it beside its own
    # Its function where it counts predictions. Models of former versions are measured too, from
    # the predictions that they stored.
    of_predictions: OfPredictions | None = None

    @property
    def is_share(self) -> bool:
        """Whether it counts images, so that a difference of it is in points."""
        return self.unit is Unit.SHARE

    @property
    def in_percent(self) -> bool:
        """Whether a value alone is written in per cent."""
        return self.unit is not Unit.NUMBER


_accuracy = partial(Measure, unit=SHARE, needs=_ANSWERS, compared=True)
_sorted = partial(Measure, needs=_SPACE, compared=True)
_part = partial(_sorted, unit=Unit.PART, parent="variance")
# Of each group, object or kind of image, or details of a measure in the table.
_detail = partial(Measure, in_table=False)
_ENTRIES = (
    _accuracy(
        PRIMARY,
        "Accuracy on rare images",
        of_predictions=accuracy.minority_accuracy,
        compared=False,
    ),
    _accuracy(
        "majority_accuracy", "Accuracy on common images", of_predictions=accuracy.majority_accuracy
    ),
    _accuracy("balanced_accuracy", "Balanced accuracy", of_predictions=accuracy.balanced_accuracy),
    _accuracy(
        "worst_group_accuracy", "Worst-group accuracy", of_predictions=accuracy.worst_group_accuracy
    ),
    Measure(
        "readouts_linear_probe.minority_accuracy",
        "Accuracy on rare images by a linear probe",
        SHARE,
        _FIT,
    ),
    Measure(
        "background_reliance",
        "Background reliance (0: the {object} decides, 1: the background)",
        needs=_SWAPS,
        compared=True,
    ),
    Measure(
        "context_flip_rate", "Answer changes with the background", SHARE, _SWAPS, compared=True
    ),
    Measure("object_flip_rate", "Answer changes with the {object}", SHARE, _SWAPS, compared=True),
    Measure(
        "panel.cut_out",
        "Accuracy on the {object} alone, on the backgrounds' mean colour",
        SHARE,
        _PANEL,
    ),
    # Half of the images are of minority groups: a model that predicts by the background is right on
    # as many as a model that guesses.
    Measure(
        "panel.only_bg",
        "Accuracy on the background alone (50%: nothing of the {object} is left)",
        SHARE,
        _PANEL,
    ),
    Measure(
        "background_gap", "Background gap (own kind minus random background)", Unit.PART, _PANEL
    ),
    Measure("silhouette_object", "Separation by {object} (cosine)", needs=_SPACE, compared=True),
    Measure("silhouette_context", "Separation by background (cosine)", needs=_SPACE, compared=True),
    _part("variance_object", "Share of variance between {object}s"),
    _part("variance_context", "Share of variance between backgrounds"),
    Measure(
        "probe_object", "The {object} can be read off (linear probe)", SHARE, _PROBES, compared=True
    ),
    Measure(
        "probe_context",
        "The background can be read off (linear probe)",
        SHARE,
        _PROBES,
        compared=True,
    ),
    Measure("alignment", "Distance of images and their captions (squared)", needs=_PAIRS),
    Measure("uniformity_images", "Uniformity of images (0: one point)", needs=_SPACE),
    Measure("modality_gap", "Gap between images and captions", needs=_PAIRS),
    Measure("total_variance", "Total variance (0: all in one point)"),
    Measure("effective_rank", "Effective rank (dimensions in use)"),
    _detail(
        "group_accuracy",
        "Accuracy on {group}",
        SHARE,
        _ANSWERS,
        of_predictions=accuracy.group_accuracy,
    ),
    _detail("panel", "Accuracy on composite images", SHARE, _PANEL),
    _detail(
        "calibration_error",
        "Expected calibration error (after one temperature)",
        Unit.PART,
        _CALIBRATED,
    ),
    _detail("temperature", "Scores are divided by this to be log odds", needs=_CALIBRATED),
    _detail("train_caption_accuracy", "Training captions correct", SHARE),
)
MEASURES = {entry.name: entry for entry in _ENTRIES}


def of_predictions() -> dict[str, OfPredictions]:
    """The functions of the measures that count predictions, by name."""
    functions = {}
    for name, measure in MEASURES.items():
        if measure.of_predictions is not None:
            functions[name] = measure.of_predictions
    return functions


def measure_of(name: str) -> Measure:
    """The entry of a measure or of its parent, of a model or of ``raw_pixels``; a plain number by
    its name where neither exists. A readout has the accuracies that the usual readout has:
    ``readouts_linear_probe.balanced_accuracy`` counts what ``balanced_accuracy`` counts."""
    name = name.removeprefix("raw_pixels.")
    parent, _, last = name.rpartition(".")
    for candidate in (name, parent, last):
        if candidate in MEASURES:
            return MEASURES[candidate]
    return Measure(name, name)


def words_of(name: str, grouping: Grouping) -> str:
    """A measure in words, or its bare name; that of one group has a dot:
    ``group_accuracy.horse_grass``."""
    group = "each group"
    if name not in MEASURES:
        parent, _, last = name.rpartition(".")
        if parent not in MEASURES or last not in grouping.names:
            return name
        name, group = parent, group_words(grouping)[last]
    return MEASURES[name].words.format(object=grouping.object_word, group=group)


def parent_of(name: str) -> str:
    """The name under which ``absent`` has the reason for a measure and its siblings:
    ``group_accuracy`` for ``group_accuracy.horse_grass``; empty where it has its own."""
    parent, _, last = name.rpartition(".")
    group = MEASURES[last].parent if last in MEASURES else ""
    return ".".join(part for part in (parent, group) if part)


def needs_of(name: str) -> tuple[Need, ...]:
    """The needs of a measure, or of the measures that it is the parent of."""
    for measure in MEASURES.values():
        if name in (measure.name, parent_of(measure.name)):
            return measure.needs
    return ()


def table_measures() -> list[Measure]:
    """The measures that tables of models list."""
    return [measure for measure in MEASURES.values() if measure.in_table]


def secondary() -> tuple[str, ...]:
    """The measures that a study compares beside its primary one."""
    return tuple(measure.name for measure in MEASURES.values() if measure.compared)
