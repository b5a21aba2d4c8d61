"""A page of a film that nobody trained, for a browser: its Play, the film, a link to copy."""

from __future__ import annotations

import streamlit as st

from tests.charts.maps.tracks import STEPS, pictures, track
from vlcore.charts.maps.film import film_chart
from vlcore.charts.theme import LIGHT
from vlcore.core.grouping import SCENES
from vlcore.ui import browser

st.title("A film")
browser.play_button()
browser.copy_link()
points = pictures()
tracks = [track(points, (0, 1, 5, 20), 1), track(points, (0, 1, 20), 2)]
chart = film_chart(points, tracks, STEPS, palette=LIGHT, grouping=SCENES, side=260)
st.vega_lite_chart(chart.to_dict(), theme=None, width="content", alt="two trainings")
