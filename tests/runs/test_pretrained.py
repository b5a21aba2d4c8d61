"""A pretrained model as one more: a tiny CLIP with random weights is measured, mapped and found again."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.special import logsumexp

from tests.learning.tiny_clip import WIDTH, save_clip
from tests.runs.test_train import write_small
from vlcore.compare.metrics_table import absence_reason, estimate_of, measures_of
from vlcore.core.condition import Condition, ConditionError
from vlcore.core.files import data_folder
from vlcore.core.grouping import SCENES
from vlcore.core.options import ArtefactKind
from vlcore.core.wording import title
from vlcore.datasets import drawn
from vlcore.datasets.catalogue import open_set
from vlcore.datasets.drawn import SCENES_RECIPE
from vlcore.datasets.imageset import ImageSet
from vlcore.datasets.subset import training_rows, usual_condition
from vlcore.learning.hub import PretrainedError
from vlcore.learning.pretrained import PretrainedEncoder
from vlcore.measures import catalogue
from vlcore.measures.last_layer import probe_layer
from vlcore.runs import pretrained, train
from vlcore.runs.embeddings import StoredEmbeddings
from vlcore.runs.evaluate import ELSEWHERE
from vlcore.runs.maps import Projection, make_map
from vlcore.store import jobs
from vlcore.store.artefacts import Artefact, model_keys, published, read
from vlcore.studies.runs_table import runs_table

FILES = {"condition.json", "checkpoint.json", "embeddings.npz", "maps.npz", "metrics.json"}
PER_GROUP = {"train": 16, "val": 8, "probe": 8, "test": 20}


def write_mini() -> ImageSet:
    """The first scenes of each split and group of what we draw, with their masks, as a set of its own."""
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


@dataclasses.dataclass(frozen=True)
class Made:
    """A set, a checkpoint, and what was published of it by readout."""

    images: ImageSet
    folder: Path
    artefacts: dict[str, Artefact]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    home = tmp_path_factory.mktemp("pretrained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLCORE_HOME", str(home))
        images, folder = write_mini(), save_clip(home / "tiny")
        base = usual_condition(images).replace(bias=0.75, labels="descriptive")
        artefacts = {}
        for readout in pretrained.READOUTS:
            condition = pretrained.condition_of(str(folder), base, readout=readout)
            assert pretrained.make_pretrained(str(folder), condition) == "trained"
            artefacts[readout] = read(condition.key)
        yield Made(images, folder, artefacts)


@pytest.fixture(params=sorted(pretrained.READOUTS))
def readout(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def artefact(made: Made, readout: str) -> Artefact:
    return made.artefacts[readout]


def test_an_artefact_has_the_usual_files_and_no_weights(made: Made, artefact: Artefact, readout: str) -> None:
    assert set(artefact.manifest["files"]) == FILES
    assert artefact.key == artefact.condition.key
    assert artefact.key in model_keys()
    assert artefact.manifest["parameters"] == artefact.json("checkpoint.json")["parameters"]
    assert artefact.manifest["device"] == "cpu"
    assert artefact.kind is ArtefactKind.PRETRAINED
    assert pretrained.make_pretrained(str(made.folder), artefact.condition) == "cached"
    words = {"zero-shot": "zero-shot", "probe": "linear probe", "dfr": "dfr"}[readout]
    assert title(artefact.condition).startswith(f"Pretrained tiny, {words}, 75 % removed (4 of 16 kept)")
    arrays, layer = artefact.arrays("embeddings.npz"), StoredEmbeddings(artefact).layer
    assert (layer is None) == (readout == "zero-shot")
    if layer is not None:  # it is kept for other pictures
        assert (layer.names(arrays["end_train"]) == arrays["train_predicted"]).all()
        assert layer.direction.shape == (WIDTH,)


def test_pictures_are_embedded_at_their_stored_size(made: Made, artefact: Artefact) -> None:
    arrays, encoder = artefact.arrays("embeddings.npz"), pretrained.load_for(artefact)
    assert made.images.image(0).shape == (drawn.SIZE, drawn.SIZE, 3)
    for split in ("train", "val", "probe", "test"):
        rows = arrays[f"{split}_rows"]
        expected = encoder.embed_pictures([Image.fromarray(made.images.image(row)) for row in rows])
        assert np.allclose(arrays[f"end_{split}"], expected, atol=1e-6)
    assert np.allclose(arrays["end_captions"], encoder.embed_captions(arrays["caption_texts"].tolist()), atol=1e-6)
    assert arrays["end_scale_bias"].tolist() == [encoder.scale, encoder.bias]


def test_the_training_pictures_are_the_biased_ones(made: Made, artefact: Artefact) -> None:
    rows = artefact.arrays("embeddings.npz")["train_rows"]
    assert rows.tolist() == training_rows(made.images, artefact.condition).tolist()
    groups = made.images.table["group"].iloc[rows].value_counts()
    assert {name: groups[name] for name in SCENES.minority} == dict.fromkeys(SCENES.minority, 4)


def right_by_hand(made: Made, readout: str) -> np.ndarray:
    """Which held-out pictures are named right, from the embeddings alone."""
    arrays = made.artefacts[readout].arrays("embeddings.npz")
    true = made.images.table["object"].to_numpy(str)
    if readout == "zero-shot":
        scale, bias = arrays["end_scale_bias"]
        scores = scale * arrays["end_test"].astype(float) @ arrays["end_captions"].T.astype(float) + bias
        about = arrays["caption_objects"]
        each = [logsumexp(scores[:, about == name], axis=1) for name in SCENES.objects]
        said = np.array(SCENES.objects)[np.argmax(each, axis=0)]
    elif readout == "probe":
        said = probe_layer(arrays["end_train"], true[arrays["train_rows"]]).names(arrays["end_test"])
    else:
        layer = StoredEmbeddings(made.artefacts[readout]).layer
        assert layer is not None
        said = layer.names(arrays["end_test"])
    return np.asarray(said == true[arrays["test_rows"]])


def test_accuracy_is_of_the_readout(made: Made, readout: str) -> None:
    right, end = right_by_hand(made, readout), made.artefacts[readout].metrics["end"]
    groups = made.images.table["group"].to_numpy(str)[made.artefacts[readout].arrays("embeddings.npz")["test_rows"]]
    for side in ("minority", "majority"):
        here = np.isin(groups, getattr(SCENES, side))
        assert end[f"{side}_accuracy"]["value"] == pytest.approx(right[here].mean())
    assert end["minority_accuracy"]["n"] == 2 * PER_GROUP["test"]


def test_the_probe_is_as_biased_as_its_pictures_and_dfr_is_not(made: Made) -> None:
    """A network with random weights sorts by colour: a probe on biased pictures reads the place."""
    end = {readout: artefact.metrics["end"] for readout, artefact in made.artefacts.items()}
    gap = {name: one["majority_accuracy"]["value"] - one["minority_accuracy"]["value"] for name, one in end.items()}
    assert gap["probe"] > 0.5 > 0.35 > abs(gap["dfr"])
    assert end["probe"]["background_reliance"]["value"] > end["dfr"]["background_reliance"]["value"]


def test_what_belongs_to_pictures_and_captions_does_not_depend_on_the_readout(made: Made) -> None:
    ends = [artefact.metrics["end"] for artefact in made.artefacts.values()]
    for name in ("silhouette_context", "probe_object", "alignment", "modality_gap", "similarity_to", "readouts_bare"):
        assert ends[0][name] == ends[1][name] == ends[2][name]


def test_everything_is_measured_or_has_its_reason(made: Made, artefact: Artefact) -> None:
    metrics = artefact.metrics
    assert metrics["end"]["absent"] == {}
    for measure in (one.name for one in catalogue.listed()):
        assert estimate_of(metrics["end"], measure) is not None, measure
        assert {absence_reason(metrics[name], measure) for name in ("untrained", "first_fit")} == {
            ELSEWHERE[ArtefactKind.PRETRAINED]
        }
    assert metrics["raw_pixels"]["silhouette_context"]["value"] > 0
    assert {"colour", "pixels", "coat"} <= set(metrics["end"]["similarity_to"])
    frame = runs_table([artefact])
    assert (frame["value"].notna() | (frame["reason"] != "")).all()
    assert len(measures_of(artefact, made.images.grouping)) == len(catalogue.listed())


def test_the_panel_is_made_larger_than_for_our_own(made: Made) -> None:
    views = pretrained.Views(made.images, made.images.rows("train"), pretrained.PANEL_SIZE)
    assert views.panel is not None
    assert {pictures.shape[1:] for pictures in views.panel.values()} == {(128, 128, 3)}
    assert views.pixels["test"].shape[1:] == (64, 64, 3)
    usual = pretrained.Views(made.images, made.images.rows("train"))
    assert usual.panel is not None
    assert (usual.panel["original"] == usual.pixels["test"][usual.panel_rows]).all()


def test_umap_is_made_beside_it(made: Made, artefact: Artefact, monkeypatch: pytest.MonkeyPatch) -> None:
    from vlcore.measures import projection

    monkeypatch.setattr(projection, "umap", lambda points, *_: points[:, :2])  # only whether the arrays fit
    assert make_map([artefact.key], Projection("umap")) == "trained"


# --- found again


def test_a_checkpoint_that_is_gone_or_changed_is_a_sentence(made: Made, artefact: Artefact) -> None:
    away = made.folder.with_name("away")
    made.folder.rename(away)
    try:
        with pytest.raises(PretrainedError, match=r"The folder of the checkpoint tiny@.* is gone; bring it back"):
            pretrained.load_for(artefact)
        save_clip(made.folder, seed=5)
        with pytest.raises(PretrainedError, match=r"The files of the checkpoint tiny@.* have changed"):
            pretrained.load_for(artefact)
    finally:
        shutil.rmtree(made.folder, ignore_errors=True)
        away.rename(made.folder)
    assert pretrained.load_for(artefact).checkpoint.name == artefact.json("checkpoint.json")["name"]


def test_another_checkpoint_than_the_condition_names_is_refused(made: Made, tmp_path: Path) -> None:
    other = save_clip(tmp_path / "tiny", seed=9)
    condition = made.artefacts["probe"].condition.replace(bias=0.5)
    with pytest.raises(PretrainedError, match=r"is tiny@.* and not tiny; ask for it anew"):
        pretrained.make_pretrained(str(other), condition)
    assert jobs.view(condition.key).state is jobs.State.FAILED
    assert not published(condition.key)


def test_a_checkpoint_of_the_hub_is_found_again_by_its_commit(
    made: Made, artefact: Artefact, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def load(source: str, *, revision: str) -> Any:
        asked.append((source, revision))
        return dataclasses.replace(encoder, checkpoint=dataclasses.replace(encoder.checkpoint, name="owner/model"))

    from vlcore.learning import pretrained as learning

    encoder = pretrained.load_for(artefact)
    monkeypatch.setattr(learning, "load_checkpoint", load)
    about = {"source": "owner/model", "name": "owner/model", "revision": "c" * 40}
    monkeypatch.setattr(Artefact, "json", lambda self, name: about)
    assert pretrained.load_for(artefact).checkpoint.name == "owner/model"
    assert asked == [("owner/model", "c" * 40)]


# --- conditions


def test_a_condition_keeps_data_bias_labels_and_seeds(made: Made) -> None:
    base = Condition(bias=0.9, labels="clip_template", data_seed=4, init_seed=5, steps=70, objective="infonce")
    condition = pretrained.condition_of("openai/clip-vit-base-patch32", base, readout="dfr")
    kept = ("data", "data_version", "bias", "labels", "template", "data_seed", "init_seed", "n_per_group", "size_mode")
    assert all(getattr(condition, name) == getattr(base, name) for name in kept)
    assert (condition.objective, condition.mitigation, condition.steps) == ("pretrained", "dfr", 0)
    assert condition.architecture == "clip:openai/clip-vit-base-patch32"
    with pytest.raises(ConditionError, match="No readout is named 'guess'"):
        pretrained.condition_of("openai/clip-vit-base-patch32", base, readout="guess")


def test_training_it_is_refused(made: Made, artefact: Artefact) -> None:
    with pytest.raises(ConditionError, match="python -m vlcore pretrained"):
        train.train_condition(artefact.condition.replace(bias=0.25))


@pytest.mark.parametrize("readout", ["zero-shot", "probe"])
def test_labels_that_name_no_object_leave_the_probe_its_answer(made: Made, readout: str) -> None:
    condition = pretrained.condition_of(
        str(made.folder), made.artefacts[readout].condition.replace(labels="context"), readout=readout
    )
    pretrained.make_pretrained(str(made.folder), condition)
    end = read(condition.key).metrics["end"]
    assert absence_reason(end, "readouts_best_caption.minority_accuracy") == "no label names the object"
    if readout == "probe":
        assert end["minority_accuracy"] == made.artefacts["probe"].metrics["end"]["minority_accuracy"]
        assert end["background_reliance"] == made.artefacts["probe"].metrics["end"]["background_reliance"]
    else:
        assert absence_reason(end, "minority_accuracy") == "no label names the object"


# --- small sets


def test_a_set_in_folds_has_a_probe_for_each_fold(
    tmp_path: Path, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, folder = write_small(empty_home), save_clip(tmp_path / "tiny")
    looked_at: list[int] = []
    usual = PretrainedEncoder.embed_pictures

    def counted(self: Any, pictures: Any) -> Any:
        looked_at.append(len(pictures))
        return usual(self, pictures)

    monkeypatch.setattr(PretrainedEncoder, "embed_pictures", counted)
    condition = pretrained.condition_of(str(folder), usual_condition(images).replace(bias=0.5), readout="probe")
    pretrained.make_pretrained(str(folder), condition)
    metrics = read(condition.key).metrics
    assert metrics["models"] == images.folds == 4
    assert sum(estimate["n"] for estimate in metrics["end"]["group_accuracy"].values()) == len(images.table)
    assert sum(looked_at) == len(images.table)
    with pytest.raises(ConditionError, match="dfr is not applicable"):
        pretrained.make_pretrained(
            str(folder), pretrained.condition_of(str(folder), usual_condition(images), readout="dfr")
        )
