// Every map of images: one or two beside each other, a grid of small ones, a card, and maps that move in training. What they
// show is told by vlcore/plots/maps/drawing.py and read from a table of vlcore/plots/maps/table.py. A host (a page, a file, a
// notebook) makes one `Maps` for a figure and hands it `data`; only ended gestures go back to it, by `setState`: `picked` (a row
// and when), `selected` (one bit a row), `shown` (entries of the legend that were clicked, and how many clicks there were),
// `opened` (a place of a grid).
//
// All kinds light up images, light the same image in every map, answer to taps and keys, and tell a screen reader what is lit.
// Only maps that stand still have zoom, selections and hints: in a grid a click opens a map large, a card is too small for
// them, and what moves in training would leave what was marked or zoomed into.

const FRAME = 28, LARGEST = 68;  // px of an image that stands for its mark, on whole maps and close by
const GLIDE = 0.22, ARRIVED = 0.0005;  // of its way, what a moving image goes in a frame, and in parts of a map, its end
const ABSENT = 65535;  // in a table of moments; other numbers lead from one edge of a map to the other

class Maps extends Layout {
  constructor(parent, setState = () => {}) {
    super();
    this.setState = setState;
    this.listeners = new AbortController();
    this.isTouched = matchMedia("(pointer: coarse)").matches;
    this.isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.shown = new Set();
    this.clicks = 0;  // on the legend
    this.gestures = 0;  // that marked images, or took the mark away
    this.best = [];  // images of each map that are ringed
    this.views = [];
    this.selected = this.picked = this.hovered = this.colourAt = this.targets = null;
    this.root = element("div", {className: "linked-maps"});
    this.card = new Card(this);
    this.hand = new Hand(this);
    this.overlay = new Overlay(this);
    parent.append(this.root);
    this.listen(this.root, "keydown", event => this.hand.pressKey(event));
    // The card goes by a press elsewhere, and by Escape wherever that is pressed.
    const isElsewhere = event => !event.composedPath().includes(this.maps);
    this.listen(document, "pointerdown", event => { if (isElsewhere(event)) this.hover(null); });
    this.listen(document, "keydown", event => { if (event.key === "Escape") this.hover(null); });
    this.listen(window, "beforeprint", () => this.loaded && this.drawPoints());  // a canvas is blank once it was shown
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
    this.card.end();
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
      this.card.status.textContent = "The images of the maps could not be loaded; load the page again.";
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

  // Draws these images alone, one bit an image, in place of those that the data tells.
  show(bits) {
    this.passing = bits;
    this.updateLooks();
    this.refreshCard();
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
    this.hand.mode = mode;
    for (const [name, button] of Object.entries(this.modes ?? {})) button.setAttribute("aria-pressed", String(name === mode));
    this.root.dataset.mode = this.canZoom ? mode : "none";
    this.setTouchAction();
  }

  // A finger scrolls the page over a whole map, unless it draws.
  setTouchAction() {
    this.surfaces.forEach((surface, pane) => {
      const scrolls = !this.canZoom || (this.hand.mode === "move" && (this.views[pane]?.zoom ?? 1) === 1);
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
    this.tellCounts(isSeen, clicked.length > 0);
    this.fade();
    this.draw();
  }

  // Fades what is not marked, and in other maps what the leading one has out of view.
  fade() {
    const {count, inView, leader, selected} = this, isFollowed = this.views[leader].zoom > 1 && this.countInView > 0;
    if (!selected) this.countStatus.textContent = isFollowed ? this.wordsOfView() : this.counted;
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

  wordsOfView() {
    const [part, whole] = [this.countInView, this.count].map(number => number.toLocaleString("en"));
    return `${part} of ${whole} images in view`;
  }

  tellCounts(isSeen, isClicked) {
    const {count, data, selected} = this, sum = bits => bits.reduce((total, bit) => total + bit, 0);
    const total = selected ? sum(selected) : 0, seen = sum(isSeen);
    const [part, alone, whole] = [total, seen, count].map(number => number.toLocaleString("en"));
    const why = isClicked || data.panel ? "in all that was clicked, in the legend and below"
      : "of the groups and the split that are chosen";
    const none = seen ? "" : `No image is ${why}: `;
    const counted = seen < count ? `${none}${alone} of ${whole} images shown` : `${whole} images`;
    this.counted = selected ? `${part} of ${whole} images marked` : counted;
    this.countStatus.textContent = this.counted;
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
      const middle = Math.min(this.side - LINE / 2, Math.max(y, ...over.map(word => word.middle + LINE)));
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
      this.data.panes.forEach((_, pane) => this.overlay.draw(pane));
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

  // The held-out images of a row's scene by their group, where each of the four groups has one.
  versions(row) {
    const {group, kind} = this.columns, rows = [row, ...this.twins(row)].filter(other => kind[other] === 1);
    const byGroup = new Map(rows.map(other => [group[other], other]));
    return rows.length === 4 && byGroup.size === 4 ? byGroup : new Map();
  }

  // Lights an image that a map shows in all maps, with the card where the pointer is; none for null.
  hover(row, pane, event) {
    const isOther = row !== this.hovered;
    Object.assign(this, {hovered: row, over: pane});
    if (row === null) this.card.hide();
    else this.card.show(row, pane, event);
    if (isOther) this.draw();
  }

  // Says anew what is lit, which may have moved or be hidden now.
  refreshCard() {
    if (this.hovered === null) return;
    if (this.pixel(this.over, this.hovered)) this.card.write();
    else this.hover(null);
  }

  pick(row) {
    if (!this.canZoom || row === null || row === this.picked) return;
    this.picked = row;
    this.draw();
    this.setState("picked", {row, time: Date.now()});  // Back may have undone a click on the same
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
    this.hand.gesture = null;
    if (!this.selected) return this.draw();
    this.mark(null);
  }

  mark(marked) {
    this.selected = marked;
    this.best = [];
    this.updateLooks();
    this.setState("selected", {images: this.images, rows: marked && textOf(marked), gesture: ++this.gestures});
  }

  get hasImages() { return Boolean(this.data.thumbs || this.table.sheet); }

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
    const prediction = data.frames ? "prediction at the end" : "prediction";
    for (const [name, column] of [["caption", `caption_${pane}`], [prediction, `predicted_${pane}`]]) {
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
}
