"""The app as tests of pages have it: a page at an address, its words and buttons, and a queue that
trains nothing."""

import gzip
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.runtime.scriptrunner import RerunData
from streamlit.testing.v1 import AppTest, local_script_runner

from vlcore.artifacts import store
from vlcore.experiment.limits import JOB_SECONDS
from vlcore.jobs.jobs import JobStatus, State
from vlcore.jobs.queue import Job
from vlcore.web.components import tables


def clear() -> None:
    st.cache_resource.clear()
    st.cache_data.clear()


class FakeQueue:
    """Stands in for the worker processes: remembers what was asked for, which is running then; what
    is on the disk is done if `disk` counts; all else is as a test says."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.cancelled: list[str] = []
        self.short: dict[str, bool] = {}
        self.status: dict[str, Any] = {}
        self.state, self.disk, self.others_wait = State.ABSENT, False, False
        self.latest: list[str] = []
        self.long = 0

    def submit(
        self,
        key: str,
        *_task: object,
        asker: str,
        short: bool,
        limit: float = JOB_SECONDS,
        quick: bool = False,
        title: str = "",
    ) -> None:
        self.asked.append(key)
        self.short[key] = short

    def prepare(self, _task: object) -> None:
        pass

    def view(self, key: str) -> JobStatus:
        if self.disk and store.published(key):
            return JobStatus(key, State.DONE)
        return JobStatus(key, State.RUNNING if key in self.asked else self.state, self.status)

    def jobs(self) -> list[Job]:
        return [Job("busy", print, short=False, quick=False, askers=["somebody else"])] * self.long

    def cancel_pending(self, key: str, asker: str) -> bool:
        self.cancelled.append(key)
        return not self.others_wait


def opened(page: str = "", **address: str | list[str]) -> AppTest:
    """A page, by its file in ``pages/``, at an address; Home without one. Only in a test. A set of
    embeddings is chosen by ``data``; what an address asks for in vain is a warning on the page."""
    test = AppTest.from_file(str(Path(__file__).parents[2] / "app.py"), default_timeout=120)
    if page:
        test.switch_page(f"pages/{page}.py")
    for name, value in address.items():
        test.query_params[name] = value
    test.run()
    assert not test.exception
    return test


def press(page: AppTest, label: str) -> AppTest:
    next(button for button in page.button if button.label == label).click().run()
    assert not page.exception
    return page


def press_in_part(page: AppTest, label: str) -> AppTest:
    """Press a button as a browser does: the part of the page that has it is drawn again, and no
    other unless that runs the page."""
    button = next(button for button in page.button if button.label == label).click()
    widgets = page.session_state._state._state._new_widget_state.widget_metadata
    return _draw_part(page, str(widgets[button.proto.id].fragment_id))


def look(page: AppTest) -> AppTest:
    """Draw the parts of a page that follow something again, until one runs the page."""
    for part in list(page._fragment_storage._fragments):
        if page._fragment_storage.contains(part):
            _draw_part(page, part)
    return page


def _draw_part(page: AppTest, part: str) -> AppTest:
    """After it the test has that part alone, unless it ran the page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local_script_runner, "RerunData", partial(RerunData, fragment_id=part))
        page._run(page._tree.get_widget_states())
    assert not page.exception
    return page


def labels(page: AppTest) -> list[str]:
    return [button.label for button in page.button]


def code_of(page: AppTest) -> str:
    """The code of the class session at a page's address."""
    return setting(page, "code")


def setting(page: AppTest, name: str) -> str:
    """A setting of a page's address; empty without it."""
    value = page.query_params.get(name, "")
    return value if isinstance(value, str) else value[0]


def choose(page: AppTest, group: str, name: str, *, last: bool = False) -> AppTest:
    """Choose one of the buttons of the first group, or of the last, that is called so."""
    groups = [each for each in page.get("button_group") if each.proto.label == group]
    groups[-1 if last else 0].set_value(name).run()
    assert not page.exception
    return page


def text_of(page: AppTest) -> str:
    """All that stands on a page in words."""
    kinds = ("title", "subheader", "markdown", "caption", "info", "success", "warning", "error")
    return " ".join(element.value for kind in kinds for element in getattr(page, kind))


def alts(page: AppTest) -> list[str]:
    """What the charts of a page are for those who do not see them."""
    return [chart.proto.alt for chart in page.get("vega_lite_chart")]


def told_maps(page: AppTest, kind: str = "maps") -> list[dict[str, Any]]:
    """How the figures of maps of a kind look, as their component is told."""
    return [figure for _, figure in _figures(page) if figure["kind"] == kind]


def _figures(page: AppTest) -> list[tuple[Any, dict[str, Any]]]:
    """The figures of maps of a page: each as Streamlit has it, and what it is told."""
    components = [element.proto for element in page.get("bidi_component")]
    figures = [proto for proto in components if proto.component_name.endswith("lab_maps")]
    return [(proto, json.loads(proto.json)) for proto in figures]


def answer(page: AppTest, kind: str, states: dict[str, Any]) -> AppTest:
    """Run a page as after an answer of its only figure of maps of a kind."""
    (proto,) = (proto for proto, figure in _figures(page) if figure["kind"] == kind)
    widgets = page._tree.get_widget_states()
    widgets.widgets.add(id=proto.id, json_value=json.dumps(states))
    page._run(widgets)
    assert not page.exception
    return page


def table_at(place: dict[str, str]) -> dict[str, Any]:
    """The table that a figure of maps asks for."""
    stamp = Path(place["url"]).stem
    table: dict[str, Any] = json.loads(gzip.decompress(tables._tables[stamp]))
    return table


def ok(page: AppTest) -> AppTest:
    """A page that came to its end without an error."""
    assert not page.exception
    assert not page.error
    return page


def with_maps(page: AppTest) -> AppTest:
    """A page without an error that shows maps."""
    assert told_maps(ok(page))
    return page


def models_of(page: AppTest) -> dict[str, str]:
    """The titles of the two maps, by what the models are called."""
    panes = told_maps(page)[0]["panes"]
    return dict(pane["title"].split(": ", 1) for pane in panes)
