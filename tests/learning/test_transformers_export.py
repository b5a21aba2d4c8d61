"""Our models as transformers opens them: the same embeddings to the last bit, from safetensors only."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from safetensors import safe_open
from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoTokenizer

from tests.learning.builders import WORDS as VOCABULARY
from tests.learning.builders import pictures
from vlcore.core.vocabulary import MAX_WORDS, UNKNOWN, Vocabulary
from vlcore.datasets.opening import square
from vlcore.learning import device, inference
from vlcore.learning.model import Encoder, ModelConfig, to_input
from vlcore.learning.transformers_export import VlBiasConfig, VlBiasModel, tokenizer_of, write_folder

CAPTIONS = ["horse on the grass", "a camel in the desert"]
KINDS: dict[str, dict[str, Any]] = {
    "dual": {},
    "patches": {"architecture": "seed_faithful"},
    "affine": {"logit": "affine"},
    "classifier": {"language": "classes", "classes": 2},
    "captioner": {"language": "decoder"},
    "backbone": {"architecture": "torchvision:shufflenet_v2_x0_5@random"},
}
WORDS = st.one_of(st.sampled_from(VOCABULARY.words), st.text("abcdefgßäöüÉñж中٣½ .,'-_!?…\t\n", max_size=8))


def model_of(kind: str) -> Encoder:
    return Encoder(ModelConfig(words=len(VOCABULARY), **KINDS[kind])).eval().requires_grad_(False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_folder(model_of("dual"), VOCABULARY, CAPTIONS, tmp_path)
    return tmp_path


@pytest.mark.parametrize("kind", KINDS)
@torch.inference_mode()
def test_what_is_read_back_gives_the_same_numbers_bit_for_bit(kind: str, tmp_path: Path) -> None:
    model = model_of(kind)
    write_folder(model, VOCABULARY, CAPTIONS, tmp_path)
    again, found = AutoModel.from_pretrained(tmp_path, output_loading_info=True)
    assert isinstance(again, VlBiasModel)
    assert not again.training
    assert not any(found.values())
    tokens = torch.from_numpy(VOCABULARY.tokens(CAPTIONS))
    for n in (1, 2, 5):  # a picture alone is multiplied in another way than several
        pixels = to_input(torch.from_numpy(pictures(n)))
        out = again(pixel_values=pixels, input_ids=tokens)
        assert torch.equal(out.image_embeds, model.image(pixels))
        assert torch.equal(out.logits_per_image, model.score(pixels, tokens))
    if kind != "captioner":
        assert np.array_equal(out.text_embeds.numpy(), inference.embed_captions(model, VOCABULARY, CAPTIONS))


@torch.inference_mode()
def test_a_picture_and_a_caption_take_the_same_way_as_ours(folder: Path) -> None:
    model = model_of("dual")
    prepare, tokenizer = AutoImageProcessor.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 256, (150, 201, 3), dtype=np.uint8))
    prepared = prepare(images=[picture, picture.convert("L")], return_tensors="pt")["pixel_values"]
    assert torch.equal(prepared[:1], to_input(torch.from_numpy(square(picture, 64))[None]))
    assert torch.equal(prepare(picture)["pixel_values"], prepared[:1])
    again = AutoModel.from_pretrained(folder)
    for padding in (True, "max_length"):
        inputs = tokenizer(CAPTIONS, padding=padding, return_tensors="pt")
        assert set(inputs) == {"input_ids"}
        mine = inference.embed_captions(model, VOCABULARY, CAPTIONS)
        assert np.array_equal(again.get_text_features(**inputs).numpy(), mine)
    too_long = [" ".join(["horse"] * 30)]
    cut = again.get_text_features(tokenizer(too_long, return_tensors="pt")["input_ids"])
    assert np.array_equal(cut.numpy(), inference.embed_captions(model, VOCABULARY, too_long))


@given(st.lists(WORDS, max_size=MAX_WORDS + 3))
def test_the_tokenizer_reads_captions_as_training_did(parts: list[str]) -> None:
    text = " ".join(parts)
    tokenizer = tokenizer_of(VOCABULARY)
    read = tokenizer(text, truncation=True, padding="max_length")["input_ids"]
    assert read == VOCABULARY.tokens([text])[0].tolist()


def test_upper_case_and_sharp_s_are_read_as_training_did() -> None:
    vocabulary = Vocabulary(["strasse", "écru"])
    for text in ("STRASSE", "Straße", "STRAẞE", "Écru"):
        read = tokenizer_of(vocabulary)(text)["input_ids"]
        assert read == vocabulary.tokens([text])[0, :1].tolist() != [UNKNOWN]


def test_the_folder_holds_what_its_readers_look_for(folder: Path) -> None:
    assert {file.name for file in folder.iterdir()} == {
        "config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json",
        "vocab.json",
    }  # fmt: skip
    config = AutoConfig.from_pretrained(folder)
    assert isinstance(config, VlBiasConfig)
    assert config.shape == ModelConfig(words=len(VOCABULARY))
    assert config.id2label == dict(enumerate(CAPTIONS))
    numbers = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    assert sorted(numbers.values()) == list(range(len(VOCABULARY)))
    assert [numbers[word] for word in ["horse", "on", "the", "grass"]] == VOCABULARY.tokens(CAPTIONS)[0, :4].tolist()
    with safe_open(folder / "model.safetensors", framework="pt") as file:
        assert file.metadata() == {"format": "pt"}
        assert all(name.startswith("encoder.") for name in file.keys())  # noqa: SIM118  # a safe_open is no dictionary


def test_what_cannot_be_computed_is_none_or_a_sentence(folder: Path, tmp_path: Path) -> None:
    model = AutoModel.from_pretrained(folder)
    out = model(input_ids=torch.from_numpy(VOCABULARY.tokens(CAPTIONS)))
    assert (out.image_embeds, out.logits_per_image, out.text_embeds.shape) == (None, None, (2, 32))
    captioner = VlBiasModel(VlBiasConfig(words=len(VOCABULARY), language="decoder"))
    for one, options, reason in (
        (model, {"input_ids": torch.zeros(1, 3, dtype=torch.int64)}, "at least one word"),
        (model, {}, "input_ids"),
        (captioner, {"input_ids": torch.ones(1, 3, dtype=torch.int64)}, "word by word"),
    ):
        with pytest.raises(device.ModelError, match=reason):
            one.get_text_features(**options)
    pixels = to_input(torch.from_numpy(pictures(2)))
    assert captioner(pixel_values=pixels).logits_per_image is None
    assert captioner(pixel_values=pixels).image_embeds.shape == (2, 32)


def test_weights_of_another_format_are_not_read(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(OSError, match="safetensors"):
        AutoModel.from_pretrained(folder)
