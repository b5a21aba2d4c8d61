"""Options of a condition: one entry a value, with all its traits and its name for people.

Pages, `--help`, checks, keys and titles read the entry: a new value is its formula and one entry.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

from vlcore.experiment.templates import traits_in


class ArtifactKind(Enum):
    """What a key names: a model, by who trained it, or a map, a check or an import."""

    TRAINED = "trained"
    UNTRAINED = "untrained"  # an encoder of ours before its first step
    PRETRAINED = "pretrained"  # a checkpoint of others
    MAP = "map"
    CHECK = "check"  # of an image set
    IMPORT = "import"  # the report of one

    @property
    def has_weights(self) -> bool:
        """Whether it is a model that was made here."""
        return self in (ArtifactKind.TRAINED, ArtifactKind.UNTRAINED)


@dataclass(frozen=True)
class Option:
    """A value of a setting."""

    sentence: str  # what it is and when to use it
    # Its name on pages, in addresses and in titles, where conditions store another.
    name: str = ""


@dataclass(frozen=True)
class Objective(Option):
    """A loss, or the origin of a model that was not trained here."""

    key: str = ""  # its name in keys; empty: its own
    labels: str = ""  # the one label style that tells what it knows; empty where it reads any
    language: Literal["text", "classes", "decoder"] = "text"  # the part beside the image tower
    uses_captions: bool = True  # whether anything is learnt from captions
    mitigations: tuple[str, ...] = ()  # those that apply; empty for all
    draws_negatives: bool = False  # mismatched captions are drawn: negatives are a choice
    kind: ArtifactKind = ArtifactKind.TRAINED  # what a training returns; pages offer no other kind
    elsewhere: str = ""  # what to do instead of training it
    probed: bool = False  # a linear probe on the training images predicts the object


@dataclass(frozen=True)
class Mitigation(Option):
    """What is done against the bias."""

    needs_groups: bool = False  # undefined where a group of training images is empty
    new_layer: bool = False  # a new last layer, fitted on validation images, predicts the object
    weighs: bool = False  # it decides how much an image counts


@dataclass(frozen=True)
class TrainingRecipe(Option):
    """How the loop trains: what changes its speed, and so how far it comes in a number of steps."""

    batch_size: int = 32
    window: int = 48  # pixels of the side that training sees of an image; evaluation sees all 64
    # Parameters, by name, that Muon trains; convolutions as matrices.
    matrices: str = r"image\.(stem|blocks)"
    # torch's own Muon, which computes in bfloat16, and AdamW one parameter after the other
    stock: bool = False


@dataclass(frozen=True, kw_only=True)
class LabelStyle(Option):
    """The captions of a label style; `vlcore.experiment.captions` fills them in."""

    # Text with {object}, {context}, {place} and traits of `vlcore.experiment.templates.TRAITS`. Of
    # [one|single] each image gets one at random. Empty where a visitor writes it.
    template: str
    # Templates of single groups, by object and context.
    of_groups: Mapping[tuple[str, str], str] = field(default_factory=dict)
    random_context: bool = False  # the context is drawn at random, whatever the image shows
    listed: bool = True  # pages and commands offer it

    @property
    def traits(self) -> tuple[str, ...]:
        """The traits that its captions name; images must record them."""
        return traits_in(self.template)


# The label style of models that learn without captions; no page offers it.
NO_LANGUAGE = "constant"
_NOT_TRAINED = (
    "A pretrained model is not trained here: it has steps=0. Run `python -m vlcore pretrained"
    " CHECKPOINT`, or choose another objective to train."
)
OBJECTIVES: dict[str, Objective] = {
    "pairwise_bce": Objective(
        "The study's: each pair of image and caption is matched or not, binary cross entropy.",
        key="bce",
        draws_negatives=True,
    ),
    "infonce": Objective(
        "CLIP's: each image finds its caption in the batch and the reverse; any equal caption is"
        " right."
    ),
    "siglip": Objective(
        "SigLIP's: all pairs of a batch, matched where captions are equal, binary cross entropy."
    ),
    "simclr": Objective(
        "No language: two views of an image find each other. What language adds is the difference"
        " to this.",
        labels=NO_LANGUAGE,
        uses_captions=False,
        mitigations=("none",),
    ),
    "ce_object": Objective(
        "A supervised classifier of two objects, no text encoder: knows what short captions know.",
        name="supervised",
        labels="undescriptive",
        language="classes",
    ),
    "captioner": Objective(
        "Predicts the caption word by word from the image, as GAIA-1 does; the embedding is its"
        " input.",
        language="decoder",
    ),
    "pretrained": Objective(
        "A pretrained CLIP or SigLIP as it is: captions, or a new last layer, predict the object.",
        name="zero-shot",
        mitigations=("none", "dfr"),
        kind=ArtifactKind.PRETRAINED,
        elsewhere=_NOT_TRAINED,
    ),
    "pretrained_probe": Objective(
        "A pretrained CLIP or SigLIP, read by a linear probe on the biased training images.",
        name="probe",
        key="probe",
        mitigations=("none",),
        kind=ArtifactKind.PRETRAINED,
        elsewhere=_NOT_TRAINED,
        probed=True,
    ),
}
NEGATIVES: dict[str, Option] = {
    "filtered_marginal": Option(
        "Other captions, as often as they occur in training. The default.", name="all"
    ),
    "none": Option(
        "The study's text taken literally: matched pairs only. Optimal is one point, a collapse.",
        name="matched-only",
    ),
}
RECIPES: dict[str, TrainingRecipe] = {
    "fast": TrainingRecipe(
        "Many small steps: batches of 32, three quarters of each image's side, Muon in float32 on"
        " the image encoder. The default."
    ),
    "classic": TrainingRecipe(
        "The training of version 0.4: batches of 128 whole images, Muon on the blocks of both"
        " encoders. Three times slower.",
        batch_size=128,
        window=64,
        matrices="blocks",
        stock=True,
    ),
}
MITIGATIONS: dict[str, Mitigation] = {
    "none": Mitigation("Plain training."),
    "reweight": Mitigation(
        "Each group weighs the same in the loss. Uses the training groups.",
        needs_groups=True,
        weighs=True,
    ),
    "resample": Mitigation(
        "Each group is met equally often. Uses the training groups.", needs_groups=True, weighs=True
    ),
    "groupdro": Mitigation(
        "The group with the highest loss weighs most (Sagawa et al. 2020). Uses the training"
        " groups.",
        needs_groups=True,
        weighs=True,
    ),
    "dfr": Mitigation(
        "A new last layer on validation images, all groups alike (Kirichenko et al. 2023). Uses"
        " their groups.",
        new_layer=True,
    ),
}
ARCHITECTURES: dict[str, Option] = {
    "conv_stem": Option(
        "A transformer that begins with convolutions: learns from few images.",
        name="convolutions-first",
    ),
    "seed_faithful": Option(
        "The study's: a transformer on linear patches. Learns little from 192 images.",
        name="linear-patches",
    ),
    "pretrained": Option(
        "EfficientNet-Lite0 with ImageNet weights, frozen, under a projection that is trained. It"
        " knows photographs, and it has seen horses and camels before."
    ),
    "pretrained@random": Option(
        "Control: the same network with random weights. What both have in common, ImageNet did not"
        " bring.",
        name="random-weights",
    ),
}
# Beginnings of the names of frozen networks whose features are stored.
FROZEN = ("pretrained", "timm:", "own:")
# At the end of a frozen network's name, or of word vectors: the control without pretraining.
RANDOM = "@random"
TEXTS: dict[str, Option] = {
    "transformer": Option(
        "A transformer over a caption's words, trained from scratch. Of a few captions it learns a"
        " lookup table."
    ),
    "words": Option(
        "The mean of a caption's pretrained word vectors (WordLlama), frozen, under one trained"
        " linear map: words that were never seen in training have a meaning."
    ),
    "words@random": Option(
        "Control: random vectors instead of pretrained ones. A caption is made of its words, which"
        " mean nothing.",
        name="random-words",
    ),
    "codes": Option(
        "Control: a free vector for each caption, whatever its words. It reads no other captions."
    ),
}
LABEL_STYLES: dict[str, LabelStyle] = {
    "undescriptive": LabelStyle(
        "The object's name alone; the study's short captions.", name="short", template="{object}"
    ),
    "descriptive": LabelStyle(
        "Object and background, in the study's own words. Its “a” is in one group only, so it"
        " names that group.",
        template="{object} {place}",
        of_groups={("camel", "desert"): "a {object} {place}"},
    ),
    "descriptive-plain": LabelStyle(
        "Object and background by one template; use it to see whether the study's “a” matters.",
        template="{object} {place}",
    ),
    NO_LANGUAGE: LabelStyle(
        "“a photo” for every image: the floor, no language at all.",
        template="a photo",
        listed=False,
    ),
    "shuffled_context": LabelStyle(
        "Placebo: as long and with the same words as descriptive captions, but the background is"
        " drawn at random.",
        name="random-background",
        template="{object} {place}",
        random_context=True,
    ),
    "sky": LabelStyle(
        "The object and whether the sky is bright or dim: as easy to see as the background, true,"
        " and of no use for telling objects apart. For sets that record the sky.",
        template="{object} under {sky} skies",
    ),
    "synonym": LabelStyle(
        "“one” or “single” before the object, at random: a second word that means nothing.",
        template="[one|single] {object}",
    ),
    "own": LabelStyle(
        "Your own template with {object}, {context} or {place}; of drawn scenes also {sky}, {tone},"
        " {coat}, {pose}, {heading} and {size}. [a|one] means one of these, at random.",
        template="",
    ),
}
SCRATCH = "scratch"
# Pairs of towers that pages offer by one choice: settings of a condition.
TOWERS: dict[str, dict[str, str]] = {
    "pretrained": {"architecture": "pretrained", "text": "words"},
    SCRATCH: {"architecture": "conv_stem", "text": "transformer"},
}
# Options of a condition's fields, with what each field is called.
CHOICES: dict[str, tuple[str, Mapping[str, Option]]] = {
    "labels": ("caption style", LABEL_STYLES),
    "objective": ("objective", OBJECTIVES),
    "negatives": ("choice of negatives", NEGATIVES),
    "mitigation": ("mitigation", MITIGATIONS),
    "recipe": ("recipe", RECIPES),
    "architecture": ("image encoder", ARCHITECTURES),
    "text": ("text encoder", TEXTS),
}
PRESETS = {"untrained": 0, "live": 400, "standard": 700, "careful": 2400}  # optimisation steps
STUDY_N = 48  # images of each group in the study


def towers_of(architecture: str, text: str) -> str | None:
    """Return the name in `TOWERS` of two encoders; None if they are no pair of it."""
    pair = {"architecture": architecture, "text": text}
    return next((name for name, known in TOWERS.items() if known == pair), None)


def shown_name(field: str, value: Any) -> Any:
    """The name that a value of a setting is shown by: ``short`` for the labels ``undescriptive``;
    its own where it has no other."""
    option = CHOICES[field][1].get(value) if field in CHOICES else None
    return option.name if option and option.name else value


def stored_names(field: str) -> dict[str, str]:
    """The values of a setting, by the names that they are shown by."""
    return {option.name or value: value for value, option in CHOICES[field][1].items()}


def objectives_here() -> dict[str, Objective]:
    """The objectives that a model can be trained with here."""
    return {
        name: objective
        for name, objective in OBJECTIVES.items()
        if objective.kind is ArtifactKind.TRAINED
    }


def style_names(traits: Container[str] | None = None) -> list[str]:
    """The label styles that pages offer: all, or those that fit images of which these traits are
    known."""
    return [
        name
        for name, style in LABEL_STYLES.items()
        if style.listed and (traits is None or all(trait in traits for trait in style.traits))
    ]
