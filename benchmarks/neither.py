"""Measure how often "probably neither a horse nor a camel" is right.

Give a folder of images of horses and camels, and a folder of images of other things:

    python -m benchmarks.neither photos/ others/
"""

import argparse
from pathlib import Path

from vlcore.data.decoding import SUFFIXES, open_upload
from vlcore.experiment.grouping import SCENES
from vlcore.metrics.estimate import wilson
from vlcore.model.recognition import recognise


def share_of_neither(folder: Path) -> str:
    """Return the share of a folder's images that are called neither, with its 95% interval."""
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)
    images = [open_upload(file.read_bytes(), file.name) for file in files]
    neither = sum(seen.is_neither for seen in recognise(images, SCENES))
    low, high = wilson(neither, len(files))
    return f"{neither} of {len(files)} ({low:.0%} to {high:.0%})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("known", type=Path, help="a folder of horses and camels")
    parser.add_argument("others", type=Path, help="a folder of other things")
    arguments = parser.parse_args()
    print(f"wrongly called neither: {share_of_neither(arguments.known)}")
    print(f"rightly called neither: {share_of_neither(arguments.others)}")


if __name__ == "__main__":
    main()
