"""Options of a condition: one entry a value, with all its traits and the words for it.

Pages, `--help`, checks, keys and titles read the entry: a new value is its formula and one entry.
"""

import math
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Literal


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
    words: str = ""  # what a title calls it; empty: its name
    # Its name on the Compare page and in addresses; empty where that page does not offer it.
    control: str = ""


@dataclass(frozen=True)
class Objective(Option):
    """A loss, or the origin of a model that was not trained here."""

    key: str = ""  # its name in keys; empty: its own
    labels: str = ""  # the one label style that tells what it knows; empty where it reads any
    language: Literal["text", "classes", "decoder"] = "text"  # the part beside the image tower
    uses_captions: bool = True  # whether anything is learnt from captions
    mitigations: tuple[str, ...] = ()  # those that apply; empty for all
    draws_negatives: bool = False  # mismatched captions are drawn: negatives and logit are choices
    places: bool = False  # the background's caption is learnt too, separately
    kind: ArtifactKind = ArtifactKind.TRAINED  # what a training returns; pages offer no other kind
    elsewhere: str = ""  # what to do instead of training it
    probed: bool = False  # a linear probe on the training images predicts the object


@dataclass(frozen=True)
class Negatives(Option):
    """A distribution of mismatched captions."""

    key: str = ""  # its mark in keys
    named: tuple[str, ...] = ()  # what labels must name
    # Share of captions that name the same background and the other object, where it is fixed.
    same_place: float = math.nan


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


@dataclass(frozen=True)
class SizeMode(Option):
    """What happens to the size of the training set under bias."""

    # Images of each majority and each minority group, from the images of a group before any is
    # removed and those of a minority group that the bias leaves.
    counts: Callable[[int, int], tuple[int, int]] = lambda n, remaining: (n, remaining)
    bias: str = "{share} ({minority} of {n} kept)"  # the bias in words; {majority} is known too


@dataclass(frozen=True)
class LabelStyle(Option):
    """A family of label styles; `vlcore.experiment.captions.CAPTIONS` has its captions."""

    numbers: tuple[int, int] | None = None  # least and greatest number that may follow in its name
    offered: tuple[int, ...] = ()  # the numbers that are offered
    legend: str = ""  # what figures of a study call it; empty where no study compares it
    shape: str = ""  # its mark in these figures
    colour: str = ""  # its colour in these figures, a name of `vlcore.plots.theme.Palette`
    trait: str = ""  # what it names of an image, whose factors say it; empty: fits any images
    own_words: bool = False  # its words are not in the vocabulary that the other styles share


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
    "two_part": Objective(
        "The animal's caption and the background's, each by the study's loss: knows what"
        " descriptive labels know, and no caption names both.",
        words="two captions an image",
        labels="undescriptive",
        draws_negatives=True,
        places=True,
    ),
    "infonce": Objective(
        "CLIP's: each image finds its caption in the batch and the reverse; any equal caption is"
        " right."
    ),
    "infonce_identity": Objective(
        "CLIP's to the letter: equal captions of other images count as wrong. Shows false"
        " negatives."
    ),
    "siglip": Objective(
        "SigLIP's: all pairs of a batch, matched where captions are equal, binary cross entropy."
    ),
    "simclr": Objective(
        "No language: two views of an image find each other. What language adds is the difference"
        " to this.",
        words="SimCLR",
        labels="constant",
        uses_captions=False,
        mitigations=("none",),
    ),
    "ce_object": Objective(
        "A classifier of two objects, no text encoder: knows what short labels know.",
        words="classifier of objects",
        labels="undescriptive",
        language="classes",
    ),
    "ce_group": Objective(
        "A classifier of four groups, no text encoder: knows what descriptive labels know.",
        words="classifier of groups",
        labels="descriptive",
        language="classes",
    ),
    "captioner": Objective(
        "Predicts the caption word by word from the image, as GAIA-1 does; the embedding is its"
        " input.",
        language="decoder",
    ),
    "pretrained": Objective(
        "A pretrained CLIP or SigLIP as it is: captions, or a new last layer, predict the object.",
        words="zero-shot",
        mitigations=("none", "dfr"),
        kind=ArtifactKind.PRETRAINED,
        elsewhere=_NOT_TRAINED,
    ),
    "pretrained_probe": Objective(
        "A pretrained CLIP or SigLIP, read by a linear probe on the biased training images.",
        words="linear probe",
        key="probe",
        mitigations=("none",),
        kind=ArtifactKind.PRETRAINED,
        elsewhere=_NOT_TRAINED,
        probed=True,
    ),
}
NEGATIVES: dict[str, Negatives] = {
    "filtered_marginal": Negatives(
        "Other captions, as often as they occur in training. The default.",
        control="matched-and-mismatched",
    ),
    "filtered_uniform": Negatives(
        "Other captions, each equally often: rare ones are mostly met as wrong ones."
    ),
    "product": Negatives(
        "All captions as often as they occur, the right one too: removes their frequency entirely."
    ),
    "counterfactual": Negatives(
        "Captions that differ in the object or the background, never in both: a rare caption is"
        " then mostly met as a wrong one, which the text alone gives away.",
        named=("object", "context"),
    ),
    **{
        f"same_place_{percent}": Negatives(
            f"{percent} % of the mismatched captions name the same background and the other animal,"
            " so that only the animal tells; a rare caption is given away by the text alone.",
            named=("object", "context"),
            same_place=percent / 100,
        )
        for percent in (25, 50, 100)
    },
    "other_object": Negatives(
        "Captions of the other animal, as often as they occur: only the animal must be told apart.",
        named=("object",),
    ),
    "own_object_left_out": Negatives(
        "Other captions as by default, but those of the image's own animal weigh nothing.",
        named=("object",),
    ),
    "shuffle_unfiltered": Negatives(
        "The batch's captions in another order; some are the right one by chance."
    ),
    "none": Negatives(
        "The study's text taken literally: matched pairs only. Optimal is one point, a collapse.",
        words="positives only",
        control="matched-only",
        key="positives",
    ),
}
LOGITS: dict[str, Option] = {
    "learned": Option("Cosine times a learned scale, plus a learned shift. The default."),
    "raw_cosine": Option("The cosine itself: even a perfect model keeps a loss of 0.31."),
    "affine": Option("(cosine + 1) / 2 read as a probability."),
}
RECIPES: dict[str, TrainingRecipe] = {
    "fast": TrainingRecipe(
        "Many small steps: batches of 32, three quarters of each image's side, Muon in float32 on"
        " the image tower. The default."
    ),
    "classic": TrainingRecipe(
        "That of version 0.4: batches of 128 whole images, Muon on the blocks of both towers."
        " Three times slower.",
        words="classic recipe",
        batch_size=128,
        window=64,
        matrices="blocks",
        stock=True,
    ),
}
SCHEDULES: dict[str, Option] = {
    "cosine": Option("Rates rise over 30 steps and fall to zero at the last. The default."),
    "constant": Option(
        "Rates rise and stay: a short training is the beginning of a long one.",
        words="constant learning rate",
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
    "subsample": Mitigation(
        "Each group is cut to the smallest. Uses the training groups.", needs_groups=True
    ),
    "groupdro": Mitigation(
        "The group with the highest loss weighs most (Sagawa et al. 2020). Uses the training"
        " groups.",
        needs_groups=True,
        weighs=True,
    ),
    "jtt": Mitigation(
        "Images that a short training gets wrong weigh more in a second one (Liu et al. 2021)."
        " Uses no groups.",
        weighs=True,
    ),
    "dfr": Mitigation(
        "A new last layer on validation images, all groups alike (Kirichenko et al. 2023). Uses"
        " their groups.",
        new_layer=True,
    ),
}


def _fixed_total(n: int, remaining: int) -> tuple[int, int]:
    """The same shares of an object's images as `shrink` has, of twice `n`."""
    majority = round(2 * n * n / (n + remaining))
    return majority, 2 * n - majority


SIZE_MODES: dict[str, SizeMode] = {
    "shrink": SizeMode(
        "The study's: minority images are removed, and the training set gets smaller."
    ),
    "fixed_total": SizeMode(
        "The same imbalance, but the number of images stays: the majority is filled up.",
        counts=_fixed_total,
        bias="as biased as {share}, total kept ({majority} and {minority} a group)",
    ),
    "random_removal": SizeMode(
        "Control: as many images are removed, but from all groups alike. No imbalance at all.",
        counts=lambda n, remaining: (round((n + remaining) / 2),) * 2,
        bias="as many removed as at {share}, from all groups alike ({majority} of {n} kept)",
    ),
}
ARCHITECTURES: dict[str, Option] = {
    "conv_stem": Option(
        "A transformer that begins with convolutions: learns from few images.",
        control="convolutions-first",
    ),
    "seed_faithful": Option(
        "The study's: a transformer on linear patches. Learns little from 192 images.",
        words="linear patches",
        control="linear-patches",
    ),
    "pretrained": Option(
        "EfficientNet-Lite0 with ImageNet weights, frozen, under a projection that is trained. It"
        " knows photographs, and it has seen horses and camels before.",
        words="pretrained image tower",
        control="pretrained",
    ),
    "pretrained@random": Option(
        "Control: the same network with random weights. What both have in common, ImageNet did not"
        " bring.",
        words="random image tower",
        control="random-weights",
    ),
}
# Beginnings of the names of frozen networks whose features are stored.
FROZEN = ("pretrained", "timm:", "own:")
# At the end of a frozen network's name, or of word vectors: the control without pretraining.
RANDOM = "@random"
TEXTS: dict[str, Option] = {
    "transformer": Option(
        "A transformer over a caption's words, trained from scratch. Of a few captions it learns a"
        " lookup table.",
        control="transformer",
    ),
    "words": Option(
        "The mean of a caption's pretrained word vectors (WordLlama), frozen, under one trained"
        " linear map: words that were never seen in training have a meaning.",
        words="word vectors",
        control="words",
    ),
    "words@random": Option(
        "Control: random vectors instead of pretrained ones. A caption is made of its words, which"
        " mean nothing.",
        words="random word vectors",
        control="random-words",
    ),
    "codes": Option(
        "Control: a free vector for each caption, whatever its words. It reads no other captions.",
        words="a code for each caption",
        control="codes",
    ),
}
LABEL_STYLES: dict[str, LabelStyle] = {
    "undescriptive": LabelStyle(
        "The object's name alone; the study's short labels.",
        words="short labels",
        control="short",
        legend="short labels",
        shape="circle",
        colour="muted",
    ),
    "descriptive": LabelStyle(
        "Object and background, in the study's own words, its stray “a” included.",
        words="descriptive labels",
        control="descriptive",
        legend="descriptive labels",
        shape="square",
        colour="accent",
    ),
    "descriptive-plain": LabelStyle(
        "Object and background by one template; use it to see whether the study's “a” matters."
    ),
    "context": LabelStyle(
        "The background alone: how far a model can be sorted by background. It names no object."
    ),
    "constant": LabelStyle("“a photo” for every image: the floor, no language at all."),
    "shuffled_context": LabelStyle(
        "Placebo: as long and with the same words as descriptive labels, but the background is"
        " drawn at random.",
        legend="random context (placebo)",
        shape="diamond",
        colour="contrast",
    ),
    "opaque_group": LabelStyle(
        "One meaningless word for each group: the group's label without language."
    ),
    "attribute_other": LabelStyle(
        "The coat and the object: is another description as good as the background? For sets"
        " that record the coat.",
        trait="coat",
    ),
    "paraphrase": LabelStyle(
        "So many wordings of the descriptive label, drawn at random: the same content, less"
        " uniform.",
        numbers=(1, 20),
        offered=(5, 20),
    ),
    "clip_template": LabelStyle("The short label as CLIP is asked: “a photo of a camel”."),
    "clip_template_descriptive": LabelStyle(
        "The long label as CLIP is asked: “a photo of a camel in the desert”."
    ),
    "partial": LabelStyle(
        "The background is named in this percentage of the captions: a dose, from short to"
        " descriptive labels.",
        numbers=(0, 100),
        offered=(25, 50, 75),
    ),
    "partial_minority": LabelStyle(
        "The background is named for minority images only: what is unusual, as people do."
    ),
    "noisy": LabelStyle(
        "Descriptive labels, but this percentage of the captions names the wrong background.",
        numbers=(1, 50),
        offered=(10, 25),
    ),
    # Later than the others, whose words are numbered in this order.
    "sky": LabelStyle(
        "The object and whether the sky is bright or dim: as easy to see as the background, true,"
        " and of no use for telling objects apart. For sets that record the sky.",
        trait="sky",
        own_words=True,
    ),
    "synonym": LabelStyle(
        "“one” or “single” before the object, at random: a second word that means nothing."
    ),
    "own": LabelStyle(
        "Your own template with {object}, {context} or {place}; of drawn scenes also {sky}, {tone},"
        " {coat}, {pose}, {heading} and {size}. [a|one] means one of these, at random."
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
    "objective": ("objective", OBJECTIVES),
    "negatives": ("choice of negatives", NEGATIVES),
    "logit": ("logit", LOGITS),
    "mitigation": ("mitigation", MITIGATIONS),
    "size_mode": ("size mode", SIZE_MODES),
    "recipe": ("recipe", RECIPES),
    "schedule": ("schedule", SCHEDULES),
    "text": ("text tower", TEXTS),
}
PRESETS = {"untrained": 0, "live": 400, "standard": 700, "careful": 2400}  # optimisation steps
STUDY_N = 48  # images of each group in the study


def objectives_here() -> dict[str, Objective]:
    """The objectives that a model can be trained with here."""
    return {
        name: objective
        for name, objective in OBJECTIVES.items()
        if objective.kind is ArtifactKind.TRAINED
    }


def style_names(traits: Container[str] | None = None) -> list[str]:
    """The label styles that pages offer, each with its numbers; all, or those that fit images of
    which these traits are known."""
    return [
        f"{name}_{number}" if number is not None else name
        for name, style in LABEL_STYLES.items()
        for number in style.offered or (None,)
        if traits is None or not style.trait or style.trait in traits
    ]
