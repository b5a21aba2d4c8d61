// Plays an atlas (benchmarks/atlas.py): one map a label style, over bias and training step. The server is not asked.
const FIELD = 400, EDGE = 16, NEAR = 16, BEAT = 230;  // units of a map, its margin, reach of the pointer; ms a moment
const CIRCLE = "M4,0A4,4 0 1 1 -4,0A4,4 0 1 1 4,0Z", TRIANGLE = "M0,-5L4.6,3.4L-4.6,3.4Z";
const HALO = "M11,0A11,11 0 1 1 -11,0A11,11 0 1 1 11,0Z", FACE = 34;  // around the image that is pointed at; px of a group's image
const RING = "M7.5,0A7.5,7.5 0 1 1 -7.5,0A7.5,7.5 0 1 1 7.5,0Z", DIAMOND = "M0,-7L7,0L0,7L-7,0Z";
const NAMES = {undescriptive: "Short labels", descriptive: "Descriptive labels"};
const STUDY_BIAS = .75;  // at which the published answer compares captions
const SVG = "http://www.w3.org/2000/svg";
const atlases = new Map(), states = new WeakMap(), ends = new WeakMap();  // by what Streamlit draws in, which it keeps

const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
const percent = share => `${Math.round(100 * share)} %`;
const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

function element(name, attributes, parent) {
  const node = ["svg", "path", "text", "g"].includes(name) ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  parent.append(node);
  return node;
}

// The square that holds all images and captions at a moment and at the end: where it begins, and its side.
function box(places, moment, moments) {
  const each = places.length / moments, ends = [Infinity, Infinity, -Infinity, -Infinity];
  for (const from of [moment * each, (moments - 1) * each]) {
    for (let index = from; index < from + each; index++) {
      const axis = index % 2;
      ends[axis] = Math.min(ends[axis], places[index]);
      ends[axis + 2] = Math.max(ends[axis + 2], places[index]);
    }
  }
  const [left, low, right, high] = ends, side = Math.max(right - left, high - low);
  return {middle: [(left + right) / 2, (low + high) / 2], side};
}

async function read(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(answer.statusText);
  const atlas = await answer.json(), n = atlas.pictures.length, moments = atlas.steps.length;
  atlas.sheet = URL.createObjectURL(new Blob([bytes(atlas.sheet)], {type: "image/webp"}));
  for (const model of atlas.models.flat()) {
    model.places = new Uint16Array(bytes(model.places).buffer);
    const bits = bytes(model.right);
    model.right = (moment, picture) => {
      const bit = moment * n + picture;
      return bits[bit >> 3] >> (7 - (bit & 7)) & 1;
    };
    model.boxes = Array.from({length: moments}, (_, moment) => box(model.places, moment, moments));
    model.counts = Array.from({length: moments}, (_, moment) => {
      const counts = atlas.groups.map(() => 0);
      atlas.pictures.forEach((group, picture) => { counts[group] += model.right(moment, picture); });
      return counts;
    });
  }
  return atlas;
}

export default function({parentElement, data}) {
  const root = parentElement.querySelector(".atlas"), find = name => root.querySelector(name);
  let ended = false, end = () => {};
  ends.get(root)?.();  // of what was told before, which Streamlit does not end
  const stop = () => { ended = true; end(); };
  ends.set(root, stop);
  if (!atlases.has(data.url)) atlases.set(data.url, read(data.url));
  atlases.get(data.url).then(atlas => { if (!ended) end = play(atlas); }, () => {
    atlases.delete(data.url);
    find(".ask p").textContent = "The maps could not be loaded; load the page again.";
  });
  return stop;

  function play(atlas) {
    const reducedMotion = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    const last = atlas.steps.length - 1, n = atlas.pictures.length, colours = data.colours, listeners = new AbortController();
    const minorityGroups = atlas.groups.map((_, group) => group).filter(group => atlas.minority[group]);
    const majorityGroups = atlas.groups.map((_, group) => group).filter(group => !atlas.minority[group]);
    const perGroup = atlas.pictures.filter(group => group === 0).length;
    // It opens with a riddle: a model without bias, and one of the least bias that fails on most images of minority
    // groups. Then both maps are of one bias, and of a label style each.
    const fails = ([short]) => minorityGroups.every(group => short.counts[last][group] < perGroup / 2);
    const studied = atlas.bias.indexOf(STUDY_BIAS);
    const riddle = atlas.models.findIndex(fails) < 0 ? atlas.bias.length - 1 : atlas.models.findIndex(fails);
    // A card of the guide shows what it is about.
    const card = {...data.begin, ...(data.begin?.asked && {playing: false, moment: last})};
    // What a visitor chose is in the address, over its card; a gesture there is undone by Back (page.js).
    const chosen = () => {
      const fields = new URLSearchParams(location.search);
      const news = fields.get("guide") === String(card.card) ? {...card} : {};
      const bias = atlas.bias.findIndex(level => String(Math.round(100 * level)) === fields.get("map_bias"));
      const moment = atlas.steps.findIndex(step => String(step) === fields.get("map_step"));
      if (bias >= 0) Object.assign(news, {bias, riddle: false});
      if (moment >= 0) Object.assign(news, {moment, playing: false, asked: true});
      if (fields.has("map_rare")) Object.assign(news, {shown: fields.get("map_rare") === "true", asked: true});
      return news;
    };
    const untouched = {bias: riddle, riddle: true, shown: false, answer: ""};
    if (!states.has(root)) {
      const begin = reducedMotion ? {moment: last, playing: false, asked: true} : {moment: 0, playing: true, asked: false};
      states.set(root, {...begin, ...untouched, ...chosen()});
    }
    const state = states.get(root);
    if (state.card !== card.card) Object.assign(state, card);
    const listen = (target, kind, act) => target.addEventListener(kind, act, {signal: listeners.signal});
    root.style.colorScheme = data.scheme;  // of sliders and boxes
    let timer = null, frame = null, highlighted = null;

    const tile = (picture, side) => {
      const columns = atlas.columns, [row, column] = [Math.floor(picture / columns), picture % columns];
      return `flex: none; width: ${side}px; height: ${side}px; background: url(${atlas.sheet}) ${-side * column}px ${-side * row}px`
        + ` / ${side * columns}px auto`;
    };
    const shape = group => (atlas.objects[group] === atlas.objects[0] ? CIRCLE : TRIANGLE) + (atlas.minority[group] ? RING : "");
    const symbol = (group, parent) => {
      const colour = colours.groups[group];
      return element("path", {d: shape(group), fill: colour, stroke: colour, class: atlas.minority[group] ? "unusual" : ""}, parent);
    };
    find(".maps").replaceChildren();
    const panes = [0, 1].map(number => {
      const figure = element("figure", {class: "model"}, find(".maps")), title = element("h3", {}, figure);
      const map = element("svg", {viewBox: `0 0 ${FIELD} ${FIELD}`, tabindex: 0, role: "img"}, figure);
      const marks = atlas.pictures.map(group => symbol(group, map));
      const shares = element("ul", {class: "shares"}, figure);
      const bars = [...majorityGroups, ...minorityGroups].map(group => {
        const row = element("li", {}, shares);
        const face = element("span", {class: "face", "aria-hidden": "true"}, row);
        face.style.cssText = tile(atlas.pictures.indexOf(group), FACE);
        symbol(group, element("svg", {viewBox: "-10 -10 20 20", "aria-hidden": "true"}, row));
        element("span", {class: "name"}, row).textContent = atlas.groups[group];
        const value = element("strong", {}, row), track = element("div", {class: "track"}, row);
        return {group, value, fill: element("i", {style: `background: ${colours.groups[group]}`}, track), line: element("b", {}, track)};
      });
      const note = element("p", {}, element("li", {class: "note"}, shares));
      note.textContent = `accuracy on the ${perGroup} new images of each group that the map shows, with 95 % intervals`;
      const halo = element("g", {class: "halo hidden"}, map);
      element("path", {d: HALO, fill: "none", stroke: colours.text}, halo);
      return {number, title, map, marks, bars, halo, captions: [], all: marks, places: new Float32Array(2 * n).fill(NaN)};
    });

    const modelIndex = pane => state.riddle ? [pane.number ? 0 : riddle, 0] : [state.bias, pane.number];
    const model = pane => atlas.models[modelIndex(pane)[0]][modelIndex(pane)[1]];
    const modelName = pane => state.riddle ? `Model ${"AB"[pane.number]}` : NAMES[atlas.styles[pane.number]] ?? atlas.styles[pane.number];
    const right = (pane, group) => model(pane).counts[state.moment][group] / perGroup;

    function label(pane) {
      const [bias, style] = modelIndex(pane), words = atlas.captions[style];
      const about = !state.riddle ? words.slice(0, 2).map(caption => `“${caption}”`).join(", ") + (words.length > 2 ? " …" : "")
        : state.shown ? `rare training images: ${atlas.removed[bias]}` : "";
      pane.title.textContent = modelName(pane);
      element("small", {}, pane.title).textContent = ` ${about}`;
      if (pane.style === style) return;
      pane.style = style;
      pane.captions.forEach(caption => caption.remove());
      pane.captions = words.map(caption => {
        const mark = element("g", {}, pane.map);
        element("path", {d: DIAMOND, fill: colours.text, stroke: colours.ground, style: "fill-opacity: 1"}, mark);
        element("text", {fill: colours.text, stroke: colours.ground, y: 4.5}, mark).textContent = caption;
        return mark;
      });
      pane.all = [...pane.marks, ...pane.captions];
      const before = pane.places;
      pane.places = new Float32Array(2 * pane.all.length).fill(NaN);
      pane.places.set(before.subarray(0, 2 * n));
    }

    function move() {
      let moving = false;
      const side = Math.max(...panes.map(pane => model(pane).boxes[state.moment].side), 1);  // one scale: spreads compare
      for (const pane of panes) {
        const {places, boxes} = model(pane), each = 2 * pane.all.length, from = state.moment * each;
        for (let index = 0; index < each; index++) {
          const share = .5 + (places[from + index] - boxes[state.moment].middle[index % 2]) / side;
          const target = EDGE + (FIELD - 2 * EDGE) * (index % 2 ? 1 - share : share), now = pane.places[index];
          const near = reducedMotion || Number.isNaN(now) || Math.abs(target - now) < .2;
          pane.places[index] = near ? target : now + .22 * (target - now);
          moving ||= !near;
        }
        pane.all.forEach((mark, index) => {
          mark.setAttribute("transform", `translate(${pane.places[2 * index].toFixed(1)},${pane.places[2 * index + 1].toFixed(1)})`);
        });
        if (highlighted !== null) pane.halo.setAttribute("transform", pane.marks[highlighted].getAttribute("transform"));
        for (const [index, caption] of pane.captions.entries()) {  // words on the side where there is room
          const words = caption.lastChild, left = pane.places[2 * (n + index)] > .6 * FIELD;
          words.setAttribute("text-anchor", left ? "end" : "start");
          words.setAttribute("x", left ? -11 : 11);
        }
        const occupied = [];  // words keep off those above them
        for (const [y, x, words] of pane.captions.map(({lastChild}, index) =>
          [pane.places[2 * (n + index) + 1], pane.places[2 * (n + index)], lastChild]).sort(([first], [second]) => first - second)) {
          const width = 7.5 * words.textContent.length, from = words.getAttribute("x") < 0 ? x - width : x;
          const above = occupied.filter(word => word.from < from + width && from < word.from + word.width).map(word => word.y);
          const middle = Math.max(y, ...above.map(height => height + 15));
          words.setAttribute("y", middle - y + 4.5);
          occupied.push({from, width, y: middle});
        }
      }
      frame = moving ? requestAnimationFrame(move) : null;
    }

    function show() {
      panes.forEach(label);
      if (frame === null) move();
      find(".time").value = state.moment;
      find(".bias").value = state.bias;
      for (const slider of [find(".time"), find(".bias")]) slider.style.setProperty("--done", `${100 * slider.value / slider.max}%`);
      find(".reveal").checked = state.shown;
      find(".step").textContent = atlas.steps[state.moment].toLocaleString("en");
      // The riddle's models differ in it, which is told once a visitor has said what they think.
      const levels = panes.map(pane => `${"AB"[pane.number]} ${state.shown ? percent(atlas.bias[modelIndex(pane)[0]]) : "?"}`);
      find(".removed").textContent = state.riddle ? levels.join(", ") : atlas.removed[state.bias];
      find(".hint").hidden = !state.riddle;
      find(".time").setAttribute("aria-valuetext", `step ${atlas.steps[state.moment]}`);
      find(".bias").setAttribute("aria-valuetext", state.riddle ? levels.join(", ") : atlas.removed[state.bias]);
      find(".play").textContent = state.playing ? "Pause" : "Play";
      for (const pane of panes) {
        for (const {group, value, fill, line} of pane.bars) {
          const known = state.shown || !atlas.minority[group], share = right(pane, group);
          const [low, high] = atlas.intervals[Math.round(share * perGroup)];
          value.textContent = known ? `${percent(share)} (${Math.round(100 * low)} to ${Math.round(100 * high)})` : "?";
          fill.style.width = known ? `${100 * share}%` : 0;
          line.style.cssText = known ? `left: ${100 * low}%; width: ${100 * (high - low)}%` : "";
        }
        pane.marks.forEach((mark, picture) => {
          mark.classList.toggle("hidden", !state.shown && atlas.minority[atlas.pictures[picture]]);
        });
        pane.map.setAttribute("aria-label", `Map of new images and captions, ${modelName(pane)}: ${spokenShares(pane)}`);
      }
      showQuestion();
      if (highlighted !== null) writeTip();
    }

    const spokenShares = pane => (state.shown ? [...majorityGroups, ...minorityGroups] : majorityGroups)
      .map(group => `${atlas.groups[group]} right on ${percent(right(pane, group))}`).join(", ");
    const sharesOfBoth = groups => panes.map(pane => groups.map(group => percent(right(pane, group))).join(" and ")
      + ` (${modelName(pane)})`).join(", ");

    function showQuestion() {
      const names = groups => groups.map(group => atlas.groups[group]).join(" and ");
      let words = `Two models learn to name what they see. Here is what they make of new images of the common kinds, ${names(majorityGroups)}.`;
      let offered = [];
      if (state.riddle && state.shown) {
        const fooled = panes.filter(pane => minorityGroups.every(group => right(pane, group) < .5)).map(modelName).join(" and ");
        words = `${state.answer} Of the rare kinds, ${names(minorityGroups)}, ${sharesOfBoth(minorityGroups)} are predicted right.`
          + (fooled ? ` There ${fooled} is wrong more often than right, and the common images did not show it.` : "");
        const opened = {riddle: false, bias: studied < 0 ? riddle : studied};
        offered = [["Do descriptive captions help?", {...opened, moment: reducedMotion ? last : 0, playing: !reducedMotion}]];
      } else if (state.riddle && state.asked) {
        words = `Of new images of the common kinds, ${sharesOfBoth(majorityGroups)} are predicted right. Which would you trust?`;
        offered = ["Model A", "Model B", "Neither"].map(choice => [choice, {shown: true, answer: `You said: ${choice}.`}]);
      } else if (!state.riddle) {
        const groups = state.shown ? minorityGroups : majorityGroups;
        words = `One bias, two label styles. Of ${names(groups)}, ${sharesOfBoth(groups)} are predicted right. Drag the bias: when does that change?`
          + " Two runs only: Findings has all.";
      }
      if (find(".ask p").textContent !== words) find(".ask p").textContent = words;
      const choices = find(".choices"), labels = offered.map(([name]) => name).join();
      if (choices.dataset.labels === labels) return;
      choices.dataset.labels = labels;
      choices.replaceChildren();
      for (const [name, news] of offered) {
        const button = element("button", {type: "button"}, choices);
        button.textContent = name;
        listen(button, "click", () => choose(news));
      }
    }

    function change(news) {
      Object.assign(state, news);
      if (state.playing && timer === null) timer = setInterval(beat, BEAT);
      if (!state.playing) { clearInterval(timer); timer = null; }
      show();
    }

    function choose(news) {
      change(news);
      remember();
    }

    function remember() {
      const address = new URL(location.href), {riddle, bias, playing, moment, shown} = state;
      const fields = {
        map_bias: riddle ? null : Math.round(100 * atlas.bias[bias]),
        map_step: playing ? null : atlas.steps[moment],
        map_rare: shown || (card.shown ? false : null),
      };
      for (const [name, value] of Object.entries(fields)) {
        if (value === null) address.searchParams.delete(name);
        else address.searchParams.set(name, value);
      }
      history.replaceState(history.state, "", address);
    }

    function beat() {
      if (state.moment < last) return change({moment: state.moment + 1});
      change({playing: false, asked: true});
    }

    function highlight(picture, pane) {
      if (highlighted !== null) panes.forEach(pane => pane.marks[highlighted].classList.remove("lit"));
      highlighted = picture;
      panes.forEach(pane => pane.halo.classList.toggle("hidden", picture === null));
      find(".tip").hidden = picture === null;
      if (picture === null) return;
      const box = root.getBoundingClientRect(), map = pane.map.getBoundingClientRect();
      for (const {marks, halo} of panes) {
        marks[picture].classList.add("lit");
        halo.setAttribute("transform", marks[picture].getAttribute("transform"));
      }
      writeTip();
      find(".tip .picture").style.cssText = tile(picture, atlas.tile);
      const x = map.left - box.left + pane.places[2 * picture] / FIELD * map.width;
      const y = map.top - box.top + pane.places[2 * picture + 1] / FIELD * map.height, tip = find(".tip");
      tip.style.left = `${clamp(x + 16, 0, Math.max(0, box.width - tip.offsetWidth))}px`;
      tip.style.top = `${y + 16 + tip.offsetHeight > box.height ? Math.max(0, y - 16 - tip.offsetHeight) : y + 16}px`;
    }

    // What is highlighted, and whether it is predicted right at this moment.
    function writeTip() {
      const verdicts = panes.map(pane => `${modelName(pane)}: ${model(pane).right(state.moment, highlighted) ? "right" : "wrong"}`);
      find(".tip .words").textContent = [atlas.groups[atlas.pictures[highlighted]], ...verdicts].join("\n");
    }

    function nearest(pane, event) {
      const box = pane.map.getBoundingClientRect(), unit = FIELD / box.width;
      const x = (event.clientX - box.left) * unit, y = (event.clientY - box.top) * unit;
      let closest = null, least = NEAR * Math.max(1, unit);
      for (let picture = 0; picture < n; picture++) {
        if (!state.shown && atlas.minority[atlas.pictures[picture]]) continue;
        const distance = Math.hypot(pane.places[2 * picture] - x, pane.places[2 * picture + 1] - y);
        if (distance < least) [closest, least] = [picture, distance];
      }
      return closest;
    }

    for (const pane of panes) {
      listen(pane.map, "pointermove", event => highlight(nearest(pane, event), pane));
      // A tap: a finger may not move, and leaves as it is lifted.
      listen(pane.map, "click", event => highlight(nearest(pane, event), pane));
      listen(pane.map, "pointerleave", event => { if (event.pointerType !== "touch") highlight(null); });
      listen(pane.map, "blur", () => highlight(null));
      listen(pane.map, "keydown", event => {
        const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
        if (event.key === "Escape") highlight(null);
        if (!step) return;
        event.preventDefault();
        let next = highlighted ?? (step > 0 ? -1 : 0);
        do next = (next + step + n) % n; while (!state.shown && atlas.minority[atlas.pictures[next]]);
        highlight(next, pane);
      });
    }
    const isElsewhere = event => !panes.some(pane => event.composedPath().includes(pane.map));
    listen(document, "pointerdown", event => { if (isElsewhere(event)) highlight(null); });
    find(".time").max = last;
    find(".bias").max = atlas.bias.length - 1;
    listen(find(".time"), "input", event => change({moment: Number(event.target.value), playing: false}));
    listen(find(".bias"), "input", event => change({bias: Number(event.target.value), riddle: false}));
    for (const slider of [find(".time"), find(".bias")]) listen(slider, "change", remember);
    listen(find(".reveal"), "change", event => choose({shown: event.target.checked, answer: "", asked: true}));
    listen(find(".play"), "click", () => choose({playing: !state.playing, moment: state.moment === last ? 0 : state.moment}));
    listen(window, "popstate", () => change({...untouched, moment: last, playing: false, asked: true, ...chosen()}));
    find(".choices").removeAttribute("data-labels");
    root.setAttribute("aria-busy", "false");
    change({});
    return () => { listeners.abort(); clearInterval(timer); cancelAnimationFrame(frame); };
  }
}
