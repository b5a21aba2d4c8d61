"""What only a browser can do, and Streamlit does not: play a film, copy the address, take what is pasted, remember.

Each is a few lines of our own script in a component, with the look of the theme around it. None asks the network for
anything, and none takes a text from a visitor into the page.
"""

from __future__ import annotations

import streamlit as st

from vlcore.charts.html import PLAY_SCRIPT
from vlcore.charts.maps.panes import MOMENT

_BUTTON = """
button {
  font: inherit; font-size: var(--st-base-font-size, 1rem); color: var(--st-text-color);
  background: var(--st-background-color); border: 1px solid var(--st-border-color);
  border-radius: var(--st-button-radius, .35rem); padding: .35rem .8rem; min-height: 2.5rem; cursor: pointer;
}
button:hover { border-color: var(--st-primary-color); color: var(--st-primary-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
"""
_PLAY = st.components.v2.component(
    "vl_bias_lab_play",
    html='<button type="button"></button>',
    css=_BUTTON,
    js=PLAY_SCRIPT
    + """
export default function({parentElement, data}) {
  return filmPlayer(parentElement.querySelector("button"), data.name);
}
""",
)
_COPY = st.components.v2.component(
    "vl_bias_lab_copy",
    html='<button type="button">Copy link</button><span role="status"></span>',
    css=_BUTTON + "span { margin-left: .6rem; color: var(--st-text-color); }",
    js="""
export default function({parentElement}) {
  const button = parentElement.querySelector("button"), said = parentElement.querySelector("[role=status]");
  const byHand = address => {  // browsers give the clipboard to pages of https and localhost only
    const field = document.createElement("textarea");
    field.value = address;
    field.setAttribute("readonly", "");
    field.style.position = "fixed";
    field.style.opacity = "0";
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    button.focus();
    return done;
  };
  const copy = async () => {
    const address = window.location.href;
    let done = false;
    try {
      await navigator.clipboard.writeText(address);
      done = true;
    } catch {
      done = byHand(address);
    }
    said.textContent = done ? "Copied" : "Not allowed here: copy the address from the address bar.";
    setTimeout(() => { said.textContent = ""; }, 4000);
  };
  button.addEventListener("click", copy);
  return () => button.removeEventListener("click", copy);
}
""",
)
# Streamlit's uploader takes what is pasted into it, and it must be focused for that; few would find that out.
_PASTE = st.components.v2.component(
    "vl_bias_lab_paste",
    js="""
export default function() {
  const hand = event => {
    const given = event.clipboardData, uploader = document.querySelector("[data-testid=stFileUploaderDropzone]");
    if (!given?.files.length || !uploader || uploader.contains(event.target)) return;
    const files = new DataTransfer();
    for (const file of given.files) files.items.add(file);
    uploader.dispatchEvent(new ClipboardEvent("paste", {clipboardData: files, bubbles: true, cancelable: true}));
  };
  document.addEventListener("paste", hand);
  return () => document.removeEventListener("paste", hand);
}
""",
)
# A cookie, for it comes with a page's first request: what is in the browser's own store would come one run late.
_REMEMBER = st.components.v2.component(
    "vl_bias_lab_remember",
    js="""
export default function({data}) {
  document.cookie = `${data.name}=${data.value}; path=/; max-age=${data.seconds}; samesite=strict`;
}
""",
)


def play_button(name: str = MOMENT, *, key: str = "play") -> None:
    """A button that plays the film on this page, once through, and pauses it, in the browser alone; where the visitor's
    system asks for little motion, each press shows the next moment. `name` is the parameter of the film's slider."""
    _PLAY(key=key, data={"name": name}, width="content")


def copy_link(*, key: str = "copy-link") -> None:
    """A button that copies the address of the page as it is when pressed, and says so."""
    _COPY(key=key, width="content")


def paste_anywhere(*, key: str = "paste") -> None:
    """Hand what is pasted anywhere on the page to its first uploader."""
    _PASTE(key=key, height=0)


def remember(name: str, value: str, seconds: float) -> None:
    """Keep a value in the visitor's browser for so many seconds; `remembered` has it when they come again. Name and
    value are letters, digits, hyphens and underscores."""
    _REMEMBER(key=f"remember-{name}", data={"name": name, "value": value, "seconds": int(seconds)}, height=0)


def remembered(name: str) -> str:
    """What the visitor's browser kept when this visit began; empty where there is nothing."""
    return st.context.cookies.get(name, "")
