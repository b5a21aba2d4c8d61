"""A loaded checkpoint answers as transformers' own model does, and says what it does not read."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import normalize
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

from tests.model.tiny_clip import TEXT_LENGTH, WIDTH, save_clip, save_siglip
from vlcore.model.device import ModelError
from vlcore.model.pretrained import PretrainedEncoder, load_checkpoint, middle_square

TEXTS = ["horse", "a camel in the desert"]
SAVED = {"clip": save_clip, "siglip": save_siglip}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("checkpoints")
    return {kind: save(root / kind) for kind, save in SAVED.items()}


@pytest.fixture(params=sorted(SAVED))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def encoder(folders: dict[str, Path], kind: str) -> PretrainedEncoder:
    return load_checkpoint(str(folders[kind]))


def pictures(number: int = 3) -> list[Image.Image]:
    random = np.random.default_rng(0)
    return [
        Image.fromarray(random.integers(0, 256, (40, 40 + 10 * k, 3), dtype=np.uint8))
        for k in range(number)
    ]


@torch.inference_mode()
def test_numbers_are_those_of_the_checkpoint(
    folders: dict[str, Path], kind: str, encoder: PretrainedEncoder
) -> None:
    parts = AutoModel, AutoImageProcessor, AutoTokenizer
    model, processor, tokenizer = (part.from_pretrained(folders[kind]) for part in parts)

    def tokens(texts: list[str]) -> Any:
        read = tokenizer(texts, return_tensors="pt", padding="max_length", max_length=TEXT_LENGTH)
        if kind == "siglip":
            del read["attention_mask"]
        return read

    prepared = processor([middle_square(one) for one in pictures()], return_tensors="pt")
    z, t = encoder.embed_images(pictures()), encoder.embed_captions(TEXTS)
    assert z.dtype == np.float32
    assert np.allclose(
        z, normalize(model.get_image_features(**prepared).pooler_output).numpy(), atol=1e-6
    )
    for text, vector in zip(TEXTS, t, strict=True):  # one by one as together
        alone = normalize(model.get_text_features(**tokens([text])).pooler_output)
        assert np.allclose(vector, alone[0].numpy(), atol=1e-5)
    expected = model(**tokens(TEXTS), **prepared).logits_per_image.numpy()
    assert np.allclose(encoder.scale * z @ t.T + encoder.bias, expected, atol=1e-4)
    assert np.array_equal(*encoder.embed_captions(["A Horse", "a horse"])), "both read lower case"
    assert encoder.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert (encoder.kind, encoder.device) == (kind, "cpu")


def test_only_the_middle_square_of_a_picture_counts(encoder: PretrainedEncoder) -> None:
    wide = Image.new("RGB", (90, 40), (255, 0, 0))
    middle = pictures(1)[0]
    wide.paste(middle, (25, 0))
    assert np.allclose(encoder.embed_images([wide]), encoder.embed_images([middle]), atol=1e-6)
    assert len(encoder.embed_images([Image.new("L", (9, 700)), Image.new("RGBA", (8, 8))])) == 2


@pytest.mark.parametrize(
    "text", ["x" * 10_000, "<script>alert(1)</script>", "🐪 沙漠 جمل", "<|endoftext|>", "a\0b"]
)
def test_any_caption_has_a_place(encoder: PretrainedEncoder, text: str) -> None:
    z = encoder.embed_captions([text])
    assert len(z) == 1
    assert np.linalg.norm(z) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("text", ["", "  \n"])
def test_a_caption_without_words_is_refused(encoder: PretrainedEncoder, text: str) -> None:
    with pytest.raises(ModelError, match="at least one word"):
        encoder.embed_captions(["horse", text])


def test_words_that_come_too_late_are_cut(encoder: PretrainedEncoder) -> None:
    # The tokenizer spells: 24 tokens are a beginning, an end and 22 letters.
    read, late = "abcdefghij klmnopqrst uv", "wx yz"
    assert np.allclose(*encoder.embed_captions([f"{read}", f"{read} {late}"]), atol=1e-6)


def test_a_checkpoint_is_loaded_once_until_its_files_change(tmp_path: Path) -> None:
    folder = save_clip(tmp_path / "own")
    said: list[str] = []
    first = load_checkpoint(str(folder), tell=said.append)
    assert said == [f"loading {folder}"]
    assert load_checkpoint(str(folder)) is first
    save_clip(folder, seed=1)
    other = load_checkpoint(str(folder))
    assert other.name != first.name
    assert not np.allclose(other.embed_captions(TEXTS), first.embed_captions(TEXTS))
    assert other.embed_captions(TEXTS).shape == (2, WIDTH)
