// The section “Repair it”: a visitor removes training images of model A, adds others, and trains
// again.

import { element } from "./data/maps.js";
import { file } from "./files.js";
import { Pair, paint, rateWords } from "./pair.js";
import { readSet, trainingImages } from "./sets.js";
import { MOST_CHANGES } from "./settings.js";
import { setDisabled, stepOf } from "./train.js";

const OFFERED = 10; // images of a group that may be added

export function mountRepair(section, lab, guard) {
  const { manifest, settings } = lab, find = (name) => section.querySelector(name);
  const pair = new Pair(find(".maps-here"), manifest);
  const button = find(".main"), undo = find(".undo"), status = find("[role=status]");
  const count = () => settings.removed.size + settings.added.size;
  const changed = () => {
    const [removed, added] = [settings.removed, settings.added].map((images) => [...images].sort());
    return { ...lab.wanted(0), removed, added };
  };

  const show = guard(async () => {
    await showImages();
    const before = await lab.untrained(0), first = lab.known(lab.wanted(0));
    const last = count() ? lab.known(changed()) : undefined;
    const subtitles = [first ? "" : "not trained yet", last ? "" : "not trained yet"];
    const { set, models: [{ style }] } = settings;
    const panes = [["Before", first], ["After", last]].map(([title, model], pane) => {
      return { title, subtitle: subtitles[pane], style, model: model ?? before, before };
    });
    await pair.show(set, ...panes);
    setDisabled(button, !count() || Boolean(last), status);
    setDisabled(undo, !count(), status);
    status.textContent = first && last ? sentence(first.accuracy, last.accuracy) : told();
  });

  const told = () => `${count()} of ${MOST_CHANGES} changes.`;
  const sentence = (...models) => {
    const shares = (part) => models.map((now) => rateWords(now[part]));
    const [rare, common] = ["rare", "common"].map((part) => shares(part).join(" before, "));
    const changes = count() === 1 ? "1 change" : `${count()} changes`;
    const first = `Correct on rare images: ${rare} after ${changes}.`;
    const single = "This is one training; another seed gives other numbers.";
    return `${first} On common images: ${common} after. ${single}`;
  };

  /** The training images of each group, and some that may be added. */
  async function showImages() {
    const { set: name, models: [{ bias, seed }] } = settings, { sheets } = manifest.sets[name];
    const set = readSet(manifest, name, await file(`${name}.bin`));
    const kept = trainingImages(set, { manifest, seed, bias: bias / 100 });
    const uri = await file(sheets.pool.file, "picture"), focused = document.activeElement.dataset.image;
    const changes = { removed: (image) => kept.includes(image), added: (image) => !kept.includes(image) };
    for (const [part, isPossible] of Object.entries(changes)) {
      for (const image of settings[part]) if (!isPossible(image)) settings[part].delete(image);
    }
    const blocks = manifest.groups.map(({ words }, group) => {
      const pool = Array.from({ length: set.pool }, (_, place) => group * set.pool + place);
      const own = pool.filter((image) => kept.includes(image));
      const others = pool.filter((image) => !kept.includes(image));
      const chosen = others.filter((image) => settings.added.has(image));
      const offered = [...new Set([...chosen, ...others])].slice(0, Math.max(OFFERED, chosen.length));
      const tiles = (images, part, verb) => {
        const buttons = images.map((image, at) => {
          const pressed = settings[part].has(image);
          const named = { "aria-label": `${verb} ${words} ${at + 1}`, "aria-pressed": String(pressed) };
          const node = element("button", { type: "button", className: part, ...named });
          paint(node, { ...sheets.pool, uri }, image);
          node.dataset.image = image;
          node.tabIndex = at ? -1 : 0;
          node.onclick = () => toggle(part, image);
          return node;
        });
        return element("div", { className: "tiles", role: "group", "aria-label": `${verb} ${words}` }, ...buttons);
      };
      const now = own.filter((image) => !settings.removed.has(image)).length + chosen.length;
      const title = element("h3", {}, `${words}: ${now} images`);
      const add = element("p", {}, "Add:");
      return element("div", {}, title, tiles(own, "removed", "Remove"), add, tiles(offered, "added", "Add"));
    });
    find(".groups").replaceChildren(...blocks);
    if (focused) find(`[data-image="${focused}"]`)?.focus();
  }

  function toggle(part, image) {
    const images = new Set(settings[part]);
    if (!images.delete(image)) images.add(image);
    const isMore = images.size > settings[part].size;
    const most = `${MOST_CHANGES} changes at most. Click a marked image to undo it.`;
    if (isMore && count() === MOST_CHANGES) status.textContent = most;
    else lab.change({ [part]: images });
  }

  // One stop of the tab key for each group of images: arrows lead from image to image.
  find(".groups").onkeydown = ({ key, target }) => {
    const next = { ArrowRight: target.nextElementSibling, ArrowLeft: target.previousElementSibling }[key];
    next?.focus();
  };
  undo.onclick = () => lab.change({ removed: new Set(), added: new Set() });
  button.onclick = guard(async () => {
    setDisabled(button, true, status);
    status.textContent = "Training …";
    const wanted = [lab.wanted(0), changed()];
    const watch = (pane) => (frame) => pair.tell(pane, { model: frame, subtitle: stepOf(frame) });
    await Promise.all(wanted.map((one, pane) => lab.trained(one, pane, watch(pane))));
    lab.dispatchEvent(new Event("trained"));
  });
  lab.addEventListener("change", show);
  lab.addEventListener("trained", show);
  return show();
}
