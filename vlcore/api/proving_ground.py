"""The published proving ground of finders, and the judgement of a finder from outside."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from vlcore.data.attributes import attributes_of
from vlcore.data.catalogue import open_set
from vlcore.experiment.errors import LabError
from vlcore.study.finders import LabelledImages
from vlcore.study.proving_ground import PLANTS, SHUFFLED, finder_summary, judge
from vlcore.study.published import FOLDER

PLANTED, JUDGED = "plants.csv", "judged.csv"
COLUMNS = ("set", "image", "slice", "score")
MEMBER = 0.5  # of a score; such images belong to a slice


class ScoresError(LabError):
    """Scores of a finder that cannot be judged; the message says what to give."""


def judged_finders() -> pd.DataFrame:
    """`finder_summary` of the finders and baselines that were judged here."""
    return finder_summary(_read(JUDGED))


def judge_scores(path: Path) -> pd.DataFrame:
    """Judge an outside finder, as `judged_finders` has ours; scores name nothing, so
    ``named`` is None.

    Args:
        path: a CSV file with a row for each fresh image of a slice: the name of the planted set,
            the number of the image, the number of the slice in the finder's own order, and a score,
            0.5 and more where the image belongs to the slice. A set that is left out counts as one
            in which nothing was offered.

    Raises:
        ScoresError: the file cannot be read, or names a set or an image that is not judged.
    """
    try:
        scores = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise ScoresError(f"{path} is no readable CSV file; give one with {_columns()}.") from error
    if not set(COLUMNS) <= set(scores):
        raise ScoresError(f"{path} lacks columns; give {_columns()}.")
    numbers = scores[["image", "slice", "score"]].apply(pd.to_numeric, errors="coerce")
    if not np.isfinite(numbers.to_numpy(float)).all():
        raise ScoresError(f"{path} has an image, slice or score that is no number; give numbers.")
    scores[list(numbers)] = numbers
    return finder_summary(pd.DataFrame(_judgements(scores, path))).assign(named=None)


def _columns() -> str:
    return f"the columns {', '.join(COLUMNS)}"


def _judgements(scores: pd.DataFrame, path: Path) -> Iterator[dict[str, object]]:
    plants, sets = _read(PLANTED), _read(JUDGED)[["set", "planted", "seed"]].drop_duplicates()
    sets = sets[~sets["set"].str.startswith(SHUFFLED)]
    if unknown := sorted(set(scores["set"].astype(str)) - set(sets["set"])):
        raise ScoresError(f"{path} names the set {unknown[0][:60]!r}, which is not in {JUDGED}.")
    images = open_set("scenes")
    test = images.rows("test")
    table = images.table.iloc[test]
    objects, scenes = (table[name].to_numpy(str) for name in ("object", "scene"))
    sure = np.ones(len(test))
    held_out = LabelledImages(
        np.empty((len(test), 0)), objects, objects, sure, scenes, attributes_of(images, test)
    )
    for planted in sets.itertuples():
        _, is_fresh = held_out.halves(planted.seed)
        fresh, rows = held_out.among(is_fresh), pd.Index(test[is_fresh])
        slices = []
        for _, part in scores[scores["set"] == planted.set].groupby("slice"):
            index = rows.get_indexer(part["image"])
            if (index < 0).any():
                wrong = int(part["image"].iloc[int(np.argmin(index))])
                raise ScoresError(
                    f"Image {wrong} is no fresh image of {planted.set}; leave it out."
                )
            values = np.full(len(rows), -np.inf)
            values[index] = part["score"]
            slices.append((None, values, values >= MEMBER))
        took = plants[(plants["set"] == planted.set) & plants["took"]]["plant"]
        result = judge(slices, [PLANTS[plant] for plant in took], fresh)
        yield {"set": planted.set, "planted": planted.planted, "finder": path.stem, **vars(result)}


def _read(name: str) -> pd.DataFrame:
    file = FOLDER / "finders" / name
    if not file.is_file():
        raise ScoresError(
            f"{file} is missing; run `python -m benchmarks.finders` in a checkout of the project."
        )
    return pd.read_csv(file)
