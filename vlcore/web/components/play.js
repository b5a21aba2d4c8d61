// Play and pause of the training animation, in the page: its slider moves the maps without the server.
export default function({parentElement, data}) {
  return filmPlayer(parentElement.querySelector("button"), data.name);
}
