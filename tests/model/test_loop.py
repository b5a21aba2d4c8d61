"""The loop: the same bits again, the same pictures for every label style, news for who listens."""

import dataclasses
import itertools
import math
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from tests.model.builders import WORDS, run, same
from vlcore.data.feature_store import PRETRAINED
from vlcore.experiment.captions import caption_index, captions_of
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES
from vlcore.model import loop
from vlcore.model.augment import View, augment, pack_pixels
from vlcore.model.dual_encoder import Encoder, build, to_input
from vlcore.model.inference import embed_images
from vlcore.model.loop import (
    CHECKPOINTS,
    Progress,
    TrainingData,
    caption_accuracy,
    checkpoint_steps,
)
from vlcore.model.streams import stream

TOKENS = np.array([[2, *[0] * 11], [3, 4, *[0] * 10], [5, 4, 6, *[0] * 9], [7] * 12])
VOCABULARY = 10  # words of TOKENS
SHORT = Condition(data="tiny", batch_size=16, steps=6)


def noise(n: int = 24, captions: int = 2, seed: int = 0) -> TrainingData:
    """Pictures of noise, bright ones under caption 0, dark ones under caption 1, and so on."""
    own = np.arange(n) * captions // n
    pixels = (
        np.random.default_rng(seed).integers(0, 128, (n, 64, 64, 3))
        // (1 + own)[:, None, None, None]
    )
    pixels[own == 0] += 127
    return TrainingData(pixels.astype(np.uint8), own, TOKENS[:captions], VOCABULARY)


def noisy_features(n: int = 24, captions: int = 2) -> TrainingData:
    """Features of a frozen tower, apart by caption."""
    own = np.arange(n) * captions // n
    images = np.random.default_rng(0).normal(size=(n, PRETRAINED.features)).astype(np.float32)
    images[:, :captions] += 3 * np.eye(captions, dtype=np.float32)[own]
    return TrainingData(images, own, TOKENS[:captions], VOCABULARY, np.arange(n) % 4)


@pytest.mark.parametrize("architecture", ["conv_stem", "pretrained"])
@pytest.mark.parametrize("steps", [0, 6])
def test_history_and_callbacks_tell_the_same(steps: int, architecture: str) -> None:
    heard: list[Progress] = []
    shown: list[tuple[int, bool, bool]] = []
    states: dict[int, torch.Tensor] = {}

    def on_checkpoint(step: int, model: Encoder) -> None:
        shown.append((step, model.training, step == len(heard)))
        states[step] = model.image.project.weight.detach().clone()

    condition = SHORT.replace(steps=steps, architecture=architecture)
    data = noisy_features() if condition.frozen_tower else noise()
    trained = run(condition, data, on_step=heard.append, on_checkpoint=on_checkpoint)
    assert heard == trained.history
    assert [(p.step, p.steps) for p in heard] == [(step, steps) for step in range(1, steps + 1)]
    # In evaluation mode, and after the step was reported.
    assert shown == [(step, False, True) for step in checkpoint_steps(steps)]
    assert not trained.model.training
    assert torch.equal(states[0], build(condition, VOCABULARY).image.project.weight)
    assert torch.equal(states[steps], trained.model.image.project.weight)
    assert trained.seconds > 0


@pytest.mark.parametrize("mitigation", ["none", "reweight"])
def test_the_first_loss_is_that_of_the_untrained_model(
    monkeypatch: pytest.MonkeyPatch, mitigation: str
) -> None:
    """One batch that holds every picture once, without augmentation: the loss can be computed
    beside the loop. What weighs a picture as a match weighs it as a mismatch too."""
    data = noise(20, captions=3)
    condition = SHORT.replace(batch_size=20, steps=1, mitigation=mitigation)
    data = dataclasses.replace(data, groups=np.repeat([0, 1], [15, 5]))
    images, model = to_input(torch.from_numpy(data.images)), build(condition, VOCABULARY)
    monkeypatch.setattr(loop, "augment", lambda _packed, batch, **_options: (images[batch], (0, 0)))
    with torch.no_grad():
        logits = model.logits(model.image(images), model.text(torch.tensor(data.tokens)))
    weights = [1.0] * 20 if mitigation == "none" else [10 / 15] * 15 + [10 / 5] * 5
    counts: Counter[int] = Counter()
    for mine, weight in zip(data.caption_index.tolist(), weights, strict=True):
        counts[mine] += weight  # type: ignore[assignment]
    total = 0.0
    for row, mine, weight in zip(
        logits.double(), data.caption_index.tolist(), weights, strict=True
    ):
        others = sum(count for k, count in counts.items() if k != mine)
        loss = torch.log1p(torch.exp(-row[mine])).item() / 2
        loss += sum(
            counts[k] / others * torch.log1p(torch.exp(row[k])).item() / 2
            for k in counts
            if k != mine
        )
        total += weight * loss
    assert run(condition, data).history[0].loss == pytest.approx(total / 20, rel=1e-5)


@pytest.mark.parametrize("objective", ["pairwise_bce", "infonce", "siglip"])
def test_captions_that_no_image_has_are_left_out_where_there_are_many(
    monkeypatch: pytest.MonkeyPatch, objective: str
) -> None:
    condition = SHORT.replace(objective=objective)
    data = dataclasses.replace(noise(captions=3), tokens=TOKENS)
    data = dataclasses.replace(data, caption_index=np.array([0, 1, 3])[data.caption_index])
    every = [progress.loss for progress in run(condition, data).history]
    embedded = []
    monkeypatch.setattr(loop, "EMBEDDED_CAPTIONS", 3)
    real = loop.batch_loss
    monkeypatch.setattr(
        loop,
        "batch_loss",
        lambda kind, logits, *rest: embedded.append(logits.shape[1]) or real(kind, logits, *rest),
    )
    assert [progress.loss for progress in run(condition, data).history] == pytest.approx(
        every, rel=1e-4
    )
    assert set(embedded) == {3}


@pytest.mark.trains
def test_captions_that_are_easy_are_fitted_and_the_step_is_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop, "CHECK_EVERY", 3)
    shown: list[int] = []
    trained = run(
        SHORT.replace(steps=40), noise(), on_checkpoint=lambda step, _model: shown.append(step)
    )
    fit = trained.first_fit_step
    assert fit in range(3, 40, 3)
    assert shown == sorted({*checkpoint_steps(40), fit})
    for progress in trained.history:
        assert progress.first_fit_step == (fit if progress.step >= fit else None)
        assert (progress.train_caption_accuracy >= loop.FIT_ACCURACY) or progress.step != fit
    earlier = [
        p.train_caption_accuracy for p in trained.history if p.step < fit and p.step % 3 == 0
    ]
    assert all(accuracy < loop.FIT_ACCURACY for accuracy in earlier)
    assert (
        np.mean([p.loss for p in trained.history[-5:]])
        < np.mean([p.loss for p in trained.history[:5]]) / 2
    )


@pytest.mark.parametrize(("images", "batch"), [(5, 2), (24, 16), (10, 128), (7, 7)])
def test_batches_pass_through_all_images_before_any_returns(images: int, batch: int) -> None:
    batches = loop._batches(
        images, SHORT.replace(batch_size=batch), torch.zeros(1, dtype=torch.long)
    )
    parts = list(itertools.islice(batches, 1 + 4 * images // batch))
    assert {len(part) for part in parts} == {batch}
    seen = torch.cat(parts).tolist()
    assert len(seen) >= 3 * images
    for start in range(0, len(seen) - images + 1, images):
        assert sorted(seen[start : start + images]) == list(range(images))
    assert seen[:images] != seen[images : 2 * images] or images < 5


def test_every_label_style_sees_the_same_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[View] = []
    monkeypatch.setattr(
        loop,
        "augment",
        lambda *given, **options: seen.append(augment(*given, **options)) or seen[-1],
    )
    two, condition = noise(24), SHORT.replace(steps=3)
    four = TrainingData(two.images, np.arange(24) % 4, TOKENS, VOCABULARY)
    run(condition, two)
    run(condition.replace(labels="descriptive", negatives="none", data_seed=5), four)
    run(condition.replace(init_seed=1), two)
    assert len(seen) == 9
    assert all(
        torch.equal(one[0], other[0]) for one, other in zip(seen[:3], seen[3:6], strict=True)
    )
    assert [corner for _, corner in seen[:3]] == [corner for _, corner in seen[3:6]]
    assert not any(
        torch.equal(one[0], other[0]) for one, other in zip(seen[:3], seen[6:], strict=True)
    )


def test_the_classic_recipe_is_that_of_the_first_versions_to_the_bit() -> None:
    """Their loop, written out: whole pictures, torch's Muon on the blocks of both towers, AdamW on
    the rest."""
    data, condition = noise(48), SHORT.replace(recipe="classic", steps=8)
    assert condition.batch_size == 128
    trained, model = run(condition, data), build(condition, VOCABULARY, 2)
    named = list(model.named_parameters())
    blocks = [value for name, value in named if value.ndim == 2 and "blocks" in name]
    rest = [value for name, value in named if value.ndim != 2 or "blocks" not in name]
    optimizers = [
        torch.optim.Muon(blocks, lr=0.02, weight_decay=0.05),
        torch.optim.AdamW(rest, lr=2e-3, weight_decay=0.05),
    ]
    seeds = (stream(condition.init_seed, purpose) for purpose in ("image order", "augmentation"))
    order, random = (torch.Generator().manual_seed(seed) for seed in seeds)
    queue = torch.cat([torch.randperm(48, generator=order) for _ in range(8 * 128 // 48 + 1)])
    tokens, own = torch.from_numpy(data.tokens), torch.from_numpy(data.caption_index)
    for step in range(8):
        batch = queue[step * 128 : (step + 1) * 128]
        images, corner = augment(pack_pixels(torch.from_numpy(data.images)), batch, random)
        assert (corner, images.shape[2:]) == ((0, 0), (64, 64))
        logits = model.logits(model.image(images), model.text(tokens))
        matched = F.softplus(-logits.gather(1, own[batch][:, None]).squeeze(1))
        # Of two captions, the other.
        mismatched = F.softplus(logits.gather(1, 1 - own[batch][:, None]).squeeze(1))
        (0.5 * (matched + mismatched)).mean().backward()
        for optimizer, rate in zip(optimizers, (0.02, 2e-3), strict=True):
            for group in optimizer.param_groups:
                group["lr"] = (
                    rate * min(1.0, (step + 1) / 30) * 0.5 * (1 + math.cos(math.pi * step / 8))
                )
            optimizer.step()
            optimizer.zero_grad()
    assert same(trained.model, model)


@settings(max_examples=40)
@given(st.integers(1, 100_000))
def test_checkpoints_are_log_spaced_with_both_ends(steps: int) -> None:
    chosen = checkpoint_steps(steps)
    assert chosen == sorted(set(chosen))
    assert (chosen[0], chosen[-1]) == (0, steps)
    assert len(chosen) <= CHECKPOINTS
    factor = steps ** (1 / (CHECKPOINTS - 2))
    for before, after in itertools.pairwise(chosen[1:]):
        assert after <= before * factor * 1.5 + 1  # rounding apart, no gap is wider than the others
    assert (checkpoint_steps(0), checkpoint_steps(1)) == ([0], [0, 1])


@pytest.mark.parametrize("captions", [2, 3, 4])
def test_caption_accuracy_against_a_loop(captions: int) -> None:
    data = noise(30, captions, seed=captions)
    own = data.caption_index.copy()
    own[own == captions - 1] = 0  # the last caption does not occur in training
    model = build(SHORT, VOCABULARY).eval()
    pixels, tokens = torch.from_numpy(data.images), torch.from_numpy(data.tokens)
    with torch.no_grad():
        z, t = model.image(to_input(pixels)), model.text(tokens)
    right = 0
    for image in range(30):
        allowed = [k for k in range(captions) if int((own == k).sum()) > 0]
        right += max(allowed, key=lambda k, image=image: float(z[image] @ t[k])) == own[image]
    counts = torch.bincount(torch.from_numpy(own), minlength=captions)
    found = caption_accuracy(model, pixels, torch.from_numpy(own), tokens, counts)
    assert found == pytest.approx(right / 30)
    assert captions > 2 or found == 1.0  # one caption is left, so it is always right


DESCRIBED = {"infonce", "siglip", "captioner"}
KINDS = [
    {field: name} | ({"labels": "descriptive"} if name in DESCRIBED else {})
    for field, names in {
        "objective": "infonce siglip ce_object captioner",
        "mitigation": "reweight resample groupdro",
    }.items()
    for name in names.split()
] + [{"objective": "simclr", "labels": "constant"}]
OF_PIXELS = {"constant", "captioner", "simclr"}  # kinds that need the image tower; others are quick


def labelled(condition: Condition, n: int = 32) -> TrainingData:
    """Noise in four brightnesses, one a group, with the captions of the condition's style; or
    features of a frozen tower."""
    said = captions_of(condition.labels, SCENES, condition.template)
    groups = np.arange(n) * 4 // n
    table = pd.DataFrame([SCENES.pairs[group] for group in groups], columns=["object", "context"])
    own = caption_index(condition.labels, table, np.arange(n), SCENES, 0, condition.template)
    pixels = np.random.default_rng(0).integers(0, 60, (n, 64, 64, 3))
    pixels[..., 0] += 150 * (groups[:, None, None] % 2)
    pixels[..., 1] += 150 * (groups[:, None, None] // 2)
    images = noisy_features(n, 4).images if condition.frozen_tower else pixels.astype(np.uint8)
    tokens = WORDS.tokens([s.text for s in said])
    return TrainingData(images, own, tokens, len(WORDS), groups)


@pytest.mark.trains
@pytest.mark.parametrize("changes", KINDS, ids=lambda c: "-".join(c.values()))
def test_every_kind_learns_comes_out_the_same_again_and_can_be_stopped(
    changes: dict[str, str],
) -> None:
    condition = SHORT.replace(steps=25, **changes)
    if OF_PIXELS.isdisjoint(changes.values()):
        condition = condition.replace(architecture="pretrained")
    data = labelled(condition)
    trained = run(condition, data)
    losses = [progress.loss for progress in trained.history]
    assert np.isfinite(losses).all()
    drop = 0.02 if "simclr" in changes.values() else 0.3
    assert np.mean(losses[-5:]) < (1 - drop) * np.mean(losses[:3])
    if (
        "simclr" in changes.values()
    ):  # without captions none are fitted, and nothing reaches the text tower
        assert trained.first_fit_step is None
        assert same(trained.model.text, build(condition, len(WORDS)).text)
    again: list[float] = []

    def on_step(progress: Progress) -> None:
        again.append(progress.loss)
        if progress.step == 8:
            raise KeyboardInterrupt

    torch.manual_seed(99)  # global random numbers are not used
    with pytest.raises(KeyboardInterrupt):
        run(condition, data, on_step=on_step)
    assert again == losses[:8]


@pytest.mark.trains
def test_without_negatives_the_embeddings_fall_together() -> None:
    data, condition = noise(), SHORT.replace(steps=80)
    kept = embed_images(run(condition, data).model, data.images).var(axis=0).sum()
    fallen = (
        embed_images(run(condition.replace(negatives="none"), data).model, data.images)
        .var(axis=0)
        .sum()
    )
    assert kept > 0.5
    assert fallen < 0.85 * kept  # from 0.04 to 0.66 of it, by the seed


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no NVIDIA GPU here")
@pytest.mark.parametrize("changes", KINDS, ids=lambda c: "-".join(c.values()))
def test_every_kind_trains_on_a_gpu_from_the_same_loss_to_the_same_bits(
    changes: dict[str, str],
) -> None:
    condition = SHORT.replace(**changes)
    data = labelled(condition)
    here, there, again = (run(condition, data, device=device) for device in ("cpu", "cuda", "cuda"))
    assert there.model.device.type == "cuda"
    assert np.isfinite([progress.loss for progress in there.history]).all()
    assert there.history[0].loss == pytest.approx(here.history[0].loss, rel=0.05)
    assert same(there.model, again.model)
