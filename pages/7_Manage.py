"""Manage, for teachers: the queue, models and sets, the disk, failures, training ahead."""

from vlcore.web import shell, visitors
from vlcore.web.address import ManageState
from vlcore.web.manage import sections

palette, bar = shell.begin(ManageState, "Manage")
with shell.errors_as_sentences():
    sections.remember_token()
    if visitors.teaches():
        sections.show_visitors(bar)
        sections.show_queue()
        listed = sections.show_models_and_sets()
        sections.show_disk(listed)
        sections.show_what_failed()
        sections.train_ahead()
    else:
        sections.show_sign_in()
