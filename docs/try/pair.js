// Two maps beside each other, and accuracies below them, as in Home's riddle.

import { file } from "./files.js";
import { accuracies } from "./measures.js";
import { RiddleMaps, element, groupBar, percent, textOf, TOLD } from "./data/maps.js";

const MARGIN = 0.06; // part of a map that stays free at its edges
const SHADOW = '<div class="riddle"><div class="side"></div><div class="models"></div></div>';
const OWN = `
  .surface, .track { overflow: hidden; }
  .track u { position: absolute; inset: 0 auto 0 0; border-right: 2px dotted var(--text); }
  .spoken { position: absolute; clip-path: inset(50%); }
  @container (max-width: 40rem) {
    figure { display: grid; grid-row: span 3; grid-template-rows: subgrid; }
    figcaption { display: block; }
    figcaption span { display: block; min-height: 1.35em; margin: 0; }
  }`;
const darkness = matchMedia("(prefers-color-scheme: dark)");
const sheet = new CSSStyleSheet();
sheet.replaceSync(TOLD.style + OWN);

/** The look of maps, light or dark; calls `react` when it changes. */
export function lookOf(react) {
  darkness.addEventListener("change", () => react(scheme()));
  react(scheme());
}
const scheme = () => (darkness.matches ? "dark" : "light");

/** A shadow tree with the styles of maps. */
export function shadowOf(host, html) {
  const shadow = host.attachShadow({ mode: "open" });
  shadow.adoptedStyleSheets = [sheet];
  shadow.innerHTML = html;
  return shadow;
}

/** Give an element the look of an image of a sheet. */
export function paint(node, { uri, tile, across }, image) {
  const [x, y] = [image % across, Math.floor(image / across)].map((at) => -at * tile);
  node.style.background = `url("${uri}") ${x}px ${y}px`;
  node.style.width = node.style.height = `${tile}px`;
}

export class Pair {
  constructor(host, manifest) {
    Object.assign(this, { manifest, shadow: shadowOf(host, SHADOW), extra: [] });
    this.panes = [0, 1].map(() => ({ title: "", subtitle: "", model: null }));
    this.maps = new RiddleMaps(this);
  }

  find(name) {
    return this.shadow.querySelector(name);
  }

  /** Show models, one a map: `title`, `subtitle`, `style`, `before`, the model without training, and
   * `model`: trained, a frame of its training, or `before`. */
  async show(set, ...panes) {
    Object.assign(this, { panes });
    if (this.set !== set) {
      this.set = set;
      const { file: name, ...tiles } = this.manifest.sets[set].sheets.map;
      const uri = await file(name, "picture");
      if (this.set !== set) return;
      this.sheet = { ...tiles, uri };
      if (!this.watched) lookOf(() => this.update());
      this.watched = true;
    }
    this.update();
  }

  get each() {
    return this.manifest.sets[this.set].map;
  }

  groupOf(row) {
    return this.manifest.groups[Math.floor(row / this.each)];
  }

  /** Tell the maps what they draw; they call `dress` when they are built. */
  update() {
    const { manifest, set, each } = this, count = manifest.groups.length * each;
    const column = (of) => {
      const values = Array.from({ length: count }, (_, row) => of(this.groupOf(row)));
      return { type: "uint8", data: btoa(String.fromCharCode(...values)) };
    };
    const columns = {
      group: column((group) => manifest.groups.indexOf(group)),
      object: column(({ object }) => object),
      minority: column(({ rare }) => rare),
      kind: column(() => 1), // held out
    };
    const table = { stamp: set, images: set, count, columns, sheet: this.sheet };
    const texts = [...manifest.styles.flatMap(({ captions }) => captions), ...this.extra];
    const captions = texts.map((caption) => ({ caption }));
    const pane = { title: "", subtitle: "", axes: ["", ""], extent: [0, 1, 0, 1], captions };
    const panes = [0, 1].map(() => ({ ...pane, uploads: [] }));
    const drawn = textOf(new Uint8Array(count).fill(1));
    this.maps.update({ ...TOLD.looks[scheme()], count, table, drawn, panes });
  }

  dress() {
    const { groups } = this.manifest;
    const order = [...groups.keys()].sort((a, b) => groups[a].rare - groups[b].rare);
    this.bars = this.maps.asides.map((aside) => {
      const bars = order.map((number) => this.bar(number));
      const words =
        "accuracy on images that were not used in training, with 95% intervals; " +
        "dotted: the untrained model";
      const note = element("li", { className: "note" }, words);
      aside.replaceChildren(element("ul", { className: "bars" }, ...bars.map(({ row }) => row), note));
      return bars;
    });
    this.draw();
  }

  bar(number) {
    const { words, rare } = this.manifest.groups[number];
    const { row, tell } = groupBar(this.maps, number, words, rare, TOLD.shapes[number]);
    const mark = element("u"), spoken = element("span", { className: "spoken" });
    row.querySelector(".track").append(mark);
    row.append(spoken);
    const show = (now, before) => {
      tell(now ? Object.values(now.groups[number]).slice(0, 3) : null);
      mark.hidden = !before;
      if (!before) return;
      const { value } = before.groups[number];
      mark.style.width = percent(value);
      spoken.textContent = `untrained: ${percent(value)}`;
    };
    return { row, show };
  }

  /** Change what a map shows. */
  tell(pane, news) {
    Object.assign(this.panes[pane], news);
    if (this.bars) this.draw();
  }

  draw() {
    const { maps, panes, manifest } = this;
    if (panes.some(({ model }) => !model)) return;
    maps.move(this.targets());
    panes.forEach(({ title, subtitle, model, before }, pane) => {
      const isTrained = model !== before;
      const now = isTrained
        ? model.accuracy ?? accuracies(model.predicted, manifest.groups, this.each)
        : null;
      this.bars[pane].forEach(({ show }) => show(now, before?.accuracy));
      maps.titles[pane].textContent = title;
      maps.subtitles[pane].textContent = subtitle;
      const name = ["Map of held-out images and captions", title, subtitle].filter(Boolean).join(", ");
      const shares = now ? `: correct on ${["common", "rare"].map(share(now)).join(", ")}` : "";
      maps.surfaces[pane].setAttribute("aria-label", name + shares);
    });
  }

  /** Where images and captions are: one scale for both maps, so that spreads compare. */
  targets() {
    const { styles } = this.manifest, { count } = this.maps;
    const boxes = this.panes.map(({ model: { points, captionPoints }, typed = [] }) =>
      boxOf(points, captionPoints, typed),
    );
    const side = Math.max(...boxes.map((box) => box.side));
    return this.panes.map(({ style, model, typed = [] }, pane) => {
      const { middle } = boxes[pane], scale = (1 - 2 * MARGIN) / side;
      const part = (value, at) => 0.5 + scale * (value - middle[at % 2]);
      const points = model.points.map(part);
      const [x, y] = [0, 1].map((axis) => points.filter((_, at) => at % 2 === axis));
      const places = styles.flatMap(({ name, captions }) =>
        name === style ? [...model.captionPoints.map(part)] : captions.flatMap(() => [NaN, NaN]),
      );
      const captions = Float32Array.from([...places, ...Array.from(typed, part)]);
      return { x: x.subarray(0, count), y: y.subarray(0, count), captions };
    });
  }

  /** The words of the card of an image. */
  describe(row) {
    const { words, object } = this.groupOf(row);
    const verdicts = this.panes.map(({ title, model }) => {
      return [title, model.predicted?.[row] === object ? "correct" : "wrong"];
    });
    return { group: words, ...Object.fromEntries(verdicts) };
  }
}

const share = (now) => (part) => `${part} images ${percent(now[part].value)}`;

/** An accuracy in words, with its 95% interval. */
export function rateWords({ value, low, high }) {
  const ends = [low, high].map((end) => Math.round(100 * end)).join(" to ");
  return `${percent(value)} (${ends})`;
}

/** The middle and the side of the square around points. */
function boxOf(...tables) {
  const ends = [0, 1].map((axis) => {
    const values = tables.flatMap((table) => [...table].filter((_, at) => at % 2 === axis));
    return [Math.min(...values), Math.max(...values)];
  });
  return {
    middle: ends.map(([low, high]) => (low + high) / 2),
    side: Math.max(...ends.map(([low, high]) => high - low)),
  };
}
