"""Agreement of compared models: the neighbours that images have in both of two models, beside what
chance and the untrained encoders give, and the images whose neighbours changed most.

Maps show where images are. Whether two models agree on who is near whom is a question of the full
spaces, and has a number.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vlcore.api.compared_maps import ComparedMaps
from vlcore.api.model_map import ModelMap
from vlcore.experiment.wording import rate_words, share
from vlcore.metrics.agreement import (
    FEWEST,
    NEIGHBOURS,
    Agreement,
    Rows,
    SharedNeighbours,
    known_depth,
    mean_ranks,
    nearest_others,
)
from vlcore.metrics.estimate import Estimate
from vlcore.metrics.projection import MANY, is_one_point

MOST_IMAGES = MANY  # of a pair of models; of more, a sample by chance, the same each time
MOST_RANKED = 1_000  # images of equal overlap whose neighbours are ranked
UNTRAINED = "its untrained encoder"  # the second of a pair of one model
HOW_TO_READ = (
    "An image's neighbours are its nearest by cosine in the full space, among the images that both"
    " models show. “By chance” says which image of the second model is which at random: the mean,"
    " and between which values 95 % of permutations are. Two encoders with one seed start from the"
    " same weights, so before training they share all; the rows of one model say what is left of"
    " that. Intervals are over scenes, of one pair of runs."
)


@dataclass(frozen=True, eq=False)
class Pair:
    """Two models, or a model and its untrained encoder, and the images that both show.

    Attributes:
        first: name of a map.
        second: name of another map, or `UNTRAINED`.
        rows: of the images in the image set, (n,).
        count_of_both: how many images both show, of which the rows may be a sample.
        trained: their neighbours; or why these cannot be compared.
        untrained: neighbours before training, where both models have an untrained encoder.
        z: embeddings of the images in both.
    """

    first: str
    second: str
    rows: Rows
    count_of_both: int
    trained: SharedNeighbours | str
    untrained: SharedNeighbours | None
    z: tuple[NDArray[np.float32], NDArray[np.float32]]

    @property
    def name(self) -> str:
        return f"{self.first.capitalize()} and {self.second}"

    def furthest(self, count: int = 12, chosen: Collection[int] | None = None) -> pd.DataFrame:
        """The images that moved furthest relative to their neighbours, of all or of chosen rows.

        One row an image: its ``row``, the share of neighbours that both models agree on
        (``shared``), and the mean ``rank`` that the neighbours in one model have in the other,
        among ``others``. Images that share least come first, and of these those with the highest
        rank.
        """
        columns = ["row", "shared", "rank", "others"]
        candidates = np.flatnonzero(_among(self.rows, chosen))
        if isinstance(self.trained, str) or not len(candidates):
            return pd.DataFrame(columns=columns)
        overlap = self.trained.overlap[candidates]
        limit = np.sort(overlap)[: min(count, len(overlap))][-1]
        images = candidates[np.flatnonzero(overlap <= limit)[:MOST_RANKED]]
        k = self.trained.k
        ranks = [
            mean_ranks(self.z[1], images, self.trained.first[images, :k]),
            mean_ranks(self.z[0], images, self.trained.second[images, :k]),
        ]
        shared = self.trained.overlap[images]
        others = np.full(len(images), len(self.rows) - 1)
        values = (self.rows[images], shared, np.mean(ranks, axis=0), others)
        table = pd.DataFrame(dict(zip(columns, values, strict=True)))
        table = table.sort_values(["shared", "rank"], ascending=[True, False], kind="stable")
        return table.head(count).reset_index(drop=True)


@dataclass(frozen=True)
class PairAgreement:
    """How far a pair agrees, and its untrained encoders; or the reason why this is not known."""

    pair: Pair
    trained: Agreement | None
    untrained: Estimate | None
    reason: str = ""


def compare_neighbours(comparison: ComparedMaps, k: int = NEIGHBOURS) -> list[Pair]:
    """Every pair of the models of a comparison, then each model and its untrained encoder."""
    scenes = comparison.images.table["scene"].to_numpy(str)
    models = comparison.named
    untrained = {name: model.untrained() for name, model in models.items()}
    known: dict[tuple[int, bytes], Rows] = {}  # of a model among some rows, found once

    def neighbours(model: ModelMap, rows: Rows) -> Rows:
        name = id(model), rows.tobytes()
        if name not in known:
            z = model.z[model.index(rows)]
            known[name] = nearest_others(z, known_depth(len(rows), k))
        return known[name]

    def shared(first: ModelMap, second: ModelMap, rows: Rows) -> SharedNeighbours:
        both = neighbours(first, rows), neighbours(second, rows)
        return SharedNeighbours(*both, scenes[rows], k)

    def pair(names: tuple[str, str], first: ModelMap, second: ModelMap) -> Pair:
        rows = np.intersect1d(first.rows, second.rows)
        count_of_both = len(rows)
        if count_of_both > MOST_IMAGES:
            sample = np.random.default_rng(0).choice(count_of_both, MOST_IMAGES, replace=False)
            rows = rows[np.sort(sample)]
        z = first.z[first.index(rows)], second.z[second.index(rows)]
        before = None
        trained: SharedNeighbours | str
        if len(rows) < k + 2:
            trained = f"both show {len(rows)} images, too few for {k} neighbours"
        elif any(map(is_one_point, z)):
            trained = "all images of a model are one point, so none has nearest others"
        else:
            trained = shared(first, second, rows)
            starts = [untrained.get(name) for name in names]
            if starts[0] is not None and starts[1] is not None:
                before = shared(starts[0], starts[1], rows)
        return Pair(*names, rows, count_of_both, trained, before, z)

    pairs = [
        pair((first, second), models[first], models[second])
        for first, second in combinations(models, 2)
    ]
    for name, start in untrained.items():
        if start is not None:
            pairs.append(pair((name, UNTRAINED), models[name], start))
    return pairs


def measure_agreement(
    pairs: Iterable[Pair], chosen: Collection[int] | None = None
) -> list[PairAgreement]:
    """How far pairs agree on the neighbours of all images, or of those of chosen rows, which are
    sought among all."""
    measured = []
    for pair in pairs:
        if isinstance(pair.trained, str):
            measured.append(PairAgreement(pair, None, None, pair.trained))
            continue
        among = _among(pair.rows, chosen)
        try:
            trained = pair.trained.agreement(among)
            untrained = pair.untrained.mean_overlap(among) if pair.untrained else None
        except ValueError:
            reason = f"the images that both show are of fewer than {FEWEST} scenes"
            measured.append(PairAgreement(pair, None, None, reason))
            continue
        measured.append(PairAgreement(pair, trained, untrained))
    return measured


def agreement_table(measured: Sequence[PairAgreement]) -> pd.DataFrame:
    """One row a pair: ``first``, ``second``; the mean share of neighbours in both (``shared``) with
    its 95 % interval (``low``, ``high``); that of the untrained encoders (``untrained``); by
    ``chance``, and in 95 % of permutations (``null_low``, ``null_high``), with their ``p``; the
    number of ``neighbours`` and of ``images``. NaN where a pair cannot be compared."""
    columns = ["shared", "low", "high", "untrained", "chance", "null_low", "null_high", "p"]
    rows = []
    for agreement in measured:
        values: list[float] = [np.nan] * len(columns)
        neighbours = images = 0
        if trained := agreement.trained:
            estimate = trained.estimate
            before = agreement.untrained.value if agreement.untrained else np.nan
            values = [estimate.value, estimate.low, estimate.high, before]
            values += [trained.chance, *trained.null, trained.p]
            neighbours, images = trained.k, estimate.n
        names = agreement.pair.first, agreement.pair.second
        rows.append((*names, *values, neighbours, images))
    return pd.DataFrame(rows, columns=["first", "second", *columns, "neighbours", "images"])


def table_in_words(measured: Sequence[PairAgreement]) -> pd.DataFrame:
    """The `agreement_table` as pages show it."""
    rows = []
    for agreement in measured:
        row = {"Models": agreement.pair.name, "Shared neighbours": agreement.reason}
        if trained := agreement.trained:
            before = agreement.untrained
            row |= {
                "Shared neighbours": share(trained.estimate.as_dict()),
                "Before training": share(before.as_dict()) if before else "",
                "By chance": _by_chance(trained),
                "p": f"{trained.p:.3f}",
                "n": f"{trained.estimate.n:,}",
            }
        rows.append(row)
    return pd.DataFrame(rows).fillna("")


def describe_agreement(measured: Sequence[PairAgreement]) -> str:
    """How far different models agree, beside their untrained encoders and chance, a sentence a
    pair."""
    sentences = []
    for agreement in measured:
        pair, trained, before = agreement.pair, agreement.trained, agreement.untrained
        if pair.second == UNTRAINED:
            continue
        if trained is None:
            sentences.append(
                f"Shared neighbours of {pair.first} and {pair.second}: none measured,"
                f" for {agreement.reason}."
            )
            continue
        images = f"{trained.estimate.n:,} images"
        if len(pair.rows) < pair.count_of_both:
            images += f", of a sample of {len(pair.rows):,} of {pair.count_of_both:,}"
        start = f"; before training {rate_words(before.as_dict())}" if before else ""
        sentences.append(
            f"{pair.name} share {rate_words(trained.estimate.as_dict())} of each image's"
            f" {trained.k} nearest in the full space{start}; by chance {_by_chance(trained)},"
            f" p = {trained.p:.3f} ({images})."
        )
    return " ".join(sentences)


def _by_chance(agreement: Agreement) -> str:
    low, high = (f"{100 * end:.1f}" for end in agreement.null)
    return f"{100 * agreement.chance:.1f}\u00a0% ({low} to {high})"


def _among(rows: Rows, chosen: Collection[int] | None) -> NDArray[np.bool_]:
    if chosen is None:
        return np.ones(len(rows), dtype=bool)
    return np.isin(rows, np.fromiter(chosen, dtype=np.int64))
