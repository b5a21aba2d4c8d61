"""Hooks of mkdocs: pages that lie outside ``docs/``, links to them, the library's reference, and
what the page ``docs/try`` reads."""

import logging
import posixpath
import re
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
# Pages of the site that lie elsewhere in the repository, by their name there.
ELSEWHERE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks/RESULTS.md": "benchmarks.md",
}
REFERENCE = "reference"  # the folder of the site with the reference
LINK = re.compile(r"(?<=\]\()(?!https?:|#|mailto:)([^)#\s]+)")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that lie outside ``docs/``."""
    for source, page in ELSEWHERE.items():
        content = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=content))
    # The page about try/ would lie where try/ itself lies.
    files.src_uris["try.md"].dest_uri = "try/about.html"
    # A place in the navigation, which pdoc writes over.
    files.append(File.generated(config, f"{REFERENCE}/index.md", content="# Reference"))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn links within the repository into links within the site; one to code becomes its name."""
    pages = {target: source for source, target in ELSEWHERE.items()}
    source = pages.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    here = posixpath.dirname(page.file.src_uri)

    def moved(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link[1]))
        if target in ELSEWHERE:
            target = ELSEWHERE[target]
        elif target.startswith("docs/"):
            target = target.removeprefix("docs/")
        else:
            return link[1]  # on_page_markdown leaves what is no page to `_without_code`
        return posixpath.relpath(target, here or ".")

    return _without_code(LINK.sub(moved, markdown), source)


def _without_code(markdown: str, source: str) -> str:
    """Links to files of the repository that are no pages, as their names alone."""
    folder = (ROOT / source).parent

    def name(link: re.Match[str]) -> str:
        is_page = link[2].endswith((".html", ".md", ".ipynb", ".jpg", ".png", ".webp"))
        is_there = (folder / link[2]).exists()
        return f"{link[1]} (`{link[2].lstrip('./')}`)" if is_there and not is_page else link[0]

    return re.sub(r"(?<!!)\[([^\]]*)\]\((?!https?:|#|mailto:)([^)#\s]+)\)", name, markdown)


def on_post_build(config: Any) -> None:
    """Write the reference of the library, and what the page ``docs/try`` reads."""
    _write_reference(Path(config["site_dir"]) / REFERENCE)
    _write_lab(Path(config["site_dir"]) / "try")


def _write_lab(out: Path) -> None:
    from tools.site_data import write_site_data
    from tools.site_page import copy_page

    write_site_data(out / "data")
    if shutil.which("npm") and find_spec("onnx"):
        from tools.site_photo import write_photo

        write_photo(out / "photo")
    else:
        logging.getLogger("mkdocs").info("try/ takes no photos: npm or onnx is not installed.")
    copy_page(out)


def _write_reference(out: Path) -> None:
    """Write the reference of the library from its docstrings."""
    from pdoc import pdoc

    import vlcore

    for name in vlcore.__all__:  # each is imported when it is first used, and pdoc uses none
        setattr(vlcore, name, getattr(vlcore, name))
    pdoc("vlcore", output_directory=out)
