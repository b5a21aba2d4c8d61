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
