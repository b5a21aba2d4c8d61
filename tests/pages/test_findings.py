"""Findings: an empty study, a part of one, a complete one, published ones, and refused ones."""

import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.api.published import publish
from vlcore.artifacts import store
from vlcore.data.catalogue import open_set
from vlcore.data.importers import import_set
from vlcore.data.subset import usual_condition
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.options import PRESETS, TOWERS
from vlcore.experiment.wording import run_name
from vlcore.jobs.jobs import State
from vlcore.plots.theme import PHONE_SIDE
from vlcore.study import plans, registry, report
from vlcore.study import text as words
from vlcore.study.answer import answer_table, composition_found
from vlcore.study.plans import StudyPlan
from vlcore.study.pooled import SETS, answer_sentence, pooled, studies_to_open
from vlcore.study.published import FOLDER, PublishedStudy
from vlcore.study.results import Study
from vlcore.study.telling_apart import apart_found
from vlcore.web import condition_controls
from vlcore.web.condition_controls import LENGTHS
from vlcore.web.findings import documents, sections

from .app import FakeQueue, alts, opened, pets, press, setting, text_of

FOREST = "Descriptive minus short labels: scenes, all "
# Charts of each part, below the one that answers.
CHARTS = {
    sections.ANSWER: 1,
    sections.CLAIMS: 2,
    sections.OVER_BIAS: 5,
    sections.GROUPS: 2,
    sections.COMPARISONS: 0,
    sections.METHODS: 0,
}


def start(**address: str) -> AppTest:
    return opened("5_Findings", **{"study": "class", "blocks": "6", **address})


def chosen_study(page: AppTest) -> str:
    """The published study that is shown, by its name."""
    words = page.selectbox(key="published").value
    return condition_controls.name_of(sections.published_names("scenes"), words)


@pytest.fixture(scope="module")
def plan() -> StudyPlan:
    return plans.find("class", Condition(), 6)


@pytest.fixture(scope="module")
def complete(plan: StudyPlan, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StudyPlan]:
    """A complete study in a home of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLCORE_HOME", str(tmp_path_factory.mktemp("complete")))
        publish([*plan.conditions, *plans.controls(plan)])
        yield plan


@pytest.fixture(scope="module")
def nothing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nothing")


@pytest.fixture
def published_alone(nothing: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without anything; what a test read of published results the next one has."""
    monkeypatch.setenv("VLCORE_HOME", str(nothing))
    return nothing


def test_a_published_study_opens_without_any_model(published_alone: Path, queue: FakeQueue) -> None:
    page = opened("5_Findings")
    study = PublishedStudy(studies_to_open("scenes")[0], "scenes")
    text = text_of(page)
    assert not page.error
    first = next(part.value for part in page.markdown if "seed pairs" in part.value)
    assert first == answer_sentence(), "the answer is first"
    assert alts(page)[0].startswith(FOREST)
    depends = f"{answer_table()}\n\n{apart_found()} {composition_found()}"
    assert depends in [part.value for part in page.markdown]
    assert study.origin in text
    assert not any(box.proto.expanded for box in page.expander)
    everything = next(box for box in page.expander if box.label.startswith("All results"))
    assert pooled("scenes").words.partition(" in")[0] in everything.markdown[0].value
    assert [metric.label for metric in page.metric][:2] == ["short labels", "descriptive labels"]
    assert len(alts(page)) == 1 + CHARTS[sections.ANSWER]
    assert not page.button, "there is nothing to run"
    assert not list(published_alone.glob("models/*")), "no model is there"
    page = opened("5_Findings", part=sections.CLAIMS)
    run = next(box for box in page.selectbox if box.label == "Open a run")
    opened_run = PublishedStudy("confirmation", "scenes").plan.conditions[0]
    assert run_name(opened_run) in run.options
    page = run.select(run_name(opened_run)).run()
    press(page, "It is not on this disk: train it")
    assert queue.asked == [opened_run.key]
    table = next(table.value for table in page.dataframe if "Key" in table.value)
    assert table.set_index("Key")["Run"][opened_run.key] == run_name(opened_run)


def test_a_trained_run_opens_by_its_key(
    published_alone: Path, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = PublishedStudy("classic/experiments", "scenes").runs().groupby("key").first()
    assert not set(runs["steps"]) & set(LENGTHS.values()), "Compare cannot be set to such a run"
    page = opened("5_Findings", published="classic/experiments", part=sections.CLAIMS)
    assert setting(page, "published") == "7 pairs, 600 steps (classic/experiments)"
    box = next(box for box in page.selectbox if box.label == "Open a run")
    table = next(table.value for table in page.dataframe if "Key" in table.value)
    names = table.set_index("Key")["Run"]
    run = next(key for key in names.index if runs.loc[key, "labels"] == "undescriptive")
    queue.state = State.DONE
    for is_twin_trained in (True, False):
        monkeypatch.setattr(
            store, "published", lambda key, twin=is_twin_trained: twin or key == run
        )
        page = box.select(names[run]).run()
        assert not page.exception
        links = [link.proto.query_string for link in page.get("page_link")]
        [query] = [link for link in links if run in link]
        assert "data=scenes" in query
        assert f"left_model={run}" in query
        assert ("right_model=" in query) == is_twin_trained


@pytest.mark.parametrize("name", documents.PAGES)
def test_pages_of_results_are_read_with_their_figures(published_alone: Path, name: str) -> None:
    page = opened("5_Findings", document=name)
    [box] = [box for box in page.expander if box.label.startswith("All results")]
    assert box.proto.expanded, "a link to a page shows it"
    file = FOLDER / documents.PAGES[name]
    text = file.read_text(encoding="utf-8")
    figures = [image.proto.imgs[0] for image in box.get("image")]
    assert len(figures) == text.count("![")
    assert all(image.alt in text for image in figures)
    shown = " ".join(part.value for part in box.markdown)
    assert text.splitlines()[-1].split("](")[0].replace("[", "")[:40] in shown
    assert "](" not in shown


def test_all_results_are_one_zip() -> None:
    with zipfile.ZipFile(io.BytesIO(documents.zipped())) as files:
        names = files.namelist()
        assert files.read("table.md") == (FOLDER / "table.md").read_bytes()
    assert {*documents.PAGES.values(), "runs.parquet", "plans/apart.yaml"} <= set(names)


def test_results_of_any_date_are_one_zip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "README.md").touch()
    os.utime(tmp_path / "README.md", (0, 0))
    monkeypatch.setattr(documents, "FOLDER", tmp_path)
    with zipfile.ZipFile(io.BytesIO(documents.zipped())) as files:
        assert files.namelist() == ["README.md"]


def test_a_part_of_a_plan_says_what_ran_and_what_it_lacks(published_alone: Path) -> None:
    study = PublishedStudy("size", "balanced-cues")
    address = {"data": "balanced-cues", "published": "size"}
    page = opened("5_Findings", **address, part=sections.GROUPS)
    pairs = sections.findings_of(study).n_blocks
    assert setting(page, "published") == f"{pairs} pairs, 700 steps (size)"
    text = text_of(page)
    assert "There is no figure here: no run has “Accuracy on each group”." in text
    assert "group_accuracy" not in text
    assert study.plan.full_plan
    planned = len(study.plan.full_plan.conditions)
    text = text_of(opened("5_Findings", **address, part=sections.METHODS))
    assert f"whole plan: {planned} runs, {len(study.plan.keys)} of them of this study." in text


def test_the_sanity_check_is_one_sentence_and_an_old_address_opens(published_alone: Path) -> None:
    found = sections.findings_of(PublishedStudy("confirmation", "scenes"))
    page = opened("5_Findings", published="confirmation", sound="true")
    assert not page.exception
    assert "inconclusive (10 seed pairs)" in page.metric[2].label, "nothing is excluded"
    sentence = words.sanity_words(found)
    assert f"fails in {len(found.failing)} of 10 seed pairs; the other" in sentence
    assert sentence in [caption.value for caption in page.caption]
    page = opened("5_Findings", published="confirmation", part=sections.CLAIMS)
    [shared] = [caption.value for caption in page.caption if "one sample, not two" in caption.value]
    assert shared.startswith("`paper` has 40 of these runs too")


def test_a_study_is_chosen_in_words_and_opens_by_those_of_another_version(
    published_alone: Path,
) -> None:
    page = opened("5_Findings", published="5 pairs, 600 steps (classic/experiments)")
    names = sections.published_names("scenes")
    assert setting(page, "published") == "7 pairs, 600 steps (classic/experiments)"
    assert names[chosen_study(page)] == setting(page, "published")
    assert page.selectbox(key="published").options == list(names.values())
    assert PublishedStudy("classic/experiments", "scenes").origin in text_of(page)


def test_one_study_opens_on_that_with_most_untouched_seed_pairs(published_alone: Path) -> None:
    for data in SETS:
        name, *_ = studies_to_open(data)
        most = max(study.n for study in pooled(data).studies.values())
        assert pooled(data).studies[name].n == most
        page = opened("5_Findings", data=data)
        assert not page.error, data
        assert PublishedStudy(name, data).origin in text_of(page)
        assert f"({most} seed pairs)" in page.metric[2].label
    assert not opened("5_Findings", part=sections.METHODS).error


@pytest.mark.parametrize("address", [{"part": sections.CLAIMS}, {"claim": "C3"}, {"guide": "15"}])
def test_claims_open_on_a_study_with_all_controls(
    published_alone: Path, queue: FakeQueue, address: dict[str, str]
) -> None:
    page = opened("5_Findings", **address)
    assert chosen_study(page) == "confirmation"
    text = text_of(page)
    assert "not measured" not in text
    assert "control not run" not in text


def test_a_study_is_that_of_the_part_until_somebody_chose_one(published_alone: Path) -> None:
    usual, *_ = studies_to_open("scenes")
    chosen = opened("5_Findings", part=sections.CLAIMS)
    chosen.segmented_control(key="part").set_value(sections.ANSWER).run()
    assert chosen_study(chosen) == usual
    words = sections.published_names("scenes")["experiments"]
    chosen.selectbox(key="published").set_value(words).run()
    named = opened("5_Findings", published="confirmation", part=sections.CLAIMS)
    for page, study in ((named, "confirmation"), (chosen, "experiments")):
        assert chosen_study(page) == study
        page.query_params.pop("published", None)  # a browser does that to a default
        for part in (sections.CLAIMS, sections.ANSWER):
            page.segmented_control(key="part").set_value(part).run()
            assert chosen_study(page) == study


def test_without_published_results_the_studies_of_this_server_are_shown(
    empty_home: Path, queue: FakeQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vlcore.study.published.FOLDER", tmp_path)
    page = opened("5_Findings", results="published with this version")
    assert "No results on scenes" in page.info[0].value
    assert not page.error
    assert [button.label for button in opened("5_Findings").button] == ["Run this study"]


def test_an_own_set_opens_on_the_studies_of_this_server(empty_home: Path, tmp_path: Path) -> None:
    import_set(pets(tmp_path / "pets"), "pets")
    page = opened("5_Findings", data="pets")
    assert page.segmented_control(key="results").value == "runs on this server"
    assert "published of scenes and balanced-cues" in page.info[0].value
    assert "(#one-study-at-a-time)" in page.info[0].value
    page.selectbox(key="data").set_value("scenes").run()
    assert not page.exception
    assert page.segmented_control(key="results").value == "published with this version"
    assert not page.info


def test_a_study_is_on_the_towers_that_are_usual_for_its_set(
    empty_home: Path, tmp_path: Path, queue: FakeQueue
) -> None:
    import_set(pets(tmp_path / "pets"), "pets")
    page = start(data="pets")
    assert page.segmented_control(key="towers").value == "pretrained"
    assert "--set architecture=pretrained --set text=words" in page.code[0].value
    base = usual_condition(open_set("pets"))
    press(page, "Run this study")
    of_towers = {
        towers: [run.key for run in plans.find("class", base.with_towers(towers), 6).conditions]
        for towers in TOWERS
    }
    assert queue.asked == of_towers["pretrained"]
    queue.asked.clear()
    scratch = start(data="pets", towers="scratch")
    assert "--set" not in scratch.code[0].value.replace("--set steps", "")
    press(scratch, "Run this study")
    assert queue.asked == of_towers["scratch"]
    assert start().segmented_control(key="towers").value == "scratch"


def test_a_study_of_this_server_stays_when_another_one_is_chosen(empty_home: Path) -> None:
    page = opened("5_Findings", results="runs on this server", study="class")
    page.segmented_control(key="study").set_value("experiments").run()
    assert page.segmented_control(key="results").value == "runs on this server"


def test_a_study_is_run_and_followed(empty_home: Path, queue: FakeQueue, plan: StudyPlan) -> None:
    page, keys = start(), [condition.key for condition in plan.conditions]
    assert "None of the 36 runs of this study is there yet" in page.info[0].value
    assert "python -m vlcore study class --data scenes" in page.code[0].value
    assert not list(empty_home.iterdir()), "looking at the page writes nothing"
    queue.status = {"fraction": 0.5, "stage": "training", "step": 350, "steps": 700}
    press(page, "Run this study")
    assert queue.asked == keys
    (entry,) = registry.plan_history(plan)
    assert entry.runs == 0
    (bar,) = page.get("progress")
    assert bar.proto.text.startswith("0 of 36 runs are there, 36 are training: ")
    assert bar.proto.text.endswith(" left. You can leave this page.")
    assert bar.proto.value == 50
    assert "training, step 350 of 700" in text_of(page)
    press(page, "Stop")
    assert queue.cancelled == keys


def test_a_training_that_failed_says_why(empty_home: Path, queue: FakeQueue) -> None:
    queue.state, queue.status = State.FAILED, {"message": "The disk is full."}
    assert ["The disk is full." in warning.value for warning in start().warning] == [True]


def test_a_part_of_a_study_shows_what_is_missing(
    empty_home: Path, queue: FakeQueue, plan: StudyPlan
) -> None:
    publish(plan.conditions[:1])
    text = text_of(start())
    assert "Inconclusive: a comparison needs two seed pairs" in text
    assert len(alts(start())) == 1 + CHARTS[sections.ANSWER], "the run that is there"
    assert "There is no figure" not in text
    assert "There is no figure here: " in text_of(start(part=sections.OVER_BIAS))
    publish(plan.conditions[1:12])
    page = start()
    text = text_of(page)
    assert "12 of 36 planned runs are there; the other 24" in text
    assert "inconclusive (2 seed pairs)" in page.metric[2].label
    page = start(part=sections.METHODS)
    missing = next(frame.value for frame in page.dataframe if list(frame.value.columns) == ["run"])
    assert list(missing["run"]) == [condition.key for condition in plan.conditions[12:]]
    press(page, "Run what is missing")
    assert queue.asked == list(missing["run"])


def test_on_a_phone_claims_are_below_each_other(
    complete: StudyPlan, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "| Control |" in text_of(start(part=sections.CLAIMS))
    monkeypatch.setattr("vlcore.web.shell.map_side", lambda: PHONE_SIDE)
    text = text_of(start(part=sections.CLAIMS))
    assert "| Control |" not in text
    assert all(f"**C{number}**" in text for number in range(1, 9))


def test_a_complete_study_answers_with_numbers(complete: StudyPlan, queue: FakeQueue) -> None:
    page = start()
    assert not page.error
    text = text_of(page)
    assert "All 36 planned runs are there." in text
    assert "(6 seed pairs)" in page.metric[2].label
    assert not page.button, "nothing is missing, so there is nothing to run"
    for part, charts in CHARTS.items():
        page = start(part=part)
        text = text_of(page)
        assert len(alts(page)) == 1 + charts, part
        assert all(len(alt) > 20 for alt in alts(page))
        if part == sections.CLAIMS:
            assert text.count("-badge[") >= 9, "a status a claim, and that of the chosen one"
        if part == sections.METHODS:
            assert all(f"**{title}**" in text for title in ("Data.", "Statistics.", "Software."))


def test_the_address_chooses_claim_and_measure_or_falls_back(
    complete: StudyPlan, queue: FakeQueue
) -> None:
    page = start(claim="C5")
    assert "**C5 · " in text_of(page)
    assert "Spread of horse on grass" in " ".join(alts(page))
    page = start(measure="The background can be read off (linear probe)")
    assert any(alt.startswith("The background can be read off") for alt in alts(page))
    for blocks in ("-3", "many"):
        page = start(
            study="../../etc", length="<script>", blocks=blocks, claim="C99", measure="' or 1=1"
        )
        assert not page.error


def test_runs_that_do_not_compare_are_refused(empty_home: Path, queue: FakeQueue) -> None:
    mixed = plans.find("class", Condition(steps=PRESETS["live"]), 6)
    publish(mixed.conditions[:6])
    publish(mixed.conditions[6:], device="cuda:0")
    page = start(length="live")
    assert "The runs differ in device (cpu, cuda)" in page.error[0].value
    assert [alt.startswith(FOREST) for alt in alts(page)] == [True], "and nothing of the study"


def test_a_damaged_run_is_set_aside(empty_home: Path, queue: FakeQueue) -> None:
    careful = plans.find("class", Condition(steps=PRESETS["careful"]), 6)
    damaged, *_ = publish(careful.conditions[:2])
    (damaged.path / "metrics.json").write_text("{}")
    assert "set aside" in start(length="careful").error[0].value


def test_downloads_are_made_from_the_runs_that_are_shown(
    complete: StudyPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "report_html", lambda found: f"report of {found.n_trained}")
    study = Study(complete, SCENES)
    assert sections.study_file(study, "runs.csv").startswith(b"key,data,")
    assert sections.study_file(study, "runs.parquet")[:4] == b"PAR1"
    assert b"difference.low" in sections.study_file(study, "comparisons.csv").splitlines()[0]
    assert sections.study_file(study, "report.html") == b"report of 36"


def test_files_of_published_studies_of_one_grid_have_names_of_their_own(
    published_alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []
    monkeypatch.setattr(
        sections.widgets, "download", lambda _label, _make, name, *_, **__: names.append(name)
    )
    for name in ("experiments", "classic/experiments"):
        sections.downloads(PublishedStudy(name, "scenes"))
    first, second = names[:4], names[4:]
    assert first[0] == "experiments-scenes-report.html"
    assert second[0] == "classic-experiments-scenes-report.html"
    assert not set(first) & set(second)
