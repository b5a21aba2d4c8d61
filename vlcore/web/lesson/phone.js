// Trains the two models of a seed pair on a phone, each in a worker, shows their maps meanwhile,
// and tells the result once. A page that runs again does not train again; a page that is loaded
// again does, to show its maps.
const SIDE = 164, MARGIN = 8, DOT = 2.2;  // px of a map
const trainings = new Map();  // by the pair: promises of results, and what maps show

export default function({parentElement, data, setStateValue}) {
  const place = parentElement.querySelector(".phone");
  if (!trainings.has(data.pair)) trainings.set(data.pair, new Training(data));
  trainings.get(data.pair).showIn(place, data, setStateValue);
}

class Training {
  constructor(data) {
    this.frames = data.arms.map(() => null);
    this.trainer = location.origin + data.trainer;
    this.result = this.trained(data).catch(error => {
      console.warn(error);
      return {failed: true};
    });
  }

  showIn(place, data, setStateValue) {
    const isNew = this.place !== place;
    Object.assign(this, {place, data});
    if (isNew) this.build(setStateValue);
    this.draw();
  }

  build(setStateValue) {
    const {arms, groups} = this.data;
    const figures = arms.map(({title}) => {
      const ariaLabel = `Map of the model with ${title}`;
      const canvas = make("canvas", {width: 2 * SIDE, height: 2 * SIDE, role: "img", ariaLabel});
      return make("figure", {}, make("figcaption", {}, title), canvas);
    });
    const maps = make("div", {className: "maps"}, ...figures);
    const legend = groups.map(({words, rare}) => (
      make("li", {}, make("i"), rare ? `${words} (rare)` : words)
    ));
    this.status = make("p", {role: "status"});
    this.bar = make("progress", {max: 1, ariaLabel: "Training of your two models"});
    this.place.replaceChildren(maps, make("ul", {}, ...legend), this.bar, this.status);
    this.status.textContent = "Your phone trains two models.";
    this.result.then(result => {
      this.bar.hidden = true;
      this.status.textContent = result.failed
        ? "This browser cannot train; the server does it."
        : "Trained on this phone.";
      setStateValue("result", result);
    });
  }

  async trained(data) {
    if (!window.Worker) return {failed: true};
    const {default: files} = await import(location.origin + data.files);
    const {manifest} = files, [name] = Object.keys(manifest.sets);
    const images = bytesOf(files.images), captions = bytesOf(files.captions);
    const units = 4 * manifest.recipe.features;
    new Uint16Array(images, units, data.draws.length).set(data.draws);
    const job = {
      manifest: {...manifest, seeds: [data.seeds]}, images, captions, set: name,
      bias: data.bias, seed: 0, steps: manifest.recipe.steps,
    };
    const trainings = data.arms.map(({style}, pane) => this.inWorker({...job, style}, pane));
    const results = await Promise.all(trainings);
    return results.map(({heldOut, checksum}) => (
      {predicted: heldOut.predicted.join(""), checksum}
    ));
  }

  inWorker(job, pane) {
    return new Promise((done, fail) => {
      const worker = new Worker(this.trainer);
      worker.onerror = fail;
      worker.onmessage = ({data: {kind, message, ...told}}) => {
        if (kind === "failed") return fail(new Error(message));
        this.frames[pane] = told;
        this.draw();
        if (kind === "trained") {
          worker.terminate();
          done(told);
        }
      };
      worker.postMessage(job);
    });
  }

  draw() {
    const {groups} = this.data;
    this.place.querySelectorAll("li i").forEach((mark, group) => {
      const {colour, rare} = groups[group];
      mark.style.borderColor = colour;
      mark.style.background = rare ? colour : "none";
    });
    this.place.querySelectorAll("canvas").forEach((canvas, pane) => {
      const frame = this.frames[pane];
      if (frame) drawMap(canvas, frame.points, groups);
    });
    const shares = this.frames.map(frame => frame ? frame.step / frame.steps : 0);
    this.bar.value = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  }
}

// Draws images as dots on the whole map; one group follows the other, each with as many images.
function drawMap(canvas, points, groups) {
  const ratio = canvas.width / SIDE, context = canvas.getContext("2d"), count = points.length / 2;
  const ends = [0, 1].map(axis => {
    const values = Array.from({length: count}, (_, i) => points[2 * i + axis]);
    return [Math.min(...values), Math.max(...values)];
  });
  const room = SIDE - 2 * MARGIN, span = Math.max(...ends.map(([low, high]) => high - low)) || 1;
  const middles = ends.map(([low, high]) => (low + high) / 2);
  const at = (value, axis) => SIDE / 2 + (value - middles[axis]) * room / span;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, SIDE, SIDE);
  for (let i = 0; i < count; i++) {
    const {colour, rare} = groups[Math.floor(i * groups.length / count)];
    context.beginPath();
    context.arc(at(points[2 * i], 0), SIDE - at(points[2 * i + 1], 1), DOT, 0, 2 * Math.PI);
    context.fillStyle = context.strokeStyle = colour;
    if (rare) context.fill();
    else context.stroke();
  }
}

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function bytesOf(text) {
  return Uint8Array.from(atob(text), letter => letter.charCodeAt(0)).buffer;
}
