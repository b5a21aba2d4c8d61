"""What the server hands out: small pictures of sets that a page has shown, to be kept for good, and nothing else."""

import asyncio
import dataclasses
from typing import Any

import pytest
from starlette.applications import Starlette

from tests.runs import stand_ins
from vlcore.charts.thumbnails import check_uris, thumb_uri
from vlcore.core.version import __version__
from vlcore.datasets.imageset import ImageSet, ImageSetError
from vlcore.ui import serving

IMAGES = dataclasses.replace(stand_ins.image_set(), name="served", version="1", about={"pictures": "none"})


def answer(path: str, query: str = "") -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of what is handed out at a path."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "headers": [],
        "query_string": query.encode(),
        "root_path": "",
    }
    asyncio.run(Starlette(routes=serving.ROUTES, middleware=serving.MIDDLEWARE)(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:])


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> ImageSet:
    monkeypatch.setattr(serving, "_served", [""])
    serving.addresses(IMAGES, [])
    return IMAGES


def test_a_picture_has_an_address_where_somebody_hands_it_out(shown: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    assert serving.addresses(shown, [0, 3]) == ["thumbs/served/1/0.webp", "thumbs/served/1/3.webp"]
    status, headers, body = answer("/thumbs/served/1/3.webp")
    assert (status, headers["content-type"]) == (200, "image/webp")
    assert "immutable" in headers["cache-control"]
    assert thumb_uri(body) == thumb_uri(shown.image(3)) == serving.thumbs(shown, [3])[0]
    monkeypatch.setattr(serving, "_served", [])
    assert serving.addresses(shown, [3]) == serving.thumbs(shown, [3])


@pytest.mark.parametrize("path", ["served/1/99999.webp", "served/2/0.webp", "other/1/0.webp", "served/1/-1.webp"])
def test_nothing_else_is_there(shown: ImageSet, path: str) -> None:
    assert answer(f"/thumbs/{path}")[0] == 404


def test_a_broken_file_is_not_there(shown: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ImageSetError("broken")

    monkeypatch.setattr(ImageSet, "image", broken)
    assert answer("/thumbs/served/1/7.webp")[0] == 404


def test_of_a_set_elsewhere_small_pictures_are_drawn_anew(shown: ImageSet) -> None:
    other = dataclasses.replace(shown, root=shown.root / "elsewhere", about={"pictures": "none"})
    check_uris(serving.thumbs(shown, [1]) + serving.thumbs(other, [1]))
    assert serving._known["served", "1"][0] is other


@pytest.mark.parametrize(
    ("path", "query", "named"),
    [
        ("/", "", "atlas-scenes.json"),
        ("/", "data=balanced-cues", "atlas-balanced-cues.json"),
        ("/", "data=../secret>; rel=preload", None),
        ("/Compare", "", None),
    ],
)
def test_home_says_first_which_atlas_it_will_ask_for(path: str, query: str, named: str | None) -> None:
    link = answer(path, query)[1].get("link", "")
    assert link == (f"</app/static/{named}?v={__version__}>; rel=preload; as=fetch; crossorigin" if named else "")
