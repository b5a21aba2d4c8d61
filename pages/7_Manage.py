"""Manage: for whoever teaches: the queue, models and sets, the disk, what failed, and a study for
tomorrow."""

from vlcore.web import shell, visitors
from vlcore.web.manage import sections

palette, bar = shell.begin("Manage")
with shell.errors_as_sentences():
    sections.remember()
    if visitors.teaches():
        sections.who_is_here(bar)
        sections.queue()
        sections.things()
        sections.disk_budget()
        sections.errors()
        sections.prebuild()
    else:
        sections.sign_in()
