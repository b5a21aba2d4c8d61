"""A ranking: who is where, what else they got right, and no more of the page than there is."""

import pandas as pd
import pytest

from vlcore.plots.ranking import ranking_chart
from vlcore.plots.rendering import chart_png
from vlcore.plots.theme import DARK, LIGHT


def rows(many: int) -> pd.DataFrame:
    teams = [
        (f"Team {n}", 0.8 - n / 100, 0.9, f"{80 - n} % · 12 changes", False) for n in range(many)
    ]
    held = [("as it was", 0.4, 0.95, "40 %", True), ("dfr", 0.6, 0.9, "60 %", True)]
    table = pd.DataFrame([*teams, *held], columns=["name", "value", "other", "said", "beside"])
    return table.assign(low=table["value"] - 0.02, high=table["value"] + 0.02)


def made(many: int, width: int = 1200, height: int = 520) -> dict[str, object]:
    chart = ranking_chart(
        rows(many),
        palette=LIGHT,
        width=width,
        height=height,
        title="right; hollow: majority",
        other="majority",
        line="as it was",
    )
    spec: dict[str, object] = chart.to_dict()
    return spec


@pytest.mark.parametrize("many", [1, 12, 28])
def test_it_fits_under_a_title_and_names_all_in_order(many: int) -> None:
    spec = made(many)
    assert int(str(spec["height"])) <= 520 - 50
    assert int(str(spec["width"])) < 1200
    text = str(spec)
    assert all(f"Team {n}" in text for n in range(many))
    assert chart_png(spec, LIGHT, 0.2).startswith(b"\x89PNG")


def test_on_a_phone_the_dots_have_the_room() -> None:
    assert int(str(made(4, 350)["width"])) > 180
    assert "text" not in {layer["mark"]["type"] for layer in made(4, 350)["layer"]}  # type: ignore[attr-defined]


def test_what_is_no_share_is_refused() -> None:
    for column, value in (("value", 1.2), ("other", -0.1), ("low", float("nan"))):
        table = rows(2)
        table.loc[0, column] = value
        with pytest.raises(ValueError, match="fractions"):
            ranking_chart(table, palette=DARK, width=900, height=400, title="", other="", line="")
    with pytest.raises(ValueError, match="nothing"):
        ranking_chart(rows(2)[:0], palette=DARK, width=900, height=400, title="", other="", line="")
