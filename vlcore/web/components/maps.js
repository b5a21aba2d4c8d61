// Linked maps (vlcore/plots/maps/component.py): hover, zoom, selections and words; `Points` draws marks.
//
// The component is mounted twice or three times: with how the maps look, with the columns of the images, which stay the
// same, and with those of a colouring, where it has any.
// Nothing but ended gestures goes to the server, as state: `picked` (a row and when), `selected` (one bit a row), `shown`
// (entries of the legend that were clicked, and how many clicks there were), `unsupported`.

const columnsByStamp = new Map();
const mapsByParent = new WeakMap(), columnsByParent = new WeakMap();
const waiting = new Set();  // maps whose columns are still to come

const SVG = "http://www.w3.org/2000/svg";
const REACH = 9, REACH_OF_FINGER = 18;  // px from the pointer to the mark that it means
const CLICK = 5;  // px that a pointer may move in a click
const CLOSEST = 400, CLOSER = 1.6;  // zoom, and what a button or key adds to it
const OF_FINGER = 24;  // px between a finger and the words about what is under it
const FRAME = 28, LARGEST = 68;  // px of an image that stands for its mark, on whole maps and close by
const AROUND = 8, LINE = 16;  // px of an arrow's end from its image, and of a line of words
const CELLS = 160;  // of the index of a map, along each axis
const IMAGE = 68;  // px of the image that lights up
const DWELL = 80;  // ms on a mark until its image is asked for: a pointer crosses many
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

// Streamlit calls again for newer data and ends no former call, but for one that was under way: that it ends, before or
// after the newer call, or makes last. Where the parent is still on the page, it is such a call that ends.
export default function({parentElement, data, setStateValue}) {
  if (data.columns) return keepColumns(data, parentElement);
  let map = mapsByParent.get(parentElement);
  if (!map) mapsByParent.set(parentElement, map = new LinkedMaps(parentElement, data));
  const former = map.latest;
  map.setState = setStateValue;
  map.update(data);
  return () => {
    if (!parentElement.isConnected) {
      map.end();
      mapsByParent.delete(parentElement);
    } else if (map.latest === data && former) map.update(former);
  };
}

// Keeps columns for the maps that wait for them, once the small images are decoded that come with some.
function keepColumns({stamp, columns: table, sheet}, parent) {
  const entry = {stamp, columns: unpackColumns(table)}, former = columnsByParent.get(parent);
  let isGone = false;
  const publish = () => { if (!isGone) holdColumns(entry, parent); };
  if (sheet) {
    entry.columns.sheet = element("img", {src: sheet});
    entry.columns.sheet.decode().then(publish);
  } else publish();
  return () => {
    isGone = true;
    if (columnsByParent.get(parent) !== entry) return;
    if (!parent.isConnected) forgetColumns(parent);
    else if (former) holdColumns(former, parent);
  };
}

function holdColumns(entry, parent) {
  forgetColumns(parent);
  columnsByParent.set(parent, entry);
  columnsByStamp.set(entry.stamp, entry.columns);
  for (const map of [...waiting]) map.update();
}

// Forgets the columns that came with a parent, unless another one has brought the same since, as where a page moves maps.
function forgetColumns(parent) {
  const entry = columnsByParent.get(parent);
  if (entry && columnsByStamp.get(entry.stamp) === entry.columns) columnsByStamp.delete(entry.stamp);
}

// Arrow columns as arrays; words as codes with their names.
function unpackColumns(table) {
  const columns = {};
  for (const {name} of table.schema.fields) {
    const column = table.getChild(name);
    if (!/^(file$|(caption|predicted|value)_)/.test(name)) columns[name] = column.toArray();
    else columns[name] = {word: row => column.get(row)};
  }
  return columns;
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
  const bytes = atob(text), marked = new Uint8Array(count);
  for (let row = 0; row < count; row++) marked[row] = bytes.charCodeAt(row >> 3) >> (row & 7) & 1;
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

class LinkedMaps {
  constructor(parent, data) {
    this.listeners = new AbortController();
    this.view = {x: 0.5, y: 0.5, zoom: 1};  // what all maps show: the middle, in parts of their sides, and how close
    this.isTouched = matchMedia("(pointer: coarse)").matches;
    this.mode = this.isTouched ? "move" : "rectangle";
    this.shown = new Set();
    this.clicks = 0;  // on the legend
    this.selected = null;
    this.picked = this.hovered = this.colourAt = this.gesture = null;
    this.pointers = new Map();
    this.canvas = element("canvas", {"aria-hidden": "true"});
    this.points = new Points(this.canvas);
    this.root = element("div", {className: "linked-maps"});
    this.card = element("div", {className: "card", hidden: true});
    this.gestures = 0;  // that marked images, or took the mark away
    this.best = [];  // images of each map that are ringed
    parent.append(this.root);
    this.listen(this.root, "keydown", event => this.pressKey(event));
    // The card goes where the maps move below it, by a press elsewhere, and by Escape wherever that is pressed.
    const isElsewhere = event => !event.composedPath().includes(this.maps);
    this.listen(document, "pointerdown", event => { if (isElsewhere(event)) this.hover(null); });
    this.listen(document, "keydown", event => { if (event.key === "Escape") this.hover(null); });
    const isMoved = () => this.root.getBoundingClientRect().top !== this.cardPlace.top;
    this.listen(document, "scroll", () => { if (!this.card.hidden && isMoved()) this.hover(null); }, {capture: true});
    this.listen(this.canvas, "webglcontextlost", event => {
      event.preventDefault();  // else it would never be restored
      this.loaded = null;
      this.root.dataset.state = "lost";
    });
    this.listen(this.canvas, "webglcontextrestored", () => this.update());
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(this.root);
  }

  listen(target, kind, react, options = {}) {
    target.addEventListener(kind, react, {signal: this.listeners.signal, ...options});
  }

  end() {
    this.listeners.abort();
    this.sizes.disconnect();
    waiting.delete(this);
    cancelAnimationFrame(this.frame);
    clearTimeout(this.dwell);
    this.points.end();
    this.root.remove();
  }

  update(data = this.latest) {
    this.latest = data;
    if (!this.points.gl) return this.showUnsupported();
    const images = columnsByStamp.get(data.stamp), colours = data.colourStamp ? columnsByStamp.get(data.colourStamp) : {};
    const isWhole = Boolean(images && colours);
    waiting[isWhole ? "delete" : "add"](this);
    if (this.loaded && !isWhole) return;  // the maps stay as they are until then
    this.data = data;
    const layout = JSON.stringify([data.panes, data.side, data.legendTitle, data.legend, data.legendPlace, data.ink, data.alt]);
    if (layout !== this.layout) {
      this.layout = layout;
      this.index = [];  // of cells of the extents
      this.build();
    }
    if (!isWhole) return;
    this.columns = {...images, ...colours};
    if (this.loaded !== data.stamp && !this.points.gl.isContextLost()) {
      if (this.images !== data.images) this.selected = null;
      this.images = data.images;
      this.points.load(this.columns, data.panes.length);
      this.loaded = data.stamp;
      this.index = [];
      this.scenes = null;
    }
    this.adoptSelection(data.selected);
    this.adoptLegend(data.shown);
    const [ofPointer, ofFinger] = this.columns.scene ? [HINT_WITH_TWINS, HINT_OF_TWINS] : [HINT, HINT_OF_FINGER];
    const [hint, hintOfFinger] = data.lists ? [ofPointer, ofFinger] : [HINT_ALONE, HINT_ALONE_OF_FINGER];
    this.hint.textContent = this.isTouched ? hintOfFinger : hint;
    this.picked = data.picked;
    this.passing = bitsOf(data.drawn, data.count);
    this.updateLooks();
  }

  // What is marked is the page's to say, unless it has not heard of the last gesture yet.
  adoptSelection({rows, best, gesture}) {
    if (gesture < this.gestures) return;
    this.gestures = gesture;
    this.selected = rows && bitsOf(rows, this.data.count);
    this.best = best;
  }

  // So are the entries of the legend that are seen alone.
  adoptLegend({entries, clicks}) {
    if (clicks < this.clicks) return;
    this.clicks = clicks;
    this.shown = new Set(entries);
  }

  showUnsupported() {
    if (this.root.dataset.state === "unsupported") return;
    this.root.dataset.state = "unsupported";
    const why = "This browser offers no WebGL2: the maps below have no zoom and no lasso, and are of some thousand images at most.";
    this.root.append(element("p", {role: "status"}, why));
    this.setState("unsupported", true);
  }

  // The titles, the surfaces that hear the pointer, the tools and the legend.
  build() {
    const {data} = this, {side, ink} = data;
    const inks = Object.entries(ink).map(([name, colour]) => `--${name}:${colour};`).join("");
    this.root.style.cssText = `--side:${side}px; --gap:${data.gap}px; ${inks} font-family:${data.font}`;
    this.surfaces = data.panes.map((pane, number) => {
      const surface = svgElement("svg", {
        class: "surface", width: side, height: side, viewBox: `0 0 ${side} ${side}`, tabindex: 0, role: "group",
        "aria-label": `${pane.title}. ${pane.subtitle}. ${number ? "" : data.alt}`,
      });
      this.listenToPointer(surface, number);
      return surface;
    });
    const figures = data.panes.map((pane, number) => element("figure", {},
      element("figcaption", {}, element("strong", {}, pane.title), element("span", {}, pane.subtitle)),
      element("span", {className: "y-axis"}, pane.axes[1]),
      this.surfaces[number],
      element("span", {className: "x-axis"}, pane.axes[0])));
    const maps = element("div", {className: "maps"}, this.canvas, ...figures);
    maps.style.gridTemplateColumns = `repeat(${data.across}, max-content)`;
    this.maps = maps;
    this.card.hidden = true;
    this.countStatus = element("span", {role: "status", className: "said"});
    this.cardStatus = element("span", {role: "status", className: "status-of-card"});  // for screen readers
    this.hint = element("span", {className: "hint"});
    const tools = this.tools(), isBeside = data.legendPlace === "right";
    const top = element("div", {className: "top"}, ...isBeside ? [] : [tools], this.hint);
    const beside = element("div", {className: "beside"}, ...isBeside ? [tools] : [], this.legend());
    const whole = element("div", {className: `whole legend-${data.legendPlace}`}, maps, beside);
    this.root.replaceChildren(top, whole, this.card, this.cardStatus);
    this.chooseMode(this.mode);
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
      button("Zoom out", () => this.zoom(1 / CLOSER), "−"),
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
    this.smallMarksNote = element("span", {className: "said"}, "Shapes, fillings and rings show as you zoom in.");
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
    for (const [name, button] of Object.entries(this.modes)) button.setAttribute("aria-pressed", String(name === mode));
    this.root.dataset.mode = mode;
    this.setTouchAction();
  }

  // A finger scrolls the page over a whole map, unless it draws.
  setTouchAction() {
    const scrolls = this.mode === "move" && this.view.zoom === 1;
    for (const surface of this.surfaces) surface.style.touchAction = scrolls ? "pan-x pan-y" : "none";
  }

  // Which images each map shows, and how: four bytes an image, sent to the graphics card.
  updateLooks() {
    if (!this.loaded) return;
    const {columns, data} = this, {count} = data, marked = this.selected;
    const clicked = data.legend.filter(entry => this.shown.has(entry.name));
    const filters = clicked.some(entry => !entry.columns.length) ? [] : clicked;
    this.most = 1;  // images in a map
    const isSeen = new Uint8Array(count);  // in any map
    this.looks = data.panes.map((_, pane) => {
      let shown = 0;
      const looks = new Uint8Array(4 * count), codes = columns[data.colourColumns[pane]], x = columns[`x${pane}`];
      for (let row = 0; row < count; row++) {
        const isShown = this.passing[row] && x[row] === x[row]
          && (!filters.length || filters.some(entry => columns[entry.columns[pane]][row] === entry.code));
        shown += isShown;
        isSeen[row] |= isShown;
        looks[4 * row] = codes[row];
        looks[4 * row + 1] = (columns.object[row] === 1 ? TRIANGLE : 0) | (columns.kind[row] === 1 ? HOLLOW : 0)
          | (columns.minority[row] ? RING : 0);
        looks[4 * row + 2] = !isShown ? HIDDEN : marked && !marked[row] ? FADED : LIT;
        looks[4 * row + 3] = this.percent(pane, row);
      }
      this.most = Math.max(this.most, shown);
      if (!this.points.gl.isContextLost()) this.points.updateLooks(pane, looks);
      return looks;
    });
    const sum = bits => bits.reduce((total, bit) => total + bit, 0);
    const total = marked ? sum(marked) : 0, seen = sum(isSeen);
    this.clearButton.disabled = !marked;
    const [part, alone, whole] = [total, seen, count].map(number => number.toLocaleString("en"));
    const why = clicked.length || data.panel ? "in all that was clicked, in the legend and below"
      : "of the groups and the split that are chosen";
    const none = seen ? "" : `No image is ${why}: `;
    const counted = seen < count ? `${none}${alone} of ${whole} images shown` : `${whole} images`;
    this.countStatus.textContent = marked ? `${part} of ${whole} images marked` : counted;
    Object.assign(this.root.dataset, {marked: total, shown: this.most});
    this.entries.forEach((button, at) => {
      button.setAttribute("aria-pressed", String(this.shown.has(data.legend[at].name)));
    });
    this.draw();
  }

  // Of the usual size of a mark, or of an image's opacity: less where a position deceives, usual where nobody judged it.
  percent(pane, row) {
    const trust = this.columns[`trust${pane}`]?.[row] ?? NaN;
    if (trust !== trust) return USUAL;
    const part = Math.max(0, (trust - 0.8) / 0.2);
    return USUAL * (this.columns.sheet ? 0.2 + 0.8 * part : Math.sqrt(0.15 + 1.45 * part));
  }

  draw() {
    if (!this.loaded) return;
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (!this.loaded || this.points.gl.isContextLost()) return;
      this.drawPoints();
      this.data.panes.forEach((_, pane) => this.drawOver(pane));
      const {view, hovered, data} = this;
      const state = {state: "drawn", zoom: view.zoom.toFixed(2), hovered: hovered ?? "", colours: data.colourColumns[0]};
      Object.assign(this.root.dataset, state);
    });
  }

  drawPoints() {
    const {canvas, data, view} = this, {side} = data, pixels = devicePixelRatio;
    const whole = this.maps.getBoundingClientRect();
    const size = [whole.width, whole.height].map(length => Math.round(length * pixels));
    if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
    // Small in a crowd, and larger as one comes closer.
    const radius = Math.min(4.5, Math.max(1, 0.42 * side / Math.sqrt(this.most)) * view.zoom ** 0.4);
    const isLarge = radius > 2.2;
    this.tile = this.columns.sheet ? Math.min(LARGEST, FRAME * view.zoom ** 0.4) : 0;
    const [alpha, faded] = this.tile ? [1, 0.08] : isLarge ? [0.9, 0.1] : [0.75, 0.04];
    // What is coloured like the mark under the pointer stands out, where marks are apart.
    const kin = this.colourAt ?? (isLarge && this.hovered !== null ? this.columns[data.colourColumns[this.over]][this.hovered] : -1);
    const style = {
      colours: data.colours, muted: data.ink.muted, overlays: data.overlays, selection: this.selected,
      kin, radius, picture: this.tile, alpha, faded,
    };
    this.smallMarksNote.hidden = isLarge || this.tile > 0;
    this.points.clear(pixels);
    data.panes.forEach((pane, number) => {
      const box = this.surfaces[number].getBoundingClientRect(), [left, right, low, high] = pane.extent;
      const centre = [left + view.x * (right - left), low + view.y * (high - low)];
      const scale = [2 * view.zoom / (right - left), 2 * view.zoom / (high - low)];
      this.points.draw(number, [box.left - whole.left, whole.bottom - box.bottom, side, side], centre, scale, style);
    });
  }

  // Captions, circles, lines, the image under the pointer and what is being marked: on top, as SVG.
  drawOver(pane) {
    const {data, hovered, picked} = this, {side, ink} = data, parts = [];
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
    for (const {x, y, x2, y2, colour, arrow} of data.lines.filter(line => line.pane === pane)) {
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
    for (const caption of data.panes[pane].captions) {
      const [x, y] = this.at(pane, caption.x, caption.y);
      const look = {fill: ink.text, stroke: ink.ground, "stroke-width": 0.2};
      const anchor = {left: "start", right: "end", center: "middle"}[caption.align];
      const place = {x: x + caption.dx, y: y + caption.dy, "text-anchor": anchor, "dominant-baseline": "central"};
      if (Math.abs(caption.dy) > LINE) line([x, y], [place.x, place.y], ink.text, 1);  // words that are far
      parts.push(svgElement("path", {d: SHAPES.diamond, transform: `translate(${x} ${y}) scale(6.5)`, ...look}));
      parts.push(svgElement("text", {...place, class: "caption"}, caption.caption));
    }
    data.panes[pane].uploads.forEach((upload, number) => {
      const [x, y] = this.at(pane, upload.x, upload.y), half = upload.side / 2;
      const look = {fill: ink.accent, stroke: ink.ground, "stroke-width": 1 / upload.side};
      const named = {role: "img", "aria-label": upload.spoken};
      const star = svgElement("path", {d: data.star, transform: `translate(${x} ${y}) scale(${2.17 * half})`, ...look, ...named});
      const image = svgElement("image", {x: x - half, y: y - half, width: upload.side, height: upload.side, href: upload.thumb});
      const words = svgElement("text", {x, y: y + upload.side, class: "upload", "text-anchor": "middle"}, upload.words);
      parts.push(svgElement("g", {"data-upload": number}, star, image, words));
    });
    const lit = hovered !== null && circle(hovered, 9, ink.text);
    if (lit && this.pictured === hovered && pane !== this.over) {  // there, the card has it
      const [x, y] = lit.map(at => at + (at > side / 2 ? -1 : 1) * (IMAGE / 2 + 9) - IMAGE / 2);
      parts.push(svgElement("image", {x, y, width: IMAGE, height: IMAGE, href: this.thumb(hovered)}));
    }
    if (this.gesture?.pane === pane && this.gesture.path) {
      const path = this.gesture.path.map(([x, y]) => this.at(pane, ...this.position(pane, x, y)).join()).join("L");
      const look = {fill: ink.accent, "fill-opacity": 0.08, stroke: ink.accent, "stroke-width": 1.5};
      parts.push(svgElement("path", {d: `M${path}Z`, ...look, "stroke-dasharray": "4 3"}));
    }
    this.surfaces[pane].replaceChildren(...parts);
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

  at(pane, x, y) {
    const [across, up] = this.part(pane, x, y), {view} = this, {side} = this.data;
    return [((across - view.x) * view.zoom + 0.5) * side, (0.5 - (up - view.y) * view.zoom) * side];
  }

  pixel(pane, row) {
    if (this.looks[pane][4 * row + 2] === HIDDEN) return null;
    return this.at(pane, this.columns[`x${pane}`][row], this.columns[`y${pane}`][row]);
  }

  pointerPosition(event, surface) {  // the pointer in px of a map, and in parts of its sides
    const box = surface.getBoundingClientRect(), {view} = this, {side} = this.data;
    const px = [event.clientX - box.left, event.clientY - box.top];
    return {px, part: [(px[0] / side - 0.5) / view.zoom + view.x, (0.5 - px[1] / side) / view.zoom + view.y]};
  }

  // Rows of a map by cells of a grid, so that few are looked at for each move of the pointer.
  grid(pane) {
    if (this.index[pane]) return this.index[pane];
    const {count} = this.data, x = this.columns[`x${pane}`], y = this.columns[`y${pane}`];
    const starts = new Uint32Array(CELLS * CELLS + 1), rows = new Uint32Array(count);
    const cells = new Int32Array(count).fill(-1), cellOf = part => Math.min(CELLS - 1, Math.max(0, Math.floor(part * CELLS)));
    for (let row = 0; row < count; row++) {
      if (x[row] !== x[row]) continue;
      const [across, up] = this.part(pane, x[row], y[row]).map(cellOf);
      starts[(cells[row] = up * CELLS + across) + 1]++;
    }
    for (let cell = 0; cell < CELLS * CELLS; cell++) starts[cell + 1] += starts[cell];
    const next = starts.slice();
    for (let row = 0; row < count; row++) if (cells[row] >= 0) rows[next[cells[row]]++] = row;
    return this.index[pane] = {starts, rows};
  }

  // The images of a map in the cells that a square touches, `wide` to each side of its middle, in parts of the map's sides.
  *rowsAround(pane, middle, wide) {
    const {starts, rows} = this.grid(pane);
    const cells = end => Math.min(CELLS - 1, Math.max(0, Math.floor(end * CELLS)));
    const [[left, right], [low, high]] = middle.map(at => [cells(at - wide), cells(at + wide)]);
    for (let up = low; up <= high; up++) {
      for (let at = starts[up * CELLS + left]; at < starts[up * CELLS + right + 1]; at++) yield rows[at];
    }
  }

  nearest(pane, {px, part}, reach) {
    let best = null, least = reach;
    for (const row of this.rowsAround(pane, part, reach / this.data.side / this.view.zoom)) {
      const [x, y] = this.pixel(pane, row) ?? [Infinity, Infinity], away = Math.hypot(x - px[0], y - px[1]);
      if (away < least) [best, least] = [row, away];
    }
    return best;
  }

  isInSight(pane, row) {
    return Boolean(this.pixel(pane, row)?.every(at => at >= 0 && at <= this.data.side));
  }

  // Whether one has come so close that a map shows no image.
  isEmpty(pane) {
    const {x, y, zoom} = this.view;
    for (const row of this.rowsAround(pane, [x, y], 0.5 / zoom)) if (this.isInSight(pane, row)) return false;
    return zoom > 1;
  }

  listenToPointer(surface, pane) {
    const release = event => this.release(event, surface, pane);
    this.listen(surface, "blur", () => this.hover(null));
    this.listen(surface, "pointerdown", event => this.startGesture(event, surface, pane));
    this.listen(surface, "pointermove", event => this.drag(event, surface, pane));
    this.listen(surface, "pointerup", release);
    this.listen(surface, "pointercancel", event => {
      this.pointers.delete(event.pointerId);
      this.gesture = null;
      this.draw();
    });
    this.listen(surface, "pointerleave", event => event.pointerType !== "touch" && this.hover(null));
    this.listen(surface, "dblclick", () => this.resetView());
    this.listen(surface, "wheel", event => this.wheel(event, surface), {passive: false});
  }

  startGesture(event, surface, pane) {
    if (event.button || !this.loaded) return;
    surface.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    const isPinch = this.pointers.size > 1;
    const other = this.mode === "move" ? "rectangle" : "move", mode = event.shiftKey ? other : this.mode;
    const single = {pane, from: this.pointerPosition(event, surface), mode, upload: this.upload(event, pane)};
    this.gesture = isPinch ? {pinch: this.fingers()} : single;
    this.hover(null);
  }

  fingers() {
    const [[x1, y1], [x2, y2]] = [...this.pointers.values()];
    return {apart: Math.hypot(x2 - x1, y2 - y1), clientX: (x1 + x2) / 2, clientY: (y1 + y2) / 2};
  }

  drag(event, surface, pane) {
    if (!this.loaded) return;
    const {gesture} = this, here = this.pointerPosition(event, surface);
    if (!gesture) {
      const upload = this.upload(event, pane);
      if (upload) return this.hoverUpload(upload, event);
      if (event.pointerType !== "touch") this.hover(this.nearest(pane, here, this.reach(event)), pane, event);
      return;
    }
    if (this.pointers.has(event.pointerId)) this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    if (gesture.pinch) {
      if (this.pointers.size < 2) return;
      const now = this.fingers(), before = this.pointerPosition(gesture.pinch, surface).part;
      this.zoom(now.apart / Math.max(1, gesture.pinch.apart), before, this.pointerPosition(now, surface).px);
      gesture.pinch = now;
      return;
    }
    const [dx, dy] = here.px.map((at, axis) => at - gesture.from.px[axis]);
    if (!gesture.moved && Math.hypot(dx, dy) < CLICK) return;
    gesture.moved = true;
    if (gesture.mode === "move") this.moveView(this.view.zoom, gesture.from.part, here.px);
    else if (gesture.mode === "rectangle") {
      const [[x1, y1], [x2, y2]] = [gesture.from.part, here.part];
      gesture.path = [[x1, y1], [x2, y1], [x2, y2], [x1, y2]];
    } else (gesture.path ??= [gesture.from.part]).push(here.part);
    this.draw();
  }

  release(event, surface, pane) {
    this.pointers.delete(event.pointerId);
    const {gesture} = this;
    if (gesture?.pinch && this.pointers.size) {
      if (this.pointers.size > 1) gesture.pinch = this.fingers();  // others than before
      return;
    }
    this.gesture = null;
    if (!gesture || gesture.pinch) return;
    if (!gesture.moved && gesture.upload) this.hoverUpload(gesture.upload, event);
    else if (!gesture.moved) this.tap(event, surface, pane);
    else if (gesture.path) this.select(pane, gesture.path);
  }

  reach(event) {
    return Math.max(event.pointerType === "touch" ? REACH_OF_FINGER : REACH, this.tile / 2);
  }

  tap(event, surface, pane) {
    const row = this.nearest(pane, this.pointerPosition(event, surface), this.reach(event));
    this.hover(row, pane, event);
    this.pick(row);
  }

  pick(row) {
    if (row === null || row === this.picked) return;
    this.picked = row;
    this.setState("picked", {row, time: Date.now()});  // Back may have undone a click on the same
  }

  pickHovered() {
    this.pick(this.hovered);
    if (this.hovered !== null && this.data.lists) this.cardStatus.textContent = "Its neighbours are listed below the maps.";
  }

  // Marks the images of a map inside a path, in parts of its sides.
  select(pane, path) {
    const x = this.columns[`x${pane}`], y = this.columns[`y${pane}`];
    const ends = [0, 1].map(axis => path.map(corner => corner[axis])).map(ends => [Math.min(...ends), Math.max(...ends)]);
    const {count} = this.data, looks = this.looks[pane], marked = new Uint8Array(count);
    for (let row = 0; row < count; row++) {
      if (looks[4 * row + 2] === HIDDEN) continue;
      const [across, up] = this.part(pane, x[row], y[row]);
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
    this.setState("selected", {images: this.data.images, rows: marked && textOf(marked), gesture: ++this.gestures});
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
      if (row !== null && this.data.thumbs) this.dwell = setTimeout(() => this.picture(row), DWELL);
      this.draw();
    }
    this.card.hidden = row === null;
    if (row === null) return;
    if (this.card.dataset.row !== `${row} ${pane}`) {
      this.card.dataset.row = `${row} ${pane}`;
      const line = ([name, word]) => [element("dt", {}, name), element("dd", {}, word)];
      const lines = Object.entries(this.describe(row, pane)).flatMap(line);
      this.card.replaceChildren(...this.pictured === row ? [this.image(row)] : [], element("dl", {}, ...lines));
    }
    this.placeCard(event);
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

  picture(row) {
    this.pictured = row;
    this.card.querySelector("img")?.remove();  // of a click on an image that was lit already
    const image = this.image(row);
    image.addEventListener("load", () => this.placeCard(this.cardPlace));
    this.card.prepend(image);
    this.placeCard(this.cardPlace);
    this.draw();
  }

  image(row) { return element("img", {src: this.thumb(row), alt: ""}); }

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

  wheel(event, surface) {
    const isMeant = event.ctrlKey || event.metaKey;  // else the browser would zoom the page
    const isOver = this.root.getRootNode().activeElement === surface;
    if (!isMeant && (!isOver || (event.deltaY > 0 && this.view.zoom === 1))) return;  // the page scrolls
    event.preventDefault();
    const {px, part} = this.pointerPosition(event, surface), lines = event.deltaMode ? 16 : 1;
    // Two fingers on a pad say a few pixels with the key, a notch of a wheel a hundred.
    const turn = event.ctrlKey ? 0.01 * Math.min(25, Math.max(-25, event.deltaY * lines)) : 0.002 * event.deltaY * lines;
    this.zoom(Math.exp(-turn), part, px);
  }

  // Comes closer by a factor, so that a part of the maps stays at a position in px: the middle unless said otherwise.
  zoom(factor, part = [this.view.x, this.view.y], px = [this.data.side / 2, this.data.side / 2]) {
    this.moveView(Math.min(CLOSEST, Math.max(1, this.view.zoom * factor)), part, px);
  }

  // Comes closer to the image that is lit or was clicked, on the first map that has it in sight; else to the middle or, where
  // no image would be left there, to the image nearest to it.
  zoomIn() {
    if (!this.loaded) return;
    const {columns, view} = this, {count, panes} = this.data;
    const row = this.hovered ?? this.picked, numbers = this.hovered === null ? [...panes.keys()] : [this.over];
    const pane = row === null ? undefined : numbers.find(pane => this.isInSight(pane, row));
    if (pane !== undefined) {
      this.zoom(CLOSER, this.part(pane, columns[`x${pane}`][row], columns[`y${pane}`][row]), this.pixel(pane, row));
      return;
    }
    let nearest = [view.x, view.y], least = Infinity;
    for (let pane = 0; pane < panes.length; pane++) {
      for (let row = 0; row < count; row++) {
        if (this.looks[pane][4 * row + 2] === HIDDEN) continue;
        const part = this.part(pane, columns[`x${pane}`][row], columns[`y${pane}`][row]);
        const away = Math.max(Math.abs(part[0] - view.x), Math.abs(part[1] - view.y));
        if (away < least) [nearest, least] = [part, away];
      }
    }
    const isEmpty = least > 0.5 / (CLOSER * view.zoom);
    this.zoom(CLOSER, isEmpty ? nearest : [view.x, view.y]);
  }

  moveView(zoom, [x, y], px) {
    const {side} = this.data, half = 0.5 / zoom;
    const inside = middle => Math.min(1 - half, Math.max(half, middle));
    this.view = {zoom, x: inside(x - (px[0] / side - 0.5) / zoom), y: inside(y - (0.5 - px[1] / side) / zoom)};
    this.setTouchAction();
    this.draw();
  }

  resetView() {
    this.view = {x: 0.5, y: 0.5, zoom: 1};
    this.setTouchAction();
    this.draw();
  }

  pressKey(event) {
    if (event.key === "Escape") return this.clear();
    if (event.ctrlKey || event.metaKey || event.altKey || !event.target.matches(".surface")) return;
    const {side} = this.data, middle = [this.view.x, this.view.y], step = side / 8;
    const to = {ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step]}[event.key];
    const way = {n: 1, p: -1}[event.key.toLowerCase()];
    if (way) this.stepToImage(this.surfaces.indexOf(event.target), way);
    else if (event.key === "Enter") this.pickHovered();
    else if (to) this.moveView(this.view.zoom, middle, to.map(by => side / 2 + by));
    else if (event.key === "+" || event.key === "=") this.zoomIn();
    else if (event.key === "-") this.zoom(1 / CLOSER);
    else if (event.key === "0") this.resetView();
    else return;
    event.preventDefault();
  }

  // Lights the next image that a map shows, or the one before, and says what it is; of those marked where some are.
  stepToImage(pane, way) {
    if (!this.loaded) return;
    const {count, side} = this.data, from = this.hovered ?? this.picked ?? (way > 0 ? -1 : 0);
    const isSeen = row => (!this.selected || this.selected[row]) && this.pixel(pane, row);
    let row = null;
    for (let step = 1; step <= count && row === null; step++) {
      const other = (from + way * step + 2 * count) % count;
      if (isSeen(other)) row = other;
    }
    if (row === null) return;
    const {columns} = this, middle = [side / 2, side / 2];
    this.moveView(this.view.zoom, this.part(pane, columns[`x${pane}`][row], columns[`y${pane}`][row]), middle);
    const box = this.surfaces[pane].getBoundingClientRect(), [x, y] = this.pixel(pane, row);
    this.hover(row, pane, {clientX: box.left + x, clientY: box.top + y});
    this.cardStatus.textContent = Object.entries(this.describe(row, pane)).map(words => words.join(": ")).join(", ");
  }
}
