"""The answer in one table: each row is what its own function says."""

import pytest

from vlcore.experiment.wording import difference
from vlcore.study import telling_apart
from vlcore.study.answer import TRAINED_WORDS_COST, WORDS_COST, answer_table
from vlcore.study.contrasts import Contrast, published_contrast
from vlcore.study.pooled import SETS, pooled


def words_of(result: Contrast) -> str:
    return f"{difference(result.mean_log_odds.as_dict())}; {result.n}"


@pytest.mark.parametrize("data", SETS)
def test_every_row_has_an_interval_and_pairs_on_each_set(data: str) -> None:
    head, _, *rows = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in answer_table().splitlines()
    )
    column = head.index(f"`{data}`")
    cells = {row[0]: row[column] for row in rows}
    assert len(cells) == len(rows), "no two rows ask the same"
    assert words_of(pooled(data).all_pairs) == cells["**rare images**"]
    assert words_of(telling_apart.cost(data, "sky", "")) in cells.values()
    random, trained = (
        words_of(published_contrast(f"made-of-words-pretrained{SETS[data]}", weights))
        for weights in (WORDS_COST, TRAINED_WORDS_COST)
    )
    assert list(cells.values())[-2:] == [random, trained]
    assert len(set(cells.values())) == len(rows)
