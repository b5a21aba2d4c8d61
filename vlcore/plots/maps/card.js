// The card beside the pointer, or above the finger: an image and the words about it.

const OF_FINGER = 24;  // px between a finger and the words about what is under it
const DWELL = 80;  // ms on a mark until its image is asked for: a pointer crosses many
const IMAGE_OF_CARD = 96;  // px of its image

class Card {
  constructor(maps) {
    Object.assign(this, {maps, pictured: null});  // the row whose image is shown
    this.node = element("div", {className: "card", hidden: true});
    this.status = element("span", {role: "status", className: "status-of-card"});  // for screen readers
    maps.listen(document, "scroll", () => this.keep(), {capture: true});
  }

  end() { clearTimeout(this.dwell); }

  hide() {
    clearTimeout(this.dwell);
    this.pictured = null;
    this.node.hidden = true;
  }

  // Shows what a map says of a row, and its image after a moment.
  show(row, pane, event) {
    const name = `${row} ${pane}`;
    if (this.node.hidden || this.node.dataset.row !== name) {
      this.hide();
      this.node.dataset.row = name;
      this.write();
      if (this.maps.hasImages) this.dwell = setTimeout(() => this.picture(row), DWELL);
    }
    this.node.hidden = false;
    this.place(event);
  }

  showUpload(upload, event) {
    this.hide();
    this.node.dataset.row = upload.spoken;
    this.node.replaceChildren(element("img", {src: upload.thumb, alt: ""}), element("span", {}, upload.name));
    this.node.hidden = false;
    this.place(event);
  }

  write() {
    const {hovered, over} = this.maps, line = ([name, word]) => [element("dt", {}, name), element("dd", {}, word)];
    const lines = Object.entries(this.maps.describe(hovered, over)).flatMap(line);
    this.node.replaceChildren(...this.pictured === hovered ? [this.maps.image(hovered)] : [], element("dl", {}, ...lines));
  }

  // Says to a screen reader what is lit.
  say() {
    const {hovered, over} = this.maps;
    this.status.textContent = Object.entries(this.maps.describe(hovered, over)).map(words => words.join(": ")).join(", ");
  }

  // Puts the card beside the pointer, above the finger, or above a small map, which it would hide; and inside the window.
  place({clientX, clientY, pointerType}) {
    this.at = {clientX, clientY, pointerType, top: this.maps.root.getBoundingClientRect().top};
    const {offsetWidth: width, offsetHeight: height} = this.node, isFinger = pointerType === "touch";
    const {over, side, surfaces} = this.maps, small = isFinger && side < SMALL ? surfaces[over] : null;
    const away = isFinger ? OF_FINGER : 16, below = clientY + away;
    const above = (small ? small.getBoundingClientRect().top : clientY - away) - height;
    const isAbove = isFinger ? above >= 0 : below + height > innerHeight;
    const left = isFinger ? clientX - width / 2 : clientX + away;
    const inside = (start, length, room) => Math.max(0, Math.min(start, room - length));
    this.node.style.left = `${inside(left, width, document.documentElement.clientWidth)}px`;
    this.node.style.top = `${inside(isAbove ? above : below, height, innerHeight)}px`;
  }

  // Where the maps move below the card, as the page scrolls: that of a finger, which may have made the page longer, goes with
  // them as far as the window reaches, and that of a pointer, which is elsewhere now, goes.
  keep() {
    if (this.node.hidden) return;
    const moved = this.maps.root.getBoundingClientRect().top - this.at.top, {clientY, pointerType} = this.at;
    if (!moved) return;
    const at = clientY + moved, isInWindow = at >= 0 && at <= innerHeight;
    if (pointerType === "touch" && isInWindow) this.place({...this.at, clientY: at});
    else this.maps.hover(null);
  }

  picture(row) {
    this.pictured = row;
    const image = this.maps.image(row);
    image.addEventListener("load", () => this.place(this.at));
    this.node.prepend(image);
    this.place(this.at);
    this.maps.draw();
  }
}
