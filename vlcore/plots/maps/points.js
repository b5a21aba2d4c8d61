// The marks of maps: in WebGL2, one context for all maps of a figure, or on a 2-D canvas where a browser has no WebGL2.
// Both classes have the same methods; each map is a rectangle of one canvas.

const MOST_COLOURS = 16, NO_VALUE = 255;  // a code of no colour
// Two bits of the state of an image in a map, and bits of the look of its mark.
const HIDDEN = 0, FADED = 1, LIT = 2;
const TRIANGLE = 1, HOLLOW = 2, RING = 4;
const USUAL = 100;  // percent of the size of a mark; of an image, of its opacity
const DOT = 2.2;  // px of a radius below which a mark is a dot: its shape could not be seen
const KIN_APART = 0.22;  // of the opacity of marks that have not the colour that stands out

const POINT_VERTEX = `#version 300 es
precision highp float;
layout(location = 0) in float x;
layout(location = 1) in float y;
layout(location = 2) in uvec4 look;  // code of its colour, bits of its mark, state, percent
uniform vec2 centre, scale;
uniform float radius, pixels, picture;
uniform int kin;
uniform vec4 colours[${MOST_COLOURS}];
out vec4 colour;
out float box;
flat out float size;
flat out uint bits;
flat out int row;
void main() {
  float part = float(look.w) / ${USUAL}.0;
  size = radius * part;
  bool ring = (look.y & ${RING}u) != 0u && size > ${DOT};
  float reach = size > ${DOT} ? size * (ring ? 1.8 : 1.3) + 1.0 : size + 0.5;
  box = picture > 0.0 ? 1.5 * picture + 2.0 : 2.0 * reach;
  bits = look.y;
  row = gl_VertexID;
  colour = colours[min(int(look.x), ${MOST_COLOURS - 1})];
  if (kin >= 0 && int(look.x) != kin) colour.a *= ${KIN_APART};
  if (picture > 0.0) colour.a *= min(part, 1.0);
  gl_PointSize = box * pixels;
  gl_Position = vec4((vec2(x, y) - centre) * scale, 0.0, 1.0);
}`;

const POINT_FRAGMENT = `#version 300 es
precision highp float;
in vec4 colour;
in float box;
flat in float size;
flat in uint bits;
flat in int row;
uniform float picture;
uniform int across;  // tiles of the sheet, along each side
uniform sampler2D sheet;
out vec4 ink;

// An image in a frame, thick, or thin where it is held out, and a second frame around the minority.
vec4 tile(vec2 at) {
  float away = max(abs(at.x), abs(at.y)), rim = 0.5 * picture + ((bits & ${HOLLOW}u) != 0u ? 1.5 : 4.0);
  if (away <= 0.5 * picture) {
    vec2 part = clamp(at / picture + 0.5, 0.01, 0.99);
    vec4 image = textureLod(sheet, (vec2(row % across, row / across) + part) / float(across), 0.0);
    return vec4(image.rgb + colour.rgb * (1.0 - image.a), 1.0);
  }
  float second = (bits & ${RING}u) != 0u ? 1.0 - smoothstep(0.3, 0.9, abs(away - 0.5 * picture - 6.5)) : 0.0;
  float shown = away <= rim ? 1.0 : second;
  return vec4(colour.rgb, 1.0) * shown;
}

void main() {
  vec2 at = (gl_PointCoord - 0.5) * box;
  if (picture > 0.0) {
    ink = tile(at) * colour.a;
    if (ink.a <= 0.0) discard;
    return;
  }
  float away = length(at), edge = away - size, shown;
  if (size > ${DOT}) {
    if ((bits & ${TRIANGLE}u) != 0u) edge = max(0.866 * abs(at.x) - 0.5 * at.y, at.y) - 0.6 * size;
    shown = (bits & ${HOLLOW}u) != 0u ? 1.0 - smoothstep(0.4, 1.1, abs(edge)) : 1.0 - smoothstep(-0.5, 0.5, edge);
    if ((bits & ${RING}u) != 0u) shown = max(shown, 0.7 - smoothstep(0.2, 0.9, abs(away - 1.75 * size)));
  } else {
    shown = 1.0 - smoothstep(-0.5, 0.5, edge);
  }
  if (shown <= 0.0) discard;
  ink = vec4(colour.rgb, 1.0) * colour.a * shown;
}`;

function rgba(hex, alpha) {
  return [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16) / 255).concat(alpha);
}

// An order by chance, the same each time: what comes last in a table would else lie on top of the rest.
function shuffled(count) {
  const order = Uint32Array.from({length: count}, (_, index) => index);
  let seed = 1;
  for (let last = count - 1; last > 0; last--) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const other = seed % (last + 1);
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}

// The same order with the rows of rare colours at its end, which is on top: of a hundred thousand images few are wrong, and
// right ones would hide them. `looks` has four bytes a row, the first of them the code of its colour.
function rareLast(order, looks) {
  const counts = new Uint32Array(256);
  for (const row of order) counts[looks[4 * row]]++;
  counts[NO_VALUE] = 0;
  const fewest = Math.max(...counts) / 4, isRare = counts.map(count => count > 0 && count < fewest);
  const usual = order.filter(row => !isRare[looks[4 * row]]), sorted = new Uint32Array(order.length);
  sorted.set(usual);
  sorted.set(order.filter(row => isRare[looks[4 * row]]), usual.length);
  return sorted;
}

// The rows of a map, in the order in which they are drawn, that have a state and whose marks reach into the square. Without a
// graphics card a mark takes a microsecond wherever it lies, and this loop a hundredth of that. `rows` is filled with them.
function rowsInside({order, looks}, state, [x, y], centre, scale, margin, rows) {
  const [across, up] = scale.map(part => (1 + margin) / part);
  let count = 0;
  for (const row of order) {
    if (looks[4 * row + 2] !== state) continue;
    if (Math.abs(x[row] - centre[0]) <= across && Math.abs(y[row] - centre[1]) <= up) rows[count++] = row;
  }
  return rows.subarray(0, count);
}

// The canvas's own class of marks: on a 2-D canvas where there is no WebGL2, and where `isSmall`: of contexts of WebGL a browser
// has sixteen at most, and a page may have more cards than that.
function marksOn(canvas, isSmall) {
  const gl = isSmall ? null : canvas.getContext("webgl2", {antialias: false, premultipliedAlpha: true});
  return gl ? new WebGLMarks(gl) : new CanvasMarks(canvas.getContext("2d"));
}

class WebGLMarks {
  constructor(gl) { this.gl = gl; }

  get isLost() { return this.gl.isContextLost(); }

  compiled(vertex, fragment) {
    const {gl} = this, program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !this.isLost) throw new Error(gl.getProgramInfoLog(program));
    const at = {};
    for (const name of ["centre", "scale", "radius", "pixels", "picture", "across", "kin", "colours"]) {
      at[name] = gl.getUniformLocation(program, name);
    }
    return {program, at};
  }

  // Sends what stays of the images of maps: once, and again after the context was lost. `before` has the positions of each
  // map before training, or null; `sheet` is the images as one, with its tiles `across`, or null.
  load(count, before, sheet) {
    const {gl} = this;
    Object.assign(this, {count, sheet});
    Object.assign(this, this.compiled(POINT_VERTEX, POINT_FRAGMENT));
    this.order = shuffled(count);
    this.rows = new Uint32Array(count);
    this.panes = before.map(positions => {
      const [look, drawn, x, y] = Array.from({length: 4}, () => gl.createBuffer());
      const pane = {look, buffers: [x, y], marks: {vertices: this.vertices(look, drawn, x, y)}};
      if (positions) {
        const buffers = positions.map(values => this.filled(gl.createBuffer(), values));
        pane.before = {positions, vertices: this.vertices(look, drawn, ...buffers)};
      }
      return pane;
    });
    if (!sheet) return;
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, true);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, sheet.image);
  }

  filled(buffer, values) {
    const {gl} = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.DYNAMIC_DRAW);
    return buffer;
  }

  vertices(look, drawn, x, y) {
    const {gl} = this, vertexArray = gl.createVertexArray();
    gl.bindVertexArray(vertexArray);
    for (const [location, buffer] of [x, y].entries()) {
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.enableVertexAttribArray(location);
      gl.vertexAttribPointer(location, 1, gl.FLOAT, false, 0, 0);
    }
    gl.bindBuffer(gl.ARRAY_BUFFER, look);
    gl.enableVertexAttribArray(2);
    gl.vertexAttribIPointer(2, 4, gl.UNSIGNED_BYTE, 0, 0);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, drawn);
    gl.bindVertexArray(null);
    return vertexArray;
  }

  // Sends the positions of a map's images.
  place(pane, ...positions) {
    const {buffers, marks} = this.panes[pane];
    marks.positions = positions;
    buffers.forEach((buffer, axis) => this.filled(buffer, positions[axis]));
  }

  // Sends a map's looks, four bytes an image, and sorts its marks anew where colours have changed.
  updateLooks(pane, looks, hasNewColours) {
    const map = this.panes[pane];
    map.looks = looks;
    this.filled(map.look, looks);
    if (hasNewColours) map.order = rareLast(this.order, looks);
  }

  clear(pixels) {
    const {gl} = this;
    this.pixels = pixels;
    gl.disable(gl.SCISSOR_TEST);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.SCISSOR_TEST);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  // Draws one map. `box` is its rectangle in px from the upper left of the canvas; `centre` and `scale` lead from positions to
  // the rectangle; `style` has `colours`, `radius`, `picture` (px of an image that stands for its mark, or 0), `alpha`, `faded`,
  // `kin`, `muted`, and whether there `areFaded` marks, and marks `before` training.
  draw(pane, {left, top, side}, centre, scale, style) {
    const {gl, at} = this, {marks, before} = this.panes[pane];
    const bottom = gl.canvas.height / this.pixels - top - side;
    const area = [left, bottom, side, side].map(length => Math.round(length * this.pixels));
    gl.viewport(...area);
    gl.scissor(...area);
    gl.useProgram(this.program);
    gl.uniform2fv(at.centre, centre);
    gl.uniform2fv(at.scale, scale);
    gl.uniform1f(at.pixels, this.pixels);
    gl.uniform1i(at.across, this.sheet?.across ?? 1);
    const points = ({vertices, positions}, state, colours, {radius, picture, kin}) => {
      const margin = 2 * Math.max(radius, picture) / side;
      const rows = rowsInside(this.panes[pane], state, positions, centre, scale, margin, this.rows);
      gl.bindVertexArray(vertices);
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, rows, gl.STREAM_DRAW);
      gl.uniform1f(at.radius, radius);
      gl.uniform1f(at.picture, picture);
      gl.uniform1i(at.kin, kin);
      gl.uniform4fv(at.colours, colours.flat());
      gl.drawElements(gl.POINTS, rows.length, gl.UNSIGNED_INT, 0);
    };
    const padded = alpha => Array.from({length: MOST_COLOURS}, (_, code) => rgba(style.colours[code] ?? style.muted, alpha));
    if (before && style.before) {
      const pale = Array.from({length: MOST_COLOURS}, () => rgba(style.muted, 0.3));
      points(before, LIT, pale, {radius: 1.4, picture: 0, kin: -1});
    }
    if (style.areFaded) points(marks, FADED, padded(style.faded), style);
    points(marks, LIT, padded(style.alpha), style);
    gl.bindVertexArray(null);
  }

  end() { this.gl.getExtension("WEBGL_lose_context")?.loseContext(); }
}

// The same marks, one after the other.
class CanvasMarks {
  constructor(context) {
    this.context = context;
    this.isLost = false;
  }

  load(count, before, sheet) {
    Object.assign(this, {sheet, order: shuffled(count), rows: new Uint32Array(count)});
    this.panes = before.map(positions => ({before: positions}));
  }

  place(pane, x, y) { Object.assign(this.panes[pane], {x, y}); }

  updateLooks(pane, looks, hasNewColours) {
    this.panes[pane].looks = looks;
    if (hasNewColours) this.panes[pane].order = rareLast(this.order, looks);
  }

  clear(pixels) {
    const {context} = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
    context.scale(pixels, pixels);
  }

  draw(pane, {left, top, side}, centre, scale, style) {
    const {context} = this, {x, y, looks, before} = this.panes[pane], half = side / 2;
    context.save();
    context.beginPath();
    context.rect(left, top, side, side);
    context.clip();
    context.translate(left + half, top + half);
    const each = (state, positions, drawMark) => {
      const [xs, ys] = positions, margin = Math.max(style.radius, style.picture) / half;
      for (const row of rowsInside(this.panes[pane], state, positions, centre, scale, margin, this.rows)) {
        drawMark(row, (xs[row] - centre[0]) * scale[0] * half, (centre[1] - ys[row]) * scale[1] * half);
      }
    };
    if (before && style.before) {
      context.globalAlpha = 0.3;
      context.fillStyle = style.muted;
      each(LIT, before, (_, across, down) => context.fillRect(across - 1.4, down - 1.4, 2.8, 2.8));
    }
    for (const [state, alpha] of [...style.areFaded ? [[FADED, style.faded]] : [], [LIT, style.alpha]]) {
      each(state, [x, y], (row, across, down) => {
        const [code, bits, , percent] = looks.subarray(4 * row, 4 * row + 4), part = percent / USUAL;
        const isKin = style.kin < 0 || code === style.kin;
        context.globalAlpha = alpha * (isKin ? 1 : KIN_APART) * (style.picture ? Math.min(part, 1) : 1);
        context.fillStyle = context.strokeStyle = style.colours[code] ?? style.muted;
        if (style.picture) this.drawTile(row, across, down, style.picture, bits);
        else this.drawMark(across, down, style.radius * part, bits);
      });
    }
    context.restore();
  }

  drawMark(x, y, size, bits) {
    const {context} = this;
    if (size <= DOT) return context.fillRect(x - size, y - size, 2 * size, 2 * size);
    context.beginPath();
    if (bits & TRIANGLE) {
      for (const [dx, dy] of [[0, -1.2], [1.04, 0.6], [-1.04, 0.6]]) context.lineTo(x + dx * size, y + dy * size);
      context.closePath();
    } else context.arc(x, y, size, 0, 2 * Math.PI);
    context.lineWidth = 1.5;
    if (bits & HOLLOW) context.stroke();
    else context.fill();
    if (!(bits & RING)) return;
    context.globalAlpha *= 0.7;
    context.lineWidth = 1.1;
    context.beginPath();
    context.arc(x, y, 1.75 * size, 0, 2 * Math.PI);
    context.stroke();
  }

  // An image in a frame, thick, or thin where it is held out, and a second frame around the minority.
  drawTile(row, x, y, side, bits) {
    const {context, sheet} = this, {tile, across} = sheet, rim = bits & HOLLOW ? 1.5 : 4;
    const square = around => [x - side / 2 - around, y - side / 2 - around, side + 2 * around, side + 2 * around];
    context.fillRect(...square(rim));
    context.drawImage(sheet.image, row % across * tile, Math.floor(row / across) * tile, tile, tile, ...square(0));
    if (!(bits & RING)) return;
    context.lineWidth = 1;
    context.strokeRect(...square(6.5));
  }

  end() {}
}
