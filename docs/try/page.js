// Begins the page: first the riddle, then, when it plays, all else.

import { element, showRiddle, TOLD } from "./data/maps.js";
import { mountCaptions, mountPhotos } from "./captions.js";
import { addressOf, file, MissingFile } from "./files.js";
import { lookOf, shadowOf } from "./pair.js";
import { mountRepair } from "./repair.js";
import { linkTo, readSettings, writeSettings } from "./settings.js";
import { mountTrain } from "./train.js";
import { Lab } from "./training.js";

const find = (name) => document.querySelector(name);

/** A function whose error becomes a sentence. */
const guard = (act) => async (...given) => {
  try {
    return await act(...given);
  } catch (error) {
    if (error instanceof MissingFile) return tellMissing(error.message);
    tellAndReload(`${error}`);
    throw error;
  }
};

function mountCopy(lab) {
  find("#copy").onclick = async ({ target }) => {
    const link = linkTo(lab.settings);
    const isCopied = await navigator.clipboard?.writeText(link).then(() => true, () => false);
    if (isCopied) target.textContent = "Copied";
    else tell(`Copy this link: ${link}`);
  };
}

function mountRiddle() {
  const parentElement = shadowOf(find("#riddle .maps-here"), TOLD.html), url = addressOf("atlas-scenes.json");
  const findings = `“${find("#found-title").textContent}”`;
  const told = { url, shapes: TOLD.shapes, findings, isLinked: false };
  lookOf((scheme) => {
    showRiddle({ parentElement, data: { ...told, look: TOLD.looks[scheme], scheme } });
  });
  const root = parentElement.querySelector(".riddle"), answer = find("#riddle .answer");
  const rare = root.querySelector(".tick");
  rare.hidden = true; // it would answer before the vote
  const follow = guard(async () => {
    if (!root.riddle) return;
    const { models, state } = root.riddle;
    rare.hidden = state.riddle && !state.answer;
    if (state.riddle) {
      const isFooled = state.answer && root.riddle.fails(models[0]);
      answer.textContent = isFooled ? "Model A mostly learned the background." : "";
      return;
    }
    const { question, sentence } = await file("answer.json", "json");
    if (!state.riddle) answer.textContent = `${question} ${sentence}`;
  });
  for (const kind of ["click", "input"]) parentElement.addEventListener(kind, follow);
  return new Promise((done) => {
    const watch = new MutationObserver(() => root.getAttribute("aria-busy") === "false" && done());
    watch.observe(root, { attributes: true });
    setTimeout(done, 3000); // what follows does not need the riddle
  });
}

/** What this browser lacks, and what that changes. */
function tellLacks({ hasWorkers }) {
  const hasGl = document.createElement("canvas").getContext("webgl2");
  const lacks = [
    hasGl ? "" : "This browser has no WebGL2, so the maps move less smoothly.",
    hasWorkers ? "" : "This browser starts no worker, so training takes longer.",
  ].filter(Boolean);
  if (lacks.length) tell(lacks.join(" "));
}

guard(async () => {
  await mountRiddle();
  const manifest = await file("manifest.json", "json");
  const lab = new Lab(manifest, readSettings(manifest));
  lab.addEventListener("change", () => writeSettings(lab.settings));
  addEventListener("hashchange", () => location.hash === "#lab" && writeSettings(lab.settings));
  mountCopy(lab);
  await mountTrain(find("#train"), lab, guard);
  await mountRepair(find("#repair"), lab, guard);
  mountCaptions(find("#captions"), lab, guard);
  if (find("#photo")) await mountPhotos(find("#photo"), lab); // not in the one HTML file
  const { findings } = await file("answer.json", "json");
  find(".findings").append(...findings.map((words) => element("p", {}, words)));
  tellLacks(lab);
  document.body.dataset.state = "ready";
})();
