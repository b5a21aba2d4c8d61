"""Handouts: room to write for students, answers for the lecturer, and nothing that asks a
network."""

import numpy as np
import pytest

from vlcore.classroom.handout import GLOSSARY, Question, explained, handout_html
from vlcore.plots.document import ImageRow
from vlcore.plots.thumbnails import thumb_uri

SHOWN = ImageRow([thumb_uri(np.zeros((8, 8, 3), dtype=np.uint8))], ["horse <b>"])


def test_a_students_copy_has_room_to_write_and_asks_no_network() -> None:
    page = handout_html("Bias", "Most are <gone>.", [Question("Which?", ["a", "b"])], SHOWN)
    assert page.count("<td></td>") == 2
    assert "@media print" in page
    assert "Most are &lt;gone&gt;." in page
    assert "☐ a" in page
    assert f'<img src="{SHOWN.uris[0]}" alt="horse &lt;b&gt;">' in page
    assert not any(part in page for part in ("<script", "http://", "https://"))
    assert "default-src 'none'" in page
    with pytest.raises(ValueError, match="thumb_uri"):
        handout_html("Bias", "", [], ImageRow(["https://example.org/x.png"], ["x"]))


def test_a_lecturers_copy_has_the_answers_instead() -> None:
    page = handout_html("Bias", "", [Question("Which?", ["a"], ["It is a."])], take_home="Look.")
    assert all(text in page for text in ("It is a.", "Take home", "Look."))
    assert "<td></td>" not in page


def test_terms_of_metrics_are_explained_where_a_text_has_them() -> None:
    assert explained("Minority-group accuracy") == ""
    words = explained("Total variance, and the Silhouette of the majority pair")
    terms = ("silhouette", "total variance")
    assert words == " ".join(f"“{term}”: {GLOSSARY[term]}" for term in terms)
