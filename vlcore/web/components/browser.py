"""Components for what only a browser can do: draw maps, copy, paste, remember.

Each is a few lines of JavaScript beside this file, except maps. None asks another server, or takes
a visitor's text into the page as HTML.

Streamlit sends the script of a component with each message to it: a long one would be most of what
a click on a map costs. By its address on the app's own server a browser asks for it once, and keeps
it.
"""

import hashlib

import streamlit as st
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from vlcore.experiment.files import text_beside
from vlcore.plots.maps.script import SCRIPT, STYLE

KEEP_FOREVER = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
}
_scripts: dict[str, str] = {}  # by file name, which tells their content


def base_path() -> str:
    """Return the path of this server's pages, with a slash at both ends."""
    path = str(st.get_option("server.baseUrlPath")).strip("/")
    return f"/{path}/" if path else "/"


def script_address(name: str, script: str) -> str:
    """Serve a script; returns its address, which names its content."""
    digest = hashlib.sha256(script.encode()).hexdigest()[:16]
    file = f"{name}-{digest}.js"
    _scripts[file] = script
    return f"{base_path()}scripts/{file}"


def by_address(name: str, script: str) -> str:
    """Serve a script whose default export mounts a component; returns the lines that import it."""
    address = script_address(name, script)
    return (
        f'const {{default: mount}} = await import(location.origin + "{address}");\n'
        "export default mount;\n"
    )


async def serve_script(request: Request) -> Response:
    """Answer a request for a script."""
    script = _scripts.get(request.path_params["file"])
    if script is None:
        raise HTTPException(404)
    return Response(script, media_type="text/javascript", headers=KEEP_FOREVER)


BUTTON_STYLE = text_beside(__file__, "button.css")
# Line around one control of the page, and all else muted; nothing is blocked.
GUIDE = st.components.v2.component("vl_bias_lab_guide", js=text_beside(__file__, "guide.js"))
# Button that copies the current address of the page, and says so.
COPY = st.components.v2.component(
    "vl_bias_lab_copy",
    html='<button type="button">Copy link</button><span role="status"></span>',
    css=BUTTON_STYLE + "span { margin-left: .6rem; color: var(--st-text-color); }",
    js=text_beside(__file__, "copy.js"),
)
# Sends files that are pasted anywhere on the page to its first uploader.
PASTE = st.components.v2.component("vl_bias_lab_paste", js=text_beside(__file__, "paste.js"))
# Every map: see the head of `maps.js`.
MAPS = st.components.v2.component(
    "vl_bias_lab_maps", css=STYLE, js=by_address("maps", SCRIPT + text_beside(__file__, "mount.js"))
)
_REMEMBER = st.components.v2.component(
    "vl_bias_lab_remember", js=text_beside(__file__, "remember.js")
)


def remember(name: str, value: str, seconds: float) -> None:
    """Keep a value in the browser for `remembered`; letters, digits, hyphens and underscores."""
    _REMEMBER(
        key=f"remember-{name}",
        data={"name": name, "value": value, "seconds": int(seconds)},
        height=0,
    )


def remembered(name: str) -> str:
    """Return what the visitor's browser kept when this visit began; empty without it."""
    return st.context.cookies.get(name, "")
