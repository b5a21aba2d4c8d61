// Home's riddle: two models in training, a question, and sliders of training step and bias around one `Maps`. One file, the
// atlas (tools/atlas.py), has all its models: the server is not asked.
const MARGIN = 0.04;  // part of a map that stays free at its edges
const FACE = 34;  // px of a group's image
const NAMES = {undescriptive: "Short captions", descriptive: "Descriptive captions"};
const atlases = new Map();  // promises, by address
const percent = share => `${Math.round(100 * share)}%`;

export default function({parentElement, data}) {
  const root = parentElement.querySelector(".riddle");
  root.latest = data;
  if (!atlases.has(data.url)) atlases.set(data.url, fetchAtlas(data.url));
  atlases.get(data.url).then(atlas => {
    if (root.latest !== data || !root.isConnected) return;
    root.riddle ??= new Riddle(root);  // Streamlit calls again for newer data
    root.riddle.tell(atlas, data);
  }, () => {
    atlases.delete(data.url);
    root.querySelector(".ask p").textContent = "The maps could not be loaded. Reload the page.";
  });
  return () => { if (!root.isConnected) root.riddle?.end(); };  // else only a call that was under way ends
}

async function fetchAtlas(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(answer.statusText);
  const atlas = await answer.json();
  for (const model of atlas.models.flat()) {
    model.places = new Uint16Array(bytesOf(model.places).buffer);
    model.right = bytesOf(model.right);
  }
  return atlas;
}

// An image of a group, its mark and name, and its accuracy as a bar with a line for the interval; `tell` takes the accuracy and
// the ends of the interval, or null where it is not known.
function groupBar(maps, group, words, isRare, shape) {
  const stroke = maps.data.colours[group], look = {fill: "none", stroke, "stroke-width": 1.7, "vector-effect": "non-scaling-stroke"};
  const ring = isRare ? [svgElement("circle", {r: 7.5, ...look})] : [];
  const outline = svgElement("path", {d: SHAPES[shape], transform: "scale(4)", ...look});
  const mark = svgElement("svg", {viewBox: "-10 -10 20 20", "aria-hidden": "true"}, outline, ...ring);
  const face = maps.image(maps.columns.group.indexOf(group), FACE);
  const name = element("span", {className: "name"}, words), value = element("strong");
  const fill = element("i"), line = element("b"), track = element("div", {className: "track"}, fill, line);
  fill.style.background = stroke;
  const tell = estimate => {
    const [share, low, high] = estimate ?? [0, 0, 0], ends = [low, high].map(end => Math.round(100 * end)).join(" to ");
    value.textContent = estimate ? `${percent(share)} (${ends})` : "?";
    fill.style.width = `${100 * share}%`;
    line.style.cssText = estimate ? `left: ${100 * low}%; width: ${100 * (high - low)}%` : "";
  };
  return {row: element("li", {}, face, mark, name, value, track), tell};
}

// Maps as large as an element of the page, which tell their riddle when they are new and take the words of cards from it.
class RiddleMaps extends Maps {
  constructor(riddle) {
    super(riddle.find(".models"));
    this.riddle = riddle;
    this.sizes.observe(riddle.find(".side"));
  }

  sizeIn() { return [2, this.riddle.find(".side").offsetWidth]; }

  build() {
    super.build();
    if (this.loaded) this.riddle.dress();
  }

  adopt(...told) {
    super.adopt(...told);
    this.riddle.dress();
  }

  describe(row) { return this.riddle.describe(row); }
}

class Riddle {
  constructor(root) {
    this.root = root;
    this.maps = new RiddleMaps(this);
    const {maps} = this, time = this.find(".time"), bias = this.find(".bias"), rare = this.find(".reveal");
    maps.listen(time, "input", () => this.change({moment: Number(time.value), playing: false}));
    maps.listen(bias, "input", () => {
      const ask = this.find(".ask");
      ask.style.minHeight = `${ask.offsetHeight}px`;  // with a shorter answer the slider would leave the pointer
      this.change({bias: Number(bias.value), riddle: false});
    });
    for (const slider of [time, bias]) maps.listen(slider, "change", () => this.remember());
    maps.listen(rare, "change", () => this.choose({shown: rare.checked, answer: "", asked: true}));
    maps.listen(this.find(".play"), "click", () => {
      const {playing, moment} = this.state;
      this.choose({playing: !playing, moment: moment === this.last ? 0 : moment});
    });
    maps.listen(window, "popstate", () => this.isLinked && this.change({...this.untouched, ...this.trained, ...this.chosen()}));
  }

  find(name) { return this.root.querySelector(name); }

  end() {
    clearInterval(this.timer);
    this.maps.end();
  }

  // `findings` is the name of the section that shows all runs; `isLinked`, whether the address has what a visitor chose.
  tell(atlas, {look, shapes, scheme, card, findings = "Findings", isLinked = true}) {
    const {table, minority, steps, bias} = atlas, groups = [...minority.keys()], last = steps.length - 1;
    Object.assign(this, {atlas, shapes, findings, isLinked, last, perGroup: table.count / groups.length});
    this.common = groups.filter(group => !minority[group]);
    this.rare = groups.filter(group => minority[group]);
    this.untouched = {bias: atlas.riddle, riddle: true, shown: false, answer: ""};
    this.trained = {moment: last, playing: false, asked: true};
    this.begun = this.maps.isStill ? this.trained : {moment: 0, playing: true};
    this.card = {...card, ...card?.asked && this.trained};  // of the guide, which says what the maps show
    this.state ??= {asked: false, ...this.begun, ...this.untouched, ...this.chosen()};
    if (this.state.card !== this.card.card) Object.assign(this.state, this.card);
    this.root.style.colorScheme = scheme;  // of sliders and boxes
    this.find(".time").max = last;
    this.find(".bias").max = bias.length - 1;
    const captions = atlas.captions.flat().map(caption => ({caption}));
    const pane = {title: "", subtitle: "", axes: ["", ""], extent: [0, 1, 0, 1], captions, uploads: []};
    const drawn = textOf(new Uint8Array(table.count).fill(1));
    this.maps.update({...look, count: table.count, table, drawn, panes: [pane, pane]});
  }

  // What a visitor chose is in the address, over the card; Back (page.js) undoes a gesture there.
  chosen() {
    if (!this.isLinked) return {};
    const {bias, steps} = this.atlas, fields = new URLSearchParams(location.search);
    const news = fields.get("guide") === String(this.card.card) ? {...this.card} : {};
    const level = bias.findIndex(share => String(Math.round(100 * share)) === fields.get("map_bias"));
    const moment = steps.findIndex(step => String(step) === fields.get("map_step"));
    if (level >= 0) Object.assign(news, {bias: level, riddle: false});
    if (moment >= 0) Object.assign(news, {...this.trained, moment});
    if (fields.has("map_rare")) Object.assign(news, {shown: fields.get("map_rare") === "true", asked: true});
    return news;
  }

  remember() {
    if (!this.isLinked) return;
    const address = new URL(location.href), {riddle, bias, playing, moment, shown} = this.state;
    const fields = {
      map_bias: riddle ? null : Math.round(100 * this.atlas.bias[bias]),
      map_step: playing ? null : this.atlas.steps[moment],
      map_rare: shown || (this.card.shown ? false : null),
    };
    for (const [name, value] of Object.entries(fields)) {
      if (value === null) address.searchParams.delete(name);
      else address.searchParams.set(name, value);
    }
    history.replaceState(history.state, "", address);
  }

  change(news) {
    Object.assign(this.state, news);
    if (this.state.playing) this.timer ??= setInterval(() => this.beat(), BEAT);
    else this.timer = clearInterval(this.timer);
    if (this.bars) this.show();
  }

  choose(news) {
    this.change(news);
    this.remember();
  }

  beat() {
    const {moment} = this.state;
    this.change(moment < this.last ? {moment: moment + 1} : this.trained);
  }

  // The models of both maps.
  get models() {
    const {atlas} = this, {riddle, bias} = this.state;
    const names = riddle ? ["Model A", "Model B"] : atlas.styles.map(style => NAMES[style] ?? style);
    return names.map((name, pane) => {
      const [level, style] = riddle ? [pane ? 0 : atlas.riddle, 0] : [bias, pane];
      return {name, level, style, ...atlas.models[level][style]};
    });
  }

  // How many images of a group a model predicts right at this moment, and what share of them.
  right({counts}, group) { return counts[this.state.moment][group]; }
  share(model, group) { return percent(this.right(model, group) / this.perGroup); }

  // Draws the bars beside maps that are new.
  dress() {
    const words = `accuracy on the ${this.perGroup} held-out images of each group on the map, with 95% intervals`;
    this.bars = this.maps.asides.flatMap((aside, pane) => {
      const bars = [...this.common, ...this.rare].map(group => this.bar(pane, group));
      const rows = [...bars.map(({row}) => row), element("li", {className: "note"}, words)];
      aside.replaceChildren(element("ul", {className: "bars"}, ...rows));
      return bars;
    });
    this.change({});
    this.root.setAttribute("aria-busy", "false");
  }

  bar(pane, group) {
    const {atlas, maps, perGroup} = this, isRare = atlas.minority[group];
    const {row, tell} = groupBar(maps, group, atlas.groups[group], isRare, this.shapes[group]);
    const show = () => {
      const isKnown = this.state.shown || !isRare, count = this.right(this.models[pane], group);
      tell(isKnown ? [count / perGroup, ...atlas.intervals[count]] : null);
    };
    return {row, show};
  }

  show() {
    this.showMaps();
    this.showControls();
    this.showQuestion();
    for (const bar of this.bars) bar.show();
  }

  showMaps() {
    const {atlas, common, maps, models, rare} = this, {moment, riddle, shown} = this.state;
    const side = Math.max(...models.map(({boxes}) => boxes[moment][2]));  // one scale: spreads compare
    maps.move(models.map(model => this.targets(model, side)));
    maps.show(maps.columns.minority.map(isRare => shown || !isRare));
    models.forEach((model, pane) => {
      const {name, level, style} = model, quoted = atlas.captions[style].map(words => `“${words}”`);
      const captions = quoted.slice(0, 2).join(", ") + (quoted.length > 2 ? " …" : "");
      const removed = shown ? `bias ${atlas.removed[level]}` : "";
      maps.titles[pane].textContent = name;
      maps.subtitles[pane].textContent = riddle ? removed : captions;
      const known = shown ? [...common, ...rare] : common;
      const right = known.map(group => `${atlas.groups[group]} correct on ${this.share(model, group)}`).join(", ");
      maps.surfaces[pane].setAttribute("aria-label", `Map of held-out images and captions, ${name}: ${right}`);
    });
  }

  // Where the images and captions of a model are, from 0 to 1 across a map of so many units.
  targets({places, boxes}, side) {
    const {moment} = this.state, {count} = this.maps, each = places.length / boxes.length;
    const scale = (1 - 2 * MARGIN) / Math.max(side, 1);
    const part = (place, index) => place === ABSENT ? NaN : 0.5 + scale * (place - boxes[moment][index % 2]);
    const parts = Float32Array.from(places.subarray(moment * each, (moment + 1) * each), part);
    const [x, y] = [0, 1].map(axis => Float32Array.from({length: count}, (_, row) => parts[2 * row + axis]));
    return {x, y, captions: parts.subarray(2 * count)};
  }

  // The words of the card of an image.
  describe(row) {
    const {atlas, maps, state} = this, bit = state.moment * maps.count + row;
    const isRight = bits => bits[bit >> 3] >> (7 - (bit & 7)) & 1;
    const verdicts = this.models.map(({name, right}) => [name, isRight(right) ? "correct" : "wrong"]);
    return {group: atlas.groups[maps.columns.group[row]], ...Object.fromEntries(verdicts)};
  }

  showControls() {
    const {atlas} = this, {moment, bias, riddle, shown, playing} = this.state, step = atlas.steps[moment];
    // The riddle's models differ in their bias, which is told once a visitor has said what they think.
    const levels = this.models.map(({level}, pane) => `${"AB"[pane]} ${shown ? percent(atlas.bias[level]) : "?"}`);
    const removed = riddle ? levels.join(", ") : atlas.removed[bias];
    for (const [name, value, spoken] of [[".time", moment, `step ${step}`], [".bias", bias, removed]]) {
      const slider = this.find(name);
      slider.value = value;
      slider.style.setProperty("--done", `${100 * value / slider.max}%`);
      slider.setAttribute("aria-valuetext", spoken);
    }
    this.find(".step").textContent = step.toLocaleString("en");
    this.find(".removed").textContent = removed;
    this.find(".hint").hidden = !riddle;
    this.find(".reveal").checked = shown;
    this.find(".play").textContent = playing ? "Pause" : "Play";
  }

  showQuestion() {
    const [words, offered] = this.question(), text = this.find(".ask p"), choices = this.find(".choices");
    const labels = Object.keys(offered).join();
    text.ariaLive = this.state.playing ? "off" : "polite";  // else each step would be spoken
    if (text.textContent !== words) text.textContent = words;
    if (choices.dataset.labels === labels) return;
    const isFocused = choices.contains(this.root.getRootNode().activeElement);
    choices.dataset.labels = labels;
    choices.replaceChildren(...Object.entries(offered).map(([label, news]) => {
      const button = element("button", {type: "button"}, label);
      this.maps.listen(button, "click", () => this.choose(news));
      return button;
    }));
    if (isFocused) text.focus();  // its button is gone
  }

  // Whether a model is wrong on most images of each rare group.
  fails(model) { return this.rare.every(group => this.right(model, group) < this.perGroup / 2); }

  // What a visitor is told and asked, and what each answer changes.
  question() {
    const {atlas, common, models, rare} = this, {answer, asked, riddle, shown} = this.state;
    const names = groups => groups.map(group => atlas.groups[group]).join(" and ");
    const shares = (model, groups) => groups.map(group => this.share(model, group)).join(" and ");
    const both = groups => models.map(model => `${shares(model, groups)} (${model.name})`).join(", ");
    if (!riddle) {
      const groups = shown ? rare : common, right = `Correct on ${names(groups)}: ${both(groups)}.`;
      const hint = `Drag Bias and watch. These are two runs; ${this.findings} tells what many show.`;
      const back = {...this.trained, ...this.untouched};
      return [`Same images, different captions. ${right} ${hint}`, {"Back to the question": back}];
    }
    if (shown) {
      const fooled = models.filter(model => this.fails(model)).map(({name}) => name).join(" and ");
      const failure = `${fooled} is wrong more often than not. The common images did not reveal it.`;
      const right = `Correct on rare images, ${names(rare)}: ${both(rare)}.`;
      const training = models.map(({name, level}) => `${name} ${atlas.removed[level]}`).join(", ");
      const opened = {...this.begun, riddle: false, bias: atlas.studied};
      return [[answer, right, fooled && failure, `Bias: ${training}.`].join(" ").trim(), {"Do descriptive captions help?": opened}];
    }
    if (asked) {
      const answers = ["Model A", "Model B", "Neither"].map(name => [name, {shown: true, answer: `You said: ${name}.`}]);
      const right = `Correct on common images: ${both(common)}.`;
      return [`${right} Which model would you trust?`, Object.fromEntries(answers)];
    }
    const kinds = `Each map shows how one of them sees the same common images: ${names(common)}.`;
    return [`Two models learn to name the animal. ${kinds}`, {}];
  }
}
