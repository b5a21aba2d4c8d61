"""The pages of all published results, with their figures, and everything behind them as a file."""

import io
import re
import zipfile

import streamlit as st

from vlcore.study.published import FOLDER
from vlcore.web import widgets

_RESULTS = "Results"
PAGES = {
    _RESULTS: "README.md",
    "Beyond the answer": "beyond.md",
    "Every comparison": "table.md",
    "Plans": "plans/README.md",
    "Plan of the chain": "plans/answer.md",
    "Plans beyond it": "plans/beyond.md",
}
_FIGURE = re.compile(r"!\[([^]]*)\]\(([^)]+)\)")
_LINK = re.compile(r"\[([^]]+)\]\([^)]+\)")


def show_documents() -> None:
    """Let the visitor read a page of results, or take all of them with their runs and plans."""
    if not (FOLDER / PAGES[_RESULTS]).is_file():
        return
    is_named = "document" in st.query_params
    if st.session_state["arrives"]:  # later, the visitor opens and closes it
        st.session_state["documents_open"] = is_named
    is_open = st.session_state.setdefault("documents_open", is_named)
    with st.expander("All results, why, and how sure", expanded=is_open):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            page = widgets.choose_one("Page", PAGES, "document", _RESULTS)
            name, kind = "vl-bias-lab-results.zip", "application/zip"
            widgets.download("Pages, plans and runs, zip", zipped, name, kind, key="results_zip")
        _show(PAGES[page])


def _show(page: str) -> None:
    """Show a page with its figures; its links, which lead to files, are words."""
    file = FOLDER / page
    text = file.read_text(encoding="utf-8").partition("\n")[2]
    first, *parts = _FIGURE.split(text.replace("\n## ", "\n##### "))
    st.markdown(_LINK.sub(r"\1", first))
    for alt, figure, words in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        st.image(str(file.parent / figure), alt=alt)
        st.markdown(_LINK.sub(r"\1", words))


def zipped() -> bytes:
    """All files of the published results in a zip."""
    buffer = io.BytesIO()
    # Files of a package may be dated before 1980, where dates of a zip begin.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as files:
        for file in sorted(FOLDER.rglob("*")):
            files.write(file, file.relative_to(FOLDER))
    return buffer.getvalue()
