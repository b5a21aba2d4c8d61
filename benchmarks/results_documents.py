"""The documents of the published answer: pages filled with its numbers, and the table of
comparisons."""

import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from PIL import Image

from benchmarks.results_contrasts import FEWEST_PAIRS, in_points
from benchmarks.results_data import comparisons
from vlcore.experiment.files import project_folder
from vlcore.plots.intervals import answer_chart
from vlcore.plots.theme import LIGHT
from vlcore.study.answer_file import PublishedAnswer, PublishedClaim, PublishedContrast
from vlcore.study.answer_words import figure_rows

TEMPLATES = Path(__file__).with_name("results_templates")
ROOT = project_folder()
FIGURE_WIDTH = 900  # px
PALETTE_SIZE = 48  # colours of the figure in its file
# Each page with its template; of README.md only the part between the two marks is written.
PAGES = {
    ROOT / "docs" / "results" / "README.md": TEMPLATES / "results.md",
    ROOT / "docs" / "results" / "details.md": TEMPLATES / "details.md",
    ROOT / "README.md": TEMPLATES / "readme.md",
}
BEGIN, END = "<!-- published answer: python -m benchmarks.results -->", "<!-- end -->"
_TOKEN = re.compile(r"\{([a-z][\w.@-]*)(?::([a-z]+))?\}")
_VERDICT_SETS = {"scenes": "`scenes`", "balanced-cues": "`balanced-cues`", "renders": "`renders`"}
_VERDICT_WORDS = {"depends": "depends on how it is tested"}
_COMPARED = {
    "study": "study",
    "set": "data",
    "bias": "bias",
    "variant": "variant",
    "baseline": "baseline",
    "images": "images",
    "readout": "readout",
}


def filled(template: str, answer: PublishedAnswer) -> str:
    """Fill the tokens of a template.

    ``{scenes.background}`` is a contrast in points with its interval. After a colon: ``bare``
    without the word points, ``value`` the number alone, ``size`` without its sign, ``odds`` in log
    odds, ``short`` and ``other`` the two accuracies, ``pairs`` their number. ``{claims}`` and
    ``{chain}`` are tables, ``{predictions}`` is one too. ``{verdicts}`` is a sentence on the
    claims, ``{commit}`` is the commit of the code, ``{limits}`` are all limits.

    Raises:
        KeyError: a token that the answer does not have.
    """
    texts = {
        "claims": lambda: claims_table(answer),
        "chain": lambda: chain_table(answer),
        "commit": lambda: answer.commit,
        "version": lambda: answer.version,
        "limits": lambda: " ".join(answer.limits),
        "verdicts": lambda: verdicts_sentence(answer),
        "predictions": lambda: predictions_table(answer),
    }

    def value(token: re.Match[str]) -> str:
        name = token[1]
        return texts[name]() if name in texts else token[0]

    return with_contrasts(_TOKEN.sub(value, template), answer.contrasts)


def with_contrasts(text: str, contrasts: Mapping[str, PublishedContrast]) -> str:
    """Fill the contrasts of a text, as `filled` does."""
    return _TOKEN.sub(lambda token: contrast_words(contrasts[token[1]], token[2] or "points"), text)


def contrast_words(contrast: PublishedContrast, form: str) -> str:
    """Write a contrast in one of the forms of `filled`."""
    value, low, high = contrast.points
    odds, odds_low, odds_high = contrast.log_odds
    words = {
        "points": lambda: f"{value:+.1f} points ({low:+.1f} to {high:+.1f})",
        "bare": lambda: f"{value:+.1f} ({low:+.1f} to {high:+.1f})",
        "value": lambda: f"{value:+.1f}",
        "size": lambda: f"{abs(value):.1f}",
        "odds": lambda: f"{odds:+.2f} ({odds_low:+.2f} to {odds_high:+.2f})",
        "short": lambda: f"{100 * (contrast.short or 0):.0f}%",
        "other": lambda: f"{100 * (contrast.other or 0):.0f}%",
        "pairs": lambda: f"{contrast.pairs}",
    }
    return re.sub(r"[+-](0\.0+)(?!\d)", r"\1", words[form]())  # no sign before a rounded 0


def claims_table(answer: PublishedAnswer) -> str:
    """The study's claims with their verdict on each image set, in Markdown."""
    sets = list(dict.fromkeys(claim.set for claim in answer.claims))
    lines = [
        _row("claim of the 2023 study", *(_VERDICT_SETS[data] for data in sets)),
        _row(*["---"] * (len(sets) + 1)),
    ]
    for name in dict.fromkeys(claim.id for claim in answer.claims):
        by_set = {claim.set: claim for claim in answer.claims if claim.id == name}
        first: PublishedClaim = next(iter(by_set.values()))
        lines.append(_row(f"{name}. {first.text}", *(by_set[data].verdict for data in sets)))
    return "\n".join(lines)


def verdicts_sentence(answer: PublishedAnswer) -> str:
    """Say in one sentence how many claims hold on both drawn sets, and what became of the
    others."""
    drawn = ("scenes", "balanced-cues")
    names = list(dict.fromkeys(claim.id for claim in answer.claims))
    others = []
    for name in names:
        claims = [claim for data in drawn if (claim := answer.claim(name, data))]
        verdicts = [claim.verdict for claim in claims]
        if set(verdicts) == {"supported"}:
            continue
        text = claims[0].text.rstrip(".")
        words = [_VERDICT_WORDS.get(verdict, verdict) for verdict in verdicts]
        where = f"{words[0]} on both"
        if len(set(words)) > 1:
            named = zip(words, claims, strict=True)
            where = ", ".join(f"{verdict} on `{claim.set}`" for verdict, claim in named)
        others.append(f"“{text}” ({where})")
    return (
        f"{len(names) - len(others)} of the {len(names)} claims of the 2023 study are supported on"
        f" both drawn sets; the others are {'; '.join(others)}."
    )


def predictions_table(answer: PublishedAnswer) -> str:
    """The predictions of the plan of this release with their outcome, in Markdown."""
    lines = [
        _row("contrast", "image set", "predicted", "points (95% interval)", "came true"),
        _row(*["---"] * 5),
    ]
    for contrast in answer.contrasts.values():
        if contrast.planned != "second-world" or not contrast.predicted:
            continue
        outcome = {0: "open", contrast.predicted: "yes", -contrast.predicted: "no"}[contrast.sign]
        lines.append(
            _row(
                contrast.label,
                f"`{contrast.set}`",
                "above 0" if contrast.predicted > 0 else "below 0",
                contrast_words(contrast, "bare"),
                outcome,
            )
        )
    return "\n".join(lines)


def chain_table(answer: PublishedAnswer) -> str:
    """The planned chain of tests, in Markdown."""
    hypotheses = {
        "H1": "Captions that name the background cost nothing",
        "Words": "Their cost is equal for one learned vector per caption and for averaged random"
        " word vectors",
        "Sky": "Naming the sky costs as much as naming the background",
    }
    encoders = {"scratch": "from scratch", "pretrained": "pretrained"}
    lines = [
        _row("hypothesis", "images, encoder", "points (95% interval)", "p", "rejected"),
        _row(*["---"] * 5),
    ]
    for test in answer.chain:
        value, low, high = test.points
        rejected = "yes" if test.rejected else "no"
        if not test.confirmatory:
            rejected += " (descriptive)"
        lines.append(
            _row(
                f"{test.step}. {hypotheses[test.step]}",
                f"`{test.set}`, {encoders[test.towers]}",
                f"{value:+.1f} ({low:+.1f} to {high:+.1f})",
                f"{test.p:g}",
                rejected,
            )
        )
    return "\n".join(lines)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def page_text(page: Path, answer: PublishedAnswer) -> str:
    """Write the text that a page should have, with every published number filled in."""
    text = filled(PAGES[page].read_text(encoding="utf-8"), answer)
    if page.parent == ROOT:
        now = page.read_text(encoding="utf-8")
        before, _, after = now.partition(BEGIN)
        return f"{before}{BEGIN}\n{text.strip()}\n{END}{after.partition(END)[2]}"
    return text


def comparisons_table() -> pd.DataFrame:
    """Every variant of every published study against its baseline, one row per comparison with at
    least `FEWEST_PAIRS` seed pairs."""
    rows = []
    for comparison in comparisons():
        if comparison.result.n < FEWEST_PAIRS:
            continue
        points, odds = in_points(comparison.result.mean_points), comparison.result.mean_log_odds
        row = {column: getattr(comparison, name) for column, name in _COMPARED.items()}
        row["pairs"] = comparison.result.n
        for unit, ends in (("points", points), ("log_odds", (odds.value, odds.low, odds.high))):
            for ending, value in zip(("", "_low", "_high"), ends, strict=True):
                row[unit + ending] = round(value, 4)
        row["p"] = float(f"{comparison.result.log_odds.p:.2g}")
        rows.append(row)
    return pd.DataFrame(rows)


def save_figure(answer: PublishedAnswer, file: Path) -> None:
    """Write the figure of the answer as a PNG file with few colours."""
    chart = answer_chart(figure_rows(answer), LIGHT, FIGURE_WIDTH)
    chart.properties(background="white").save(str(file), scale_factor=1.5)
    image = Image.open(file).convert("RGB")
    few = image.convert("P", palette=Image.Palette.ADAPTIVE, colors=PALETTE_SIZE)
    few.save(file, optimize=True)
