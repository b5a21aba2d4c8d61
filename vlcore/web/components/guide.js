// Draws a line around the control that a card of the guide is about, brings it into view and makes all else quiet. What is
// quiet can be used as ever, is clear again under the pointer, and stays so once it is used.
const step = {number: null, led: false};  // the card that is shown, and whether the visitor was led to its control
let end = () => {};  // of what is drawn now: Streamlit calls again when the card changes, and ends nothing then

export default function({parentElement, data}) {
  end();
  const reducedMotion = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const grey = window.matchMedia("(prefers-contrast: more)").matches ? "grayscale(1)" : "grayscale(1) opacity(.6)";
  const main = document.querySelector("[data-testid=stMain]"), card = document.querySelector(".st-key-guide");
  if (!card) return;  // it left with its page, and Streamlit calls once more
  const accent = getComputedStyle(parentElement.host ?? parentElement).getPropertyValue("--st-primary-color");
  const quiet = new Map(), used = new WeakSet(), hovered = new WeakSet();
  const listeners = new AbortController(), first = step.number !== data.number;
  const timing = milliseconds => ({fill: "forwards", duration: first && !reducedMotion ? milliseconds : 0});
  let outlined = null, line = null, frame = null;

  // "riddle .bias": of what has the key, a part that is drawn in a root of its own; "maps -panel": a key by its two ends
  function find(name) {
    const [key, part] = name.split(" ");
    if (part?.startsWith("-")) return main.querySelector(`[class*="st-key-${key}"][class*="${part}"]`);
    const keyed = main.querySelector(`.st-key-${key}`) ?? main.querySelector(`[class*="st-key-${key}"]`);
    if (!keyed || !part) return keyed;
    const roots = [...keyed.querySelectorAll("*")].map(inner => inner.shadowRoot).filter(Boolean);
    const match = roots.map(root => root.querySelector(part)).find(Boolean);
    return match?.closest("label") ?? match;
  }

  function pathTo(control) {
    const path = [];
    for (let node = control; node && node !== main.parentNode; node = node.parentNode ?? node.host) path.push(node);
    return path;
  }

  function draw() {
    frame = null;
    document.documentElement.style.setProperty("--guide-room", `${card.offsetHeight - 40}px`);  // the title had those
    const clear = data.clear.map(find).filter(Boolean), target = find(data.highlight) ?? clear[0];
    const shown = new Set(target ? [target, card, ...clear] : []), pathNodes = new Set([...shown].flatMap(pathTo));
    const beside = [...pathNodes].filter(node => !shown.has(node)).flatMap(node => [...node.children]);
    const muted = new Set(beside.filter(node => !pathNodes.has(node) && !used.has(node)));
    for (const node of quiet.keys()) if (!muted.has(node)) clearAgain(node);
    for (const node of muted) if (!quiet.has(node)) quiet.set(node, node.animate([{filter: grey}], timing(250)));
    if (target !== outlined) {
      line?.cancel();
      const look = {outline: `3px solid ${accent}`, outlineOffset: "5px", borderRadius: "4px"};
      line = target?.animate([{...look, outlineOffset: "16px"}, look], timing(350));
      outlined = target;
    }
    if (target && !step.led) lead(target, clear);
  }

  function clearAgain(node) {
    quiet.get(node).cancel();
    quiet.delete(node);
    hovered.delete(node);
  }

  function lead(target, clear) {
    const box = target.getBoundingClientRect(), top = card.offsetHeight + 20;
    const below = Math.max(...[target, ...clear].map(node => node.getBoundingClientRect().bottom)) + 16;
    const by = box.top < top ? box.top - top : Math.min(Math.max(0, below - window.innerHeight), box.top - top);
    if (Math.abs(by) > 1) main.scrollBy({top: by, behavior: reducedMotion ? "auto" : "smooth"});
  }

  function point(event) {
    const path = event.composedPath();
    for (const [node, faded] of quiet) {
      if (path.includes(node) === hovered.has(node)) continue;
      faded.reverse();
      if (!hovered.delete(node)) hovered.add(node);
    }
  }

  function act(event) {
    step.led = true;
    for (const node of event.type === "wheel" ? [] : event.composedPath()) {
      if (!quiet.has(node)) continue;
      used.add(node);
      clearAgain(node);
    }
  }

  if (first) Object.assign(step, {number: data.number, led: false});
  card.setAttribute("role", "region");
  card.tabIndex = -1;
  if (first && document.activeElement === document.body) card.focus({preventScroll: true});  // its button is gone
  card.setAttribute("aria-label", data.region);
  card.parentNode.style.background = getComputedStyle(document.querySelector("[data-testid=stApp]")).backgroundColor;
  const redraw = () => { frame ??= requestAnimationFrame(draw); };
  const watch = new MutationObserver(redraw), sizes = new ResizeObserver(redraw);
  watch.observe(main, {childList: true, subtree: true});
  sizes.observe(main.querySelector("[data-testid=stMainBlockContainer]"));
  const listen = {signal: listeners.signal, passive: true};
  for (const kind of ["pointerdown", "keydown", "wheel", "touchmove"]) document.addEventListener(kind, act, listen);
  document.addEventListener("pointerover", point, listen);
  draw();
  return end = () => {
    listeners.abort();
    watch.disconnect();
    sizes.disconnect();
    cancelAnimationFrame(frame);
    line?.cancel();
    [...quiet.keys()].forEach(clearAgain);
    document.documentElement.style.removeProperty("--guide-room");
  };
}
