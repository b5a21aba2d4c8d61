"""How many settings the addresses of pages have, on each page and in all.

python -m benchmarks.addresses

A setting is a field of an address that a page reads. `tests.faults.test_addresses` lists them, and
fails when a page binds a control to another one.
"""

from benchmarks import parse_options, print_table
from tests.faults.test_addresses import EVERYWHERE, FIELDS


def main() -> None:
    parse_options(__doc__)
    counts = {page or "Home": len(set(fields.split())) for page, fields in FIELDS.items()}
    counts["every page"] = len(EVERYWHERE.split())
    print_table(("page", "settings in its address"), counts.items())
    print(f"{sum(counts.values())} in all")


if __name__ == "__main__":
    main()
