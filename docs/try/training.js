// Trains in workers, one for each model, and remembers what was trained.

import { file } from "./files.js";
import { training } from "./trainer.js";

/** Train in the page, which draws between slices. */
async function inSlices(job, onFrame) {
  const steps = training(job);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    onFrame(value);
    await new Promise((next) => setTimeout(next));
  }
}

/** Does jobs one after the other, in a worker or, where there is none, in the page. */
class Trainer {
  constructor() {
    this.jobs = new Map();
    try {
      const script = document.getElementById("worker")?.textContent; // of the one HTML file
      const inside = script && URL.createObjectURL(new Blob([script]));
      this.worker = new Worker(inside ?? "trainer.js", { type: inside ? "classic" : "module" });
      this.worker.onmessage = ({ data }) => this.hear(data);
      this.worker.onerror = () => this.goWithout();
    } catch {
      this.worker = null;
    }
  }

  do(job, onFrame) {
    const id = this.jobs.size;
    return new Promise((done, fail) => {
      this.jobs.set(id, { job, onFrame, done, fail });
      if (this.worker) this.worker.postMessage({ ...job, id });
      else inSlices(job, onFrame).then(done, fail);
    });
  }

  hear({ kind, id, ...told }) {
    const { onFrame, done, fail } = this.jobs.get(id);
    if (kind === "progress") return onFrame(told);
    this.jobs.set(id, {});
    if (kind === "failed") fail(new Error(told.message));
    else done(told);
  }

  goWithout() {
    this.worker = null;
    for (const { job, onFrame, done, fail } of this.jobs.values()) {
      if (job) inSlices(job, onFrame).then(done, fail);
    }
  }
}

/** Models of a visitor. It says "change" when a setting has changed, and "trained" when both models
 * have been trained. */
export class Lab extends EventTarget {
  constructor(manifest, settings) {
    super();
    Object.assign(this, { manifest, settings, models: new Map() });
    this.trainers = [new Trainer(), new Trainer()];
  }

  get hasWorkers() {
    return this.trainers.every(({ worker }) => worker);
  }

  /** What a model of the two is trained with. */
  wanted(pane) {
    const { set, models } = this.settings;
    return { set, ...models[pane] };
  }

  /** The trained model, or undefined. */
  known(wanted) {
    return this.models.get(JSON.stringify(wanted));
  }

  untrained(pane) {
    return this.trained({ ...this.wanted(pane), bias: 0, steps: 0 }, pane);
  }

  /** A model, trained now unless it is known; `onFrame` hears of its map while it trains. */
  async trained(wanted, pane, onFrame = () => {}) {
    if (this.known(wanted)) return this.known(wanted);
    const images = await file(`${wanted.set}.bin`), captions = await file("captions.bin");
    const { bias, removed = [], added = [] } = wanted, { manifest, onto } = this;
    const job = { ...wanted, bias: bias / 100, removed, added, manifest, images, captions, onto };
    const model = await this.trainers[pane].do(job, onFrame);
    this.models.set(JSON.stringify(wanted), model);
    this.onto ??= model.points; // later maps are turned to the first
    return model;
  }

  /** Train the models of both maps that are not known; `onFrame` hears of a map and its frame. */
  async trainBoth(onFrame = () => {}) {
    const isNew = [0, 1].some((pane) => !this.known(this.wanted(pane)));
    const both = [0, 1].map((pane) =>
      this.trained(this.wanted(pane), pane, (frame) => onFrame(pane, frame)),
    );
    const models = await Promise.all(both);
    if (isNew) this.dispatchEvent(new Event("trained"));
    return models;
  }

  change(news) {
    Object.assign(this.settings, news);
    this.dispatchEvent(new Event("change"));
  }
}
