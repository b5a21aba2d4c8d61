"""Guide: a card at the top of a page, its settings, and the one control that it is about.

The card is in the address (``?guide=4``), which shows it on its page with its settings, except
those that the address names itself.
"""

from collections.abc import Mapping
from contextlib import suppress

import streamlit as st

from vlcore.classroom import answers, guide
from vlcore.data.catalogue import set_names
from vlcore.data.subset import usual_condition
from vlcore.experiment.plain_text import plain
from vlcore.study.answer_file import AnswerError
from vlcore.web import cache
from vlcore.web.address import LessonState, PageState
from vlcore.web.components import browser
from vlcore.web.home import animation

_MODELS = ("left", "right", "model")  # parameters of models, which no control has
_CARD = "guide"  # the number of a card, in the address
# The card whose settings were made, and the image set that they were made for, in the session.
_SET_CARD = "guide_shown"


def entrance() -> None:
    """Offer the guide, unless a card is shown."""
    if _CARD not in st.query_params:
        st.button(
            guide.guide_words()["begin"],
            on_click=st.query_params.update,
            args=[{_CARD: "1"}],
            type="tertiary",
            icon=":material/tour:",
        )


def show_card(pages: Mapping[str, type[PageState]], persistent: Mapping[str, str]) -> None:
    """Show the card that the address names, on its page; the first one for an unknown number.

    Cards about Home's maps are skipped where a set has
    none, and all others keep their numbers.

    Args:
        pages: by their names in the menu.
        persistent: what stays in the address from card to card.
    """
    data = persistent.get("data", "")
    images = cache.named_set(data if data in set_names() else "scenes")
    has_atlas = animation.has_atlas(images.name)
    cards = dict(enumerate(guide.cards(), start=1))
    usable = [number for number, card in cards.items() if has_atlas or not card.is_about_riddle]
    numbers = {str(number): number for number in usable}
    number = numbers.get(st.query_params[_CARD], usable[0])
    place = usable.index(number)

    answer = ""
    with suppress(AnswerError):  # Findings shows why
        answer = answers.take_home("four-experiments", images.name)

    def filled(number: int) -> guide.Card:
        return cards[number].filled(usual_condition(images), images.grouping, answer)

    def go(number: int, address: Mapping[str, str]) -> None:
        st.session_state[_SET_CARD] = number, images.name
        card = filled(number)
        settings = {name: value for name, value in card.settings.items() if name not in address}
        models = {name: settings.pop(name) for name in _MODELS if settings.get(name)}
        for name, value in settings.items():
            st.session_state[name] = value
        # The address of a control that was drawn follows its state and cannot be set.
        others = {name: text for name, text in address.items() if name not in st.session_state}
        parameters = {**others, **models, _CARD: str(number)}
        st.switch_page(pages[card.page].file, query_params=parameters)

    if st.session_state.get(_SET_CARD) != (number, images.name):
        go(number, dict(st.query_params))
    card, words = filled(number), guide.guide_words()
    st.session_state["guide_maps"] = {"card": number, **card.maps}
    is_last = number == usable[-1]
    with st.container(border=True, key="guide", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.title(plain(card.title), anchor=False, width="content")
            st.caption(words["place"].format(number=place + 1, count=len(usable)), width="content")
            st.space("stretch")
            if st.button(words["back"], key="guide_back", disabled=place == 0):
                go(usable[place - 1], persistent)
            if not is_last and st.button(words["next"], key="guide_next", type="primary"):
                go(usable[place + 1], persistent)
            leave = words["finish" if is_last else "leave"]
            if st.button(leave, key="guide_leave", type="tertiary"):
                del st.query_params[_CARD]
                st.rerun()
        st.markdown(plain(card.text))
        if is_last:
            lesson = LessonState(data=images.name)
            st.page_link(
                lesson.file,
                label=words["teach"],
                icon=":material/school:",
                query_params=lesson.parameters(),
            )
        region = words["region"].format(title=card.title)
        light = {
            "number": number,
            "region": region,
            "highlight": card.highlight,
            "clear": list(card.clear),
        }
        browser.GUIDE(key="guide-light", data=light, height=0)
