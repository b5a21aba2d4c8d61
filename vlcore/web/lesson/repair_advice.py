"""Advice of the lesson “repair” after its reveal: unused images that should mend the model, added
and compared with images by chance."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from vlcore.api.explain import advise
from vlcore.artifacts import store
from vlcore.classroom import repair, repair_results
from vlcore.data.imageset import ImageSet
from vlcore.experiment.condition import Condition
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import group_words
from vlcore.experiment.plain_text import plain
from vlcore.web import cache, image_addresses, jobs, visitors, widgets, work

LABEL = "What would mend it?"


@dataclass(frozen=True)
class Advice:
    """Rows of the advised images, and the conditions that compare them with others, by arm."""

    rows: Sequence[int]
    arms: dict[str, list[Condition]]

    @property
    def conditions(self) -> list[Condition]:
        return [condition for arm in self.arms.values() for condition in arm]


def ask_advice(images: ImageSet, base: Condition, bar: DeltaGenerator) -> Advice | None:
    """The advice for a model, where it is trained and a visitor asks for it."""
    if not store.published(base.key):
        return None
    about = "Unused images whose addition is predicted to help the minority most, put to the test."
    if not bar.toggle(LABEL, **widgets.in_address("advice", about)):
        return None
    try:
        advise_now = partial(_advised, base.key, images)
        rows = jobs.ready_or_offered(advise_now, f"advice_{base.key}", "Ask the advisor")
        if rows is None:
            return None
        return Advice(rows, repair.advice_conditions(images, base, rows))
    except LabError as error:
        st.warning(plain(str(error)))
        return None


@st.cache_resource(
    max_entries=20,
    show_spinner="Asking what each unused image would change …",
    hash_funcs=cache.BY_CONTENT,
)
def _advised(key: str, images: ImageSet, _may_start: bool) -> list[int]:
    if not _may_start:
        raise jobs.NotStartedError("The advisor was not asked yet; press its button.")
    rows = repair.advice_rows(images, cache.artifact(key).condition)
    return work.run_in_worker(visitors.visitor(), advise, key, rows)


def show_advice(advice: Advice | None, images: ImageSet) -> None:
    """Show the advised images, and what their addition changed or the button that tries it."""
    if advice is None:
        return
    words, groups = group_words(images.grouping), images.table["group"]
    st.markdown(
        f"**{LABEL}** These {len(advice.rows)} unused images, by TracIn on validation images"
    )
    addresses = image_addresses.addresses(images, advice.rows)
    small = [
        f"![{plain(words[groups.iat[row]])}]({address})"
        for row, address in zip(advice.rows, addresses, strict=True)
    ]
    st.markdown(" ".join(small))
    counts = groups.iloc[list(advice.rows)].value_counts()
    st.caption(plain(", ".join(f"{words[name]}: {count}" for name, count in counts.items())))
    about = (
        "With these, with as many unused images by chance, and with as many by chance of the same"
        f" groups; {len(repair.CHANCE)} seeds each. They join the ranking."
    )
    if jobs.train_several(advice.conditions, "Add them and train again", about, key="advice"):
        minority = {
            arm: [_minority_accuracy(condition) for condition in conditions]
            for arm, conditions in advice.arms.items()
        }
        st.markdown(plain(repair_results.advice_sentence(minority)))


def _minority_accuracy(condition: Condition) -> float:
    end = cache.artifact(condition.key).metrics["end"]
    return float(end["minority_accuracy"]["value"])
