"""The shell of every page: its menu."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from vlcore.ui import shell


def test_a_new_page_is_a_file_and_a_line_of_the_menu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "app.py").write_text("from vlcore.ui import shell\nshell.begin('Front', first=True)\n")
    (tmp_path / "pages" / "7_New.py").write_text("from vlcore.ui import shell\nshell.begin('What is new')\n")
    monkeypatch.setattr(shell, "PAGES", (("app.py", "Home", ":material/home:"), ("pages/7_New.py", "New", "🆕")))
    home = AppTest.from_file(str(tmp_path / "app.py"), default_timeout=60).run()
    new = home.switch_page("pages/7_New.py").run()
    assert new.title[0].value == "What is new"
    for page in (home, new):
        assert not page.exception
        assert [link.proto.label for link in page.get("page_link")] == ["Home", "New"]
