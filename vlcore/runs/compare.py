"""Two models side by side, as tables: where every picture lies in both, what each says of it, and the words around.

The one idea: a picture is one row, with its place on the left and on the right. The right map is turned onto the left
one over the pictures that both show, because sign and rotation of a projection are arbitrary; nothing is scaled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import softmax

from vlcore.conditions import IMPORTED
from vlcore.figures.maps import MapInfo
from vlcore.images.captions import captions_of, distinct_captions, own_captions
from vlcore.images.groups import Grouping
from vlcore.images.imagesets import ImageSet
from vlcore.measures.accuracy import predict_objects
from vlcore.measures.maps import Plane, Turn, align, nearest, place_among_neighbours
from vlcore.measures.scores import logits
from vlcore.runs import store
from vlcore.runs.pipeline import umap_key
from vlcore.runs.titles import title

MAPS = ("pca", "umap")
Thumbs = Callable[[ImageSet, Sequence[int]], list[str]]


class ComparisonError(ValueError):
    """Two models that cannot be compared; the message says why."""


@dataclass(frozen=True, eq=False)
class ModelMap:
    """One model's map of its pictures and captions.

    Attributes:
        artefact: the trained condition.
        kind: one of `MAPS`.
        rows: row number in the image set of each picture: the held-out reference set, then the training set, (n,).
        held_out: how many of them are held out.
        z: their embeddings, (n, E).
        points: their places, (n, 2).
        captions: the captions.
        caption_z: embeddings of the captions, (K, E); (0, E) of a captioner, whose captions have none.
        caption_points: their places, (K, 2) or (0, 2).
        scores: of the pictures with the captions, (n, K).
        relabelled: object that a readout other than the captions names for each picture, (n,); None without one.
        scale, bias: what turns a cosine into a logit.
        plane: the principal plane, with the shares of variance.
    """

    artefact: store.Artefact
    kind: str
    rows: NDArray[np.int64]
    held_out: int
    z: NDArray[np.float32]
    points: NDArray[np.float64]
    captions: tuple[str, ...]
    caption_z: NDArray[np.float32]
    caption_points: NDArray[np.float64]
    scores: NDArray[np.float64]
    relabelled: NDArray[np.str_] | None
    scale: float
    bias: float
    plane: Plane

    def place(self, z: NDArray[np.floating]) -> NDArray[np.float64]:
        """Places of new embeddings: exact on PCA, an average of the nearest pictures on other maps."""
        if self.kind == "pca":
            return self.plane.place(z)
        return place_among_neighbours(z, self.z, self.points)

    def neighbours(self, z: NDArray[np.floating], k: int, apart_from: int | None = None) -> list[tuple[int, float]]:
        """The k pictures of the map nearest to one embedding, (E,): row number and cosine, nearest first."""
        indices, similarities = nearest(z[None], self.z, k + 1)
        found = [(int(self.rows[i]), float(s)) for i, s in zip(indices[0], similarities[0], strict=True)]
        return [(row, similarity) for row, similarity in found if row != apart_from][:k]

    def logits(self, z: NDArray[np.floating]) -> NDArray[np.float64]:
        """Scores with the captions, (n, E) to (n, K).

        Raises:
            ComparisonError: when the model's captions have no embeddings.
        """
        if len(self.caption_z) == 0:
            raise ComparisonError(
                "A captioner says captions word by word: what it makes of a new picture does not follow from the "
                "embedding alone."
            )
        return logits(z, self.caption_z, self.scale, self.bias, self.artefact.condition.logit)


def model_map(artefact: store.Artefact, kind: str = "pca") -> ModelMap:
    """A model's map, from its artefact; UMAP from the artefact beside it.

    Raises:
        StoreError: when the UMAP was not made yet.
    """
    arrays, maps = artefact.arrays("embeddings.npz"), artefact.arrays("maps.npz")
    plane = Plane(maps["pca_centre"], maps["pca_components"], maps["pca_shares"], float(maps["pca_variance"]))
    places = maps if kind == "pca" else store.read(umap_key(artefact.key)).arrays("umap.npz")
    shown = arrays["end_test"][np.searchsorted(arrays["test_rows"], maps["map_rows"])]
    scale, bias = (float(number) for number in arrays["end_scale_bias"])
    z = np.concatenate([shown, arrays["end_train"]])
    if "end_test_scores" in arrays:
        on_map = np.searchsorted(arrays["test_rows"], maps["map_rows"])
        scores = np.concatenate([arrays["end_test_scores"][on_map], arrays["end_train_scores"]]).astype(np.float64)
    else:
        scores = logits(z, arrays["end_captions"], scale, bias, artefact.condition.logit)
    return ModelMap(
        artefact=artefact,
        kind=kind,
        rows=np.concatenate([maps["map_rows"], arrays["train_rows"]]),
        held_out=len(shown),
        z=z,
        points=np.concatenate([places["map"], places["train"]]),
        captions=tuple(str(text) for text in arrays["caption_texts"]),
        caption_z=arrays["end_captions"],
        caption_points=places["captions"],
        scores=scores,
        relabelled=(
            np.concatenate([arrays["map_predicted"], arrays["train_predicted"]]) if "map_predicted" in arrays else None
        ),
        scale=scale,
        bias=bias,
        plane=plane,
    )


def predictions(model: ModelMap, grouping: Grouping) -> NDArray[np.str_] | None:
    """The object that a model reads off each picture of its map, (n,); None where its captions name none."""
    if model.relabelled is not None:
        return model.relabelled
    condition = model.artefact.condition
    objects = [said.object for said in captions_of(condition.labels, grouping, condition.template)]
    if not all(objects):
        return None
    return predict_objects(model.scores, objects, grouping.objects)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two maps as the tables that `vlcore.figures.maps.linked_maps` draws, and the turn of the right one."""

    left: ModelMap
    right: ModelMap
    turn: Turn
    points: pd.DataFrame
    captions: pd.DataFrame
    left_info: MapInfo
    right_info: MapInfo


def compare(left: ModelMap, right: ModelMap, images: ImageSet, thumbs: Thumbs) -> Comparison:
    """Put two maps beside each other.

    Args:
        left, right: maps of one kind, of models trained on one image set, or of embeddings of the same pictures.
        images: that image set, of imported embeddings the left one's.
        thumbs: small pictures of rows, as data URIs.

    Raises:
        ComparisonError: when the models come from different image sets.
    """
    if _pictures(left.artefact) != _pictures(right.artefact):
        raise ComparisonError("The two models were trained on different image sets; choose two of one set.")
    turn = align(right.points[: right.held_out], left.points[: left.held_out])
    rows = np.unique(np.concatenate([left.rows, right.rows]))
    table = images.table.iloc[rows]
    held_out = np.isin(rows, left.rows[: left.held_out])
    points = pd.DataFrame(
        {
            "id": [f"p{row}" for row in rows],
            "object": table["object"].to_numpy(),
            "context": table["context"].to_numpy(),
            "group": table["group"].to_numpy(),
            "kind": np.where(held_out, "test", "training"),
            "minority": np.isin(table["group"], images.grouping.minority),
            **_side(left, left.points, rows, images, "l", "left"),
            **_side(right, turn.apply(right.points), rows, images, "r", "right"),
            "thumb": thumbs(images, rows.tolist()),
        }
    )
    points["spoken"] = [
        f"{row.object}, {row.context}, {'held out' if row.kind == 'test' else 'training'}"
        for row in points.itertuples()
    ]
    return Comparison(
        left,
        right,
        turn,
        points,
        pd.concat(
            [
                _captions(left, left.caption_points, "left"),
                _captions(right, turn.apply(right.caption_points), "right"),
            ],
            ignore_index=True,
        ),
        map_info(left, aligned=False),
        map_info(right, aligned=left is not right),
    )


def _pictures(artefact: store.Artefact) -> tuple[str, ...]:
    """What says that two models are of the same pictures."""
    if "pictures" in artefact.manifest:  # of imported embeddings: each encoder's are a set of their own
        return (str(artefact.manifest["pictures"]),)
    return artefact.condition.data, artefact.condition.data_version


def single(model: ModelMap, images: ImageSet, thumbs: Thumbs) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One model's map as the tables that `vlcore.figures.maps.small_map` draws: pictures and captions."""
    together = compare(model, model, images, thumbs)
    return together.points, together.captions[together.captions["side"] == "left"]


def _side(
    model: ModelMap, places: NDArray[np.float64], rows: NDArray[np.int64], images: ImageSet, suffix: str, side: str
) -> dict[str, Any]:
    """The columns of one side; pictures that the model's map does not show have no place there."""
    where = {int(row): number for number, row in enumerate(model.rows)}
    index = np.array([where.get(int(row), -1) for row in rows])
    grouping, condition = images.grouping, model.artefact.condition
    predicted = predictions(model, grouping)
    table = images.table.iloc[rows]
    coordinates = np.where(index[:, None] >= 0, places[index], np.nan).round(5)
    if condition.objective == IMPORTED:
        said = [text or "none" for text in table["caption"]]
    else:
        own = own_captions(condition.labels, images.table, rows, grouping, condition.data_seed, condition.template)
        captions = distinct_captions(condition.labels, grouping, condition.template)
        said = [captions[k] for k in own]
    return {
        f"x{suffix}": coordinates[:, 0],
        f"y{suffix}": coordinates[:, 1],
        f"caption_{side}": said,
        f"predicted_{side}": [
            _prediction(i, obj, predicted) for i, obj in zip(index, table["object"].to_numpy(), strict=True)
        ],
    }


def _prediction(index: int, true: str, predicted: NDArray[np.str_] | None) -> str:
    if index < 0:
        return "not in this model's training set"
    if predicted is None:
        return "none: its labels name no object"
    return f"{predicted[index]} ({'right' if predicted[index] == true else 'wrong'})"


def _captions(model: ModelMap, places: NDArray[np.float64], side: str) -> pd.DataFrame:
    """The captions of one side that have a place; of many, an even choice, so that words stay readable."""
    shown = np.unique(np.linspace(0, len(places) - 1, min(len(places), MOST_CAPTIONS)).astype(int))
    texts, places = [model.captions[k] for k in shown], places[shown].round(5)
    return pd.DataFrame({"caption": texts, "side": side, "x": places[:, 0], "y": places[:, 1]})


MOST_CAPTIONS = 8  # on a map


def map_info(model: ModelMap, *, aligned: bool) -> MapInfo:
    """The words around a map: what it shows, how much of the variance, whether it was turned."""
    condition = model.artefact.condition
    end = model.artefact.metrics["end"]
    trained = "not trained" if condition.steps == 0 else f"{condition.steps:,} steps"
    same = condition.data_seed == condition.init_seed
    seeds = f"seed {condition.init_seed}" if same else f"seeds {condition.data_seed} and {condition.init_seed}"
    subtitle = f"{model.z.shape[1]:,} dimensions" if condition.objective == IMPORTED else f"{seeds}, {trained}"
    subtitle += f"; total variance {end['total_variance']['value']:.2g}"
    if end["collapsed"]:
        subtitle += "; COLLAPSED: what spreads here is residue, blown up to fill the map"
    first, second = (f"{share * 100:.0f} %" for share in model.plane.shares)
    if model.kind == "umap":
        words = "turned to match the left" if aligned else "axes have no meaning"
        return MapInfo(title(condition), subtitle, f"UMAP, {words}", "")
    if aligned:
        both = f"components 1 and 2 ({first} and {second} of variance), turned to match the left"
        return MapInfo(title(condition), subtitle, both, "")
    return MapInfo(title(condition), subtitle, f"component 1 ({first} of variance)", f"component 2 ({second})")


def caption_scores(model: ModelMap, z: NDArray[np.floating]) -> list[dict[str, Any]]:
    """Each caption's cosine with one embedding, (E,), and its share of a softmax over the captions; best first.

    Raises:
        ComparisonError: when the model's captions have no embeddings.
    """
    cosines = model.caption_z @ z
    shares = softmax(model.logits(z[None])[0])
    order = np.argsort(-cosines, kind="stable")
    return [
        {"caption": model.captions[k], "similarity": float(cosines[k]), "probability": float(shares[k])} for k in order
    ]
