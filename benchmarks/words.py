"""Words that were in no training caption: does each rank the held-out images that show it first?

python -m benchmarks.words [--seeds 10] [--first 200] [--out docs/results/words]
python -m benchmarks.words --seeds 0  # writes the page anew from its tables

For every caption of unseen_captions.csv it computes the AUC of the cosine between caption and
held-out image: images that show the caption's object (or background, or both) against all others,
in one ranking a model. A figure is the mean over models of so many seeds with its 95 % t interval.
All models see images through the pretrained tower and were trained without bias; they differ in
what reads captions (`TEXTS`) and in the label style. Models are trained where they are missing. It
writes words.csv, random-words.csv and a page that is made from these two tables alone.

The captions were written down before any of these models was asked. Words of the pilot are among
them, whether they worked there or failed: pony, stallion, mare, mustang, foal, equine, racehorse,
steed, bactrian camel, camels, llama, dromedary, humped animal, lawn, green field, sahara, arid
land, sandy place. Each has a word that no caption of any label style contains. Two parts are not
counted: paraphrases, a label style that trains none of these models, and unrelated words, which no
image shows: their AUC is that of horses against camels, and has no truth.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from tokenizers import Tokenizer

from benchmarks import parse_options
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

CAPTIONS = pd.read_csv(Path(__file__).with_name("unseen_captions.csv"), keep_default_na=False)
TEXTS = ("words", "words@random", "transformer")
RANDOM_WORDS = 500  # pieces of the vocabulary, a control
MODEL = ["text", "labels"]


def main() -> None:
    options = parse_options(__doc__, seeds=10, first=FIRST_SEED, out=Path("docs/results/words"))
    out: Path = options.out
    if options.seeds:
        out.mkdir(parents=True, exist_ok=True)
        seeds = range(options.first, options.first + options.seeds)
        runs: list[dict[str, object]] = []
        for text, labels, seed in product(TEXTS, STYLES_OF_THE_STUDY, seeds):
            runs += measure_captions(text, labels, seed)
        write(unseen_captions_table(mean_aucs(pd.DataFrame(runs))), out / "words.csv")
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


def cosines(
    condition: Condition, texts: Sequence[str]
) -> Iterator[tuple[str, pd.DataFrame, NDArray[np.floating]]]:
    """Cosines of held-out images with captions, (n, K), with the table of these images: of a model,
    which is trained where it is missing, and of one with word vectors before its first step too."""
    train_condition(condition)
    artifact = store.read(condition.key)
    model = load_model(artifact)
    assert isinstance(model, OwnModel)
    arrays = artifact.arrays("embeddings.npz")
    images = open_set(condition.data).table.iloc[arrays["test_rows"]]
    yield condition.text, images, arrays["end_test"] @ model.embed_captions(texts).T
    if condition.text == "words":
        untrained = OwnModel(Encoder(model.encoder.config).eval(), model.vocabulary)
        yield UNTRAINED, images, arrays["untrained_test"] @ untrained.embed_captions(texts).T


def measure_captions(text: str, labels: str, seed: int) -> Iterator[dict[str, object]]:
    """The AUC of each caption in one model, and in the same model before its first step."""
    condition = words_condition(text, labels, seed)
    for name, images, scores in cosines(condition, CAPTIONS["text"].tolist()):
        for caption, column in zip(CAPTIONS.itertuples(), scores.T, strict=True):
            auc = float(roc_auc_score(fits(images, caption.object, caption.context), column))
            yield {"caption": caption.text, "text": name, "labels": labels, "auc": auc}


def fits(images: pd.DataFrame, object_name: str, context: str) -> NDArray[np.bool_]:
    """Which rows of an image set show an object and a context, where they are not empty, (n,)."""
    is_object = (images["object"] == object_name) | (not object_name)
    is_context = (images["context"] == context) | (not context)
    return (is_object & is_context).to_numpy()


def measure_random_words(
    words: Sequence[str], labels: str, seed: int
) -> Iterator[dict[str, object]]:
    """The AUC of random words in a model with word vectors: of horses, and of images on grass."""
    _, images, scores = next(cosines(words_condition("words", labels, seed), words))
    horse, grass = SCENES.objects[0], SCENES.contexts[0]
    for word, column in zip(words, scores.T, strict=True):
        yield {
            "word": word,
            "labels": labels,
            "horse": float(roc_auc_score(images["object"] == horse, column)),
            "grass": float(roc_auc_score(images["context"] == grass, column)),
        }


def random_words() -> list[str]:
    """Pieces of the tokenizer that begin a word, of four letters or more; words of labels
    excluded."""
    pieces = Tokenizer.from_buffer(word_vectors_file("tokenizer")).get_vocab()
    words = {piece[1:] for piece in pieces if re.fullmatch("\u2581[a-z]{4,}", piece)}
    usable = sorted(words - {*SCENES.objects, *SCENES.contexts})
    chosen = np.random.default_rng(0).choice(len(usable), RANDOM_WORDS, replace=False)
    return [usable[index] for index in sorted(chosen)]


def mean_aucs(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean and interval over seeds: a row a caption, text tower and label style."""
    rows = []
    for (name, *model), aucs in runs.groupby(["caption", *MODEL], sort=False)["auc"]:
        auc = t_interval(aucs).within(0.0, 1.0)
        rows.append((name, *model, auc.n, auc.value, auc.low, auc.high))
    return pd.DataFrame(rows, columns=["caption", *MODEL, "n", "auc", "low", "high"])


def unseen_captions_table(table: pd.DataFrame) -> pd.DataFrame:
    """The summary with what each caption shows and, for word vectors, its nearest training
    caption."""
    captions = CAPTIONS.set_index("text").loc[table["caption"]].reset_index()
    shows = (captions["object"] + " " + captions["context"]).str.strip()
    shows = shows.where(captions["part"] != "unrelated", "")
    table = table.assign(part=captions["part"], shows=shows, fails=table["auc"] < WORKS)
    for labels, rows in table[table["text"] == "words"].groupby("labels"):
        nearest = nearest_captions(labels, rows["caption"].tolist())
        table.loc[rows.index, "nearest"] = [neighbour.caption for neighbour in nearest]
        table.loc[rows.index, "cosine"] = [neighbour.cosine for neighbour in nearest]
        table.loc[rows.index, "far"] = [neighbour.is_far for neighbour in nearest]
    return table


def nearest_captions(labels: str, texts: Sequence[str]) -> list[NearestTrainingCaption]:
    """The nearest training caption of each text, by word vectors."""
    training = distinct_captions(labels, SCENES)
    return nearest_training_captions(words_condition("words", labels), training, texts)


def random_word_table(runs: pd.DataFrame) -> pd.DataFrame:
    """The mean AUC of random words over seeds, and the cosine with the nearest training caption."""
    table = runs.groupby(["word", "labels"], as_index=False, sort=False).mean()
    for labels, rows in table.groupby("labels"):
        nearest = nearest_captions(labels, rows["word"].tolist())
        table.loc[rows.index, "cosine"] = [neighbour.cosine for neighbour in nearest]
    return table


if __name__ == "__main__":
    main()
