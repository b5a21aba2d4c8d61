// The controls of a film, in the page: its slider moves both maps, and the server is asked for nothing.
export default function({parentElement, data}) {
  return filmPlayer(parentElement.querySelector("button"), data.name);
}
