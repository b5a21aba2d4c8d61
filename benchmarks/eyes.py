"""What models on each image tower see: drawn test images, and images that nobody drew for training.

for plan in docs/results/plans/eyes-*.yaml; do python -m vlcore study $plan; done python -m
benchmarks.eyes --images FOLDER [--measure] [--out docs/results/eyes]

FOLDER holds folders of images named ``renders3d/<object>_<context>`` and
``photos/<object>_<context>``; only numbers of them are published. With `--measure` the runs that
are on the disk are measured and added to ``runs.csv.gz``; without it, the page, its figure and its
tables are written once more from that file. Runs of seed pairs that lack a part are left out of
differences and counted."""

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from benchmarks import head, options, row
from vlcore.artifacts import artifact
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.wording import signed
from vlcore.metrics.accuracy import predict_objects
from vlcore.metrics.estimate import Estimate
from vlcore.model.artifact_files import StoredEmbeddings
from vlcore.model.load import OwnModel, load
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
SHOWN_BIASES = (0.0, PRIMARY_BIAS, 0.9, 1.0)  # on the page; the tables have all
MINORITY = [group in SCENES.minority for group in SCENES.names]


@dataclass(frozen=True, eq=False)
class Outside:
    """Images of one source that no model was trained on."""

    source: str
    images: list[Image.Image]
    objects: NDArray[np.str_]
    groups: NDArray[np.str_]


def main() -> None:
    flag = {"action": "store_true"}
    images = {"type": Path, "default": None}
    asked = options(__doc__, images=images, measure=flag, out=Path("docs/results/eyes"))
    table = asked.out / "runs.csv.gz"
    asked.out.mkdir(parents=True, exist_ok=True)
    if asked.measure:
        known = pd.read_csv(table) if table.is_file() else pd.DataFrame({"key": []})
        new = pd.DataFrame(list(_measured(asked.images, set(known["key"]))))
        both = pd.concat([known, new], ignore_index=True).sort_values(
            ["towers", "data", "bias", "labels", "seed"]
        )
        with gzip.GzipFile(table, "wb", mtime=0) as file:
            file.write(both.to_csv(index=False, float_format="%.4f").encode())
    runs = pd.read_csv(table)
    differences = difference_table(runs)
    differences.to_csv(asked.out / "differences.csv", index=False, float_format="%.4f")
    accuracy_table(runs).to_csv(asked.out / "accuracy.csv", index=False, float_format="%.4f")
    (asked.out / "README.md").write_text(page(runs, differences))
    drawn = asked.out / "accuracy.png"
    figure(runs).save(drawn, scale_factor=2)
    Image.open(drawn).convert("P", palette=Image.Palette.ADAPTIVE, colors=64).save(
        drawn, optimize=True
    )
    print((asked.out / "README.md").read_text())


def studies() -> Iterator[tuple[str, str, plans.StudyPlan]]:
    """The towers, the image set and the plan of each study."""
    for towers in TOWERS:
        for data, ending in SETS.items():
            yield towers, data, plans.find(str(PLANS / f"eyes-{towers}{ending}.yaml"))


def _measured(folder: Path, known: set[str]) -> Iterator[dict[str, Any]]:
    """A row for each run that is on the disk and not yet known."""
    outside = [_outside(folder / source, source) for source in ("renders3d", "photos")]
    for towers, data, study in studies():
        for condition in study.conditions:
            if condition.key in known or not artifact.published(condition.key):
                continue
            yield {
                "towers": towers,
                "data": data,
                "bias": condition.bias,
                "labels": condition.labels,
                "seed": condition.init_seed,
                "key": condition.key,
                **_accuracies(condition, outside),
            }


def _outside(folder: Path, source: str) -> Outside:
    files = sorted(folder.glob("*_*/*"))
    groups = np.array([file.parent.name for file in files])
    objects = np.array([group.partition("_")[0] for group in groups])
    return Outside(source, [Image.open(file).convert("RGB") for file in files], objects, groups)


def _accuracies(condition: Condition, outside: Sequence[Outside]) -> dict[str, float]:
    """Accuracy by source and group, and the number of images of each."""
    artefact = artifact.read(condition.key)
    accuracies: dict[str, float] = {}
    for group, estimate in artefact.metrics["end"]["group_accuracy"].items():
        accuracies |= {f"test {group}": estimate["value"], f"test {group} n": estimate["n"]}
    model, end = load(artefact), StoredEmbeddings(artefact).end
    assert isinstance(model, OwnModel)
    texts = StoredEmbeddings(artefact).caption_texts
    objects = [next(name for name in SCENES.objects if name in text) for text in texts]
    for source in outside:
        scores = np.asarray(model.embed_pictures(source.images) @ end.captions.T, dtype=np.float64)
        right = (
            predict_objects(end.scale * scores + end.bias, objects, SCENES.objects)
            == source.objects
        )
        for group in SCENES.names:
            members = source.groups == group
            accuracies[f"{source.source} {group}"] = float(right[members].mean())
            accuracies[f"{source.source} {group} n"] = float(members.sum())
    return accuracies


def minority(runs: pd.DataFrame, source: str) -> pd.Series:
    """Accuracy on the minority groups of each run, over all their images."""
    return _side(runs, source, minority=True)


def _side(runs: pd.DataFrame, source: str, *, minority: bool) -> pd.Series:
    groups = [
        group
        for group, is_minority in zip(SCENES.names, MINORITY, strict=True)
        if is_minority == minority
    ]
    right = sum(runs[f"{source} {group}"] * runs[f"{source} {group} n"] for group in groups)
    return right / sum(runs[f"{source} {group} n"] for group in groups)


def _log_odds(accuracy: pd.Series, images: pd.Series) -> pd.Series:
    """Log odds of accuracies, with half an image more right and wrong, so that 0 and 1 have some
    too."""
    return np.log((accuracy * images + 0.5) / ((1 - accuracy) * images + 0.5))


def difference_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Descriptive less short labels on the minority groups, seed pair by seed pair: a row for each
    towers, image set, bias level and source, in points and log odds, with intervals over seed
    pairs; the planned p values adjusted.
    """
    rows = []
    for (towers, data, bias), here in runs.groupby(["towers", "data", "bias"]):
        for source in SOURCES:
            images = here[[f"{source} {group} n" for group in SCENES.minority]].sum(axis=1)
            values = here.assign(accuracy=minority(here, source))
            values["log_odds"] = _log_odds(values["accuracy"], images)
            wide = values.pivot(
                index="seed", columns="labels", values=["accuracy", "log_odds"]
            ).dropna()
            if len(wide) < 2:
                continue
            change = {
                name: paired(wide[name]["descriptive"] - wide[name]["undescriptive"])
                for name in ("accuracy", "log_odds")
            }
            points, odds = change["accuracy"].mean, change["log_odds"].mean
            means = wide["accuracy"].mean()
            rows.append(
                {
                    "towers": towers,
                    "data": data,
                    "bias": bias,
                    "source": source,
                    "pairs": len(wide),
                    "short": means["undescriptive"],
                    "descriptive": means["descriptive"],
                    "points": 100 * points.value,
                    "low": 100 * points.low,
                    "high": 100 * points.high,
                    "log_odds": odds.value,
                    "log_odds_low": odds.low,
                    "log_odds_high": odds.high,
                    "p": change["accuracy"].p,
                }
            )
    table = pd.DataFrame(rows)
    primary = (table["bias"] == PRIMARY_BIAS) & (table["source"] == "test")
    p = table.loc[primary, "p"].tolist()
    missing = len(TOWERS) * len(SETS) - len(
        p
    )  # a planned test that could not be made counts in the adjustment
    table.loc[primary, "p_holm"] = holm([*p, *[1.0] * missing])[: len(p)]
    return table


def accuracy_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Accuracy by group: a row for each towers, image set, bias level, label style, source and
    group, with the t interval over seeds where there are two or more."""
    rows = []
    for keys, here in runs.groupby(["towers", "data", "bias", "labels"]):
        for source in SOURCES:
            for group in SCENES.names:
                values = here[f"{source} {group}"]
                mean = (
                    t_interval(values)
                    if len(values) > 1
                    else Estimate(float(values.iat[0]), np.nan, np.nan, 1)
                )
                cells = (source, group, int(here[f"{source} {group} n"].iat[0]), mean.n)
                rows.append((*keys, *cells, mean.value, mean.low, mean.high))
    names = [
        "towers",
        "data",
        "bias",
        "labels",
        "source",
        "group",
        "images",
        "seeds",
        "accuracy",
        "low",
        "high",
    ]
    return pd.DataFrame(rows, columns=names)


def page(runs: pd.DataFrame, differences: pd.DataFrame) -> str:
    """The page of results."""
    counts = runs.groupby(["towers", "data"])["seed"].nunique()
    numbers = ", ".join(
        f"{TOWERS[towers]} on `{data}`: {count}" for (towers, data), count in counts.items()
    )
    lines = [
        "# What models on each image tower see",
        "",
        (
            "Written by `python -m benchmarks.eyes` from `runs.csv.gz`; nothing here is typed by"
            " hand. Plans: [eyes-*.yaml](../plans), written down before the first run. Twenty seed"
            f" pairs were planned; there are, of complete and incomplete ones: {numbers}. What is"
            " missing had no time on the machine; seed pairs were run in their order, so which are"
            " there does not depend on what came out."
        ),
        "",
        (
            "The models were trained on drawn images alone. The 3-D renders (96) and the"
            " photographs (32, of which eight show minority groups) are a small public choice that"
            " nobody drew for training; their numbers say little about other photographs. Intervals"
            " are 95 % t intervals over seed pairs: they do not cover the choice of images."
        ),
        "",
        "## What descriptive labels change on minority groups",
        "",
        (
            "Descriptive less short labels, points and log odds, with 75 % of the minority removed;"
            " p of the planned test (sign flips), adjusted over the plans (Holm)."
        ),
        "",
        head(
            "towers",
            "image set",
            "tested on",
            "pairs",
            "short",
            "descriptive",
            "points",
            "log odds",
            "p",
        ),
    ]
    at_primary = differences[differences["bias"] == PRIMARY_BIAS]
    for entry in at_primary.sort_values(["source", "data"], key=_ordered).itertuples():
        p = f"{entry.p_holm:.2g}" if entry.p_holm == entry.p_holm else ""
        odds = Estimate(entry.log_odds, entry.log_odds_low, entry.log_odds_high, entry.pairs)
        points = Estimate(entry.points, entry.low, entry.high, entry.pairs)
        lines.append(
            row(
                TOWERS[entry.towers],
                f"`{entry.data}`",
                SOURCES[entry.source],
                entry.pairs,
                f"{entry.short:.0%}",
                f"{entry.descriptive:.0%}",
                _interval(points, 1),
                _interval(odds, 2),
                p,
            )
        )
    lines += ["", "## Accuracy by group", ""]
    lines += [
        (
            "Mean over seeds, short labels then descriptive labels; minority groups are marked with"
            " a star. Intervals over seeds and the other bias levels: [accuracy.csv](accuracy.csv)."
        ),
        "",
    ]
    names = [
        f"{group.replace('_', ' / ')}{' *' * (group in SCENES.minority)}" for group in SCENES.names
    ]
    for data in SETS:
        lines += [
            f"### Trained on `{data}`",
            "",
            head("towers", "bias", "tested on", "seeds", *names),
        ]
        part = runs[(runs["data"] == data) & runs["bias"].isin(SHOWN_BIASES)]
        towers_in_order = part["towers"].map({name: place for place, name in enumerate(TOWERS)})
        for (_, towers, bias), here in part.groupby([towers_in_order, "towers", "bias"]):
            for source, words in SOURCES.items():
                cells = [_pair_of_means(here, f"{source} {group}") for group in SCENES.names]
                lines.append(
                    row(TOWERS[towers], f"{bias:.0%}", words, here["seed"].nunique(), *cells)
                )
        lines.append("")
    lines += ["![Accuracy on minority groups by bias level](accuracy.png)", ""]
    lines += ["Every difference at every bias level: [differences.csv](differences.csv).", ""]
    return "\n".join(lines)


def _ordered(column: pd.Series) -> pd.Series:
    """Sources and sets in the order of this file."""
    places = {name: place for place, name in enumerate([*SOURCES, *SETS])}
    return column.map(places)


def _interval(estimate: Estimate, digits: int) -> str:
    value, low, high = (
        signed(number, digits) for number in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} ({low} to {high})"


def _pair_of_means(runs: pd.DataFrame, column: str) -> str:
    means = runs.groupby("labels")[column].mean()
    return f"{means.get('undescriptive', np.nan):.2f} {means.get('descriptive', np.nan):.2f}"


def figure(runs: pd.DataFrame) -> alt.TopLevelMixin:
    """Accuracy on minority groups by bias level, a panel for each source and image set."""
    rows = []
    for (towers, data, bias, labels), here in runs.groupby(["towers", "data", "bias", "labels"]):
        for source, words in SOURCES.items():
            mean = t_interval(minority(here, source)) if len(here) > 1 else None
            if mean is not None:
                rows.append(
                    {
                        "towers": TOWERS[towers],
                        "image set": data,
                        "bias": 100 * bias,
                        "tested on": words,
                        "labels": "short" if labels == "undescriptive" else "descriptive",
                        "accuracy": 100 * mean.value,
                        "low": 100 * mean.low,
                        "high": 100 * mean.high,
                    }
                )
    table = pd.DataFrame(rows)
    x = alt.X("bias:Q", title="minority removed, %")
    y = alt.Y(
        "accuracy:Q", title="accuracy on minority groups, %", scale=alt.Scale(domain=[0, 100])
    )
    colour = alt.Color("towers:N", sort=list(TOWERS.values()), title="image tower, text tower")
    stroke = alt.Legend(symbolType="stroke", symbolStrokeWidth=2)
    dash = alt.StrokeDash("labels:N", sort=["short", "descriptive"], legend=stroke)
    lines = alt.Chart().mark_line(point=True).encode(x, y, colour, dash)
    bands = (
        alt.Chart()
        .mark_rule(opacity=0.5, clip=True)
        .encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), colour)
    )
    panel = alt.layer(lines, bands, data=table).properties(width=230, height=200)
    return panel.facet(
        row=alt.Row("image set:N", sort=list(SETS)),
        column=alt.Column("tested on:N", sort=list(SOURCES.values())),
    )


if __name__ == "__main__":
    main()
