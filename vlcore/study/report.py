"""Report of a study: its parts, which the Findings page shows too, and all of them as one offline
file.

A reviewer who has nothing but the file can see what was measured, how, on what, and what is
missing. Whatever can differ between studies is taken from their conditions and manifests; what is
written here, the code does for all.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import altair as alt

from vlcore.experiment.captions import quoted_captions
from vlcore.experiment.condition import STYLES_OF_THE_STUDY, Condition
from vlcore.experiment.files import read_yaml
from vlcore.experiment.grouping import group_words
from vlcore.experiment.options import ARCHITECTURES, CHOICES, NETWORKS
from vlcore.experiment.version import __version__
from vlcore.metrics.catalogue import ADVANTAGE, PRIMARY, words_of
from vlcore.plots.document import Chart, Command, Part, Table, Text, on_paper
from vlcore.plots.html import page_html
from vlcore.plots.theme import LIGHT, Palette
from vlcore.study import figures, registry, tables
from vlcore.study import text as words
from vlcore.study.findings import Findings
from vlcore.study.plans import StudyPlan
from vlcore.study.sanity import unsound
from vlcore.study.statistics.paired import ENOUGH, EQUIVALENCE, EXACT

TITLE = "Can more descriptive labels help a vision-language model that learns from biased pictures?"
WIDTH = 900  # px of a figure
_RUN_COLUMNS = {
    "key": "Run",
    "first_fit_step": "First fit at step",
    "seconds": "Seconds",
    "device": "Device",
    "checksum": "Checksum of its files",
}


def chart(draw: Callable[..., alt.TopLevelMixin], found: Findings, *about: str) -> Chart:
    """A figure of `vlcore.study.figures`, about a measure or a claim where it can show several."""
    return Chart("_".join((draw.__name__, *about)), partial(draw, found, *about))


def parts(found: Findings) -> list[Part]:
    """Everything that is said of a study, in the order of the report."""
    condition, planned = found.study.conditions[0], found.planned
    start = (
        "Made by VL Bias Lab, after “Understanding Limitations of Vision-Language Models” (Choi"
        f" and Somasundaram, MIT, 2023): the grid {found.study.name!r} on"
        f" {words.pictures(condition)}, {condition.steps:,} steps. {found.there} of {len(planned)}"
        f" planned runs are there, in {found.blocks} block{'s' * (found.blocks != 1)} of seeds."
    )
    notes = words.notes(found.end) if found.end else []
    blocks = found.frame["block"].nunique()
    notes += [said] if (said := words.soundness(unsound(found.frame), blocks)) else []
    notes += [said] if (said := words.left_out(found)) else []
    answer = [Text(words.answer(found)), *(Text(one, note=True) for one in notes)]
    ledger = Table(tables.ledger_table(found.claims))
    claims = [Text(f"{one.claim.id}. {words.claim_sentence(one)}") for one in found.claims]
    over_bias: list[Text | Chart] = [
        Text(figures.LEGEND, note=True),
        chart(figures.by_bias, found, PRIMARY),
    ]
    for measure in figures.reported(found):
        over_bias += [
            Text(f"{words_of(measure, found.grouping)}:"),
            chart(figures.heat_map, found, measure),
        ]
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
        Part(
            "training",
            "While training",
            (Text(figures.LEGEND_OF_CURVES, note=True), chart(figures.curves, found)),
        ),
        Part("moments", "", (Text(moments), chart(figures.moments, found, PRIMARY))),
        Part(
            "comparisons",
            "Every comparison",
            (Table(tables.comparisons_table(found), ("Measure", "Role")),),
        ),
        Part("methods", "Methods", (*how, Command(command(found.study), "To run it again"))),
        Part("missing", "What is missing", (Text(missing),)),
        Part("runs", "Runs", (Table(found.runs[list(_RUN_COLUMNS)].rename(columns=_RUN_COLUMNS)),)),
    ]


def methods(found: Findings) -> dict[str, str]:
    """Data, labels, model and recipe, seeds, measures, statistics, software; a paragraph each, by
    its title."""
    condition, grouping = found.study.conditions[0], found.grouping
    what, names = words.pictures(condition), group_words(grouping)
    tower = ARCHITECTURES.get(condition.architecture)
    seeds = found.runs.loc[found.runs["planned"], ["data_seed", "init_seed"]].drop_duplicates()
    facts = {
        "condition": condition,
        "pictures": f"{what[0].upper()}{what[1:]}",
        "majority": " and ".join(names[one] for one in grouping.majority),
        "minority": " and ".join(names[one] for one in grouping.minority),
        "short": quoted_captions(STYLES_OF_THE_STUDY[0], grouping),
        "descriptive": quoted_captions(STYLES_OF_THE_STUDY[1], grouping),
        "tower": tower.sentence if tower else NETWORKS,
        **{name: known[getattr(condition, name)].sentence for name, (_, known) in CHOICES.items()},
        "blocks": f"{len(seeds)} block{'s' * (len(seeds) != 1)}",
        "seeds": ", ".join(f"({data}, {init})" for data, init in seeds.itertuples(index=False)),
        "plan": registry.said(found.study, found.plans),
        "advantage": words_of(ADVANTAGE, grouping),
        **{"exact": EXACT, "margin": 100 * EQUIVALENCE, "enough": ENOUGH},
        "software": "; ".join((f"VL Bias Lab {__version__}", *sorted(set(found.runs["versions"])))),
        "devices": ", ".join(sorted(set(found.runs["device"]) - {""})) or "not recorded",
    }
    return {
        title: text.format_map(facts)
        for title, text in read_yaml(Path(__file__).with_name("methods.yaml")).items()
    }


def command(study: StudyPlan) -> str:
    """The command line that runs a study, with what its claims must beat."""
    condition, seeds = study.conditions[0], len({one.data_seed for one in study.conditions})
    steps = (
        f"--preset {condition.preset}"
        if condition.preset != "custom"
        else f"--set steps={condition.steps}"
    )
    usual = Condition()
    others = {name: getattr(condition, name) for name in ("recipe", "data_seed", "init_seed")}
    more = "".join(
        f" --set {name}={value}" for name, value in others.items() if value != getattr(usual, name)
    )
    return (
        f"python -m vlcore study {study.name} --data {condition.data} {steps} --seeds {seeds}"
        f" --controls{more}"
    )


def report_html(found: Findings, palette: Palette = LIGHT) -> str:
    """The whole study as one offline HTML page."""
    return page_html(list(on_paper(parts(found), palette, WIDTH)), TITLE, palette=palette)
