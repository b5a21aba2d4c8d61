"""A title says the bias, the labels, and whatever else is not the usual choice."""

import pytest

from vlcore.experiment import wording


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a" + 60 * " " + "b", "a b"),
        ("x\n" + 80 * "y", "x " + 36 * "y" + " …"),
        (12 * "four ", " ".join(7 * ["four"]) + " …"),
    ],
)
def test_a_long_text_is_cut_on_one_line(text: str, line: str) -> None:
    assert wording.shortened(text, 40) == line
