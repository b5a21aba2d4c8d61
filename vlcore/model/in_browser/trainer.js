// Trains the recipe of this folder as Python does: from the same images, batches and first weights
// to the same model. As a worker it answers a job with messages; as a module it gives
// the page the same functions. It fetches nothing: a job brings what __init__.py wrote.
// Tables are arrays, row after row, of n images or K captions.

import { accuracies, place, planeOf } from "./measures.js";
import { Random } from "./random.js";
import { readSet, trainingImages } from "./sets.js";

const BETA_1 = 0.9, BETA_2 = 0.999, ADAM_EPSILON = 1e-8, NORM_EPSILON = 1e-5;
const FRAME = 10; // steps between messages of progress

// Products of tables.

/** a (n, k) times the rows of b (m, k): (n, m). */
function timesRows(a, b, n, k, m) {
  const out = new Float64Array(n * m);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < m; j++) {
      let sum = 0;
      for (let l = 0; l < k; l++) sum += a[i * k + l] * b[j * k + l];
      out[i * m + j] = sum;
    }
  }
  return out;
}

/** a (n, k) times b (k, m): (n, m). */
function times(a, b, n, k, m) {
  const out = new Float64Array(n * m);
  for (let i = 0; i < n; i++) {
    for (let l = 0; l < k; l++) {
      const factor = a[i * k + l];
      for (let j = 0; j < m; j++) out[i * m + j] += factor * b[l * m + j];
    }
  }
  return out;
}

/** Add the columns of a (n, k) times b (n, m) to out (k, m). */
function addProducts(out, a, b, n, k, m) {
  for (let i = 0; i < n; i++) {
    for (let l = 0; l < k; l++) {
      const factor = a[i * k + l];
      for (let j = 0; j < m; j++) out[l * m + j] += factor * b[i * m + j];
    }
  }
}

function dot(a, i, b, j, width) {
  let sum = 0;
  for (let k = 0; k < width; k++) sum += a[i * width + k] * b[j * width + k];
  return sum;
}

/** Bring the rows of a table, (n, width), to length 1; returns the lengths that they had. */
function toUnit(rows, n, width) {
  const lengths = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    lengths[i] = Math.max(Math.sqrt(dot(rows, i, rows, i, width)), 1e-12);
    for (let k = 0; k < width; k++) rows[i * width + k] /= lengths[i];
  }
  return lengths;
}

/** Turn the gradient at unit vectors into that before `toUnit`, in place. */
function beforeUnit(gradient, unit, lengths, width) {
  lengths.forEach((length, i) => {
    const along = dot(gradient, i, unit, i, width);
    for (let k = i * width; k < (i + 1) * width; k++) {
      gradient[k] = (gradient[k] - along * unit[k]) / length;
    }
  });
}

// The model.

/** Lengths of a model's tables of weights, by their names in Python. */
function sizesOf(recipe) {
  return {
    "image.adapt.weight": recipe.width * recipe.features,
    "image.adapt.bias": recipe.width,
    "image.norm.weight": recipe.width,
    "image.norm.bias": recipe.width,
    "image.project.weight": recipe.embedding * recipe.width,
    "text.project.weight": recipe.embedding * recipe.words,
    tau: 1,
    bias: 1,
  };
}

/** A model without training: its numbers in one array, and views of it by their names in Python. */
export function modelOf(recipe, numbers = null) {
  const sizes = sizesOf(recipe);
  const count = Object.values(sizes).reduce((sum, size) => sum + size);
  const model = { recipe, numbers: numbers ?? new Float64Array(count) };
  let start = 0;
  for (const [name, size] of Object.entries(sizes)) {
    model[name] = model.numbers.subarray(start, (start += size));
  }
  return model;
}

/** The sum of squares of each table of weights: what tells two trainings of a model apart. */
function checksumOf(model) {
  const tables = Object.keys(sizesOf(model.recipe)).map((name) => model[name]);
  return tables.map((numbers) => numbers.reduce((sum, x) => sum + x * x, 0));
}

/** The model of a seed before the first step. */
function untrained(recipe, imageSeed, textSeed) {
  const model = modelOf(recipe);
  const image = new Random(imageSeed), text = new Random(textSeed);
  image.uniform(model["image.adapt.weight"], 1 / Math.sqrt(recipe.features));
  image.uniform(model["image.adapt.bias"], 1 / Math.sqrt(recipe.features));
  image.uniform(model["image.project.weight"], 1 / Math.sqrt(recipe.width));
  text.uniform(model["text.project.weight"], 1 / Math.sqrt(recipe.words));
  model["image.norm.weight"].fill(1);
  model.tau[0] = Math.log(recipe.scale);
  model.bias[0] = recipe.bias;
  return model;
}

/** Embeddings of features (n, F), with what their gradient needs. */
function imageTower(model, features) {
  const { features: inputs, width, embedding } = model.recipe;
  const n = features.length / inputs;
  const hidden = timesRows(features, model["image.adapt.weight"], n, inputs, width);
  const normed = new Float64Array(n * width), scales = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const row = hidden.subarray(i * width, (i + 1) * width);
    let mean = 0, square = 0;
    for (let k = 0; k < width; k++) mean += (row[k] += model["image.adapt.bias"][k]) / width;
    for (let k = 0; k < width; k++) square += (row[k] - mean) ** 2 / width;
    scales[i] = Math.sqrt(square + NORM_EPSILON);
    for (let k = 0; k < width; k++) {
      row[k] = (row[k] - mean) / scales[i];
      normed[i * width + k] = row[k] * model["image.norm.weight"][k] + model["image.norm.bias"][k];
    }
  }
  const z = timesRows(normed, model["image.project.weight"], n, width, embedding);
  return { n, features, hidden, scales, normed, z, lengths: toUnit(z, n, embedding) };
}

/** Unit vectors of captions, whose words' vectors are summed up at length 1, (K, 256). */
function textTower(model, vectors) {
  const { words, embedding } = model.recipe;
  const n = vectors.length / words;
  const t = timesRows(vectors, model["text.project.weight"], n, words, embedding);
  return { n, vectors, t, lengths: toUnit(t, n, embedding) };
}

export const embedImages = (model, features) => imageTower(model, features).z;
export const embedCaptions = (model, vectors) => textTower(model, vectors).t;
const scaleOf = (model) => Math.min(Math.max(Math.exp(model.tau[0]), 1), 100);

/** Scores of images with captions, (n, K). */
function logits(model, z, t) {
  const width = model.recipe.embedding, count = t.length / width;
  const scores = timesRows(z, t, z.length / width, width, count);
  return scores.map((cosine) => scaleOf(model) * cosine + model.bias[0]);
}

/** The object of each image, (n,): that whose captions have the highest log of summed scores. */
export function predict(model, z, t, objects) {
  const scores = logits(model, z, t), count = objects.length;
  return Uint8Array.from({ length: scores.length / count }, (_, i) => {
    const sums = [0, 0];
    objects.forEach((object, k) => (sums[object] += Math.exp(scores[i * count + k])));
    return sums[1] > sums[0] ? 1 : 0;
  });
}

// Training.

const softplus = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const sigmoid = (x) => 1 / (1 + Math.exp(-x));

/** The loss of a batch, `pairwise_bce` of vlcore/model/losses.py; adds its gradient to `into`.
 * `own` is the caption of each image, and `shares`, (K, K), how often one is met as another. */
function lossOf(model, features, vectors, own, shares, into) {
  const { features: inputs, width, embedding, words } = model.recipe;
  const image = imageTower(model, features), text = textTower(model, vectors);
  const { n, z } = image, { t, n: count } = text;
  const scores = logits(model, z, t), slopes = new Float64Array(n * count);
  let loss = 0;
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < count; k++) {
      const score = scores[i * count + k], at = i * count + k;
      const sign = k === own[i] ? -1 : 1, weight = k === own[i] ? 1 : shares[own[i] * count + k];
      loss += (weight * softplus(sign * score)) / (2 * n);
      slopes[at] = (weight * sign * sigmoid(sign * score)) / (2 * n);
      into.bias[0] += slopes[at];
      into.tau[0] += slopes[at] * (score - model.bias[0]);
      slopes[at] *= scaleOf(model);
    }
  }
  const towardsImages = times(slopes, t, n, count, embedding);
  const towardsCaptions = new Float64Array(count * embedding);
  addProducts(towardsCaptions, slopes, z, n, count, embedding);
  beforeUnit(towardsCaptions, t, text.lengths, embedding);
  addProducts(into["text.project.weight"], towardsCaptions, vectors, count, embedding, words);
  beforeUnit(towardsImages, z, image.lengths, embedding);
  addProducts(into["image.project.weight"], towardsImages, image.normed, n, embedding, width);
  const slope = times(towardsImages, model["image.project.weight"], n, embedding, width);
  throughNorm(slope, image, model, into);
  addProducts(into["image.adapt.weight"], slope, features, n, width, inputs);
  return loss;
}

/** Turn the gradient behind the layer norm, (n, width), into that before it, in place. */
function throughNorm(slope, { n, hidden, scales }, model, into) {
  const width = model.recipe.width;
  for (let i = 0; i < n; i++) {
    let mean = 0, along = 0;
    for (let k = 0; k < width; k++) {
      const at = i * width + k;
      into["image.norm.weight"][k] += slope[at] * hidden[at];
      into["image.norm.bias"][k] += slope[at];
      slope[at] *= model["image.norm.weight"][k];
      mean += slope[at] / width;
      along += (slope[at] * hidden[at]) / width;
    }
    for (let k = 0; k < width; k++) {
      const at = i * width + k;
      slope[at] = (slope[at] - mean - hidden[at] * along) / scales[i];
      into["image.adapt.bias"][k] += slope[at];
    }
  }
}

/** Changes a model by AdamW (Loshchilov and Hutter 2019). */
class AdamW {
  constructor(numbers, decay) {
    Object.assign(this, { numbers, decay, step: 0 });
    this.mean = new Float64Array(numbers.length);
    this.square = new Float64Array(numbers.length);
  }

  update(gradient, rate) {
    const { numbers, decay, mean, square } = this;
    this.step++;
    const size = rate / (1 - BETA_1 ** this.step), correction = Math.sqrt(1 - BETA_2 ** this.step);
    for (let i = 0; i < numbers.length; i++) {
      mean[i] += (1 - BETA_1) * (gradient[i] - mean[i]);
      square[i] = BETA_2 * square[i] + (1 - BETA_2) * gradient[i] ** 2;
      numbers[i] *= 1 - rate * decay;
      numbers[i] -= (size * mean[i]) / (Math.sqrt(square[i]) / correction + ADAM_EPSILON);
    }
  }
}

/** Batches of n images without end, from one permutation after the other. */
function* batchesOf(n, size, random) {
  let queue = [];
  for (;;) {
    while (queue.length < size) queue = queue.concat(random.permutation(n));
    yield queue.splice(0, size);
  }
}

/** The learning rate of a step, from 1. */
function rateOf(recipe, step, steps) {
  const decay = 0.5 * (1 + Math.cos((Math.PI * (step - 1)) / steps));
  return recipe.rate * Math.min(1, step / recipe.warm_up) * decay;
}

/** How often each caption is met as another, (K, K), from the caption of each training image. */
function sharesOf(own, count) {
  const counts = new Float64Array(count);
  own.forEach((k) => counts[k]++);
  return Float64Array.from({ length: count * count }, (_, at) => {
    const k = Math.floor(at / count), other = at % count;
    return k === other ? 0 : counts[other] / Math.max(own.length - counts[k], 1e-12);
  });
}

/** Train the model of a job; yields its map at every tenth step, and returns the model.
 *
 * A job has the manifest, the files of a set (`images`) and of `captions`, the name of the `set` and
 * of the caption `style`, `bias`, `seed`, `steps`; it may have images `removed` and `added`, and
 * `onto`, the points of another map that this one is turned to. */
export function* training(job) {
  const { manifest, steps } = job, { recipe } = manifest;
  const set = readSet(manifest, job.set, job.images);
  const style = manifest.styles.find(({ name }) => name === job.style);
  const start = 4 * recipe.words * style.first;
  const vectors = new Float32Array(job.captions, start, recipe.words * style.captions.length);
  const images = trainingImages(set, job);
  const captionOf = images.map((image) => style.of_group[Math.floor(image / set.pool)]);
  const shares = sharesOf(captionOf, style.captions.length);
  const [imageSeed, textSeed, orderSeed] = manifest.seeds[job.seed];
  const model = untrained(recipe, imageSeed, textSeed), gradient = modelOf(recipe);
  const optimizer = new AdamW(model.numbers, recipe.decay);
  const batches = batchesOf(images.length, recipe.batch, new Random(orderSeed));
  const onMap = set.features(set.heldOut.filter((_, i) => i % set.test < set.map));
  let points = job.onto, loss = null;
  const frame = (step) => {
    const z = embedImages(model, onMap), t = embedCaptions(model, vectors);
    const plane = planeOf(z, t, recipe.embedding, points);
    points = place(plane, z);
    const predicted = predict(model, z, t, style.objects);
    return { step, steps, loss, plane, points, captionPoints: place(plane, t), predicted };
  };
  for (let step = 1; step <= steps; step++) {
    if (step % FRAME === 1) yield frame(step - 1);
    const batch = batches.next().value;
    const features = set.features(batch.map((i) => images[i]));
    gradient.numbers.fill(0);
    const own = batch.map((i) => captionOf[i]);
    loss = lossOf(model, features, vectors, own, shares, gradient);
    optimizer.update(gradient.numbers, rateOf(recipe, step, steps));
  }
  const z = embedImages(model, set.features(set.heldOut)), t = embedCaptions(model, vectors);
  const predicted = predict(model, z, t, style.objects);
  const accuracy = accuracies(predicted, manifest.groups, set.test);
  const heldOut = { z: Float32Array.from(z), predicted };
  const told = { captions: t, heldOut, accuracy, images, weights: model.numbers };
  return { ...frame(steps), ...told, checksum: checksumOf(model) };
}

if (typeof WorkerGlobalScope !== "undefined") {
  self.onmessage = ({ data: job }) => {
    const send = (kind, content) => self.postMessage({ kind, id: job.id, ...content });
    try {
      const steps = training(job);
      let step;
      for (step = steps.next(); !step.done; step = steps.next()) send("progress", step.value);
      send("trained", step.value);
    } catch (error) {
      send("failed", { message: String(error) });
    }
  };
}
