"""Models that uploads are put to: those on the disk, and the untrained encoder behind each."""

from __future__ import annotations

from itertools import cycle

import streamlit as st

from vlcore.compare.comparison import names
from vlcore.compare.uploads import distinct_names, with_untrained
from vlcore.core.condition import Condition
from vlcore.datasets.imageset import ImageSet
from vlcore.datasets.subset import usual_condition
from vlcore.studies import plans
from vlcore.ui import jobs, shell, widgets
from vlcore.ui.compare.models import SIDES, comparable


def choose(images: ImageSet, count: int) -> list[Condition]:
    """The choice of models, two in a row; holds the page where there is none yet, and says where to get one."""
    experiments = plans.find("experiments", usual_condition(images)).conditions
    running = sum(view.state.is_active for view in jobs.views(experiments))
    # A model of an older version has a key that no condition of now has; the Compare page shows it.
    trained = {key: one for key, one in comparable(images).items() if one.key == key}
    if not trained and running:
        st.info("Models are being trained on these pictures just now: the first will be offered here when it is done.")
        widgets.in_training(experiments)
        st.stop()
    if not trained:
        st.info(
            f"No model is trained on these pictures yet. Run the four experiments first. {widgets.how_long(images)}"
        )
        st.page_link(
            "app.py",
            label="Go to the experiments",
            icon=":material/play_arrow:",
            query_params=shell.persistent_query_params(),
        )
        st.stop()
    choices = with_untrained(trained)
    keys, called = list(choices), distinct_names(choices)
    usual = [one.key for one in (*experiments[2:], *experiments[:2]) if one.key in choices]
    usual += [key for key in keys if key not in usual]
    chosen = []
    for column, name, prefix, key in zip(widgets.in_pairs(count), names(count), SIDES, cycle(usual), strict=False):
        with column:
            asked = st.selectbox(
                f"{name.capitalize()} model",
                keys,
                index=keys.index(key),
                format_func=called.__getitem__,
                key=f"{prefix}_asked",
                bind="query-params",
            )
        chosen.append(choices[asked])
    if running:
        st.caption(f"{running} more of the four experiments {'is' if running == 1 else 'are'} in training just now.")
    return chosen
