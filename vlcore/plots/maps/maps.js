// Every map of images: one or two beside each other, a grid of small ones, a card, and maps that move in training. What they
// show is told by vlcore/plots/maps/drawing.py and read from a table of vlcore/plots/maps/table.py; points.js draws the marks,
// and this file hears the pointer, finger and keys. A host (a page, a file, a notebook) makes one `Maps` for a figure and hands
// it `data`; only ended gestures go back to it, by `setState`.
//
// All kinds light up images, light the same image in every map, answer to taps and keys, and tell a screen reader what is lit.
// Only maps that stand still have zoom, selections and hints: in a grid a click opens a map large, a card is too small for
// them, and what moves in training would leave what was marked or zoomed into.

const SVG = "http://www.w3.org/2000/svg";
const REACH = 9, REACH_OF_FINGER = 18;  // px from the pointer to the mark that it means
const CLICK = 5;  // px that a pointer may move in a click
const CLOSEST = 400, CLOSER = 1.6;  // zoom, and what a button or key adds to it
const AROUND_FOLLOWED = 1.15;  // of the extent of the images that another map has in view
const OF_FINGER = 24;  // px between a finger and the words about what is under it
const FRAME = 28, LARGEST = 68;  // px of an image that stands for its mark, on whole maps and close by
const AROUND = 8, LINE = 16;  // px of an arrow's end from its image, and of a line of words
const CELLS = 160;  // of the index of a map, along each axis
const IMAGE = 68, IMAGE_OF_CARD = 96;  // px of the image that lights up, and of the one beside the pointer
const DWELL = 80;  // ms on a mark until its image is asked for: a pointer crosses many
const Y_AXIS = 20, BESIDE = 218;  // px of the title of an axis, and of a legend beside the maps
const NARROW = 560;  // px of a figure in which maps stand below each other
const GLIDE = 0.22, ARRIVED = 0.0005;  // of its way, what a moving image goes in a frame, and in parts of a map, its end
const ABSENT = 65535;  // in a table of moments; other numbers lead from one edge of a map to the other
const SHAPES = {
  circle: "M-1,0A1,1,0,1,1,1,0A1,1,0,1,1,-1,0Z", square: "M-.9,-.9H.9V.9H-.9Z",
  diamond: "M0,-1.2L.8,0L0,1.2L-.8,0Z", "triangle-up": "M0,-1L1,.8L-1,.8Z",
  head: "M0,0L-.55,1.5L.55,1.5Z",  // of an arrow that points up: its tip lies where the arrow ends
};
const MODES = {move: "Move", rectangle: "Rectangle", lasso: "Lasso"};
const HINT = "Point: an image, lit in every map. Click: its neighbours. Drag: mark images. Ctrl and wheel: zoom. Shift and"
  + " drag: move. Double click: back. Keys N, P: next image, image before; Enter: a click.";
// Where the page lists nothing: one line of a narrow window.
const HINT_ALONE = "Ctrl and wheel: zoom. Shift and drag: move. Keys N, P: images.";
const HINT_ALONE_OF_FINGER = "Tap: an image, in every map. Two fingers: zoom.";
const HINT_OF_FINGER = "Tap: an image, in every map. Two fingers: zoom. To mark images, press Lasso and draw.";
const HINT_WITH_TWINS = HINT.replace("its neighbours", "its neighbours, ringed twins");
const HINT_OF_TWINS = HINT_OF_FINGER.replace(".", ", and its twins ringed.");

const ARRAYS = {
  float32: Float32Array, uint8: Uint8Array, uint16: Uint16Array, int8: Int8Array, int16: Int16Array, int32: Int32Array,
};
const tables = new Map();  // promises of them, by address: figures of a page may share one

function bytesOf(text) {
  const letters = atob(text), bytes = new Uint8Array(letters.length);
  for (let index = 0; index < letters.length; index++) bytes[index] = letters.charCodeAt(index);
  return bytes;
}

// A table as its packed form tells: arrays, and of words the code of a row and its word.
async function unpackTable({stamp, images, count, columns: packed, sheet}) {
  const columns = {};
  for (const [name, {type, data, words}] of Object.entries(packed)) {
    const values = new ARRAYS[type](bytesOf(data).buffer);
    columns[name] = words ? {word: row => words[values[row]] ?? null} : values;
  }
  if (!sheet) return {stamp, images, count, columns, sheet: null};
  const isAddress = !sheet.uri.startsWith("data:"), bytes = isAddress ? null : bytesOf(sheet.uri.split(",")[1]);
  const url = isAddress ? sheet.uri : URL.createObjectURL(new Blob([bytes], {type: "image/webp"}));
  const image = element("img", {src: url});
  await image.decode();
  return {stamp, images, count, columns, sheet: {...sheet, url, image}};
}

async function fetchTable(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(answer.statusText);
  return unpackTable(await answer.json());
}

// A table that is in the data, or at an address.
function readTable(told) {
  if (!told) return Promise.resolve({columns: {}, stamp: ""});
  const name = told.url ?? told.stamp;
  if (!tables.has(name)) {
    const reading = told.url ? fetchTable(told.url) : unpackTable(told);
    tables.set(name, reading);
    reading.catch(() => tables.delete(name));  // it is asked for again
  }
  return tables.get(name);
}

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

function bitsOf(text, count) {
  const bytes = bytesOf(text), marked = new Uint8Array(count);
  for (let row = 0; row < count; row++) marked[row] = bytes[row >> 3] >> (row & 7) & 1;
  return marked;
}

function textOf(marked) {
  const bytes = new Uint8Array(Math.ceil(marked.length / 8));
  for (let row = 0; row < marked.length; row++) bytes[row >> 3] |= marked[row] << (row & 7);
  let text = "";
  for (let start = 0; start < bytes.length; start += 8192) {
    text += String.fromCharCode(...bytes.subarray(start, start + 8192));
  }
  return btoa(text);
}

function isInside(path, x, y) {
  let inside = false;
  for (let end = 0, start = path.length - 1; end < path.length; start = end++) {
    const [x1, y1] = path[start], [x2, y2] = path[end];
    if ((y1 > y) !== (y2 > y) && x < (x2 - x1) * (y - y1) / (y2 - y1) + x1) inside = !inside;
  }
  return inside;
}

const wholeView = () => ({x: 0.5, y: 0.5, zoom: 1});  // the middle of what is seen, in parts of a map's sides, and how close

class Maps {
  constructor(parent, setState = () => {}) {
    this.setState = setState;
    this.listeners = new AbortController();
    this.isTouched = matchMedia("(pointer: coarse)").matches;
    this.isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.mode = this.isTouched ? "move" : "rectangle";
    this.shown = new Set();
    this.clicks = 0;  // on the legend
    this.gestures = 0;  // that marked images, or took the mark away
    this.best = [];  // images of each map that are ringed
    this.views = [];
    this.selected = this.picked = this.hovered = this.colourAt = this.gesture = this.targets = null;
    this.pointers = new Map();
    this.root = element("div", {className: "linked-maps"});
    this.card = element("div", {className: "card", hidden: true});
    this.cardStatus = element("span", {role: "status", className: "status-of-card"});  // for screen readers
    parent.append(this.root);
    this.listen(this.root, "keydown", event => this.pressKey(event));
    // The card goes by a press elsewhere, and by Escape wherever that is pressed.
    const isElsewhere = event => !event.composedPath().includes(this.maps);
    this.listen(document, "pointerdown", event => { if (isElsewhere(event)) this.hover(null); });
    this.listen(document, "keydown", event => { if (event.key === "Escape") this.hover(null); });
    this.listen(document, "scroll", () => this.keepCard(), {capture: true});
    this.sizes = new ResizeObserver(() => this.fit());
    this.sizes.observe(this.root);
  }

  listen(target, kind, react, options = {}) {
    target.addEventListener(kind, react, {signal: this.listeners.signal, ...options});
  }

  end() {
    this.listeners.abort();
    this.sizes.disconnect();
    cancelAnimationFrame(this.frame);
    clearTimeout(this.dwell);
    this.moments?.end();
    this.marks?.end();
    this.root.remove();
  }

  get canZoom() { return this.data.kind === "maps"; }

  // Draws what a host tells; the maps stay as they are until its tables are there.
  update(data) {
    this.latest = data;
    const reading = Promise.all([readTable(data.table), readTable(data.colourTable)]);
    if (!this.loaded) this.layOut(data);  // in its place at once
    reading.then(([table, colours]) => {
      if (this.latest === data && !this.listeners.signal.aborted) this.adopt(data, table, colours);
    }, () => {
      if (this.latest === data) this.root.dataset.state = "missing";
      this.cardStatus.textContent = "The images of the maps could not be loaded; load the page again.";
    });
  }

  layOut(data) {
    this.data = data;
    const told = [data.kind, data.panes, data.side, data.legendTitle, data.legend, data.legendPlace, data.ink, data.alt, data.grid];
    const layout = JSON.stringify(told);
    if (layout === this.layout) return;
    this.layout = layout;
    this.build();
  }

  adopt(data, table, colours) {
    const isNew = this.loaded !== table.stamp;
    if (isNew && this.images !== table.images) this.selected = null;
    this.layOut(data);
    this.columns = {...table.columns, ...colours.columns};
    if (isNew) {
      Object.assign(this, {table, images: table.images, count: table.count, index: [], scenes: null});
      this.load();
      this.loaded = table.stamp;
    }
    this.adoptSelection(data.selected ?? {rows: null, best: [], gesture: 0});
    this.adoptLegend(data.shown ?? {entries: [], clicks: 0});
    this.picked = data.picked ?? null;
    this.passing = bitsOf(data.drawn, this.count);
    this.tellHint();
    this.updateLooks();
    if (data.frames && isNew) {
      this.moments?.end();
      this.moments = new Moments(this, data.frames);
    }
  }

  // Takes the positions of a table, and sends its marks to the graphics card.
  load() {
    const {columns, data} = this, numbers = [...data.panes.keys()];
    const column = name => columns[name] ?? new Float32Array(this.count).fill(NaN);
    this.x = numbers.map(pane => column(`x${pane}`));
    this.y = numbers.map(pane => column(`y${pane}`));
    this.views = numbers.map(wholeView);
    this.leader = 0;
    this.targets = null;
    const before = numbers.map(pane => columns[`gx${pane}`] ? [columns[`gx${pane}`], columns[`gy${pane}`]] : null);
    this.codes = [];
    this.marks.load(this.count, before, this.table.sheet);
    numbers.forEach(pane => this.marks.place(pane, this.x[pane], this.y[pane]));
  }

  // What is marked is the host's to say, unless it has not heard of the last gesture yet.
  adoptSelection({rows, best, gesture}) {
    if (gesture < this.gestures) return;
    this.gestures = gesture;
    this.selected = rows && bitsOf(rows, this.count);
    this.best = best;
  }

  // So are the entries of the legend that are seen alone.
  adoptLegend({entries, clicks}) {
    if (clicks < this.clicks) return;
    this.clicks = clicks;
    this.shown = new Set(entries);
  }

  tellHint() {
    const [ofPointer, ofFinger] = this.columns.scene ? [HINT_WITH_TWINS, HINT_OF_TWINS] : [HINT, HINT_OF_FINGER];
    const [hint, hintOfFinger] = this.data.lists ? [ofPointer, ofFinger] : [HINT_ALONE, HINT_ALONE_OF_FINGER];
    this.hint.textContent = this.isTouched ? hintOfFinger : hint;
  }

  // Draws these images alone, one bit an image, in place of those that the data tells.
  show(bits) {
    this.passing = bits;
    this.updateLooks();
    this.refreshCard();
  }

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
    this.card.hidden = true;
    this.countStatus = element("span", {role: "status", className: "said"});
    this.hint = element("span", {className: "hint"});
    const legend = data.legendPlace === "none" ? "" : this.legend();
    const tools = this.canZoom ? this.tools() : "", isBeside = data.legendPlace === "right";
    const top = this.canZoom ? [element("div", {className: "top"}, ...isBeside ? [] : [tools], this.hint)] : [];
    const beside = element("div", {className: "beside"}, ...isBeside ? [tools] : [], legend);
    const whole = element("div", {className: `whole legend-${data.legendPlace}`}, this.maps, beside);
    this.root.replaceChildren(...top, whole, this.card, this.cardStatus);
    this.chooseMode(this.mode);
    if (this.loaded) this.updateLooks();
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
    const words = [`${pane.title}. ${pane.subtitle}.`, ...number ? [] : [data.alt]].join(" ");
    const surface = svgElement("svg", {class: "surface", tabindex: 0, role: "group", "aria-label": words});
    this.listenToPointer(surface, number);
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

  // The titles of a grid, and its places: each a map above its rate, as a bar from 0 to 100 % and in words, or an empty frame.
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

  toggle(name) {
    if (!this.shown.delete(name)) this.shown.add(name);
    this.updateLooks();
    this.setState("shown", {entries: [...this.shown], clicks: ++this.clicks});
  }

  highlightColour(entry) {
    this.colourAt = entry && this.isColour(entry) ? entry.code : null;
    this.draw();
  }

  isColour(entry) { return entry.columns.join() === this.data.colourColumns.join(); }

  chooseMode(mode) {
    this.mode = mode;
    for (const [name, button] of Object.entries(this.modes ?? {})) button.setAttribute("aria-pressed", String(name === mode));
    this.root.dataset.mode = this.canZoom ? mode : "none";
    this.setTouchAction();
  }

  // A finger scrolls the page over a whole map, unless it draws.
  setTouchAction() {
    this.surfaces.forEach((surface, pane) => {
      const scrolls = !this.canZoom || (this.mode === "move" && (this.views[pane]?.zoom ?? 1) === 1);
      surface.style.touchAction = scrolls ? "pan-x pan-y" : "none";
    });
  }

  // Which images each map shows, and how: four bytes an image, sent to the graphics card.
  updateLooks() {
    if (!this.loaded) return;
    const {columns, count, data} = this;
    const clicked = data.legend.filter(entry => this.shown.has(entry.name));
    const filters = clicked.some(entry => !entry.columns.length) ? [] : clicked;
    this.most = 1;  // images in a map
    const isSeen = new Uint8Array(count);  // in any map
    this.looks = data.panes.map((_, pane) => {
      let shown = 0;
      const looks = new Uint8Array(4 * count), codes = columns[data.colourColumns[pane]], x = this.x[pane];
      for (let row = 0; row < count; row++) {
        const isShown = this.passing[row] && x[row] === x[row]
          && (!filters.length || filters.some(entry => columns[entry.columns[pane]][row] === entry.code));
        shown += isShown;
        isSeen[row] |= isShown;
        looks[4 * row] = codes[row];
        looks[4 * row + 1] = (columns.object[row] === 1 ? TRIANGLE : 0) | (columns.kind[row] === 1 ? HOLLOW : 0)
          | (columns.minority[row] ? RING : 0);
        looks[4 * row + 2] = isShown ? LIT : HIDDEN;
        looks[4 * row + 3] = this.percent(pane, row);
      }
      this.most = Math.max(this.most, shown);
      return looks;
    });
    this.updateInView();
    this.fade();
    this.tellCounts(isSeen, clicked.length > 0);
    this.draw();
  }

  // The images that the leading map has in view, one bit an image, and how many these are.
  updateInView() {
    const {count, leader, looks} = this, {x, y, zoom} = this.views[leader], half = 0.5 / zoom;
    const [west, south] = this.position(leader, x - half, y - half), [east, north] = this.position(leader, x + half, y + half);
    const xs = this.x[leader], ys = this.y[leader];
    this.inView = new Uint8Array(count);
    this.countInView = 0;
    for (let row = 0; row < count; row++) {
      const isSeen = looks[leader][4 * row + 2] !== HIDDEN
        && xs[row] >= west && xs[row] <= east && ys[row] >= south && ys[row] <= north;
      this.inView[row] = isSeen;
      this.countInView += isSeen;
    }
  }

  // Fades what is not marked, and in other maps what the leading one has out of view.
  fade() {
    const {count, inView, leader, selected} = this, isFollowed = this.views[leader].zoom > 1 && this.countInView > 0;
    this.areFaded = this.looks.map((_, pane) => Boolean(selected) || (isFollowed && pane !== leader));
    this.looks.forEach((looks, pane) => {
      const follows = isFollowed && pane !== leader;
      for (let row = 0; row < count; row++) {
        if (looks[4 * row + 2] === HIDDEN) continue;
        const isFaded = (selected && !selected[row]) || (follows && !inView[row]);
        looks[4 * row + 2] = isFaded ? FADED : LIT;
      }
      const codes = this.columns[this.data.colourColumns[pane]], hasNewColours = this.codes[pane] !== codes;
      if (!this.marks.isLost) this.marks.updateLooks(pane, looks, hasNewColours);
      this.codes[pane] = codes;
    });
  }

  tellCounts(isSeen, isClicked) {
    const {count, data, selected} = this, sum = bits => bits.reduce((total, bit) => total + bit, 0);
    const total = selected ? sum(selected) : 0, seen = sum(isSeen);
    const [part, alone, whole] = [total, seen, count].map(number => number.toLocaleString("en"));
    const why = isClicked || data.panel ? "in all that was clicked, in the legend and below"
      : "of the groups and the split that are chosen";
    const none = seen ? "" : `No image is ${why}: `;
    const counted = seen < count ? `${none}${alone} of ${whole} images shown` : `${whole} images`;
    this.countStatus.textContent = selected ? `${part} of ${whole} images marked` : counted;
    Object.assign(this.root.dataset, {marked: total, shown: this.most});
    if (this.clearButton) this.clearButton.disabled = !selected;
    if (data.legendPlace === "none") return;
    this.entries.forEach((button, at) => {
      button.setAttribute("aria-pressed", String(this.shown.has(data.legend[at].name)));
    });
  }

  // Of the usual size of a mark, or of an image's opacity: less where a position deceives, usual where nobody judged it.
  percent(pane, row) {
    const trust = this.columns[`trust${pane}`]?.[row] ?? NaN;
    if (trust !== trust) return USUAL;
    const part = Math.max(0, (trust - 0.8) / 0.2);
    return USUAL * (this.data.overlays.includes("images") ? 0.2 + 0.8 * part : Math.sqrt(0.15 + 1.45 * part));
  }

  // Moves images and captions to positions, for each map `x` and `y`, (count,), and `captions`, two numbers each, NaN where
  // something is absent: they glide there, or are there at once where little motion is asked for.
  move(targets) {
    if (!this.loaded) return;
    const hasStarted = this.targets !== null;
    if (!hasStarted) {
      this.x = targets.map(({x}) => x.slice());
      this.y = targets.map(({y}) => y.slice());
    }
    this.targets = targets;
    this.root.dataset.state = "moving";
    if (!hasStarted) {
      this.placeCaptions();
      this.updateLooks();
    }
    this.refreshCard();
    this.draw();
  }

  placeCaptions() {
    this.targets.forEach(({captions}, pane) => this.captions[pane].forEach((caption, number) => {
      [caption.x, caption.y] = captions.subarray(2 * number);
    }));
  }

  // One frame of the way to the targets; whether something still moves.
  glide() {
    let isMoving = false;
    const step = (now, target, near) => {
      if (this.isStill || now !== now || Math.abs(target - now) < near) return target;
      isMoving = true;
      return now + GLIDE * (target - now);
    };
    this.targets.forEach(({x, y, captions}, pane) => {
      const [left, right] = this.data.panes[pane].extent, near = ARRIVED * (right - left);
      const xs = this.x[pane], ys = this.y[pane];
      for (let row = 0; row < this.count; row++) {
        xs[row] = step(xs[row], x[row], near);
        ys[row] = step(ys[row], y[row], near);
      }
      this.captions[pane].forEach((caption, number) => {
        caption.x = step(caption.x, captions[2 * number], near);
        caption.y = step(caption.y, captions[2 * number + 1], near);
      });
      this.placeWords(pane);
      this.marks.place(pane, xs, ys);
    });
    return isMoving;
  }

  // The words of moving captions: on the side where there is room, and below those above them.
  placeWords(pane) {
    const above = [], present = this.captions[pane].filter(({x}) => x === x);
    const captions = present.map(caption => [caption, ...this.at(pane, caption.x, caption.y)]);
    for (const [caption, x, y] of captions.sort(([, , first], [, , second]) => first - second)) {
      const width = 7.5 * caption.caption.length, isLeft = x > 0.6 * this.side, from = isLeft ? x - width : x;
      const over = above.filter(word => word.from < from + width && from < word.from + word.width);
      const middle = Math.max(y, ...over.map(word => word.middle + LINE));
      above.push({from, width, middle});
      Object.assign(caption, {dx: isLeft ? -11 : 11, dy: middle - y, align: isLeft ? "right" : "left"});
    }
  }

  draw() {
    if (!this.loaded) return;
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (!this.loaded || this.marks.isLost) return;
      const isMoving = this.targets !== null && this.glide();
      this.drawPoints();
      this.data.panes.forEach((_, pane) => this.drawOver(pane));
      const {hovered, data} = this, zoom = this.views[this.leader].zoom.toFixed(2);
      const state = isMoving ? "moving" : "drawn";
      Object.assign(this.root.dataset, {state, zoom, hovered: hovered ?? "", colours: data.colourColumns[0]});
      if (isMoving) this.draw();
    });
  }

  drawPoints() {
    const {canvas, data, side, marks} = this, pixels = devicePixelRatio, {zoom: closest} = this.views[this.leader];
    const whole = this.maps.getBoundingClientRect();
    const size = [whole.width, whole.height].map(length => Math.round(length * pixels));
    if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
    const hasImages = data.overlays.includes("images") && this.table.sheet;
    marks.clear(pixels);
    this.radius = this.radiusAt(closest);
    this.tile = hasImages ? Math.min(LARGEST, FRAME * closest ** 0.4) : 0;
    if (data.legendPlace !== "none") this.smallMarksNote.hidden = !this.canZoom || this.radius > DOT || this.tile > 0;
    data.panes.forEach((pane, number) => {
      const view = this.views[number], radius = this.radiusAt(view.zoom), isLarge = radius > DOT;
      const picture = hasImages ? Math.min(LARGEST, FRAME * view.zoom ** 0.4) : 0;
      const [alpha, faded] = picture ? [1, 0.08] : isLarge ? [0.9, 0.1] : [0.75, 0.04];
      // What is coloured like the mark under the pointer stands out, where marks are apart.
      const kin = this.colourAt ?? (isLarge && this.hovered !== null ? this.columns[data.colourColumns[this.over]][this.hovered] : -1);
      const style = {
        colours: data.colours, muted: data.ink.muted, before: data.overlays.includes("untrained"), areFaded: this.areFaded[number],
        kin, radius, picture, alpha, faded,
      };
      const box = this.surfaces[number].getBoundingClientRect(), [left, right, low, high] = pane.extent;
      const centre = [left + view.x * (right - left), low + view.y * (high - low)];
      const scale = [2 * view.zoom / (right - left), 2 * view.zoom / (high - low)];
      marks.draw(number, {left: box.left - whole.left, top: box.top - whole.top, side}, centre, scale, style);
    });
  }

  // Of a mark, in px: small in a crowd or on a small map, and larger as one comes closer.
  radiusAt(zoom) {
    const usual = Math.min(4.5, Math.max(2.4, this.side / 75));
    return Math.min(usual, Math.max(1, 0.42 * this.side / Math.sqrt(this.most)) * zoom ** 0.4);
  }

  // Captions, circles, lines, the image under the pointer and what is being marked: on top, as SVG.
  drawOver(pane) {
    const {data, hovered, picked, side} = this, {ink} = data, parts = [];
    const circle = (row, radius, colour, width = 2.2) => {
      const at = this.pixel(pane, row);
      if (!at) return null;
      const look = {fill: "none", stroke: colour, "stroke-width": width};
      parts.push(svgElement("circle", {cx: at[0], cy: at[1], r: radius, ...look}));
      return at;
    };
    const line = ([x1, y1], [x2, y2], stroke, width) => {
      parts.push(svgElement("line", {x1, y1, x2, y2, stroke, "stroke-width": width}));
    };
    const spoke = (from, to, colour) => {
      line(from, to, colour, 1.2);
      parts.push(svgElement("circle", {cx: to[0], cy: to[1], r: 3, fill: colour}));
    };
    for (const {x, y, x2, y2, colour, arrow} of (data.lines ?? []).filter(line => line.pane === pane)) {
      const from = this.at(pane, x, y), to = this.at(pane, x2, y2);
      if (!arrow) {
        spoke(from, to, colour);
        continue;
      }
      const way = [to[0] - from[0], to[1] - from[1]], length = Math.hypot(...way);
      const cut = way.map(part => part * Math.min(AROUND / Math.max(length, 1e-9), 0.25));  // short ones keep a half
      const tip = [to[0] - cut[0], to[1] - cut[1]], angle = Math.atan2(way[0], -way[1]) * 180 / Math.PI;
      line([from[0] + cut[0], from[1] + cut[1]], tip, colour, 2);
      parts.push(svgElement("path", {d: SHAPES.head, transform: `translate(${tip}) rotate(${angle}) scale(6)`, fill: colour}));
    }
    for (const row of new Set([picked, hovered])) {
      const from = row === null ? null : this.pixel(pane, row);
      if (!from) continue;
      for (const other of this.neighbours(pane, row)) {
        const to = this.pixel(pane, other);
        if (to) spoke(from, to, ink.text);
      }
    }
    for (const row of this.best[pane] ?? []) circle(row, 7, ink.accent, 1.3);
    if (picked !== null) {
      for (const twin of this.twins(picked)) circle(twin, 7, ink.text);
      circle(picked, 11, ink.accent);
    }
    if (this.isEmpty(pane)) {
      const place = {x: side / 2, y: side / 2, "text-anchor": "middle"};
      parts.push(svgElement("text", {...place, class: "caption"}, "No image of this map is here."));
    }
    this.captions[pane].forEach(caption => parts.push(...this.drawnCaption(pane, caption)));
    data.panes[pane].uploads.forEach((upload, number) => parts.push(this.drawnUpload(pane, upload, number)));
    const lit = hovered !== null && circle(hovered, 9, ink.text);
    if (lit && this.pictured === hovered && pane !== this.over && !this.isBare) {  // there, the card has it
      const [x, y] = lit.map(at => at + (at > side / 2 ? -1 : 1) * (IMAGE / 2 + 9) - IMAGE / 2);
      parts.push(this.drawnImage(hovered, x, y));
    }
    if (this.gesture?.pane === pane && this.gesture.path) {
      const path = this.gesture.path.map(([x, y]) => this.at(pane, ...this.position(pane, x, y)).join()).join("L");
      const look = {fill: ink.accent, "fill-opacity": 0.08, stroke: ink.accent, "stroke-width": 1.5};
      parts.push(svgElement("path", {d: `M${path}Z`, ...look, "stroke-dasharray": "4 3"}));
    }
    this.surfaces[pane].replaceChildren(...parts);
  }

  // Whether maps are too small for words of captions and for images in them.
  get isBare() { return this.side < 150 || Boolean(this.data.grid); }

  drawnCaption(pane, caption) {
    const {ink} = this.data, [x, y] = this.at(pane, caption.x, caption.y);
    if (x !== x) return [];  // it is absent
    const look = {fill: ink.text, stroke: ink.ground, "stroke-width": 0.2}, scale = this.isBare ? 4.5 : 6.5;
    const diamond = svgElement("path", {d: SHAPES.diamond, transform: `translate(${x} ${y}) scale(${scale})`, ...look});
    if (this.isBare) {
      diamond.append(svgElement("title", {}, `caption: ${caption.caption}`));
      return [diamond];
    }
    const anchor = {left: "start", right: "end", center: "middle"}[caption.align];
    const place = {x: x + caption.dx, y: y + caption.dy, "text-anchor": anchor, "dominant-baseline": "central"};
    const leads = {x1: x, y1: y, x2: place.x, y2: place.y, stroke: ink.text, "stroke-width": 1};
    const leader = Math.abs(caption.dy) > LINE ? [svgElement("line", leads)] : [];  // to words that are far
    return [...leader, diamond, svgElement("text", {...place, class: "caption"}, caption.caption)];
  }

  drawnUpload(pane, upload, number) {
    const {ink, star: d} = this.data, [x, y] = this.at(pane, upload.x, upload.y), half = upload.side / 2;
    const look = {fill: ink.accent, stroke: ink.ground, "stroke-width": 1 / upload.side};
    const named = {role: "img", "aria-label": upload.spoken};
    const star = svgElement("path", {d, transform: `translate(${x} ${y}) scale(${2.17 * half})`, ...look, ...named});
    const image = svgElement("image", {x: x - half, y: y - half, width: upload.side, height: upload.side, href: upload.thumb});
    const words = svgElement("text", {x, y: y + upload.side, class: "upload", "text-anchor": "middle"}, upload.words);
    return svgElement("g", {"data-upload": number}, star, image, words);
  }

  // The small image of a row, in a map: by its address, or as a tile of the sheet.
  drawnImage(row, x, y) {
    const place = {x, y, width: IMAGE, height: IMAGE};
    if (this.data.thumbs) return svgElement("image", {...place, href: this.thumb(row)});
    if (!this.table.sheet) return svgElement("g", {});
    const {url, tile, across, image} = this.table.sheet, size = {width: image.naturalWidth, height: image.naturalHeight};
    const corner = [row % across * tile, Math.floor(row / across) * tile];
    return svgElement("svg", {...place, viewBox: `${corner.join(" ")} ${tile} ${tile}`}, svgElement("image", {href: url, ...size}));
  }

  // The images that are nearest to one in the full space, where the page told them.
  neighbours(pane, row) {
    const nearest = [];
    for (let rank = 0; this.columns[`near${pane}_${rank}`]; rank++) nearest.push(this.columns[`near${pane}_${rank}`][row]);
    return nearest.filter(other => other >= 0);
  }

  thumb(row) { return `${this.data.thumbs}/${this.columns.row[row]}`; }

  // The other images of a row's scene.
  twins(row) {
    const {scene} = this.columns;
    if (!scene) return [];
    if (!this.scenes) {
      this.scenes = new Map();
      scene.forEach((name, other) => this.scenes.get(name)?.push(other) ?? this.scenes.set(name, [other]));
    }
    return this.scenes.get(scene[row]).filter(other => other !== row).slice(0, 12);
  }

  // Parts of a map's sides, from the lower left, to a position; a position to px from the upper left; and back.
  position(pane, x, y) {
    const [left, right, low, high] = this.data.panes[pane].extent;
    return [left + x * (right - left), low + y * (high - low)];
  }

  part(pane, x, y) {
    const [left, right, low, high] = this.data.panes[pane].extent;
    return [(x - left) / (right - left), (y - low) / (high - low)];
  }

  partOf(pane, row) { return this.part(pane, this.x[pane][row], this.y[pane][row]); }

  at(pane, x, y) {
    const [across, up] = this.part(pane, x, y), view = this.views[pane], {side} = this;
    return [((across - view.x) * view.zoom + 0.5) * side, (0.5 - (up - view.y) * view.zoom) * side];
  }

  pixel(pane, row) {
    return this.looks[pane][4 * row + 2] === HIDDEN ? null : this.at(pane, this.x[pane][row], this.y[pane][row]);
  }

  pointerPosition(event, pane) {  // the pointer in px of a map, and in parts of its sides
    const box = this.surfaces[pane].getBoundingClientRect(), view = this.views[pane], {side} = this;
    const px = [event.clientX - box.left, event.clientY - box.top];
    return {px, part: [(px[0] / side - 0.5) / view.zoom + view.x, (0.5 - px[1] / side) / view.zoom + view.y]};
  }

  // Rows of a map by cells of a grid, so that few are looked at for each move of the pointer.
  cells(pane) {
    if (this.index[pane]) return this.index[pane];
    const {count} = this, xs = this.x[pane];
    const starts = new Uint32Array(CELLS * CELLS + 1), rows = new Uint32Array(count);
    const cells = new Int32Array(count).fill(-1), cellOf = part => Math.min(CELLS - 1, Math.max(0, Math.floor(part * CELLS)));
    for (let row = 0; row < count; row++) {
      if (xs[row] !== xs[row]) continue;
      const [across, up] = this.partOf(pane, row).map(cellOf);
      starts[(cells[row] = up * CELLS + across) + 1]++;
    }
    for (let cell = 0; cell < CELLS * CELLS; cell++) starts[cell + 1] += starts[cell];
    const next = starts.slice();
    for (let row = 0; row < count; row++) if (cells[row] >= 0) rows[next[cells[row]]++] = row;
    return this.index[pane] = {starts, rows};
  }

  // The images of a map in the cells that a square touches, `wide` to each side of its middle, in parts of the map's sides;
  // all where images move.
  *rowsAround(pane, middle, wide) {
    if (this.targets) {
      for (let row = 0; row < this.count; row++) yield row;
      return;
    }
    const {starts, rows} = this.cells(pane);
    const cells = end => Math.min(CELLS - 1, Math.max(0, Math.floor(end * CELLS)));
    const [[left, right], [low, high]] = middle.map(at => [cells(at - wide), cells(at + wide)]);
    for (let up = low; up <= high; up++) {
      for (let at = starts[up * CELLS + left]; at < starts[up * CELLS + right + 1]; at++) yield rows[at];
    }
  }

  nearest(pane, {px, part}, reach) {
    let best = null, least = reach;
    for (const row of this.rowsAround(pane, part, reach / this.side / this.views[pane].zoom)) {
      const [x, y] = this.pixel(pane, row) ?? [Infinity, Infinity], away = Math.hypot(x - px[0], y - px[1]);
      if (away < least) [best, least] = [row, away];
    }
    return best;
  }

  isInSight(pane, row) {
    return Boolean(this.pixel(pane, row)?.every(at => at >= 0 && at <= this.side));
  }

  // Whether one has come so close that a map shows no image.
  isEmpty(pane) { return pane === this.leader && this.views[pane].zoom > 1 && !this.countInView; }

  listenToPointer(surface, pane) {
    const release = event => this.release(event, pane);
    this.listen(surface, "blur", () => this.hover(null));
    this.listen(surface, "pointerdown", event => this.startGesture(event, surface, pane));
    this.listen(surface, "pointermove", event => this.drag(event, pane));
    this.listen(surface, "pointerup", release);
    this.listen(surface, "pointercancel", event => {
      this.pointers.delete(event.pointerId);
      this.gesture = null;
      this.draw();
    });
    this.listen(surface, "pointerleave", event => event.pointerType !== "touch" && this.hover(null));
    if (!this.canZoom) return;
    this.listen(surface, "dblclick", () => this.resetView());
    this.listen(surface, "wheel", event => this.wheel(event, surface, pane), {passive: false});
  }

  startGesture(event, surface, pane) {
    if (event.button || !this.loaded) return;
    surface.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    const isPinch = this.canZoom && this.pointers.size > 1;
    const other = this.mode === "move" ? "rectangle" : "move", mode = event.shiftKey ? other : this.mode;
    const single = {pane, from: this.pointerPosition(event, pane), mode, upload: this.upload(event, pane)};
    this.gesture = isPinch ? {pinch: this.fingers()} : single;
    this.hover(null);
  }

  fingers() {
    const [[x1, y1], [x2, y2]] = [...this.pointers.values()];
    return {apart: Math.hypot(x2 - x1, y2 - y1), clientX: (x1 + x2) / 2, clientY: (y1 + y2) / 2};
  }

  drag(event, pane) {
    if (!this.loaded) return;
    const {gesture} = this, here = this.pointerPosition(event, pane);
    if (!gesture) {
      const upload = this.upload(event, pane);
      if (upload) return this.hoverUpload(upload, event);
      if (event.pointerType !== "touch") this.hover(this.nearest(pane, here, this.reach(event)), pane, event);
      return;
    }
    if (this.pointers.has(event.pointerId)) this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    if (gesture.pinch) {
      if (this.pointers.size < 2) return;
      const now = this.fingers(), before = this.pointerPosition(gesture.pinch, pane).part;
      this.zoom(pane, now.apart / Math.max(1, gesture.pinch.apart), before, this.pointerPosition(now, pane).px);
      gesture.pinch = now;
      return;
    }
    const [dx, dy] = here.px.map((at, axis) => at - gesture.from.px[axis]);
    if (!gesture.moved && Math.hypot(dx, dy) < CLICK) return;
    gesture.moved = true;
    if (!this.canZoom) return;
    if (gesture.mode === "move") this.moveView(pane, this.views[pane].zoom, gesture.from.part, here.px);
    else if (gesture.mode === "rectangle") {
      const [[x1, y1], [x2, y2]] = [gesture.from.part, here.part];
      gesture.path = [[x1, y1], [x2, y1], [x2, y2], [x1, y2]];
    } else (gesture.path ??= [gesture.from.part]).push(here.part);
    this.draw();
  }

  release(event, pane) {
    this.pointers.delete(event.pointerId);
    const {gesture} = this;
    if (gesture?.pinch && this.pointers.size) {
      if (this.pointers.size > 1) gesture.pinch = this.fingers();  // others than before
      return;
    }
    this.gesture = null;
    if (!gesture || gesture.pinch) return;
    if (!gesture.moved && gesture.upload) this.hoverUpload(gesture.upload, event);
    else if (!gesture.moved) this.tap(event, pane);
    else if (gesture.path) this.select(pane, gesture.path);
  }

  reach(event) {
    return Math.max(event.pointerType === "touch" ? REACH_OF_FINGER : REACH, this.tile / 2);
  }

  // A click or a tap: on a grid a click opens a map, and so does a tap beside its images.
  tap(event, pane) {
    const row = this.nearest(pane, this.pointerPosition(event, pane), this.reach(event));
    const isFinger = event.pointerType === "touch";
    if (this.data.grid && !(isFinger && row !== null)) return this.open(this.surfaces[pane].dataset.place);
    this.hover(row, pane, event);
    this.pick(row);
  }

  pick(row) {
    if (!this.canZoom || row === null || row === this.picked) return;
    this.picked = row;
    this.draw();
    this.setState("picked", {row, time: Date.now()});  // Back may have undone a click on the same
  }

  pickHovered(pane) {
    if (this.data.grid) return this.open(this.surfaces[pane].dataset.place);
    this.pick(this.hovered);
    if (this.hovered !== null && this.data.lists) this.cardStatus.textContent = "Its neighbours are listed below the maps.";
  }

  // Marks the images of a map inside a path, in parts of its sides.
  select(pane, path) {
    const ends = [0, 1].map(axis => path.map(corner => corner[axis])).map(ends => [Math.min(...ends), Math.max(...ends)]);
    const {count} = this, looks = this.looks[pane], marked = new Uint8Array(count);
    for (let row = 0; row < count; row++) {
      if (looks[4 * row + 2] === HIDDEN) continue;
      const [across, up] = this.partOf(pane, row);
      if (across < ends[0][0] || across > ends[0][1] || up < ends[1][0] || up > ends[1][1]) continue;
      marked[row] = isInside(path, across, up);
    }
    if (marked.includes(1)) this.mark(marked);
    else this.clear();
  }

  clear() {
    this.gesture = null;
    if (!this.selected) return this.draw();
    this.mark(null);
  }

  mark(marked) {
    this.selected = marked;
    this.best = [];
    this.updateLooks();
    this.setState("selected", {images: this.images, rows: marked && textOf(marked), gesture: ++this.gestures});
  }

  // The visitor's image that a pointer is on.
  upload(event, pane) {
    const star = event.target.closest("[data-upload]");
    return star && this.data.panes[pane].uploads[star.dataset.upload];
  }

  hoverUpload(upload, event) {
    this.hover(null);
    this.card.hidden = false;
    this.card.dataset.row = upload.spoken;
    this.card.replaceChildren(element("img", {src: upload.thumb, alt: ""}), element("span", {}, upload.name));
    this.placeCard(event);
  }

  hover(row, pane, event) {
    if (row !== this.hovered) {
      this.hovered = row;
      this.over = pane;
      this.pictured = null;
      clearTimeout(this.dwell);
      if (row !== null && (this.data.thumbs || this.table.sheet)) this.dwell = setTimeout(() => this.picture(row), DWELL);
      this.draw();
    }
    this.card.hidden = row === null;
    if (row === null) return;
    if (this.card.dataset.row !== `${row} ${pane}`) {
      this.card.dataset.row = `${row} ${pane}`;
      this.writeCard();
    }
    this.placeCard(event);
  }

  // Says anew what is lit, which may have moved or be hidden now.
  refreshCard() {
    if (this.hovered === null) return;
    if (this.pixel(this.over, this.hovered)) this.writeCard();
    else this.hover(null);
  }

  writeCard() {
    const line = ([name, word]) => [element("dt", {}, name), element("dd", {}, word)];
    const lines = Object.entries(this.describe(this.hovered, this.over)).flatMap(line);
    this.card.replaceChildren(...this.pictured === this.hovered ? [this.image(this.hovered)] : [], element("dl", {}, ...lines));
  }

  // Puts the card beside the pointer, or above the finger, and inside the window.
  placeCard({clientX, clientY, pointerType}) {
    this.cardPlace = {clientX, clientY, pointerType, top: this.root.getBoundingClientRect().top};
    const {offsetWidth: width, offsetHeight: height} = this.card, isFinger = pointerType === "touch";
    const away = isFinger ? OF_FINGER : 16, above = clientY - away - height, below = clientY + away;
    const isAbove = isFinger ? above >= 0 : below + height > innerHeight;
    const left = isFinger ? clientX - width / 2 : clientX + away;
    const inside = (start, length, room) => Math.max(0, Math.min(start, room - length));
    this.card.style.left = `${inside(left, width, document.documentElement.clientWidth)}px`;
    this.card.style.top = `${inside(isAbove ? above : below, height, innerHeight)}px`;
  }

  // Where the maps move below the card, as the page scrolls: that of a finger, which may have made the page longer, goes with
  // them, and that of a pointer, which is elsewhere now, goes.
  keepCard() {
    if (this.card.hidden) return;
    const moved = this.root.getBoundingClientRect().top - this.cardPlace.top, {clientY, pointerType} = this.cardPlace;
    if (!moved) return;
    if (pointerType === "touch") this.placeCard({...this.cardPlace, clientY: clientY + moved});
    else this.hover(null);
  }

  picture(row) {
    this.pictured = row;
    this.card.querySelector(".image")?.remove();  // of a click on an image that was lit already
    const image = this.image(row);
    image.addEventListener("load", () => this.placeCard(this.cardPlace));
    this.card.prepend(image);
    this.placeCard(this.cardPlace);
    this.draw();
  }

  // The small image of a row, as an element; a tile of the sheet has a side in px.
  image(row, side = IMAGE_OF_CARD) {
    if (this.data.thumbs) return element("img", {className: "image", src: this.thumb(row), alt: ""});
    const {url, tile, across, image} = this.table.sheet, scale = side / tile;
    const node = element("span", {className: "image tile"});
    Object.assign(node.style, {height: `${side}px`, width: `${side}px`});
    node.style.background = `url("${url}") ${-scale * tile * (row % across)}px ${-scale * tile * Math.floor(row / across)}px`
      + ` / ${scale * image.naturalWidth}px auto`;
    return node;
  }

  describe(row, pane) {
    const {columns, data} = this;
    const words = {object: data.objects[columns.object[row]], context: data.contexts[columns.context[row]]};
    if (columns.file) words.file = columns.file.word(row) ?? "";
    for (const [name, column] of [["caption", `caption_${pane}`], ["prediction", `predicted_${pane}`]]) {
      const word = columns[column]?.word(row) ?? "none";
      if (!word.startsWith("none")) words[name] = word;
    }
    if (data.legendTitle) {
      const code = columns[data.colourColumns[pane]][row], entry = data.legend.find(entry => this.isColour(entry) && entry.code === code);
      words[data.legendTitle] = columns[data.valueColumns[pane]]?.word(row) ?? entry?.words ?? "none";
    }
    const trust = columns[`trust${pane}`]?.[row];
    if (trust !== undefined) words["trust in this position"] = trust === trust ? trust.toFixed(2) : "too few images to judge";
    return words;
  }

  wheel(event, surface, pane) {
    const isMeant = event.ctrlKey || event.metaKey;  // else the browser would zoom the page
    const isOver = this.root.getRootNode().activeElement === surface;
    if (!isMeant && (!isOver || (event.deltaY > 0 && this.views[pane].zoom === 1))) return;  // the page scrolls
    event.preventDefault();
    const {px, part} = this.pointerPosition(event, pane), lines = event.deltaMode ? 16 : 1;
    // Two fingers on a pad say a few pixels with the key, a notch of a wheel a hundred.
    const turn = event.ctrlKey ? 0.01 * Math.min(25, Math.max(-25, event.deltaY * lines)) : 0.002 * event.deltaY * lines;
    this.zoom(pane, Math.exp(-turn), part, px);
  }

  // Comes closer to a map by a factor, so that a part of it stays at a position in px: the middle unless said otherwise.
  zoom(pane, factor, part = [this.views[pane].x, this.views[pane].y], px = [this.side / 2, this.side / 2]) {
    this.moveView(pane, Math.min(CLOSEST, Math.max(1, this.views[pane].zoom * factor)), part, px);
  }

  // Comes closer to the image that is lit or was clicked, on the first map that has it in sight; else to the middle or, where
  // no image would be left there, to the image nearest to it.
  zoomIn() {
    if (!this.loaded) return;
    const row = this.hovered ?? this.picked, {leader} = this;
    const numbers = this.hovered === null ? [leader, ...this.views.keys()] : [this.over];
    const pane = row === null ? undefined : numbers.find(pane => this.isInSight(pane, row));
    if (pane !== undefined) return this.zoom(pane, CLOSER, this.partOf(pane, row), this.pixel(pane, row));
    const view = this.views[leader];
    let nearest = [view.x, view.y], least = Infinity;
    for (let other = 0; other < this.count; other++) {
      if (this.looks[leader][4 * other + 2] === HIDDEN) continue;
      const part = this.partOf(leader, other), away = Math.max(Math.abs(part[0] - view.x), Math.abs(part[1] - view.y));
      if (away < least) [nearest, least] = [part, away];
    }
    const isEmpty = least > 0.5 / (CLOSER * view.zoom);
    this.zoom(leader, CLOSER, isEmpty ? nearest : [view.x, view.y]);
  }

  moveView(pane, zoom, [x, y], px) {
    const {side} = this;
    this.leader = pane;
    this.views[pane] = this.viewInside(zoom, x - (px[0] / side - 0.5) / zoom, y - (0.5 - px[1] / side) / zoom);
    this.updateInView();
    this.views.forEach((_, other) => { if (other !== pane) this.follow(other); });
    this.setTouchAction();
    if (this.views.length > 1) this.fade();
    this.draw();
  }

  // A view whose map fills the square.
  viewInside(zoom, x, y) {
    const half = 0.5 / zoom, inside = middle => Math.min(1 - half, Math.max(half, middle));
    return {zoom, x: inside(x), y: inside(y)};
  }

  // Shows, in another map than the one that a visitor has come close to, the images that this one has in view, no closer than
  // it shows them.
  follow(pane) {
    if (this.views[this.leader].zoom === 1) {
      this.views[pane] = wholeView();
      return;
    }
    const xs = this.x[pane], ys = this.y[pane];
    let [west, east, south, north] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let row = 0; row < this.count; row++) {
      if (!this.inView[row] || this.looks[pane][4 * row + 2] === HIDDEN) continue;
      west = Math.min(west, xs[row]);
      east = Math.max(east, xs[row]);
      south = Math.min(south, ys[row]);
      north = Math.max(north, ys[row]);
    }
    if (west > east) return;  // there is none, and the map stays as it is
    const [left, low] = this.part(pane, west, south), [right, high] = this.part(pane, east, north);
    const wide = Math.max(AROUND_FOLLOWED * Math.max(right - left, high - low), 1 / this.views[this.leader].zoom);
    this.views[pane] = this.viewInside(Math.max(1, 1 / wide), (left + right) / 2, (low + high) / 2);
  }

  resetView() {
    this.views = this.views.map(wholeView);
    this.updateInView();
    this.setTouchAction();
    this.fade();
    this.draw();
  }

  pressKey(event) {
    if (event.key === "Escape") return this.clear();
    if (event.ctrlKey || event.metaKey || event.altKey || !event.target.matches(".surface, .absent")) return;
    const pane = this.surfaces.indexOf(event.target), name = event.target.dataset.place;
    if (pane < 0) return event.key === "Enter" && this.open(name);
    const {side} = this, way = this.wayOf(event.key);
    const to = {ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]}[event.key];
    if (way) this.stepToImage(pane, way);
    else if (event.key === "Enter") this.pickHovered(pane);
    else if (!this.canZoom) return;
    else if (to) {
      const view = this.views[pane];
      this.moveView(pane, view.zoom, [view.x, view.y], to.map(by => side / 2 + by * side / 8));
    } else if (event.key === "+" || event.key === "=") this.zoomIn();
    else if (event.key === "-") this.zoom(pane, 1 / CLOSER);
    else if (event.key === "0") this.resetView();
    else return;
    event.preventDefault();
  }

  // Which way a key leads among images: N and P, and arrows where they do not move the map.
  wayOf(key) {
    const keys = {n: 1, p: -1, ...this.canZoom ? {} : {arrowright: 1, arrowdown: 1, arrowleft: -1, arrowup: -1}};
    return keys[key.toLowerCase()];
  }

  // Lights the next image that a map shows, or the one before, and says what it is; of those marked where some are.
  stepToImage(pane, way) {
    if (!this.loaded) return;
    const {count, side} = this, from = this.hovered ?? this.picked ?? (way > 0 ? -1 : 0);
    const isSeen = row => (!this.selected || this.selected[row]) && this.pixel(pane, row);
    let row = null;
    for (let step = 1; step <= count && row === null; step++) {
      const other = (from + way * step + 2 * count) % count;
      if (isSeen(other)) row = other;
    }
    if (row === null) return;
    if (this.canZoom) this.moveView(pane, this.views[pane].zoom, this.partOf(pane, row), [side / 2, side / 2]);
    const box = this.surfaces[pane].getBoundingClientRect(), [x, y] = this.pixel(pane, row);
    this.hover(row, pane, {clientX: box.left + x, clientY: box.top + y});
    this.cardStatus.textContent = Object.entries(this.describe(row, pane)).map(words => words.join(": ")).join(", ");
  }
}
