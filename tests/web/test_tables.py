"""Tables of maps by address: whole for every browser, and so many bytes at most."""

import json
from collections.abc import Iterator

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from vlcore.plots.maps.table import packed
from vlcore.web import serving
from vlcore.web.components import tables


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setattr(tables, "_tables", type(tables._tables)())
    return TestClient(Starlette(routes=serving.ROUTES, middleware=serving.MIDDLEWARE))


def table_of(seed: int) -> dict[str, object]:
    """A table of noise, which does not get smaller by compression."""
    random = np.random.default_rng(seed)
    return packed({"x0": random.normal(size=500)}, np.arange(500))


def test_a_table_is_whole_with_and_without_compression(client: TestClient) -> None:
    table = table_of(0)
    address = tables.table_address(table)
    assert address == f"/tables/{table['stamp']}.json"
    for accepted, encoding in (("gzip", "gzip"), ("identity", None)):
        answer = client.get(address, headers={"Accept-Encoding": accepted})
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers.get("content-encoding") == encoding
        assert answer.headers["vary"] == "Accept-Encoding"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "immutable" in answer.headers["cache-control"]
        assert answer.json() == json.loads(json.dumps(table))
    assert client.get("/tables/0123456789abcdef.json").status_code == 404


def test_tables_that_no_page_names_for_longest_are_forgotten(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = (table_of(seed) for seed in range(3))
    monkeypatch.setattr(tables, "MOST_BYTES", 6000)

    def statuses() -> list[int]:
        return [client.get(address).status_code for address in addresses]

    addresses = [tables.table_address(table) for table in (first, second)]
    assert statuses() == [200, 200]
    tables.table_address(first)
    addresses.append(tables.table_address(third))
    assert statuses() == [200, 404, 200]
    tables.table_address(second)
    assert statuses() == [404, 200, 200]
