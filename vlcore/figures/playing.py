"""The script that plays a chart: it moves the chart's slider, as a hand would.

The one idea: Vega-Lite's own timer draws nothing in Streamlit, but a slider that is bound to a parameter moves a chart
in the browser alone. So to play is to move that slider, and one script does it on a page and in an offline file.
"""

from __future__ import annotations

# Moves the slider of a film, from its beginning where it stands at its end, once through. Where the visitor asked for
# little motion, a press is one step. `filmPlayer(button)` makes a button play and gives what takes that back.
PLAY_SCRIPT = """
function filmPlayer(button, name, pause = 450) {
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const sliders = () => [...document.querySelectorAll(".vega-bind input[type=range]")].filter(s => s.name === name);
  const atEnd = slider => Number(slider.value) >= Number(slider.max);
  const move = (slider, value) => {
    slider.value = value;
    slider.dispatchEvent(new Event("input", {bubbles: true}));
  };
  let timer = null;
  const say = () => { button.textContent = still ? "Next moment" : timer === null ? "Play" : "Pause"; };
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
"""
