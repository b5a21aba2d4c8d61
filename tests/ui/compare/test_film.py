"""What a page shows of a film and of matrices, and the sentence where there is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.runs import watched
from vlcore.compare.model_map import ModelMap
from vlcore.core.condition import Condition
from vlcore.ui.compare import film


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, ModelMap]:
    """Two models with a film, an untrained one and one without pairs, in place of what is on the disk."""
    made = {
        "left": watched.model(tmp_path, seed=1),
        "right": watched.model(tmp_path, Condition(labels="descriptive"), (0, 1, 6, 20), seed=2),
        "untrained": watched.model(tmp_path, Condition(steps=0), (0,), seed=3),
        "simclr": watched.model(tmp_path, Condition(objective="simclr", labels="constant"), seed=4),
    }
    stand_ins: dict[str, Any] = {
        "artefact": lambda key: made[key].artefact,
        "model_map": lambda key, *_: made[key],
        "comparison": lambda keys, *_: watched.together(*(made[key] for key in keys)),
        "image_set": lambda _model: watched.images(),
        "thumbs": watched.thumbs,
    }
    for name, stand_in in stand_ins.items():
        monkeypatch.setattr(film.cache, name, stand_in)
    return made


def page(section: str, arguments: str) -> AppTest:
    script = f"from vlcore.charts.theme import LIGHT\nfrom vlcore.ui.compare import film\nfilm.{section}({arguments})"
    at = AppTest.from_string(script, default_timeout=60).run()
    assert not at.exception
    return at


def chart(at: AppTest) -> Any:
    (found,) = at.get("vega_lite_chart")
    return found.proto


def test_a_film_is_shown_with_its_words_as_alternative_text_and_its_notes(models: dict[str, ModelMap]) -> None:
    at = page("film_section", "['left', 'right'], LIGHT, 200")
    assert [param["name"] for param in json.loads(chart(at).spec)["params"]] == ["moment", "hov"]
    words = at.expander[0].markdown[0].value
    assert words.startswith("Film of the training of 2 models in 5 moments")
    assert any("latest one before it" in caption.value for caption in at.caption)


def test_an_untrained_model_has_a_sentence_instead_of_a_film(models: dict[str, ModelMap]) -> None:
    at = page("film_section", "['left', 'untrained'], LIGHT, 200")
    assert "one moment only" in at.info[0].value
    assert len(at.get("vega_lite_chart")) == 0


def test_captions_of_models_are_one_chart(models: dict[str, ModelMap]) -> None:
    assert len(json.loads(chart(page("caption_section", "['left', 'right'], LIGHT")).spec)["concat"]) == 2


def test_pairs_are_shown_with_their_words_or_why_there_are_none(models: dict[str, ModelMap]) -> None:
    at = page("pair_section", "'left', LIGHT")
    assert chart(at).spec
    assert at.caption[0].value.startswith("Pairs of the loss, No bias, short labels")
    assert "no pairs" in page("pair_section", "'simclr', LIGHT").info[0].value
