"""The choice of a pair of towers, which pages share."""

import streamlit as st

from vlcore.experiment.options import SCRATCH, TOWERS
from vlcore.web import shell

# The towers on which pages open a set of a visitor's own: it has photographs, more likely than not.
OWN_SETS = "pretrained"
_KEY = "towers"
_HELP = (
    "Pretrained towers know photographs and train in seconds; from scratch a model knows its own"
    " images alone."
)


def towers_choice(default: str = SCRATCH) -> str:
    """Show the choice of the towers of all models of a page, a name in `TOWERS`."""
    # A visitor's photograph would meet towers that know drawings alone.
    shell.follow_default(_KEY, default)
    chosen = st.segmented_control(
        "Towers",
        list(TOWERS),
        key=_KEY,
        bind="query-params",
        default=default,
        required=True,
        help=_HELP,
        label_visibility="collapsed",
        width="content",
    )
    return chosen or default
