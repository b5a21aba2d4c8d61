"""Sections of the Upload page: stars on the maps, the reports of all models as a table, and one picture closely.

What is computed of a visitor's picture is kept in that visitor's session and nowhere else.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from vlcore.charts.attribution import painted
from vlcore.charts.theme import Palette
from vlcore.charts.thumbnails import thumb_uri
from vlcore.compare import uploads
from vlcore.compare.comparison import Comparison, with_uploads
from vlcore.compare.model_map import ModelMap
from vlcore.compare.page import figure
from vlcore.core.condition import Condition
from vlcore.core.options import ArtefactKind
from vlcore.core.plain import plain, safe_csv
from vlcore.core.wording import percent, title
from vlcore.datasets.imageset import TRAINING_SIZE, ImageSet
from vlcore.datasets.opening import square
from vlcore.datasets.uploads import UploadedPicture
from vlcore.runs.embeddings import StoredEmbeddings
from vlcore.runs.load import OwnModel
from vlcore.server import cache, work
from vlcore.ui import jobs, map_controls, shell, widgets

ABOVE = 160  # px of the page over the maps
LARGE = 220  # px of the longer side of a picture that is looked at
MOST_KEPT = 300  # results of a session
Made = TypeVar("Made")
Given = Sequence[UploadedPicture]


def section(
    models: Sequence[Condition], given: Given, images: ImageSet, shows: str, palette: Palette, bar: DeltaGenerator
) -> None:
    """Put pictures, said to show an object or (empty) nothing, to models; holds the page until there are both."""
    for condition in models:
        jobs.chosen_here(condition.key)  # what a link asks for is known as such before there is a picture
    if not given:
        some = " or ".join(images.grouping.objects)
        st.info(f"Upload a picture of a {some}, or of anything else, or tick a sample picture.")
        st.stop()
    keys = [condition.key for condition in models]
    starts = {condition.key: partial(work.train, condition) for condition in models}
    jobs.start_or_offer(starts, "Measure the untrained encoder: a few seconds")
    if not all(view.done for view in work.views(models)):
        jobs.watch(keys)
        st.stop()
    projection, options = map_controls.choose(images.grouping, keys, bar)
    with st.spinner("Asking the models …"):
        embedded = [_embedded(key, given) for key in keys]
        thumbs = [thumb_uri(one.picture) for one in given]
        comparison = with_uploads(cache.comparison(keys, projection), thumbs, embedded)
        asked = zip(keys, comparison.named.items(), strict=True)
        reports = {name.capitalize(): _reports(key, model, images, given, shows) for key, (name, model) in asked}
    side, place = shell.map_room(ABOVE)
    chart = figure(comparison, images.grouping, palette, side, options, board=False, legend_place=place)
    with st.container(key="maps-of-uploads"):
        cache.show(chart, alt="Your pictures on the maps of the models", key="maps")
    near = "the average of its five nearest pictures, the nearest counting most: it is not exact"
    st.caption(f"The place of a picture of yours is {near if projection.fitted else 'exact'}.")
    numbered = [f"{number}. {one.name}" for number, one in enumerate(given, start=1)]
    st.subheader("What the models say")
    animal = images.grouping.object_word
    found = uploads.report_table(numbered, reports, images)
    columns = {"Picture": st.column_config.TextColumn(width="medium")}
    st.dataframe(found, hide_index=True, width="stretch", column_config=columns)
    st.caption(
        f"Balance: cosine to pictures of the same {animal} in the other place, minus cosine to pictures of the other "
        f"{animal} in the same place. Captions that name the place ask a model to sort by it, so compare balances "
        "between models of one label style. Like what was seen: of models trained here judged before training, "
        "so by what a random encoder sees; a photograph may pass and still be strange."
    )
    for sentence in uploads.cutout_sentences([one.cutout for one in given], reports):
        st.markdown(sentence)
    widgets.download("Download the table", safe_csv(found), "verdicts.csv", "text/csv")
    _closely(numbered, given, reports, images, comparison, embedded)


def _closely(
    numbered: list[str], given: Given, reports: Mapping[str, list[uploads.UploadReport]], images: ImageSet,
    comparison: Comparison, embedded: list[NDArray[np.float32]],
) -> None:  # fmt: skip
    st.subheader("One picture, closely")
    place = 0
    if len(given) > 1:
        looked = st.selectbox("Picture", numbered, key="look_at", width=480)
        place = numbered.index(looked) if looked in numbered else 0
    one = given[place]
    wide = max(1, LARGE * one.picture.width // max(one.picture.size))
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        widgets.picture(one.picture, width=wide, alt=f"Picture {place + 1}")
        with st.container():
            st.text(one.name)
            about = "Covers each patch of the picture in turn and asks the model again. A pretrained one takes a while."
            explain = st.toggle("Explain the answer", key="explain", help=about)
    by_model = zip(reports.items(), comparison.models, embedded, strict=True)
    for column, ((name, of_model), model, z) in widgets.in_pairs(by_model):
        report = of_model[place]
        with column.container(border=True, height="stretch"), shell.errors_as_sentences():
            st.markdown(f"**{name}**: {plain(title(model.artefact.condition))}")
            if report.says:
                other = next(obj for obj in images.grouping.objects if obj != report.says)
                st.markdown(f"Says **{plain(report.says)}**: scores give it {percent(report.share)} against {other}.")
            else:
                st.caption(plain(report.why_silent))
            widgets.pictures(model, report.nearest)
            if report.captions:
                widgets.caption_table(model, z[place])
            st.markdown(plain(uploads.pull_in_words(report, images.grouping)))
            st.markdown(plain(uploads.novelty_in_words(report)))
            if explain:
                _explained(model, images, one, report.says)


def _kept(name: tuple[Any, ...], make: Callable[[], Made]) -> Made:
    """A result of this session, made once; the oldest go when there are many."""
    kept: dict[tuple[Any, ...], Any] = st.session_state.setdefault("asked", {})
    if name not in kept:
        while len(kept) >= MOST_KEPT:
            kept.pop(next(iter(kept)))
        kept[name] = make()
    return kept[name]


def _embedded(key: str, given: Given) -> NDArray[np.float32]:
    """Embeddings of pictures in a model, (m, E)."""
    digest, embed = cache.artefact(key).digest, cache.model(key).embed_pictures
    return np.concatenate([_kept(("z", key, digest, one.digest), partial(embed, [one.picture])) for one in given])


def _reports(key: str, model: ModelMap, images: ImageSet, given: Given, shown: str) -> list[uploads.UploadReport]:
    """What a model says of pictures; a visitor's own are said to show `shown`, where empty what the model says."""
    contexts = images.grouping.contexts
    pairs = [(one.object or shown, one.background if one.background in contexts else "") for one in given]
    name = ("reports", key, cache.artefact(key).digest, tuple(one.digest for one in given), tuple(pairs))

    def reports() -> list[uploads.UploadReport]:
        asked, known, before = cache.model(key), StoredEmbeddings(model.artefact).untrained, None
        # The same encoder before its first step, where that is known and is not the model itself.
        if model.artefact.kind is not ArtefactKind.UNTRAINED and isinstance(asked, OwnModel) and known is not None:
            z = asked.before().embed_pictures([one.picture for one in given])
            before = uploads.Before(z, known.on_map, known.train)
        return uploads.upload_reports(model, images, _embedded(key, given), pairs, before)

    return _kept(name, reports)


def _explained(model: ModelMap, images: ImageSet, one: UploadedPicture, says: str) -> None:
    from vlcore.learning.explain import GRID, attention_rollout, patch_ablation

    if not says:
        st.caption("This model names nothing, so there is no answer to explain.")
        return
    asked = cache.model(model.artefact.key)
    own = asked if isinstance(asked, OwnModel) else None
    pixels = square(one.picture, TRAINING_SIZE if own else 224)[None]
    name = (model.artefact.key, cache.artefact(model.artefact.key).digest, one.digest)

    def embed(pictures: NDArray[np.uint8]) -> NDArray[np.floating]:
        return own.embed_pixels(pictures) if own else asked.embed_pictures([Image.fromarray(one) for one in pictures])

    score = partial(uploads.answer_margin, model, grouping=images.grouping, says=says)
    left, right = st.columns(2)
    with left:
        try:
            falls = _kept(("ablation", *name), lambda: patch_ablation(embed, pixels, score)[0])
        except ValueError as error:
            st.caption(plain(str(error)))
            return
        widgets.picture(painted(one.picture, falls), alt=f"What “{says}” loses without each patch")
        far = f"how far “{plain(says)}” falls when one of {GRID * GRID} patches is painted in the mean colour"
        most = f"at most {falls.max():.2f} in log odds. Warm speaks for it, cool against."
        st.caption(f"**Patch ablation** (the faithful one): {far}, {most}")
    with right:
        if own is None:
            st.caption("Attention rollout is of models that are trained here; look at the ablation.")
            return
        try:
            rolled = _kept(("rollout", *name), lambda: attention_rollout(own.encoder, pixels)[0])
        except ValueError as error:
            st.caption(plain(str(error)))
            return
        widgets.picture(painted(one.picture, rolled - rolled.min()), alt="Attention rollout")
        which = f"which of {rolled.size} patches attention mixes into the embedding"
        doubt = "It knows nothing of the answer; where the two differ, believe the ablation."
        st.caption(f"**Attention rollout** (a hint only): {which}. {doubt}")
