// Tell the server the size of the window where it knows another one; the cookie is for the next visit.
export default function({data, setStateValue}) {
  const size = [window.innerWidth, window.innerHeight];
  document.cookie = `${data.cookie}=${size.join("x")}; path=/; samesite=strict`;
  if (size.some((length, axis) => length !== data.known[axis])) setStateValue("size", size);
}
