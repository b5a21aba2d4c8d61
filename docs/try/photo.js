// "Your photo": embeds a photo in the browser as the lab embeds an upload. It sends nothing, and
// fetches the files that tools/site_photo.py writes.

const CANNOT_RUN = "This browser cannot run the encoder. Update it, or use another browser.";
const PARTS = `
  <p>Your photo never leaves this device. Both models learned from drawings or 3-D renders, so they
    are often wrong about photos.</p>
  <button type="button">Use a photo (loads 11 MB once)</button>
  <progress hidden aria-label="Loading the encoder"></progress>
  <p hidden>
    <label>Choose a photo <input type="file" accept="image/*"></label>
    <label>Take a photo <input type="file" accept="image/*" capture="environment"></label>
  </p>
  <canvas hidden role="img" aria-label="Your photo"></canvas>
  <p role="status"></p>`;

/** An error that tells the visitor what to do. */
class PhotoError extends Error {}

/** Fill a section with a button that fetches the encoder from a folder, and then inputs for photos.
 * `onPhoto` receives each photo: its `name`; a `canvas` with the square that the encoder sees;
 * `isNeither`, whether it probably shows none of the objects, and a `sentence` about that, which
 * the section shows; `components(set)`, a promise of what models of an image set read, (128,). */
export function mountPhoto(section, { folder, onPhoto }) {
  section.innerHTML = PARTS;
  const [button, bar, canvas, status] = ["button", "progress", "canvas", "[role=status]"].map(
    (part) => section.querySelector(part));
  const inputs = [...section.querySelectorAll("input")], controls = [button, ...inputs];
  inputs[1].parentNode.hidden = !matchMedia("(pointer: coarse)").matches;
  let encoder;

  /** Do something that ends in a sentence, also if it fails; no control works meanwhile. */
  async function attempt(doing, action) {
    const focused = document.activeElement;
    controls.forEach((control) => (control.disabled = true));
    status.textContent = doing;
    status.textContent = await action().catch((error) =>
      error instanceof PhotoError ? error.message : `${CANNOT_RUN} (${error.message})`);
    controls.forEach((control) => (control.disabled = false));
    if (controls.includes(focused)) (focused.hidden ? inputs[0] : focused).focus({ preventScroll: true });
  }

  button.onclick = () => attempt("Loading the encoder …", async () => {
    encoder = await openEncoder(new URL(folder, document.baseURI), bar);
    button.hidden = true;
    inputs[0].closest("p").hidden = false;
    return "Ready for a photo.";
  });
  inputs.forEach((input) => (input.onchange = () => attempt("Reading the photo …", async () => {
    const photo = await encoder.read(input.files[0], canvas);
    await onPhoto(photo);
    return photo.sentence;
  })));
}

async function openEncoder(folder, bar) {
  if (!globalThis.WebAssembly || !globalThis.DecompressionStream) throw new PhotoError(CANNOT_RUN);
  const about = await loaded(folder, "photo.json", (answer) => answer.json());
  bar.max = Object.values(about.files).reduce((sum, size) => sum + size);
  bar.value = 0;
  bar.hidden = false;
  const parts = [unpacked(folder, "encoder.bin", bar), unpacked(folder, "ort.bin", bar)];
  const [network, wasmBinary] = await Promise.all(parts).finally(() => (bar.hidden = true));
  const ort = await import(new URL("ort.js", folder)).catch(() => { throw missing("ort.js"); });
  const wasmPaths = { mjs: new URL("ort-wasm.js", folder).href };
  Object.assign(ort.env.wasm, { numThreads: 1, wasmBinary, wasmPaths });
  const session = await ort.InferenceSession.create(network), projections = {};

  async function components(set, features) {
    projections[set] ??= await ort.InferenceSession.create(await unpacked(folder, `${set}.bin`));
    return (await projections[set].run({ features })).components.data;
  }

  async function read(file, canvas) {
    const pixels = pixelsOf(await decoded(file, about.bytes), about);
    canvas.width = canvas.height = about.side;
    canvas.getContext("2d").putImageData(new ImageData(pixels, about.side), 0, 0);
    canvas.hidden = false;
    const input = new ort.Tensor("uint8", pixels, [about.side, about.side, 4]);
    const { features, classes: { data: shares } } = await session.run({ pixels: input });
    const isNeither = about.columns.reduce((sum, k) => sum + shares[k], 0) < about.least;
    const best = shares.indexOf(Math.max(...shares));
    const guess = `${about.classes[best]} (${Math.round(100 * shares[best])}%)`;
    const sentence = `Probably neither ${about.objects.join(" nor ")}. ImageNet's classifier sees: ${guess}.`;
    return {
      name: file.name,
      canvas,
      isNeither,
      sentence: isNeither ? sentence : "",
      components: (set) => components(set, features),
    };
  }

  return { read };
}

const missing = (name) =>
  new PhotoError(`The file ${name} did not load. Check your connection and try again.`);

async function loaded(folder, name, content) {
  try {
    const answer = await fetch(new URL(name, folder));
    if (answer.ok) return await content(answer);
  } catch { /* said below */ }
  throw missing(name);
}

/** The content of a file that is packed; a bar shows the bytes that have arrived. */
const unpacked = (folder, name, bar = {}) => loaded(folder, name, async ({ body }) => {
  const transform = (piece, out) => {
    bar.value += piece.length;
    out.enqueue(piece);
  };
  const pieces = body.pipeThrough(new TransformStream({ transform }));
  const content = pieces.pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(content).arrayBuffer());
});

async function decoded(file, most) {
  const [size, limit] = [file.size, most].map((bytes) => `${(bytes / 2 ** 20).toFixed(0)} MB`);
  if (file.size > most) {
    throw new PhotoError(`The file has ${size}. Choose one of at most ${limit}.`);
  }
  return createImageBitmap(file).catch(() => {
    throw new PhotoError(/hei[cf]/i.test(file.type + file.name)
      ? "This browser cannot read HEIC photos. Save the photo as JPEG."
      : "This file cannot be read as an image. Choose a JPEG, PNG or WebP file.");
  });
}

/** The middle square as the encoder sees it, uint8 (side, side, 4): as `open_upload` of
 * vlcore/data/decoding.py and `Tower.prepare` of vlcore/model/frozen_towers.py make it. */
function pixelsOf(image, { longest, ground, side, crop }) {
  const shrink = Math.min(1, longest / Math.max(image.width, image.height));
  const [width, height] = [image.width, image.height].map((length) =>
    Math.max(1, Math.round(length * shrink)));
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const drawing = canvas.getContext("2d", { willReadFrequently: true });
  drawing.fillStyle = `rgb(${ground})`;
  drawing.fillRect(0, 0, width, height);
  drawing.imageSmoothingQuality = "high";
  drawing.drawImage(image, 0, 0, width, height);
  const { data } = drawing.getImageData(0, 0, width, height), seen = Math.min(width, height) * crop;
  return resampled(resampled(data, width, seen, side), height, seen, side);
}

/** The middle part of each row, `seen` of `length` pixels, resampled to `side` pixels; rows become
 * columns. Bicubic with Pillow's weights: features from a canvas of Chromium had cosine .991. */
function resampled(values, length, seen, side) {
  const rows = values.length / 4 / length, out = new Uint8ClampedArray(side * rows * 4);
  const scale = seen / side, reach = 2 * Math.max(scale, 1);
  for (let i = 0; i < side; i++) {
    const middle = (length - seen) / 2 + (i + 0.5) * scale;
    const first = Math.max(0, Math.round(middle - reach));
    const end = Math.min(length, Math.round(middle + reach));
    const weights = Array.from({ length: end - first }, (_, k) =>
      bicubic((2 * Math.abs(first + k + 0.5 - middle)) / reach));
    const total = weights.reduce((sum, weight) => sum + weight);
    for (let row = 0; row < rows; row++) {
      for (let channel = 0; channel < 4; channel++) {
        const start = (row * length + first) * 4 + channel;
        let sum = 0;
        for (let k = 0; k < weights.length; k++) sum += weights[k] * values[start + 4 * k];
        out[(i * rows + row) * 4 + channel] = sum / total;
      }
    }
  }
  return out;
}

function bicubic(x) {
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((2.5 - 0.5 * x) * x - 4) * x + 2 : 0;
}
