"""Models of the recipe `browser`, trained by trainer.js in Debian's chromium and by Python
from the same draws and initial weights: how often their predictions on held-out images agree, the
least cosine of their embeddings, their accuracies on rare images, and the seconds of a training.

python -m benchmarks.second_implementation [--sets scenes] [--seeds 10]
"""

import tempfile
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import parse_options, print_table, seconds_of
from benchmarks.startup import chromium
from tools.browser import browser_condition
from tools.second_implementation import InPython, served_folder, trained_in
from tools.site_data import write_site_data
from vlcore.data.catalogue import BUILT_IN_SETS
from vlcore.experiment.condition import GRIDS, STYLES_OF_THE_STUDY
from vlcore.experiment.options import shown_name
from vlcore.model.in_browser import copy_scripts

BIASES = sorted({*GRIDS["paper"], 0.95})


def main() -> None:
    options = parse_options(
        __doc__,
        sets={"nargs": "+", "choices": BUILT_IN_SETS, "default": [*BUILT_IN_SETS]},
        seeds=10,
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_scripts(folder)
        write_site_data(folder / "data", options.sets, options.seeds, 0, with_pictures=False)
        with served_folder(folder) as address, chromium() as browser:
            page = browser.new_page()
            page.goto(f"{address}/data/")
            runs = product(options.sets, STYLES_OF_THE_STUDY, BIASES, range(options.seeds))
            table = pd.DataFrame([compared(page, *run) for run in runs])
    columns = ("set", "captions", "bias", "seeds", "predictions that agree", "least cosine")
    columns += ("rare correct, Python", "in the browser", "seconds, Python", "ratio of the browser")
    rows = []
    for (data, style, bias), runs in table.groupby(["data", "style", "bias"], sort=False):
        condition = (data, shown_name("labels", style), f"{bias:.0%}", len(runs))
        same = (f"{runs['agree'].mean():.4%}", f"{runs['cosine'].min():.7f}")
        rare = (f"{runs['python'].mean():.3f}", f"{runs['browser'].mean():.3f}")
        times = (f"{runs['seconds'].median():.2f}", f"{runs['ratio'].median():.2f}")
        rows.append((*condition, *same, *rare, *times))
    print_table(columns, rows)
    print(
        f"{len(table)} runs: predictions agree on {table['agree'].mean():.4%}, in the worst run on"
        f" {table['agree'].min():.3%}; the least cosine is {table['cosine'].min():.7f}."
    )


def compared(page: Any, data: str, style: str, bias: float, seed: int) -> dict[str, Any]:
    """Train one model in both and compare them, as a row of the table."""
    condition = browser_condition(data, bias, style, seed)
    short = {"set": data, "style": shown_name("labels", style), "bias": bias, "seed": seed}
    results: list[Any] = []
    in_python = seconds_of(lambda: results.append(InPython(condition)))
    in_browser = seconds_of(
        lambda: results.append(trained_in(page, short | {"steps": condition.steps}))
    )
    first, second = results
    return {
        "data": data,
        "style": style,
        "bias": bias,
        "agree": first.agreement(second),
        "cosine": first.cosines(second).min(),
        "python": first.rare,
        "browser": second["accuracy"]["rare"]["value"],
        "seconds": in_python,
        "ratio": in_browser / in_python,
    }


if __name__ == "__main__":
    main()
