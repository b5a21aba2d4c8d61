"""Words that were in no training caption: does each rank the held-out images that show it first?

python -m benchmarks.words [--seeds 10] [--first 200] [--out docs/results/words]
python -m benchmarks.words --seeds 0  # writes the page anew from its tables

For every caption of `benchmarks.unseen_captions` it computes the AUC of the cosine between caption
and held-out image: images that show the caption's object (or background, or both) against all
others, in one ranking a model. A figure is the mean over models of so many seeds with its 95 % t
interval. All models see images through the pretrained tower and were trained without bias; they
differ in what reads captions (`TEXTS`) and in the label style. Models are trained where they are
missing. It writes words.csv, random-words.csv and a page that is made from these two tables alone.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from tokenizers import Tokenizer

from benchmarks import parse_options
from benchmarks.unseen_captions import CAPTIONS
from benchmarks.words_page import FIRST_SEED, UNTRAINED, WORKS, unseen_words_page
from vlcore.api.captions import NearestTrainingCaption, nearest_training_captions
from vlcore.api.training import train_condition
from vlcore.artifacts import store
from vlcore.data.catalogue import open_set
from vlcore.experiment.captions import distinct_captions
from vlcore.experiment.condition import STYLES_OF_THE_STUDY, Condition
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.vocabulary import word_vectors_file
from vlcore.model.dual_encoder import Encoder
from vlcore.model.load import OwnModel, load_model
from vlcore.study.statistics.paired import t_interval

TEXTS = ("words", "words@random", "transformer")
RANDOM_WORDS = 500  # pieces of the vocabulary, a control


def main() -> None:
    options = parse_options(__doc__, seeds=10, first=FIRST_SEED, out=Path("docs/results/words"))
    out: Path = options.out
    if options.seeds:
        out.mkdir(parents=True, exist_ok=True)
        seeds = range(options.first, options.first + options.seeds)
        runs: list[dict[str, object]] = []
        for text, labels, seed in product(TEXTS, STYLES_OF_THE_STUDY, seeds):
            runs += measure_captions(text, labels, seed)
        write(unseen_captions_table(summary(pd.DataFrame(runs))), out / "words.csv")
        words = random_words()
        runs = []
        for labels, seed in product(STYLES_OF_THE_STUDY, seeds):
            runs += measure_random_words(words, labels, seed)
        write(random_word_table(pd.DataFrame(runs)), out / "random-words.csv")
    tables = (pd.read_csv(out / name) for name in ("words.csv", "random-words.csv"))
    page = unseen_words_page(*tables)
    (out / "README.md").write_text(page)
    print(page)


def write(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False, float_format="%.4f", lineterminator="\n")


def words_condition(text: str, labels: str, seed: int = 0) -> Condition:
    condition = Condition(labels=labels, data_seed=seed, init_seed=seed)
    return condition.with_towers("pretrained").replace(text=text)


def train_model(text: str, labels: str, seed: int) -> tuple[store.Artifact, OwnModel, pd.DataFrame]:
    """Train a model where it is missing; returns it with the rows of its held-out images."""
    condition = words_condition(text, labels, seed)
    train_condition(condition)
    artifact = store.read(condition.key)
    model = load_model(artifact)
    assert isinstance(model, OwnModel)
    test_rows = artifact.arrays("embeddings.npz")["test_rows"]
    return artifact, model, open_set(condition.data).table.iloc[test_rows]


def measure_captions(text: str, labels: str, seed: int) -> Iterator[dict[str, object]]:
    """The AUC of each caption in one model, and in the same model before its first step."""
    artifact, model, images = train_model(text, labels, seed)
    arrays = artifact.arrays("embeddings.npz")
    encoders = [(text, model, arrays["end_test"])]
    if text == "words":
        untrained = OwnModel(Encoder(model.encoder.config).eval(), model.vocabulary)
        encoders.append((UNTRAINED, untrained, arrays["untrained_test"]))
    for name, encoder, image_z in encoders:
        cosines = image_z @ encoder.embed_captions([caption.text for caption in CAPTIONS]).T
        for caption, scores in zip(CAPTIONS, cosines.T, strict=True):
            auc = float(roc_auc_score(caption.fits(images), scores))
            yield {"caption": caption.text, "text": name, "labels": labels, "auc": auc}


def measure_random_words(
    words: Sequence[str], labels: str, seed: int
) -> Iterator[dict[str, object]]:
    """The AUC of random words in a model with word vectors: of horses, and of images on grass."""
    artifact, model, images = train_model("words", labels, seed)
    cosines = artifact.arrays("embeddings.npz")["end_test"] @ model.embed_captions(words).T
    is_horse = (images["object"] == SCENES.objects[0]).to_numpy()
    is_grass = (images["context"] == SCENES.contexts[0]).to_numpy()
    for word, scores in zip(words, cosines.T, strict=True):
        horse = float(roc_auc_score(is_horse, scores))
        grass = float(roc_auc_score(is_grass, scores))
        yield {"word": word, "labels": labels, "horse": horse, "grass": grass}


def random_words() -> list[str]:
    """Pieces of the tokenizer that begin a word, of four letters or more; words of labels
    excluded."""
    pieces = Tokenizer.from_buffer(word_vectors_file("tokenizer")).get_vocab()
    label_words = {*SCENES.objects, *SCENES.contexts}
    words = sorted(
        piece[1:]
        for piece in pieces
        if re.fullmatch("\u2581[a-z]{4,}", piece) and piece[1:] not in label_words
    )
    chosen = np.random.default_rng(0).choice(len(words), RANDOM_WORDS, replace=False)
    return [words[index] for index in sorted(chosen)]


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean and interval over seeds: a row a caption, text tower and label style."""
    rows = []
    for (name, text, labels), models in runs.groupby(["caption", "text", "labels"], sort=False):
        auc = t_interval(models["auc"]).within(0.0, 1.0)
        estimate = {"n": auc.n, "auc": auc.value, "low": auc.low, "high": auc.high}
        rows.append({"caption": name, "text": text, "labels": labels, **estimate})
    return pd.DataFrame(rows)


def unseen_captions_table(table: pd.DataFrame) -> pd.DataFrame:
    """The summary with what each caption shows and, for word vectors, its nearest training
    caption."""
    captions = {caption.text: caption for caption in CAPTIONS}
    rows = []
    for entry in table.to_dict("records"):
        caption = captions[entry["caption"]]
        shows = " ".join(filter(None, (caption.object, caption.context)))
        entry |= {"part": caption.part, "shows": "" if caption.part == "unrelated" else shows}
        entry["fails"] = entry["auc"] < WORKS
        if entry["text"] == "words":
            (nearest,) = nearest_captions(entry["labels"], [caption.text])
            entry |= {"nearest": nearest.caption, "cosine": nearest.cosine, "far": nearest.is_far}
        rows.append(entry)
    return pd.DataFrame(rows)


def nearest_captions(labels: str, texts: Sequence[str]) -> list[NearestTrainingCaption]:
    """The nearest training caption of each text, by word vectors."""
    training = distinct_captions(labels, SCENES)
    return nearest_training_captions(words_condition("words", labels), training, texts)


def random_word_table(runs: pd.DataFrame) -> pd.DataFrame:
    """The mean AUC of random words over seeds, and the cosine with the nearest training caption."""
    means = runs.groupby(["word", "labels"], as_index=False, sort=False).mean()
    parts = []
    for labels, part in means.groupby("labels", sort=False):
        nearest = nearest_captions(str(labels), part["word"].tolist())
        parts.append(part.assign(cosine=[distance.cosine for distance in nearest]))
    return pd.concat(parts, ignore_index=True)


if __name__ == "__main__":
    main()
