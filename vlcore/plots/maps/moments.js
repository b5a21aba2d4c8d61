// The moments of a training: a slider over the steps, a button that plays them once through, the words of the moment over each
// map, and under it the curves of the training, with a line at the moment. The positions are in a column of the table.

const BEAT = 230;  // ms for a moment that plays
const CURVE_HEIGHT = 54, CURVE_WORDS = 116;  // px of a curve, and of the words beside it

class Moments {
  constructor(maps, told) {
    Object.assign(this, {maps, told, timer: null});
    this.last = told.steps.length - 1;
    this.button = element("button", {type: "button"});
    this.slider = element("input", {type: "range", min: 0, max: this.last, step: 1, "aria-label": "Training step"});
    this.output = element("output", {});
    this.controls = element("div", {className: "moments"}, this.button, this.slider, this.output);
    this.slider.value = told.at;
    maps.listen(this.button, "click", () => this.press());
    maps.listen(this.slider, "input", () => {
      this.pause();
      this.show();
    });
    maps.root.querySelector(".whole").before(this.controls);
    this.pause();
    this.show();
  }

  get moment() { return Number(this.slider.value); }

  end() {
    clearInterval(this.timer);
    this.controls.remove();
  }

  pause() {
    clearInterval(this.timer);
    this.timer = null;
    this.button.textContent = this.maps.isStill ? "Next step" : "Play";
  }

  // Plays once through; a step for each press where little motion is asked for.
  press() {
    if (this.timer !== null) return this.pause();
    if (this.moment === this.last) this.go(0);
    else if (this.maps.isStill) this.go(this.moment + 1);
    if (this.maps.isStill) return;
    this.button.textContent = "Pause";
    this.timer = setInterval(() => {
      if (this.moment === this.last) this.pause();
      else this.go(this.moment + 1);
    }, BEAT);
  }

  go(moment) {
    this.slider.value = moment;
    this.show();
  }

  show() {
    const {maps, told, moment} = this, step = `step ${told.steps[moment].toLocaleString("en")}`;
    const span = `training steps 0 to ${told.steps[this.last].toLocaleString("en")}, early ones drawn apart`;
    this.output.textContent = step;
    this.slider.setAttribute("aria-valuetext", step);
    maps.move(told.panes.map((pane, number) => this.positions(pane, number, pane.checkpoints[moment])));
    told.panes.forEach((pane, number) => {
      maps.subtitles[number].textContent = pane.lines[pane.checkpoints[moment]];
      const curves = pane.curves.map(curve => this.curve(curve, told.steps[moment]));
      const below = curves.length ? [element("span", {className: "said"}, span)] : [];
      maps.asides[number].replaceChildren(...curves, ...below);
    });
  }

  // The positions of a map at a checkpoint, as `Maps.move` takes them.
  positions({column}, number, checkpoint) {
    const {count, columns, captions, data} = this.maps, places = columns[column], [left, right, low, high] = data.panes[number].extent;
    const each = 2 * (count + captions[number].length), from = checkpoint * each;
    const along = (place, start, end) => place === ABSENT ? NaN : start + place / (ABSENT - 1) * (end - start);
    const x = new Float32Array(count), y = new Float32Array(count), words = new Float32Array(each - 2 * count);
    for (let row = 0; row < count; row++) {
      x[row] = along(places[from + 2 * row], left, right);
      y[row] = along(places[from + 2 * row + 1], low, high);
    }
    for (let index = 0; index < words.length; index++) {
      words[index] = along(places[from + 2 * count + index], ...index % 2 ? [low, high] : [left, right]);
    }
    return {x, y, captions: words};
  }

  // A small chart of one or two series over the steps, early ones drawn apart, with their values at a step in words.
  curve({title, high, isShare, series}, step) {
    const {ink} = this.maps.data, width = Math.max(80, this.maps.side - CURVE_WORDS), end = Math.log1p(this.told.steps[this.last]);
    const across = at => Math.log1p(at) / end * width, down = value => 3 + (CURVE_HEIGHT - 6) * (1 - value / high);
    const written = value => isShare ? `${Math.round(100 * value)}%` : value.toFixed(2);
    const rule = (x1, y1, x2, y2, stroke) => svgElement("line", {x1, y1, x2, y2, stroke});
    const parts = [rule(0, CURVE_HEIGHT - 3, width, CURVE_HEIGHT - 3, ink.line), rule(0, 3, width, 3, ink.line)];
    const lasts = series.map(({values}) => values[values.length - 1]), isFirstAbove = !(lasts[1] > lasts[0]);
    const spoken = [];
    for (const [number, {name, steps, values}] of series.entries()) {
      const colour = number ? ink.muted : ink.text, at = Math.max(0, steps.findLastIndex(at => at <= step));
      const words = `${name} ${written(values[at])}`, path = steps.map((at, index) => `${across(at)},${down(values[index])}`).join("L");
      const look = {fill: "none", stroke: colour, "stroke-width": 1.6, "stroke-dasharray": number ? "5 3" : "none"};
      const aside = (number === 0) === isFirstAbove ? -8 : 8, middle = CURVE_HEIGHT / 2 + (series.length > 1 ? aside : 0);
      parts.push(
        svgElement("path", {d: `M${path}`, ...look}),
        svgElement("circle", {cx: across(steps[at]), cy: down(values[at]), r: 3.5, fill: colour}),
        svgElement("text", {x: width + 8, y: middle, fill: colour, "dominant-baseline": "central"}, words));
      spoken.push(words);
    }
    parts.push(rule(across(step), 0, across(step), CURVE_HEIGHT, ink.accent));
    const named = {role: "img", "aria-label": `${title} at this step: ${spoken.join(", ")}`};
    const chart = svgElement("svg", {class: "curve", width: width + CURVE_WORDS, height: CURVE_HEIGHT, ...named}, ...parts);
    return element("div", {}, element("span", {className: "said"}, `${title}, from 0 to ${written(high)}`), chart);
  }
}
