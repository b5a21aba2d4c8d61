"""Memory of a server with one visitor, after the first visit to each page.

python -m benchmarks.memory
"""

import asyncio
import time

from benchmarks import fresh_home, print_table, resident
from benchmarks.startup import PAGES, server
from benchmarks.visitors import Browser, connected

SETTLED = 15.0  # seconds for what the server imports beside its first answers


async def after_each_page(port: int, process: int) -> list[tuple[str, str]]:
    rows = []
    async with connected(Browser, port, 0) as visitor:
        for page in PAGES:
            await visitor.open(page)
            rows.append((f"after {page}", f"{resident(process):.0f}"))
    return rows


def main() -> None:
    with fresh_home(), server() as (_, port, process):
        time.sleep(SETTLED)
        rows = [("at start", f"{resident(process):.0f}")]
        rows += asyncio.run(after_each_page(port, process))
    print_table(("moment", "MB"), rows)


if __name__ == "__main__":
    main()
