"""Words that were in no training caption: does each rank the held-out images that show it first?

python -m benchmarks.words [--seeds 10] [--first 200] [--out docs/results/words]
python -m benchmarks.words --seeds 0  # writes the page anew from its tables

For every caption in `COUNTED` it computes the AUC of the cosine between caption and held-out
image: images that show the caption's object (or background, or both) against all others, in one
ranking a model. A figure is the mean over models of so many seeds with its 95 % t interval. All
models see images through the pretrained tower and were trained without bias; they differ in what
reads captions (`TEXTS`) and in the label style. Models are trained where they are missing.
It writes words.csv, random-words.csv and a page that is made from these two tables alone.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from tokenizers import Tokenizer

from benchmarks import head, options, row
from vlcore.api.captions import FAR, nearest_training_captions
from vlcore.api.training import train_condition
from vlcore.artifacts import artifact
from vlcore.data.catalogue import open_set
from vlcore.experiment.captions import distinct_captions
from vlcore.experiment.condition import STYLES_OF_THE_STUDY, Condition
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.vocabulary import word_vectors_file
from vlcore.experiment.wording import decimal, interval, percent
from vlcore.model.load import OwnModel, load
from vlcore.study.statistics.paired import t_interval

WORKS = 0.6  # the least AUC of a word that works
TEXTS = ("words", "words@random", "transformer")
UNTRAINED = "untrained words"  # word vectors under the map and tower of the first step

# The list was written before any of these models was asked. Words of the pilot are in it, whether
# they worked there or failed: pony, stallion, mare, mustang, foal, equine, racehorse, steed,
# bactrian camel, camels, llama, dromedary, humped animal, lawn, green field, sahara, arid land,
# sandy place. Each has a word that no caption of any label style contains.
HORSE = (
    "pony",
    "ponies",
    "stallion",
    "mare",
    "foal",
    "colt",
    "filly",
    "mustang",
    "equine",
    "racehorse",
    "thoroughbred",
    "steed",
    "bronco",
    "gelding",
    "zebra",
    "an animal with a mane",
    "an animal that neighs",
)
CAMEL = (
    "camels",
    "dromedary",
    "dromedaries",
    "bactrian",
    "bactrian camel",
    "camelid",
    "llama",
    "alpaca",
    "caravan",
    "humped animal",
    "an animal with a hump",
    "two humps",
)
GRASS = (
    "lawn",
    "prairie",
    "grassland",
    "grassy",
    "turf",
    "green field",
    "green hills",
    "golf course",
    "paddock",
    "farmland",
    "steppe",
    "lush vegetation",
)
DESERT = (
    "sahara",
    "gobi",
    "sandy place",
    "arid land",
    "barren land",
    "dry land",
    "wasteland",
    "dune",
    "sandstorm",
    "oasis",
    "cactus",
    "drought",
)
BOTH = {
    "pony on the lawn": ("horse", "grass"),
    "a mare in a green field": ("horse", "grass"),
    "stallion in the sahara": ("horse", "desert"),
    "a foal in arid land": ("horse", "desert"),
    "camel in the sahara": ("camel", "desert"),
    "a dromedary in the gobi": ("camel", "desert"),
    "llama on the prairie": ("camel", "grass"),
}
# Words of paraphrases, a label style that trains none of these models; not counted among the 60.
PARAPHRASED = {"meadow": "grass", "pasture": "grass", "dunes": "desert", "sand dunes": "desert"}
# Words that no image shows: their AUC is that of horses against camels, and has no truth.
UNRELATED = (
    "car",
    "music",
    "happy",
    "computer",
    "tuesday",
    "pizza",
    "a ship at sea",
    "the president",
    "mathematics",
    "blue",
    "a red sports car",
    "football match",
)


@dataclass(frozen=True)
class UnseenCaption:
    """A caption, the part of the list that it belongs to, and what images that fit it show."""

    text: str
    part: str
    object: str = ""
    context: str = ""

    def fits(self, images: pd.DataFrame) -> NDArray[np.bool_]:
        """Which images show its object and its context, of rows of an image set."""
        fits = np.ones(len(images), dtype=bool)
        if self.object:
            fits &= (images["object"] == self.object).to_numpy()
        if self.context:
            fits &= (images["context"] == self.context).to_numpy()
        return fits


COUNTED = (
    *(UnseenCaption(text, "horse", object="horse") for text in HORSE),
    *(UnseenCaption(text, "camel", object="camel") for text in CAMEL),
    *(UnseenCaption(text, "grass", context="grass") for text in GRASS),
    *(UnseenCaption(text, "desert", context="desert") for text in DESERT),
    *(UnseenCaption(text, "both", *shows) for text, shows in BOTH.items()),
)
NOT_COUNTED = (
    *(UnseenCaption(text, "paraphrase", context=shows) for text, shows in PARAPHRASED.items()),
    *(UnseenCaption(text, "unrelated", object="horse") for text in UNRELATED),
)
CAPTIONS = (*COUNTED, *NOT_COUNTED)
PARTS = {
    "horse": "a horse",
    "camel": "a camel",
    "grass": "grass",
    "desert": "a desert",
    "both": "an animal and a background",
}
SURE = 0.9  # the AUC from which on the page calls a word sure
RANDOM_WORDS = 500  # pieces of the vocabulary, drawn at random: what an AUC is worth
RANDOM_SHARE = 0.95  # of them are far from every training caption
FIRST_SEED = 200
SHORT, DESCRIPTIVE = STYLES_OF_THE_STUDY
ARMS = {  # columns of the page: text tower and label style
    "word vectors, descriptive labels": ("words", DESCRIPTIVE),
    "word vectors, short labels": ("words", SHORT),
    "random vectors, descriptive labels": ("words@random", DESCRIPTIVE),
    "word vectors, untrained": (UNTRAINED, DESCRIPTIVE),
    "transformer, descriptive labels": ("transformer", DESCRIPTIVE),
}


def main() -> None:
    settings = options(__doc__, seeds=10, first=FIRST_SEED, out=Path("docs/results/words"))
    out: Path = settings.out
    if settings.seeds:
        out.mkdir(parents=True, exist_ok=True)
        seeds = range(settings.first, settings.first + settings.seeds)
        captions = pd.DataFrame(
            [
                run
                for text, labels, seed in product(TEXTS, STYLES_OF_THE_STUDY, seeds)
                for run in measured(text, labels, seed)
            ]
        )
        write(listed(summary(captions)), out / "words.csv")
        words = random_words()
        drawn = pd.DataFrame(
            [
                run
                for labels, seed in product(STYLES_OF_THE_STUDY, seeds)
                for run in measured_random_words(words, labels, seed)
            ]
        )
        write(drawn_words(drawn), out / "random-words.csv")
    text = page(pd.read_csv(out / "words.csv"), pd.read_csv(out / "random-words.csv"))
    (out / "README.md").write_text(text)
    print(text)


def write(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False, float_format="%.4f", lineterminator="\n")


def condition_of(text: str, labels: str, seed: int = 0) -> Condition:
    condition = Condition(labels=labels, data_seed=seed, init_seed=seed)
    return condition.with_towers("pretrained").replace(text=text)


def trained(text: str, labels: str, seed: int) -> tuple[artifact.Artefact, OwnModel, pd.DataFrame]:
    """A model, trained where it is missing, and the rows of its held-out images."""
    condition = condition_of(text, labels, seed)
    train_condition(condition)
    artefact = artifact.read(condition.key)
    model = load(artefact)
    assert isinstance(model, OwnModel)
    test_rows = artefact.arrays("embeddings.npz")["test_rows"]
    return artefact, model, open_set(condition.data).table.iloc[test_rows]


def measured(text: str, labels: str, seed: int) -> Iterator[dict[str, object]]:
    """The AUC of each caption in one model, and in the same model before its first step."""
    artefact, model, images = trained(text, labels, seed)
    arrays = artefact.arrays("embeddings.npz")
    encoders = [(text, model, arrays["end_test"])]
    if text == "words":
        encoders.append((UNTRAINED, model.before(), arrays["untrained_test"]))
    for name, encoder, image_z in encoders:
        caption_z = encoder.embed_captions([caption.text for caption in CAPTIONS])
        cosines = image_z @ caption_z.T
        for caption, scores in zip(CAPTIONS, cosines.T, strict=True):
            auc = float(roc_auc_score(caption.fits(images), scores))
            yield {"caption": caption.text, "text": name, "labels": labels, "auc": auc}


def measured_random_words(
    words: Sequence[str], labels: str, seed: int
) -> Iterator[dict[str, object]]:
    """The AUC of random words in a model with word vectors: of horses, and of images on grass."""
    artefact, model, images = trained("words", labels, seed)
    cosines = artefact.arrays("embeddings.npz")["end_test"] @ model.embed_captions(words).T
    is_horse = UnseenCaption("", "", object=SCENES.objects[0]).fits(images)
    is_grass = UnseenCaption("", "", context=SCENES.contexts[0]).fits(images)
    for word, scores in zip(words, cosines.T, strict=True):
        horse, grass = (
            float(roc_auc_score(is_horse, scores)),
            float(roc_auc_score(is_grass, scores)),
        )
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


def listed(table: pd.DataFrame) -> pd.DataFrame:
    """The summary with what each caption shows and, for word vectors, its nearest training
    caption."""
    about = {caption.text: caption for caption in CAPTIONS}
    rows = []
    for line in table.to_dict("records"):
        caption = about[line["caption"]]
        shows = " ".join(filter(None, (caption.object, caption.context)))
        line |= {"part": caption.part, "shows": "" if caption.part == "unrelated" else shows}
        line["fails"] = line["auc"] < WORKS
        if line["text"] == "words":
            training = distinct_captions(line["labels"], SCENES)
            condition = condition_of("words", line["labels"])
            (nearest,) = nearest_training_captions(condition, training, [caption.text])
            line |= {"nearest": nearest.caption, "cosine": nearest.cosine, "far": nearest.is_far}
        rows.append(line)
    return pd.DataFrame(rows)


def drawn_words(runs: pd.DataFrame) -> pd.DataFrame:
    """Of random words, the mean AUC over seeds and the nearest training caption."""
    means = runs.groupby(["word", "labels"], as_index=False, sort=False).mean()
    parts = []
    for labels, part in means.groupby("labels", sort=False):
        training = distinct_captions(str(labels), SCENES)
        condition = condition_of("words", str(labels))
        nearest = nearest_training_captions(condition, training, part["word"].tolist())
        parts.append(part.assign(cosine=[distance.cosine for distance in nearest]))
    return pd.concat(parts, ignore_index=True)


def page(table: pd.DataFrame, drawn: pd.DataFrame) -> str:
    """The page of published words, from its two tables."""
    of_words = table[table["text"] == "words"]
    seeds = int(table["n"].iloc[0])
    sections = [
        "# Words that no training caption contains",
        introduction(seeds),
        "## How many work",
        counts(table),
        what_chance_gives(drawn),
        "## The 60 captions",
        every_caption(table, list(PARTS)),
        "## Not counted",
        "Words of `paraphrase` labels, which train none of these models:",
        every_caption(table, ["paraphrase"]),
        (
            "Words that no image shows. Their AUC is that of horses against camels and has no"
            " truth: 0.5 would say nothing, and far from 0.5 says something without a reason."
        ),
        every_caption(table, ["unrelated"]),
        "## A caption that is far from every training caption",
        distances(of_words, drawn),
        "```sh\npython -m benchmarks.words\n```",
    ]
    return "\n\n".join(sections) + "\n"


def introduction(seeds: int) -> str:
    last_seed = FIRST_SEED + seeds - 1
    return f"""\
A model with word vectors (`text=words`) reads any words. This list says what it makes of 60
captions of which at least one word is in no label of any style. It was written before any of
these models was asked; it contains the words of the pilot, those that failed too.

A figure is the AUC of the cosine between caption and the held-out images of `scenes` (2,000, 500 a
group): how often an image that shows the word has a higher cosine than one that does not. 0.5 is
chance, 1 is perfect. It is the mean over {seeds} models (seeds {FIRST_SEED} to {last_seed}) with its 95 % t
interval over seeds. The models see images through the pretrained tower and were trained without
bias. A word **fails** below {WORKS}. Short labels name no background, so that words for one fail there.

Controls: random vectors of the words (`words@random`), the same model before its first step, and
the usual text transformer, to which most of these words are one and the same unknown word."""


def counts(table: pd.DataFrame) -> str:
    """How many captions of each part work, and how many are sure, in each arm."""
    lines = [
        f"Captions with an AUC of {WORKS} or more, and in brackets of {SURE} or more:\n",
        head("what the caption shows", "captions", *ARMS),
    ]
    rows = {words: [part] for part, words in PARTS.items()} | {"all": list(PARTS)}
    for name, parts in rows.items():
        cells, size = [], 0
        for text, labels in ARMS.values():
            captions = arm(table, text, labels)
            auc = captions[captions["part"].isin(parts)]["auc"]
            cells.append(f"{(auc >= WORKS).sum()} ({(auc >= SURE).sum()})")
            size = len(auc)
        lines.append(row(name, size, *cells))
    return "\n".join(lines)


def what_chance_gives(drawn: pd.DataFrame) -> str:
    """What words without a relation to the images reach."""
    sentences = []
    for labels, names in ((DESCRIPTIVE, ("horse", "grass")), (SHORT, ("horse",))):
        part = drawn[drawn["labels"] == labels]
        for name in names:
            other = {"horse": "camel", "grass": "desert"}[name]
            auc = pd.concat([part[name], 1 - part[name]])
            shares = f"{percent((auc >= WORKS).mean())} and {percent((auc >= SURE).mean())}"
            sentences.append(f"{shares} for {name} or {other} ({label_name(labels)} labels)")
    random = f"{drawn['word'].nunique()} random words of the vocabulary"
    return (
        "What chance gives: a word without a relation to the images points somewhere too. Of"
        f" {random}, each taken once for either of two things, so many reach {WORKS} and {SURE}:"
        f" {'; '.join(sentences)}. So {WORKS} alone is weak evidence for a single word."
        " (`random-words.csv`; this control was added after the first run.)"
    )


def every_caption(table: pd.DataFrame, parts: list[str]) -> str:
    """A row a caption, best first by word vectors under descriptive labels."""
    captions = arm(table, "words", DESCRIPTIVE)
    captions = captions[captions["part"].isin(parts)]
    best_first = captions.sort_values(["auc", "caption"], ascending=[False, True])
    has_truth = parts != ["unrelated"]
    arms = {name: chosen for name, chosen in ARMS.items() if UNTRAINED not in chosen}
    lines = [head("caption", "shows", *arms, "nearest descriptive caption", "cosine", "marked")]
    for caption in best_first.itertuples():
        cells = []
        for text, labels in arms.values():
            of_arm = arm(table, text, labels)
            (line,) = of_arm[of_arm["caption"] == caption.caption].to_dict("records")
            auc = interval({**line, "value": line["auc"]}, "{:.2f}".format)
            is_failure = line["fails"] and has_truth and text == "words"
            cells.append(f"{auc} **fails**" if is_failure else auc)
        marked = "far" if caption.far else ""
        shows = "" if not has_truth else caption.shows
        lines.append(
            row(caption.caption, shows, *cells, caption.nearest, decimal(caption.cosine), marked)
        )
    return "\n".join(lines)


def distances(table: pd.DataFrame, drawn: pd.DataFrame) -> str:
    """How well the cosine to the nearest training caption tells captions that fail."""
    counted = table[table["part"].isin(list(PARTS))]
    counted = counted.assign(marked=counted["cosine"] < FAR)
    best = best_threshold(counted)
    styles = {"both": [SHORT, DESCRIPTIVE], "descriptive": [DESCRIPTIVE], "short": [SHORT]}
    lines = [
        (
            "Pages mark a typed caption if the mean of its word vectors has a cosine below"
            f" **{decimal(FAR)}** with that of every training caption of the model. Below it lie"
            f" {percent(RANDOM_SHARE)} of the random words above, over both label styles: a marked"
            " caption is as far from every training caption as those are. This rule was chosen"
            " after the first run; its number is not fitted to the 60 captions.\n"
        ),
        head(
            "label style",
            "failing captions, marked",
            "working ones, marked",
            "random words, marked",
        ),
    ]
    for name, labels in styles.items():
        part = counted[counted["labels"].isin(labels)]
        marked = [share_marked(part[part["fails"] == fails]["marked"]) for fails in (True, False)]
        random = drawn.loc[drawn["labels"].isin(labels), "cosine"] < FAR
        lines.append(row(name, *marked, share_marked(random)))
    part = counted[counted["labels"] == DESCRIPTIVE]
    lines += [
        "",
        (
            "The share of failing captions marked less that of working ones is"
            f" {decimal(separation(counted, FAR))}. The threshold that separates these 60 best is"
            f" {decimal(best)}, with {decimal(separation(counted, best))}. A mark is a warning and"
            " no verdict."
        ),
        "",
        (
            "With descriptive labels these fail unmarked:"
            f" {with_nearest(part[part['fails'] & ~part['marked']])}."
        ),
        "",
        (
            "These work though they are marked:"
            f" {with_nearest(part[~part['fails'] & part['marked']])}."
        ),
    ]
    return "\n".join(lines)


def random_threshold(drawn: pd.DataFrame) -> float:
    """The cosine, in hundredths, below which most random words lie."""
    return round(float(drawn["cosine"].quantile(RANDOM_SHARE)), 2)


def separation(table: pd.DataFrame, threshold: float) -> float:
    """The share of failing captions below a threshold less that of working ones."""
    is_below = table["cosine"] < threshold
    return float(is_below[table["fails"]].mean() - is_below[~table["fails"]].mean())


def best_threshold(table: pd.DataFrame) -> float:
    """The threshold, in hundredths, that separates failing from working captions best."""
    hundredths = [number / 100 for number in range(101)]
    return max(hundredths, key=lambda threshold: separation(table, threshold))


def with_nearest(table: pd.DataFrame) -> str:
    """Captions, each with its nearest training caption and the cosine."""
    return "; ".join(
        f"{line.caption} ({line.nearest}, {decimal(line.cosine)})" for line in table.itertuples()
    )


def share_marked(marked: pd.Series) -> str:
    return f"{percent(marked.mean())} ({marked.sum()} of {len(marked)})"


def arm(table: pd.DataFrame, text: str, labels: str) -> pd.DataFrame:
    return table[(table["text"] == text) & (table["labels"] == labels)]


def label_name(labels: str) -> str:
    return "short" if labels == SHORT else labels


if __name__ == "__main__":
    main()
