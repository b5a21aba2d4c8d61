"""The published list of unseen words: what is in it, and that its page says what its tables say."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import unseen_captions, words, words_page
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
def drawn() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "random-words.csv")


def test_sixty_captions_have_a_word_that_no_label_style_contains() -> None:
    texts = [caption.text for caption in unseen_captions.COUNTED]
    assert len(set(texts)) == len(texts) == 60
    label_words = set(Vocabulary.of(SCENES).words)
    assert all(set(split_words(text)) - label_words for text in texts)
    assert all(caption.object or caption.context for caption in unseen_captions.COUNTED)


def test_images_that_fit_a_caption_show_its_object_and_its_background() -> None:
    images = pd.DataFrame(SCENES.pairs, columns=["object", "context"])
    for caption in unseen_captions.CAPTIONS:
        expected = [
            caption.object in ("", animal) and caption.context in ("", background)
            for animal, background in SCENES.pairs
        ]
        assert caption.fits(images).tolist() == expected
        assert 0 < sum(expected) < len(images)


def test_random_words_are_the_same_each_time_and_no_words_of_labels() -> None:
    drawn = words.random_words()
    assert drawn == words.random_words()
    assert len(set(drawn)) == words.RANDOM_WORDS
    assert not {*SCENES.objects, *SCENES.contexts} & set(drawn)


def test_the_published_tables_hold_every_caption_in_every_model(
    table: pd.DataFrame, drawn: pd.DataFrame
) -> None:
    texts = [*words.TEXTS, words_page.UNTRAINED]
    assert set(table["caption"]) == {caption.text for caption in unseen_captions.CAPTIONS}
    assert len(table) == len(unseen_captions.CAPTIONS) * len(texts) * len(STYLES_OF_THE_STUDY)
    assert not table.duplicated(["caption", "text", "labels"]).any()
    assert (table["n"] == 10).all()
    assert (table["fails"] == (table["auc"] < words_page.WORKS)).all()
    assert table[["auc", "low", "high"]].apply(lambda values: values.between(0, 1)).all(axis=None)
    assert ((table["low"] <= table["auc"]) & (table["auc"] <= table["high"])).all()
    by_words = table[table["text"] == "words"]
    assert (by_words["far"].astype(bool) == (by_words["cosine"] < FAR)).all()
    assert len(drawn) == words.RANDOM_WORDS * len(STYLES_OF_THE_STUDY)


def test_the_page_comes_out_of_its_tables_again(table: pd.DataFrame, drawn: pd.DataFrame) -> None:
    """Else run `python -m benchmarks.words --seeds 0`."""
    assert words_page.unseen_words_page(table, drawn) == (FOLDER / "README.md").read_text()


def test_pages_mark_captions_at_the_published_threshold(drawn: pd.DataFrame) -> None:
    assert words_page.random_threshold(drawn) == FAR


def test_the_best_threshold_against_a_slow_reference() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        fails = np.array([True, False, *(random.random(30) < 0.4)])
        cosines = random.random(32).round(3)
        table = pd.DataFrame({"fails": fails, "cosine": cosines})
        best = 0.0
        for hundredth in range(101):
            marked = cosines < hundredth / 100
            difference = marked[fails].mean() - marked[~fails].mean()
            assert words_page.separation(table, hundredth / 100) == pytest.approx(difference)
            best = max(best, difference)
        assert words_page.separation(table, words_page.best_threshold(table)) == pytest.approx(best)


def test_a_mean_over_models_has_its_interval() -> None:
    runs = pd.DataFrame(
        {"caption": "pony", "text": "words", "labels": "descriptive", "auc": [0.8, 0.9, 1.0]}
    )
    (line,) = words.summary(runs).to_dict("records")
    assert (line["n"], line["auc"]) == (3, pytest.approx(0.9))
    assert line["low"] == pytest.approx(0.9 - 4.3027 * 0.1 / 3**0.5, abs=1e-4)
    assert line["high"] == 1.0
