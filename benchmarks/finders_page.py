"""Write the page of the proving ground, docs/results/finders.md, from its tables."""

from pathlib import Path

import altair as alt
import pandas as pd

from benchmarks import head, row
from vlcore.experiment.wording import percent, rate_words
from vlcore.metrics.estimate import Estimate
from vlcore.plots.rendering import chart_png
from vlcore.plots.theme import LIGHT
from vlcore.study.finders import SIGNIFICANCE
from vlcore.study.proving_ground import BUDGET, LINE, PLANTS, SHUFFLED, TOP, finder_summary

COLUMNS = {
    "discovery": "discovery rate",
    "false": "false discovery rate",
    "alarm": "alarms, nothing planted",
    "chance": "alarms, errors by chance",
    "precision": f"precision at {TOP}",
    "named": "plants named",
    "correct": "name is correct",
}
ABOUT = {
    "direction": "ours: an object's errors on one side of a linear SVM",
    "clusters": "ours: mixture over embedding, label and prediction, after Domino",
    "words": "ours: words of wrong images, after bias-to-text; reads the true factors",
    "SliceLine (true factors)": "told every factor; meant as the ceiling",
    "worst slices (true factors)": "the table of Compare: told every factor",
}


def finders_page(plants: pd.DataFrame, judged: pd.DataFrame, out: Path) -> str:
    """The page; its figure is written beside the tables."""
    counts = finder_summary(judged)
    (out / "discovery.png").write_bytes(chart_png(discovery_figure(counts).to_dict(), LIGHT))
    sets = judged.drop_duplicates("set")
    sets = sets[~sets["set"].str.startswith(SHUFFLED)]
    empty = int((sets["planted"] == 0).sum())
    took = plants[plants["took"]]
    rows = [head("finder", *COLUMNS.values())]
    for counted in counts.to_dict("records"):
        rows.append(row(counted["finder"], *(_cell(counted[name]) for name in COLUMNS)))
    return f"""\
# Finders of failures, put to the test

Which finder of failures discovers a bias that was planted, and how often is it wrong? Of {len(sets)} trained models {empty}
have nothing planted and {len(sets) - empty} have one, two or three biases. Of {len(plants)} plants {len(took)} took and {len(plants) - len(took)} did
not; only those that took count. A finder searches one half of the 500 held-out scenes and is judged
on the other, with names and thresholds frozen. It offers at most {BUDGET} slices, in its own order.

{chr(10).join(rows)}

95 % intervals over sets; n is of plants, slices, sets or names.

- **Discovery rate**: plants of which at least {LINE:.0%} of the images are covered by slices that are at
  least {LINE:.0%} of it (SpotCheck's precision and recall).
- **False discovery rate**: slices, in sets with a plant that took, that belong to none of these.
- **Alarms**: sets with nothing planted in which a slice was offered. Such models err too, on pale coats
  above all, so a slice of theirs can be true; so errors were also dealt out by chance, where none is.
- **Precision at {TOP}**: images of the plant among the {TOP} fresh ones that the first slice scores highest.
- **Plants named**: plants whose object and word are in the name of a slice.
- **Name is correct**: images so named are predicted right less often than the object's others (Fisher's
  exact test on fresh images, Holm over the slices of a set).

The finders:

{_lines(ABOUT, counts)}

## What it says

{findings(counts, judged)}

![Plants that are discovered, and named, by each finder](finders/discovery.png)

## Which plants took

{took_table(plants)}

A plant is one-sided: {_plants()}. The gap is the accuracy of the object's other fresh images
less that of the planted cell; it took where the interval of the gap is above 0.

## By strength

{by_strength(judged)}

## Not done

{not_done(judged)}

```sh
nice python -m benchmarks.finders       # goes on where it stopped
python -m vlcore finders --scores FILE  # an outside finder, on the same sets
```

For an outside finder, `python -m benchmarks.finders --export FOLDER` writes a CSV file a set with what ours see. FILE has the
columns `set`, `image`, `slice` and `score`: a row for each fresh image of a slice, 0.5 and more where the image belongs to it.

Written by `python -m benchmarks.finders` from [plants.csv](finders/plants.csv) and [judged.csv](finders/judged.csv).
"""


def findings(counts: pd.DataFrame, judged: pd.DataFrame) -> str:
    """What the table says, in words."""
    by_finder = counts.set_index("finder")
    empty = judged[(judged["planted"] == 0) & ~judged["set"].str.startswith(SHUFFLED)]
    alarms = empty[empty["finder"] == "direction"][["correct", "tested"]].sum()

    def cell(finder: str, column: str) -> str:
        return rate_words(by_finder.loc[finder, column].as_dict())

    shares = by_finder["chance"].dropna()
    is_quiet = shares.map(lambda share: share.low <= SIGNIFICANCE)
    quiet = ", ".join(f"{name} ({cell(name, 'chance')})" for name in shares.index[is_quiet])
    least = percent(min(share.value for share in shares[~is_quiet]))
    told, exact = "worst slices (true factors)", "SliceLine (true factors)"
    return "\n".join(
        [
            f"- Slices that follow an embedding seldom cover a plant: direction {cell('direction', 'discovery')}, clusters {cell('clusters', 'discovery')}. They follow errors, and many images of a plant are right. Their names say more than their members: {cell('direction', 'named')} and {cell('clusters', 'named')} of plants are named, and {cell('direction', 'correct')} and {cell('clusters', 'correct')} of their names hold on fresh images.",
            f"- So read a direction by its name, and count the name's images. In the model's own embedding it names no fewer ({cell('direction (own embedding)', 'named')}), but there a linear model tells nearly all errors from right answers, whatever they show; so Compare takes the tower's features.",
            f"- Told the factors, one word at a time discovers most: words {cell('words', 'discovery')}. SliceLine ({cell(exact, 'discovery')}) and the worst slices of Compare ({cell(told, 'discovery')}) name two words at once, and such a slice is a part of a plant: exact ({cell(exact, 'false')} and {cell(told, 'false')} false), and no ceiling of this measure.",
            f"- With nothing planted all finders raise alarms, for these models err anyway, on pale coats above all: {alarms['correct']} of {alarms['tested']} names of direction hold on fresh images. Such slices are among the false discoveries too.",
            f"- With errors dealt out by chance, these raise alarms no more often than they state: {quiet}. Each of the others offers something in at least {least} of the sets. So Compare says of each slice whether fresh images confirm it.",
        ]
    )


def _cell(estimate: Estimate | None) -> str:
    return "" if estimate is None else f"{rate_words(estimate.as_dict())}, n = {estimate.n}"


def _lines(about: dict[str, str], counts: pd.DataFrame) -> str:
    names = [name for name in counts["finder"] if name in about]
    return "\n".join(f"- **{name}**: {about[name]}." for name in names)


def _plants() -> str:
    cells = [f"{cell.object}s with “{cell.words[0]}” ({plant})" for plant, cell in PLANTS.items()]
    return f"{', '.join(cells)} are rare in training, the other object has the word by half"


def took_table(plants: pd.DataFrame) -> str:
    """How many plants took, and their mean gap, by kind and strength."""
    rows = [head("plant", "strength", "took", "mean gap (points)", "smallest and largest")]
    for (plant, strength), part in plants.groupby(["plant", "strength"], sort=False):
        gaps = 100 * part["gap"]
        took = f"{int(part['took'].sum())} of {len(part)}"
        ends = f"{gaps.min():.0f} and {gaps.max():.0f}"
        rows.append(row(plant, f"{strength:.0%}", took, f"{gaps.mean():.0f}", ends))
    return "\n".join(rows)


def by_strength(judged: pd.DataFrame) -> str:
    """Discovery rate by strength of the plants."""
    strengths = sorted(judged.loc[judged["planted"] > 0, "strength"].unique())
    rows = [head("finder", *(f"{strength:.0%}" for strength in strengths))]
    parts = {
        strength: finder_summary(judged[(judged["strength"] == strength) & (judged["planted"] > 0)])
        for strength in strengths
    }
    for number, finder in enumerate(judged["finder"].unique()):
        cells = [_cell(parts[strength]["discovery"].iloc[number]) for strength in strengths]
        rows.append(row(finder, *cells))
    return "\n".join(rows)


def not_done(judged: pd.DataFrame) -> str:
    """What of the plan did not run, and what it does not show."""
    seeds = judged[judged["planted"] > 0].groupby("strength")["seed"].nunique()
    empty = judged[judged["planted"] == 0]["seed"].nunique()
    least = int(min(seeds.min(), empty))
    ran = "all ran" if least == 10 else f"{least} ran at each strength and with nothing planted"
    return (
        f"Ten seeds were planned; {ran}. Fresh images are scenes that the finder did not see, of one"
        " held-out set that all seeds share. Names by captions are not judged: these models know two words. The size of an"
        " animal hardly takes as a bias."
    )


def discovery_figure(counts: pd.DataFrame) -> alt.LayerChart:
    """Discovery rate of each finder, and the share of plants that its names hold."""
    table = pd.DataFrame(
        [
            {"finder": counted["finder"], "share": words, **counted[name].as_dict()}
            for counted in counts.to_dict("records")
            for name, words in (("discovery", "discovered"), ("named", "named"))
        ]
    )
    base = alt.Chart(table).encode(
        y=alt.Y("finder:N", sort=list(counts["finder"]), title=None, axis=alt.Axis(labelLimit=260)),
        yOffset=alt.YOffset("share:N", sort=["discovered", "named"]),
        color=alt.Color(
            "share:N",
            sort=["discovered", "named"],
            scale=alt.Scale(range=[LIGHT.accent, LIGHT.muted]),
            legend=alt.Legend(title="plants that are", orient="top"),
        ),
    )
    axis = alt.Axis(format="%", title="share of plants that took, 95 % interval")
    scale = alt.Scale(domain=[0, 1])
    rules = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", axis=axis, scale=scale), x2=alt.X2("high:Q")
    )
    points = base.mark_point(filled=True, size=60).encode(x=alt.X("value:Q", scale=scale))
    return (rules + points).properties(width=420, height=alt.Step(16))
