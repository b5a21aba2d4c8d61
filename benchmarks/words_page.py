"""Write the page of published words, docs/results/words/README.md, from its two tables."""

import pandas as pd

from benchmarks import head, row
from vlcore.api.captions import FAR
from vlcore.experiment.condition import STYLES_OF_THE_STUDY
from vlcore.experiment.wording import decimal, interval, percent

WORKS = 0.6  # the least AUC of a word that works
SURE = 0.9  # the least AUC of a word that the page calls sure
FIRST_SEED = 200
UNTRAINED = "untrained words"  # word vectors under the map and tower of the first step
SHORT, DESCRIPTIVE = STYLES_OF_THE_STUDY
PARTS = {  # of the captions, those that are counted
    "horse": "a horse",
    "camel": "a camel",
    "grass": "grass",
    "desert": "a desert",
    "both": "an animal and a background",
}
ARMS = {  # columns of the page: text tower and label style
    "word vectors, descriptive labels": ("words", DESCRIPTIVE),
    "word vectors, short labels": ("words", SHORT),
    "random vectors, descriptive labels": ("words@random", DESCRIPTIVE),
    "word vectors, untrained": (UNTRAINED, DESCRIPTIVE),
    "transformer, descriptive labels": ("transformer", DESCRIPTIVE),
}


def unseen_words_page(table: pd.DataFrame, random_words: pd.DataFrame) -> str:
    """The page.

    Args:
        table: A row for each caption, text tower and label style.
        random_words: A row for each random word and label style.
    """
    word_rows = table[table["text"] == "words"]
    sections = [
        "# Words that no training caption contains",
        introduction(int(table["n"].iloc[0])),
        "## How many work",
        working_captions(table),
        chance(random_words),
        "## The 60 captions",
        captions_table(table, list(PARTS)),
        "## Not counted",
        "Words of `paraphrase` labels, which train none of these models:",
        captions_table(table, ["paraphrase"]),
        (
            "Words that no image shows. Their AUC is that of horses against camels and has no"
            " truth: 0.5 would say nothing, and far from 0.5 says something without a reason."
        ),
        captions_table(table, ["unrelated"]),
        "## A caption that is far from every training caption",
        distances(word_rows, random_words),
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


def working_captions(table: pd.DataFrame) -> str:
    """How many captions of each part work, and how many are sure, in each arm."""
    lines = [
        f"Captions with an AUC of {WORKS} or more, and in brackets of {SURE} or more:\n",
        head("what the caption shows", "captions", *ARMS),
    ]
    rows = {words: [part] for part, words in PARTS.items()} | {"all": list(PARTS)}
    for name, parts in rows.items():
        captions = table[table["part"].isin(parts)]
        auc = [in_arm(captions, *arm)["auc"] for arm in ARMS.values()]
        cells = [f"{(values >= WORKS).sum()} ({(values >= SURE).sum()})" for values in auc]
        lines.append(row(name, len(auc[0]), *cells))
    return "\n".join(lines)


def chance(random_words: pd.DataFrame) -> str:
    """How often words without a relation to the images work."""
    sentences = []
    for labels, name, opposite in (
        (DESCRIPTIVE, "horse", "camel"),
        (DESCRIPTIVE, "grass", "desert"),
        (SHORT, "horse", "camel"),
    ):
        values = random_words.loc[random_words["labels"] == labels, name]
        auc = pd.concat([values, 1 - values])
        shares = f"{percent((auc >= WORKS).mean())} and {percent((auc >= SURE).mean())}"
        style = "short" if labels == SHORT else labels
        sentences.append(f"{shares} for {name} or {opposite} ({style} labels)")
    return (
        "What chance gives: a word without a relation to the images points somewhere too. Of"
        f" {random_words['word'].nunique()} random words of the vocabulary, each taken once for"
        f" either of two things, so many reach {WORKS} and {SURE}: {'; '.join(sentences)}. So"
        f" {WORKS} alone is weak evidence for a single word. (`random-words.csv`; this control was"
        " added after the first run.)"
    )


def captions_table(table: pd.DataFrame, parts: list[str]) -> str:
    """A row a caption, best first by word vectors under descriptive labels."""
    table = table[table["part"].isin(parts)]
    captions = in_arm(table, "words", DESCRIPTIVE)
    best_first = captions.sort_values(["auc", "caption"], ascending=[False, True])
    has_truth = parts != ["unrelated"]
    arms = {name: arm for name, arm in ARMS.items() if UNTRAINED not in arm}
    estimates = table.set_index(["text", "labels", "caption"])
    lines = [head("caption", "shows", *arms, "nearest descriptive caption", "cosine", "marked")]
    for caption in best_first.itertuples():
        cells = []
        for text, labels in arms.values():
            estimate = estimates.loc[text, labels, caption.caption]
            auc = interval({**estimate, "value": estimate["auc"]}, "{:.2f}".format)
            is_failure = estimate["fails"] and has_truth and text == "words"
            cells.append(f"{auc} **fails**" if is_failure else auc)
        shows = caption.shows if has_truth else ""
        nearest = (caption.nearest, decimal(caption.cosine), "far" if caption.far else "")
        lines.append(row(caption.caption, shows, *cells, *nearest))
    return "\n".join(lines)


def distances(table: pd.DataFrame, random_words: pd.DataFrame) -> str:
    """How well the cosine to the nearest training caption tells captions that fail."""
    counted = table[table["part"].isin(list(PARTS))]
    counted = counted.assign(marked=counted["cosine"] < FAR)
    rows = []
    styles = {"both": [SHORT, DESCRIPTIVE], "descriptive": [DESCRIPTIVE], "short": [SHORT]}
    for name, labels in styles.items():
        captions = counted[counted["labels"].isin(labels)]
        fails, marked = captions["fails"], captions["marked"]
        random_marked = random_words.loc[random_words["labels"].isin(labels), "cosine"] < FAR
        shares = (marked[fails], marked[~fails], random_marked)
        rows.append(row(name, *map(share_marked, shares)))
    best = best_threshold(counted)
    captions = counted[counted["labels"] == DESCRIPTIVE]
    fails, marked = captions["fails"], captions["marked"]
    columns = ("failing captions, marked", "working ones, marked", "random words, marked")
    lines = [
        (
            "Pages mark a typed caption if the mean of its word vectors has a cosine below"
            f" **{decimal(FAR)}** with that of every training caption of the model. Below it lie"
            " 95\u00a0% of the random words above, over both label styles: a marked"
            " caption is as far from every training caption as those are. This rule was chosen"
            " after the first run; its number is not fitted to the 60 captions.\n"
        ),
        head("label style", *columns),
        *rows,
        "",
        (
            "The share of failing captions marked less that of working ones is"
            f" {decimal(separation(counted, FAR))}. The threshold that separates these 60 best is"
            f" {decimal(best)}, with {decimal(separation(counted, best))}. A mark is a warning and"
            " no verdict."
        ),
        "",
        f"With descriptive labels these fail unmarked: {with_nearest(captions[fails & ~marked])}.",
        "",
        f"These work though they are marked: {with_nearest(captions[~fails & marked])}.",
    ]
    return "\n".join(lines)


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


def in_arm(table: pd.DataFrame, text: str, labels: str) -> pd.DataFrame:
    """Rows of a text tower and a label style."""
    return table[(table["text"] == text) & (table["labels"] == labels)]
