// Tell the server the size of the window, and so have the page drawn anew, where it knows another size or
// drew for another ground: a change of theme runs nothing by itself. The cookie is for the next visit.
export default function({data, parentElement, setStateValue}) {
  const size = [window.innerWidth, window.innerHeight];
  const style = getComputedStyle(parentElement.host ?? parentElement);
  const ground = style.getPropertyValue("--st-background-color").trim();
  document.cookie = `${data.cookie}=${size.join("x")}; path=/; samesite=strict`;
  const isKnown = size.every((length, axis) => length === data.known[axis])
    && ground.toLowerCase() === data.ground.toLowerCase();
  (parentElement.host ?? parentElement).setAttribute("data-known", isKnown);
  if (!isKnown) setStateValue("size", size);
}
