// Runs on every page before the scripts of Streamlit.
{
  // Else Streamlit asks below a page's own address for a server, in vain (two answers of 404).
  window.__streamlit = {BACKEND_BASE_URL: new URL("../", document.currentScript.src).href};

  // Back undoes the last control: one gesture, one entry. Streamlit replaces the address when a
  // control changes, so that Back would leave the page, and adds entries when a run takes defaults
  // out of it. Here the first change of the address after a gesture adds an entry, and what follows
  // from it (the address tidied, another page) changes that entry.
  const push = history.pushState.bind(history), replace = history.replaceState.bind(history);
  let gesture = false;
  const begin = () => { gesture = true; };
  for (const name of ["pointerdown", "keydown"])
    window.addEventListener(name, begin, {capture: true, passive: true});
  // Of a screen reader, which presses nothing.
  window.addEventListener("click", event => { if (event.detail === 0) begin(); }, true);
  window.addEventListener("popstate", () => { gesture = false; }, true);
  const change = (state, unused, address) => {
    const adds = gesture && new URL(address ?? "", location.href).href !== location.href;
    if (adds) gesture = false;
    (adds ? push : replace)(state, unused, address);
  };
  history.pushState = change;
  history.replaceState = change;

  // A tap on a chart does what pointing does, until the next press or the move of a mouse. The click
  // comes after the finger has left, and what a browser then tells of a mouse is not heard.
  const REACHES = [0, 6, 12, 18], DIRECTIONS = 8;  // px from a finger to the mark that it means
  let isFinger = false, tapped = null;
  const chartOf = ({target}) => target.closest?.("svg.marks");
  const tell = (kinds, {clientX, clientY}) => {
    const about = {bubbles: true, pointerType: "touch", clientX, clientY};
    for (const kind of kinds) tapped?.dispatchEvent(new PointerEvent(kind, about));
  };
  const markNear = ({clientX, clientY}) => {
    for (const reach of REACHES) {
      for (let number = 0; number < DIRECTIONS; number++) {
        const angle = 2 * Math.PI * number / DIRECTIONS;
        const mark = document.elementFromPoint(clientX + reach * Math.cos(angle), clientY + reach * Math.sin(angle));
        if (mark && chartOf({target: mark}) && mark.__data__?.tooltip) return mark;
      }
    }
    return null;
  };
  const leave = event => {
    tell(["mouseout", "pointerout"], event);
    tapped = null;
  };
  window.addEventListener("pointerdown", event => {
    isFinger = event.pointerType === "touch";
    leave(event);
  }, {capture: true, passive: true});
  window.addEventListener("click", event => {
    if (!isFinger || !chartOf(event)) return;
    tapped = markNear(event);
    tell(["pointerover", "pointermove"], event);
  }, true);
  window.addEventListener("pointermove", event => {
    const hasMoved = event.movementX !== 0 || event.movementY !== 0;
    if (event.isTrusted && event.pointerType === "mouse" && hasMoved) leave(event);
  }, {capture: true, passive: true});
  window.addEventListener("mouseout", event => {
    if (tapped && event.isTrusted && chartOf(event)) event.stopImmediatePropagation();
  }, true);

  // Streamlit lists the files of a folder in a time that grows as the square of their number: 500 take
  // 20 seconds, 1,000 take 160, and 2,000 freeze the page.
  const FOLDER_FILES = 500;  // as in vlcore/experiment/limits.py
  window.addEventListener("change", event => {
    const input = event.target, count = input.webkitdirectory ? input.files.length : 0;
    if (count <= FOLDER_FILES) return;
    event.stopImmediatePropagation();
    input.value = "";
    alert(`This folder has ${count} files; at most ${FOLDER_FILES} can be uploaded. Upload a zip of it instead.`);
  }, true);
}
