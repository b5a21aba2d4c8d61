"""The pages of published results, with their figures."""

import re

import streamlit as st

from vlcore.experiment.files import project_folder
from vlcore.web import widgets

FOLDER = project_folder() / "docs" / "results"
PAGES = {"Results": "README.md", "Details": "details.md"}
_FIGURE = re.compile(r"!\[([^]]*)\]\(([^)]+)\)")
_LINK = re.compile(r"\[([^]]+)\]\([^)]+\)")


def show_documents() -> None:
    """Let the visitor read a page of results, if any is installed."""
    pages = {name: file for name, file in PAGES.items() if (FOLDER / file).is_file()}
    if not pages:
        return
    is_named = "document" in st.query_params
    if st.session_state["arrives"]:  # later, the visitor opens and closes it
        st.session_state["documents_open"] = is_named
    is_open = st.session_state.setdefault("documents_open", is_named)
    with st.expander("Full results and methods", expanded=is_open):
        page = widgets.choose_one("Page", pages, "document", next(iter(pages)))
        _show(pages[page])


def _show(page: str) -> None:
    """Show a page with its figures; its links, which lead to files, are words."""
    file = FOLDER / page
    text = file.read_text(encoding="utf-8").partition("\n")[2]
    first, *parts = _FIGURE.split(text.replace("\n## ", "\n##### "))
    st.markdown(_LINK.sub(r"\1", first))
    for alt, figure, words in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        if (file.parent / figure).is_file():
            st.image(str(file.parent / figure), alt=alt)
        st.markdown(_LINK.sub(r"\1", words))
