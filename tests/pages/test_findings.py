"""Findings: the published answer, and studies of this server: empty, in part, complete, refused."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from tests.api.published import publish
from vlcore.data.catalogue import open_set
from vlcore.data.importers import import_set
from vlcore.data.subset import usual_condition
from vlcore.experiment.condition import Condition
from vlcore.experiment.grouping import SCENES
from vlcore.experiment.options import PRESETS, TOWERS
from vlcore.experiment.wording import difference, percent
from vlcore.jobs.jobs import State
from vlcore.plots.theme import PHONE_SIDE
from vlcore.study import plans, registry, report
from vlcore.study.answer_file import published_answer
from vlcore.study.answer_words import FIGURE, QUESTION, set_words
from vlcore.study.plans import StudyPlan
from vlcore.study.results import Study
from vlcore.web.findings import answer, documents, sections

from .app import FakeQueue, alts, opened, pets, press, text_of

DOCUMENTS = "Full results and methods"
PUBLISHED = 2  # charts of the published answer: in points, and in log odds
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


@pytest.fixture
def results_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of published results of a test's own, without a file."""
    folder = tmp_path / "results"
    folder.mkdir()
    for module in (answer, documents):
        monkeypatch.setattr(module, "FOLDER", folder)
    return folder


def table_of(page: AppTest, column: str) -> pd.DataFrame:
    return next(table.value for table in page.dataframe if column in table.value)


def test_the_first_screen_has_the_answer_of_the_file(
    empty_home: Path, changed_answer: Path, queue: FakeQueue
) -> None:
    page = opened("5_Findings")
    assert not page.error
    assert not page.warning
    published = published_answer()
    text = text_of(page)
    assert QUESTION in text
    assert "lowered accuracy on rare images by 12.3 points on `scenes`" in text
    scenes = published.contrasts["scenes.background"]
    accuracies = f"| {percent(0.4321)} | {percent(0.1234)} |".replace("\u00a0", " ")
    assert f"{accuracies} -12.3 (-13.4 to -11.2) | 777 |" in text
    assert scenes.pairs == 777
    assert "Limits: Everything is odd." in text
    points, log_odds = alts(page)[:2]
    for contrasts in FIGURE.values():
        for row, name in contrasts.items():
            for data in published.sets:
                if contrast := published.contrasts.get(f"{data}.{name}"):
                    value, low, high = contrast.points
                    ends = {"value": value, "low": low, "high": high}
                    numbers = f"{difference(ends, 1)} points"
                    assert f"{row}, {set_words(data)}: {numbers}" in points
                    assert f"{contrast.log_odds[0]:+.2f} (" in log_odds


def test_each_claim_has_one_verdict_per_image_set_with_its_number(
    empty_home: Path, changed_answer: Path, queue: FakeQueue
) -> None:
    page = opened("5_Findings")
    published = published_answer()
    sets = list(dict.fromkeys(claim.set for claim in published.claims))
    [table] = [part.value for part in page.markdown if part.value.startswith("| Claim |")]
    rows = [line for line in table.splitlines() if "-badge[" in line]
    assert len(rows) == len({claim.id for claim in published.claims}) == 8
    for row in rows:
        text, *verdicts = [cell.strip() for cell in row.strip("|").split("|")]
        told = [claim for claim in published.claims if claim.text == text]
        assert [claim.set for claim in told] == sets
        assert [verdict.rpartition(": ")[2] for verdict in verdicts] == [
            f"{claim.verdict}]" for claim in told
        ]
    assert ":gray-badge[:material/remove: not tested]" in table
    reasons = table_of(page, "Because")
    assert reasons["Because"].tolist() == [claim.sentence for claim in published.claims]


def test_verdicts_and_numbers_are_lines_on_a_phone(
    empty_home: Path, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vlcore.web.shell.is_narrow", lambda: True)
    text = text_of(opened("5_Findings"))
    assert "| Claim |" not in text
    assert "| Short captions |" not in text
    published = published_answer()
    for contrast in (published.contrasts[f"{data}.background"] for data in published.sets):
        assert contrast.in_points in text
    assert text.count("-badge[") == len(published.claims)


@pytest.mark.parametrize("state", ["missing", "damaged"])
def test_without_the_answer_one_sentence_is_in_its_place_and_the_rest_works(
    empty_home: Path, changed_answer: Path, queue: FakeQueue, state: str
) -> None:
    if state == "missing":
        changed_answer.unlink()
    else:
        changed_answer.write_text('{"version": "0.6.0"', encoding="utf-8")
    page = opened("5_Findings")
    [warning] = page.warning
    assert "missing or damaged" in warning.value
    assert not page.error
    assert not alts(page)
    assert [box.label for box in page.expander][:2] == ["Every comparison", DOCUMENTS]
    press(page, "Run this study")
    assert queue.asked


def test_every_comparison_is_found_by_words_of_any_column(
    empty_home: Path, results_folder: Path, queue: FakeQueue
) -> None:
    page = opened("5_Findings")
    assert "The file comparisons.csv is not installed" in text_of(page)
    header = (
        "study,set,bias,variant,baseline,images,readout,pairs,points,points_low,points_high,"
        "log_odds,log_odds_low,log_odds_high,p"
    )
    rows = [
        "paper,scenes,0.75,descriptive,short,rare,captions,140,-5.3,-6.4,-4.2,-.2,-.3,-.1,.001",
        "size,renders,0.75,sky (a+b),short,rare,balanced probe,20,-9.6,-14,-4,-.4,-.6,-.2,.01",
    ]
    (results_folder / "comparisons.csv").write_text("\n".join([header, *rows]), encoding="utf-8")
    page = opened("5_Findings")
    table = table_of(page, "points_low")
    assert list(table.columns) == header.split(",")
    assert table["points"].tolist() == [-5.3, -9.6]
    for wanted, found in {"RENDERS probe": ["size"], "(a+b": ["size"], "nothing": []}.items():
        page.text_input(key="comparison").set_value(wanted).run()
        assert not page.exception
        assert table_of(page, "points_low")["study"].tolist() == found
        assert f"{len(found)} of 2 comparisons" in text_of(page)
    (results_folder / "comparisons.csv").write_text("", encoding="utf-8")
    assert "comparisons.csv cannot be read" in text_of(opened("5_Findings"))


def test_files_behind_the_answer_are_offered_if_they_are_installed(
    empty_home: Path, results_folder: Path, queue: FakeQueue
) -> None:
    def offered() -> list[str]:
        return [button.proto.label for button in opened("5_Findings").get("download_button")]

    assert offered() == ["The answer, JSON"]
    for name in ("comparisons.csv", "runs.parquet", "plans.zip"):
        (results_folder / name).write_bytes(b"set\nscenes")
    files = ["Every comparison, CSV", "All runs, parquet", "Plans, zip"]
    assert offered() == ["The answer, JSON", *files]


def test_pages_of_results_are_read_with_their_figures(
    empty_home: Path, results_folder: Path, queue: FakeQueue
) -> None:
    assert DOCUMENTS not in [box.label for box in opened("5_Findings").expander]
    Image.new("RGB", (4, 4)).save(results_folder / "answer.png")
    (results_folder / "README.md").write_text(
        "# Results\n\nSee [details](details.md).\n\n![the figure](answer.png)\n\nAfter it.",
        encoding="utf-8",
    )
    (results_folder / "details.md").write_text("# Details\n\nFive tables.", encoding="utf-8")
    for name, words in {"Results": "See details.", "Details": "Five tables."}.items():
        page = opened("5_Findings", document=name)
        [box] = [box for box in page.expander if box.label == DOCUMENTS]
        assert box.proto.expanded, "a link to a page shows it"
        shown = " ".join(part.value for part in box.markdown)
        assert words in shown
        assert "](" not in shown
        images = [image.proto.imgs[0].alt for image in box.get("image")]
        assert images == (["the figure"] if name == "Results" else [])


def test_an_own_set_is_told_that_the_answer_is_not_about_it(
    empty_home: Path, tmp_path: Path, queue: FakeQueue
) -> None:
    import_set(pets(tmp_path / "pets"), "pets")
    page = opened("5_Findings", data="pets")
    [told] = [info.value for info in page.info if "These results are for" in info.value]
    assert told.startswith("These results are for scenes")
    assert ", not for pets." in told
    page.selectbox(key="data").set_value("scenes").run()
    assert not page.exception
    assert not [info for info in page.info if "These results are for" in info.value]


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
    assert len(alts(start())) == PUBLISHED + CHARTS[sections.ANSWER], "the run that is there"
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
        assert len(alts(page)) == PUBLISHED + charts, part
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
    assert len(alts(page)) == PUBLISHED, "and nothing of the study"


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
