"""A browser embeds a photo (docs/try/photo.js) as the lab embeds an upload."""

import gzip
import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from onnx.reference import ReferenceEvaluator
from PIL import Image
from playwright.sync_api import FilePayload, Page, expect
from scipy.special import softmax

from tests.chromium import needs_chromium, opened_chromium
from tools.browser import browser_condition, components, train_browser
from tools.second_implementation import served_folder
from tools.site_photo import encoder, projection, write_photo
from vlcore.data.catalogue import open_set
from vlcore.data.decoding import open_upload
from vlcore.data.feature_store import BUNDLED, PRETRAINED, bundle_name
from vlcore.metrics.accuracy import logits, predict_objects
from vlcore.model.frozen_towers import classifier, open_tower
from vlcore.model.image_features import features_of_images
from vlcore.model.new_images import TOWER
from vlcore.model.recognition import recognise
from vlcore.model.views import Labels
from vlcore.scenes import draw_scene, sample

SCRIPTS = Path(__file__).parents[2] / "docs" / "try"
SET = "scenes"
POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'"
MOUNT = """async () => {
    const {mountPhoto} = await import("/photo.js");
    window.photos = [];
    const onPhoto = async ({name, isNeither, components}) =>
        photos.push({name, isNeither, components: [...await components("scenes")]});
    mountPhoto(document.querySelector("main"), {folder: "photo/", onPhoto});
}"""


def drawn(animal: str, context: str, size: tuple[int, int]) -> Image.Image:
    """A drawn scene in another size and shape."""
    scene = draw_scene(sample(animal, context, split="demo", index=5), 256)
    return Image.fromarray(scene.image).resize(size)


IMAGES = {
    "small": drawn("horse", "grass", (200, 150)),
    "tall": drawn("camel", "desert", (301, 500)),
    "square": drawn("horse", "desert", (256, 256)),
    "neither": Image.effect_mandelbrot((640, 480), (-2, -1, 1, 1), 50).convert("RGB"),
    "larger": drawn("camel", "grass", (1600, 1201)),
}


def file_of(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


def cosines(a: Any, b: Any) -> Any:
    return (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def components_of(features: Any) -> Any:
    with np.load(BUNDLED / bundle_name(open_set(SET), PRETRAINED)) as bundle:
        axes, centre = (bundle[name].astype(np.float32) for name in ("components", "centre"))
    return (features - centre) @ axes.T


def predicted(vectors: Any) -> Any:
    """The objects that a model of the recipe predicts."""
    condition, grouping = browser_condition(SET, 0.75, "short", 0), open_set(SET).grouping
    model, labels = train_browser(condition), Labels.from_condition(condition, grouping)
    tokens = torch.from_numpy(labels.vocabulary.tokens(labels.texts))
    with torch.inference_mode():
        z, captions = model.image(torch.from_numpy(vectors)).numpy(), model.text(tokens).numpy()
        scores = logits(z, captions, model.tau.exp().item(), model.bias.item())
    return predict_objects(scores, labels.objects, grouping.objects)


def test_the_exported_encoder_is_that_of_the_lab() -> None:
    session, tower = ReferenceEvaluator(encoder()), open_tower(TOWER)
    weights, bias = classifier()
    side = (PRETRAINED.side, PRETRAINED.side)
    for image in IMAGES.values():
        small = np.array(image.resize(side))
        prepared = torch.from_numpy(small).permute(2, 0, 1)[None].float() / 127.5 - 1
        with torch.inference_mode():
            expected = tower.network(prepared.to(tower.device)).cpu().numpy()
        pixels = np.dstack([small, np.zeros(side, np.uint8)])
        features, classes = session.run(None, {"pixels": pixels})
        assert cosines(features, expected).min() > 0.9999
        assert np.abs(classes - softmax(expected @ weights.T + bias, axis=1)).max() < 0.02


def test_the_exported_projection_gives_the_components_of_training() -> None:
    images = open_set(SET)
    with np.load(BUNDLED / bundle_name(images, PRETRAINED)) as bundle:
        axes, centre = (bundle[name].astype(np.float32) for name in ("components", "centre"))
    numbers = components(images).values[:5]
    session = ReferenceEvaluator(projection(images))
    for row in numbers:
        [result] = session.run(None, {"features": row[None] @ axes + centre})
        assert np.allclose(result, row, atol=2e-2 * np.abs(row).max())


@pytest.fixture(scope="module")
def address(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page without content beside the scripts and files, under the policy of the site."""
    folder = tmp_path_factory.mktemp("try")
    shutil.copytree(SCRIPTS, folder, dirs_exist_ok=True)
    sizes = write_photo(folder / "photo", [SET])
    assert sum(sizes.values()) < 11e6
    assert gzip.decompress((folder / "photo" / "ort.bin").read_bytes()).startswith(b"\0asm")
    (folder / "index.html").write_text("<!doctype html><title>Photo</title><main></main>")
    with served_folder(folder, {"Content-Security-Policy": POLICY}) as address:
        yield f"{address}/index.html"


@pytest.fixture
def page(address: str) -> Iterator[Page]:
    with opened_chromium() as browser:
        page = browser.new_page()
        page.goto(address)
        page.evaluate(MOUNT)
        yield page


def give(page: Page, name: str, content: bytes) -> None:
    """Choose a file, and wait until it is answered."""
    file: FilePayload = {"name": name, "mimeType": "image/png", "buffer": content}
    chosen = page.locator("input").first
    chosen.set_input_files(file)
    expect(chosen).to_be_enabled()


@pytest.mark.judge
@pytest.mark.browser
@pytest.mark.trains
@needs_chromium
def test_a_browser_reads_a_photo_as_the_lab_does(page: Page) -> None:
    page.get_by_role("button").click()
    expect(page.locator("input").first).to_be_visible(timeout=60_000)
    for name, image in IMAGES.items():
        give(page, name, file_of(image))
    photos = page.evaluate("photos")
    assert [photo["name"] for photo in photos] == list(IMAGES)
    uploads = [open_upload(file_of(image)) for image in IMAGES.values()]
    seen = recognise(uploads, open_set(SET).grouping)
    assert [photo["isNeither"] for photo in photos] == [each.is_neither for each in seen]
    features = features_of_images(TOWER, [np.asarray(upload) for upload in uploads])
    in_browser = np.array([photo["components"] for photo in photos], np.float32)
    in_python = components_of(features)
    near = cosines(in_browser, in_python)
    assert near[:-1].min() > 0.9995
    assert near[-1] > 0.995, "a canvas shrinks what is longer than 1,024 px"
    assert np.array_equal(predicted(in_browser), predicted(in_python))
    for wrong in (b"no image", bytes(21 * 2**20)):
        status = page.get_by_role("status").text_content()
        give(page, "wrong.png", wrong)
        assert page.get_by_role("status").text_content() not in ("", status)
    assert len(page.evaluate("photos")) == len(IMAGES)


@pytest.mark.judge
@pytest.mark.browser
@needs_chromium
def test_a_file_that_does_not_load_can_be_asked_for_again(page: Page) -> None:
    page.route("**/encoder.bin", lambda route: route.abort())
    button = page.get_by_role("button")
    button.click()
    expect(page.get_by_role("status")).to_contain_text("encoder.bin")
    expect(button).to_be_enabled()
    page.unroute("**/encoder.bin")
    button.click()
    expect(page.locator("input").first).to_be_visible(timeout=60_000)
