"""Commands of one model: train or measure it, embed pictures with it, look after jobs and artefacts."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable
from typing import Any

from vlcore.cli.common import CommandError, add_command, base_condition, training_groups, training_options
from vlcore.core.condition import Condition
from vlcore.core.options import style_names
from vlcore.core.wording import FEW, title
from vlcore.datasets.catalogue import open_set
from vlcore.datasets.imageset import ImageSet
from vlcore.datasets.subset import usual_condition
from vlcore.datasets.uploads import UploadError
from vlcore.measures.catalogue import HEADLINE
from vlcore.runs import pretrained
from vlcore.runs import train as training
from vlcore.store import artefacts, jobs
from vlcore.store.progress import with_bar

FEW_TRAINED = 10  # training pictures of a group
COLLAPSED = "All embeddings of this checkpoint are nearly one point: it says nothing of pictures."


def add_train(commands: Any) -> None:
    option = add_command(commands, "train", "train or load one condition", train).add_argument
    option("--bias", type=float, default=0.0, help="share of each minority group removed, 0 to 1")
    option("--labels", default="undescriptive", help=f"one of {', '.join(style_names())}")
    option("--seed", type=int, default=0, help="of data and initialisation")
    training_options(option)


def train(options: Namespace) -> dict[str, Any]:
    """Train or load one condition in this process."""
    seeds = {"data_seed": options.seed, "init_seed": options.seed}
    condition = base_condition(options, {"labels": options.labels}, bias=options.bias, **seeds)
    images, models = training_groups(condition)
    artefact, made = _make(condition, lambda: training.train_condition(condition))
    few = ", ".join(f"{number} of {group}" for group, number in images.items() if number < FEW_TRAINED)
    sentence = f"The training pictures are {few}; with fewer than {FEW_TRAINED} much depends on which they are."
    return {
        "key": condition.key,
        **made,
        "steps": condition.steps,
        "train_images": images,
        "models": models,
        **({"warnings": [sentence]} if few else {}),
        "first_fit_step": artefact.metrics["first_fit_step"],
        "metrics": headline(artefact),
    }


def _make(condition: Condition, work: Callable[[], str]) -> tuple[artefacts.Artefact, dict[str, Any]]:
    """The model of a condition, made unless it is there; and how that went."""
    started = time.perf_counter()
    state = with_bar(condition.key, work)
    return artefacts.read(condition.key), {"state": state, "seconds": round(time.perf_counter() - started, 2)}


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


def add_pretrained(commands: Any) -> None:
    help_text = "measure a pretrained CLIP or SigLIP as one more model"
    option = add_command(commands, "pretrained", help_text, measure_pretrained).add_argument
    option("checkpoint", help="hub name, such as openai/clip-vit-base-patch32, or a local folder")
    option("--data", default="scenes", help="image set")
    option("--bias", type=float, default=0.0, help="share of each minority group removed, 0 to 1")
    option("--labels", help="label style whose captions are the prompts (clip_template)")
    option("--template", default="", help='prompts of your own, such as "a photo of a {object} {place}"')
    option("--readout", choices=pretrained.READOUTS, default="zero-shot", help="of the object")
    option("--seed", type=int, default=0, help="of the training pictures")


def measure_pretrained(options: Namespace) -> dict[str, Any]:
    """Measure a checkpoint in this process, unless it is there."""
    base = usual_condition(open_set(options.data)).replace(
        bias=options.bias,
        labels=options.labels or ("own" if options.template else "clip_template"),
        template=options.template,
        data_seed=options.seed,
        init_seed=options.seed,
    )
    condition = pretrained.condition_of(options.checkpoint, base, readout=options.readout)
    training_groups(condition)
    artefact, made = _make(condition, lambda: pretrained.make_pretrained(options.checkpoint, condition))
    about = artefact.json("checkpoint.json")
    return {
        "key": condition.key,
        "title": title(condition),
        **made,
        "state": "measured" if made["state"] == "trained" else made["state"],
        "checkpoint": {name: about[name] for name in ("name", "kind", "parameters", "bytes")},
        "device": artefact.manifest["device"],
        "metrics": headline(artefact),
    } | ({"warnings": [COLLAPSED]} if artefact.metrics["end"]["collapsed"] else {})


def add_embed(commands: Any) -> None:
    help_text = "where pictures land in a model; exit code 2 only where none can be read"
    option = add_command(commands, "embed", help_text, embed).add_argument
    option("image", nargs="+", help="PNG, JPEG or WebP files; others are listed")
    option("--model", required=True, metavar="KEY")


def embed(options: Namespace) -> dict[str, Any]:
    """Where pictures land: place on the map, neighbours, caption scores. What is no picture is listed beside them."""
    from vlcore.compare.notebook import load, open_picture

    model, pictures, unusable = load(options.model), [], []
    for file in options.image:
        try:
            pictures.append((file, open_picture(file)))
        except UploadError as error:
            unusable.append({"file": file, "message": str(error)})
    if not pictures:
        raise UploadError("\n".join(entry["message"] for entry in unusable))
    placed = model.embed([picture for _, picture in pictures])
    captions = {
        name: rows.drop(columns="picture").to_dict("records") for name, rows in placed.captions.groupby("picture")
    }
    near = placed.neighbours.groupby("picture")
    return {
        "model": model.key,
        "images": [
            {
                "file": file,
                "maps": {"pca": [round(float(value), 5) for value in place]},
                "neighbours": [
                    {**_about(model.images, row), "similarity": similarity}
                    for row, similarity in near.get_group(name)[["row", "similarity"]].itertuples(index=False)
                ],
                "captions": captions.get(name, []),  # a captioner says captions word by word
            }
            for name, (file, _), place in zip(placed.names, pictures, placed.places, strict=True)
        ],
    } | ({"unusable": unusable} if unusable else {})


def _about(images: ImageSet, row: int) -> dict[str, str]:
    """What is known of a picture; of an imported one, also where it was in its source."""
    columns = {"image": "file_name", "object": "object", "context": "context", "source": "source"}
    known = {name: str(images.table[column].iat[row]) for name, column in columns.items() if column in images.table}
    return {name: value for name, value in known.items() if value}


def add_upkeep(commands: Any) -> None:
    add_command(commands, "status", "jobs and models", status).add_argument("key", nargs="?")
    add_command(commands, "cancel", "stop a running training", cancel).add_argument("key")
    add_command(commands, "clean", "remove what interrupted and failed jobs left, and what was set aside", clean)
    add_command(commands, "verify", "check every published artefact against its checksums", verify)


def status(options: Namespace) -> list[dict[str, Any]]:
    if options.key is not None:
        return [_status(jobs.view(options.key))]
    models = [jobs.JobStatus(key, jobs.State.DONE) for key in artefacts.published_keys()]
    return [_status(view) for view in [*models, *jobs.active_and_ended()]]


def _status(view: jobs.JobStatus) -> dict[str, Any]:
    kind = artefacts.kind_beside(view.key)
    shown = {"key": view.key, "kind": kind.value if kind else "model", "state": view.state.value}
    return shown | {name: view.status[name] for name in ("stage", "step", "steps", "message") if name in view.status}


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
