"""The page docs/try works in a browser: with little of it, and from one file."""

import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, FilePayload, Page, Route, expect
from selenium.webdriver import WebKitGTK
from selenium.webdriver.support.wait import WebDriverWait

from tests.chromium import needs_chromium, opened_chromium
from tests.firefox import Firefox, needs_firefox
from tests.webkit import needs_webkit, opened_webkit, selenium_warns
from tools.second_implementation import served_folder
from tools.site_data import write_site_data
from tools.site_page import ONE_FILE, copy_page
from tools.site_photo import write_photo
from vlcore.scenes import draw_scene, sample

pytestmark = pytest.mark.browser

PATIENCE = 120_000  # ms; other tests run beside these
READY = "body[data-state=ready]"
TRAINED = "Correct on "  # begins what is said of trained models
NO_WORKER = "delete window.Worker"
NO_GL = """const before = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
        return kind === "webgl2" ? null : before.call(this, kind, ...rest);
    }"""


@pytest.fixture(scope="module")
def folder(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page with one image set."""
    folder = tmp_path_factory.mktemp("try")
    write_site_data(folder / "data", ["scenes"], seeds=2, words=40)
    copy_page(folder)
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with served_folder(folder) as address:
        yield f"{address}/index.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with opened_chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on a phone; in the end it has refused nothing, and no error was left."""
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_default_timeout(PATIENCE)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if is_refusal(message) else None)
    yield page
    page.close()
    assert not errors


def is_refusal(message: ConsoleMessage) -> bool:
    return "Content Security Policy" in message.text


def open_page(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator(READY)).to_be_attached(timeout=PATIENCE)


def train(page: Page, section: str = "#train") -> None:
    page.locator(f"{section} .main").click()
    status = page.locator(f"{section} > .act [role=status]")
    expect(status).to_contain_text(TRAINED, timeout=PATIENCE)


def add_images(page: Page, count: int) -> None:
    for number in range(count):
        page.locator("#repair .added").nth(number).click()
    expect(page.locator("#repair .added[aria-pressed=true]")).to_have_count(count)


@needs_chromium
def test_a_visitor_without_a_network_answers_trains_and_repairs(page: Page, address: str) -> None:
    open_page(page, address)
    page.context.set_offline(True)
    expect(page.get_by_label("Show rare images")).to_be_hidden()
    page.get_by_role("button", name="Model A", exact=True).press("Enter")
    expect(page.locator("#riddle > .answer")).not_to_be_empty()
    expect(page.locator("#riddle .ask p")).to_be_focused()
    train(page)
    expect(page.locator("#train .act [role=status]")).to_be_focused()
    page.locator("#captions input").fill("camel")
    page.locator("#captions .main").click()
    expect(page.locator("#captions .nearest span")).to_have_count(0)
    add_images(page, 3)
    train(page, "#repair")
    expect(page.locator("#notice")).to_be_hidden()


@needs_chromium
def test_one_file_trains_and_asks_for_nothing(page: Page, folder: Path) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    open_page(page, (folder / ONE_FILE).as_uri())
    train(page)
    assert {url.partition(":")[0] for url in requests} <= {"file", "blob", "data"}
    assert [url for url in requests if url.startswith("file")] == [(folder / ONE_FILE).as_uri()]
    expect(page.locator("#notice")).to_be_hidden()


@needs_chromium
@pytest.mark.parametrize("lack", [NO_WORKER, NO_GL], ids=["worker", "WebGL2"])
def test_it_trains_without_a_worker_or_webgl_and_says_so(
    page: Page, address: str, lack: str
) -> None:
    page.add_init_script(lack)
    open_page(page, address)
    expect(page.locator("#notice")).not_to_be_empty()
    train(page)


@needs_chromium
@pytest.mark.parametrize("name", ["repair.js", "manifest.json", "scenes.bin"])
def test_a_file_that_does_not_load_is_named_and_asked_for_again(
    page: Page, address: str, name: str
) -> None:
    page.route(f"**/{name}", lambda route: route.abort())
    page.goto(address)
    expect(page.locator("#notice")).to_contain_text(name)
    page.unroute(f"**/{name}")
    page.locator("#notice button").click()
    expect(page.locator(READY)).to_be_attached(timeout=PATIENCE)
    expect(page.locator("#notice")).to_be_hidden()


@needs_chromium
def test_an_image_set_that_does_not_load_leaves_the_one_before(page: Page, address: str) -> None:
    def with_another_set(route: Route) -> None:
        manifest = route.fetch().json()
        manifest["sets"]["absent"] = manifest["sets"]["scenes"]
        route.fulfill(json=manifest)

    page.route("**/manifest.json", with_another_set)
    open_page(page, address)
    page.locator(".set").select_option("absent")
    expect(page.locator("#train .loading")).to_contain_text("scenes")
    expect(page.locator(".set")).to_have_value("scenes")
    expect(page.locator("#notice")).to_be_hidden()
    train(page)


@needs_chromium
def test_a_link_carries_all_settings(page: Page, address: str) -> None:
    open_page(page, address)
    chosen = {"style": "descriptive", "steps": "100", "seed": "1"}
    for name, value in chosen.items():
        page.locator(f"[name={name}]").first.select_option(value)
    page.locator("[name=bias]").first.fill("50")
    add_images(page, 2)
    page.locator("[name=caption]").fill("camel zyzzyva")
    page.locator("#captions .main").click()
    expect(page.locator("#captions > .act [role=status]")).to_contain_text("“zyzzyva”")
    expect(page.locator("#captions .nearest span")).to_have_count(12)
    link = page.url
    assert not urlsplit(link).query
    page.goto("about:blank")
    open_page(page, link)
    for name, value in {**chosen, "bias": "50", "caption": "camel zyzzyva"}.items():
        expect(page.locator(f"[name={name}]").first).to_have_value(value)
    expect(page.locator("#repair .added[aria-pressed=true]")).to_have_count(2)


@needs_chromium
def test_axe_finds_nothing_on_a_phone_light_and_dark(page: Page, address: str) -> None:
    open_page(page, address)
    train(page)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert not Axe().run(page).response["violations"]
        assert page.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.judge
@needs_chromium
def test_a_photo_is_put_on_the_maps(page: Page, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "data", tmp_path / "data")
    write_photo(tmp_path / "photo", ["scenes"])
    copy_page(tmp_path)
    content = io.BytesIO()
    scene = draw_scene(sample("camel", "desert", split="demo", index=5), 256)
    Image.fromarray(scene.image).save(content, "PNG")
    with served_folder(tmp_path) as address:
        open_page(page, f"{address}/index.html")
        page.locator("#photo button").click()
        photo: FilePayload = {
            "name": "a.png",
            "mimeType": "image/png",
            "buffer": content.getvalue(),
        }
        chosen = page.locator("#photo input").first
        expect(chosen).to_be_visible(timeout=PATIENCE)
        chosen.set_input_files(photo)
        expect(page.locator("#photo .predicted")).to_contain_text("camel", timeout=PATIENCE)
        expect(page.locator("#photo .nearest span")).to_have_count(12)


ANSWER = """const {shadowRoot} = document.querySelector("#riddle .maps-here");
    shadowRoot.querySelector(".choices button")?.click();
    return document.querySelector("#riddle > .answer").textContent"""


def train_in_webkit(driver: WebKitGTK, wait: WebDriverWait[WebKitGTK], section: str) -> None:
    press = f"document.querySelector('{section} .main').click()"
    status = f"return document.querySelector('{section} > .act [role=status]').textContent"
    driver.execute_script(press)
    wait.until(lambda shown: TRAINED in shown.execute_script(status))


@pytest.mark.judge
@needs_webkit
@selenium_warns
def test_webkit_answers_trains_and_repairs(address: str) -> None:
    with opened_webkit(PATIENCE / 1000) as driver:
        wait = WebDriverWait(driver, PATIENCE / 1000)
        driver.get(address)
        ready = f"return document.querySelector('{READY}') !== null"
        wait.until(lambda shown: shown.execute_script(ready))
        wait.until(lambda shown: shown.execute_script(ANSWER))
        train_in_webkit(driver, wait, "#train")
        driver.execute_script("document.querySelector('#repair .added').click()")
        enabled = "return document.querySelector('#repair .main').disabled === false"
        wait.until(lambda shown: shown.execute_script(enabled))
        train_in_webkit(driver, wait, "#repair")
        hidden = "return document.querySelector('#notice').hidden"
        assert driver.execute_script(hidden)


def percentages(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"(\d+)%", text)]


@pytest.mark.judge
@needs_firefox
def test_firefox_answers_trains_and_repairs(folder: Path, tmp_path: Path) -> None:
    with served_folder(folder) as root:
        seen = Firefox(tmp_path).go("training", root)
    assert seen["answer"]
    common, _, rare, _ = percentages(seen["trained"])
    assert rare < common, "Model A is biased"
    before, _, common_before, _ = percentages(seen["repaired"])
    assert (before, common_before) == (rare, common)
