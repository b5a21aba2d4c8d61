// What is shown of a model, as Python computes it: accuracies with intervals, and a map.

const Z95 = 1.959963984540054;
const SWEEPS = 10; // over a matrix of 32 rows; after 6 of them nothing changes

/** A rate over images of scenes with its 95% interval, as `rate` of vlcore/metrics/estimate.py. */
export function rate(correct, scenes) {
  const n = correct.length, value = correct.filter(Boolean).length / n;
  const residuals = new Map();
  correct.forEach((hit, i) => {
    residuals.set(scenes[i], (residuals.get(scenes[i]) ?? 0) + hit - value);
  });
  const spread = [...residuals.values()].reduce((sum, x) => sum + x * x, 0) / n ** 2;
  const count = residuals.size, variance = (spread * count) / (count - 1);
  const isVaried = value > 0 && value < 1 && spread > 1e-18;
  const m = isVaried ? Math.min(n, (value * (1 - value)) / variance) : count;
  const centre = (value + Z95 ** 2 / (2 * m)) / (1 + Z95 ** 2 / m);
  const root = Math.sqrt((value * (1 - value)) / m + Z95 ** 2 / (4 * m ** 2));
  const half = (Z95 * root) / (1 + Z95 ** 2 / m);
  const low = Math.min(value, Math.max(0, centre - half));
  return { value, low, high: Math.max(value, Math.min(1, centre + half)), n };
}

/** Accuracy of each group, and of all rare and all common images; twins are of one scene. */
export function accuracies(predicted, groups, test) {
  const of = (isMember) => {
    const members = [...predicted.keys()].filter((i) => isMember(groups[Math.floor(i / test)]));
    const correct = members.map((i) => predicted[i] === groups[Math.floor(i / test)].object);
    return rate(correct, members.map((i) => i % test));
  };
  const byGroup = groups.map((group) => of((other) => other === group));
  return { groups: byGroup, rare: of((group) => group.rare), common: of((group) => !group.rare) };
}

/** The plane that shows most of images z (n, E) and captions t (K, E): their first two principal
 * components, as `fit_plane` of vlcore/metrics/projection.py, turned so that images come close to
 * the points where they were before. */
export function planeOf(z, t, width, before = null) {
  const rows = Float64Array.from([...z, ...t]), n = rows.length / width;
  const centre = new Float64Array(width), scatter = new Float64Array(width * width);
  rows.forEach((value, at) => (centre[at % width] += value / n));
  for (let i = 0; i < rows.length; i += width) {
    for (let k = 0; k < width; k++) {
      for (let l = 0; l < width; l++) {
        scatter[k * width + l] += (rows[i + k] - centre[k]) * (rows[i + l] - centre[l]);
      }
    }
  }
  const plane = { centre, axes: largestAxes(scatter, width) };
  return before ? turned(plane, place(plane, z), before) : plane;
}

/** Where a plane has embeddings, (n, E) to (n, 2). */
export function place({ centre, axes }, z) {
  const width = centre.length, points = new Float32Array((2 * z.length) / width);
  for (let at = 0; at < points.length; at++) {
    const row = Math.floor(at / 2), axis = axes[at % 2];
    for (let k = 0; k < width; k++) points[at] += (z[row * width + k] - centre[k]) * axis[k];
  }
  return points;
}

/** A plane whose points come closest to others, by a turn or a reflection about its centre. */
function turned({ centre, axes: [first, second] }, points, others) {
  let same = 0, across = 0, mirrored = 0, crossed = 0;
  for (let i = 0; i < points.length; i += 2) {
    const [x, y, u, v] = [points[i], points[i + 1], others[i], others[i + 1]];
    same += x * u + y * v;
    across += x * v - y * u;
    mirrored += x * u - y * v;
    crossed += x * v + y * u;
  }
  const isTurn = Math.hypot(same, across) >= Math.hypot(mirrored, crossed);
  const angle = isTurn ? Math.atan2(across, same) : Math.atan2(crossed, mirrored);
  const c = Math.cos(angle), s = Math.sin(angle), sign = isTurn ? 1 : -1;
  const axes = [
    first.map((value, k) => c * value - sign * s * second[k]),
    first.map((value, k) => s * value + sign * c * second[k]),
  ];
  return { centre, axes };
}

/** The two eigenvectors with the largest eigenvalues of a symmetric matrix (Jacobi 1846); the
 * largest number of each is positive. */
function largestAxes(matrix, width) {
  const vectors = Float64Array.from(matrix, (_, at) => (at % (width + 1) === 0 ? 1 : 0));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    for (let p = 0; p < width; p++) {
      for (let q = p + 1; q < width; q++) {
        const apart = matrix[q * width + q] - matrix[p * width + p];
        const angle = Math.atan2(2 * matrix[p * width + q], apart) / 2;
        const c = Math.cos(angle), s = Math.sin(angle);
        for (let k = 0; k < width; k++) rotate(matrix, k * width + p, k * width + q, c, s);
        for (let k = 0; k < width; k++) rotate(matrix, p * width + k, q * width + k, c, s);
        for (let k = 0; k < width; k++) rotate(vectors, k * width + p, k * width + q, c, s);
      }
    }
  }
  const order = Array.from({ length: width }, (_, k) => k);
  order.sort((k, l) => matrix[l * width + l] - matrix[k * width + k]);
  return order.slice(0, 2).map((column) => {
    const axis = vectors.filter((_, at) => at % width === column);
    const largest = axis.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a));
    return axis.map((value) => value * Math.sign(largest));
  });
}

function rotate(values, p, q, c, s) {
  const [a, b] = [values[p], values[q]];
  values[p] = c * a - s * b;
  values[q] = s * a + c * b;
}
