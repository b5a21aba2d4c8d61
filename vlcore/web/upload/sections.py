"""Sections of the Upload page: the answers of all models for one image beside the maps, then their
reasons and numbers.

What is computed of a visitor's image is kept in that visitor's session and nowhere else."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray
from PIL import Image
from streamlit.delta_generator import DeltaGenerator

from vlcore.api import captions, uploads
from vlcore.api.compared_maps import ComparedMaps, with_uploads
from vlcore.api.model_map import ModelMap
from vlcore.api.offline_page import figure
from vlcore.api.uploads import Phrase, RelianceReport, UploadReport
from vlcore.data.decoding import square
from vlcore.data.imageset import TRAINING_SIZE, ImageSet
from vlcore.data.uploads import UploadedPicture, twins
from vlcore.experiment.errors import LabError
from vlcore.experiment.options import ArtifactKind
from vlcore.experiment.plain_text import plain, safe_csv
from vlcore.experiment.wording import label_words, title
from vlcore.metrics.novelty import Novelty, NoveltyJudge
from vlcore.metrics.reliance import PaintedImages
from vlcore.model.load import OwnModel
from vlcore.model.novelty import judge_of, novelties
from vlcore.model.reliance import painted_images
from vlcore.plots.attribution import painted
from vlcore.plots.theme import PHONE_SIDE, Palette
from vlcore.plots.thumbnails import thumb_uri
from vlcore.web import cache, map_controls, shell, widgets
from vlcore.web.upload.inputs import Asked, Shown, wait_for

LARGE, SMALL, CARD, NEIGHBOUR = 150, 104, 72, 60  # px of images
VERSION = 120  # px of versions of an image
EXAMPLE = 4  # of the ways to paint: a blur
OVERVIEW = 158  # px of an image with its predictions: two are beside each other on a phone
NARROW, BESIDE = (
    780,
    1100,
)  # px of windows: where two maps fit beside each other, and the answers beside these
ANSWERS = 340  # px of the answers beside the maps
SIDES = (490, 450, 410, 370, 330)  # px of a map: few, to share caches
MARGINS, ABOVE, AROUND = (
    190,
    170,
    150,
)  # px beside the maps, above them, and of their titles and legend
EAGER = 4  # images whose reliance is found out at once; of others when they are looked at
MOST_KEPT = 300  # results of a session
MOST_CAPTIONS = 6  # typed at once
UNTESTED = (
    "The object and the background are painted over only for models with a pretrained image tower:"
    " of others the test was wrong too often (docs/uploads.md). Samples and cut-outs are tested for"
    " every model."
)
Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class Answers:
    """The reports of all models on all images, by what models are called."""

    asked: Asked
    pictures: tuple[UploadedPicture, ...]
    names: list[str]  # of the images, numbered where there are several
    comparison: ComparedMaps
    models: dict[str, ModelMap]
    embedded: dict[str, NDArray[np.float32]]  # (m, E) each
    reports: dict[str, list[UploadReport]]
    novelties: list[Novelty | None]


def section(asked: Asked, shown: Shown, palette: Palette, bar: DeltaGenerator) -> None:
    """Put images to models and show what they answer; holds the page until the models are there."""
    waiting = st.container(key="waiting")
    with waiting:
        if wait_for(asked.conditions):
            _name_and_image(shown.pictures[0], shown.pictures[0].name, LARGE)
            st.stop()
    keys = [condition.key for condition in asked.conditions]
    projection, options = map_controls.choose(asked.images.grouping, keys, bar)
    with st.spinner("Asking the models …"):
        comparison = cache.comparison(keys, projection)
        answers = _answers(asked, shown.pictures, comparison)
        thumbs = [thumb_uri(one.asked) for one in shown.pictures]
        comparison = with_uploads(comparison, thumbs, [*answers.embedded.values()])
    place = _looked_at(answers)
    width, height = shell.window()
    is_wide = width >= BESIDE
    left, right = (
        st.columns([ANSWERS, width - ANSWERS], gap="medium")
        if is_wide
        else (st.container(), st.container())
    )
    with left:
        _name_and_image(
            answers.pictures[place],
            answers.names[place],
            LARGE if is_wide else SMALL,
            shown.is_opening,
        )
        reliance_places = _verdicts(answers, place)
    with right:
        _maps(comparison, asked.images, palette, options, _side(width, height, is_wide))
        if projection.fitted:
            near = "at the average of its five nearest images, the nearest counting most"
            st.caption(f"Your image is projected {near}.")
    _nearest(answers, place)
    _typed_captions(answers, place)
    tests = st.expander("What the predictions rely on", icon=":material/compare:")
    with st.expander("Training captions and their scores", icon=":material/format_quote:"):
        _training_captions(answers, place)
    table = st.expander("All numbers", icon=":material/table:")
    _bottom_line(asked)
    reliances = _reliances(answers, place, reliance_places)
    with tests:
        _versions(answers, place)
        _parts(answers, place)
    with table:
        _table(answers, place, reliances)


def _side(width: int, height: int, is_wide: bool) -> int:
    """Side of each of two maps, so that both are whole in the window, beside the answers where it
    is wide."""
    if width < NARROW:
        return PHONE_SIDE
    across = (width - MARGINS - ANSWERS * is_wide) / 2
    down = height - ABOVE - AROUND
    return next((side for side in SIDES if side <= min(across, max(down, SIDES[-1]))), SIDES[-1])


def _answers(
    asked: Asked, pictures: tuple[UploadedPicture, ...], comparison: ComparedMaps
) -> Answers:
    judged = _novelties(asked.images, pictures)
    truths = [one.object or ("" if one.is_drawn else asked.truth) for one in pictures]
    are_drawn = [one.is_drawn for one in pictures]
    names = [one.name for one in pictures]
    if len(names) > 1:
        names = [f"{number}. {name}" for number, name in enumerate(names, start=1)]
    models = {name.capitalize(): model for name, model in comparison.named.items()}
    embedded = {name: _embedded(model.artifact.key, pictures) for name, model in models.items()}
    reports = {
        name: uploads.upload_reports(model, asked.images, embedded[name], truths, judged, are_drawn)
        for name, model in models.items()
    }
    return Answers(asked, pictures, names, comparison, models, embedded, reports, judged)


def _looked_at(answers: Answers) -> int:
    """The number of the image that is looked at, from 0; several are shown beside each other
    first."""
    _look_at_what_is_added(answers)
    if len(answers.pictures) == 1:
        return 0
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key="overview"):
        for number, (picture, name) in enumerate(zip(answers.pictures, answers.names, strict=True)):
            with st.container(width=OVERVIEW, gap="xsmall"):
                widgets.picture(
                    picture.picture, width=_width(picture, CARD), alt=f"Image {number + 1}"
                )
                novelty = answers.novelties[number]
                is_new = novelty is not None and novelty.is_new
                lines = [f"{plain(name)}, **new**" if is_new else plain(name)]
                for model, reports in answers.reports.items():
                    lines.append(f"{model}: {_in_short(reports[number])}")
                st.caption("  \n".join(lines))
        chosen = st.selectbox("Look at", answers.names, key="look_at", width=280)
    return answers.names.index(chosen) if chosen in answers.names else 0


def _look_at_what_is_added(answers: Answers) -> None:
    """Look at the first of the images that came last, if any came; else at the one that is looked
    at."""
    before = st.session_state.get("looked_among", [])
    digests = [picture.digest for picture in answers.pictures]
    added = [
        name for name, digest in zip(answers.names, digests, strict=True) if digest not in before
    ]
    if added:
        st.session_state["look_at"] = added[0]
    st.session_state["looked_among"] = digests


def _in_short(report: UploadReport) -> str:
    """A prediction in two or three words, in Markdown."""
    if not report.predicted:
        return "no prediction"
    doubt = ", not sure" if report.doubts else ""
    right = {True: " :green[✓]", False: " :red[✗]", None: ""}[report.is_right]
    return f"**{plain(report.predicted)}**{doubt}{right}"


def _width(picture: UploadedPicture, longest: int) -> int:
    size = picture.picture.size
    return max(1, longest * size[0] // max(size))


def _verdicts(answers: Answers, place: int) -> dict[str, DeltaGenerator]:
    """What each model predicts for an image; returns the places for what each prediction relies
    on."""
    reliance_places = {}
    for name, reports in answers.reports.items():
        report = reports[place]
        with st.container(border=True, gap="xsmall"):
            st.caption(f"**{name}**: {plain(_short_title(answers, name))}")
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(_markdown(uploads.prediction_phrases(report)), width="content")
                _badges(report)
            reliance_places[name] = st.empty()
            if report.only_drawings:
                only = "This model has only seen drawings: its answer to a photograph means little."
                st.markdown(f":orange[:material/warning: {only}]")
    novelty = answers.novelties[place]
    if novelty is not None:
        st.markdown(_markdown(uploads.novelty_phrases(novelty)))
    else:
        st.caption(
            "Whether it is new was not judged: no model with pretrained towers is trained on this"
            " set yet."
        )
    return reliance_places


def _name_and_image(
    picture: UploadedPicture, name: str, longest: int, is_opening: bool = False
) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        widgets.picture(picture.picture, width=_width(picture, longest), alt=name)
        with st.container(width="stretch", gap="xsmall"):
            st.text(name)
            if picture.object:
                st.caption(f"It shows a {plain(picture.object)}.")
            if is_opening and picture.is_drawn:
                st.caption("A sample to begin with, chosen because biased models get it wrong.")
            elif is_opening:
                st.caption(
                    "A sample to begin with: an image of a minority group that no model was"
                    " trained on."
                )


def _short_title(answers: Answers, name: str) -> str:
    """What sets a model apart on this page."""
    conditions = [model.artifact.condition for model in answers.models.values()]
    condition = answers.models[name].artifact.condition
    if condition.kind is not ArtifactKind.TRAINED or condition not in answers.asked.usual:
        return title(condition)
    alike = {one.bias for one in conditions} == {condition.bias}
    return (
        label_words(condition)
        if alike
        else f"{label_words(condition)}, bias {condition.bias * 100:g} %"
    )


def _badges(report: UploadReport) -> None:
    if report.is_right is not None:
        if report.is_right:
            st.badge("right", color="green", icon=":material/check:")
        else:
            st.badge("wrong", color="red", icon=":material/close:")
    if report.doubts:
        about = (
            "The share of the predicted label is small, or the model has seen no image of this"
            " kind."
        )
        st.badge(f"not sure: {', '.join(report.doubts)}", color="orange", help=about)


def _markdown(phrases: Sequence[Phrase]) -> str:
    """Phrases as Markdown; what they contain is shown as it is."""
    return "".join(
        f"**{plain(one.text)}**" if one.strong else _kept_spaces(one.text) for one in phrases
    )


def _kept_spaces(text: str) -> str:
    """Plain text with the spaces at its ends, which join it to other phrases."""
    return f"{' ' * text.startswith(' ')}{plain(text.strip())}{' ' * text.endswith(' ')}"


def _maps(
    comparison: ComparedMaps, images: ImageSet, palette: Palette, options: Any, side: int
) -> None:
    chart = figure(comparison, images.grouping, palette, side, options, board=False)
    with st.container(key="maps-of-uploads"):
        cache.show(chart, alt="Your images on the maps of the models", key="maps")


def _nearest(answers: Answers, place: int) -> None:
    images = answers.asked.images
    for column, (name, reports) in widgets.in_pairs(answers.reports.items()):
        with column.container(gap="xsmall"):
            st.caption(
                f"**{name}**, nearest: {plain(_neighbours_in_words(images, reports[place]))}"
            )
            with st.container(horizontal=True, gap="xsmall"):
                for row, _ in reports[place].nearest:
                    shows = f"{images.table['object'].iat[row]}, {images.table['context'].iat[row]}"
                    widgets.picture(images.image(row), width=NEIGHBOUR, alt=shows)


def _neighbours_in_words(images: ImageSet, report: UploadReport) -> str:
    """What the nearest images show, as often as they do, and their cosines."""
    rows = [row for row, _ in report.nearest]
    shown = Counter(
        zip(images.table["object"].iloc[rows], images.table["context"].iloc[rows], strict=True)
    )
    listed = "; ".join(
        f"{count} × {shows}, {context}" for (shows, context), count in shown.most_common()
    )
    cosines = [similarity for _, similarity in report.nearest]
    return f"{listed}; cosine {min(cosines):.2f} to {max(cosines):.2f}"


def _typed_captions(answers: Answers, place: int) -> None:
    about = (
        "Several captions are separated by semicolons. A model with word vectors reads any words."
    )
    typed = st.text_input(
        "**Ask in your own words**",
        placeholder="pony; a horse on the lawn; desert",
        max_chars=captions.LONGEST,
        **widgets.in_address("words", about, width=480),
    )
    parts = [part for part in typed.split(";") if part.strip()]
    if not parts:
        return
    texts = list(dict.fromkeys(captions.clean_caption(part) for part in parts))[:MOST_CAPTIONS]
    embedded, cannot = {}, []
    for name, model in answers.models.items():
        try:
            loaded = cache.model(model.artifact.key)
            caption_answers = [captions.ask_caption(model, loaded, text) for text in texts]
            embedded[name] = np.stack([answer.z for answer in caption_answers])
        except LabError as error:
            cannot.append(f"{name}: {error}")
    if embedded:
        z = {name: answers.embedded[name][place] for name in embedded}
        table = uploads.typed_captions_table(texts, embedded, z)
        marked = [plain(f"{text}{_far_mark(answers, text)}") for text in table.pop("Caption")]
        st.caption(
            "Cosine of each caption with the image, from -1 to 1; compare captions of one model."
        )
        st.table(table.map("{:.2f}".format).set_index(pd.Index(marked, name="Caption")))
    warnings = captions.caption_warnings(answers.comparison, answers.asked.images.grouping, texts)
    for sentence in (*cannot, *warnings):
        st.markdown(f":orange[:material/warning: {plain(sentence)}]")


def _far_mark(answers: Answers, text: str) -> str:
    """A mark for a typed caption that is far from every training caption of some of the models, and
    of which."""
    grouping = answers.asked.images.grouping
    far = []
    for name, model in answers.models.items():
        distances = captions.far_from_training(model, grouping, [text])
        if any(nearest.is_far for nearest in distances):
            far.append(name)
    if not far:
        return ""
    return " (far)" if len(far) == len(answers.models) else f" (far for {' and '.join(far)})"


def _training_captions(answers: Answers, place: int) -> None:
    for column, (name, model) in widgets.in_pairs(answers.models.items()):
        with column:
            st.caption(f"**{name}**")
            if answers.reports[name][place].captions:
                widgets.caption_table(model, answers.embedded[name][place])
            else:
                st.caption(plain(answers.reports[name][place].why_silent))


def _table(answers: Answers, place: int, reliances: dict[tuple[str, int], RelianceReport]) -> None:
    """The numbers of the image that is looked at, a column a model, and all of them as a file."""
    every = uploads.report_table(answers.names, answers.reports, answers.asked.images, reliances)
    here = every[every["Image"] == answers.names[place]].drop(columns="Image").set_index("Model").T
    here = here.map(lambda value: "" if pd.isna(value) else plain(str(value)))
    st.table(here)  # its cells wrap on a phone
    grouping = answers.asked.images.grouping
    st.caption(
        "Share: the score as a probability, after one temperature that was fitted on validation"
        " images of the set; uncalibrated where there are none. Not sure: below"
        f" {uploads.SURE:.0%}, or a photograph for a model that has only seen drawings. Relies on:"
        f" a sample is drawn again with the other {grouping.object_word} and on the other"
        " background, a cut-out stands on seven backgrounds, and of another image each of both is"
        " painted over in nine ways. New: by the features of a network that was trained on"
        " photographs; 5 % of the set's own images count as new."
    )
    widgets.download("Download the table", safe_csv(every), "predictions.csv", "text/csv")


def _bottom_line(asked: Asked) -> None:
    if any(uploads.knows_photographs(one) for one in asked.conditions):
        st.caption("The pretrained tower has seen horses and camels on ImageNet.")


def _reliances(
    answers: Answers, looked_at: int, reliance_places: dict[str, DeltaGenerator]
) -> dict[tuple[str, int], RelianceReport]:
    """What predictions rely on: of the image that is looked at first, whose places are filled in as
    they are found."""
    grouping = answers.asked.images.grouping
    known: dict[tuple[str, int], RelianceReport] = {}
    others = [number for number in range(len(answers.pictures)) if number != looked_at]
    for place in [looked_at, *others]:
        paint = lru_cache(1)(partial(_painted, answers.pictures[place]))  # once for all models
        for name, reports in answers.reports.items():
            if not reports[place].predicted:
                continue
            if place == looked_at:
                reliance_places[name].caption("What it relies on is being tested …")
            reliance = _reliance(
                answers, name, place, paint, is_eager=place == looked_at or place < EAGER
            )
            if reliance is not None:
                known[name, place] = reliance
            if place == looked_at and reliance is not None:
                reliance_places[name].markdown(
                    _markdown(uploads.reliance_phrases(reliance, grouping))
                )
            elif place == looked_at:
                reliance_places[name].caption("What it relies on was not tested.", help=UNTESTED)
    return known


def _reliance(
    answers: Answers, name: str, place: int, paint: Callable[[], PaintedImages], *, is_eager: bool
) -> RelianceReport | None:
    """What a model's prediction for an image relies on; None where that cannot be tested, or is not
    tested yet."""
    picture, model, report = (
        answers.pictures[place],
        answers.models[name],
        answers.reports[name][place],
    )
    grouping, key = answers.asked.images.grouping, model.artifact.key
    if picture.cutout:
        same = [
            number for number, one in enumerate(answers.pictures) if one.cutout == picture.cutout
        ]
        return uploads.reliance_by_backgrounds([answers.reports[name][number] for number in same])

    def make() -> RelianceReport | None:
        loaded = cache.model(key)
        if drawn := twins(picture, grouping):
            return uploads.reliance_by_twins(model, loaded, report, drawn, grouping)
        if uploads.knows_photographs(model.artifact.condition):
            with suppress(LabError):  # the weights that locate are not on this machine
                return uploads.reliance_by_painting(model, loaded, report, paint(), grouping)
        return None

    handle = ("reliance", key, cache.artifact(key).digest, picture.digest)
    return _kept(handle, make) if is_eager or handle in st.session_state.get("asked", {}) else None


def _versions(answers: Answers, place: int) -> None:
    """The versions of an image by which it was tested what predictions rely on, or examples of
    them."""
    picture, word = answers.pictures[place], answers.asked.images.grouping.object_word
    drawn = twins(picture, answers.asked.images.grouping)
    examples = st.session_state.get("asked", {}).get(_painted_handle(picture))
    versions: list[
        tuple[Image.Image, Image.Image, str]
    ] = []  # as shown, as models are asked, in words
    if picture.cutout:
        about = f"The same {word} on seven backgrounds: do they change a prediction?"
    elif drawn is not None:
        about = (
            f"The same scene with the other {word} and on another background: what changes a"
            " prediction?"
        )
        every = (drawn.other_object, *drawn.other_backgrounds)
        versions = [(twin.picture, twin.asked, twin.name) for twin in every]
    elif examples is not None and any(
        uploads.knows_photographs(one) for one in answers.asked.conditions
    ):
        about = (
            f"What is left when the background, or the {word}, is painted over, and what is"
            " predicted then. This is one of nine ways to paint, all of which have to agree; a"
            f" pretrained network says where the {word} is."
        )
        names = (f"only the {word}", "only the background")
        versions = [(example, example, name) for example, name in zip(examples, names, strict=True)]
    else:
        about = f"Not tested. {UNTESTED}"
    st.caption(about)
    predicted = _predicted_by_all(answers, picture, [asked for _, asked, _ in versions])
    with st.container(horizontal=True, gap="small"):
        for number, (version, _, words) in enumerate(versions):
            lines = [
                plain(words),
                *(f"{name}: **{plain(labels[number])}**" for name, labels in predicted.items()),
            ]
            with st.container(width=VERSION, gap="xxsmall"):
                widgets.picture(version, width=VERSION, alt=words)
                st.caption("  \n".join(lines))


def _predicted_by_all(
    answers: Answers, picture: UploadedPicture, versions: Sequence[Image.Image]
) -> dict[str, list[str]]:
    """What each model that names objects predicts for versions of an image, by what the model is
    called."""
    grouping = answers.asked.images.grouping

    def predicted(model: ModelMap) -> list[str]:
        z = cache.model(model.artifact.key).embed_pictures(list(versions))
        return uploads.predicted_labels(model, z, grouping)

    labels = {}
    for name, model in answers.models.items():
        if versions and any(report.predicted for report in answers.reports[name]):
            key = model.artifact.key
            handle = ("versions", key, cache.artifact(key).digest, picture.digest)
            labels[name] = _kept(handle, partial(predicted, model))
    return labels


def _painted_handle(picture: UploadedPicture) -> tuple[str, str]:
    return "painted", picture.digest


def _painted(picture: UploadedPicture) -> PaintedImages:
    """An image painted over; two examples are kept to be shown."""
    painted_over = painted_images(picture.asked)
    both = (painted_over.object_alone[EXAMPLE], painted_over.background_alone[EXAMPLE])
    examples = [Image.fromarray(pixels) for pixels in both]
    _kept(_painted_handle(picture), lambda: examples)
    return painted_over


def _kept(name: tuple[Any, ...], make: Callable[[], Made]) -> Made:
    """A result of this session, made once; the oldest go when there are many."""
    kept: dict[tuple[Any, ...], Any] = st.session_state.setdefault("asked", {})
    if name not in kept:
        while len(kept) >= MOST_KEPT:
            kept.pop(next(iter(kept)))
        kept[name] = make()
    return kept[name]


def _embedded(key: str, pictures: Sequence[UploadedPicture]) -> NDArray[np.float32]:
    """Embeddings of images in a model, (m, E)."""
    digest, embed = cache.artifact(key).digest, cache.model(key).embed_pictures
    return np.concatenate(
        [_kept(("z", key, digest, one.digest), partial(embed, [one.asked])) for one in pictures]
    )


def _novelties(images: ImageSet, pictures: Sequence[UploadedPicture]) -> list[Novelty | None]:
    """How new each image is beside those of a set; None where that cannot be judged."""
    try:
        judge = _judge(images)
    except LabError:
        return [None] * len(pictures)

    def judged(picture: UploadedPicture) -> Novelty:
        return novelties(judge, images, [picture.asked])[0]

    return [
        _kept(("novelty", images.name, images.version, one.digest), partial(judged, one))
        for one in pictures
    ]


class _NoJudgeError(LabError):
    """Too few images of a set have features: not kept in a cache, for there may be more soon."""


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=cache.BY_CONTENT)
def _judge(images: ImageSet) -> NoveltyJudge:
    judge = judge_of(images)
    if judge is None:
        raise _NoJudgeError("Too few images of this set have features.")
    return judge


def _parts(answers: Answers, place: int) -> None:
    about = "Covers each patch of the image in turn and asks the models again."
    if not st.toggle("Cover each part", key="explain", help=about):
        return
    for column, (name, model) in widgets.in_pairs(answers.models.items()):
        with column.container(border=True), shell.errors_as_sentences():
            st.caption(f"**{name}**")
            _explained(
                model,
                answers.asked.images,
                answers.pictures[place],
                answers.reports[name][place].predicted,
            )


def _explained(model: ModelMap, images: ImageSet, one: UploadedPicture, predicted: str) -> None:
    from vlcore.model.attribution import GRID, attention_rollout, patch_ablation

    if not predicted:
        st.caption("This model predicts nothing, so there is no prediction to explain.")
        return
    asked = cache.model(model.artifact.key)
    own = asked if isinstance(asked, OwnModel) else None
    reads_small = own is not None and not own.frozen_tower
    pixels = square(one.asked, TRAINING_SIZE if reads_small else 224)[None]
    name = (model.artifact.key, cache.artifact(model.artifact.key).digest, one.digest)

    def embed(versions: NDArray[np.uint8]) -> NDArray[np.floating]:
        return (
            own.embed_pixels(versions)
            if own
            else asked.embed_pictures([*map(Image.fromarray, versions)])
        )

    score = partial(uploads.answer_margin, model, grouping=images.grouping, label=predicted)
    left, right = st.columns(2)
    with left:
        try:
            falls = _kept(("ablation", *name), lambda: patch_ablation(embed, pixels, score)[0])
        except ValueError as error:
            st.caption(plain(str(error)))
            return
        widgets.picture(
            painted(one.picture, falls), alt=f"What “{predicted}” loses without each patch"
        )
        far = (
            f"how far “{plain(predicted)}” falls when one of {GRID * GRID} patches is painted in"
            " the mean colour"
        )
        most = f"at most {falls.max():.2f} in log odds. Warm speaks for it, cool against."
        place = "It says where, not what: versions of the image say what changes a prediction."
        st.caption(f"**Patch ablation**: {far}, {most} {place}")
    if own is None or own.frozen_tower:
        return
    with right:
        try:
            rolled = _kept(("rollout", *name), lambda: attention_rollout(own.encoder, pixels)[0])
        except ValueError as error:
            st.caption(plain(str(error)))
            return
        widgets.picture(painted(one.picture, rolled - rolled.min()), alt="Attention rollout")
        which = f"which of {rolled.size} patches attention mixes into the embedding"
        doubt = "It knows nothing of the prediction; where the two differ, believe the ablation."
        st.caption(f"**Attention rollout** (a hint only): {which}. {doubt}")
