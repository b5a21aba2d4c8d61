"""Sections under the maps of the Compare page, of which a visitor opens one; what a model cannot
show is said there."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

import pandas as pd
import streamlit as st

from vlcore.api import captions, loss_matrix, training_animation
from vlcore.api.compared_maps import points_table
from vlcore.api.description import describe_evaluation, describe_fit_step, largest_displacements
from vlcore.api.exports import map_table, parquet_bytes
from vlcore.api.maps import PCA
from vlcore.api.metrics_table import describe_map_quality, measures_table
from vlcore.api.model_map import ComparisonError, ModelMap
from vlcore.api.offline_page import figure, page, picked
from vlcore.api.small_images import draw_thumbs
from vlcore.experiment.errors import LabError
from vlcore.experiment.grouping import group_words
from vlcore.experiment.plain_text import plain, safe_csv
from vlcore.experiment.wording import decimal, title
from vlcore.plots import matrices
from vlcore.plots.maps.panes import MOMENT
from vlcore.plots.maps.small import caption_map
from vlcore.plots.rendering import chart_png, chart_svg
from vlcore.plots.theme import Palette
from vlcore.web import cache, shell, visitors, widgets, work
from vlcore.web.compare.maps import Shown
from vlcore.web.components import browser

PAPER_SIDE = 520  # px of a map in a picture file
NEAREST_IMAGES = 12  # that are nearest to a typed caption
NEAREST_SIDE = 88  # px of each of them


@contextmanager
def _or_why_not(icon: str) -> Iterator[None]:
    try:
        yield
    except ComparisonError as error:
        st.info(plain(str(error)), icon=f":material/{icon}:")


def _groups(shown: Shown) -> None:
    widgets.show_part(shown.parts["groups"])
    counted = f"Share of held-out pictures whose {shown.images.grouping.object_word} is named right"
    st.caption(plain(f"{counted}, 95 % intervals over scenes. {describe_evaluation(shown.images)}"))


def _movement(shown: Shown) -> None:
    if len(set(shown.keys)) == 1:
        st.caption("Both maps are of one model: nothing moved.")
        return
    images = shown.images
    try:
        found = largest_displacements(shown.comparison, images)
    except ValueError as error:
        st.info(plain(str(error)), icon=":material/info:")
        return
    for name, one in found.items():
        st.markdown(f"**From the {next(iter(shown.comparison.named))} to the {name} model**")
        st.dataframe(one.table, hide_index=True, width="stretch")
        kept = (
            "of the full space and need no map: of ten, unrelated models share"
            f" {100 * one.chance:.0f} % by chance"
        )
        moved = "Movement is on the maps, after turning: 1 is the size of the first."
        st.caption(
            f"{moved} Kept neighbours are {kept}. Intervals are over scenes, of one pair of runs."
        )
        st.markdown("The pictures that moved most")
        with st.container(horizontal=True, gap="small"):
            for moved in one.largest.itertuples():
                words = ", ".join(images.table.iloc[moved.row][["object", "context"]])
                caption = f"{words}: {moved.way:.1f}, {moved.kept:.0%} kept"
                widgets.picture(
                    images.image(moved.row), width=104, caption=plain(caption), alt=words
                )


def _captions(shown: Shown) -> None:
    """All models are asked for one caption, so that one sees what is the model's and what is the
    caption's."""
    _typed_caption(shown)
    st.markdown("**How alike its captions are to each model**")
    with _or_why_not("grid_on"):
        words, spec = _similarities(shown.keys, shown.palette, shown.comparison.named)
        cache.show(spec, alt=words, key="caption-matrices")


@st.cache_resource(max_entries=60, show_spinner=False, hash_funcs=cache.BY_CONTENT)
def _similarities(
    keys: Sequence[str], palette: Palette, _named: Mapping[str, ModelMap]
) -> tuple[str, cache.Spec]:
    cells, titles, words = captions.caption_similarities(_named)
    return words, cache.finished(matrices.caption_matrices(cells, titles, palette=palette))


def _typed_caption(shown: Shown) -> None:
    grouping, models = shown.images.grouping, shown.comparison.named
    about = (
        "A model with word vectors reads any words. Of another one, the page names the words it"
        " does not know."
    )
    usual, most = f"a {group_words(grouping)[grouping.minority[1]]}", captions.LONGEST
    typed = st.text_input(
        "A caption", usual, max_chars=most, **widgets.in_address("caption", about)
    )
    try:
        text = captions.clean_caption(typed or "")
    except captions.CaptionLabError as error:
        st.warning(plain(str(error)), icon=":material/edit:")
        return
    answers: dict[str, captions.CaptionAnswer] = {}
    for name, model in models.items():
        try:
            answer = answers[name] = captions.ask_caption(
                model, cache.model(model.artifact.key), text
            )
        except LabError as error:
            st.info(
                f"The {name} model cannot be asked. {plain(str(error))}", icon=":material/info:"
            )
            continue
        if answer.unknown:
            words = captions.quote_words(answer.unknown, "more words")
            st.warning(
                f"The {name} model does not know, or does not read, {plain(words)}.",
                icon=":material/help:",
            )
    if not answers:
        return
    _caption_distances(shown, list(answers), text)
    _caption_map(shown, answers, text)
    for column, (name, answer) in widgets.in_pairs(answers.items()):
        with column:
            st.markdown(f"**Nearest images in the {name} model** (cosine)")
            _nearest_images(models[name], answer)
    answers = {
        name: answer for name, answer in answers.items() if not answer.without.empty
    }  # but those of codes
    if not answers:
        st.caption("A caption of one word has none to leave out.")
        return
    left_out = next(iter(answers.values())).without[["word", "caption"]]
    left_out = left_out.set_axis(["Left out", "What remains"], axis="columns")
    about = (
        "Of the shortened caption with the whole one: 1 means that the word says nothing to this"
        " model."
    )
    cosines = {
        f"{name.capitalize()}: cosine": answer.without["cosine"] for name, answer in answers.items()
    }
    numbers = {name: st.column_config.NumberColumn(format="%.2f", help=about) for name in cosines}
    st.dataframe(
        left_out.assign(**cosines), hide_index=True, width="stretch", column_config=numbers
    )


def _caption_distances(shown: Shown, names: Sequence[str], text: str) -> None:
    """How far a caption is from the training captions of models, and what that says of it."""
    grouping, models = shown.images.grouping, shown.comparison.named
    reads_any = [
        name for name in names if captions.reads_any_words(models[name].artifact.condition)
    ]
    for name in names:
        for sentence in captions.caption_warnings(shown.comparison, grouping, [text], [name]):
            if name in reads_any:
                st.warning(plain(sentence), icon=":material/straighten:")
            else:
                st.caption(plain(sentence))
    for name in reads_any:
        (nearest,) = captions.far_from_training(models[name], grouping, [text])
        if not nearest.is_far:
            st.caption(plain(f"{name.capitalize()} model: {nearest.sentence}"))
    if reads_any:
        unseen = (
            "docs/results/words of the project lists 60 that no label contains, and which of them"
            " fail"
        )
        st.caption(f"Word vectors read any words; {unseen}.")


def _nearest_images(model: ModelMap, answer: captions.CaptionAnswer) -> None:
    """The images nearest to a caption, in a row that wraps."""
    images = cache.image_set(model)
    with st.container(horizontal=True, gap="small"):
        for row, cosine in model.neighbours(answer.z, NEAREST_IMAGES):
            what = ", ".join(images.table.iloc[row][["object", "context"]])
            caption = plain(f"{what} {decimal(cosine)}")
            widgets.picture(images.image(row), width=NEAREST_SIDE, caption=caption, alt=what)


def _caption_map(shown: Shown, answers: dict[str, captions.CaptionAnswer], text: str) -> None:
    caption = text if len(text) <= 40 else f"{text[:39]}…"
    asked, arrows = [], []
    for pane, name in enumerate(shown.comparison.named):
        if name in answers:
            (x, y), without = answers[name].position, answers[name].without
            asked.append((pane, caption, x, y))
            arrows += [
                (pane, row.word, row.cosine, x, y, row.x, row.y) for row in without.itertuples()
            ]
    typed = pd.DataFrame(asked, columns=["pane", "caption", "x", "y"])
    without = pd.DataFrame(arrows, columns=["pane", "word", "cosine", "x", "y", "x2", "y2"])
    chart = caption_map(
        shown.comparison.points,
        shown.comparison.captions,
        typed,
        without,
        shown.comparison.infos,
        palette=shown.palette,
        grouping=shown.images.grouping,
        side=shown.side,
    )
    cache.show(
        chart, alt=f"Position of the caption in each model, and of it without each word: {text}"
    )
    exact = "the average of its nearest images, not exact" if shown.projection.fitted else "exact"
    star = "The star is the caption; an arrow leads to the same caption without one word"
    st.caption(f"{star}. Its position is {exact}.")


def _loss(shown: Shown) -> None:
    cell = (
        "A cell says what the loss counts the pair as, and its colour how the model scores it at"
        " the end."
    )
    false = "A *false negative* is a caption that is true of the picture and was counted as wrong."
    st.markdown(f"Each row is a training picture, each column a caption. {cell} {false}")
    for column, key in widgets.in_pairs(dict.fromkeys(shown.keys)):
        with column, _or_why_not("grid_on"):
            words, spec = _pairs(key, shown.palette)
            st.markdown(f"**{plain(title(cache.artifact(key).condition))}**")
            cache.show(spec, alt=words, key=f"pairs-{key}")
            st.caption(plain(words))


@st.cache_resource(
    max_entries=60, show_spinner="Pairing pictures and captions …", hash_funcs=cache.BY_CONTENT
)
def _pairs(key: str, palette: Palette) -> tuple[str, cache.Spec]:
    model = cache.model_map(key, PCA, ())
    found = loss_matrix.loss_pairs(model, cache.image_set(model), draw_thumbs)
    chart = matrices.pair_matrix(found.cells, found.images, palette=palette, middle=found.middle)
    return found.words, cache.finished(chart)


def film_section(keys: Sequence[str], palette: Palette, side: int) -> None:
    """The film of up to four models with its Play."""
    with _or_why_not("movie"), st.container(key="film-section"):
        shown, spec = _film(keys, palette, side)
        with st.container(horizontal=True, vertical_alignment="center"):
            browser.PLAY(key="film-play", data={"name": MOMENT}, width="content")
            how = "Or move the slider below the curves. Every moment lies on the axes of the end."
            st.caption(how, width="content")
        cache.show(spec, alt=shown.words, key="film")
        for note in shown.notes:
            st.caption(plain(note))
        with st.expander("The film in words"):
            st.markdown(plain(shown.words))


@st.cache_resource(max_entries=30, show_spinner="Winding the film …", hash_funcs=cache.BY_CONTENT)
def _film(
    keys: Sequence[str], palette: Palette, side: int
) -> tuple[training_animation.TrainingAnimation, cache.Spec]:
    comparison = cache.comparison(keys, PCA)
    shown = training_animation.animate_training(comparison, cache.image_set(comparison.models[0]))
    return shown, cache.finished(shown.chart(palette, side))


def _measures(shown: Shown) -> None:
    models = {name.capitalize(): model.artifact for name, model in shown.comparison.named.items()}
    st.dataframe(
        measures_table(shown.comparison, shown.images.grouping), hide_index=True, width="stretch"
    )
    trained = {name: model for name, model in models.items() if "first_fit_step" in model.metrics}
    if trained:
        st.caption(
            " ".join(f"{name}: {describe_fit_step(model)}" for name, model in trained.items())
        )
    for name, model in models.items():
        if quality := describe_map_quality(model):
            st.caption(f"{name} PCA map: {quality}.")


def _take_along(shown: Shown) -> None:
    comparison, images, palette = shown.comparison, shown.images, shown.palette
    asker = visitors.visitor()  # a file is made where nobody is at a page

    def image(write: Callable[[cache.Spec, Palette], bytes | str]) -> bytes | str:
        inline = cache.comparison(shown.keys, shown.projection, inline=True)
        maps = figure(inline, images.grouping, palette, PAPER_SIDE, shown.options).to_dict(
            validate=False
        )
        return work.run_in_worker(
            asker, write, picked(maps, comparison, st.query_params.get("picture")), palette
        )

    def csv() -> str:
        return safe_csv(points_table(comparison, comparison.points))

    def parquet(key: str) -> bytes:
        with work.export_slot(asker):
            return parquet_bytes(map_table(cache.artifact(key), images))

    def offline() -> str:
        with work.export_slot(asker):
            return page(
                cache.comparison(shown.keys, shown.projection, inline=True),
                images,
                palette,
                shown.options,
            )

    name = "-".join(["compare", *(key.rpartition("-")[2] for key in shown.keys)])
    st.markdown(
        "The address of this page holds all its settings: whoever opens it sees the same maps."
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        browser.COPY(key="copy-link", width="content")
        for label, data, ending, kind, about in (
            ("PNG", partial(image, chart_png), "png", "image/png", "The maps as a picture."),
            (
                "SVG",
                partial(image, chart_svg),
                "svg",
                "image/svg+xml",
                "The maps as a drawing, for a paper.",
            ),
            (
                "Offline page",
                offline,
                "html",
                "text/html",
                "Maps, words and numbers in one file that works anywhere.",
            ),
            (
                "CSV",
                csv,
                "csv",
                "text/csv",
                "One row a picture: what it is, where it lies, what every model says.",
            ),
        ):
            widgets.download(label, data, f"{name}.{ending}", kind, help=about)
    what = "embeddings, pictures and verdicts as parquet, for Embedding Atlas or pandas."
    st.markdown(f"**A model for other tools**: {what}")
    with st.container(horizontal=True):
        for called, key in zip(comparison.named, shown.keys, strict=True):
            name, kind = f"{key}.parquet", "application/vnd.apache.parquet"
            widgets.download(
                f"Parquet, {called}", partial(parquet, key), name, kind, key=f"parquet_{called}"
            )


SECTIONS = {
    "Groups": _groups,
    "Map in words": lambda shown: widgets.show_part(shown.parts["layouts"]),
    "Movement": _movement,
    "Captions": _captions,
    "The loss": _loss,
    "Film": lambda shown: film_section(shown.keys, shown.palette, shown.side),
    "All measures": _measures,
    "Take along": _take_along,
}


def show(shown: Shown) -> None:
    """The choice of a section, and the one that was chosen."""
    st.subheader("Look closer")
    section = widgets.one_of(
        "Look closer", SECTIONS, "closer", "Groups", label_visibility="collapsed"
    )
    with shell.errors_as_sentences():
        SECTIONS[section](shown)
