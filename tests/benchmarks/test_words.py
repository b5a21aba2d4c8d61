"""The published list of unseen words: what is in it, and that its page says what its tables say."""

from pathlib import Path

import pandas as pd
import pytest

from benchmarks import words, words_page
from vlcore.api.captions import FAR
from vlcore.experiment.condition import STYLES_OF_THE_STUDY
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.vocabulary import Vocabulary, split_words
from vlcore.study import published

FOLDER = published.FOLDER / "words"


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "words.csv")


@pytest.fixture(scope="module")
def random_words() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "random-words.csv")


def test_sixty_captions_have_a_word_that_no_label_style_contains() -> None:
    counted = words.CAPTIONS[words.CAPTIONS["part"].isin(list(words_page.PARTS))]
    assert counted["text"].nunique() == len(counted) == 60
    label_words = set(Vocabulary.from_grouping(SCENES).words)
    assert all(set(split_words(text)) - label_words for text in counted["text"])
    assert ((counted["object"] + counted["context"]) != "").all()


@pytest.mark.parametrize(
    ("object_name", "context", "expected"),
    [
        ("horse", "", [True, True, False, False]),
        ("", "grass", [True, False, False, True]),
        ("camel", "desert", [False, False, True, False]),
    ],
)
def test_images_that_fit_a_caption_show_its_object_and_its_background(
    object_name: str, context: str, expected: list[bool]
) -> None:
    images = pd.DataFrame(SCENES.pairs, columns=["object", "context"])
    assert words.fits(images, object_name, context).tolist() == expected


def test_the_published_tables_hold_every_caption_in_every_model(
    table: pd.DataFrame, random_words: pd.DataFrame
) -> None:
    texts = [*words.TEXTS, words_page.UNTRAINED]
    assert set(table["caption"]) == set(words.CAPTIONS["text"])
    assert len(table) == len(words.CAPTIONS) * len(texts) * len(STYLES_OF_THE_STUDY)
    assert not table.duplicated(["caption", "text", "labels"]).any()
    assert set(random_words["word"]) == set(words.random_words())
    assert len(random_words) == words.RANDOM_WORDS * len(STYLES_OF_THE_STUDY)


def test_what_the_tables_say_of_captions_comes_out_again(
    table: pd.DataFrame, random_words: pd.DataFrame, tmp_path: Path
) -> None:
    measured = table[["caption", "text", "labels", "n", "auc", "low", "high"]]
    words.write(words.unseen_captions_table(measured), tmp_path / "words.csv")
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "words.csv"), table, atol=2e-4)
    # Pages mark captions that are as far from every training caption as 95 % of random words.
    assert round(random_words["cosine"].quantile(0.95), 2) == FAR


def test_the_page_comes_out_of_its_tables_again(
    table: pd.DataFrame, random_words: pd.DataFrame
) -> None:
    """Else run `python -m benchmarks.words --seeds 0`."""
    page = words_page.unseen_words_page(table, random_words)
    assert page == (FOLDER / "README.md").read_text()


def test_a_mean_over_models_has_its_interval() -> None:
    runs = pd.DataFrame(
        {"caption": "pony", "text": "words", "labels": "descriptive", "auc": [0.8, 0.9, 1.0]}
    )
    (line,) = words.mean_aucs(runs).to_dict("records")
    assert (line["n"], line["auc"]) == (3, pytest.approx(0.9))
    assert line["low"] == pytest.approx(0.9 - 4.3027 * 0.1 / 3**0.5, abs=1e-4)
    assert line["high"] == 1.0
