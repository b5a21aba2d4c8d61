"""Training images behind a prediction: which moved it, which would mend it, and what training
without or with them changes."""

from collections.abc import Callable, Iterable
from contextlib import suppress

import pandas as pd
import streamlit as st

from vlcore.api.explain import (
    CHANGED,
    SEEDS,
    Explanation,
    MarginQuestion,
    TrialOutcome,
    attribute,
    check_explainable,
)
from vlcore.api.model_map import ModelMap
from vlcore.data.imageset import ImageSet
from vlcore.experiment.edits import MOST
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import group_words
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import signed
from vlcore.plots.intervals import forest_chart
from vlcore.web import cache, jobs, shell, visitors, widgets, work
from vlcore.web.upload.answers import compute_once

TITLE = "Which training images are behind the answer"
BLAME, MEND = "Which training images are behind it?", "What would mend it?"
# Rank correlations of TracIn's estimates with retrainings, measured with version 0.5.
HALVES, SINGLES = "0.27 (0.19 to 0.34)", "0.35 (0.29 to 0.41)"
SIDE, ROOM = 64, 74  # px of an image, and of its words: four are a row of a phone
PAGE_MARGINS, BETWEEN = 130, 20  # px beside the columns of the page, and between two
USUAL_WINDOW = (1280, 720)  # px, before the page tells its own


def can_be_shown(model: ModelMap) -> bool:
    """Whether a model's predictions can be explained by training images."""
    with suppress(LabError):
        check_explainable(model.artifact.condition)
        return True
    return False


def is_asked(keys: Iterable[str]) -> bool:
    """Whether a visitor, or the address, asks any of some sections."""
    return any(st.session_state.get(key) or key in st.query_params for key in keys)


def show_explanations(
    model: ModelMap, images: ImageSet, ask: Callable[[], MarginQuestion], name: str, key: str
) -> None:
    """Offer the training images that are estimated to have moved a model's margin most in some
    images, and a test of them.

    Args:
        model: that is explained.
        images: the set that it was trained on.
        ask: what is explained; called once a visitor asks.
        name: of the model on the page.
        key: of what is asked, in the address.
    """
    st.markdown(f"**{plain(name)}**")
    try:
        check_explainable(model.artifact.condition)
        choice = st.segmented_control(
            TITLE, [BLAME, MEND], label_visibility="collapsed", wrap=True, **widgets.in_address(key)
        )
        if choice:
            try:
                explanation = _explanation(model.artifact.key, ask(), choice == MEND)
            except work.NotInTimeError as error:
                st.caption(plain(str(error)))
                st.button("Try again", icon=":material/refresh:", key=f"{key}_again")
                return
            _strips(explanation, images)
            _show_test(explanation, name)
    except LabError as error:
        st.caption(plain(str(error)))


def _explanation(key: str, question: MarginQuestion, add: bool) -> Explanation:
    """Return the explanation of what is asked, computed once in a session."""
    name = ("why", key, cache.artifact(key).digest, _content(question), add)

    def compute() -> Explanation:
        with st.spinner("Training it once more to see which images moved it …"):
            return explain_in_worker(key, question, add)

    return compute_once(name, compute)


def explain_in_worker(key: str, question: MarginQuestion, add: bool = False) -> Explanation:
    """Return the explanation of what is asked; a worker replays the training for it."""
    return work.run_in_worker(visitors.visitor(), attribute, key, question, MOST, add)


def _content(question: MarginQuestion) -> tuple[int, str, bool]:
    """Return a name for what is asked, of this process alone."""
    return hash(question.inputs.tobytes()), question.object, question.is_known


def _strips(explanation: Explanation, images: ImageSet) -> None:
    question, count = explanation.question, len(explanation.margins)
    subject = "this image" if count == 1 else f"these {count} images"
    verdict = f"{explanation.wrong} of {count} wrong"
    if count == 1:
        verdict = f"predicted {'wrongly' if explanation.wrong else 'correctly'}"
    if not question.is_known:
        verdict = f"so it predicts {question.other}; what the image shows is not known"
    margin = signed(float(explanation.margins.mean()), 1)
    st.caption(
        plain(
            f"{question.margin_words} in {subject}: {margin} (in log odds, before calibration),"
            f" {verdict}."
        )
    )
    if explanation.warning:
        st.warning(plain(explanation.warning))
    if explanation.change == "add":
        words = f"Unused, and estimated to move it most towards {question.object}"
        _show_strip(words, explanation.strongest_for, images)
    else:
        words = "Trained on, and estimated to have moved it most towards"
        _show_strip(f"{words} {question.other}", explanation.strongest_against, images)
        _show_strip(f"{words} {question.object}", explanation.strongest_for, images)
    count = len(explanation.images)
    st.caption(
        f"The strongest {min(explanation.top, count)} of {count:,} images by TracIn over the"
        " training's checkpoints. This is an estimate; only training without them tells a cause."
        f" On a pretrained model its ranks correlated at {HALVES} with retrainings on halves of the"
        f" images, at {SINGLES} with those without a single one (measured with version 0.5)."
    )


def _show_strip(title: str, table: pd.DataFrame, images: ImageSet) -> None:
    """Show images in a row, each with its group and caption.

    Args:
        title: above them.
        table: of `Explanation.images`, some rows.
        images: their set.
    """
    st.markdown(f"{plain(title)}" + ("" if len(table) else ": none"))
    names = group_words(images.grouping)
    with st.container(horizontal=True, gap="xsmall"):
        for image in table.itertuples():
            words = f"{names.get(image.group, image.group)}"
            with st.container(width=ROOM, gap="xsmall"):
                if image.row >= 0:
                    widgets.show_image_of_set(images, image.row, width=SIDE, alt=words)
                st.caption(f"{plain(words)}  \n“{plain(image.caption)}”")


def _show_test(explanation: Explanation, name: str) -> None:
    """Offer the trainings of a test, follow them, and show what came out.

    Args:
        explanation: that is put to the test.
        name: of the section on the page.
    """
    trials = explanation.trials()
    changed, conditions = explanation.changed, [trial.condition for trial in trials]
    about = (
        f"Trains {len(trials)} models, {SEEDS} seeds each: with the images as they are, and where"
        f" the first {changed}, the {changed} nearest or {changed} by chance are"
        f" {CHANGED[explanation.change]}."
    )
    label = f"Test it: {explanation.change} them and train again"
    if jobs.train_several(conditions, label, about, key=name):
        keys = [condition.key for condition in conditions]
        content = _content(explanation.question)
        outcome = compute_once(("tested", content, *keys), lambda: explanation.measure(trials))
        _show_outcome(outcome, name)


def _show_outcome(tested: TrialOutcome, name: str) -> None:
    rows = tested.changes()
    rows["status"] = [f"{row.flips} of {row.wrong} corrected" for row in rows.itertuples()]
    window, _ = st.session_state.get("window", USUAL_WINDOW)
    width = (window - PAGE_MARGINS) // (1 if window < shell.NARROW else 2) - BETWEEN
    chart = forest_chart(
        rows, palette=shell.palette(), width=width, title="change of the margin, log odds"
    )
    cache.show_described(chart, key=f"tested_{name}_{tested.explanation.change}")
    *sentences, verdict = tested.sentences()
    st.markdown(f"**{plain(verdict)}**")
    st.caption(plain(" ".join(sentences)))
