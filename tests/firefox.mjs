// One journey of a visitor in Firefox, by WebDriver BiDi: `firefox.py` gives it a task as JSON.
// It prints the facts that the visitor meets, and the complaints of the browser, as JSON.
import puppeteer from "puppeteer-core";

const {firefox, journey, address, patience, settled, ...facts} = JSON.parse(process.argv[2]);
const browser = await puppeteer.launch({
  browser: "firefox",
  executablePath: firefox,
  defaultViewport: {width: 390, height: 844},
  protocolTimeout: patience,
});
const page = await browser.newPage(), complaints = [];
page.setDefaultTimeout(patience);
page.on("pageerror", ({message}) => {
  // A library of Streamlit tries WebAssembly, and does without it where the policy forbids it.
  if (!message.includes("blocked WebAssembly")) complaints.push(message);
});
page.on("console", message => {
  if (["error", "warn"].includes(message.type())) complaints.push(message.text());
});
page.on("request", request => {
  const url = request.url();
  if (!/^(data|blob):/.test(url) && !url.startsWith(address)) complaints.push(`asks for ${url}`);
});
page.on("response", response => {
  if (response.status() >= 400) complaints.push(`${response.status()} at ${response.url()}`);
});

/** The element of a selector, once the page of the app has run to its end with it. */
async function whenSettled(selector) {
  await page.waitForSelector(selector);
  await page.waitForFunction(settled);
  return page.locator(selector);
}

/** The first element of a selector, in whichever shadow tree; none of them says what changes. */
const visible = selector => page.waitForSelector(`>>> ${selector}`, {visible: true});
const button = name => `aria/${name}[role="button"]`;

/** Where the images of Home rest, as text, unless they rest where they were before. */
const rest = ({riddle: {state, maps}}, before) => {
  const isThere = ({x}, pane) => x.every((place, row) => place === maps.x[pane][row]);
  const places = JSON.stringify(maps.x.map(axis => [...axis]));
  return !state.playing && maps.targets.every(isThere) && places !== before && places;
};

const journeys = {
  async riddle() {
    await page.goto(address);
    const riddle = await visible(".riddle[aria-busy=false]");
    const hidden = () => riddle.evaluate(({riddle: {maps}}) => maps.passing.filter(isShown => !isShown).length);
    const atFirst = await hidden();
    await (await visible(".choices button")).asLocator().click();
    const answered = await hidden();
    const places = await page.waitForFunction(rest, {}, riddle);
    await (await riddle.$(".bias")).press("End");
    await page.waitForFunction(rest, {}, riddle, places);
    const removed = await riddle.$eval(".removed", output => output.textContent);
    return {hidden: [atFirst, answered], removed, url: page.url()};
  },

  async vote() {
    await page.goto(`${address}/Lesson`);
    await (await whenSettled("input[placeholder=code]")).fill(facts.code);
    await (await whenSettled(button("Join"))).click();
    await (await whenSettled(button(facts.vote))).click();
    await whenSettled(button(`${facts.vote} (my answer)`));
    return {};
  },

  async upload() {
    await page.goto(`${address}/Upload`);
    const uploader = "[data-testid=stFileUploader] input[type=file]";
    await whenSettled(uploader);
    await (await page.$(uploader)).uploadFile(facts.file);
    const predictions = `xpath///img[@alt='${facts.name}']/following::p[starts-with(., 'Prediction:')]`;
    await whenSettled(`${predictions}[2]`);
    return {predictions: await page.$$eval(predictions, texts => texts.map(text => text.textContent))};
  },

  async training() {
    await page.goto(address);
    await page.waitForSelector("body[data-state=ready]");
    await (await visible(".choices button")).asLocator().click();
    const train = async section => {
      await page.locator(`${section} .main`).click();
      const status = await page.waitForSelector(`${section} > .act [role=status]::-p-text(Correct on)`);
      return status.evaluate(element => element.textContent);
    };
    const trained = await train("#train");
    await page.locator("#repair .added").click();
    const repaired = await train("#repair");
    const answer = await page.$eval("#riddle > .answer", element => element.textContent);
    return {answer, trained, repaired};
  },
};

try {
  const seen = await journeys[journey]();
  console.log(JSON.stringify({...seen, complaints}));
} catch (error) {
  console.error(error, complaints);
  console.error(await page.evaluate("document.body.innerText.slice(-2000)"));
  process.exitCode = 1;
} finally {
  await browser.close();
}
