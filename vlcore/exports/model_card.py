"""Model card beside exported weights: what a model is, what it was trained on, what was measured, what it cannot do.

Names and captions that people gave are shown as code, so that none of them is markup."""

from collections.abc import Iterator
from pathlib import Path

from vlcore.compare.metrics_table import measures_of
from vlcore.compare.uploads import as_code
from vlcore.core.captions import about_style
from vlcore.core.files import script, written
from vlcore.core.options import MITIGATIONS, OBJECTIVES
from vlcore.core.version import __version__
from vlcore.core.vocabulary import MAX_WORDS
from vlcore.core.wording import describe_bias, share, title
from vlcore.datasets.edits import training_sets
from vlcore.datasets.imageset import TRAINING_SIZE, ImageSet
from vlcore.datasets.subset import parts
from vlcore.runs.embeddings import StoredEmbeddings
from vlcore.store.artefacts import Artefact

MOST_CAPTIONS = 20
_BY_LANGUAGE = Path(__file__).with_suffix(".yaml")


def model_card(artefact: Artefact, images: ImageSet) -> str:
    """The card of a model that was trained here and has weights, as Markdown with the Hugging Face hub's head."""
    condition, stored = artefact.condition, StoredEmbeddings(artefact)
    captions, trained_on = stored.caption_texts, images.table.iloc[stored.rows("train")]
    edits = ""
    if condition.edits:
        training = training_sets(parts(images, condition.data_seed), condition)[0]
        trained_on, captions = training.table, tuple(one.text for one in training.said)
        edits = f" After edits of the training set, with which these are counted: {as_code(condition.edits)}."
    licence, source = (str(images.about.get(name) or "not stated") for name in ("licence", "source"))
    groups = trained_on["group"].value_counts()
    counts = ", ".join(f"{groups.get(name, 0)} of {as_code(name)}" for name in images.grouping.names)
    more = f", and {len(captions) - MOST_CAPTIONS} more" if len(captions) > MOST_CAPTIONS else ""
    versions = ", ".join(f"{name} {version}" for name, version in sorted(artefact.manifest.get("versions", {}).items()))
    asked = ", ".join(repr(as_code(text)[1:-1]) for text in captions[:2])
    ask = written(_BY_LANGUAGE)["ask"][OBJECTIVES[condition.objective].language].replace("CAPTIONS", asked)
    about = {
        "license": "apache-2.0" if licence == "Apache-2.0" else "other", "title": title(condition),
        "name": as_code(images.name), "version": as_code(images.version), "source": as_code(source),
        "licence": as_code(licence), "bias": describe_bias(condition), "edits": edits,
        "labels": as_code(condition.labels), "style": about_style(condition.labels),
        "tower": as_code(condition.architecture),
        "captions": ", ".join(map(as_code, captions[:MOST_CAPTIONS])) + more,
        "device": as_code(str(artefact.manifest.get("device", "unknown"))),
        "measured": "\n".join(_measured(artefact, images)),
        "limits": "".join(f"- {sentence}\n" for sentence in _limits(artefact)),
    }  # fmt: skip
    numbers = {"n": len(trained_on), "side": TRAINING_SIZE, "most_words": MAX_WORDS, "vlcore": __version__}
    objects = {"artefact": artefact, "condition": condition, "counts": counts, "versions": versions, "ask": ask}
    return script("model_card.md").format(**about, **numbers, **objects)


def _measured(artefact: Artefact, images: ImageSet) -> Iterator[str]:
    yield "| Measure | Value | Pictures |\n| --- | --- | --- |"
    rows = measures_of(artefact, images.grouping).itertuples(index=False)
    for words, value, count in sorted(rows, key=lambda row: row.Measured.startswith("not defined")):
        yield f"| {words} | {value} | {count} |"
    if accuracies := artefact.metrics["end"].get("group_accuracy", {}):
        yield "\nRight, by group:\n"
    for group, estimate in accuracies.items():
        yield f"- {as_code(group)}: {share(estimate)}, n = {estimate['n']:,}"


def _limits(artefact: Artefact) -> Iterator[str]:
    """What not every model has."""
    condition, models = artefact.condition, int(artefact.metrics.get("models", 1))
    if models > 1:
        cut = f"The set was cut into {models} folds with a model each"
        yield f"{cut}. These are the weights of the first; the numbers above are of all of them together."
    if MITIGATIONS[condition.mitigation].new_layer:
        read_off = "Its objects were read off by a new last layer (dfr), which is not among these weights"
        yield f"{read_off}: the numbers above do not follow from them alone."
    if lack := written(_BY_LANGUAGE)["lacks"].get(OBJECTIVES[condition.objective].language):
        yield lack
