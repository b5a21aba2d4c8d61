"""A tiny CLIP with random weights is measured, mapped and found again as any model."""

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from tests.api.trainings import write_small
from tests.model.tiny_clip import WIDTH, save_clip
from vlcore.api import pretrained, training
from vlcore.api.model_metrics import absence_reason, estimate_of
from vlcore.artifacts.store import Artifact, model_keys, published, read
from vlcore.data import drawn
from vlcore.data.catalogue import open_set
from vlcore.data.drawn import SCENES_RECIPE
from vlcore.data.imageset import ImageSet
from vlcore.data.subset import training_rows, usual_condition
from vlcore.experiment.condition import Condition, ConditionError
from vlcore.experiment.files import data_folder
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.options import ArtifactKind
from vlcore.experiment.wording import title
from vlcore.jobs import jobs
from vlcore.metrics import catalogue
from vlcore.metrics.accuracy import logits, predict_objects
from vlcore.metrics.catalogue import Need
from vlcore.metrics.readouts import LastLayer
from vlcore.model import pretrained as learning
from vlcore.model.evaluate import ELSEWHERE
from vlcore.model.pretrained import PretrainedEncoder, PretrainedError

FILES = {"condition.json", "checkpoint.json", "embeddings.npz", "maps.npz", "metrics.json"}
PER_GROUP = {"train": 16, "val": 8, "probe": 8, "test": 20}


def write_mini() -> ImageSet:
    """The first scenes of each split and group of what we draw, with their masks, as a set of its
    own."""
    table = drawn.scene_table(SCENES_RECIPE)
    place = table.groupby(["split", "group"], sort=False).cumcount()
    table = table[place < table["split"].map(PER_GROUP)].reset_index(drop=True)
    root = data_folder() / "mini"
    root.mkdir(parents=True)
    drawn.write_metadata(root, table, dataclasses.replace(SCENES_RECIPE, name="mini"), drawn.SIZE)
    images = open_set("mini")
    for row in range(len(table)):
        picture, mask = (root / str(table[name].iat[row]) for name in ("file_name", "mask"))
        drawn.write_picture(drawn.scene_of(images, row), picture, mask)
    return images


class Made(NamedTuple):
    """A set, a checkpoint, and what was published of it by readout."""

    images: ImageSet
    folder: Path
    artifacts: dict[str, Artifact]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    home = tmp_path_factory.mktemp("pretrained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLCORE_HOME", str(home))
        images, folder = write_mini(), save_clip(home / "tiny")
        base = usual_condition(images).replace(bias=0.75, labels="descriptive")
        artifacts = {}
        for readout in pretrained.READOUTS:
            condition = pretrained.pretrained_condition(str(folder), base, readout=readout)
            assert pretrained.make_pretrained(str(folder), condition) == "trained"
            artifacts[readout] = read(condition.key)
        yield Made(images, folder, artifacts)


@pytest.fixture(params=sorted(pretrained.READOUTS))
def readout(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def artifact(made: Made, readout: str) -> Artifact:
    return made.artifacts[readout]


def test_an_artifact_has_the_usual_files_and_no_weights(
    made: Made, artifact: Artifact, readout: str
) -> None:
    assert set(artifact.manifest["files"]) == FILES
    assert artifact.key == artifact.condition.key
    assert artifact.key in model_keys()
    assert artifact.manifest["parameters"] == artifact.json("checkpoint.json")["parameters"]
    assert artifact.kind is ArtifactKind.PRETRAINED
    assert pretrained.make_pretrained(str(made.folder), artifact.condition) == "cached"
    assert title(artifact.condition).startswith(
        f"Pretrained tiny, {readout}, bias 75% (4 of 16 rare images kept)"
    )
    arrays, layer = artifact.arrays("embeddings.npz"), artifact.embeddings.layer
    assert arrays["train_rows"].tolist() == training_rows(made.images, artifact.condition).tolist()
    groups = made.images.table["group"].iloc[arrays["train_rows"]].value_counts()
    assert {name: groups[name] for name in SCENES.minority} == dict.fromkeys(SCENES.minority, 4)
    with pytest.raises(ConditionError, match="python -m vlcore pretrained"):
        training.train_condition(artifact.condition.replace(bias=0.25))
    assert (layer is None) == (readout == "zero-shot")
    if layer is not None:  # it is stored for other images
        scores = LastLayer(**layer).scores(arrays["end_train"], SCENES.objects)
        predicted = np.array(SCENES.objects)[scores.argmax(axis=1)]
        assert (predicted == arrays["train_predicted"]).all()
        assert layer["direction"].shape == (WIDTH,)


def test_images_are_embedded_at_their_stored_size(made: Made) -> None:
    artifact = made.artifacts["zero-shot"]
    arrays, encoder = artifact.arrays("embeddings.npz"), learning.load_for(artifact)
    assert made.images.image(0).shape == (drawn.SIZE, drawn.SIZE, 3)
    images = [Image.fromarray(made.images.image(row)) for row in arrays["test_rows"]]
    assert np.allclose(arrays["end_test"], encoder.embed_images(images), atol=1e-6)
    captions = encoder.embed_captions(arrays["caption_texts"].tolist())
    assert np.allclose(arrays["end_captions"], captions, atol=1e-6)
    assert arrays["end_scale_bias"].tolist() == [encoder.scale, encoder.bias]


def test_accuracy_is_of_the_readout(made: Made, artifact: Artifact) -> None:
    arrays = artifact.arrays("embeddings.npz")
    end = artifact.metrics["end"]
    layer = artifact.embeddings.layer
    if layer is None:
        scores = logits(arrays["end_test"], arrays["end_captions"], *arrays["end_scale_bias"])
        said = predict_objects(scores, arrays["caption_objects"], SCENES.objects)
    else:
        scores = LastLayer(**layer).scores(arrays["end_test"], SCENES.objects)
        said = np.array(SCENES.objects)[scores.argmax(axis=1)]
    held_out = made.images.table.iloc[arrays["test_rows"]]
    right = held_out.assign(right=said == held_out["object"]).groupby("group")["right"].mean()
    for side in ("minority", "majority"):
        expected = right[list(getattr(SCENES, side))].mean()
        assert end[f"{side}_accuracy"]["value"] == pytest.approx(expected)
    assert end["minority_accuracy"]["n"] == 2 * PER_GROUP["test"]


def test_the_probe_is_as_biased_as_its_images_and_dfr_is_not(made: Made) -> None:
    """A network with random weights sorts by colour: a probe on biased images reads the place."""
    end = {readout: artifact.metrics["end"] for readout, artifact in made.artifacts.items()}
    for name in ("silhouette_context", "probe_object", "readouts_linear_probe"):
        spaces = {str(metrics[name]) for metrics in end.values()}
        assert len(spaces) == 1, "what belongs to the space is that of every readout"
    gap = {
        name: metrics["majority_accuracy"]["value"] - metrics["minority_accuracy"]["value"]
        for name, metrics in end.items()
    }
    assert gap["probe"] > 0.5 > 0.35 > abs(gap["dfr"])
    assert end["probe"]["background_reliance"]["value"] > end["dfr"]["background_reliance"]["value"]


def test_everything_is_measured_or_has_its_reason(artifact: Artifact) -> None:
    metrics = artifact.metrics
    chance = {one.name for one in catalogue.MEASURES.values() if Need.VALIDATION in one.needs}
    # Random weights may tell no object apart, and then have no temperature.
    absent = set(metrics["end"]["absent"])
    assert absent in (set(), chance)
    for measure in (one.name for one in catalogue.table_measures() if one.name not in absent):
        assert estimate_of(metrics["end"], measure) is not None, measure
        reasons = {absence_reason(metrics[name], measure) for name in ("untrained", "first_fit")}
        assert reasons == {ELSEWHERE}
    assert metrics["raw_pixels"]["silhouette_context"]["value"] > 0


def test_a_checkpoint_is_found_again_unless_it_is_gone_or_changed(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact, away = made.artifacts["dfr"], made.folder.with_name("away")
    made.folder.rename(away)
    try:
        with pytest.raises(PretrainedError, match=r"folder of the checkpoint tiny@.* is gone"):
            learning.load_for(artifact)
        save_clip(made.folder, seed=5)
        with pytest.raises(PretrainedError, match=r"files of the checkpoint tiny@.* have changed"):
            learning.load_for(artifact)
    finally:
        shutil.rmtree(made.folder, ignore_errors=True)
        away.rename(made.folder)
    encoder = learning.load_for(artifact)
    assert encoder.name == artifact.json("checkpoint.json")["name"]
    # One of the hub, by its commit.
    asked: list[Any] = []
    there = dataclasses.replace(encoder, name="owner/model")
    monkeypatch.setattr(
        learning,
        "load_checkpoint",
        lambda source, *, revision: asked.append((source, revision)) or there,
    )
    about = {"source": "owner/model", "name": "owner/model", "revision": "c" * 40}
    monkeypatch.setattr(Artifact, "json", lambda self, name: about)
    assert learning.load_for(artifact) is there
    assert asked == [("owner/model", "c" * 40)]


def test_another_checkpoint_than_the_condition_names_is_refused(made: Made, tmp_path: Path) -> None:
    other = save_clip(tmp_path / "tiny", seed=9)
    condition = made.artifacts["probe"].condition.replace(bias=0.5)
    with pytest.raises(PretrainedError, match=r"is tiny@.* and not tiny; ask for it again"):
        pretrained.make_pretrained(str(other), condition)
    assert jobs.view(condition.key).state is jobs.State.FAILED
    assert not published(condition.key)


def test_a_condition_keeps_data_bias_labels_and_seeds() -> None:
    base = Condition(
        bias=0.9,
        labels="own",
        template=pretrained.PROMPT,
        data_seed=4,
        init_seed=5,
        steps=70,
        objective="infonce",
    )
    source = "openai/clip-vit-base-patch32"
    condition = pretrained.pretrained_condition(source, base, readout="dfr")
    assert condition == base.replace(
        objective="pretrained", mitigation="dfr", steps=0, architecture=f"clip:{source}"
    )
    with pytest.raises(ConditionError, match="No readout is named 'guess'"):
        pretrained.pretrained_condition(source, base, readout="guess")


def test_labels_that_name_no_object_leave_the_probe_its_answer(made: Made) -> None:
    ends = {}
    for readout in ("zero-shot", "probe"):
        base = made.artifacts[readout].condition.replace(labels="own", template="{context}")
        condition = pretrained.pretrained_condition(str(made.folder), base, readout=readout)
        pretrained.make_pretrained(str(made.folder), condition)
        ends[readout] = read(condition.key).metrics["end"]
    assert absence_reason(ends["zero-shot"], "minority_accuracy")
    named = made.artifacts["probe"].metrics["end"]
    for measure in ("minority_accuracy", "background_reliance"):
        assert ends["probe"][measure] == named[measure]


def test_a_set_in_folds_has_a_probe_a_fold(
    tmp_path: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, folder = write_small(empty_home), save_clip(tmp_path / "tiny")
    looked_at: list[int] = []
    usual = PretrainedEncoder.embed_images

    def counted(self: Any, pictures: Any) -> Any:
        looked_at.append(len(pictures))
        return usual(self, pictures)

    monkeypatch.setattr(PretrainedEncoder, "embed_images", counted)
    condition = pretrained.pretrained_condition(
        str(folder), usual_condition(images).replace(bias=0.5), readout="probe"
    )
    pretrained.make_pretrained(str(folder), condition)
    metrics = read(condition.key).metrics
    assert metrics["models"] == images.folds == 4
    assert sum(estimate["n"] for estimate in metrics["end"]["group_accuracy"].values()) == len(
        images.table
    )
    assert sum(looked_at) == 1 + len(images.table), "one as the checkpoint is loaded"
    condition = pretrained.pretrained_condition(str(folder), usual_condition(images), readout="dfr")
    with pytest.raises(ConditionError, match="dfr is not applicable"):
        pretrained.make_pretrained(str(folder), condition)
