// Image sets as tools/site_data.py writes them, and what of them a model trains on.

/** The images of a set, from its file: draws by seed and group, and features by image number. */
export function readSet(manifest, name, buffer) {
  const { features: width, per_group } = manifest.recipe, { pool, test, map } = manifest.sets[name];
  const groups = manifest.groups.length;
  const units = new Float32Array(buffer, 0, width);
  const draws = new Uint16Array(buffer, 4 * width, manifest.seeds.length * groups * per_group);
  const numbers = new Int8Array(buffer, units.byteLength + draws.byteLength);
  const features = (images) =>
    Float32Array.from({ length: images.length * width }, (_, at) => {
      const k = at % width;
      return numbers[images[(at - k) / width] * width + k] * units[k];
    });
  const heldOut = Array.from({ length: groups * test }, (_, i) => groups * pool + i);
  return { groups, pool, test, map, draws, features, heldOut };
}

/** Numbers of the images that a job trains on, in the order of Python. */
export function trainingImages(set, { manifest, seed, bias, removed = [], added = [] }) {
  const { per_group } = manifest.recipe;
  const kept = manifest.groups.flatMap(({ rare }, group) => {
    const start = (seed * set.groups + group) * per_group;
    const count = rare ? Math.round(per_group * (1 - bias)) : per_group;
    const drawn = set.draws.subarray(start, start + count);
    return Array.from(drawn, (place) => group * set.pool + place);
  });
  const left = kept.filter((image) => !removed.includes(image));
  return [...left, ...[...added].sort((a, b) => a - b)];
}
