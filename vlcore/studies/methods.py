"""How a study was done, in paragraphs that a reviewer reads without us.

Whatever can differ between studies is taken from their conditions and manifests; what is written here is
only what the code does for all of them.
"""

from __future__ import annotations

from vlcore.core.captions import quoted_captions
from vlcore.core.condition import STYLES_OF_THE_STUDY, Condition
from vlcore.core.grouping import Grouping, group_words
from vlcore.core.options import ARCHITECTURES, BACKBONES, NEGATIVES, OBJECTIVES
from vlcore.core.version import __version__
from vlcore.measures.catalogue import ADVANTAGE, words_of
from vlcore.studies.findings import Findings
from vlcore.studies.plans import Study
from vlcore.studies.statistics.paired import ENOUGH, EXACT, MARGIN
from vlcore.studies.text import pictures

_MEASURES = (
    "Right on minority groups (primary): share of held-out pictures of the two minority groups whose object is named "
    "right, with p(object | picture) proportional to the sum of exp(score) over the captions that name it.",
    "Background reliance: D_C / (D_O + D_C), where D_C and D_O are the mean absolute change of log p(first object) - "
    "log p(second) when only the context, or only the object, of a scene is swapped: 0 where "
    "the object alone decides, 1 where the background does.",
    "Silhouettes: cosine, in all dimensions of the embedding (Rousseeuw 1987).",
    "Probes: logistic regression on standardised embeddings, fitted on balanced pictures of their own.",
    "Shares of variance: eta squared of object and context in a two-way division of the embeddings' variance.",
    "Bayes line: minority accuracy Phi(m - L / 2m) of the best classifier for the biased set, L = -log(1 - bias), "
    "whose evidence of the object is normal and as good (Phi(m)) as the block's own balanced accuracy at bias 0.",
    "Untrained: the same encoder before its first step. First fit: the first look at which 99 % of training captions "
    "are right; that is one of two captions for short labels and one of four for descriptive ones, and so no common "
    "point in time.",
)
_STATISTICS = (
    "The unit is a block, never a picture: both label styles of a block share their seeds, and differences are taken "
    "within them. Intervals are 95 % t intervals over blocks, those of a share cut at 0 and 100 %; tests are sign-flip "
    f"tests (all patterns up to {EXACT} blocks), adjusted over the levels of bias below 100 % (Holm 1979); equivalence "
    f"is two one-sided t tests against {100 * MARGIN:.0f} points (Schuirmann 1987). The primary test is that of the "
    "difference of slopes of log odds on φ = bias / (2 - bias). Every other measure is secondary. The "
    "ledger tests each claim by a measure of its own, without adjustment over the claims. "
    "At bias 100 % nothing tells object from context: it is in no test over levels and in no average. Fewer than "
    f"{ENOUGH} blocks decide nothing. Where a table gives one arm by itself, it is the interquartile mean (Agarwal et "
    "al. 2021)."
)


def methods(found: Findings) -> dict[str, str]:
    """Data, labels, model and recipe, seeds, measures, statistics, software; a paragraph each, by its title."""
    condition, grouping = found.study.conditions[0], found.grouping
    seeds = found.runs.loc[found.runs["planned"], ["data_seed", "init_seed"]].drop_duplicates()
    short, descriptive = (quoted_captions(style, grouping) for style in STYLES_OF_THE_STUDY)
    index = f"{words_of(ADVANTAGE, grouping)}: the difference of the two silhouettes of one run."
    return {
        "Data": _data(condition, grouping),
        "Labels": f"Short: {short}. Descriptive: {descriptive}.",
        "Model and recipe": _recipe(condition),
        "Seeds": f"{len(seeds)} blocks (data seed, initialisation seed): "
        + ", ".join(f"({data}, {init})" for data, init in seeds.itertuples(index=False))
        + ". The data seed draws the training pictures and those that the bias removes; what is kept at a higher bias "
        "is part of what is kept at a lower one. The initialisation seed gives weights, order and augmentation.",
        "Measures": " ".join((*_MEASURES[:3], index, *_MEASURES[3:])),
        "Statistics": _STATISTICS,
        "Software": "; ".join((f"VL Bias Lab {__version__}", *sorted(set(found.runs["versions"]))))
        + f". Devices: {_devices(found)}.",
    }


def command(study: Study) -> str:
    """The command line that runs a study, with what its claims must beat."""
    condition, seeds = study.conditions[0], len({one.data_seed for one in study.conditions})
    steps = f"--preset {condition.preset}" if condition.preset != "custom" else f"--set steps={condition.steps}"
    return f"python -m vlcore study {study.name} --data {condition.data} {steps} --seeds {seeds} --controls"


def _data(condition: Condition, grouping: Grouping) -> str:
    names = group_words(grouping)
    majority, minority = (" and ".join(names[one] for one in side) for side in (grouping.majority, grouping.minority))
    what = pictures(condition)
    return (
        f"{what[0].upper()}{what[1:]}: {condition.n_per_group} training pictures of each group before any is "
        f"removed. Majority groups: {majority}; minority groups: {minority}. Bias is the share of each minority group "
        "that is removed. All numbers are of held-out pictures, the four groups counting alike, which share no scene "
        "with training; every condition is measured on the same ones."
    )


def _recipe(condition: Condition) -> str:
    tower = ARCHITECTURES.get(condition.architecture)
    objective, negatives = OBJECTIVES[condition.objective], NEGATIVES[condition.negatives]
    return (
        f"Image encoder {condition.architecture}: {tower.sentence if tower else BACKBONES} Text "
        "encoder: a word-level transformer. Each ends in a unit vector; a score is made from the cosine of one picture "
        f"and one caption. Objective {condition.objective}: {objective.sentence} Mismatched captions, "
        f"{condition.negatives}: {negatives.sentence} Muon for the matrices inside the blocks (Jordan et "
        f"al. 2024), AdamW for everything else, warm-up, then a cosine to zero; {condition.steps:,} steps of "
        f"{condition.batch_size} pictures, and never epochs, for a biased set is smaller. Both label styles of a block "
        "start from the same image weights and see the same pictures in the same order."
    )


def _devices(found: Findings) -> str:
    return ", ".join(sorted(set(found.runs["device"]) - {""})) or "not recorded"
