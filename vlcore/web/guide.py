"""The guide: a card at the top of a page, what it sets there, and the one control that it is about.

The step is in the address (``?guide=7``): whoever opens it sees that card on its page, with its
settings, but for those that the address names itself."""

from collections.abc import Mapping

import streamlit as st

from vlcore.classroom import guide
from vlcore.data.catalogue import set_names
from vlcore.data.subset import usual_condition
from vlcore.experiment.plain_text import plain
from vlcore.web import cache
from vlcore.web.components import browser
from vlcore.web.home import animation

_STEP, _SHOWN = (
    "guide",
    "guide_shown",
)  # the number of a card in the address, and of the one whose settings were made


def entrance() -> None:
    """The button that begins it, for whoever is at no card."""
    if _STEP not in st.query_params:
        begin, first = guide.words()["begin"], {_STEP: "1"}
        st.button(
            begin,
            None,
            None,
            st.query_params.update,
            [first],
            type="tertiary",
            icon=":material/tour:",
        )


def show(files: Mapping[str, str], along: Mapping[str, str]) -> None:
    """The card that the address names, the first for a number that no card has, on its page, which
    is one of `files`, by the names in the menu. `along` stays in the address from card to card."""
    data = along.get("data", "")
    images = cache.named_set(data if data in set_names() else "scenes")
    cards = guide.cards(animation.is_there(images.name))
    number = next(
        (number for number in range(1, len(cards) + 1) if str(number) == st.query_params[_STEP]), 1
    )

    def filled(number: int) -> guide.Card:
        return cards[number - 1].filled(usual_condition(images), images.grouping, cache.artifact)

    def go(number: int, address: Mapping[str, str]) -> None:
        st.session_state[_SHOWN], card = number, filled(number)
        st.session_state.update(
            {name: value for name, value in card.settings.items() if name not in address}
        )
        st.switch_page(files[card.page], query_params={**address, _STEP: str(number)})

    if st.session_state.get(_SHOWN) != number:
        go(number, dict(st.query_params))
    card, words = filled(number), guide.words()
    done = bool(card.done) and all(
        st.session_state.get(name) == value for name, value in card.done.items()
    )
    with st.container(border=True, key="guide", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.title(plain(card.title), anchor=False, width="content")
            st.caption(words["place"].format(number=number, count=len(cards)), width="content")
            if done:
                st.badge(words["done"], icon=":material/check:", color="green")
            st.space("stretch")
            if st.button(words["back"], key="guide_back", disabled=number == 1):
                go(number - 1, along)
            if number < len(cards) and st.button(
                words["next"], key="guide_next", type="primary" if done else "secondary"
            ):
                go(number + 1, along)
            if st.button(
                words["leave" if number < len(cards) else "finish"],
                key="guide_leave",
                type="tertiary",
            ):
                del st.query_params[_STEP]
                st.rerun()
        st.markdown(plain(card.text))
        region = words["region"].format(title=card.title)
        light = {
            "number": number,
            "region": region,
            "highlight": card.highlight,
            "clear": list(card.clear),
        }
        browser.GUIDE(key="guide-light", data=light, height=0)
