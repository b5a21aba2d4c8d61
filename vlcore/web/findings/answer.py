"""The published answer on Findings: its sentence, table, figure, verdicts and files."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from vlcore.experiment.errors import LabError
from vlcore.experiment.files import project_folder
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import difference, percent, plural
from vlcore.plots.intervals import answer_chart
from vlcore.plots.theme import PHONE_SIDE, Palette
from vlcore.study import answer_file
from vlcore.study.answer_file import DIGITS, PublishedAnswer, PublishedClaim, published_answer
from vlcore.study.answer_words import (
    QUESTION,
    answer_sentence,
    answers_by_set,
    figure_rows,
    listed,
    set_words,
)
from vlcore.web import cache, shell, widgets

FOLDER = project_folder() / "docs" / "results"
_SETTING = (
    "Small models learn horses, mostly on grass, and camels, mostly in the desert. Rare images"
    " show the other two combinations; guessing gets half of them right. A seed pair is two"
    " models with the same seed, one per caption style. No such seed was used for tuning."
)
_BADGES = {
    "supported": ("green", "check_circle"),
    "contradicted": ("red", "cancel"),
    "depends": ("orange", "alt_route"),
    "not decided": ("gray", "help"),
    "not tested": ("gray", "remove"),
}
_DOWNLOADS = {
    "answer.json": ("The answer, JSON", "application/json", "description"),
    "comparisons.csv": ("Every comparison, CSV", "text/csv", "table"),
    "runs.parquet": ("All runs, parquet", "application/vnd.apache.parquet", "table"),
    "plans.zip": ("Plans, zip", "application/zip", "folder_zip"),
}


def show(palette: Palette, side: int) -> None:
    """Show the published answer with its files; one sentence if it is missing or damaged.

    Args:
        palette: light or dark.
        side: of each of two figures beside each other, in px; this one has the room of both.
    """
    try:
        answer = published_answer()
    except LabError as error:
        st.warning(plain(str(error)), icon=":material/error:")
    else:
        chosen = shell.image_set_of_address()
        if chosen.name not in answer.sets:
            st.info(
                f"These results are for {listed(answer.sets)}, not for {plain(chosen.name)}. Its"
                " own studies are under “studies on this server”."
            )
        shell.show_attribution(chosen)
        with st.container(key="answer"):
            _show_answer(answer, palette, side if side <= PHONE_SIDE else 2 * side + 40)
    _show_downloads()


def _show_answer(answer: PublishedAnswer, palette: Palette, width: int) -> None:
    """Show the question, the answer, the figure, and a verdict on each claim of the study."""
    st.markdown(f"**{QUESTION}** {answer_sentence(answer)}")
    st.caption(_SETTING)
    _show_by_set(answer)
    cache.show_described(_figure(answer, palette, width), "answer_points")
    _show_verdicts(answer)
    st.caption(f"Limits: {plain(' '.join(answer.limits))}")


def _show_downloads() -> None:
    """Offer the files behind the answer, each if it is installed."""
    with st.popover("Files", icon=":material/download:"):
        for name, (label, kind, icon) in _DOWNLOADS.items():
            file = answer_file.FILE if name == answer_file.FILE.name else FOLDER / name
            if file.is_file():
                widgets.download(label, file.read_bytes, name, kind, icon, key=f"published_{name}")


def _show_by_set(answer: PublishedAnswer) -> None:
    """Show both accuracies and their difference per image set: a table, or lines on a phone."""
    lines = [
        "| Images | Short captions | Descriptive captions | Change, in points (95% interval) |"
        " Seed pairs |",
        "|---|---|---|---|---|",
    ]
    for data, contrast in answers_by_set(answer).items():
        short, descriptive = (
            "–" if value is None else percent(value) for value in (contrast.short, contrast.other)
        )
        images, pairs = set_words(data), plural(contrast.pairs, "seed pair")
        if shell.is_narrow():
            st.markdown(
                f"**{images}**  \nshort captions {short}, descriptive captions {descriptive}:"
                f" {contrast.in_points}, {pairs}"
            )
        value, low, high = contrast.points
        change = difference({"value": value, "low": low, "high": high}, DIGITS)
        lines.append(f"| {images} | {short} | {descriptive} | {change} | {contrast.pairs:,} |")
    if not shell.is_narrow():
        st.markdown("\n".join(lines))


@cache.by_content(24)
def _figure(answer: PublishedAnswer, palette: Palette, width: int) -> cache.Spec:
    return cache.chart_spec(answer_chart(figure_rows(answer), palette, width))


def _show_verdicts(answer: PublishedAnswer) -> None:
    """Show the claims of the 2023 study, one line each, with a verdict per image set."""
    sets = list(dict.fromkeys(claim.set for claim in answer.claims))
    claims = {claim.id: claim.text for claim in answer.claims}
    heading = f"The {len(claims)} claims of the 2023 study"
    if shell.is_narrow():
        with st.expander(heading):
            for name, text in claims.items():
                badges = [f"{data} {_badge(answer.claim(name, data))}" for data in sets]
                st.markdown(f"{plain(text)}  \n:small[{' · '.join(badges)}]")
    else:
        st.markdown(f"**{heading}**")
        lines = [f"| Claim | {' | '.join(sets)} |", "|---" * (1 + len(sets)) + "|"]
        for name, text in claims.items():
            badges = [_badge(answer.claim(name, data)) for data in sets]
            lines.append(f"| {plain(text)} | {' | '.join(badges)} |")
        st.markdown("\n".join(lines))
    with st.expander("The number behind each verdict"):
        widgets.show_table(_reasons(answer.claims))


def _badge(claim: PublishedClaim | None) -> str:
    """Write a verdict as coloured words with an icon, for markdown."""
    verdict = claim.verdict if claim else "not tested"
    colour, icon = _BADGES.get(verdict, _BADGES["not tested"])
    return f":{colour}-badge[:material/{icon}: {verdict}]"


def _reasons(claims: Sequence[PublishedClaim]) -> pd.DataFrame:
    rows = [(claim.text, claim.set, claim.verdict, claim.sentence) for claim in claims]
    return pd.DataFrame(rows, columns=["Claim", "Images", "Verdict", "Because"])
