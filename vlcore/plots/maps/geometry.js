// Where images lie on maps: the part of each map that is seen, positions as px and back, and the image at a place. A zoom into
// one map, the leader, shows in the others the images that the leader has in view.

const CLOSEST = 400, CLOSER = 1.6;  // zoom, and what a button or key adds to it
const AROUND_FOLLOWED = 1.15;  // of the extent of the images that another map has in view
const CELLS = 160;  // of the index of a map, along each axis
const wholeView = () => ({x: 0.5, y: 0.5, zoom: 1});  // the middle of what is seen, in parts of a map's sides, and how close

class Geometry {
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
    this.fade();
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
}
