"""Report of a study: its parts, which the Findings page shows too, and all of them as one offline file.

A reviewer who has nothing but the file can see what was measured, how, on what, and what is missing. Whatever can
differ between studies is taken from their conditions and manifests; what is written here, the code does for all.
"""

from collections.abc import Callable
from functools import partial

import altair as alt

from vlcore.charts.document import Chart, Command, Part, Table, Text, on_paper
from vlcore.charts.html import page_html
from vlcore.charts.theme import LIGHT, Palette
from vlcore.core.captions import quoted_captions
from vlcore.core.condition import STYLES_OF_THE_STUDY, Condition
from vlcore.core.grouping import group_words
from vlcore.core.options import ARCHITECTURES, BACKBONES, NEGATIVES, OBJECTIVES, RECIPES, SCHEDULES
from vlcore.core.version import __version__
from vlcore.measures.catalogue import ADVANTAGE, PRIMARY, words_of
from vlcore.studies import figures, registry, tables
from vlcore.studies import text as words
from vlcore.studies.findings import Findings
from vlcore.studies.plans import Study
from vlcore.studies.sanity import unsound
from vlcore.studies.statistics.paired import ENOUGH, EQUIVALENCE, EXACT

TITLE = "Can more descriptive labels help a vision-language model that learns from biased pictures?"
WIDTH = 900  # px of a figure
_RUN_COLUMNS = {
    "key": "Run", "first_fit_step": "First fit at step", "seconds": "Seconds", "device": "Device",
    "checksum": "Checksum of its files",
}  # fmt: skip
_MEASURES = (
    "Right on minority groups (primary): share of held-out pictures of the two minority groups whose object is named "
    "right, with p(object | picture) proportional to the sum of exp(score) over the captions that name it.",
    "Background reliance: D_C / (D_O + D_C), where D_C and D_O are the mean absolute change of log p(first object) - "
    "log p(second) when only the context, or only the object, of a scene is swapped: 0 where "
    "the object alone decides, 1 where the background does.",
    "Silhouettes: cosine, in all dimensions of the embedding (Rousseeuw 1987).",
    "Probes: logistic regression on standardised embeddings, fitted on balanced pictures of their own.",
    "Shares of variance: eta squared of object and context in a two-way division of the embeddings' variance.",
    "Bayes line: minority accuracy Phi(m - S / 2m) of the best model of the loss that was trained, whose evidence of "
    "the object is normal and as good (Phi(m)) as the block's own balanced accuracy on as many pictures without bias, "
    "and which sees the context whole. S is the log odds that it asks for before it names the object that is rare in a "
    "context: log 1 / (1 - bias) with short labels, less where mismatched captions take the prior out.",
    "Untrained: the same encoder before its first step. First fit: the first look at which 99 % of training captions "
    "are right; that is one of two captions for short labels and one of four for descriptive ones, and so no common "
    "point in time.",
)
_STATISTICS = (
    "The unit is a block, never a picture: both label styles of a block share their seeds, and differences are taken "
    "within them. Intervals are 95 % t intervals over blocks, those of a share cut at 0 and 100 %; tests are sign-flip "
    f"tests (all patterns up to {EXACT} blocks), adjusted over levels of bias below 100 % and arms (Holm 1979); "
    "an exact interval holds what that test does not reject, unadjusted; equivalence of shares of pictures "
    f"is two one-sided t tests against {100 * EQUIVALENCE:.0f} points (Schuirmann 1987). The primary test is that of "
    "the difference of slopes of log odds on φ = bias / (2 - bias). Every other measure is secondary. The "
    "ledger tests each claim by a measure of its own, without adjustment over the claims. "
    "At bias 100 % nothing tells object from context: it is in no test over levels and in no average. Fewer than "
    f"{ENOUGH} blocks decide nothing."
)


def chart(draw: Callable[..., alt.TopLevelMixin], found: Findings, *about: str) -> Chart:
    """A figure of `vlcore.studies.figures`, about a measure or a claim where it can show several."""
    return Chart("_".join((draw.__name__, *about)), partial(draw, found, *about))


def parts(found: Findings) -> list[Part]:
    """Everything that is said of a study, in the order of the report."""
    condition, planned = found.study.conditions[0], found.study.conditions
    start = (
        "Made by VL Bias Lab, after “Understanding Limitations of Vision-Language Models” (Choi and Somasundaram, MIT, "
        f"2023): the grid {found.study.name!r} on {words.pictures(condition)}, {condition.steps:,} steps. "
        f"{found.there} of {len(planned)} planned runs are there, in {found.blocks} "
        f"block{'s' * (found.blocks != 1)} of seeds."
    )
    notes = words.notes(found.end) if found.end else []
    blocks = found.frame["block"].nunique()
    notes += [said] if (said := words.soundness(unsound(found.frame), blocks)) else []
    answer = [Text(words.answer(found)), *(Text(one, note=True) for one in notes)]
    ledger = Table(tables.ledger_table(found.claims))
    claims = [Text(f"{one.claim.id}. {words.claim_sentence(one)}") for one in found.claims]
    over_bias: list[Text | Chart] = [Text(figures.LEGEND, note=True), chart(figures.by_bias, found, PRIMARY)]
    for measure in figures.reported(found):
        over_bias += [Text(f"{words_of(measure, found.grouping)}:"), chart(figures.heat_map, found, measure)]
    blocks = [chart(figures.paired_slopes, found, PRIMARY)]
    blocks += [chart(figures.forest, found, PRIMARY)] if found.end is not None else []
    moments = f"{words_of(PRIMARY, found.grouping)}, before training, at first fit and at the end:"
    how = [Text(text, title) for title, text in methods(found).items()]
    there, missing = set(found.runs["key"]), "Nothing: every planned run is there."
    if lost := [one.key for one in planned if one.key not in there]:
        missing = f"{len(lost)} of {len(planned)} planned runs are not there: {', '.join(lost)}."
    return [
        Part("start", "", (Text(start),)),
        Part("answer", "The answer", tuple(answer)),
        Part("claims", "What the study claims, and what was measured", (ledger, *claims)),
        Part("over_bias", "Bias and labels", tuple(over_bias)),
        Part("blocks", "Block by block", tuple(blocks)),
        Part("groups", "Group by group", (chart(figures.groups, found),)),
        Part("training", "While training", (Text(figures.LEGEND_OF_CURVES, note=True), chart(figures.curves, found))),
        Part("moments", "", (Text(moments), chart(figures.moments, found, PRIMARY))),
        Part("comparisons", "Every comparison", (Table(tables.comparisons_table(found), ("Measure", "Role")),)),
        Part("methods", "Methods", (*how, Command(command(found.study), "To run it again"))),
        Part("missing", "What is missing", (Text(missing),)),
        Part("runs", "Runs", (Table(found.runs[list(_RUN_COLUMNS)].rename(columns=_RUN_COLUMNS)),)),
    ]


def methods(found: Findings) -> dict[str, str]:
    """Data, labels, model and recipe, seeds, measures, statistics, software; a paragraph each, by its title."""
    condition, grouping = found.study.conditions[0], found.grouping
    what, names = words.pictures(condition), group_words(grouping)
    majority, minority = (" and ".join(names[one] for one in side) for side in (grouping.majority, grouping.minority))
    short, descriptive = (quoted_captions(style, grouping) for style in STYLES_OF_THE_STUDY)
    tower = ARCHITECTURES.get(condition.architecture)
    objective, negatives = OBJECTIVES[condition.objective], NEGATIVES[condition.negatives]
    seeds = found.runs.loc[found.runs["planned"], ["data_seed", "init_seed"]].drop_duplicates()
    index = f"{words_of(ADVANTAGE, grouping)}: the difference of the two silhouettes of one run."
    devices = ", ".join(sorted(set(found.runs["device"]) - {""})) or "not recorded"
    return {
        "Data": f"{what[0].upper()}{what[1:]}: {condition.n_per_group} training pictures of each group before any is "
        f"removed. Majority groups: {majority}; minority groups: {minority}. Bias is the share of each minority group "
        "that is removed. All numbers are of held-out pictures, the four groups counting alike, which share no scene "
        "with training; every condition is measured on the same ones.",
        "Labels": f"Short: {short}. Descriptive: {descriptive}.",
        "Model and recipe": f"Image encoder {condition.architecture}: {tower.sentence if tower else BACKBONES} Text "
        "encoder: a word-level transformer. Each ends in a unit vector; a score is made from the cosine of one picture "
        f"and one caption. Objective {condition.objective}: {objective.sentence} Mismatched captions, "
        f"{condition.negatives}: {negatives.sentence} Recipe {condition.recipe}: {RECIPES[condition.recipe].sentence} "
        f"Muon (Jordan et al. 2024) for matrices, AdamW for everything else. {SCHEDULES[condition.schedule].sentence} "
        f"{condition.steps:,} steps of {condition.batch_size} pictures, and never epochs, for a biased set is smaller. "
        "Both label styles of a block start from the same image weights and see the same pictures in the same order.",
        "Seeds": f"{len(seeds)} block{'s' * (len(seeds) != 1)} (data seed, initialisation seed): "
        + ", ".join(f"({data}, {init})" for data, init in seeds.itertuples(index=False))
        + ". The data seed draws the training pictures and those that the bias removes; what is kept at a higher bias "
        "is part of what is kept at a lower one. The initialisation seed gives weights, order and augmentation.",
        "Plan": registry.said(found.study, found.plans),
        "Measures": " ".join((*_MEASURES[:3], index, *_MEASURES[3:])),
        "Statistics": _STATISTICS,
        "Software": "; ".join((f"VL Bias Lab {__version__}", *sorted(set(found.runs["versions"]))))
        + f". Devices: {devices}.",
    }


def command(study: Study) -> str:
    """The command line that runs a study, with what its claims must beat."""
    condition, seeds = study.conditions[0], len({one.data_seed for one in study.conditions})
    steps = f"--preset {condition.preset}" if condition.preset != "custom" else f"--set steps={condition.steps}"
    usual = Condition()
    others = {name: getattr(condition, name) for name in ("recipe", "data_seed", "init_seed")}
    more = "".join(f" --set {name}={value}" for name, value in others.items() if value != getattr(usual, name))
    return f"python -m vlcore study {study.name} --data {condition.data} {steps} --seeds {seeds} --controls{more}"


def report_html(found: Findings, palette: Palette = LIGHT) -> str:
    """The whole study as one offline HTML page."""
    return page_html(list(on_paper(parts(found), palette, WIDTH)), TITLE, palette=palette)
