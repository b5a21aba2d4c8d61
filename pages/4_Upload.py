"""Upload: what do models predict for new images, what do they rely on, and where are the images
projected to?"""

from vlcore.web import shell
from vlcore.web.address import UploadState
from vlcore.web.upload import inputs, sections

palette, bar = shell.begin(UploadState, "Ask about your image")
with shell.errors_as_sentences():
    models = inputs.choose_models(bar)
    with shell.attributed(models.image_set):
        images = inputs.choose_images(models)
        sections.show_answers(models, images, palette, bar)
