"""Every measure of a model by name: its words, its unit, and where it is listed.

Code that lists, draws or compares measures reads it here. A measure is known by its entry, never by
a part of its name.
"""

from dataclasses import dataclass
from enum import Enum
from functools import partial

from vlcore.experiment.grouping import Grouping, group_words

PRIMARY = "minority_accuracy"
# A silhouette of each run, less another. Positive where points cluster by background more than by
# object.
ADVANTAGE = "silhouette_context_less_object"
FEWEST = 5  # images of each group that `Need.HELD_OUT` and `Need.PROBE` ask for
# Measures of a model that a command prints, in this order.
HEADLINE = ("balanced_accuracy", PRIMARY, "worst_group_accuracy")


class Unit(Enum):
    """The unit of a measure."""

    SHARE = "of images, counted: in per cent, differences in points, slopes in log odds"
    PART = "of a whole, from 0 to 1: in per cent"
    GAP = "between two shares: in per cent"
    INDEX = "from 0 to 1"
    NUMBER = "any number"


class Need(Enum):
    """What a measure needs to be defined."""

    READOUT = "a readout that predicts the object of any image"
    NAMING_CAPTIONS = "captions that name the objects"
    CAPTION_VECTORS = "embeddings of the captions"
    NAME_VECTORS = "embeddings of the objects' bare names"
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
_CAPTIONS = (Need.NAMING_CAPTIONS,)
_MEANS = (Need.NAMING_CAPTIONS, Need.CAPTION_VECTORS)
_NAMES = (Need.NAMING_CAPTIONS, Need.NAME_VECTORS)
SHARE = Unit.SHARE


@dataclass(frozen=True)
class Measure:
    """A measure of a model."""

    name: str  # in `metrics.json`, with dots for a value inside another
    # For people; ``{object}`` is what the objects of a set are called, ``{group}`` one of several.
    words: str
    unit: Unit = Unit.NUMBER
    needs: tuple[Need, ...] = ()  # the first that is not met is why it is not defined
    in_table: bool = True  # whether tables of models list it
    # Whether 0 separates two directions: charts draw a line there, and colours change there.
    signed: bool = False
    parent: str = ""  # `absent` has the reason for several measures under this name
    less: tuple[str, str] | None = None  # of a difference within a run: minuend and subtrahend
    # Rank among the measures that a study compares, the primary one's is the lowest; 0: it does
    # not compare it.
    study: int = 0
    label_styles: bool = False  # whether only studies of label styles compare it
    reported: bool = False  # whether the report of a study has a figure of it

    @property
    def is_share(self) -> bool:
        """Whether it counts images, so that a difference of it is in points."""
        return self.unit is Unit.SHARE

    @property
    def in_percent(self) -> bool:
        """Whether a value alone is written in per cent."""
        return self.unit in (Unit.SHARE, Unit.PART, Unit.GAP)

    @property
    def within_unit(self) -> bool:
        """Whether its values are between 0 and 1."""
        return self.unit in (Unit.SHARE, Unit.PART, Unit.INDEX)


_sorted = partial(Measure, needs=_SPACE, signed=True)
_part = partial(Measure, unit=Unit.PART, needs=_SPACE, parent="variance")
# Of each group, object or kind of image, or details of a measure in the table.
_detail = partial(Measure, in_table=False)
_ENTRIES = (
    Measure(PRIMARY, "Minority-group accuracy", SHARE, _ANSWERS, study=10, reported=True),
    Measure("majority_accuracy", "Majority-group accuracy", SHARE, _ANSWERS, study=30),
    Measure("balanced_accuracy", "Balanced accuracy", SHARE, _ANSWERS, study=20),
    Measure("train_weighted_accuracy", "Accuracy, groups weighted as in training", SHARE, _ANSWERS),
    Measure("worst_group_accuracy", "Worst-group accuracy", SHARE, _ANSWERS, study=40),
    Measure(
        "worst_group_cross_fitted",
        "Accuracy in the group that was worst on validation images",
        SHARE,
        _CALIBRATED,
    ),
    Measure(
        "readouts_linear_probe.minority_accuracy",
        "Minority-group accuracy by a linear probe",
        SHARE,
        _FIT,
    ),
    Measure(
        "readouts_training_probe.minority_accuracy",
        "Minority-group accuracy by a probe on training images",
        SHARE,
    ),
    Measure(
        "readouts_adjusted.minority_accuracy",
        "Minority-group accuracy, scores less caption frequency",
        SHARE,
        _CAPTIONS,
    ),
    Measure(
        "readouts_nearest_neighbours.minority_accuracy",
        "Minority-group accuracy by five neighbours",
        SHARE,
        _FIT,
    ),
    Measure(
        "readouts_best_caption.minority_accuracy",
        "Minority-group accuracy by the best caption",
        SHARE,
        _CAPTIONS,
    ),
    Measure(
        "readouts_mean_caption.minority_accuracy",
        "Minority-group accuracy by the mean caption",
        SHARE,
        _MEANS,
    ),
    Measure(
        "readouts_bare.minority_accuracy", "Minority-group accuracy by the bare name", SHARE, _NAMES
    ),
    Measure(
        "readouts_given_context.minority_accuracy",
        "Minority-group accuracy when told the background",
        SHARE,
        _CAPTIONS,
    ),
    Measure(
        "background_reliance",
        "Background reliance (0: the {object} decides, 1: the background)",
        Unit.INDEX,
        _SWAPS,
        study=70,
        reported=True,
    ),
    _detail(
        ADVANTAGE,
        "Shortcut index (silhouette by background less by {object})",
        signed=True,
        less=("silhouette_context", "silhouette_object"),
        study=140,
        label_styles=True,
        reported=True,
    ),
    Measure(
        "minority_less_probe",
        "Minority-group accuracy, less by a linear probe (what the readout adds or loses)",
        Unit.GAP,
        in_table=False,
        signed=True,
        less=(PRIMARY, "readouts_linear_probe.minority_accuracy"),
        study=45,
        label_styles=True,
    ),
    Measure("context_flip_rate", "Answer changes with the background", SHARE, _SWAPS, study=50),
    Measure("object_flip_rate", "Answer changes with the {object}", SHARE, _SWAPS, study=60),
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
        "Accuracy on the background alone (50 %: nothing of the {object} is left)",
        SHARE,
        _PANEL,
    ),
    Measure(
        "background_answer",
        "Background alone predicted as the {object} that is common there (50 %: by chance)",
        SHARE,
        _PANEL,
    ),
    Measure(
        "background_gap", "Background gap (own kind minus random background)", Unit.GAP, _PANEL
    ),
    _sorted("silhouette_object", "Sorted by {object} (cosine silhouette)", study=100),
    _sorted("silhouette_context", "Sorted by background (cosine silhouette)", study=110),
    _sorted(
        "silhouette_group", "Sorted by group (cosine silhouette)", study=150, label_styles=True
    ),
    _sorted(
        "silhouette_majority_pair",
        "The majority pair apart (cosine silhouette)",
        study=160,
        label_styles=True,
    ),
    _part("variance_object", "Share of variance between {object}s", study=120),
    _part("variance_context", "Share of variance between backgrounds", study=130),
    _part("variance_interaction", "Share of variance of both together"),
    Measure(
        "probe_object", "The {object} can be read off (linear probe)", SHARE, _PROBES, study=80
    ),
    Measure(
        "probe_context", "The background can be read off (linear probe)", SHARE, _PROBES, study=90
    ),
    _detail(
        "probe_group",
        "The group can be read off (linear probe)",
        SHARE,
        _PROBES,
        study=170,
        label_styles=True,
    ),
    Measure("neighbours_object", "The {object} can be read off (five neighbours)", SHARE, _PROBES),
    Measure(
        "axis_angle", "Angle between the axes of {object} and background, degrees", needs=_SPACE
    ),
    Measure(
        "similarity_to.object",
        "Similarity goes with the same {object} (rank regression)",
        needs=_SPACE,
    ),
    Measure("similarity_to.context", "Similarity goes with the same background", needs=_SPACE),
    Measure("similarity_to.colour", "Similarity goes with like colours", needs=_SPACE),
    Measure("alignment", "Distance of images and their captions (squared)", needs=_PAIRS),
    Measure("uniformity_images", "Uniformity of images (0: one point)", needs=_SPACE),
    Measure("modality_gap", "Gap between images and captions", needs=_PAIRS),
    Measure("total_variance", "Total variance (0: all in one point)"),
    Measure("effective_rank", "Effective rank (dimensions in use)"),
    _detail("group_accuracy", "Accuracy on {group}", SHARE, _ANSWERS),
    _detail("right_by_object", "Accuracy on one {object}", SHARE, _ANSWERS),
    _detail("panel", "Accuracy on composite images", SHARE, _PANEL),
    # As in ImageNet-9. Not for tables: these sound like the animal and the background alone, and
    # are neither.
    _detail(
        "panel.only_fg",
        "Accuracy on the {object} on black (unlike any training image)",
        SHARE,
        _PANEL,
    ),
    _detail(
        "panel.no_fg",
        "Accuracy where the {object} is blacked out (its outline visible)",
        SHARE,
        _PANEL,
    ),
    _detail("dispersion", "Spread of {group}", needs=_SPACE),
    _detail("margin", "Margin on {group}", needs=_ANSWERS),
    _detail("similarity_to", "Similarity goes with likeness", needs=_SPACE),
    _detail("object_effect", "Effect of the {object} on the answer (log odds)", needs=_CALIBRATED),
    _detail(
        "context_effect", "Effect of the background on the answer (log odds)", needs=_CALIBRATED
    ),
    _detail(
        "interaction_effect", "Effect of both together on the answer (log odds)", needs=_CALIBRATED
    ),
    _detail(
        "calibration_error",
        "Expected calibration error (after one temperature)",
        Unit.PART,
        _CALIBRATED,
    ),
    _detail("temperature", "Scores are divided by this to be log odds", needs=_CALIBRATED),
    _detail("background_reliance_z", "Background reliance of the embedding", Unit.INDEX),
    _detail("uniformity_captions", "Uniformity of captions (0: one point)", needs=_PAIRS),
    _detail(
        "minority_collapse",
        "Captions of the two minority groups alike (cosine)",
        needs=_PAIRS,
        signed=True,
    ),
    _detail("train_caption_accuracy", "Training captions right", SHARE),
    _detail("minority_gap", "Majority-group less minority-group accuracy", Unit.GAP, _ANSWERS),
    _detail(
        "probe_object_minority",
        "The {object} can be read off minority images",
        SHARE,
        (*_SPACE, *_FIT),
    ),
    _detail(
        "neighbours_context", "The background can be read off (five neighbours)", SHARE, _PROBES
    ),
)
MEASURES = {entry.name: entry for entry in _ENTRIES}


def measure_of(name: str) -> Measure:
    """The entry of a measure or of its parent, of a model or of ``raw_pixels``; a plain number by
    its name where neither exists. A readout has the accuracies that the usual readout has:
    ``readouts_bare.balanced_accuracy`` counts what ``balanced_accuracy`` counts."""
    name = name.removeprefix("raw_pixels.")
    parent, _, last = name.rpartition(".")
    for candidate in (name, parent, last):
        if candidate in MEASURES:
            return MEASURES[candidate]
    return Measure(name, name)


# What measures were called until 0.5: addresses of pages may hold these words.
_FORMER_WORDS = {
    "Right on minority groups": PRIMARY,
    "Right on majority groups": "majority_accuracy",
    "Right on all groups (balanced)": "balanced_accuracy",
    "Right, groups weighted as in training": "train_weighted_accuracy",
    "Right on the worst group": "worst_group_accuracy",
    "Minority right by a linear probe": "readouts_linear_probe.minority_accuracy",
    "Minority right by the bare name": "readouts_bare.minority_accuracy",
    "The {object} can be read off minority pictures": "probe_object_minority",
    "Background gap (own kind minus random place)": "background_gap",
    "Distance of pictures and their captions (squared)": "alignment",
    "Uniformity of pictures (0: one point)": "uniformity_images",
    "Gap between pictures and captions": "modality_gap",
}


def former_words(grouping: Grouping) -> dict[str, str]:
    """Words for measures by those that they had until 0.5."""
    return {
        former.format(object=grouping.object_word): words_of(name, grouping)
        for former, name in _FORMER_WORDS.items()
    }


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


def secondary(*, label_styles: bool = False) -> tuple[str, ...]:
    """The measures that a study compares beside its primary one, in their order; a study of label
    styles compares more."""
    compared = [
        measure
        for measure in MEASURES.values()
        if measure.study and measure.name != PRIMARY and (label_styles or not measure.label_styles)
    ]
    compared.sort(key=lambda measure: (measure.label_styles, measure.study))
    return tuple(measure.name for measure in compared)
