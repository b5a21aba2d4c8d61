"""Sentences in a file that a person reads; one test compares the file, or writes it again."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path


def check_sentences(file: Path, title: str, sections: Mapping[str, Iterable[str]]) -> None:
    """Compare sentences by section with a file, which ``WRITE_SENTENCES=1`` writes first."""
    parts = [
        "\n".join([f"## {name}", "", *(f"- {sentence}" for sentence in sentences)])
        for name, sentences in sections.items()
    ]
    text = f"# {title}\n\n" + "\n\n".join(parts) + "\n"
    if os.environ.get("WRITE_SENTENCES"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")
