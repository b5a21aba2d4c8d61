// What a pointer, a finger and the keyboard do on maps: light and pick images, mark them, zoom, move, step from one to the next.

const REACH = 9, REACH_OF_FINGER = 18;  // px from the pointer to the mark that it means
const CLICK = 5;  // px that a pointer may move in a click

function isInside(path, x, y) {
  let inside = false;
  for (let end = 0, start = path.length - 1; end < path.length; start = end++) {
    const [x1, y1] = path[start], [x2, y2] = path[end];
    if ((y1 > y) !== (y2 > y) && x < (x2 - x1) * (y - y1) / (y2 - y1) + x1) inside = !inside;
  }
  return inside;
}

class Hand {
  constructor(maps) {
    Object.assign(this, {maps, gesture: null, pointers: new Map()});
    this.mode = maps.isTouched ? "move" : "rectangle";
  }

  // Hears a map.
  listen(surface, pane) {
    const {maps} = this;
    // A tap on another map takes the focus from this one once the image there is lit.
    maps.listen(surface, "blur", () => { if (maps.over === pane) maps.hover(null); });
    maps.listen(surface, "pointerdown", event => this.startGesture(event, surface, pane));
    maps.listen(surface, "pointermove", event => this.drag(event, pane));
    maps.listen(surface, "pointerup", event => this.release(event, pane));
    maps.listen(surface, "pointercancel", event => {
      this.pointers.delete(event.pointerId);
      this.gesture = null;
      maps.draw();
    });
    maps.listen(surface, "pointerleave", event => event.pointerType !== "touch" && maps.hover(null));
    if (!maps.canZoom) return;
    maps.listen(surface, "dblclick", () => maps.resetView());
    maps.listen(surface, "wheel", event => this.wheel(event, surface, pane), {passive: false});
  }

  startGesture(event, surface, pane) {
    const {maps} = this;
    if (event.button || !maps.loaded) return;
    surface.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    const isPinch = maps.canZoom && this.pointers.size > 1;
    const other = this.mode === "move" ? "rectangle" : "move", mode = event.shiftKey ? other : this.mode;
    const single = {pane, from: maps.pointerPosition(event, pane), mode, upload: this.upload(event, pane)};
    this.gesture = isPinch ? {pinch: this.fingers()} : single;
    maps.hover(null);
  }

  fingers() {
    const [[x1, y1], [x2, y2]] = [...this.pointers.values()];
    return {apart: Math.hypot(x2 - x1, y2 - y1), clientX: (x1 + x2) / 2, clientY: (y1 + y2) / 2};
  }

  drag(event, pane) {
    const {maps, gesture} = this;
    if (!maps.loaded) return;
    const here = maps.pointerPosition(event, pane);
    if (!gesture) {
      const upload = this.upload(event, pane);
      if (upload) return this.hoverUpload(upload, event);
      if (event.pointerType !== "touch") maps.hover(maps.nearest(pane, here, this.reach(event)), pane, event);
      return;
    }
    if (this.pointers.has(event.pointerId)) this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    if (gesture.pinch) {
      if (this.pointers.size < 2) return;
      const now = this.fingers(), before = maps.pointerPosition(gesture.pinch, pane).part;
      maps.zoom(pane, now.apart / Math.max(1, gesture.pinch.apart), before, maps.pointerPosition(now, pane).px);
      gesture.pinch = now;
      return;
    }
    const [dx, dy] = here.px.map((at, axis) => at - gesture.from.px[axis]);
    if (!gesture.moved && Math.hypot(dx, dy) < CLICK) return;
    gesture.moved = true;
    if (!maps.canZoom) return;
    if (gesture.mode === "move") maps.moveView(pane, maps.views[pane].zoom, gesture.from.part, here.px);
    else if (gesture.mode === "rectangle") {
      const [[x1, y1], [x2, y2]] = [gesture.from.part, here.part];
      gesture.path = [[x1, y1], [x2, y1], [x2, y2], [x1, y2]];
    } else (gesture.path ??= [gesture.from.part]).push(here.part);
    maps.draw();
  }

  release(event, pane) {
    this.pointers.delete(event.pointerId);
    const {gesture, maps} = this;
    if (gesture?.pinch && this.pointers.size) {
      if (this.pointers.size > 1) gesture.pinch = this.fingers();  // others than before
      return;
    }
    this.gesture = null;
    if (!gesture || gesture.pinch) return;
    if (!gesture.moved && gesture.upload) this.hoverUpload(gesture.upload, event);
    else if (!gesture.moved) this.tap(event, pane);
    else if (gesture.path) maps.select(pane, gesture.path);
  }

  reach(event) {
    return Math.max(event.pointerType === "touch" ? REACH_OF_FINGER : REACH, this.maps.tile / 2);
  }

  // The visitor's image that a pointer is on.
  upload(event, pane) {
    const star = event.target.closest("[data-upload]");
    return star && this.maps.data.panes[pane].uploads[star.dataset.upload];
  }

  hoverUpload(upload, event) {
    this.maps.hover(null);
    this.maps.card.showUpload(upload, event);
  }

  // A click or a tap: on a grid a click opens a map, and so does a tap beside its images.
  tap(event, pane) {
    const {maps} = this, row = maps.nearest(pane, maps.pointerPosition(event, pane), this.reach(event));
    const isFinger = event.pointerType === "touch";
    if (maps.data.grid && !(isFinger && row !== null)) return maps.open(maps.surfaces[pane].dataset.place);
    maps.hover(row, pane, event);
    maps.pick(row);
  }

  wheel(event, surface, pane) {
    const {maps} = this;
    const isMeant = event.ctrlKey || event.metaKey;  // else the browser would zoom the page
    const isOver = maps.root.getRootNode().activeElement === surface;
    if (!isMeant && (!isOver || (event.deltaY > 0 && maps.views[pane].zoom === 1))) return;  // the page scrolls
    event.preventDefault();
    const {px, part} = maps.pointerPosition(event, pane), lines = event.deltaMode ? 16 : 1;
    // Two fingers on a pad say a few pixels with the key, a notch of a wheel a hundred.
    const turn = event.ctrlKey ? 0.01 * Math.min(25, Math.max(-25, event.deltaY * lines)) : 0.002 * event.deltaY * lines;
    maps.zoom(pane, Math.exp(-turn), part, px);
  }

  pressKey(event) {
    const {maps} = this;
    if (event.key === "Escape") return maps.clear();
    if (event.ctrlKey || event.metaKey || event.altKey || !event.target.matches(".surface, .absent")) return;
    const pane = maps.surfaces.indexOf(event.target), name = event.target.dataset.place;
    if (pane < 0) return event.key === "Enter" && maps.open(name);
    const {side} = maps, way = this.wayOf(event.key);
    const to = {ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]}[event.key];
    if (way) this.stepToImage(pane, way);
    else if (event.key === "Enter") this.enter(pane);
    else if (!maps.canZoom) return;
    else if (to) {
      const view = maps.views[pane];
      maps.moveView(pane, view.zoom, [view.x, view.y], to.map(by => side / 2 + by * side / 8));
    } else if (event.key === "+" || event.key === "=") maps.zoomIn();
    else if (event.key === "-") maps.zoom(pane, 1 / CLOSER);
    else if (event.key === "0") maps.resetView();
    else return;
    event.preventDefault();
  }

  // Does what a click does, on the image that is lit.
  enter(pane) {
    const {card, data, hovered, surfaces} = this.maps;
    if (data.grid) return this.maps.open(surfaces[pane].dataset.place);
    this.maps.pick(hovered);
    if (hovered !== null && data.lists) card.status.textContent = "Its neighbours are listed below the maps.";
  }

  // Which way a key leads among images: N and P, and arrows where they do not move the map.
  wayOf(key) {
    const keys = {n: 1, p: -1, ...this.maps.canZoom ? {} : {arrowright: 1, arrowdown: 1, arrowleft: -1, arrowup: -1}};
    return keys[key.toLowerCase()];
  }

  // Lights the next image that a map shows, or the one before, and says what it is; of those marked where some are.
  stepToImage(pane, way) {
    const {maps} = this, {count, side} = maps;
    if (!maps.loaded) return;
    const from = maps.hovered ?? maps.picked ?? (way > 0 ? -1 : 0);
    const isSeen = row => (!maps.selected || maps.selected[row]) && maps.pixel(pane, row);
    let row = null;
    for (let step = 1; step <= count && row === null; step++) {
      const other = (from + way * step + 2 * count) % count;
      if (isSeen(other)) row = other;
    }
    if (row === null) return;
    if (maps.canZoom) maps.moveView(pane, maps.views[pane].zoom, maps.partOf(pane, row), [side / 2, side / 2]);
    const box = maps.surfaces[pane].getBoundingClientRect(), [x, y] = maps.pixel(pane, row);
    maps.hover(row, pane, {clientX: box.left + x, clientY: box.top + y});
    maps.card.say();
  }
}
