"""The loop: the same bits again, the same pictures for every label style, and the words it gives to who listens."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.learning.builders import WORDS, run, same
from vlcore.core.captions import captions_of
from vlcore.core.condition import Condition, ConditionError
from vlcore.core.grouping import SCENES
from vlcore.core.options import PRESETS
from vlcore.learning import train as loop
from vlcore.learning.inference import embed_images
from vlcore.learning.model import DualEncoder, build, to_input
from vlcore.learning.train import Progress, TrainingData, augment, caption_accuracy, pack, snapshot_steps

TOKENS = np.array([[2, *[0] * 11], [3, 4, *[0] * 10], [5, 4, 6, *[0] * 9], [7] * 12])
VOCABULARY = 10  # words of TOKENS
SHORT = Condition(data="tiny", batch_size=16, steps=6)


def noise(n: int = 24, captions: int = 2, seed: int = 0) -> TrainingData:
    """Pictures of noise, bright ones under caption 0, dark ones under caption 1, and so on."""
    own = np.arange(n) * captions // n
    pixels = np.random.default_rng(seed).integers(0, 128, (n, 64, 64, 3)) // (1 + own)[:, None, None, None]
    pixels[own == 0] += 127
    return TrainingData(pixels.astype(np.uint8), own, TOKENS[:captions], VOCABULARY)


class Enough(Exception):
    """Stops a training."""


# --- the loop


@pytest.mark.trains
@pytest.mark.parametrize("changes", [{}, {"architecture": "seed_faithful", "negatives": "none"}])
def test_the_same_condition_gives_the_same_bits(changes: dict[str, str]) -> None:
    condition, data = SHORT.replace(**changes), noise()
    first = run(condition, data)
    torch.manual_seed(99)  # global random numbers are not used
    again = run(condition, data)
    assert same(first.model, again.model)
    assert [p.loss for p in first.history] == [p.loss for p in again.history]
    assert not same(first.model, build(condition, VOCABULARY))
    assert not same(first.model, run(condition.replace(init_seed=1), data).model)


def test_history_and_callbacks_tell_the_same() -> None:
    heard: list[Progress] = []
    shown: list[tuple[int, bool, bool]] = []
    states: dict[int, torch.Tensor] = {}

    def on_snapshot(step: int, model: DualEncoder) -> None:
        shown.append((step, model.training, step == len(heard)))
        states[step] = model.image.project.weight.detach().clone()

    trained = run(SHORT, noise(), on_step=heard.append, on_snapshot=on_snapshot)
    assert heard == trained.history
    assert [(p.step, p.steps) for p in heard] == [(step, 6) for step in range(1, 7)]
    # In evaluation mode, and after the step was reported.
    assert shown == [(step, False, True) for step in snapshot_steps(6)]
    assert not trained.model.training
    assert torch.equal(states[0], build(SHORT, VOCABULARY).image.project.weight)
    assert torch.equal(states[6], trained.model.image.project.weight)
    assert trained.seconds > 0


def test_the_first_loss_is_that_of_the_untrained_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """One batch that holds every picture once, without augmentation: the loss can be computed beside the loop."""
    data, condition = noise(20, captions=3), SHORT.replace(batch_size=20, steps=1)
    images, model = to_input(torch.from_numpy(data.pixels)), build(condition, VOCABULARY)
    monkeypatch.setattr(loop, "augment", lambda _packed, batch, _random: images[batch])
    with torch.no_grad():
        logits = model.logits(model.image(images), model.text(torch.tensor(data.tokens)))
    counts = Counter(data.own.tolist())
    total = 0.0
    for row, mine in zip(logits.double(), data.own.tolist(), strict=True):
        others = sum(count for k, count in counts.items() if k != mine)
        total += torch.log1p(torch.exp(-row[mine])).item() / 2
        total += sum(counts[k] / others * torch.log1p(torch.exp(row[k])).item() / 2 for k in counts if k != mine)
    assert run(condition, data).history[0].loss == pytest.approx(total / 20, rel=1e-5)


def test_no_steps_leave_the_untrained_encoder() -> None:
    shown: list[int] = []
    trained = run(SHORT.untrained, noise(), on_snapshot=lambda step, _model: shown.append(step))
    assert same(trained.model, build(SHORT, VOCABULARY))
    assert (shown, trained.history, trained.first_fit_step) == ([0], [], None)


@pytest.mark.trains
def test_captions_that_are_easy_are_fitted_and_the_step_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "CHECK_EVERY", 3)
    shown: list[int] = []
    trained = run(SHORT.replace(steps=40), noise(), on_snapshot=lambda step, _model: shown.append(step))
    fit = trained.first_fit_step
    assert fit is not None
    assert fit in range(3, 40, 3)
    assert shown == sorted({*snapshot_steps(40), fit})
    for progress in trained.history:
        assert progress.first_fit_step == (fit if progress.step >= fit else None)
        assert (progress.train_caption_accuracy >= loop.FIT_ACCURACY) or progress.step != fit
    earlier = [p.train_caption_accuracy for p in trained.history if p.step < fit and p.step % 3 == 0]
    assert all(accuracy < loop.FIT_ACCURACY for accuracy in earlier)
    assert np.mean([p.loss for p in trained.history[-5:]]) < np.mean([p.loss for p in trained.history[:5]]) / 2


def test_captions_that_cannot_be_told_apart_are_never_fitted() -> None:
    pixels = np.repeat(noise(1).pixels, 24, axis=0)
    trained = run(SHORT.replace(steps=4), TrainingData(pixels, np.arange(24) % 2, TOKENS[:2], VOCABULARY))
    assert trained.first_fit_step is None
    assert trained.history[-1].train_caption_accuracy == 0.5


@pytest.mark.trains
def test_without_negatives_the_embeddings_fall_together() -> None:
    data, condition = noise(), SHORT.replace(steps=80)
    kept = embed_images(run(condition, data).model, data.pixels).var(axis=0).sum()
    fallen = embed_images(run(condition.replace(negatives="none"), data).model, data.pixels).var(axis=0).sum()
    assert kept > 0.5
    assert fallen < 0.85 * kept  # from 0.04 to 0.66 of it, by the seed


@pytest.mark.parametrize(("images", "batch"), [(5, 2), (24, 16), (10, 128), (7, 7)])
def test_batches_pass_through_all_images_before_any_returns(images: int, batch: int) -> None:
    batches = loop._batches(images, SHORT.replace(batch_size=batch), torch.zeros(1, dtype=torch.long))
    parts = list(itertools.islice(batches, 1 + 4 * images // batch))
    assert {len(part) for part in parts} == {batch}
    seen = torch.cat(parts).tolist()
    assert len(seen) >= 3 * images
    for start in range(0, len(seen) - images + 1, images):
        assert sorted(seen[start : start + images]) == list(range(images))
    assert seen[:images] != seen[images : 2 * images] or images < 5


def test_every_label_style_sees_the_same_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    def watched(condition: Condition, data: TrainingData) -> list[torch.Tensor]:
        seen: list[torch.Tensor] = []

        def spy(packed: torch.Tensor, batch: torch.Tensor, random: torch.Generator) -> torch.Tensor:
            seen.append(augment(packed, batch, random))
            return seen[-1]

        monkeypatch.setattr(loop, "augment", spy)
        run(condition, data)
        return seen

    two, condition = noise(24), SHORT.replace(steps=4)
    four = TrainingData(two.pixels, np.arange(24) % 4, TOKENS, VOCABULARY)
    one = watched(condition, two)
    other = watched(condition.replace(labels="descriptive", negatives="none", data_seed=5), four)
    assert len(one) == len(other) == 4
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    another_seed = watched(condition.replace(init_seed=1), two)
    assert not any(torch.equal(a, b) for a, b in zip(one, another_seed, strict=True))


@settings(max_examples=40)
@given(st.integers(1, 100_000), st.integers(3, 40))
def test_snapshots_are_log_spaced_with_both_ends(steps: int, number: int) -> None:
    taken = snapshot_steps(steps, number)
    assert taken == sorted(set(taken))
    assert (taken[0], taken[-1]) == (0, steps)
    assert len(taken) <= number
    factor = steps ** (1 / (number - 2))
    for before, after in itertools.pairwise(taken[1:]):
        assert after <= before * factor * 1.5 + 1  # rounding apart, no gap is wider than the others


def test_snapshots_by_hand() -> None:
    assert (snapshot_steps(0), snapshot_steps(1), snapshot_steps(100, 4)) == ([0], [0, 1], [0, 1, 10, 100])
    for steps in filter(None, PRESETS.values()):
        assert 20 <= len(snapshot_steps(steps)) <= 24


@pytest.mark.parametrize("captions", [2, 3, 4])
def test_caption_accuracy_against_a_loop(captions: int) -> None:
    data = noise(30, captions, seed=captions)
    own = data.own.copy()
    own[own == captions - 1] = 0  # the last caption does not occur in training
    model = build(SHORT, VOCABULARY).eval()
    pixels, tokens = torch.from_numpy(data.pixels), torch.from_numpy(data.tokens)
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


# --- augmentation


def slow_augment(pixels: np.ndarray, batch: list[int], random: torch.Generator) -> np.ndarray:
    """One picture after the other: zoom, shift with reflection, flip, and one brightness and contrast a picture."""
    count, size = len(batch), pixels.shape[1]
    flips = torch.rand(count, generator=random) < 0.5
    shifts = torch.randint(-loop.SHIFT, loop.SHIFT + 1, (2, count, 1), generator=random)
    gains, offsets = torch.empty(2, count, 1, 1, 1).uniform_(-loop.JITTER, loop.JITTER, generator=random)
    zooms = torch.empty(count, 1).uniform_(1 / loop.ZOOM, loop.ZOOM, generator=random)
    out, pad, middle = [], size - 1, (size - 1) / 2
    for place, index in enumerate(batch):
        down, right = int(shifts[0, place]), int(shifts[1, place])
        wide = np.pad(pixels[index], ((pad, pad), (pad, pad), (0, 0)), mode="reflect")
        zoom = zooms[place].numpy()[0]
        seen = [round(float(np.float32(along - middle) * zoom + np.float32(middle))) for along in range(size)]
        moved = np.stack([[wide[pad + y + down, pad + x + right] for x in seen] for y in seen])
        if flips[place]:
            moved = moved[:, ::-1]
        light = (moved.astype(np.float64) / 127.5 - 1) * (1 + gains[place].item()) + offsets[place].item()
        out.append(light.transpose(2, 0, 1))
    return np.stack(out)


@pytest.mark.parametrize(("n", "size", "batch"), [(3, 64, [0, 1, 2, 1]), (9, 16, list(range(9)) * 3), (1, 8, [0])])
@pytest.mark.parametrize("seed", range(3))
def test_augmentation_against_a_loop(n: int, size: int, batch: list[int], seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (n, size, size, 3), dtype=np.uint8)
    found = augment(pack(torch.from_numpy(pixels)), torch.tensor(batch), torch.Generator().manual_seed(seed))
    assert found.shape == (len(batch), 3, size, size)
    assert found.numpy() == pytest.approx(slow_augment(pixels, batch, torch.Generator().manual_seed(seed)), abs=1e-5)


def test_augmentation_without_effect_is_the_input_itself_or_its_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, none in (("SHIFT", 0), ("ZOOM", 1.0), ("JITTER", 0.0)):
        monkeypatch.setattr(loop, name, none)
    pixels = torch.from_numpy(noise(24).pixels)
    found = augment(pack(pixels), torch.arange(24), torch.Generator().manual_seed(0))
    kept, mirrored = 0, 0
    for image, original in zip(found, to_input(pixels), strict=True):
        kept += torch.allclose(image, original, atol=1e-5)
        mirrored += torch.allclose(image, original.flip(2), atol=1e-5)
    assert kept + mirrored == 24
    assert 0 < kept < 24


def test_pictures_become_brighter_and_darker_and_never_change_colour() -> None:
    """Uniform pictures: gain and offset follow from two channels, and the third must agree."""
    colours = np.array([[10, 200, 90], [255, 0, 128], [30, 60, 240], [77, 76, 75]] * 6)
    pixels = np.broadcast_to(colours[:, None, None, :], (24, 16, 16, 3)).astype(np.uint8)
    found = augment(pack(torch.from_numpy(pixels)), torch.arange(24), torch.Generator().manual_seed(1)).double().numpy()
    assert found.std(axis=(2, 3)).max() < 1e-6
    image, colour = found[:, :, 0, 0], colours / 127.5 - 1
    gains = (image[:, 0] - image[:, 1]) / (colour[:, 0] - colour[:, 1])
    offsets = image[:, 0] - gains * colour[:, 0]
    assert image[:, 2] == pytest.approx(gains * colour[:, 2] + offsets, abs=1e-4)
    for values in (gains - 1, offsets):
        assert 0.05 < np.abs(values).max() <= loop.JITTER + 1e-3
        assert min(values) < 0 < max(values)


@pytest.mark.parametrize(("n", "size"), [(1, 4), (3, 64)])
def test_packing_loses_nothing(n: int, size: int) -> None:
    pixels = torch.from_numpy(np.random.default_rng(n).integers(0, 256, (n, size, size, 3), dtype=np.uint8))
    packed = pack(pixels)
    assert (packed.shape, packed.dtype) == ((n, size * size), torch.int32)
    assert torch.equal(packed.view(torch.uint8).view(n, size, size, 4)[..., :3], pixels)


# --- objectives and mitigations

KINDS: list[dict[str, str]] = [
    {"objective": "infonce", "labels": "descriptive"},
    {"objective": "infonce_identity", "labels": "descriptive"},
    {"objective": "siglip", "labels": "descriptive"},
    {"objective": "simclr", "labels": "constant"},
    {"objective": "ce_object"},
    {"objective": "ce_group", "labels": "descriptive"},
    {"objective": "captioner", "labels": "descriptive"},
    {"negatives": "product"},
    {"negatives": "filtered_uniform"},
    {"negatives": "counterfactual", "labels": "descriptive"},
    {"negatives": "shuffle_unfiltered"},
    {"logit": "raw_cosine"},
    {"logit": "affine"},
    {"mitigation": "reweight"},
    {"mitigation": "resample"},
    {"mitigation": "groupdro"},
]


def labelled(condition: Condition, n: int = 32) -> TrainingData:
    """Noise in four brightnesses, one a group, with the captions of the condition's style."""
    said = captions_of(condition.labels, SCENES, condition.template)
    groups = np.arange(n) * 4 // n
    own = [
        next(k for k, s in enumerate(said) if s.object in ("", obj) and s.context in ("", context))
        for obj, context in (SCENES.pairs[group] for group in groups)
    ]
    pixels = np.random.default_rng(0).integers(0, 60, (n, 64, 64, 3))
    pixels[..., 0] += 150 * (groups[:, None, None] % 2)
    pixels[..., 1] += 150 * (groups[:, None, None] // 2)
    tokens = WORDS.tokens([s.text for s in said])
    return TrainingData(pixels.astype(np.uint8), np.array(own), tokens, len(WORDS), said, groups)


@pytest.mark.trains
@pytest.mark.parametrize("changes", KINDS, ids=lambda c: "-".join(c.values()))
def test_every_kind_learns_comes_out_the_same_again_and_can_be_stopped(changes: dict[str, str]) -> None:
    condition = SHORT.replace(steps=25, **changes)
    data = labelled(condition)
    losses = [progress.loss for progress in run(condition, data).history]
    assert np.isfinite(losses).all()
    floor = {"shuffle_unfiltered": 0.05, "product": 0.05, "simclr": 0.02, "infonce_identity": 0.2}
    drop = next((floor[value] for value in changes.values() if value in floor), 0.3)
    assert np.mean(losses[-5:]) < (1 - drop) * np.mean(losses[:3])
    again: list[float] = []

    def on_step(progress: Progress) -> None:
        again.append(progress.loss)
        if progress.step == 8:
            raise Enough

    with pytest.raises(Enough):
        run(condition, data, on_step=on_step)
    assert again == losses[:8]


def test_a_model_without_captions_never_fits_them() -> None:
    condition = SHORT.replace(steps=25, objective="simclr", labels="constant")
    trained, untrained = run(condition, labelled(condition)), build(condition, len(WORDS))
    assert trained.first_fit_step is None
    assert same(trained.model.text, untrained.text)  # nothing reaches the text tower
    assert not same(trained.model.image, untrained.image)


def test_siglip_starts_at_the_odds_of_its_pairs() -> None:
    condition, biases = SHORT.replace(objective="siglip", labels="descriptive", steps=1), []
    run(condition, labelled(condition), on_snapshot=lambda _step, model: biases.append(model.bias.item()))
    assert biases[0] == pytest.approx(-math.log(3))  # one pair in four is of equal captions


def test_resampled_batches_hold_every_group() -> None:
    groups = torch.tensor([0] * 30 + [1] * 2)
    batches = loop._batches(32, SHORT.replace(mitigation="resample", batch_size=64), groups)
    shares = torch.bincount(groups[torch.cat([next(batches) for _ in range(20)])]) / 1280
    assert shares.tolist() == pytest.approx([0.5, 0.5], abs=0.06)


@pytest.mark.trains
def test_jtt_trains_twice_and_weighs_what_the_first_training_had_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three bright pictures under the wrong caption are fitted last, if at all."""
    monkeypatch.setattr(loop, "CHECK_EVERY", 2)
    condition, stages = SHORT.replace(mitigation="jtt", steps=20), []
    wrong, odd = labelled(condition), [0, 9, 31]
    wrong.own[odd] = 1 - wrong.own[odd]
    trained = run(condition, wrong, on_step=lambda p: stages.append(p.stage))
    assert trained.jtt_first_run is not None
    step, errors = trained.jtt_first_run
    assert 0 < step <= 20
    assert 0.02 <= errors.mean() <= 0.20
    assert errors[odd].any()
    assert stages.index("training") > stages.index("first training")
    assert stages.count("training") == 20 == len(trained.history)
    assert not same(trained.model, run(condition.replace(mitigation="none"), wrong).model)


def test_jtt_without_errors_says_so() -> None:
    condition = SHORT.replace(mitigation="jtt", steps=2)
    with pytest.raises(ConditionError, match="jtt is not applicable"):
        run(condition, labelled(condition))


# --- CUDA


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no NVIDIA GPU here")
@pytest.mark.parametrize("changes", KINDS, ids=lambda c: "-".join(c.values()))
def test_every_kind_trains_on_a_gpu(changes: dict[str, str]) -> None:
    condition = SHORT.replace(**changes)
    trained = run(condition, labelled(condition), device="cuda")
    assert np.isfinite([progress.loss for progress in trained.history]).all()


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no NVIDIA GPU here")
def test_a_gpu_sees_the_same_pictures_and_starts_at_the_same_loss() -> None:
    data = noise(32, captions=4)
    here, there = run(SHORT, data), run(SHORT, data, device="cuda")
    assert there.model.device.type == "cuda"
    assert there.history[0].loss == pytest.approx(here.history[0].loss, rel=0.05)
    assert same(there.model, run(SHORT, data, device="cuda").model)
    assert np.isfinite([progress.loss for progress in there.history]).all()
