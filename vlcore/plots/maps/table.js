// Tables of the images of maps, as vlcore/plots/maps/table.py packs them, and sets of images as bits.

const ARRAYS = {
  float32: Float32Array, uint8: Uint8Array, uint16: Uint16Array, int8: Int8Array, int16: Int16Array, int32: Int32Array,
};
const tables = new Map();  // promises of them, by address: figures of a page may share one

function bytesOf(text) {
  const letters = atob(text), bytes = new Uint8Array(letters.length);
  for (let index = 0; index < letters.length; index++) bytes[index] = letters.charCodeAt(index);
  return bytes;
}

// A table as its packed form tells: arrays, and of words the code of a row and its word.
async function unpackTable({stamp, images, count, columns: packed, sheet}) {
  const columns = {};
  for (const [name, {type, data, words}] of Object.entries(packed)) {
    const values = new ARRAYS[type](bytesOf(data).buffer);
    columns[name] = words ? {word: row => words[values[row]] ?? null} : values;
  }
  if (!sheet) return {stamp, images, count, columns, sheet: null};
  const isAddress = !sheet.uri.startsWith("data:"), bytes = isAddress ? null : bytesOf(sheet.uri.split(",")[1]);
  const url = isAddress ? sheet.uri : URL.createObjectURL(new Blob([bytes], {type: "image/webp"}));
  const image = element("img", {src: url});
  await image.decode();
  return {stamp, images, count, columns, sheet: {...sheet, url, image}};
}

async function fetchTable(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(answer.statusText);
  return unpackTable(await answer.json());
}

// A table that is in the data, or at an address.
function readTable(told) {
  if (!told) return Promise.resolve({columns: {}, stamp: ""});
  const name = told.url ?? told.stamp;
  if (!tables.has(name)) {
    const reading = told.url ? fetchTable(told.url) : unpackTable(told);
    tables.set(name, reading);
    reading.catch(() => tables.delete(name));  // it is asked for again
  }
  return tables.get(name);
}

function bitsOf(text, count) {
  const bytes = bytesOf(text), marked = new Uint8Array(count);
  for (let row = 0; row < count; row++) marked[row] = bytes[row >> 3] >> (row & 7) & 1;
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
