// The section “Train your own”: two models, their settings, and their maps while they train.

import { file, MissingFile } from "./files.js";
import { Pair, rateWords } from "./pair.js";
import { STEPS } from "./settings.js";

export const NAMES = ["Model A", "Model B"];
/** Disable or enable a button, whose focus goes to its status. */
export function setDisabled(button, isDisabled, status) {
  if (isDisabled && document.activeElement === button) status.focus({ preventScroll: true });
  button.disabled = isDisabled;
}

export const stepOf = ({ step, steps }) => `step ${step} of ${steps}`;

export function mountTrain(section, lab, guard) {
  const { manifest, settings } = lab, find = (name) => section.querySelector(name);
  const pair = new Pair(find(".maps-here"), manifest);
  const button = find(".main"), status = find(".act [role=status]"), sets = find(".set");
  const loading = find(".loading");
  const forms = NAMES.map((name, pane) => formOf(section, lab, name, pane));
  sets.append(...Object.keys(manifest.sets).map((name) => new Option(name)));
  sets.onchange = guard(async () => {
    const set = sets.value, { map, pool } = manifest.sets[set].sheets;
    loading.textContent = `Loading ${set} …`;
    try {
      const pictures = [map, pool].map((sheet) => file(sheet.file, "picture"));
      await Promise.all([file(`${set}.bin`), ...pictures]);
    } catch (error) {
      if (!(error instanceof MissingFile)) throw error;
      if (sets.value !== set) return; // a later choice
      sets.value = settings.set;
      loading.textContent = `${set} needs the network once. The page still shows ${settings.set}.`;
      return;
    }
    if (sets.value !== set) return;
    loading.textContent = "";
    lab.change({ set, removed: new Set(), added: new Set() });
  });

  const show = guard(async () => {
    sets.value = settings.set;
    forms.forEach((form) => form.show());
    const asked = JSON.stringify(settings);
    const before = [await lab.untrained(0), await lab.untrained(1)];
    if (asked !== JSON.stringify(settings)) return; // a later call shows it
    const panes = NAMES.map((title, pane) => {
      const model = lab.known(lab.wanted(pane)), { style } = settings.models[pane];
      const subtitle = model ? "" : "not trained yet";
      return { title, subtitle, style, model: model ?? before[pane], before: before[pane] };
    });
    await pair.show(settings.set, ...panes);
    const left = NAMES.filter((_, pane) => !lab.known(lab.wanted(pane)));
    button.textContent = left.length === 1 ? `Train ${left[0]}` : "Train both models";
    if (!left.length) button.textContent = "Both are trained";
    setDisabled(button, !left.length, status);
    status.textContent = left.length ? "" : sentence(panes.map(({ model }) => model.accuracy));
  });

  button.onclick = guard(async () => {
    setDisabled(button, true, status);
    status.textContent = "Training …";
    await lab.trainBoth((pane, frame) => pair.tell(pane, { model: frame, subtitle: stepOf(frame) }));
  });
  lab.addEventListener("change", show);
  lab.addEventListener("trained", show);
  return show();
}

function sentence(accuracies) {
  const shares = (part) =>
    accuracies.map((now, pane) => `${NAMES[pane]} ${rateWords(now[part])}`).join(", ");
  const both = `Correct on common images: ${shares("common")}. On rare images: ${shares("rare")}.`;
  return `${both} ${verdict(accuracies.map(({ rare }) => rare))}`;
}

/** Which of two models is correct on rare images more often, if their intervals say so. */
function verdict([first, second]) {
  if (first.high < second.low) return "Model B is correct on rare images more often.";
  if (second.high < first.low) return "Model A is correct on rare images more often.";
  return "The intervals on rare images overlap, so the models may be equally good.";
}

/** The settings of a model. */
function formOf(section, lab, name, pane) {
  const { manifest, settings } = lab, form = section.querySelector("template").content.cloneNode(true);
  const fields = Object.fromEntries([...form.querySelectorAll("[name]")].map((one) => [one.name, one]));
  const { style, bias, steps, seed } = fields, output = form.querySelector("output");
  form.querySelector("legend").textContent = name;
  style.append(...manifest.styles.map((entry) => new Option(entry.name)));
  steps.append(...STEPS.map((count) => new Option(count)));
  seed.append(...manifest.seeds.map((_, number) => new Option(number)));
  bias.oninput = () => {
    output.textContent = `${bias.value}%`;
    bias.setAttribute("aria-valuetext", output.textContent);
  };
  for (const field of Object.values(fields)) {
    field.onchange = () => {
      const numbers = { bias: Number(bias.value), steps: Number(steps.value), seed: Number(seed.value) };
      const models = settings.models.with(pane, { style: style.value, ...numbers });
      lab.change(pane ? { models } : { models, removed: new Set(), added: new Set() });
    };
  }
  section.querySelector(".forms").append(form);
  const show = () => {
    for (const [name, field] of Object.entries(fields)) field.value = settings.models[pane][name];
    bias.oninput();
  };
  return { show };
}
