"""Addresses of pages: a dataclass per page, whose fields are the parameters of its address.

A parameter that is empty has its usual value. The inputs of panels stand beside these fields, each
after the name of its panel and a dot.
"""

from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import streamlit as st


@dataclass(frozen=True, kw_only=True)
class PageState:
    """What the address of every page may have: the image set, and the card of the guide."""

    file: ClassVar[str]
    data: str = ""
    guide: str = ""

    @classmethod
    def names(cls) -> set[str]:
        """The parameters of the page."""
        return {field.name for field in fields(cls)}

    @classmethod
    def now(cls) -> Self:
        """What the address of the page that runs says."""
        values: dict[str, Any] = {}
        for field in fields(cls):
            if isinstance(field.default, tuple):
                values[field.name] = tuple(st.query_params.get_all(field.name))
            else:
                values[field.name] = st.query_params.get(field.name, "")
        return cls(**values)

    def parameters(self) -> dict[str, Any]:
        """The parameters that are not empty, as Streamlit takes them."""
        return {name: value for name, value in vars(self).items() if value}

    @classmethod
    def write(cls, **changes: Any) -> None:
        """Change parameters of the page that runs; an empty value takes a parameter away."""
        assert changes.keys() <= cls.names()
        for name, value in changes.items():
            if value:
                st.query_params[name] = value
            else:
                st.query_params.pop(name, None)


@dataclass(frozen=True, kw_only=True)
class HomeState(PageState):
    """Home: the towers of its models, and where its maps play, which its script writes."""

    file: ClassVar[str] = "app.py"
    towers: str = ""
    map_bias: str = ""
    map_step: str = ""
    map_rare: str = ""


@dataclass(frozen=True, kw_only=True)
class DataState(PageState):
    """Data: what is looked at, the bias of training images, and the image that is open."""

    file: ClassVar[str] = "pages/1_Data.py"
    look: str = ""
    data_bias: str = ""
    picture: str = ""


@dataclass(frozen=True, kw_only=True)
class MapState(PageState):
    """What pages with maps have in common."""

    towers: str = ""
    map: str = ""
    map_seed: str = ""
    colour: str = ""
    groups: tuple[str, ...] = ()
    split: str = ""
    show_images: str = ""
    show_twins: str = ""
    show_neighbours: str = ""
    show_trust: str = ""
    show_untrained: str = ""


@dataclass(frozen=True, kw_only=True)
class TrainState(PageState):
    """Train: the model whose settings are shown, as `vlcore.web.model_picker` writes it, and the
    panel ``closer``; whether the table of ``runs`` is open."""

    file: ClassVar[str] = "pages/2_Train.py"
    model: str = ""
    closer: str = ""
    runs: str = ""


@dataclass(frozen=True, kw_only=True)
class CompareState(MapState):
    """Compare: two models, as `vlcore.web.model_picker` writes them, or a grid of label styles.

    ``legend`` and ``panel`` are what is seen alone, ``search`` and ``like`` what is selected,
    ``picture`` is the image that was clicked, and ``closer`` the panel.
    """

    file: ClassVar[str] = "pages/3_Compare.py"
    length: str = ""
    left: str = ""
    right: str = ""
    view: str = ""
    rows: str = ""
    closer: str = ""
    search: str = ""
    like: str = ""
    picture: str = ""
    legend: tuple[str, ...] = ()
    panel: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class UploadState(MapState):
    """Upload: two models, samples, and what images of a visitor's own show."""

    file: ClassVar[str] = "pages/4_Upload.py"
    left: str = ""
    right: str = ""
    samples: tuple[str, ...] = ()
    shows: str = ""
    closer: str = ""


@dataclass(frozen=True, kw_only=True)
class FindingsState(PageState):
    """Findings: the published answer, or a study of this server."""

    file: ClassVar[str] = "pages/5_Findings.py"
    results: str = ""
    study: str = ""
    length: str = ""
    towers: str = ""
    blocks: str = ""
    closer: str = ""


@dataclass(frozen=True, kw_only=True)
class LessonState(PageState):
    """Lesson: a lesson and its place, and the class session that a visitor takes part in."""

    file: ClassVar[str] = "pages/6_Lesson.py"
    lesson: str = ""
    step: str = ""
    phase: str = ""
    code: str = ""
    lead: str = ""
    presenter: str = ""
    towers: str = ""
    repair: str = ""


@dataclass(frozen=True, kw_only=True)
class ManageState(PageState):
    """Manage."""

    file: ClassVar[str] = "pages/7_Manage.py"
    teacher: str = ""
