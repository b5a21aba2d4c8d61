"""Tables of maps by address, so that a browser asks for each once, and keeps it.

A message of Streamlit that holds a table would be sent with each change of a map.
"""

import gzip
import json
from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from vlcore.web.components.browser import KEEP_FOREVER, base_path

MOST_BYTES = 200_000_000  # of all tables, compressed
_tables: OrderedDict[str, bytes] = OrderedDict()  # by stamp, the least recently named first
_lock = Lock()


def table_address(table: Mapping[str, Any]) -> str:
    """Serve a table, as `vlcore.plots.maps.table.packed` makes it; returns its address, which names
    its content.

    Beyond `MOST_BYTES` the tables that no page has named for longest are forgotten: a page names
    its tables again in each run.
    """
    stamp = str(table["stamp"])
    if not _is_kept(stamp):
        _keep(stamp, gzip.compress(json.dumps(table).encode(), compresslevel=6, mtime=0))
    return f"{base_path()}tables/{stamp}.json"


def _is_kept(stamp: str) -> bool:
    with _lock:
        if stamp in _tables:
            _tables.move_to_end(stamp)
        return stamp in _tables


def _keep(stamp: str, content: bytes) -> None:
    with _lock:
        _tables[stamp] = content
        total = sum(map(len, _tables.values()))
        while total > MOST_BYTES and len(_tables) > 1:
            _, forgotten = _tables.popitem(last=False)
            total -= len(forgotten)


async def serve_table(request: Request) -> Response:
    """Answer a request for a table, compressed for a browser that can read it so."""
    content = _tables.get(request.path_params["stamp"])
    if content is None:
        raise HTTPException(404)
    headers = {**KEEP_FOREVER, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
    else:
        content = gzip.decompress(content)
    return Response(content, media_type="application/json", headers=headers)
