"""The script and the style sheet of maps, which a page asks for by address and a file has inside."""

from vlcore.experiment.files import text_beside

SCRIPT = "".join(text_beside(__file__, name) for name in ("points.js", "maps.js", "moments.js"))
STYLE = text_beside(__file__, "maps.css")
