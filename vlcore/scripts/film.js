export default function({parentElement, data}) {
  return filmPlayer(parentElement.querySelector("button"), data.name);
}
