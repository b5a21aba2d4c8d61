"""What can be chosen of a condition, each with what it is and when to use it, in a sentence.

The one idea: pages, `--help` and reports say the same sentence, because there is one.
"""

from __future__ import annotations

from enum import Enum

OBJECTIVES = {
    "pairwise_bce": "The study's: each pair of picture and caption is matched or not, binary cross entropy.",
    "infonce": "CLIP's: each picture finds its caption in the batch and the reverse; any equal caption is right.",
    "infonce_identity": "CLIP's to the letter: equal captions of other pictures count as wrong. Shows false negatives.",
    "siglip": "SigLIP's: all pairs of a batch, matched where captions are equal, binary cross entropy.",
    "simclr": "No language: two views of a picture find each other. What language adds is the difference to this.",
    "ce_object": "A classifier of two objects, no text encoder: knows what short labels know.",
    "ce_group": "A classifier of four groups, no text encoder: knows what descriptive labels know.",
    "captioner": "Predicts the caption word by word from the picture, as GAIA-1 does; the embedding is its input.",
}
# A model that others trained: nobody can choose these to train with, `python -m vlcore pretrained` makes them.
PRETRAINED = {
    "pretrained": "A pretrained CLIP or SigLIP as it is: the object is read off its captions, or off new last layers.",
    "pretrained_probe": "A pretrained CLIP or SigLIP, read by a linear probe on the biased training pictures.",
}
IMPORTED = "imported"  # objective of embeddings that were computed elsewhere: no loss of ours, nobody can choose it


class ArtefactKind(Enum):
    """What lies under a key: a model, by who trained it, or what was made beside the models."""

    TRAINED = "trained"
    UNTRAINED = "untrained"  # an encoder of ours before its first step
    PRETRAINED = "pretrained"  # a checkpoint of others
    IMPORTED = "imported"  # embeddings alone
    MAP = "map"
    CHECK = "check"  # of an image set
    IMPORT = "import"  # the report of one

    @property
    def has_weights(self) -> bool:
        """Whether it is a model that was made here."""
        return self in (ArtefactKind.TRAINED, ArtefactKind.UNTRAINED)


NEGATIVES = {
    "filtered_marginal": "Other captions, as often as they occur in training. The default.",
    "filtered_uniform": "Other captions, each equally often: rare ones are mostly met as wrong ones.",
    "product": "All captions as often as they occur, the own one too: takes the frequency of captions out entirely.",
    "counterfactual": "Captions that differ in the object or in the place, never in both: hard ones.",
    "shuffle_unfiltered": "The batch's captions in another order; some are the right one by chance.",
    "none": "The study's text taken literally: matched pairs only. One point for everything is optimal: a collapse.",
}
LOGITS = {
    "learned": "Cosine times a learned scale, plus a learned shift. The default.",
    "raw_cosine": "The cosine itself: even a perfect model keeps a loss of 0.31.",
    "affine": "(cosine + 1) / 2 read as a probability.",
}
MITIGATIONS = {
    "none": "Plain training.",
    "reweight": "Each group weighs the same in the loss. Uses the group of every training picture.",
    "resample": "Each group is met equally often. Uses the group of every training picture.",
    "subsample": "Each group is cut to the smallest. Uses the group of every training picture.",
    "groupdro": "The group with the highest loss weighs most (Sagawa et al. 2020). Uses the training groups.",
    "jtt": "Pictures that a short training gets wrong weigh more in a second one (Liu et al. 2021). Uses no groups.",
    "dfr": "A new last layer on validation pictures, all groups alike (Kirichenko et al. 2023). Uses their groups.",
}
SIZE_MODES = {
    "shrink": "The study's: minority pictures are removed, and the training set gets smaller.",
    "fixed_total": "The same imbalance, but the number of pictures stays: the majority is filled up.",
    "random_removal": "Control: as many pictures are removed, but from all groups alike. No imbalance at all.",
}
ARCHITECTURES = {
    "conv_stem": "A transformer that begins with convolutions: learns from few pictures.",
    "seed_faithful": "The study's: a transformer on linear patches. Learns little from 192 pictures.",
}
BACKBONES = "A torchvision network, frozen, under a projection that is trained; @random: with random weights."
PRESETS = {"untrained": 0, "live": 300, "standard": 600, "careful": 2400}  # optimisation steps
STEPS_LIMIT = 100_000

STUDY_N = 48  # images of each group in the study

GROUP_MITIGATIONS = ("reweight", "resample", "subsample", "groupdro")  # undefined where a group is empty
