"""Commands of one model: train or measure it, embed pictures with it, look after jobs and
artefacts."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vlcore.api import pretrained, training
from vlcore.artifacts import artifact
from vlcore.cli.common import CommandError, add_command, base_condition, training_options, whole
from vlcore.data.catalogue import open_set
from vlcore.data.decoding import UploadError
from vlcore.data.subset import usual_condition
from vlcore.data.training_set import by_chance, training_sets
from vlcore.experiment import trash
from vlcore.experiment.condition import Condition
from vlcore.experiment.edits import LONGEST, MOST
from vlcore.experiment.errors import LabError
from vlcore.experiment.options import style_names
from vlcore.experiment.wording import FEW, title
from vlcore.jobs import engines, jobs
from vlcore.jobs.progress import with_bar
from vlcore.metrics.catalogue import HEADLINE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from vlcore.api.models import Model

FEW_TRAINED = 10  # training pictures of a group
COLLAPSED = "All embeddings of this checkpoint are nearly one point: it says nothing of pictures."


def add_commands(commands: Any) -> None:
    option = add_command(commands, "train", "train or load one condition", train)
    option("--bias", type=float, default=0.0, help="share of each minority group removed, 0 to 1")
    option("--labels", default="short", help=f"one of short, {', '.join(style_names()[1:])}")
    option("--seed", type=int, default=0, help="of data and initialisation")
    option(
        "--edits",
        type=Path,
        metavar="FILE",
        help=f"at most {MOST} changes of the training set, a JSON list",
    )
    by_chance_help = f"{MOST} changes of pictures by chance instead, to compare with"
    option("--edits-by-chance", type=whole(0, 2**31 - 1), metavar="SEED", help=by_chance_help)
    option("--fresh", action="store_true", help="train even where the model came with this version")
    training_options(option)
    help_text = "measure a pretrained CLIP or SigLIP as one more model"
    option = add_command(commands, "pretrained", help_text, measure_pretrained)
    option("checkpoint", help="hub name, such as openai/clip-vit-base-patch32, or a local folder")
    option("--data", default="scenes", help="image set")
    option("--bias", type=float, default=0.0, help="share of each minority group removed, 0 to 1")
    option("--labels", help="label style whose captions are the prompts (clip_template)")
    option(
        "--template",
        default="",
        help='prompts of your own, such as "a photo of a {object} {place}"',
    )
    option("--readout", choices=pretrained.READOUTS, default="zero-shot", help="of the object")
    option("--seed", type=int, default=0, help="of the training pictures")
    help_text = "where pictures land in a model; exit code 2 only where none can be read"
    option = add_command(commands, "embed", help_text, embed)
    option("image", nargs="+", help="PNG, JPEG or WebP files; others are listed")
    option("--model", required=True, metavar="KEY")
    option(
        "--relies-on",
        action="store_true",
        help=(
            "and what each prediction relies on, of a model with a pretrained image tower: half a"
            " second an image"
        ),
    )
    add_command(commands, "status", "jobs and models", status)("key", nargs="?")
    add_command(commands, "cancel", "stop a training, or a job of a cluster by its number", cancel)(
        "key"
    )
    add_command(
        commands,
        "clean",
        "remove what interrupted and failed jobs left, and what was set aside",
        clean,
    )
    add_command(commands, "verify", "check every published artefact against its checksums", verify)


def train(options: Namespace) -> dict[str, Any]:
    seeds = {"data_seed": options.seed, "init_seed": options.seed}
    edits = {} if options.edits is None else {"edits": _text_of(options.edits)}
    condition = base_condition(
        options, {"labels": options.labels, **edits}, bias=options.bias, **seeds
    )
    parts = training.parts_of(condition)
    if options.edits_by_chance is not None:
        if condition.edits:
            raise CommandError("Give edits, or --edits-by-chance: the budget is spent once.")
        condition = condition.replace(edits=by_chance(parts[0], condition, options.edits_by_chance))
    sets = training_sets(parts, condition)
    groups = sets[0].table["group"].tolist()
    images = {name: groups.count(name) for name in sets[0].images.grouping.names}
    artefact, made = _make(condition, lambda: training.train_condition(condition, options.fresh))
    made |= {"steps": condition.steps, "train_images": images, "models": len(sets)}
    made |= {"edits": [edit.as_json() for edit in condition.changes]} if condition.edits else {}
    if few := ", ".join(
        f"{number} of {group}" for group, number in images.items() if number < FEW_TRAINED
    ):
        sentence = (
            f"The training pictures are {few}; with fewer than {FEW_TRAINED} much depends on which"
            " they are."
        )
        made["warnings"] = [sentence]
    return made | {
        "first_fit_step": artefact.metrics["first_fit_step"],
        "metrics": headline(artefact),
    }


def _text_of(file: Path) -> str:
    try:
        if file.stat().st_size <= LONGEST:
            return file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise CommandError(f"{file} cannot be read; give --edits a JSON file.") from error
    raise CommandError(
        f"{file} has more than {LONGEST:,} bytes, and {MOST} changes need far fewer."
    )


def _make(
    condition: Condition, work: Callable[[], str]
) -> tuple[artifact.Artefact, dict[str, Any]]:
    """The model of a condition, made unless it is there; and how that went."""
    started = time.perf_counter()
    state = with_bar(condition.key, work)
    seconds = round(time.perf_counter() - started, 2)
    return artifact.read(condition.key), {"key": condition.key, "state": state, "seconds": seconds}


def headline(artefact: artifact.Artefact) -> dict[str, Any]:
    """The rates of a model that a command prints, each with its interval, or the reason why it has
    none."""
    end = artefact.metrics["end"]
    measured = [name for name in HEADLINE if name in end]
    groups = end.get("group_accuracy", {})
    return {
        "train_caption_accuracy": end["train_caption_accuracy"],
        **{name: end[name]["value"] for name in measured},
        "few_pictures": {
            group: estimate["n"] for group, estimate in groups.items() if estimate["n"] < FEW
        },
        "group_accuracy": {group: estimate["value"] for group, estimate in groups.items()},
        "intervals": {
            name: [end[name]["low"], end[name]["high"], end[name]["n"]] for name in measured
        },
        "absent": {name: end["absent"][name] for name in HEADLINE if name in end.get("absent", {})},
    }


def measure_pretrained(options: Namespace) -> dict[str, Any]:
    labels = options.labels or ("own" if options.template else "clip_template")
    seeds = {"data_seed": options.seed, "init_seed": options.seed}
    base = usual_condition(open_set(options.data))
    base = base.replace(bias=options.bias, labels=labels, template=options.template, **seeds)
    source = options.checkpoint
    with suppress(
        OSError, ValueError
    ):  # whoever types here may mean a folder by what could be a hub name too
        source = str(Path(source).resolve()) if Path(source).is_dir() else source
    condition = pretrained.condition_of(source, base, readout=options.readout)
    training.check_pictures(condition)
    artefact, made = _make(condition, lambda: pretrained.make_pretrained(source, condition))
    about = artefact.json("checkpoint.json")
    made["state"] = made["state"].replace("trained", "measured")
    made |= {
        "title": title(condition),
        "device": artefact.manifest["device"],
        "metrics": headline(artefact),
    }
    made["checkpoint"] = {name: about[name] for name in ("name", "kind", "parameters", "bytes")}
    return made | ({"warnings": [COLLAPSED]} if artefact.metrics["end"]["collapsed"] else {})


def embed(options: Namespace) -> dict[str, Any]:
    from vlcore.api.models import load, open_picture

    model, pictures, unusable = load(options.model), [], []
    for file in options.image:
        try:
            pictures.append((file, open_picture(file)))
        except UploadError as error:
            unusable.append({"file": file, "message": str(error)})
    if not pictures:
        raise UploadError("\n".join(entry["message"] for entry in unusable))
    placed, images = model.embed([picture for _, picture in pictures]), []
    predictions = _predictions(
        model, [picture for _, picture in pictures], placed.z, options.relies_on
    )
    table = model.images.table.rename(columns={"file_name": "image"})
    columns = [
        name for name in ("image", "object", "context", "source") if name in table
    ]  # an imported one's source
    for name, (file, _), place, predicted in zip(
        placed.names, pictures, placed.places, predictions, strict=True
    ):
        near = placed.neighbours[placed.neighbours["picture"] == name]
        about = table[columns].iloc[near["row"]].astype(str).to_dict("records")
        said = placed.captions[
            placed.captions["picture"] == name
        ]  # none of a captioner, which says them word by word
        neighbours = [
            {column: text for column, text in known.items() if text} | {"similarity": similarity}
            for known, similarity in zip(about, near["similarity"], strict=True)
        ]
        found = {
            "file": file,
            "maps": {"pca": [round(float(value), 5) for value in place]},
            "neighbours": neighbours,
        }
        images.append(
            {**found, "captions": said.drop(columns="picture").to_dict("records"), **predicted}
        )
    return {"model": model.key, "images": images} | ({"unusable": unusable} if unusable else {})


def _predictions(
    model: Model, pictures: Sequence[Image], z: NDArray[np.float32], relies_on: bool
) -> list[dict[str, Any]]:
    """What the Upload page says of each image, as a dictionary."""
    from vlcore.api.uploads import knows_photographs, reliance_by_painting, upload_reports
    from vlcore.model.novelty import judge_of, novelties
    from vlcore.model.reliance import painted_images

    images, judge = model.images, None
    with suppress(LabError):  # the weights of the network that judges are not on this machine
        judge = judge_of(images)
    judged = [None] * len(pictures) if judge is None else novelties(judge, images, pictures)
    nobody_knows, are_drawn = [""] * len(z), [False] * len(z)
    reports = upload_reports(model.map, images, z, nobody_knows, judged, are_drawn)
    documents = []
    for picture, report in zip(pictures, reports, strict=True):
        document: dict[str, Any] = {}
        if report.predicted:
            share = {"share": report.share, "calibrated": report.is_calibrated}
            document["prediction"] = {"object": report.predicted, **share}
            if report.is_calibrated:
                document["prediction"]["sure"] = not report.doubts
        if report.novelty is not None:
            share_as_far = report.novelty.share.value
            document["novelty"] = {
                "distance": report.novelty.distance,
                "share_as_far": share_as_far,
            }
            document["novelty"]["new"] = report.novelty.is_new
        if relies_on and report.predicted and knows_photographs(model.condition):
            painted = painted_images(picture)
            found = reliance_by_painting(model.map, model.loaded, report, painted, images.grouping)
            document["relies_on"] = {"on": found.on.value, "because": found.because}
        documents.append(document)
    return documents


def status(options: Namespace) -> list[dict[str, Any]]:
    there = [jobs.JobStatus(key, jobs.State.DONE) for key in artifact.published_keys()]
    found, tasks = [], engines.tasks()
    seen = {view.key: view for view in (*there, *map(jobs.view, tasks), *jobs.active_and_ended())}
    for view in [jobs.view(options.key)] if options.key is not None else seen.values():
        kind, facts = artifact.kind_beside(view.key), ("stage", "step", "steps", "message")
        state = engines.state_of(view.key, tasks).value
        shown = {"key": view.key, "kind": kind.value if kind else "model", "state": state}
        shown |= {"job": tasks[view.key]} if view.key in tasks else {}
        found.append(shown | {name: view.status[name] for name in facts if name in view.status})
    return found


def cancel(options: Namespace) -> dict[str, Any]:
    if not jobs.cancel(options.key) and not engines.cancel(options.key):
        raise CommandError(
            f"{options.key} is not running; `python -m vlcore status` shows what is."
        )
    return {"key": options.key, "state": "cancelling"}


def clean(_options: Namespace) -> dict[str, Any]:
    return {"removed": [*jobs.clean(), *engines.clean(), *trash.empty()]}


def verify(_options: Namespace) -> list[dict[str, Any]]:
    results = []
    for key in artifact.published_keys():
        try:
            artifact.read(key)
            results.append({"key": key, "ok": True})
        except artifact.CorruptArtefactError as error:
            results.append({"key": key, "ok": False, "message": str(error)})
    return results
