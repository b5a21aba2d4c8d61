"""Findings: the published answer, and the studies that were run on this server."""

from vlcore.web import shell, widgets
from vlcore.web.address import FindingsState
from vlcore.web.findings import answer, studies

palette, bar = shell.begin(FindingsState, "Findings")
views = {"published answer": answer.show, "studies on this server": studies.show}
with bar:
    label, usual = "Results", next(iter(views))
    view = widgets.choose_one(label, views, "results", usual, label_visibility="collapsed")
side = shell.map_side()
views[view](palette, side)
