// What lies over the marks of maps, as SVG: captions, circles, lines, a visitor's images, the image that is lit, what is being
// marked.

const AROUND = 8, LINE = 16;  // px of an arrow's end from its image, and of a line of words
const IMAGE = 68;  // px of the image that lights up
const SMALL = 250;  // px of a map whose captions are smaller

const EDGE = 3;  // px between words and the edge of their map
const PEN = document.createElement("canvas").getContext("2d");  // measures words

class Overlay {
  constructor(maps) { this.maps = maps; }

  draw(pane) {
    const {maps} = this, {data, hovered, picked, side} = maps, {ink} = data, parts = [];
    const circle = (row, radius, colour, width = 2.2) => {
      const at = maps.pixel(pane, row);
      if (!at) return null;
      const look = {fill: "none", stroke: colour, "stroke-width": width};
      parts.push(svgElement("circle", {cx: at[0], cy: at[1], r: radius, ...look}));
      return at;
    };
    const line = ([x1, y1], [x2, y2], stroke, width) => {
      parts.push(svgElement("line", {x1, y1, x2, y2, stroke, "stroke-width": width}));
    };
    const spoke = (from, to) => {
      line(from, to, ink.text, 1.2);
      parts.push(svgElement("circle", {cx: to[0], cy: to[1], r: 3, fill: ink.text}));
    };
    const arrow = (from, to, colour) => {
      const way = [to[0] - from[0], to[1] - from[1]], length = Math.hypot(...way);
      const cut = way.map(part => part * Math.min(AROUND / Math.max(length, 1e-9), 0.25));  // short ones keep a half
      const tip = [to[0] - cut[0], to[1] - cut[1]], angle = Math.atan2(way[0], -way[1]) * 180 / Math.PI;
      line([from[0] + cut[0], from[1] + cut[1]], tip, colour, 2);
      parts.push(svgElement("path", {d: SHAPES.head, transform: `translate(${tip}) rotate(${angle}) scale(6)`, fill: colour}));
    };
    for (const {x, y, x2, y2} of (data.lines ?? []).filter(line => line.pane === pane)) {
      spoke(maps.at(pane, x, y), maps.at(pane, x2, y2));
    }
    for (const row of new Set([picked, hovered])) {
      const from = row === null ? null : maps.pixel(pane, row);
      if (!from) continue;
      for (const other of maps.neighbours(pane, row)) {
        const to = maps.pixel(pane, other);
        if (to) spoke(from, to);
      }
    }
    for (const row of maps.best[pane] ?? []) circle(row, 7, ink.accent, 1.3);
    if (picked !== null) {
      const versions = maps.versions(picked), at = group => versions.has(group) ? maps.pixel(pane, versions.get(group)) : null;
      for (const {from, to, colour} of data.arrows) if (at(from) && at(to)) arrow(at(from), at(to), colour);
      for (const twin of maps.twins(picked)) circle(twin, 7, ink.text);
      circle(picked, 11, ink.accent);
    }
    if (maps.isEmpty(pane)) {
      const place = {x: side / 2, y: side / 2, "text-anchor": "middle"};
      parts.push(svgElement("text", {...place, class: "caption"}, "No image of this map is here."));
    }
    maps.captions[pane].forEach(caption => parts.push(...this.caption(pane, caption)));
    data.panes[pane].uploads.forEach((upload, number) => parts.push(this.upload(pane, upload, number)));
    const lit = hovered !== null && circle(hovered, 9, ink.text);
    // There, the card has it; and on a small map it would hide half of the rest.
    if (lit && maps.card.pictured === hovered && pane !== maps.over && side > 4 * IMAGE) {
      const [x, y] = lit.map(at => at + (at > side / 2 ? -1 : 1) * (IMAGE / 2 + 9) - IMAGE / 2);
      parts.push(this.image(hovered, x, y));
    }
    if (maps.hand.gesture?.pane === pane && maps.hand.gesture.path) {
      const path = maps.hand.gesture.path.map(([x, y]) => maps.at(pane, ...maps.position(pane, x, y)).join()).join("L");
      const look = {fill: ink.accent, "fill-opacity": 0.08, stroke: ink.accent, "stroke-width": 1.5};
      parts.push(svgElement("path", {d: `M${path}Z`, ...look, "stroke-dasharray": "4 3"}));
    }
    maps.surfaces[pane].replaceChildren(...parts);
  }

  // Whether maps are too small for words of captions and for images in them.
  get isBare() { return this.maps.side < 150 || Boolean(this.maps.data.grid); }

  caption(pane, caption) {
    const {maps} = this, {ink} = maps.data, [x, y] = maps.at(pane, caption.x, caption.y), isSmall = maps.side < SMALL;
    if (x !== x) return [];  // it is absent
    const look = {fill: ink.text, stroke: ink.ground, "stroke-width": 0.2}, scale = this.isBare ? 3.5 : isSmall ? 4.5 : 6.5;
    const diamond = svgElement("path", {d: SHAPES.diamond, transform: `translate(${x} ${y}) scale(${scale})`, ...look});
    if (this.isBare) {
      diamond.append(svgElement("title", {}, `caption: ${caption.caption}`));
      return [diamond];
    }
    const anchor = {left: "start", right: "end", center: "middle"}[caption.align];
    const beside = x + caption.dx + this.inwards(caption, x + caption.dx, isSmall);
    const place = {x: beside, y: y + caption.dy, "text-anchor": anchor, "dominant-baseline": "central"};
    const leads = {x1: x, y1: y, x2: place.x, y2: place.y, stroke: ink.text, "stroke-width": 1};
    const leader = Math.abs(caption.dy) > LINE ? [svgElement("line", leads)] : [];  // to words that are far
    return [...leader, diamond, svgElement("text", {...place, class: isSmall ? "caption small" : "caption"}, caption.caption)];
  }

  // How far words have to move to be on their map, in px: a browser's font may be wider than drawing.py expects.
  inwards({align, caption}, x, isSmall) {
    const {data, side} = this.maps;
    PEN.font = `600 ${isSmall ? 11 : 13}px ${data.font}`;
    const {width} = PEN.measureText(caption), left = x - {left: 0, center: width / 2, right: width}[align];
    if (x < 0 || x > side) return 0;  // one has come close to something else
    return Math.max(EDGE, Math.min(left, side - width - EDGE)) - left;
  }

  upload(pane, upload, number) {
    const {maps} = this, {ink, star: d} = maps.data, [x, y] = maps.at(pane, upload.x, upload.y), half = upload.side / 2;
    const look = {fill: ink.accent, stroke: ink.ground, "stroke-width": 1 / upload.side};
    const named = {role: "img", "aria-label": upload.spoken};
    const star = svgElement("path", {d, transform: `translate(${x} ${y}) scale(${2.17 * half})`, ...look, ...named});
    const image = svgElement("image", {x: x - half, y: y - half, width: upload.side, height: upload.side, href: upload.thumb});
    const words = svgElement("text", {x, y: y + upload.side, class: "upload", "text-anchor": "middle"}, upload.words);
    return svgElement("g", {"data-upload": number}, star, image, words);
  }

  // The small image of a row, in a map: by its address, or as a tile of the sheet.
  image(row, x, y) {
    const {maps} = this, place = {x, y, width: IMAGE, height: IMAGE};
    if (maps.data.thumbs) return svgElement("image", {...place, href: maps.thumb(row)});
    if (!maps.table.sheet) return svgElement("g", {});
    const {url, tile, across, image} = maps.table.sheet, size = {width: image.naturalWidth, height: image.naturalHeight};
    const corner = [row % across * tile, Math.floor(row / across) * tile];
    return svgElement("svg", {...place, viewBox: `${corner.join(" ")} ${tile} ${tile}`}, svgElement("image", {href: url, ...size}));
  }
}
