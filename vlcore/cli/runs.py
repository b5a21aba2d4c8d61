"""What each command does: a few lines around the library, and a document that says what came out.

The one idea: a command returns a value that can be printed as JSON; `vlcore.cli.printing` says the same value as text.
"""

from __future__ import annotations

import time
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vlcore.compare.model_map import caption_scores, model_map
from vlcore.core.condition import Condition, with_settings
from vlcore.core.errors import LabError
from vlcore.core.files import HomeError, atomic
from vlcore.core.options import PRESETS, ArtefactKind
from vlcore.core.wording import FEW, title
from vlcore.datasets.catalogue import open_set
from vlcore.datasets.imageset import ImageSet
from vlcore.datasets.subset import parts, training_rows, usual_condition
from vlcore.datasets.uploads import UploadError, open_upload
from vlcore.measures.catalogue import HEADLINE
from vlcore.runs import pretrained
from vlcore.runs.train import train_condition
from vlcore.store import artefacts, jobs
from vlcore.store.progress import with_bar

FEW_TRAINED = 10  # training pictures of a group


class CommandError(LabError):
    """An option that cannot be used; the message says what to give."""


def train(options: Namespace) -> dict[str, Any]:
    """Train or load one condition in this process."""
    base = base_of(options, apply_settings=False).replace(
        bias=options.bias, data_seed=options.seed, init_seed=options.seed
    )
    condition = with_settings(base, {"labels": options.labels, **_settings(options)})
    check_set(condition)
    started = time.perf_counter()
    outcome = with_bar(condition.key, lambda: train_condition(condition))
    artefact = artefacts.read(condition.key)
    return {
        "key": condition.key,
        "state": outcome,
        "seconds": round(time.perf_counter() - started, 2),
        "steps": condition.steps,
        **_trained_on(condition),
        "first_fit_step": artefact.metrics["first_fit_step"],
        "metrics": headline(artefact),
    }


def _trained_on(condition: Condition) -> dict[str, Any]:
    """How many models there are, how many pictures of each group one of them is trained on, and whether that is few."""
    folds = parts(open_set(condition.data, condition.data_version), condition.data_seed)
    groups = folds[0].table["group"].iloc[training_rows(folds[0], condition)]
    images = {name: int((groups == name).sum()) for name in folds[0].grouping.names}
    few = ", ".join(f"{number} of {group}" for group, number in images.items() if number < FEW_TRAINED)
    sentence = f"The training pictures are {few}; with fewer than {FEW_TRAINED} much depends on which they are."
    return {"train_images": images, "models": len(folds)} | ({"warnings": [sentence]} if few else {})


def headline(artefact: artefacts.Artefact) -> dict[str, Any]:
    """The rates of a model that a command prints, each with its interval, or the reason why it has none."""
    end = artefact.metrics["end"]
    measured = [name for name in HEADLINE if name in end]
    groups = end.get("group_accuracy", {})
    return {
        "train_caption_accuracy": end["train_caption_accuracy"],
        **{name: end[name]["value"] for name in measured},
        "few_pictures": {group: estimate["n"] for group, estimate in groups.items() if estimate["n"] < FEW},
        "group_accuracy": {group: estimate["value"] for group, estimate in groups.items()},
        "intervals": {name: [end[name]["low"], end[name]["high"], end[name]["n"]] for name in measured},
        "absent": {name: end["absent"][name] for name in HEADLINE if name in end.get("absent", {})},
    }


def embed(options: Namespace) -> dict[str, Any]:
    """Where pictures land: place on the map, neighbours, caption scores. What is no picture is listed beside them."""
    from vlcore.runs import load

    artefact = model_of(options.model)
    pictures, unusable = [], []
    for file in options.image:
        try:
            pictures.append((file, open_upload(_bytes(Path(file)), Path(file).name)))
        except UploadError as error:
            unusable.append({"file": file, "message": str(error)})
    if not pictures:
        raise UploadError("\n".join(entry["message"] for entry in unusable))
    model = model_map(artefact)
    images = open_set(artefact.condition.data, artefact.condition.data_version)
    z = load.load(artefact).embed_pictures([picture for _, picture in pictures])
    places = model.place(z)
    return {
        "model": artefact.key,
        "images": [
            {
                "file": file,
                "maps": {"pca": [round(float(value), 5) for value in place]},
                "neighbours": [
                    {**_picture(images, row), "similarity": similarity}
                    for row, similarity in model.neighbours(vector, 5)
                ],
                "captions": [asdict(score) for score in caption_scores(model, vector)],
            }
            for (file, _), place, vector in zip(pictures, places, z, strict=True)
        ],
    } | ({"unusable": unusable} if unusable else {})


def _picture(images: ImageSet, row: int) -> dict[str, str]:
    """What is known of a picture; of an imported one, also where it was in its source."""
    names = {"image": "file_name", "object": "object", "context": "context", "source": "source"}
    known = {name: str(images.table[column].iat[row]) for name, column in names.items() if column in images.table}
    return {name: value for name, value in known.items() if value}


def model_of(key: str) -> artefacts.Artefact:
    """The published model of a key that somebody typed.

    Raises:
        StoreError: when there is none.
        CommandError: when the key is of something else.
    """
    what = {
        ArtefactKind.MAP: "a map",
        ArtefactKind.CHECK: "the check of an image set",
        ArtefactKind.IMPORT: "the report of an import",
    }
    if kind := artefacts.kind_beside(key):
        raise CommandError(f"{key} is {what[kind]}, not a model; `python -m vlcore status` lists the models.")
    return artefacts.read(key)


def page_path(given: str) -> Path:
    """Where a page is to be written.

    Raises:
        CommandError: when the name is not that of a web page.
    """
    if Path(given).suffix.lower() != ".html":
        raise CommandError(f"--out is {given}; it becomes a web page, so give a name that ends in .html.")
    return Path(given)


def write_page(out: Path, page: str) -> None:
    """Write a page, whole or not at all.

    Raises:
        HomeError: when it cannot be written.
    """
    try:
        with atomic(out, durable=True) as aside:
            aside.write_text(page, encoding="utf-8", newline="")
    except OSError as error:
        raise HomeError(f"{out} cannot be written ({error.strerror}); give --out another place.") from error


def status(options: Namespace) -> list[dict[str, Any]]:
    if options.key is not None:
        return [_status(jobs.view(options.key))]
    models = [jobs.JobStatus(key, jobs.State.DONE) for key in artefacts.published_keys()]
    return [_status(view) for view in [*models, *jobs.active_and_ended()]]


def _status(view: jobs.JobStatus) -> dict[str, Any]:
    shown: dict[str, Any] = {
        name: view.status[name] for name in ("stage", "step", "steps", "message") if name in view.status
    }
    kind = artefacts.kind_beside(view.key)
    return {"key": view.key, "kind": kind.value if kind else "model", "state": view.state.value, **shown}


def cancel(options: Namespace) -> dict[str, Any]:
    if not jobs.cancel(options.key):
        raise CommandError(f"{options.key} is not running; `python -m vlcore status` shows what is.")
    return {"key": options.key, "state": "cancelling"}


def clean(_options: Namespace) -> dict[str, Any]:
    return {"removed": jobs.clean()}


def verify(_options: Namespace) -> list[dict[str, Any]]:
    """Check every artefact; a damaged one is set aside and can be trained again."""
    results = []
    for key in artefacts.published_keys():
        try:
            artefacts.read(key)
            results.append({"key": key, "ok": True})
        except artefacts.CorruptArtefactError as error:
            results.append({"key": key, "ok": False, "message": str(error)})
    return results


def base_of(options: Namespace, apply_settings: bool = True) -> Condition:
    """What the options of training say, but for bias, labels and seeds."""
    base = usual_condition(open_set(options.data)).replace(steps=PRESETS[options.preset])
    return with_settings(base, _settings(options)) if apply_settings else base


def check_set(condition: Condition) -> None:
    """Make sure that the image set of a condition has the pictures that it needs."""
    images = open_set(condition.data, condition.data_version)
    training_rows(parts(images, condition.data_seed)[0], condition)


def _settings(options: Namespace) -> dict[str, str]:
    pairs = [setting.partition("=") for setting in options.settings]
    for name, equals, _ in pairs:
        if not equals:
            raise CommandError(f"--set {name!r} is not of the form KEY=VALUE.")
    return {name: value for name, _, value in pairs}


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UploadError(f"{file} cannot be read ({error.strerror}); give the path of a picture.") from error


def within(option: str, value: int, low: int, high: int) -> None:
    """Raise `CommandError` unless a number that was given is in its range."""
    if not low <= value <= high:
        raise CommandError(f"{option} is {value}; give a whole number from {low} to {high}.")


COLLAPSED = "All embeddings of this checkpoint are nearly one point: it says nothing of pictures."


def add_options(command: Any) -> None:
    """The options of the command."""
    command.add_argument("checkpoint", help="hub name, such as openai/clip-vit-base-patch32, or a local folder")
    command.add_argument("--data", default="scenes", help="image set")
    command.add_argument("--bias", type=float, default=0.0, help="share of each minority group removed, 0 to 1")
    command.add_argument("--labels", help="label style whose captions are the prompts (clip_template)")
    command.add_argument("--template", help='prompts of your own, such as "a photo of a {object} {place}"')
    command.add_argument("--readout", default="zero-shot", help=f"one of {', '.join(pretrained.READOUTS)}")
    command.add_argument("--seed", type=int, default=0, help="of the training pictures")


def run(options: Namespace) -> dict[str, Any]:
    """Measure a checkpoint in this process, unless it is there."""
    labels = options.labels or ("own" if options.template else "clip_template")
    base = usual_condition(open_set(options.data)).replace(
        bias=options.bias, labels=labels, template=options.template or "", data_seed=options.seed,
        init_seed=options.seed,
    )  # fmt: skip
    condition = pretrained.condition_of(options.checkpoint, base, readout=options.readout)
    check_set(condition)
    started = time.perf_counter()
    outcome = with_bar(condition.key, lambda: pretrained.make_pretrained(options.checkpoint, condition))
    artefact = artefacts.read(condition.key)
    about = artefact.json("checkpoint.json")
    return {
        "key": condition.key,
        "title": title(condition),
        "state": "measured" if outcome == "trained" else outcome,
        "seconds": round(time.perf_counter() - started, 2),
        "checkpoint": {name: about[name] for name in ("name", "kind", "parameters", "bytes")},
        "device": artefact.manifest["device"],
        "metrics": headline(artefact),
    } | ({"warnings": [COLLAPSED]} if artefact.metrics["end"]["collapsed"] else {})
