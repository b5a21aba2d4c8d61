"""What models on each image tower see: drawn test images, and images that nobody drew for training.

for plan in docs/results/plans/eyes-*.yaml; do python -m vlcore study $plan; done
python -m benchmarks.eyes --images FOLDER [--measure] [--out docs/results/eyes]

FOLDER holds folders of images named ``renders3d/<object>_<context>`` and
``photos/<object>_<context>``; only numbers of them are published. With `--measure` the runs that
are on the disk are measured and added to ``runs.csv.gz``; without it, the page, its figure and its
tables are written again from that file. Incomplete seed pairs are excluded from differences and
counted."""

import gzip
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from PIL import Image

from benchmarks import FLAG, OutsideImage, head, outside_images, parse_options, row
from vlcore.api.models import load
from vlcore.artifacts import store
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.wording import difference
from vlcore.metrics.estimate import Estimate
from vlcore.study import plans
from vlcore.study.statistics.paired import holm, paired, t_interval

PLANS = Path("docs/results/plans")
TOWERS = {
    "scratch": "from scratch",
    "pretrained": "pretrained, transformer",
    "words": "pretrained, word vectors",
    "random": "random weights (control)",
}
SETS = {"scenes": "", "balanced-cues": "-cues"}
SOURCES = {"test": "drawn test images", "renders3d": "3-D renders", "photos": "photographs"}
PRIMARY_BIAS = 0.75
PAGE_BIASES = (0.0, PRIMARY_BIAS, 0.9, 1.0)  # the tables have all
SHORT, DESCRIPTIVE = "undescriptive", "descriptive"
DIFFERENCE_COLUMNS = ("towers", "image set", "tested on", "pairs", "short", "descriptive")
DIFFERENCE_COLUMNS += ("points", "log odds", "p")
RUN = ["towers", "data", "bias", "labels"]


def main() -> None:
    images = {"type": Path, "default": None}
    options = parse_options(__doc__, images=images, measure=FLAG, out=Path("docs/results/eyes"))
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    table = out / "runs.csv.gz"
    if options.measure:
        add_runs(table, options.images)
    runs = pd.read_csv(table)
    differences = difference_table(runs)
    differences.to_csv(out / "differences.csv", index=False, float_format="%.4f")
    accuracy_table(runs).to_csv(out / "accuracy.csv", index=False, float_format="%.4f")
    text = eyes_page(runs, differences)
    (out / "README.md").write_text(text)
    image = out / "accuracy.png"
    accuracy_figure(runs).save(image, scale_factor=2)
    palette_image = Image.open(image).convert("P", palette=Image.Palette.ADAPTIVE, colors=64)
    palette_image.save(image, optimize=True)
    print(text)


def add_runs(table: Path, folder: Path) -> None:
    """Add the runs that are on the disk to a table."""
    known = pd.read_csv(table) if table.is_file() else pd.DataFrame({"key": []})
    outside = {source: outside_images(folder / source) for source in ("renders3d", "photos")}
    new = pd.DataFrame(list(_measure_runs(outside, set(known["key"]))))
    runs = pd.concat([known, new], ignore_index=True).sort_values([*RUN, "seed"])
    with gzip.GzipFile(table, "wb", mtime=0) as file:
        file.write(runs.to_csv(index=False, float_format="%.4f").encode())


def _measure_runs(
    outside: Mapping[str, list[OutsideImage]], known: set[str]
) -> Iterator[dict[str, Any]]:
    """A row for each run that is on the disk and not yet known."""
    for towers, (data, ending) in product(TOWERS, SETS.items()):
        study = plans.find(str(PLANS / f"eyes-{towers}{ending}.yaml"))
        for condition in study.conditions:
            if condition.key in known or not store.published(condition.key):
                continue
            yield {
                "towers": towers,
                "data": data,
                "bias": condition.bias,
                "labels": condition.labels,
                "seed": condition.init_seed,
                "key": condition.key,
                **_accuracies(condition.key, outside),
            }


def _accuracies(key: str, outside: Mapping[str, list[OutsideImage]]) -> dict[str, float]:
    """Accuracy by source and group, and the number of images of each."""
    model = load(key)
    accuracies: dict[str, float] = {}
    for group, estimate in model.artifact.metrics["end"]["group_accuracy"].items():
        accuracies |= {f"test {group}": estimate["value"], f"test {group} n": estimate["n"]}
    for source, images in outside.items():
        z = model.loaded.embed_images([image.image for image in images])
        table = pd.DataFrame({"group": [f"{image.object}_{image.context}" for image in images]})
        objects = [image.object for image in images]
        table["right"] = model.map.predicted_objects(SCENES.objects, z) == np.array(objects)
        for group, right in table.groupby("group")["right"]:
            accuracies[f"{source} {group}"] = float(right.mean())
            accuracies[f"{source} {group} n"] = float(len(right))
    return accuracies


def minority_accuracy(runs: pd.DataFrame) -> pd.DataFrame:
    """Accuracy on the minority groups, over all their images: a row a run and source."""
    parts = []
    for source in SOURCES:
        images = runs[[f"{source} {group} n" for group in SCENES.minority]].to_numpy()
        accuracies = runs[[f"{source} {group}" for group in SCENES.minority]].to_numpy()
        n, right = images.sum(axis=1), (images * accuracies).sum(axis=1)
        # Half an image more right and wrong, so that the log odds of 0 and 1 are finite.
        log_odds = np.log((right + 0.5) / (n - right + 0.5))
        columns = {"source": source, "accuracy": right / n, "log_odds": log_odds}
        parts.append(runs[[*RUN, "seed"]].assign(**columns))
    return pd.concat(parts)


def difference_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Descriptive less short labels on the minority groups, seed pair by seed pair: a row for each
    towers, image set, bias level and source, in points and log odds, with intervals over seed
    pairs; the planned p values adjusted.
    """
    rows = []
    values = ["accuracy", "log_odds"]
    columns = ["towers", "data", "bias", "source"]
    for arm, seeds in minority_accuracy(runs).groupby(columns, sort=False):
        pairs = seeds.pivot(index="seed", columns="labels", values=values).dropna()
        if len(pairs) < 2:
            continue
        means = pairs["accuracy"].mean()
        change, change_in_odds = (
            paired(pairs[name][DESCRIPTIVE] - pairs[name][SHORT]) for name in values
        )
        points, odds = change.mean, change_in_odds.mean
        rows.append(
            {
                **dict(zip(columns, arm, strict=True)),
                "pairs": len(pairs),
                "short": means[SHORT],
                "descriptive": means[DESCRIPTIVE],
                "points": 100 * points.value,
                "low": 100 * points.low,
                "high": 100 * points.high,
                "log_odds": odds.value,
                "log_odds_low": odds.low,
                "log_odds_high": odds.high,
                "p": change.p,
            }
        )
    table = pd.DataFrame(rows).sort_values(columns[:3], kind="stable", ignore_index=True)
    primary = (table["bias"] == PRIMARY_BIAS) & (table["source"] == "test")
    p = table.loc[primary, "p"].tolist()
    # A planned test that could not be made counts in the adjustment.
    missing = len(TOWERS) * len(SETS) - len(p)
    table.loc[primary, "p_holm"] = holm([*p, *[1.0] * missing])[: len(p)]
    return table


def accuracy_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Accuracy by group: a row for each towers, image set, bias level, label style, source and
    group, with the t interval over seeds where there are two or more."""
    rows = []
    for arm, seeds in runs.groupby(RUN):
        for source, group in product(SOURCES, SCENES.names):
            values = seeds[f"{source} {group}"]
            mean = Estimate(float(values.iat[0]), np.nan, np.nan, 1)
            if len(values) > 1:
                mean = t_interval(values)
            images = int(seeds[f"{source} {group} n"].iat[0])
            rows.append((*arm, source, group, images, mean.n, mean.value, mean.low, mean.high))
    columns = [*RUN, "source", "group", "images", "seeds", "accuracy", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def eyes_page(runs: pd.DataFrame, differences: pd.DataFrame) -> str:
    """The page of results."""
    groups = [
        f"{name.replace('_', ' / ')}{' *' * (name in SCENES.minority)}" for name in SCENES.names
    ]
    titles = head("towers", "bias", "tested on", "seeds", *groups)
    sections = [
        "# What models on each image tower see",
        (
            "Written by `python -m benchmarks.eyes` from `runs.csv.gz`; nothing here is typed by"
            " hand. Plans: [eyes-*.yaml](../plans), written down before the first run. Twenty seed"
            " pairs an arm were planned. All are there."
        ),
        (
            "The models were trained on drawn images alone. The 3-D renders (96) and the"
            " photographs (32, of which eight show minority groups) are a small public choice that"
            " nobody drew for training; their numbers say little about other photographs. Intervals"
            " are 95 % t intervals over seed pairs: they do not cover the choice of images."
        ),
        "## What descriptive labels change on minority groups",
        (
            "Descriptive less short labels, points and log odds, with 75 % of the minority removed;"
            " p of the planned test (sign flips), adjusted over the plans (Holm)."
        ),
        "\n".join([head(*DIFFERENCE_COLUMNS), *_difference_rows(differences)]),
        "## Accuracy by group",
        (
            "Mean over seeds, short labels then descriptive labels; minority groups are marked with"
            " a star. Intervals over seeds and the other bias levels: [accuracy.csv](accuracy.csv)."
        ),
    ]
    for data in SETS:
        rows = _accuracy_rows(runs[(runs["data"] == data) & runs["bias"].isin(PAGE_BIASES)])
        sections += [f"### Trained on `{data}`", "\n".join([titles, *rows])]
    sections += [
        "![Accuracy on minority groups by bias level](accuracy.png)",
        "Every difference at every bias level: [differences.csv](differences.csv).",
    ]
    return "\n\n".join(sections) + "\n"


def _difference_rows(differences: pd.DataFrame) -> Iterator[str]:
    at_primary = differences[differences["bias"] == PRIMARY_BIAS]
    for entry in at_primary.sort_values(["source", "data"], key=_ordered).itertuples():
        points = Estimate(entry.points, entry.low, entry.high, entry.pairs)
        odds = Estimate(entry.log_odds, entry.log_odds_low, entry.log_odds_high, entry.pairs)
        yield row(
            TOWERS[entry.towers],
            f"`{entry.data}`",
            SOURCES[entry.source],
            entry.pairs,
            f"{entry.short:.0%}",
            f"{entry.descriptive:.0%}",
            difference(points.as_dict(), 1),
            difference(odds.as_dict()),
            "" if np.isnan(entry.p_holm) else f"{entry.p_holm:.2g}",
        )


def _accuracy_rows(runs: pd.DataFrame) -> Iterator[str]:
    """Both label styles' means over seeds, a row for each towers, bias level and source."""
    for (_, towers, bias), arms in runs.groupby([_ordered(runs["towers"]), "towers", "bias"]):
        means = arms.groupby("labels").mean(numeric_only=True).reindex([SHORT, DESCRIPTIVE])
        seeds = arms["seed"].nunique()
        for source, words in SOURCES.items():
            cells = [
                " ".join(f"{mean:.2f}" for mean in means[f"{source} {group}"])
                for group in SCENES.names
            ]
            yield row(TOWERS[towers], f"{bias:.0%}", words, seeds, *cells)


def _ordered(column: pd.Series) -> pd.Series:
    """Towers, sources or sets by their order in this file."""
    ranks = {name: rank for rank, name in enumerate([*TOWERS, *SOURCES, *SETS])}
    return column.map(ranks)


def accuracy_figure(runs: pd.DataFrame) -> alt.TopLevelMixin:
    """Accuracy on minority groups by bias level, a panel for each source and image set."""
    rows = []
    for arm, seeds in minority_accuracy(runs).groupby([*RUN, "source"], sort=False):
        if len(seeds) < 2:
            continue
        towers, data, bias, labels, source = arm
        mean = t_interval(seeds["accuracy"])
        rows.append(
            {
                "towers": TOWERS[towers],
                "image set": data,
                "bias": 100 * bias,
                "tested on": SOURCES[source],
                "labels": "short" if labels == SHORT else "descriptive",
                "accuracy": 100 * mean.value,
                "low": 100 * mean.low,
                "high": 100 * mean.high,
            }
        )
    table = pd.DataFrame(rows)
    x = alt.X("bias:Q", title="minority removed, %")
    title = "accuracy on minority groups, %"
    y = alt.Y("accuracy:Q", title=title, scale=alt.Scale(domain=[0, 100]))
    colour = alt.Color("towers:N", sort=list(TOWERS.values()), title="image tower, text tower")
    stroke = alt.Legend(symbolType="stroke", symbolStrokeWidth=2)
    dash = alt.StrokeDash("labels:N", sort=["short", "descriptive"], legend=stroke)
    lines = alt.Chart().mark_line(point=True).encode(x, y, colour, dash)
    rules = alt.Chart().mark_rule(opacity=0.5, clip=True)
    intervals = rules.encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), colour)
    panel = alt.layer(lines, intervals, data=table).properties(width=230, height=200)
    return panel.facet(
        row=alt.Row("image set:N", sort=list(SETS)),
        column=alt.Column("tested on:N", sort=list(SOURCES.values())),
    )


if __name__ == "__main__":
    main()
