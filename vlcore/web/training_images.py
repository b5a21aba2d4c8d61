"""Training images behind a prediction, and what training without them changes."""

from collections.abc import Callable, Hashable, Mapping

import pandas as pd
import streamlit as st

from vlcore.api.explain import (
    SEEDS,
    Explanation,
    MarginQuestion,
    TrialOutcome,
    attribute,
    check_explainable,
)
from vlcore.api.model_map import ModelMap
from vlcore.data.imageset import ImageSet
from vlcore.experiment.errors import LabError
from vlcore.experiment.plain_text import plain
from vlcore.experiment.wording import difference, signed
from vlcore.web import cache, jobs, visitors, widgets, work

TITLE = "Which training images are behind the answer?"
FIND = "Find them"
TEST = "Test it: remove them and train again"


def show_explanations(
    models: Mapping[str, ModelMap],
    images: ImageSet,
    asks: Mapping[str, Callable[[], MarginQuestion]],
    image: Hashable,
) -> None:
    """Offer the training images that are estimated to have moved each model's prediction most, and
    a test of them.

    Args:
        models: by name.
        images: the set that they were trained on.
        asks: what is explained of each, called when a visitor asks.
        image: a name for the explained image, and for what it is known to show.
    """
    with st.expander(TITLE, icon=":material/school:"):
        for column, (name, ask) in widgets.in_pairs(asks.items()):
            with column:
                st.markdown(f"**{plain(name.capitalize())}**")
                try:
                    _show_explanation(models[name], images, ask, image, name)
                except work.NotInTimeError as error:
                    st.caption(plain(str(error)))
                    st.button("Try again", icon=":material/refresh:", key=f"why-again-{name}")
                except LabError as error:
                    st.caption(plain(str(error)))


def _show_explanation(
    model: ModelMap, images: ImageSet, ask: Callable[[], MarginQuestion], image: Hashable, name: str
) -> None:
    key = model.artifact.key
    check_explainable(model.artifact.condition)
    question = (image, key, model.artifact.digest)
    questions: set[Hashable] = st.session_state.setdefault("why_asked", set())
    if question not in questions and not st.button(FIND, key=f"why-{name}"):
        return
    questions.add(question)

    def explain() -> Explanation:
        with st.spinner("Training it once more to see which images moved it …"):
            return work.run_in_worker(visitors.visitor(), attribute, key, ask())

    explanation = cache.once_a_session(("why", *question), explain)
    _show_strips(explanation, images)
    trials = explanation.trials()
    removed = explanation.removed
    about = (
        f"Trains {len(trials)} models, {SEEDS} seeds each: with all images, and without the first"
        f" {removed}, the {removed} nearest, or {removed} by chance."
    )
    conditions = [trial.condition for trial in trials]
    if jobs.train_several(conditions, TEST, about, key=f"why-{name}"):
        _show_outcome(
            cache.once_a_session(("tested", *question), lambda: explanation.measure(trials))
        )


def _show_strips(explanation: Explanation, images: ImageSet) -> None:
    question = explanation.question
    margin = signed(float(explanation.margins.mean()), 1)
    unknown = "" if question.is_known else "; what the image shows is not known"
    words = f"Score of {question.object} less {question.other}: {margin} in log odds{unknown}."
    st.caption(plain(words))
    if explanation.warning:
        st.warning(plain(explanation.warning))
    for towards, table in (
        (question.other, explanation.strongest_against),
        (question.object, explanation.strongest_for),
    ):
        st.markdown(plain(f"Moved it most towards {towards}"))
        rows = zip(table["row"].tolist(), table["caption"], strict=True)
        widgets.show_images(images, {row: [f"“{caption}”"] for row, caption in rows})
    st.caption(
        f"The strongest of {len(explanation.images):,} training images by TracIn. This is an"
        " estimate. Only training without these images tells a cause."
    )


def _show_outcome(outcome: TrialOutcome) -> None:
    st.markdown(f"**{plain(outcome.sentence)}**")
    rows = [
        {
            "Removed": row["words"],
            "Score moves by, log odds": difference(row),
            "Corrected": f"{row['flips']} of {row['wrong']}",
        }
        for row in outcome.changes().to_dict("records")
    ]
    widgets.show_table(pd.DataFrame(rows), in_column=True)
