// The sections “Type a caption” and “Your photo”: where both models put something new, and which
// images lie closest to it.

import { element } from "./data/maps.js";
import { file, MissingFile } from "./files.js";
import { place } from "./measures.js";
import { Pair, paint } from "./pair.js";
import { writeSettings } from "./settings.js";
import { NAMES } from "./train.js";
import { embedCaptions, embedImages, modelOf, predict } from "./trainer.js";

const NEAREST = 6; // images that lie closest

/** Makes two functions. `show` shows what is new on the maps of both models, which it trains if they
 * are missing; it takes the words for it and a function that embeds it under a model. `hide` hides
 * the maps, the images and what `status` says, as any change of settings does. */
function placing(section, status, lab) {
  const { manifest, settings } = lab, parts = [...section.querySelectorAll(".maps-here, .nearest")];
  const pair = new Pair(parts[0], manifest);
  const hide = () => {
    parts.forEach((part) => (part.hidden = true));
    status.textContent = "";
  };
  const show = async (words, embed) => {
    const isTrained = NAMES.every((_, pane) => lab.known(lab.wanted(pane)));
    if (!isTrained) status.textContent = "Training both models first …";
    const models = await lab.trainBoth(), { test, map } = manifest.sets[settings.set];
    const vectors = models.map(({ weights }) => embed(modelOf(manifest.recipe, weights)));
    const panes = await Promise.all(models.map(async (model, pane) => {
      const typed = place(model.plane, vectors[pane]), { style } = settings.models[pane];
      return { title: NAMES[pane], subtitle: "", style, model, typed, before: await lab.untrained(pane) };
    }));
    pair.extra = [words];
    parts.forEach((part) => (part.hidden = false));
    await pair.show(settings.set, ...panes);
    const rows = models.map(({ heldOut: { z } }, pane) => {
      const vector = vectors[pane], size = vector.length;
      const score = (row) => {
        const start = size * (Math.floor(row / map) * test + (row % map)); // in all held-out images
        return vector.reduce((sum, value, k) => sum + value * z[start + k], 0);
      };
      const scores = Array.from({ length: manifest.groups.length * map }, (_, row) => score(row));
      const best = [...scores.keys()].sort((a, b) => scores[b] - scores[a]).slice(0, NEAREST);
      const faces = best.map((row) => {
        const face = element("span", { role: "img", "aria-label": pair.groupOf(row).words });
        paint(face, pair.sheet, row);
        return face;
      });
      return element("div", {}, element("h3", {}, `Closest images, ${NAMES[pane]}`), ...faces);
    });
    parts[1].replaceChildren(...rows);
    return { models, vectors };
  };
  lab.addEventListener("change", hide);
  return { show, hide };
}

/** The words that can be read and the file of their vectors, or null without a network. */
async function readWords() {
  try {
    return [await file("words.json", "json"), await file("words.bin")];
  } catch (error) {
    if (error instanceof MissingFile) return null;
    throw error;
  }
}

export function mountCaptions(section, lab, guard) {
  const form = section.querySelector("form"), status = section.querySelector("[role=status]");
  const { show, hide } = placing(section, status, lab), { caption } = form.elements;
  caption.value = lab.settings.caption;
  const refuse = (why) => {
    hide();
    status.textContent = why;
  };
  form.onsubmit = guard(async (event) => {
    event.preventDefault();
    const words = caption.value.toLowerCase().match(/\p{L}+/gu) ?? [];
    lab.settings.caption = caption.value;
    writeSettings(lab.settings);
    if (!words.length) return refuse("Type a caption.");
    status.textContent = "Loading the words …";
    const read = await readWords();
    if (!read) return refuse("The words need the network once. Connect, and place the caption again.");
    const [listed, content] = read;
    const units = new Float32Array(content, 0, listed.length);
    const numbers = new Int8Array(content, units.byteLength), width = lab.manifest.recipe.words;
    const known = words.filter((word) => listed.includes(word));
    const rows = known.map((word) => listed.indexOf(word));
    const unknown = words.filter((word) => !known.includes(word)).map((word) => `“${word}”`);
    const missing = unknown.length ? `The models do not know ${unknown.join(", ")}.` : "";
    if (!rows.length) return refuse(`${missing} Type other words.`);
    const sum = Float64Array.from({ length: width }, (_, k) =>
      rows.reduce((total, row) => total + units[row] * numbers[row * width + k], 0),
    );
    const length = Math.hypot(...sum), vector = sum.map((value) => value / length);
    const placed = known.join(" ");
    await show(placed, (model) => embedCaptions(model, vector));
    status.textContent = `The maps show “${placed}”. ${missing}`;
  });
}

export async function mountPhotos(section, lab) {
  const { mountPhoto } = await import("./photo.js");
  const { manifest, settings } = lab, status = section.querySelector(".predicted");
  const { show, hide } = placing(section, status, lab);
  const onPhoto = async ({ components }) => {
    const features = await components(settings.set);
    const { models, vectors } = await show("your photo", (model) => embedImages(model, features));
    const answers = models.map(({ weights, captions }, pane) => {
      const { objects } = manifest.styles.find(({ name }) => name === settings.models[pane].style);
      const model = modelOf(manifest.recipe, weights);
      const [answer] = predict(model, vectors[pane], captions, objects);
      return `${NAMES[pane]}: ${manifest.objects[answer]}.`;
    });
    status.textContent = answers.join(" ");
  };
  section.addEventListener("change", () => {
    hide();
    section.querySelector("canvas").hidden = true;
  });
  mountPhoto(section.querySelector(".photo-here"), { folder: "photo/", onPhoto });
}
