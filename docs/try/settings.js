// What a visitor chose. The address has it behind #, so a link carries it.

export const STEPS = [100, 200, 400, 800];
export const MOST_CHANGES = 12;
const LONGEST = 80; // letters of a caption
const USUAL = [
  { style: "short", bias: 95, steps: 400, seed: 0 },
  { style: "short", bias: 0, steps: 400, seed: 0 },
];

/** Settings of an address: whatever is unknown is as usual. */
export function readSettings({ sets, styles, seeds, groups }) {
  const fields = new URLSearchParams(location.hash.slice(1));
  const known = (text, values, usual) => values.find((value) => String(value) === text) ?? usual;
  const upTo = (end) => [...Array(end).keys()];
  const models = USUAL.map((usual, pane) => {
    const [style, bias, steps, seed] = (fields.get("ab"[pane]) ?? "").split(",");
    return {
      style: known(style, styles.map(({ name }) => name), usual.style),
      bias: known(bias, upTo(101), usual.bias),
      steps: known(steps, STEPS, usual.steps),
      seed: known(seed, upTo(seeds.length), usual.seed),
    };
  });
  const set = known(fields.get("set"), Object.keys(sets), Object.keys(sets)[0]);
  const pool = groups.length * sets[set].pool;
  const images = (name) => (fields.get(name) ?? "").match(/\d+/g)?.map(Number) ?? [];
  const removed = new Set(images("remove").filter((image) => image < pool).slice(0, MOST_CHANGES));
  const left = MOST_CHANGES - removed.size;
  const added = new Set(images("add").filter((image) => image < pool).slice(0, left));
  const caption = (fields.get("caption") ?? "").slice(0, LONGEST);
  return { set, models, removed, added, caption };
}

/** The address of the page with settings, and with nothing else. */
export function linkTo({ set, models, removed, added, caption }) {
  const [a, b] = models.map(({ style, bias, steps, seed }) => [style, bias, steps, seed].join());
  const fields = { set, a, b, remove: [...removed].join("."), add: [...added].join("."), caption };
  const told = Object.entries(fields).filter(([, value]) => value);
  return `${location.href.split(/[?#]/)[0]}#${new URLSearchParams(told)}`;
}

export function writeSettings(settings) {
  history.replaceState(history.state, "", linkTo(settings));
}
