// The marks of maps in WebGL2: one context for all maps, each a rectangle of one canvas.

const MOST_COLOURS = 16, NO_VALUE = 255;  // a code of no colour
// Two bits of the state of an image in a map, and bits of the look of its mark.
const HIDDEN = 0, FADED = 1, LIT = 2;
const TRIANGLE = 1, HOLLOW = 2, RING = 4;
const USUAL = 100;  // percent of the size of a mark; of an image, of its opacity

const POINT_VERTEX = `#version 300 es
precision highp float;
layout(location = 0) in float x;
layout(location = 1) in float y;
layout(location = 2) in uvec4 look;  // code of its colour, bits of its mark, state, percent
uniform vec2 centre, scale;
uniform float radius, pixels, picture;
uniform int state, kin;
uniform vec4 colours[${MOST_COLOURS}];
out vec4 colour;
out float box;
flat out float size;
flat out uint bits;
flat out int row;
void main() {
  float part = float(look.w) / ${USUAL}.0;
  size = radius * part;
  bool ring = (look.y & ${RING}u) != 0u && size > 2.2;
  box = picture > 0.0 ? 1.5 * picture + 2.0 : 2.0 * (size * (ring ? 1.8 : 1.3) + 1.0);
  bits = look.y;
  row = gl_VertexID;
  colour = colours[min(int(look.x), ${MOST_COLOURS - 1})];
  if (kin >= 0 && int(look.x) != kin) colour.a *= 0.22;
  if (picture > 0.0) colour.a *= min(part, 1.0);
  gl_PointSize = box * pixels;
  gl_Position = int(look.z) == state ? vec4((vec2(x, y) - centre) * scale, 0.0, 1.0) : vec4(2.0, 2.0, 2.0, 1.0);
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
  if (size > 2.2) {  // a smaller mark is a dot: its shape could not be seen
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

class Points {
  constructor(canvas) {
    this.gl = canvas.getContext("webgl2", {antialias: false, premultipliedAlpha: true});
    this.columns = null;
  }

  program(vertex, fragment) {
    const {gl} = this, program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
      throw new Error(gl.getProgramInfoLog(program));
    }
    const at = {};
    for (const name of ["centre", "scale", "radius", "pixels", "picture", "across", "state", "kin", "colours"]) {
      at[name] = gl.getUniformLocation(program, name);
    }
    return {program, at};
  }

  // Sends the geometry of `panes` maps: once, and again after the context was lost.
  load(columns, panes) {
    const {gl} = this;
    this.columns = columns;
    this.count = columns.row.length;
    this.marks = this.program(POINT_VERTEX, POINT_FRAGMENT);
    this.order = shuffled(this.count);
    const buffers = {};
    const array = (name, location) => {
      buffers[name] ??= gl.createBuffer();
      gl.bindBuffer(gl.ARRAY_BUFFER, buffers[name]);
      if (!gl.getBufferParameter(gl.ARRAY_BUFFER, gl.BUFFER_SIZE)) {
        gl.bufferData(gl.ARRAY_BUFFER, columns[name], gl.STATIC_DRAW);
      }
      gl.enableVertexAttribArray(location);
      gl.vertexAttribPointer(location, 1, gl.FLOAT, false, 0, 0);
    };
    const vertices = (look, order, position) => {
      const vertexArray = gl.createVertexArray();
      gl.bindVertexArray(vertexArray);
      position.forEach(array);
      gl.bindBuffer(gl.ARRAY_BUFFER, look);
      gl.enableVertexAttribArray(2);
      gl.vertexAttribIPointer(2, 4, gl.UNSIGNED_BYTE, 0, 0);
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, order);
      return vertexArray;
    };
    this.panes = Array.from({length: panes}, (_, pane) => {
      const [look, order] = [gl.createBuffer(), gl.createBuffer()];
      const [x, y, gx, gy] = ["x", "y", "gx", "gy"].map(name => name + pane);
      return {
        look,
        order,
        marks: vertices(look, order, [x, y]),
        before: columns[gx] ? vertices(look, order, [gx, gy]) : null,
      };
    });
    gl.bindVertexArray(null);
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, true);
    if (columns.sheet) gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, columns.sheet);
  }

  // Sends one map's looks, four bytes an image, and the order in which its marks are drawn.
  updateLooks(pane, looks) {
    const {gl} = this, {look, order} = this.panes[pane];
    gl.bindBuffer(gl.ARRAY_BUFFER, look);
    gl.bufferData(gl.ARRAY_BUFFER, looks, gl.DYNAMIC_DRAW);
    gl.bindVertexArray(null);  // else the order would become that of a bound one
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, order);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, rareLast(this.order, looks), gl.DYNAMIC_DRAW);
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

  // Draws one map. `box` is its rectangle from the lower left corner of the canvas, in px; `centre` and `scale` lead from
  // positions to the rectangle; `style` has `colours`, `radius`, `picture` (px of an image that stands for its mark, or 0),
  // `alpha`, `faded`, `kin`, `muted`, and whether there is a `selection`.
  draw(pane, box, centre, scale, style) {
    const {gl} = this, {marks, before} = this.panes[pane], [left, bottom, width, height] = box;
    for (const area of ["viewport", "scissor"]) {
      gl[area](...[left, bottom, width, height].map(length => Math.round(length * this.pixels)));
    }
    const use = ({program, at}, state) => {
      gl.useProgram(program);
      gl.uniform2fv(at.centre, centre);
      gl.uniform2fv(at.scale, scale);
      gl.uniform1i(at.state, state);
      return at;
    };
    const points = (state, colours, {radius, picture, kin}) => {
      const at = use(this.marks, state);
      gl.uniform1f(at.radius, radius);
      gl.uniform1f(at.pixels, this.pixels);
      gl.uniform1f(at.picture, picture);
      gl.uniform1i(at.across, Math.ceil(Math.sqrt(this.count)));
      gl.uniform1i(at.kin, kin);
      gl.uniform4fv(at.colours, colours.flat());
      gl.drawElements(gl.POINTS, this.count, gl.UNSIGNED_INT, 0);
    };
    const padded = alpha => Array.from({length: MOST_COLOURS}, (_, code) => rgba(style.colours[code] ?? style.muted, alpha));
    if (before && style.overlays.includes("untrained")) {
      gl.bindVertexArray(before);
      points(LIT, Array.from({length: MOST_COLOURS}, () => rgba(style.muted, 0.3)), {radius: 1.4, picture: 0, kin: -1});
    }
    gl.bindVertexArray(marks);
    if (style.selection) points(FADED, padded(style.faded), style);
    points(LIT, padded(style.alpha), style);
    gl.bindVertexArray(null);
  }

  end() {
    this.gl?.getExtension("WEBGL_lose_context")?.loseContext();
  }
}
