// Files that tools/site_data.py wrote, each read once: from the folder `data`, or from the one HTML
// file that has them inside.

import { bytesOf } from "./data/maps.js";

const reading = new Map(); // promises by name

export class MissingFile extends Error {}

export function addressOf(name) {
  const inside = document.querySelector(`[data-file="${name}"]`);
  return inside ? URL.createObjectURL(new Blob([bytesOf(inside.textContent)])) : `data/${name}`;
}

/** Content of a file; as "picture" the address of a copy in memory, which needs no network. */
export function file(name, kind = "arrayBuffer") {
  if (!reading.has(name)) {
    reading.set(name, readFile(name, kind));
    reading.get(name).catch(() => reading.delete(name));
  }
  return reading.get(name);
}

async function readFile(name, kind) {
  const answer = await fetch(addressOf(name)).catch(() => null);
  if (!answer?.ok) throw new MissingFile(name);
  return kind === "picture" ? URL.createObjectURL(await answer.blob()) : answer[kind]();
}
