"""Scripts of components and of pages at addresses on the app's own server.

Streamlit sends the script of a component with each message to it: a long one would be most of what
a click on a map costs. By its address a browser asks for it once, and keeps it.
"""

import hashlib

import streamlit as st
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

KEEP_FOREVER = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
}
_scripts: dict[str, str] = {}  # by file name, which tells their content


def base() -> str:
    """Return the path of this server's pages, with a slash at both ends."""
    path = str(st.get_option("server.baseUrlPath")).strip("/")
    return f"/{path}/" if path else "/"


def script_address(name: str, script: str) -> str:
    """Serve a script; returns its address, which names its content."""
    digest = hashlib.sha256(script.encode()).hexdigest()[:16]
    file = f"{name}-{digest}.js"
    _scripts[file] = script
    return f"{base()}scripts/{file}"


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
