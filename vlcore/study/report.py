"""Report of a study: its parts, shown on Findings too, and all of them as one offline file.

A reviewer who has nothing but the file can see what was measured, how, on what, and what is
missing. Whatever can differ between studies is taken from their conditions and manifests.
"""

import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path

import altair as alt

from vlcore.data.catalogue import open_set
from vlcore.data.subset import usual_condition
from vlcore.experiment.captions import quoted_captions
from vlcore.experiment.condition import STUDY_BIAS, STYLES_OF_THE_STUDY
from vlcore.experiment.files import read_yaml
from vlcore.experiment.grouping import group_words
from vlcore.experiment.option_names import OPTIONS, shown_name
from vlcore.experiment.options import ARCHITECTURES, CHOICES
from vlcore.experiment.version import __version__
from vlcore.metrics.catalogue import ADVANTAGE, PRIMARY, words_of
from vlcore.metrics.estimate import RESAMPLES
from vlcore.plots.document import Chart, Command, Part, Table, Text, on_paper, page_html
from vlcore.plots.theme import LIGHT
from vlcore.study import figures, registry, tables
from vlcore.study import text as words
from vlcore.study.findings import Findings
from vlcore.study.plans import StudyPlan
from vlcore.study.sanity import BALANCED, FIT, UNTRAINED_PROBE
from vlcore.study.statistics.paired import ENOUGH, EQUIVALENCE, EXACT

TITLE = "Can more descriptive labels help a vision-language model that learns from biased images?"
WIDTH = 900  # px of a figure
_NETWORKS = (
    "timm:NAME, a network of timm with weights from the disk, frozen; @random: with random weights."
)
_RUN_COLUMNS = {
    "key": "Run",
    "first_fit_step": "Fit step",
    "seconds": "Seconds",
    "device": "Device",
    "checksum": "Checksum of its files",
}


def chart(draw: Callable[..., alt.TopLevelMixin], findings: Findings, *about: str) -> Chart:
    """A figure of `vlcore.study.figures`, about a measure or a claim where it can show several."""
    return Chart("_".join((draw.__name__, *about)), partial(draw, findings, *about))


def report_parts(findings: Findings) -> list[Part]:
    """All of a study, in the order of the report."""
    claims = [
        Text(f"{result.claim.id}. {words.claim_sentence(result)}") for result in findings.claims
    ]
    blocks = (chart(figures.paired_slopes, findings, PRIMARY),)
    primary = words_of(PRIMARY, findings.grouping)
    moments = f"{primary}, before training, at the fit step and at the end:"
    how = [Text(paragraph, title) for title, paragraph in methods(findings).items()]
    comparisons = Table(tables.comparisons_table(findings), ("Measure", "Role"))
    runs = Table(findings.runs[list(_RUN_COLUMNS)].rename(columns=_RUN_COLUMNS))
    curves = Text(figures.LEGEND_OF_CURVES, note=True), chart(figures.probes, findings)
    return [
        Part("start", "", (Text(_start(findings)),)),
        Part("answer", "The answer", _answer(findings)),
        Part(
            "claims",
            "What the study claims, and what was measured",
            (Table(tables.claims_table(findings.claims)), *claims),
        ),
        Part("over_bias", "Bias and labels", _over_bias(findings)),
        Part("blocks", "Seed pair by seed pair", blocks),
        Part("groups", "Group by group", (chart(figures.groups, findings),)),
        Part("training", "While training", curves),
        Part("moments", "", (Text(moments), chart(figures.moments, findings, PRIMARY))),
        Part("comparisons", "Every comparison", (comparisons,)),
        Part("methods", "Methods", (*how, Command(command(findings.plan), "To run it again"))),
        Part("missing", "What is missing", (Text(_missing(findings)),)),
        Part("runs", "Runs", (runs,)),
    ]


def _start(findings: Findings) -> str:
    condition = findings.plan.conditions[0]
    pairs = words.pairs_words(findings.n_blocks)
    return (
        "Made by VL Bias Lab, after “Understanding Limitations of Vision-Language Models” (Choi"
        f" and Somasundaram, MIT, 2023): the study {findings.plan.name!r} on"
        f" {words.image_set_words(condition)}, {condition.steps:,} steps. {findings.n_trained} of"
        f" {len(findings.plan.conditions)} planned runs are there, in {pairs}."
    )


def _answer(findings: Findings) -> tuple[Text, ...]:
    notes = words.notes(findings.end) if findings.end else []
    notes.append(words.sanity_words(findings))
    return Text(words.answer_paragraph(findings)), *(
        Text(note, note=True) for note in notes if note
    )


def _over_bias(findings: Findings) -> tuple[Text | Chart, ...]:
    content: list[Text | Chart] = []
    if findings.headline is not None:
        content = [Text(figures.PAIRED, note=True), chart(figures.paired_forest, findings)]
    content.append(Text(figures.LEGEND, note=True))
    content.append(chart(figures.by_bias, findings, PRIMARY))
    for measure in figures.reported(findings):
        content.append(Text(f"{words_of(measure, findings.grouping)}:"))
        content.append(chart(figures.heat_map, findings, measure))
    return tuple(content)


def _missing(findings: Findings) -> str:
    trained = set(findings.runs["key"])
    planned = findings.plan.conditions
    missing = [run.key for run in planned if run.key not in trained]
    if not missing:
        return "Nothing: every planned run is there."
    counts = f"{len(missing)} of {len(planned)} planned runs are not there"
    return f"{counts}: {', '.join(missing)}."


def methods(findings: Findings) -> dict[str, str]:
    """Data, labels, model and recipe, seeds, measures, statistics, software; a paragraph each, by
    its title."""
    condition, grouping = findings.plan.conditions[0], findings.grouping
    images, names = words.image_set_words(condition), group_words(grouping)
    tower = ARCHITECTURES.get(condition.architecture)
    seeds = findings.runs.loc[
        findings.runs["planned"], ["data_seed", "init_seed"]
    ].drop_duplicates()
    short, descriptive = (quoted_captions(style, grouping) for style in STYLES_OF_THE_STUDY)
    made_with = f"VL Bias Lab {findings.version}" if findings.version else ""
    versions = sorted(set(findings.runs["versions"]))
    facts = {
        "condition": condition,
        "images": f"{images[0].upper()}{images[1:]}",
        "majority": " and ".join(names[group] for group in grouping.majority),
        "minority": " and ".join(names[group] for group in grouping.minority),
        "short": short,
        "descriptive": descriptive,
        "named": {field: shown_name(field, getattr(condition, field)) for field in OPTIONS},
        "tower": tower.sentence if tower else _NETWORKS,
        "blocks": words.pairs_words(len(seeds)),
        "seeds": words.seeds_words(list(seeds.itertuples(index=False, name=None))),
        "plan": registry.plan_words(findings.plan, findings.plans),
        "primary": words_of(PRIMARY, grouping),
        "advantage": words_of(ADVANTAGE, grouping),
        "exact": EXACT,
        "margin": 100 * EQUIVALENCE,
        "enough": ENOUGH,
        "level": 100 * STUDY_BIAS,
        "resamples": RESAMPLES,
        "fit": 100 * FIT,
        "balanced": 100 * BALANCED,
        "untrained": 100 * UNTRAINED_PROBE,
        "software": "; ".join(filter(None, (made_with, *versions))) or "not recorded",
        "analysis": __version__,
        "devices": ", ".join(sorted(set(findings.runs["device"]) - {""})) or "not recorded",
    }
    for name in CHOICES:
        facts[name] = OPTIONS[name][getattr(condition, name)].sentence
    paragraphs = read_yaml(Path(__file__).with_name("methods.yaml"))
    return {title: paragraph.format_map(facts) for title, paragraph in paragraphs.items()}


def command(plan: StudyPlan) -> str:
    """The command line that runs a study, with the controls of its claims."""
    condition = plan.conditions[0]
    pairs = len({(run.data_seed, run.init_seed) for run in plan.conditions})
    preset = condition.preset
    steps = f"--set steps={condition.steps}" if preset == "custom" else f"--preset {preset}"
    options = [f"--data {condition.data}", steps, f"--seeds {pairs}", "--controls"]
    usual = usual_condition(open_set(condition.data))
    by_itself = {**vars(usual.replace(recipe=condition.recipe)), "recipe": usual.recipe}
    for name, value in vars(condition).items():
        if value != by_itself[name] and name not in ("data", "steps", "bias", plan.factor):
            options.append(f"--set {shlex.quote(f'{name}={value}')}")
    return f"python -m vlcore study {shlex.quote(plan.grid or plan.name)} {' '.join(options)}"


def report_html(findings: Findings) -> str:
    """The whole study as one offline HTML page."""
    content = list(on_paper(report_parts(findings), LIGHT, WIDTH))
    attribution = open_set(findings.plan.conditions[0].data).attribution
    return page_html([*content, *filter(None, [attribution])], TITLE)
