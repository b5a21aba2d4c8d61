"""The page docs/try as a folder beside its data, and as one HTML file that needs no network.

Its maps are the product's: `maps.js` and `theme.css` beside its data come from vlcore/plots/maps,
Home's riddle (vlcore/web/home) and the theme of all charts.
"""

import base64
import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import vlcore.web.components
import vlcore.web.home
from vlcore.experiment.files import static_folder, text_beside
from vlcore.model.in_browser import as_function, copy_scripts, returning, trainer_script
from vlcore.plots.maps.script import SCRIPT, STYLE, moving_look
from vlcore.plots.theme import DARK, LIGHT, SHAPES, Palette
from vlcore.study.answer_file import published_answer
from vlcore.study.answer_words import BACKGROUND, QUESTION, answer_sentence, listed, set_words

PAGE = Path(__file__).parents[1] / "docs" / "try"
ATLAS = "atlas-scenes.json"  # of Home's riddle
ONE_FILE = "lab.html"
PHOTO = r' *<section id="photo".*?</section>\n'
KEEP = r' *<p class="keep">.*?</p>\n'
SCRIPTS = ("files.js", "settings.js", "training.js", "pair.js", "train.js", "repair.js")
SCRIPTS = (*SCRIPTS, "captions.js", "page.js")
NAMES = ("RiddleMaps", "bytesOf", "element", "groupBar", "percent", "showRiddle", "textOf", "TOLD")


def write_page_data(out: Path, sheet: Mapping[str, Any] | None) -> None:
    """Write what the page draws and says, beside the data of image sets.

    Args:
        out: the folder of the data.
        sheet: the small images of the maps of `scenes`, as the manifest tells them; None where
            there are none.
    """
    (out / "maps.js").write_text(f"{maps_script()}export {{ {', '.join(NAMES)} }};\n")
    (out / "theme.css").write_text(theme_css())
    (out / "answer.json").write_text(json.dumps(_answer()))
    atlas = json.loads((static_folder() / ATLAS).read_text())
    if sheet:  # the same images, which the page needs anyway
        atlas["table"]["sheet"] = {**sheet, "uri": f"data/{sheet['file']}"}
    (out / ATLAS).write_text(json.dumps(atlas, separators=(",", ":")))


def maps_script() -> str:
    """The script of maps and of Home's riddle, and as `TOLD` what Python knows of their look."""
    home, components = vlcore.web.home.__file__, vlcore.web.components.__file__
    riddle = text_beside(home, "riddle.js")
    told = {
        "looks": {palette.name: moving_look(palette) for palette in (LIGHT, DARK)},
        "shapes": SHAPES,
        "style": STYLE + text_beside(components, "button.css") + text_beside(home, "riddle.css"),
        "html": text_beside(home, "riddle.html"),
    }
    exported = riddle.replace("export default function(", "function showRiddle(")
    return f"{SCRIPT}{exported}const TOLD = {json.dumps(told)};\n"


def theme_css() -> str:
    """The colours of words and lines, light and dark, by the names that style sheets use."""
    dark = f"@media (prefers-color-scheme: dark) {{\n{_colours(DARK)}}}\n"
    return _colours(LIGHT) + dark


def _colours(palette: Palette) -> str:
    ink = palette.ink
    streamlit = {
        "st-text-color": ink["text"],
        "st-background-color": ink["ground"],
        "st-secondary-background-color": ink["line"],
        "st-border-color": ink["line"],
        "st-primary-color": ink["accent"],
    }
    names = "".join(f" --{name}: {colour};" for name, colour in {**ink, **streamlit}.items())
    return f":root {{ color-scheme: {palette.name};{names} }}\n"


def _answer() -> dict[str, Any]:
    """The published answer in a sentence, and in a few more."""
    answer = published_answer()

    def points(name: str) -> str:
        contrasts = {data: answer.contrasts[f"{data}.{name}"] for data in answer.sets}
        return listed([f"{set_words(data)} {each.in_points}" for data, each in contrasts.items()])

    sentence = answer_sentence(answer).replace("`", "")
    return {
        "question": QUESTION,
        "sentence": sentence,
        "findings": [
            f"{QUESTION} {sentence} With 95% intervals: {points(BACKGROUND)}.",
            "Words for the background are not needed for this loss. An empty word, “one horse” or"
            f" “single horse” at random, changed accuracy too: {points('synonym')}.",
            "With a pretrained image encoder and pretrained word vectors, naming the background"
            f" changed accuracy little: {points(f'pretrained.words.{BACKGROUND}')}.",
            f"Limits: {' '.join(answer.limits).replace('`', '')}",
        ],
    }


def copy_page(out: Path) -> None:
    """Copy the page's own files into a folder, whose data is in `data`, and write the one file.

    The page offers photos if their files (`tools/site_photo.py`) are in `photo`.
    """
    for file in sorted(PAGE.iterdir()):
        shutil.copyfile(file, out / file.name)
    copy_scripts(out)
    if not (out / "photo").is_dir():
        (out / "index.html").write_text(_without((PAGE / "index.html").read_text(), PHOTO))
    write_one_file(out / "data", out / ONE_FILE)


def write_one_file(data: Path, out: Path) -> None:
    """Write the page with all its data as one HTML file, without photos; it asks for nothing.

    Modules become functions in one script. Those of the worker stand apart: the page makes a worker
    of their text. The policy of the file allows these scripts alone.
    """
    worker = trainer_script()
    maps = returning(maps_script(), NAMES)
    page = "".join(as_function((PAGE / name).read_text()) for name in SCRIPTS)
    page = (PAGE / "notice.js").read_text() + maps + page
    style = (data / "theme.css").read_text() + (PAGE / "style.css").read_text()
    scripts = [f"<script id=worker>{worker}</script>", f"<script>{page}</script>"]
    files = [
        f'<script type="text/plain" data-file="{file.name}">{_base64(file.read_bytes())}</script>'
        for file in sorted(data.iterdir())
        if file.suffix in {".bin", ".json", ".webp"} and file.name != ATLAS
    ]
    atlas = (static_folder() / ATLAS).read_bytes()  # with its images inside
    files.append(f'<script type="text/plain" data-file="{ATLAS}">{_base64(atlas)}</script>')
    digests = [_digest(text) for text in (worker, page)]
    policy = (
        f"default-src 'none'; script-src {' '.join(digests)} blob:; style-src {_digest(style)};"
        " img-src blob: data:; connect-src blob:; worker-src blob:; base-uri 'none';"
        " form-action 'none'"
    )
    text = _without((PAGE / "index.html").read_text(), PHOTO, KEEP)
    text = re.sub(r'(?<=http-equiv="Content-Security-Policy" content=")[^"]*', policy, text)
    text = re.sub(r" *<(link|script)\b[^>]*>(</script>)?\n", "", text)
    text = text.replace("</head>", f"<style>{style}</style>\n</head>")
    out.write_text(text.replace("</body>", "\n".join([*files, *scripts, "</body>"])))


def _without(html: str, *patterns: str) -> str:
    """A page without some of its elements."""
    for pattern in patterns:
        html = re.sub(pattern, "", html, flags=re.DOTALL)
    return html


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _digest(text: str) -> str:
    """What a content security policy calls a text."""
    return f"'sha256-{_base64(hashlib.sha256(text.encode()).digest())}'"
