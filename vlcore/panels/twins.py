"""Twins of an image: the same scene with the other object and on the other background."""

from collections.abc import Iterator

from vlcore.api.comparison import Comparison
from vlcore.api.overlays import OTHER_BACKGROUND, other_object, scenes, twin_lengths
from vlcore.api.panels import Block, Images, Table, Text, panel
from vlcore.experiment.grouping import group_words
from vlcore.experiment.wording import decimal


@panel("Twins", "How far is this image from the same scene with one thing changed?", order=20)
def twins(comparison: Comparison, image: int) -> Iterator[Block]:
    versions = scenes(comparison.maps)
    images = comparison.images
    scene = str(images.table["scene"].iat[image])
    if scene not in versions.index:
        yield Text("This image is not of a held-out scene with all four versions.", note=True)
        return
    names = group_words(images.grouping)
    yield Images({int(versions.loc[scene, group]): [] for group in names})
    lengths = twin_lengths(comparison.maps, scene).replace({"from": names, "to": names})
    lengths = lengths.rename(columns=lambda name: f"{name[0].upper()}{name[1:]}")
    distances = {name: lengths[name].map(decimal) for name in lengths.columns[3:]}
    yield Table(lengths.assign(**distances))
    yield Text(
        "Distances of two unit vectors in the full space, 0 to 2. “Mean” is over the"
        f" {len(versions)} scenes on the map. Where “{OTHER_BACKGROUND}” is longer than"
        f" “{other_object(images.grouping)}”, a model relies on the background more than on the"
        f" {images.grouping.object_word}.",
        note=True,
    )
