// Plays what a slider of a chart shows, one moment after the other.
function filmPlayer(button, name, pause = 450) {
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const sliders = () => [...document.querySelectorAll(".vega-bind input[type=range]")].filter(s => s.name === name);
  const atEnd = slider => Number(slider.value) >= Number(slider.max);
  const move = (slider, value) => {
    slider.value = value;
    slider.dispatchEvent(new Event("input", {bubbles: true}));
  };
  let timer = null;
  const say = () => { button.textContent = still ? "Next checkpoint" : timer === null ? "Play" : "Pause"; };
  const stop = () => { clearInterval(timer); timer = null; say(); };
  const step = () => {
    const moving = sliders().filter(slider => !atEnd(slider));
    moving.forEach(slider => move(slider, Number(slider.value) + 1));
    if (moving.every(atEnd)) stop();
  };
  const press = () => {
    if (timer !== null) return stop();
    if (sliders().every(atEnd)) sliders().forEach(slider => move(slider, Number(slider.min)));
    else if (still) return step();
    if (!still) { timer = setInterval(step, pause); say(); }
  };
  button.addEventListener("click", press);
  say();
  return () => { stop(); button.removeEventListener("click", press); };
}
