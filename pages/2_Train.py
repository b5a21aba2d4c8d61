"""Train: one condition in plain words, beside its baseline, and all runs of an image set."""

from vlcore.data.subset import usual_condition
from vlcore.experiment.condition import STUDY_BIAS
from vlcore.experiment.options import PRESETS
from vlcore.web import shell
from vlcore.web.address import TrainState
from vlcore.web.train import sections

palette, bar = shell.begin(TrainState, "Train a model of your own choice")
with bar:
    images = shell.image_set_choice()
with shell.attributed(images), shell.errors_as_sentences():
    usual = usual_condition(images).with_towers(shell.usual_towers(images))
    usual = usual.replace(bias=STUDY_BIAS, steps=PRESETS["standard"])
    condition = sections.choose_condition(images, usual)
    sections.describe_training_set(condition, images)
    sections.show_model(condition, images, palette)
    sections.show_tried_settings(images)
