"""What tests of charts read from a specification, and what they draw."""

import json
import xml.etree.ElementTree as ET
from typing import Any

import altair as alt
import vl_convert

VERSION = ".".join(alt.SCHEMA_VERSION[1:].split(".")[:2])
Spec = dict[str, Any]


def svg(spec: Spec | alt.TopLevelMixin) -> str:
    """A chart as a browser would draw it."""
    spec = spec if isinstance(spec, dict) else spec.to_dict(validate=False)
    drawing: str = vl_convert.vegalite_to_svg(json.dumps(spec), vl_version=VERSION)
    return drawing


def texts(spec: Spec | alt.TopLevelMixin) -> list[str]:
    return [
        text.text or ""
        for text in ET.fromstring(svg(spec)).iter("{http://www.w3.org/2000/svg}text")
    ]


def marks(spec: Spec) -> list[Spec]:
    """Every drawn layer, however deep."""
    inside = [
        part for name in ("layer", "concat", "hconcat", "vconcat") for part in spec.get(name, [])
    ]
    return [found for part in inside for found in marks(part)] if inside else [spec]


def rows(spec: Spec, layer: Spec | None = None) -> list[Spec]:
    """The rows of a layer, or of all."""
    tables = (
        spec["datasets"].values() if layer is None else [spec["datasets"][layer["data"]["name"]]]
    )
    return [row for table in tables for row in table]
