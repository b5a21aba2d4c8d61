"""Script and style sheet of maps: a page asks for them by address, a file has them inside."""

from vlcore.experiment.files import text_beside

SCRIPT = "".join(text_beside(__file__, name) for name in ("points.js", "maps.js", "moments.js"))
STYLE = text_beside(__file__, "maps.css")
