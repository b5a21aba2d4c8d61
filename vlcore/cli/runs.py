"""Commands of one model: train or measure it, embed images with it, list and check jobs and
artifacts."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vlcore.api import pretrained, training
from vlcore.artifacts import store
from vlcore.classroom.session import delete_expired
from vlcore.cli.common import (
    CommandError,
    Document,
    add_command,
    base_condition,
    training_options,
    whole_number,
)
from vlcore.data.catalogue import open_set
from vlcore.data.decoding import UploadError
from vlcore.data.imageset import ImageSet
from vlcore.data.subset import usual_condition
from vlcore.data.training_set import by_chance, training_sets
from vlcore.experiment import trash
from vlcore.experiment.condition import Condition
from vlcore.experiment.edits import LONGEST, MOST
from vlcore.experiment.options import shown_name, style_names
from vlcore.experiment.wording import FEW, title
from vlcore.jobs import engines, jobs
from vlcore.jobs.progress import job_bar
from vlcore.metrics.catalogue import HEADLINE

if TYPE_CHECKING:
    from vlcore.api.models import Model
    from vlcore.api.uploads import UploadReport

FEW_TRAINED = 10  # training images of a group
COLLAPSED = "All embeddings of this checkpoint are nearly one point: they do not tell images apart."
BIAS_HELP = "share of the rare images removed, 0 to 1"


def add_commands(commands: Any) -> None:
    option = add_command(commands, train)
    option("--bias", type=float, default=0.0, help=BIAS_HELP)
    styles = ", ".join(shown_name("labels", name) for name in style_names())
    option("--labels", default="short", help=f"one of {styles}")
    option("--seed", type=int, default=0, help="of data and initialisation")
    edits_help = f"at most {MOST} changes of the training set, a JSON list"
    option("--edits", type=Path, metavar="FILE", help=edits_help)
    chance_help = f"{MOST} random changes of images instead, as a control"
    option("--edits-by-chance", type=whole_number(0, 2**31 - 1), metavar="SEED", help=chance_help)
    option("--fresh", action="store_true", help="train even where the model is bundled")
    training_options(option)

    option = add_command(commands, measure_pretrained, "pretrained")
    option(
        "checkpoint",
        help="hub name, such as laion/CLIP-ViT-B-32-laion2B-s34B-b79K, or a local folder",
    )
    option("--data", default="scenes", help="image set")
    option("--bias", type=float, default=0.0, help=BIAS_HELP)
    option("--labels", help="caption style whose captions are the prompts")
    template_help = 'your own prompts, such as "a photo of a {object} {place}"'
    option("--template", default="", help=template_help)
    option("--readout", choices=pretrained.READOUTS, default="zero-shot", help="of the object")
    option("--seed", type=int, default=0, help="of the training images")

    option = add_command(commands, embed)
    option("image", nargs="+", help="PNG, JPEG, WebP, GIF or HEIC files; unusable ones are listed")
    option("--model", required=True, metavar="KEY")
    relies_help = (
        "add what each prediction relies on, for models with a pretrained image encoder; half a"
        " second an image"
    )
    option("--relies-on", action="store_true", help=relies_help)

    option = add_command(commands, explain)
    option("key", metavar="KEY", help="a model that was trained here")
    image_help = "a held-out image by its row, several rows with commas, or a file"
    option("--image", required=True, metavar="FILE|ROW", help=image_help)
    shows_help = "object of a file; without it, the one that the model does not predict"
    option("--shows", default="", metavar="OBJECT", help=shows_help)
    top_help = f"images on each side, at most {MOST}"
    option("--top", type=whole_number(1, MOST), default=MOST, metavar="N", help=top_help)
    test_help = (
        "train again without them, without the nearest and without some by chance, five seeds each"
    )
    option("--test", action="store_true", help=test_help)

    add_command(commands, status)("key", nargs="?")
    add_command(commands, cancel)("key")
    add_command(commands, clean)
    add_command(commands, verify)


def train(options: Namespace) -> Document:
    """Train or load one condition."""
    texts = {"labels": options.labels}
    if options.edits is not None:
        texts["edits"] = _edits_text(options.edits)
    seeds = {"data_seed": options.seed, "init_seed": options.seed}
    condition = base_condition(options, texts, bias=options.bias, **seeds)
    parts = training.parts_of(condition)
    if options.edits_by_chance is not None:
        if condition.edits:
            raise CommandError("Give edits, or --edits-by-chance: the budget is spent once.")
        condition = condition.replace(edits=by_chance(parts[0], condition, options.edits_by_chance))
    sets = training_sets(parts, condition)
    groups = sets[0].table["group"].tolist()
    train_images = {name: groups.count(name) for name in sets[0].images.grouping.names}
    artifact, document = _make_model(
        condition, lambda: training.train_condition(condition, options.fresh)
    )
    document |= {"steps": condition.steps, "train_images": train_images, "models": len(sets)}
    if condition.edits:
        document["edits"] = [edit.as_json() for edit in condition.changes]
    small = [f"{count} of {group}" for group, count in train_images.items() if count < FEW_TRAINED]
    if small:
        document["warnings"] = [
            f"The training images are {', '.join(small)}; with fewer than {FEW_TRAINED} much"
            " depends on which they are."
        ]
    document["first_fit_step"] = artifact.metrics["first_fit_step"]
    return document | {"metrics": headline_metrics(artifact)}


def _edits_text(file: Path) -> str:
    try:
        if file.stat().st_size <= LONGEST:
            return file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise CommandError(f"{file} cannot be read; give --edits a JSON file.") from error
    raise CommandError(
        f"{file} has more than {LONGEST:,} bytes, and {MOST} changes need far fewer."
    )


def _make_model(condition: Condition, work: Callable[[], str]) -> tuple[store.Artifact, Document]:
    """Make the model of a condition unless it is published; returns it with key, state, seconds."""
    started = time.perf_counter()
    with job_bar(condition.key):
        state = work()
    seconds = round(time.perf_counter() - started, 2)
    return store.read(condition.key), {"key": condition.key, "state": state, "seconds": seconds}


def headline_metrics(artifact: store.Artifact) -> Document:
    """The rates of a model that commands print: values, intervals, and reasons for absent ones."""
    end = artifact.metrics["end"]
    groups = end.get("group_accuracy", {})
    estimates = {name: end[name] for name in HEADLINE if name in end}
    reasons = end.get("absent", {})
    return {
        "train_caption_accuracy": end["train_caption_accuracy"],
        **{name: estimate["value"] for name, estimate in estimates.items()},
        "few_pictures": {name: group["n"] for name, group in groups.items() if group["n"] < FEW},
        "group_accuracy": {name: group["value"] for name, group in groups.items()},
        "intervals": {
            name: [estimate["low"], estimate["high"], estimate["n"]]
            for name, estimate in estimates.items()
        },
        "absent": {name: reasons[name] for name in HEADLINE if name in reasons},
    }


def measure_pretrained(options: Namespace) -> Document:
    """Measure a pretrained CLIP or SigLIP as one more model."""
    template = options.template or ("" if options.labels else pretrained.PROMPT)
    labels = options.labels or "own"
    seeds = {"data_seed": options.seed, "init_seed": options.seed}
    base = usual_condition(open_set(options.data))
    base = base.replace(bias=options.bias, labels=labels, template=template, **seeds)
    source = options.checkpoint
    with suppress(OSError, ValueError):
        # A folder's relative path can look like a hub name.
        source = str(Path(source).resolve()) if Path(source).is_dir() else source
    condition = pretrained.pretrained_condition(source, base, readout=options.readout)
    training.check_trainable(condition)
    artifact, document = _make_model(
        condition, lambda: pretrained.make_pretrained(source, condition)
    )
    checkpoint = artifact.json("checkpoint.json")
    document |= {
        "state": document["state"].replace("trained", "measured"),
        "title": title(condition),
        "device": artifact.manifest["device"],
        "metrics": headline_metrics(artifact),
        "checkpoint": {name: checkpoint[name] for name in ("name", "kind", "parameters", "bytes")},
    }
    if artifact.metrics["end"]["collapsed"]:
        document["warnings"] = [COLLAPSED]
    return document


def embed(options: Namespace) -> Document:
    """Project images into a model; exit code 2 only where none can be read."""
    from vlcore.api.answers import ask, judge_or_none
    from vlcore.api.models import MODEL, load, opened_picture
    from vlcore.api.uploads import knows_photographs

    model = load(options.model)
    files, pictures, unusable = [], [], []
    for file in options.image:
        try:
            pictures.append(opened_picture(file))
            files.append(file)
        except UploadError as error:
            unusable.append({"file": file, "message": str(error)})
    if not pictures:
        raise UploadError("\n".join(entry["message"] for entry in unusable))

    answers = ask({MODEL: model}, model.images, pictures, judge_or_none(model.images))
    explains = options.relies_on and knows_photographs(model.condition)
    entries = []
    for file, upload, place in zip(files, answers.uploads, answers.places(MODEL), strict=True):
        pca = [round(float(coordinate), 5) for coordinate in place]
        entry = {"file": file, "maps": {"pca": pca}, **_upload_entry(model, upload.reports[MODEL])}
        if explains and MODEL in upload.reliances:
            reliance = upload.reliances[MODEL]
            entry["relies_on"] = {"on": reliance.on.value, "because": reliance.because}
        entries.append(entry)
    document: Document = {"model": model.key, "images": entries}
    if options.relies_on and not explains:
        document["warning"] = (
            "What predictions rely on was not tested: this model's image encoder was not trained on"
            " photographs."
        )
    return document | ({"unusable": unusable} if unusable else {})


def _upload_entry(model: Model, report: UploadReport) -> Document:
    """What a model predicts for one image: neighbours, captions, label and novelty."""
    entry: Document = {
        "neighbours": [
            {**_image_facts(model.images, row), "similarity": similarity}
            for row, similarity in report.neighbours
        ],
        "captions": [caption._asdict() for caption in report.captions],
    }
    if report.predicted:
        prediction = {
            "object": report.predicted,
            "share": report.share,
            "calibrated": report.is_calibrated,
        }
        if report.is_calibrated:
            prediction["sure"] = not report.doubts
        entry["prediction"] = prediction
    if report.novelty is not None:
        entry["novelty"] = {
            "distance": report.novelty.distance,
            "share_as_far": report.novelty.share.value,
            "new": report.novelty.is_new,
        }
    return entry


def _image_facts(images: ImageSet, row: int) -> dict[str, str]:
    """The file, object and context of an image, and the source of an imported one; none empty."""
    facts = images.table.iloc[row].rename({"file_name": "image"})
    names = ("image", "object", "context", "source")
    return {name: str(facts[name]) for name in names if facts.get(name, "") != ""}


def explain(options: Namespace) -> Document:
    """Training images that moved a prediction, and trainings without them as a test."""
    from vlcore.api.models import load

    image: Any = options.image
    if all(part.isdecimal() for part in options.image.split(",")):
        image = [int(part) for part in options.image.split(",")]
    explanation = load(options.key).explain(image, shows=options.shows, top=options.top)
    question = explanation.question
    document: Document = {
        "model": options.key,
        "margin": f"Score of {question.object} less {question.other}, in log odds",
        "margins": explanation.margins.round(3).tolist(),
        "wrong": explanation.wrong,
        "candidates": len(explanation.images),
        f"most_towards_{question.object}": explanation.strongest_for.to_dict("records"),
        f"most_towards_{question.other}": explanation.strongest_against.to_dict("records"),
    }
    if explanation.warning:
        document["warning"] = explanation.warning
    if options.test:
        tested = explanation.test()
        document["test"] = tested.changes().to_dict("records")
        document["confirmed"] = tested.is_confirmed
        document["sentence"] = tested.sentence
    return document


def status(options: Namespace) -> list[Document]:
    """Jobs and models."""
    if options.key is not None:
        views = [jobs.view(options.key)]
    else:
        published = [jobs.JobStatus(key, jobs.State.DONE) for key in store.published_keys()]
        latest = (*published, *jobs.active_and_ended())
        views = list({view.key: view for view in latest}.values())
    entries = []
    for view in views:
        kind = store.kind_of_key(view.key)
        entry = {
            "key": view.key,
            "kind": kind.value if kind else "model",
            "state": view.state.value,
        }
        for name in ("stage", "step", "steps", "message"):
            if name in view.status:
                entry[name] = view.status[name]
        entries.append(entry)
    return entries


def cancel(options: Namespace) -> Document:
    """Stop a training."""
    if not jobs.cancel(options.key):
        raise CommandError(
            f"{options.key} is not running; `python -m vlcore status` shows what is."
        )
    return {"key": options.key, "state": "cancelling"}


def clean(_options: Namespace) -> Document:
    """Remove files of interrupted and failed jobs, old quarantined artifacts, and lessons that
    ended a week ago."""
    removed = [*jobs.clean_leftovers(), *engines.remove_leftovers(), *trash.empty()]
    delete_expired()
    return {"removed": removed}


def verify(_options: Namespace) -> list[Document]:
    """Check every published artifact against its checksums."""
    results = []
    for key in store.published_keys():
        try:
            store.read(key)
            results.append({"key": key, "ok": True})
        except store.CorruptArtifactError as error:
            results.append({"key": key, "ok": False, "message": str(error)})
    return results
