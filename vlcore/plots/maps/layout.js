// What is around maps: their titles and axes, the tools, the hints, the legend, and the places of a grid.

const SVG = "http://www.w3.org/2000/svg";
const Y_AXIS = 20, BESIDE = 218;  // px of the title of an axis, and of a legend beside the maps
const NARROW = 560;  // px of a figure in which maps stand below each other
const SHAPES = {
  circle: "M-1,0A1,1,0,1,1,1,0A1,1,0,1,1,-1,0Z", square: "M-.9,-.9H.9V.9H-.9Z",
  diamond: "M0,-1.2L.8,0L0,1.2L-.8,0Z", "triangle-up": "M0,-1L1,.8L-1,.8Z",
  head: "M0,0L-.55,1.5L.55,1.5Z",  // of an arrow that points up: its tip lies where the arrow ends
};
const MODES = {move: "Move", rectangle: "Rectangle", lasso: "Lasso"};
const HINTS = {
  pointer: ["Point at an image: it lights up in every map.", "Click: its neighbours."],
  finger: ["Tap an image: it lights up in every map.", ""],
};
const FURTHER = {
  pointer: "Ctrl and wheel: zoom. Shift and drag: move. Double click: the whole map. Keys N and P: next image, image before.",
  finger: "Two fingers: zoom and move.",
};
const SELECTING = {
  pointer: "Drag: select images. Enter: click.", finger: "To select images, press Lasso and draw.",
};
const TWINS = "Rings around other images: the same scene.";

function element(kind, properties = {}, ...children) {
  const node = document.createElement(kind);
  for (const [name, value] of Object.entries(properties)) {
    if (name in node) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

function svgElement(kind, attributes, ...children) {
  const node = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

class Layout extends Geometry {
  // How many maps are beside each other, and the side of one in px, where a figure has so much room.
  sizeIn(room) {
    const {across, gap, grid, kind, legendPlace, side} = this.data;
    if (!room || grid || kind === "card") return [across, side];
    const beside = legendPlace === "right" ? BESIDE : 0;
    const fitting = room < NARROW ? 1 : across, gaps = Y_AXIS * fitting + (gap - 22) * (fitting - 1);
    return [fitting, Math.min(side, Math.floor((room - beside - gaps) / fitting) - 2)];
  }

  fit() {
    if (!this.data) return;
    const [across, side] = this.sizeIn(this.root.clientWidth);
    if (across !== this.across || side !== this.side) this.build();
    this.draw();
  }

  // The titles, the surfaces that hear the pointer, the tools and the legend.
  build() {
    const {data} = this, {ink, kind} = data;
    [this.across, this.side] = this.sizeIn(this.root.clientWidth);
    const inks = Object.entries(ink).map(([name, colour]) => `--${name}:${colour};`).join("");
    this.root.style.cssText = `--side:${this.side}px; --gap:${data.gap}px; ${inks} font-family:${data.font}`;
    this.root.dataset.kind = kind;
    this.setCanvas();
    this.figures = data.panes.map((pane, number) => this.figure(pane, number));
    this.captions = data.panes.map(pane => pane.captions.map(caption => ({...caption})));
    if (this.targets) this.placeCaptions();
    const cells = data.grid ? this.gridCells() : this.figures.map(({figure}) => figure);
    this.maps = element("div", {className: "maps"}, this.canvas, ...cells);
    const columns = data.grid ? `max-content repeat(${data.grid.columns.length}, max-content)` : `repeat(${this.across}, max-content)`;
    this.maps.style.gridTemplateColumns = columns;
    this.hover(null);
    this.countStatus = element("span", {role: "status", className: "said"});
    this.hint = element("span");
    this.further = element("span");
    const further = element("details", {}, element("summary", {"aria-label": "More gestures"}, "?"), this.further);
    const hints = element("div", {className: "hint"}, this.hint, further);
    const legend = data.legendPlace === "none" ? "" : this.legend();
    const tools = this.canZoom ? this.tools() : "", isBeside = data.legendPlace === "right";
    const top = this.canZoom ? [element("div", {className: "top"}, ...isBeside ? [] : [tools], hints)] : [];
    const beside = element("div", {className: "beside"}, ...isBeside ? [tools] : [], legend);
    const whole = element("div", {className: `whole legend-${data.legendPlace}`}, this.maps, beside);
    this.root.replaceChildren(...top, whole, this.card.node, this.card.status);
    this.chooseMode(this.hand.mode);
    if (this.loaded) {
      this.tellHint();
      this.updateLooks();
    }
    if (!this.moments) return;
    whole.before(this.moments.controls);
    this.moments.show();
  }

  // One canvas is below all maps; that of another kind needs marks of another kind.
  setCanvas() {
    const isSmall = this.data.kind === "card";
    if (this.marks && this.isSmall === isSmall) return;
    this.isSmall = isSmall;
    this.canvas = element("canvas", {"aria-hidden": "true"});
    this.marks = marksOn(this.canvas, isSmall);
    this.listen(this.canvas, "webglcontextlost", event => {
      event.preventDefault();  // else it would never be restored
      this.loaded = null;
      this.root.dataset.state = "lost";
    });
    this.listen(this.canvas, "webglcontextrestored", () => this.update(this.latest));
  }

  figure(pane, number) {
    const {data} = this;
    const title = element("strong", {}, pane.title), subtitle = element("span", {}, pane.subtitle);
    const named = [pane.title, pane.subtitle].filter(Boolean).map(words => `${words}.`);
    const words = [...named, ...number ? [] : [data.alt]].join(" ");
    const surface = svgElement("svg", {class: "surface", tabindex: 0, role: "group", "aria-label": words});
    this.hand.listen(surface, number);
    const aside = element("div", {className: "aside"});
    const [x, y] = ["x-axis", "y-axis"].map((className, axis) => element("span", {className}, pane.axes[axis]));
    const hasAxes = pane.axes.some(words => words), isBare = data.grid || data.kind === "card";
    const map = hasAxes ? [y, surface, x] : [surface];
    const parts = isBare ? [surface] : [element("figcaption", {}, title, subtitle), ...map, aside];
    const figure = element("figure", {className: hasAxes ? "with-axes" : ""}, ...parts);
    return {figure, surface, title, subtitle, aside};
  }

  get surfaces() { return this.figures.map(({surface}) => surface); }
  get titles() { return this.figures.map(({title}) => title); }
  get subtitles() { return this.figures.map(({subtitle}) => subtitle); }
  get asides() { return this.figures.map(({aside}) => aside); }

  // The titles of a grid, and its places: each a map above its rate, as a bar from 0 to 100% and in words, or an empty frame.
  gridCells() {
    const {rows, columns, places, canOpen} = this.data.grid;
    const head = ["", ...columns].map(words => element("strong", {className: "column-title"}, words));
    const cells = places.flatMap((row, number) => [
      element("strong", {className: "row-title"}, rows[number]),
      ...row.map(place => {
        const {surface} = place.pane === null ? {} : this.figures[place.pane];
        const map = surface ?? element("div", {className: "absent", tabIndex: 0}, place.words);
        map.setAttribute("aria-label", place.spoken);
        map.classList.toggle("opens", canOpen);
        map.dataset.place = place.name;
        if (canOpen && !surface) {
          this.listen(map, "click", () => this.open(place.name));
        }
        return element("figure", {className: "place"}, map, ...surface ? [this.rate(place)] : []);
      }),
    ]);
    return [...head, ...cells];
  }

  rate({estimate, words}) {
    const bar = svgElement("svg", {class: "rate", width: this.side, height: 12, "aria-hidden": "true"});
    if (estimate) {
      const [value, low, high] = estimate.map(part => part * this.side), {accent, line} = this.data.ink;
      const rule = (x1, x2, y1, y2, stroke, width) => svgElement("line", {x1, x2, y1, y2, stroke, "stroke-width": width});
      bar.append(
        rule(0, this.side, 6, 6, line, 1.2), rule(this.side / 2, this.side / 2, 3, 9, line, 1.2),
        rule(low, high, 6, 6, accent, 3.5), svgElement("circle", {cx: value, cy: 6, r: 3.2, fill: accent}));
    }
    return element("figcaption", {}, bar, words);
  }

  open(name) {
    if (this.data.grid?.canOpen) this.setState("opened", {place: name, time: Date.now()});
  }

  tools() {
    const button = (label, act, text = label) => {
      const node = element("button", {type: "button", title: label, "aria-label": label}, text);
      this.listen(node, "click", act);
      return node;
    };
    this.modes = {};
    for (const [mode, label] of Object.entries(MODES)) this.modes[mode] = button(label, () => this.chooseMode(mode));
    this.clearButton = button("Clear the selection", () => this.clear(), "Clear");
    const views = [
      button("Zoom in", () => this.zoomIn(), "+"),
      button("Zoom out", () => this.zoom(this.leader, 1 / CLOSER), "−"),
      button("Whole maps", () => this.resetView(), "Whole"),
    ];
    const groups = [Object.values(this.modes), views].map(group => element("span", {className: "group"}, ...group));
    const named = {className: "tools", role: "toolbar", "aria-label": "Maps"};
    return element("div", named, ...groups, this.clearButton, this.countStatus);
  }

  legend() {
    this.entries = this.data.legend.map(entry => {
      const path = SHAPES[entry.shape] ?? entry.shape;
      const mark = svgElement("path", {d: path, transform: "translate(9 9) scale(5.5)", stroke: entry.colour,
        fill: entry.filled ? entry.colour : "none", "stroke-width": 1.4, "vector-effect": "non-scaling-stroke"});
      const symbol = svgElement("svg", {width: 18, height: 18, "aria-hidden": "true"}, mark);
      const node = element("button", {type: "button", "aria-pressed": "false"}, symbol, entry.words);
      this.listen(node, "click", () => this.toggle(entry.name));
      this.listen(node, "pointerenter", () => this.highlightColour(entry));
      this.listen(node, "pointerleave", () => this.highlightColour(null));
      return node;
    });
    this.smallMarksNote = element("span", {className: "said", hidden: true}, "Shapes, fillings and rings show as you zoom in.");
    const named = {className: "legend", role: "group", "aria-label": "Legend: click an entry to see it alone"};
    const title = this.data.legendTitle ? [element("strong", {}, this.data.legendTitle)] : [];
    return element("div", named, ...title, ...this.entries, this.smallMarksNote);
  }

  tellHint() {
    const hand = this.isTouched ? "finger" : "pointer", {lists} = this.data;
    const [first, listed] = HINTS[hand];
    this.hint.textContent = lists ? `${first} ${listed}` : first;
    const further = [FURTHER[hand], lists && SELECTING[hand], lists && this.columns.scene && TWINS];
    this.further.textContent = further.filter(words => words).join(" ");
  }
}
