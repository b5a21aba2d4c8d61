"""Export of a model as a folder that transformers opens with `AutoModel.from_pretrained`, once this is imported: it
says which of our classes the weights belong to, so that nothing is converted and no code travels with them."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from PIL import Image
from safetensors.torch import save_model
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.image_processing_utils import BaseImageProcessor
from transformers.utils import ModelOutput

from vlcore.core.vocabulary import MAX_WORDS, PAD, UNKNOWN, Vocabulary
from vlcore.datasets.imageset import TRAINING_SIZE
from vlcore.datasets.opening import square
from vlcore.learning.backbones import DEVIATION, MEAN, Backbone
from vlcore.learning.device import ModelError
from vlcore.learning.model import Encoder, ModelConfig, to_input

MODEL_TYPE = "vl-bias-lab"
PAD_WORD, UNKNOWN_WORD = "[PAD]", "[UNK]"
_SHAPE = {field.name: field.default for field in fields(ModelConfig)} | {"words": 2}


class VlBiasConfig(transformers.PretrainedConfig):  # type: ignore[misc]  # transformers is not typed for us
    """The fields of our `ModelConfig`; `id2label` names the captions that the model was trained with."""

    model_type = MODEL_TYPE

    def __init__(self, **options: Any) -> None:
        shape = {name: options.pop(name, usual) for name, usual in _SHAPE.items()}
        super().__init__(**options)
        for name, value in shape.items():
            setattr(self, name, value)

    @property
    def shape(self) -> ModelConfig:
        return ModelConfig(**{name: getattr(self, name) for name in _SHAPE})


@dataclass
class VlBiasOutput(ModelOutput):  # type: ignore[misc]
    """What a model makes of pictures and captions; what was not asked for, or has no vector, is None."""

    logits_per_image: Tensor | None = None  # scores of every picture with every caption, (B, K)
    image_embeds: Tensor | None = None  # unit vectors, (B, E)
    text_embeds: Tensor | None = None  # unit vectors, (K, E)


class VlBiasModel(transformers.PreTrainedModel):  # type: ignore[misc]
    """An encoder of `vlcore.learning.model` behind the interface of transformers' dual encoders."""

    config_class = VlBiasConfig
    main_input_name = "pixel_values"

    def __init__(self, config: VlBiasConfig) -> None:
        super().__init__(config)
        self.encoder = Encoder(config.shape)
        self.post_init()

    @classmethod
    def from_pretrained(cls, *arguments: Any, **options: Any) -> Any:
        """As in transformers, from safetensors only."""
        loaded = super().from_pretrained(*arguments, **{"use_safetensors": True, **options})
        model = loaded[0] if isinstance(loaded, tuple) else loaded
        # In the file numbers lie at odd addresses, where a processor adds them up in another order.
        for tensor in (*model.parameters(), *model.buffers()):
            tensor.data = tensor.data.clone()
        return loaded

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """Numbers that are in no file; transformers makes models without any numbers first."""
        if isinstance(module, Backbone):
            module.mean.copy_(torch.tensor(MEAN)[:, None, None])
            module.deviation.copy_(torch.tensor(DEVIATION)[:, None, None])

    def get_image_features(self, pixel_values: Tensor) -> Tensor:
        """Unit vectors of prepared pictures, (B, 3, S, S) to (B, E)."""
        return self.encoder.image(pixel_values)

    def get_text_features(self, input_ids: Tensor | None = None) -> Tensor:
        """Unit vectors of captions, (K, L) to (K, E); a classifier gives those of its classes and reads no captions."""
        if self.encoder.config.language == "decoder":
            raise ModelError("This model says captions word by word: a caption has no vector in its space.")
        if self.encoder.config.language == "classes":
            return self.encoder.text(torch.empty(self.encoder.config.classes, 0))
        if input_ids is None:
            raise ModelError("Give captions as input_ids, from the tokenizer of this folder.")
        return self.encoder.text(self._whole(input_ids))

    def _whole(self, input_ids: Tensor) -> Tensor:
        """Captions of any length at the one length that the model reads."""
        longest = self.encoder.config.max_words
        tokens = F.pad(input_ids[:, :longest], (0, max(0, longest - input_ids.shape[1])), value=PAD)
        if not (tokens != PAD).any(dim=1).all():
            raise ModelError("A caption needs at least one word.")
        return tokens

    def forward(
        self, pixel_values: Tensor | None = None, input_ids: Tensor | None = None, **_ignored: Any
    ) -> VlBiasOutput:
        """Embeddings and scores, as far as what is given allows (the mask of a tokenizer is not needed)."""
        pictures = None if pixel_values is None else self.get_image_features(pixel_values)
        language = self.encoder.config.language
        captions = logits = None
        if language != "decoder" and (language == "classes" or input_ids is not None):
            captions = self.get_text_features(input_ids)
        if pictures is not None and captions is not None:
            logits = self.encoder.logits(pictures, captions)
        elif pixel_values is not None and input_ids is not None:
            logits = self.encoder.score(pixel_values, self._whole(input_ids))
        return VlBiasOutput(logits, pictures, captions)


class VlBiasImageProcessor(BaseImageProcessor):  # type: ignore[misc]
    """Pictures as training saw them: the middle square, averaged down (which transformers' own processors can't on all
    of their backends), between -1 and 1."""

    model_input_names = ["pixel_values"]  # noqa: RUF012  # transformers' name and type

    def __init__(self, size: int = TRAINING_SIZE, **options: Any) -> None:
        super().__init__(**options)
        self.size = size

    def preprocess(self, images: Any, return_tensors: str | None = "pt", **_ignored: Any) -> transformers.BatchFeature:
        """A picture or several, as Pillow opens them, to `pixel_values` (B, 3, S, S)."""
        pictures = [images] if isinstance(images, Image.Image) else list(images)
        pixels = np.stack([square(picture.convert("RGB"), self.size) for picture in pictures])
        prepared = {"pixel_values": to_input(torch.from_numpy(pixels))}
        return transformers.BatchFeature(prepared, tensor_type=return_tensors)


def write_folder(model: Encoder, vocabulary: Vocabulary, captions: Sequence[str], folder: Path) -> None:
    """Write configuration, weights, tokenizer and preparation of pictures of a model that `inference.load` gave into a
    folder that exists; `captions` are those that it was trained with, of a classifier its classes."""
    config = VlBiasConfig(
        **asdict(model.config), id2label=dict(enumerate(captions)), architectures=[VlBiasModel.__name__],
        label2id={text: number for number, text in enumerate(captions)},
    )  # fmt: skip
    config.save_pretrained(folder)
    shell = VlBiasModel(config)
    shell.encoder = model
    weights = folder / "model.safetensors"
    save_model(shell, str(weights), metadata={"format": "pt"})
    shutil.copymode(folder / "config.json", weights)  # safetensors makes files that only their owner reads
    tokenizer_of(vocabulary, model.config.max_words).save_pretrained(folder)
    VlBiasImageProcessor(model.config.image_size).save_pretrained(folder)
    numbers = json.dumps(_numbers(vocabulary), indent=1, ensure_ascii=False)
    (folder / "vocab.json").write_text(f"{numbers}\n", encoding="utf-8")


def tokenizer_of(vocabulary: Vocabulary, max_words: int = MAX_WORDS) -> transformers.PreTrainedTokenizerFast:
    """A tokenizer that reads captions as `Vocabulary.tokens` does; ask it for ``truncation=True``."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    words = Tokenizer(models.WordLevel(_numbers(vocabulary), unk_token=UNKNOWN_WORD))
    words.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Replace("ß", "ss")])
    words.pre_tokenizer = pre_tokenizers.Split(Regex(r"[^\p{L}\p{N}]+"), behavior="removed")
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token=PAD_WORD, unk_token=UNKNOWN_WORD, model_max_length=max_words,
        model_input_names=["input_ids"],
    )  # fmt: skip


def _numbers(vocabulary: Vocabulary) -> dict[str, int]:
    return {PAD_WORD: PAD, UNKNOWN_WORD: UNKNOWN} | {word: n for n, word in enumerate(vocabulary.words, start=2)}


transformers.AutoConfig.register(MODEL_TYPE, VlBiasConfig, exist_ok=True)
transformers.AutoModel.register(VlBiasConfig, VlBiasModel, exist_ok=True)
transformers.AutoImageProcessor.register(VlBiasConfig, slow_image_processor_class=VlBiasImageProcessor, exist_ok=True)
