"""Scenes drawn at a quarter of their size and enlarged: of the usual scenes, in a third of the
time."""

from pathlib import Path

from PIL import Image

from vlcore.data import drawn
from vlcore.scenes import Scene, draw_scene

FACTOR = 4


def write_coarse_picture(scene: Scene, image: Path, mask: Path, size: int = drawn.SIZE) -> None:
    """Draw a scene whose pixels are squares into two PNG files."""
    drawing = draw_scene(scene, size // FACTOR)
    for pixels, path in ((drawing.mask, mask), (drawing.image, image)):
        path.parent.mkdir(parents=True, exist_ok=True)
        enlarged = Image.fromarray(pixels).resize((size, size), Image.Resampling.NEAREST)
        enlarged.save(path, "PNG", compress_level=1)


def draw_coarsely() -> None:
    """Draw all image sets so, in this process."""
    drawn.write_picture = write_coarse_picture
