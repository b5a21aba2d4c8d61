"""The script and style sheet of maps: a page asks for them by address, a file has them inside."""

from vlcore.experiment.files import text_beside

_PARTS = ("table", "points", "geometry", "layout", "overlay", "card", "hand", "moments", "maps")
SCRIPT = "".join(text_beside(__file__, f"{name}.js") for name in _PARTS)
STYLE = text_beside(__file__, "maps.css")
