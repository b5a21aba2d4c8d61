"""Every measure of a model by name: its words, its unit, and where it is listed.

Whatever lists, draws or compares measures asks here. A measure is known by its entry, never by a
part of its name.
"""

from dataclasses import dataclass
from enum import Enum
from functools import partial

from vlcore.experiment.grouping import Grouping, group_words

PRIMARY = "minority_accuracy"
# A silhouette of each run, less another. Positive where points lie more by background than by
# object.
ADVANTAGE = "silhouette_context_less_object"
HEADLINE = (
    "balanced_accuracy",
    PRIMARY,
    "worst_group_accuracy",
)  # what a command prints of a model, in this order


class Unit(Enum):
    """What a value is one of."""

    SHARE = "of images, counted: in per cent, differences in points, slopes in log odds"
    PART = "of a whole, from 0 to 1: in per cent"
    GAP = "between two shares: in per cent"
    INDEX = "from 0 to 1"
    NUMBER = "any number"


class Need(Enum):
    """What must be there, or a measure is not defined."""

    READOUT = "a way to name the object of any picture"
    NAMING_CAPTIONS = "captions that name the objects"
    CAPTION_VECTORS = "embeddings of the captions"
    NAME_VECTORS = "embeddings of the objects' bare names"
    OWN_CAPTIONS = "embeddings of the pictures' own captions"
    HELD_OUT = "enough held-out pictures of each group"
    PROBE = "enough pictures of each group to fit a probe on"
    VALIDATION = "validation pictures"
    MASKS = "masks of the objects"


_CALIBRATED = (Need.READOUT, Need.VALIDATION)
_ANSWERS, _PANEL, _PAIRS = (Need.READOUT,), (Need.READOUT, Need.MASKS), (Need.OWN_CAPTIONS,)
_SPACE, _FIT, _PROBES, _CAPTIONS = (
    (Need.HELD_OUT,),
    (Need.PROBE,),
    (Need.PROBE, Need.HELD_OUT),
    (Need.NAMING_CAPTIONS,),
)
_MEANS, _NAMES = (*_CAPTIONS, Need.CAPTION_VECTORS), (*_CAPTIONS, Need.NAME_VECTORS)
SHARE = Unit.SHARE


@dataclass(frozen=True)
class Measure:
    """A measure of a model."""

    name: str  # in `metrics.json`, with dots for what stands inside another
    # for people; ``{object}`` is what the objects of a set are called, ``{group}`` a group of many
    words: str
    unit: Unit = Unit.NUMBER  # of its value
    needs: tuple[
        Need, ...
    ] = ()  # what must be there; of what is not, the first says why it is not defined
    in_table: bool = True  # whether tables of one model, or of some, list it
    # whether 0 parts two directions: then charts draw a line there, and colours turn at it
    signed: bool = False
    whole: str = ""  # under what name the reason stands where it and its like are not defined
    less: tuple[str, str] | None = (
        None  # of a difference of two measures of a run: which is taken off which
    )
    # place among the measures that a study compares, the primary one's is the lowest; 0: it does
    # not
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
        """Whether it lies between 0 and 1."""
        return self.unit in (Unit.SHARE, Unit.PART, Unit.INDEX)


_sorted = partial(Measure, needs=_SPACE, signed=True)
_part = partial(Measure, unit=Unit.PART, needs=_SPACE, whole="variance")
_beside = partial(
    Measure, in_table=False
)  # of each group, object or kind of picture, or beside one of a table
_ENTRIES = (
    Measure(PRIMARY, "Right on minority groups", SHARE, _ANSWERS, study=10, reported=True),
    Measure("majority_accuracy", "Right on majority groups", SHARE, _ANSWERS, study=30),
    Measure("balanced_accuracy", "Right on all groups (balanced)", SHARE, _ANSWERS, study=20),
    Measure("train_weighted_accuracy", "Right, groups weighted as in training", SHARE, _ANSWERS),
    Measure("worst_group_accuracy", "Right on the worst group", SHARE, _ANSWERS, study=40),
    Measure(
        "worst_group_cross_fitted",
        "Right on the group that was worst on validation pictures",
        SHARE,
        _CALIBRATED,
    ),
    Measure(
        "readouts_linear_probe.minority_accuracy", "Minority right by a linear probe", SHARE, _FIT
    ),
    Measure(
        "readouts_training_probe.minority_accuracy",
        "Minority right by a probe on training pictures",
        SHARE,
        _FIT,
    ),
    Measure(
        "readouts_adjusted.minority_accuracy",
        "Minority right, scores less caption frequency",
        SHARE,
        _CAPTIONS,
    ),
    Measure(
        "readouts_nearest_neighbours.minority_accuracy",
        "Minority right by five neighbours",
        SHARE,
        _FIT,
    ),
    Measure(
        "readouts_best_caption.minority_accuracy",
        "Minority right by the best caption",
        SHARE,
        _CAPTIONS,
    ),
    Measure(
        "readouts_mean_caption.minority_accuracy",
        "Minority right by the mean caption",
        SHARE,
        _MEANS,
    ),
    Measure("readouts_bare.minority_accuracy", "Minority right by the bare name", SHARE, _NAMES),
    Measure(
        "readouts_given_context.minority_accuracy",
        "Minority right when told the background",
        SHARE,
        _CAPTIONS,
    ),
    Measure(
        "background_reliance",
        "Background reliance (0: the {object} decides, 1: the background)",
        Unit.INDEX,
        _ANSWERS,
        study=70,
        reported=True,
    ),
    _beside(
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
        "Minority right, less by a linear probe (what the readout adds or loses)",
        Unit.GAP,
        in_table=False,
        signed=True,
        less=(PRIMARY, "readouts_linear_probe.minority_accuracy"),
        study=45,
        label_styles=True,
    ),
    Measure("context_flip_rate", "Answer changes with the background", SHARE, _ANSWERS, study=50),
    Measure("object_flip_rate", "Answer changes with the {object}", SHARE, _ANSWERS, study=60),
    Measure(
        "panel.cut_out", "Right on the {object} alone, on the places' mean colour", SHARE, _PANEL
    ),
    # Half of the pictures are of minority groups: who answers by the place is right on as many as
    # who guesses.
    Measure(
        "panel.only_bg",
        "Right on the place alone (50 %: nothing of the {object} is left)",
        SHARE,
        _PANEL,
    ),
    Measure(
        "background_answer",
        "Place alone named as the {object} at home there (50 %: by chance)",
        SHARE,
        _PANEL,
    ),
    Measure("background_gap", "Background gap (own kind minus random place)", Unit.GAP, _PANEL),
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
    _beside(
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
    Measure("alignment", "Distance of pictures and their captions (squared)", needs=_PAIRS),
    Measure("uniformity_images", "Uniformity of pictures (0: one point)", needs=_SPACE),
    Measure("modality_gap", "Gap between pictures and captions", needs=_PAIRS),
    Measure("total_variance", "Total variance (0: all in one point)"),
    Measure("effective_rank", "Effective rank (dimensions in use)"),
    _beside("group_accuracy", "Right on {group}", SHARE, _ANSWERS),
    _beside("right_by_object", "Right on one {object}", SHARE, _ANSWERS),
    _beside("panel", "Right on pictures put together", SHARE, _PANEL),
    # As in ImageNet-9. Not for tables: these sound like the animal and the place alone, and are
    # neither.
    _beside(
        "panel.only_fg",
        "Right on the {object} on black (unlike any training picture)",
        SHARE,
        _PANEL,
    ),
    _beside(
        "panel.no_fg",
        "Right where the {object} is blacked out (its outline visible)",
        SHARE,
        _PANEL,
    ),
    _beside("dispersion", "Spread of {group}", needs=_SPACE),
    _beside("margin", "Margin on {group}", needs=_ANSWERS),
    _beside("similarity_to", "Similarity goes with likeness", needs=_SPACE),
    _beside("object_effect", "Effect of the {object} on the answer (log odds)", needs=_CALIBRATED),
    _beside(
        "context_effect", "Effect of the background on the answer (log odds)", needs=_CALIBRATED
    ),
    _beside(
        "interaction_effect", "Effect of both together on the answer (log odds)", needs=_CALIBRATED
    ),
    _beside(
        "calibration_error",
        "Expected calibration error (after one temperature)",
        Unit.PART,
        _CALIBRATED,
    ),
    _beside("temperature", "Scores are divided by this to be log odds", needs=_CALIBRATED),
    _beside("background_reliance_z", "Background reliance of the embedding", Unit.INDEX),
    _beside("uniformity_captions", "Uniformity of captions (0: one point)", needs=_PAIRS),
    _beside(
        "minority_collapse",
        "Captions of the two minority groups alike (cosine)",
        needs=_PAIRS,
        signed=True,
    ),
    _beside("train_caption_accuracy", "Training captions right", SHARE),
    _beside("minority_gap", "Minority less majority right", Unit.GAP, _ANSWERS),
    _beside(
        "probe_object_minority",
        "The {object} can be read off minority pictures",
        SHARE,
        (*_SPACE, *_FIT),
    ),
    _beside(
        "neighbours_context", "The background can be read off (five neighbours)", SHARE, _PROBES
    ),
)
MEASURES = {entry.name: entry for entry in _ENTRIES}


def measure_of(name: str) -> Measure:
    """The entry of a measure or of what it is a part of, of a model or of ``raw_pixels``; a plain
    number by its own name where there is none. A readout has the accuracies that the usual one has:
    ``readouts_bare.balanced_accuracy`` counts what ``balanced_accuracy`` counts."""
    known = name.removeprefix("raw_pixels.")
    whole, _, last = known.rpartition(".")
    return next(
        (MEASURES[one] for one in (known, whole, last) if one in MEASURES), Measure(name, name)
    )


def words_of(name: str, grouping: Grouping) -> str:
    """A measure in words, or its bare name; that of one group has a dot:
    ``group_accuracy.horse_grass``."""
    if name in MEASURES:
        return MEASURES[name].words.format(object=grouping.object_word, group="each group")
    kind, _, group = name.rpartition(".")
    if kind in MEASURES and group in grouping.names:
        return MEASURES[kind].words.format(
            object=grouping.object_word, group=group_words(grouping)[group]
        )
    return name


def whole_of(name: str) -> str:
    """Under what name the reason stands where a measure and its like are not defined:
    ``group_accuracy`` of ``group_accuracy.horse_grass``; empty where it stands for itself."""
    before, _, last = name.rpartition(".")
    return ".".join(
        part for part in (before, MEASURES[last].whole if last in MEASURES else "") if part
    )


def needs_of(name: str) -> tuple[Need, ...]:
    """What must be there for a measure, or for those that it is the whole of."""
    return next(
        (one.needs for one in MEASURES.values() if name in (one.name, whole_of(one.name))), ()
    )


def listed() -> list[Measure]:
    """Those that tables of models list."""
    return [one for one in MEASURES.values() if one.in_table]


def secondary(*, label_styles: bool = False) -> tuple[str, ...]:
    """The measures that a study compares beside its primary one, in their order; for one of label
    styles, more."""
    found = sorted(
        (one for one in MEASURES.values() if one.study),
        key=lambda one: (one.label_styles, one.study),
    )
    return tuple(
        one.name for one in found if one.name != PRIMARY and (label_styles or not one.label_styles)
    )
