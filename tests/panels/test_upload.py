"""Panels of a new image: each has blocks for a file, an image and a sample."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vlcore.api.answers import Upload
from vlcore.api.comparison import Comparison
from vlcore.api.panel_views import as_document
from vlcore.api.panels import UPLOAD, PanelError, panels
from vlcore.data.decoding import UploadError
from vlcore.data.uploads import samples
from vlcore.experiment.wording import decimal
from vlcore.plots.blocks import Images, Pictures, Table, flat


@pytest.fixture(autouse=True)
def nobody_judges_novelty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network that judges it has tests of its own."""
    monkeypatch.setattr("vlcore.api.comparison.judge_or_none", lambda _images: None)


@pytest.fixture
def picture() -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 255, (90, 90, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.fixture
def upload(both: Comparison, picture: Image.Image) -> Upload:
    return both.upload(picture, shows="horse")


@pytest.mark.parametrize("name", [each.name for each in panels(UPLOAD) if not each.slow])
def test_a_panel_has_blocks_that_are_printed(name: str, both: Comparison, upload: Upload) -> None:
    inputs = {"words": "pony; a horse"} if name == "own-words" else {}
    view = both.panel(name, upload=upload, **inputs)
    assert as_document(view, both.images)
    assert "<iframe" in view._repr_mimebundle_()["text/html"]


def test_an_image_comes_by_its_path_or_as_it_is(
    both: Comparison, picture: Image.Image, tmp_path: Path
) -> None:
    picture.save(tmp_path / "mine.png")
    tables = [
        both.panel("all-numbers", upload=image).tables[0]
        for image in (tmp_path / "mine.png", str(tmp_path / "mine.png"), picture)
    ]
    assert tables[0].equals(tables[1])
    assert tables[0].equals(tables[2])
    with pytest.raises(UploadError):
        both.panel("all-numbers", upload=tmp_path / "nowhere.png")
    with pytest.raises(PanelError, match="upload"):
        both.panel("all-numbers")


def test_what_an_image_shows_makes_predictions_correct_or_wrong(upload: Upload) -> None:
    for report in upload.reports.values():
        assert report.truth == "horse"
        assert report.is_right == (report.predicted == "horse")


def test_the_nearest_images_are_those_of_the_reports(both: Comparison, upload: Upload) -> None:
    shown = [
        list(block.lines)
        for block in flat(both.panel("nearest-to-upload", upload=upload))
        if isinstance(block, Images)
    ]
    assert shown == [[row for row, _ in each.neighbours] for each in upload.reports.values()]


def test_captions_in_own_words_have_the_cosine_of_the_embedding(
    both: Comparison, upload: Upload
) -> None:
    (table,) = both.panel("own-words", upload=upload, words="horse; camel; pony").tables
    for name, model in both.named.items():
        z = model.loaded.embed_captions(["horse"])[0]
        cosine = float(z @ upload.embeddings[name])
        cell = table.loc[table["Caption"] == "horse", name].item()
        assert float(cell) == pytest.approx(cosine, abs=0.006)
    assert table["Caption"].tolist()[-1] == "pony"


def test_captions_of_the_set_come_first(both: Comparison, upload: Upload) -> None:
    (table,) = both.panel("own-words", upload=upload).tables
    for name, report in upload.reports.items():
        cells = table.loc[table[name] != "", ["Caption", name]]
        cosines = {caption.caption: decimal(caption.similarity) for caption in report.captions}
        assert dict(cells.itertuples(index=False)) == cosines


def test_a_sample_is_tested_by_its_twins(both: Comparison) -> None:
    _, (sample, *_) = next(iter(samples(both.images, frozenset([0])).values()))
    upload = both.upload(sample)
    assert set(upload.reliances) == {"Model A", "Model B"}
    (pictures,) = (
        block for block in both.panel("relies-on", upload=upload) if isinstance(block, Pictures)
    )
    assert len(pictures.pictures) >= 2
    for lines in pictures.lines.values():
        assert [line.split(": ")[0] for line in lines] == ["Model A", "Model B"]


def test_a_model_from_scratch_is_not_tested_by_paint(both: Comparison, upload: Upload) -> None:
    assert upload.reliances == {}
    table = upload.answers.table()
    assert set(table["Relies on"]) == {""}
    assert not any(isinstance(block, Table) for block in both.panel("relies-on", upload=upload))
