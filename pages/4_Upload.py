"""Upload: what do models predict for new images, what do they rely on, and where are the images
projected to?"""

from vlcore.web import shell
from vlcore.web.upload import inputs, sections

palette, bar = shell.begin("What do models see?")
with shell.errors_as_sentences():
    asked = inputs.choose(bar)
    shown = inputs.images(asked)
    sections.section(asked, shown, palette, bar)
