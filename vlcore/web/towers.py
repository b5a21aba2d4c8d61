"""The choice of a pair of towers, which pages share."""

import streamlit as st

from vlcore.experiment.options import TOWERS

SCRATCH = "scratch"  # a name in `TOWERS`
# The towers on which pages open a set of a visitor's own: it has photographs, more likely than not.
OWN_SETS = "pretrained"
_KEY = "towers"
_HELP = (
    "Pretrained towers know photographs and train in seconds; from scratch a model knows its own"
    " images alone."
)
_DEFAULT = "towers_default"  # of the page before


def towers_choice(default: str = SCRATCH) -> str:
    """Show the choice of the towers of all models of a page, a name in `TOWERS`."""
    _forget_default(default)
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


def _forget_default(default: str) -> None:
    """Take back what a page with another default set by itself: nobody chose it, and a visitor's
    photograph would meet towers that know drawings alone."""
    before = st.session_state.get(_DEFAULT, default)
    is_untouched = st.session_state.get(_KEY) == before and _KEY not in st.query_params
    if before != default and is_untouched:
        del st.session_state[_KEY]
    st.session_state[_DEFAULT] = default
