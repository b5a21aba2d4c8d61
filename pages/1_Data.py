"""Data: what models will see, which shortcuts it offers, and image sets of a visitor's own."""

from vlcore.experiment.plain_text import plain
from vlcore.web import shell, widgets
from vlcore.web.address import DataState, TrainState
from vlcore.web.data import drawing, importing
from vlcore.web.data import images as image_sections

palette, bar = shell.begin(DataState, "What do the models see?")
with bar:
    images = shell.image_set_choice()
    sections = {
        "images": lambda: image_sections.show_training_images(images, palette),
        "shortcut check": lambda: image_sections.shortcut_audit(images, palette),
        "one scene": lambda: drawing.one_scene(images),
        "import images": importing.show_import,
    }
    section = widgets.choose_one("Look at", sections, "look", "images")
    label = f"Train on {plain(images.name)}"
    widgets.link(TrainState(data=images.name), label, "play_arrow")
with shell.attributed(images), shell.errors_as_sentences():
    sections[section]()
