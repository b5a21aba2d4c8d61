"""Options of maps: how images are projected, what colours stand for, what is shown and filtered.

One dataclass, `MapOptions`, for the Compare page, ``python -m vlcore compare``, `vlcore.compare`
and the offline page. Each field carries its label and its help, which all of them use. Nothing here
imports Altair, so that a command can list the options without it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import Grouping

if TYPE_CHECKING:
    import pandas as pd

KINDS = {"pca": "PCA", "umap": "UMAP", "tsne": "t-SNE"}
COMPONENTS = 6  # principal components that can be chosen from
SEEDS = 1000
SPLITS = {"all": None, "held out": "test", "training": "training"}  # to the `kind` of an image


class MapOptionsError(LabError):
    """Options that no map can have; the message says what to choose instead."""


@dataclass(frozen=True)
class OptionInfo:
    """What pages and commands say of one option."""

    label: str
    help: str
    kinds: tuple[str, ...]  # of the maps that have the option


def _option(default: Any, label: str, help_text: str, *kinds: str) -> Any:
    info = OptionInfo(label, help_text, kinds or tuple(KINDS))
    return field(default=default, metadata={"info": info})


def option_infos(options: type[Projection] | type[MapOptions]) -> dict[str, OptionInfo]:
    """Labels and help texts of a class of options, by field; of nested options their own class."""
    infos = {option.name: option.metadata.get("info") for option in fields(options)}
    return {name: info for name, info in infos.items() if info is not None}


def _check_kinds(options: Projection | MapOptions, kind: str) -> None:
    """MapOptionsError where an option was chosen that maps of this kind do not have."""
    for option in fields(options):
        info = option.metadata.get("info")
        if info is None or kind in info.kinds or getattr(options, option.name) == option.default:
            continue
        kinds = " and ".join(KINDS[name] for name in info.kinds)
        raise MapOptionsError(
            f"“{info.label}” is an option of {kinds}, not of {KINDS[kind]}; choose another map, or"
            " leave it out."
        )


@dataclass(frozen=True)
class Projection:
    """One way to project images onto the plane; MapOptionsError where a value is outside its set.

    >>> Projection("umap", neighbours=30, seed=1).slug
    'umap-n30-d10-s1'
    """

    kind: str = _option(
        "pca",
        "Map",
        "PCA is exact and the same at every visit. UMAP and t-SNE keep neighbours together; their"
        " distances mean little, and another seed gives another map.",
    )
    components: tuple[int, int] = _option(
        (1, 2), "Components", f"Which principal component, from 1 to {COMPONENTS}.", "pca"
    )
    neighbours: int = _option(
        15, "Neighbours", "Few keep small neighbourhoods, many the coarse arrangement.", "umap"
    )
    min_dist: float = _option(
        0.1, "Least distance", "How tightly points may be packed, from 0 to 1.", "umap"
    )
    perplexity: int = _option(
        30, "Perplexity", "About how many neighbours each image counts.", "tsne"
    )
    seed: int = _option(
        0, "Seed", "What changes between maps of two seeds is noise.", "umap", "tsne"
    )

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise MapOptionsError(
                f"No map is named {self.kind!r}; choose one of {', '.join(KINDS)}."
            )
        _check_kinds(self, self.kind)
        first, second = self.components
        if first == second or not all(1 <= number <= COMPONENTS for number in self.components):
            raise MapOptionsError(
                f"Choose two different principal components from 1 to {COMPONENTS}."
            )
        if not (
            2 <= self.neighbours <= 200 and 0 <= self.min_dist <= 1 and 2 <= self.perplexity <= 200
        ):
            raise MapOptionsError(
                "Neighbours and perplexity are from 2 to 200, the distance of UMAP from 0 to 1."
            )
        if not 0 <= self.seed < SEEDS:
            raise MapOptionsError(f"The seed of a map is a whole number from 0 to {SEEDS - 1}.")

    @property
    def fitted(self) -> bool:
        """Whether a worker must fit it first; where none needs to, a new image has an exact
        position."""
        return self.kind in ("umap", "tsne")

    @property
    def slug(self) -> str:
        """The settings of a fitted map, in the key of its artifact."""
        if self.kind == "umap":
            return f"umap-n{self.neighbours}-d{self.min_dist * 100:g}-s{self.seed}"
        return f"tsne-p{self.perplexity}-s{self.seed}"


PCA = Projection()


@dataclass(frozen=True)
class MapOptions:
    """All options of linked maps; MapOptionsError where a value is outside its set.

    >>> options = MapOptions(Projection("umap", seed=1), colour_by="prediction")
    >>> options.replace(trust=True).overlays
    ('trust',)
    """

    projection: Projection = PCA
    colour_by: str = _option(
        "group",
        "Colour by",
        "What the models make of an image (prediction, correct or wrong, margin ...), what it shows"
        " (group, object, context, split), a factor of drawn scenes, or a column of your own table."
        " Many numbers have a ramp; of words, the twelve most frequent a colour each.",
    )
    images: bool = _option(False, "Images as points", "Every point becomes its image.")
    twins: bool = _option(
        False,
        "Counterfactual arrows",
        "Click a held-out image: arrows join the four versions of its scene, from one background"
        " to the other and from one object to the other.",
    )
    neighbours: bool = _option(
        False,
        "True neighbours",
        "Lines from the image under the pointer to its five nearest in the full space; where they"
        " are long, the map deceives.",
    )
    trust: bool = _option(
        False,
        "Trust in each position",
        "Points whose neighbours on the map are not neighbours in the full space are small, or"
        " faint.",
    )
    untrained: bool = _option(
        False,
        "Untrained baseline",
        "The positions of the same images before the first step, in the background: what training"
        " did not do.",
        "pca",
    )
    groups: tuple[str, ...] = _option(
        (), "Groups", "Draw the images of these groups only; none stands for all four."
    )
    split: str = _option("all", "Split", "Draw all images, held-out or training images only.")

    def __post_init__(self) -> None:
        if not isinstance(self.projection, Projection):
            raise MapOptionsError(
                f"The projection is a Projection, such as Projection('umap'), not"
                f" {self.projection!r}."
            )
        if not isinstance(self.colour_by, str):  # which names there are, only images can tell
            raise MapOptionsError(
                f"Colours stand for a column by its name, such as 'group', not {self.colour_by!r}."
            )
        if self.split not in SPLITS:
            raise MapOptionsError(
                f"No split is named {self.split!r}; choose one of {', '.join(SPLITS)}."
            )
        if not isinstance(self.groups, tuple):  # a list would have no hash
            raise MapOptionsError(
                f"The groups are a tuple of names, such as ('horse_grass',), not {self.groups!r}."
            )
        _check_kinds(self, self.projection.kind)

    @property
    def overlays(self) -> tuple[str, ...]:
        """The names of what is shown beside the marks."""
        return tuple(name for name in OVERLAYS if getattr(self, name))

    def replace(self, **changes: Any) -> MapOptions:
        """The same options but for some fields; MapOptionsError for one that is no option."""
        known = [option.name for option in fields(self)]
        if unknown := sorted(changes.keys() - set(known)):
            raise MapOptionsError(
                f"No option of maps is named {unknown[0]!r}; choose among {', '.join(known)}."
            )
        return replace(self, **changes)

    def drawn(self, points: pd.DataFrame, grouping: Grouping) -> pd.DataFrame:
        """The rows of points, one an image, that the filters let through; MapOptionsError where a
        group is unknown."""
        unknown = sorted(set(self.groups) - set(grouping.names))
        if unknown:
            raise MapOptionsError(
                f"No group is named {unknown[0]!r}; choose among {', '.join(grouping.names)}."
            )
        if self.groups:
            points = points[points["group"].isin(self.groups)]
        if self.split != "all":
            points = points[points["kind"] == SPLITS[self.split]]
        return points


OVERLAYS = tuple(option.name for option in fields(MapOptions) if option.default is False)
PLAIN = MapOptions()
HELD_OUT = MapOptions(split="held out")
