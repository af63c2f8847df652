"""The worklist: order, filters, what the reader says, blind reading, and scoring of a folder beside the window."""

from __future__ import annotations

import csv
import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QAbstractItemView, QLabel, QLineEdit
from pytestqt.qtbot import QtBot

from cxrview.app.blinding import blinded, veiled
from cxrview.app.cases import Cases, case_of
from cxrview.app.controllers.worklist import Model, WorklistWork
from cxrview.app.state import AppState, NotScored
from cxrview.app.tasks import InlineRunner, ThreadRunner
from cxrview.app.views.worklist_panel import WorklistPanel
from cxrview.app.views.worklist_table import VEILED, WorklistModel
from cxrview.app.worklist import (
    Filter,
    Readings,
    ReadState,
    Running,
    SortBy,
    StatusFilter,
    Worklist,
    blindness_toggled,
    case_chosen,
    case_stepped,
    cases_came,
    cases_opened,
    current_case,
    figures,
    filter_chosen,
    is_veiled,
    next_unread,
    opinion_given,
    run_advanced,
    sort_chosen,
)
from cxrview.app.worklist_store import WorklistStore
from cxrview.batch.plan import Plan
from cxrview.batch.readings import Call, Opinion, append_opinion, export_readings, figures_of, load_opinions, readings_path
from cxrview.batch.row import LabelScore, ModelName, ScoreRow, Status, error_row
from cxrview.batch.run import Batch, Request
from cxrview.batch.table_read import Places, open_table
from cxrview.core.errors import DataError
from cxrview.core.image import ImageRef
from cxrview.engine.packages import load_package
from cxrview.io.places import places
from tests.app.samples import ENTRY

LABELS = ("normal", "pneumonia")
MODEL = ModelName("m", "1", "0" * 64)


def row(number: int, probability: float, *, flags: tuple[str, ...] = ()) -> ScoreRow:
    scores = (
        LabelScore("normal", 1 - probability, 0.0, is_positive=probability < 0.3),
        LabelScore("pneumonia", probability, 0.0, is_positive=probability >= 0.5),
    )
    top = "pneumonia" if probability >= 0.5 else "normal"
    return ScoreRow(f"film-{number}.png", 1, Status.OK, MODEL, flags=flags, top_label=top, scores=scores)


def worklist(rows: list[ScoreRow], source: Path | None = None) -> Worklist:
    cases = Cases(LABELS, tuple(case_of(each, LABELS, Path("/films") / each.path, "") for each in rows))
    return cases_opened(Worklist(), source, cases, Readings())


def opinion(call: Call, *, is_blind: bool = False, model: str = "finding", seconds: float = 5.0) -> Opinion:
    return Opinion(call, is_blind, model, "", seconds, "2026-01-01T00:00:00+00:00")


def names(state: Worklist) -> list[str]:
    return [state.cases.all[place].name for place in state.shown]


@pytest.fixture
def five() -> Worklist:
    broken = error_row(ImageRef(Path("film-4.png")), "broken", MODEL)
    return worklist([row(0, 0.2), row(1, 0.9), row(2, 0.6, flags=("child",)), row(3, 0.4), broken])


def test_cases_stand_in_the_order_of_urgency(five: Worklist) -> None:
    assert names(five) == ["film-1.png", "film-2.png", "film-4.png", "film-3.png", "film-0.png"]
    assert names(sort_chosen(five, SortBy.NAME, is_descending=False)) == [f"film-{number}.png" for number in range(5)]


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (Filter(label="pneumonia"), {1, 2}),
        (Filter(flag="child"), {2}),
        (Filter(status=StatusFilter.ERROR), {4}),
        (Filter(status=StatusFilter.NEGATIVE), {0, 3}),
        (Filter(text="FILM-3"), {3}),
        (Filter(reading=ReadState.UNREAD), {0, 1, 2, 3, 4}),
    ],
)
def test_a_filter_shows_what_it_names(five: Worklist, wanted: Filter, shown: set[int]) -> None:
    assert set(filter_chosen(five, wanted).shown) == shown


def test_scores_that_are_withheld_in_the_window_are_withheld_in_the_list(panel: WorklistPanel) -> None:
    lateral = replace(row(5, 0.99, flags=("looks_lateral",)), in_distribution=0.4)
    far = replace(row(6, 0.98), in_distribution=0.002)
    state = worklist([row(0, 0.2), lateral, row(1, 0.9), far], Path("/films/s.csv"))
    assert names(state) == ["film-1.png", "film-5.png", "film-6.png", "film-0.png"]  # nobody has looked at them
    assert set(filter_chosen(state, Filter(status=StatusFilter.WITHHELD)).shown) == {1, 3}
    assert set(filter_chosen(state, Filter(label="pneumonia")).shown) == {2}
    panel.render_state(case_chosen(state, 1), AppState())
    panel.show()
    model = panel.table.model()
    assert [str(model.index(1, column).data()) for column in (2, 3, 4)] == ["withheld", "", "this looks like a lateral view."]
    assert "0.9" not in str(model.index(1, 2).data(Qt.ItemDataRole.ToolTipRole))
    assert not panel.findChild(QAbstractButton, "worklistAgree").isVisible()  # there is nothing to agree with
    assert panel.findChild(QAbstractButton, "worklistFinding").isEnabled()
    said = opinion_given(opinion_given(state, state.cases.all[1].key, opinion(Call.FINDING)), state.cases.all[2].key, opinion(Call.FINDING))
    assert (figures(said).read, figures(said).sensitivity.n) == (2, 1)


def test_an_empty_list_says_why_and_what_to_do(panel: WorklistPanel, five: Worklist) -> None:
    words = panel.findChild(QLabel, "worklistEmpty")
    assert words is not None
    panel.render_state(Worklist(), AppState())
    assert words.text() == "Score a folder, or open a table that was scored before."
    panel.render_state(run_advanced(replace(Worklist(), source=Path("s.csv")), Running()), AppState())
    assert words.text() == "Cases appear here as they are scored."
    panel.render_state(filter_chosen(five, Filter(text="nothing is called that")), AppState())
    assert words.text() == "No case fits these filters."
    panel.render_state(five, AppState())
    assert words.text() == ""


def test_a_table_is_not_opened_into_the_cases_of_a_batch_that_runs(panel: WorklistPanel, five: Worklist, tmp_path: Path) -> None:
    store = WorklistStore(run_advanced(five, Running(1, 5)))
    work = WorklistWork(store, InlineRunner())
    work.open_table(tmp_path / "other.csv")
    assert names(store.state) == names(five)
    assert "under way" in store.state.notice
    panel.render_state(store.state, AppState())
    assert not panel.findChild(QAbstractButton, "worklistOpen").isEnabled()


def test_a_word_that_cannot_be_kept_does_not_end_the_scoring(five: Worklist, tmp_path: Path) -> None:
    (tmp_path / "gone.readings.jsonl").mkdir()
    store = WorklistStore(case_stepped(replace(five, source=tmp_path / "gone.csv", running=Running(1, 5)), 1))
    WorklistWork(store, InlineRunner()).say(Call.FINDING, "")
    assert store.state.running == Running(1, 5)
    assert store.state.notice


def test_scoring_tells_how_fast_it_goes_and_how_long_it_will(panel: WorklistPanel) -> None:
    told = panel.findChild(QLabel, "worklistTold")
    assert told is not None
    for running, wanted in (
        (Running(text="Opening the model…"), "Opening the model…"),
        (Running(10, 250, rate=12.0), "10 of 250 files scored, 12 a second, 20 s left"),
        (Running(0, 60_000, rate=10.0), "0 of 60,000 files scored, 10 a second, 1.7 h left"),
    ):
        panel.render_state(run_advanced(Worklist(), running), AppState())
        assert told.text() == wanted


def test_a_filter_begins_at_the_top_of_what_it_shows(panel: WorklistPanel) -> None:
    state = worklist([row(number, 0.5 if number < 200 else 0.1) for number in range(300)])
    panel.resize(900, 400)
    panel.show()
    panel.render_state(state, AppState())
    panel.table.verticalScrollBar().setValue(150)
    panel.render_state(filter_chosen(state, Filter(label="pneumonia")), AppState())
    assert panel.table.verticalScrollBar().value() == 0


def test_findings_stand_with_the_strongest_first(panel: WorklistPanel) -> None:
    both = (LabelScore("normal", 0.6, 0.0, is_positive=True), LabelScore("pneumonia", 0.9, 0.0, is_positive=True))
    panel.render_state(worklist([replace(row(0, 0.9), scores=both)]), AppState())
    assert str(panel.table.model().index(0, 4).data()) == "pneumonia 0.90, normal 0.60"


def test_flags_stand_in_the_words_of_the_window(panel: WorklistPanel) -> None:
    panel.render_state(worklist([row(0, 0.9, flags=("no_window", "of_another_version"))]), AppState())
    assert str(panel.table.model().index(0, 6).data()) == "no window in the file, of another version"


def test_steps_follow_the_order_and_stop_at_the_ends(five: Worklist) -> None:
    state = case_stepped(five, 1)
    assert (current_case(state) or five.cases.all[0]).name == "film-1.png"
    assert case_stepped(state, -1).current == state.current
    assert case_stepped(state, 99).current == five.shown[-1]
    assert case_stepped(Worklist(), 1).current == -1


def test_the_next_unread_case_comes_after_this_one_and_then_from_the_top(five: Worklist) -> None:
    state = case_chosen(five, five.shown[3])
    for place in five.shown[3:]:
        state = opinion_given(state, five.cases.all[place].key, opinion(Call.FINDING))
    assert next_unread(state).current == five.shown[0]
    for place in five.shown[:3]:
        state = opinion_given(state, five.cases.all[place].key, opinion(Call.FINDING))
    assert next_unread(state).current == state.current


def test_new_cases_are_sorted_in_and_the_chosen_one_stays(five: Worklist) -> None:
    state = cases_came(case_stepped(five, 1), [case_of(row(7, 0.99), LABELS, Path("/films/film-7.png"), "")])
    assert names(state)[0] == "film-7.png"
    assert (current_case(state) or five.cases.all[0]).name == "film-1.png"


def test_blind_reading_tells_nothing_before_the_reader_has_spoken(five: Worklist) -> None:
    state = blindness_toggled(filter_chosen(five, Filter(status=StatusFilter.POSITIVE)))
    assert len(state.shown) == 5  # what is left out would tell
    assert names(state) != names(five)
    assert names(state) == names(blindness_toggled(blindness_toggled(state)))
    model = WorklistModel()
    model.render_state(state, is_hiding_names=False)
    texts = {str(model.index(line, column).data()) for line in range(5) for column in (2, 3, 4, 5, 6)}
    assert texts == {VEILED, ""}
    assert "pneumonia" not in str(model.index(0, 1).data(Qt.ItemDataRole.ToolTipRole))
    first = state.cases.all[state.shown[0]]
    spoken = opinion_given(state, first.key, opinion(Call.FINDING, is_blind=True))
    assert not is_veiled(spoken, first)


def test_a_blinded_window_shows_no_answer(shown: AppState) -> None:
    state = blinded(shown, is_blinded=True)
    assert isinstance(veiled(state).reading, NotScored)
    assert veiled(state).outcomes.by_ref == {}
    assert veiled(blinded(state, is_blinded=False)) is not state


def test_reader_and_network_are_measured() -> None:
    cases = [
        (Call.FINDING, [opinion(Call.FINDING, is_blind=True, seconds=4), opinion(Call.FINDING)]),
        (Call.FINDING, [opinion(Call.NO_FINDING, is_blind=True, seconds=6), opinion(Call.FINDING)]),
        (Call.NO_FINDING, [opinion(Call.NO_FINDING, seconds=8)]),
        (Call.NO_FINDING, [opinion(Call.UNSURE, seconds=10_000)]),
        (Call.NO_FINDING, []),
    ]
    found = figures_of(cases)
    assert (found.read, found.unsure, found.agreed, found.blind, found.changed) == (4, 1, 3, 2, 1)
    assert found.kappa == 1.0
    assert (found.sensitivity.value, found.sensitivity.n) == (1.0, 1)
    assert found.specificity.value == 0.5  # the blind word counts, not the one after the network was seen
    assert found.median_s == 6.0
    assert math.isnan(figures_of([]).kappa)


def test_opinions_last_and_a_line_cut_short_is_left_out(tmp_path: Path) -> None:
    path = readings_path(tmp_path / "s.csv")
    append_opinion(path, "a.png", opinion(Call.FINDING, is_blind=True))
    append_opinion(path, "a.png", opinion(Call.NO_FINDING))
    append_opinion(path, "b.png", opinion(Call.UNSURE))
    with path.open("a") as stream:
        stream.write('{"case": "c.png", "ca')
    found = load_opinions(path)
    assert [each.call for each in found["a.png"]] == [Call.FINDING, Call.NO_FINDING]
    assert set(found) == {"a.png", "b.png"}
    assert export_readings(tmp_path / "r.csv", found, ["b.png", "a.png", "z.png"]) == 2
    with (tmp_path / "r.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(each["case"], each["call"], each["agrees"], each["first_call"], each["changes"]) for each in rows] == [
        ("b.png", "unsure", "", "unsure", "0"),
        ("a.png", "no finding", "0", "finding", "1"),
    ]
    path.write_text("nonsense\n{}\n")
    with pytest.raises(DataError, match="line 1"):
        load_opinions(path)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_table_is_read_back_as_it_was_scored(phantom_folder: Path, fake_model: Path, tmp_path: Path, suffix: str) -> None:
    plan = Plan(model=str(fake_model), engine="fake", workers=1, has_lungs=False)
    with Batch(Request((phantom_folder,), plan, tmp_path / f"s{suffix}"), load_package(fake_model)) as batch:
        batch.list_files()
        rows = [each for step in batch.steps() for each in step.rows]
        batch.finish()
    table = open_table(tmp_path / f"s{suffix}")
    found = {each.path: each for each in table.rows()}
    assert table.labels == tuple(label.id for label in load_package(fake_model).manifest.labels)
    for wanted in rows:
        again = found[wanted.path]
        assert (again.status, again.error, again.top_label, again.flags, again.view) == (
            wanted.status,
            wanted.error,
            wanted.top_label,
            wanted.flags,
            wanted.view,
        )
        assert [score.probability for score in again.scores] == pytest.approx([score.probability for score in wanted.scores], rel=1e-8)


def test_paths_of_a_table_lead_to_files_and_members(tmp_path: Path) -> None:
    (tmp_path / "odd!name.png").touch()
    (tmp_path / "a.zip").touch()
    places = Places(tmp_path / "s.csv")
    assert places.of("odd!name.png").path == tmp_path / "odd!name.png"
    assert (places.of("a.zip!m/n.dcm").path, places.of("a.zip!m/n.dcm").member) == (tmp_path / "a.zip", "m/n.dcm")
    (tmp_path / "s.run.json").write_text(json.dumps({"folder": "/elsewhere"}))
    assert Places(tmp_path / "s.csv").of("b.png").path == Path("/elsewhere/b.png")


def test_what_is_no_score_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    for name in ("t.csv", "t.xlsx", "gone.csv"):
        with pytest.raises(DataError):
            open_table(tmp_path / name)


def test_saying_goes_on_to_the_next_and_is_kept(five: Worklist, tmp_path: Path) -> None:
    clock = iter([0.0, 10.0, 25.0, 25.0, 60.0, 60.0])
    store = WorklistStore(replace(five, source=tmp_path / "s.csv"))
    work = WorklistWork(store, InlineRunner(), clock=lambda: next(clock))
    store.apply(case_stepped, 1)
    work.agree("clear")
    assert (current_case(store.state) or five.cases.all[0]).name == "film-2.png"
    work.disagree("")
    said = load_opinions(readings_path(tmp_path / "s.csv"))
    assert [(each.call, each.note, each.seconds) for each in said["/films/film-1.png"]] == [(Call.FINDING, "clear", 15.0)]
    assert said["/films/film-2.png"][0].call is Call.NO_FINDING
    assert figures(store.state).read == 2


def test_a_blind_word_stays_until_the_reader_has_seen_the_network(five: Worklist, tmp_path: Path) -> None:
    store = WorklistStore(replace(five, source=tmp_path / "s.csv"))
    work = WorklistWork(store, InlineRunner())
    store.apply(blindness_toggled)
    store.apply(case_stepped, 1)
    first = current_case(store.state)
    assert first is not None
    work.agree("")  # nothing to agree with yet
    assert store.state.readings.by_key == {}
    work.say(Call.NO_FINDING, "")
    assert current_case(store.state) is first
    work.say(Call.FINDING, "now I see it")
    assert current_case(store.state) is not first
    said = load_opinions(readings_path(tmp_path / "s.csv"))[first.key]
    assert [(each.call, each.is_blind) for each in said] == [(Call.NO_FINDING, True), (Call.FINDING, False)]


def test_a_folder_is_scored_beside_the_window(qtbot: QtBot, phantom_folder: Path, fake_model: Path, tmp_path: Path) -> None:
    store, runner = WorklistStore(Worklist()), ThreadRunner()
    work = WorklistWork(store, runner)
    work.run((phantom_folder,), tmp_path / "s.csv", Model(str(fake_model), "fake", "auto"))
    qtbot.waitUntil(lambda: store.state.running is None, timeout=60_000)
    runner.close()
    assert len(store.state.shown) == 5, store.state.notice
    assert (tmp_path / "s.csv").exists()
    assert store.state.notice == "4 images scored, 1 could not be. All are in s.csv."


def test_a_table_gives_its_report_again(qtbot: QtBot, phantom_folder: Path, fake_model: Path, tmp_path: Path) -> None:
    store, runner = WorklistStore(Worklist()), ThreadRunner()
    work = WorklistWork(store, runner)
    work.run((phantom_folder,), tmp_path / "s.csv", Model(str(fake_model), "fake", "auto"))
    qtbot.waitUntil(lambda: "All are in" in store.state.notice, timeout=60_000)
    work.report(tmp_path / "s.html")
    qtbot.waitUntil(lambda: "not installed" in store.state.notice, timeout=60_000)
    assert not (tmp_path / "s.html").exists()
    shutil.copytree(fake_model, places().models_dir / "fake")
    work.report(tmp_path / "s.html")
    qtbot.waitUntil(lambda: "The report is in s.html" in store.state.notice, timeout=60_000)
    runner.close()
    page = (tmp_path / "s.html").read_text(encoding="utf-8")
    assert "<b>4</b>images scored" in page
    assert "broken.dcm" in page
    assert "data:image/jpeg;base64," in page


@pytest.fixture
def panel(qtbot: QtBot) -> WorklistPanel:
    made = WorklistPanel()
    qtbot.addWidget(made)
    return made


def test_every_control_has_a_name(panel: WorklistPanel) -> None:
    for kind in (QAbstractButton, QLineEdit):
        for control in panel.findChildren(kind):
            if not isinstance(control.parent(), QLineEdit | QAbstractItemView) and not control.objectName().startswith("qt_"):
                assert control.objectName(), control
                assert control.accessibleName() or getattr(control, "text", str)(), control.objectName()


def test_the_panel_says_what_the_reader_does(qtbot: QtBot, panel: WorklistPanel, five: Worklist, tmp_path: Path) -> None:
    state = case_stepped(replace(five, source=tmp_path / "s.csv"), 1)
    panel.render_state(state, AppState())
    panel.show()
    note = panel.findChild(QLineEdit, "worklistNote")
    assert note is not None
    note.setText("scar")
    agree = panel.findChild(QAbstractButton, "worklistAgree")
    with qtbot.waitSignal(panel.agreed) as blocker:
        qtbot.mouseClick(agree, Qt.MouseButton.LeftButton)
    assert blocker.args == ["scar"]
    with qtbot.waitSignal(panel.filter_chosen) as blocker:
        qtbot.keyClicks(panel.findChild(QLineEdit, "worklistText"), "x")
    assert blocker.args == [Filter(text="x")]
    with qtbot.waitSignal(panel.case_chosen) as blocker:
        panel.table.selectRow(2)
    assert blocker.args == [state.shown[2]]
    panel.render_state(blindness_toggled(state), AppState())
    assert not agree.isVisible()
    with qtbot.waitSignal(panel.said) as blocker:
        qtbot.mouseClick(panel.findChild(QAbstractButton, "worklistNoFinding"), Qt.MouseButton.LeftButton)
    assert blocker.args[0] is Call.NO_FINDING


def test_names_are_hidden_where_names_are_hidden(panel: WorklistPanel, five: Worklist) -> None:
    panel.render_state(five, replace(AppState(), is_hiding_names=True))
    model = panel.table.model()
    texts = [
        str(model.index(line, 1).data(role)) for line in range(5) for role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole)
    ]
    assert not any("film" in text for text in texts)


def test_labels_are_called_by_their_names(panel: WorklistPanel, five: Worklist) -> None:
    named = cases_opened(five, None, Cases(LABELS, five.cases.all, ("Normal film", "Pneumonia, any")), Readings())
    panel.render_state(named, AppState())
    texts = {str(panel.table.model().index(0, column).data()) for column in (2, 4)}
    assert texts == {"Pneumonia, any", "Pneumonia, any 0.90"}
    assert five.cases.name_of(1) == "pneumonia"  # of a model that is not installed


def test_another_model_than_the_table_s_is_told(panel: WorklistPanel, five: Worklist, shown: AppState) -> None:
    told = panel.findChild(QLabel, "worklistTold")
    assert told is not None
    for model, wanted in ((f"{ENTRY.id} {ENTRY.version}", False), ("older 0.9", True)):
        panel.render_state(cases_opened(five, None, Cases(LABELS, five.cases.all, (), model), Readings()), shown)
        assert ("scored by older 0.9; the window reads with" in told.text()) is wanted


def test_cases_that_come_do_not_move_the_list_under_the_reader(panel: WorklistPanel) -> None:
    state = case_stepped(worklist([row(number, 0.5) for number in range(300)]), 1)
    panel.resize(900, 400)
    panel.show()
    panel.render_state(state, AppState())
    bar = panel.table.verticalScrollBar()
    bar.setValue(150)
    new = [case_of(row(number, 0.1), LABELS, Path(f"/films/late-{number}.png"), "") for number in range(20)]
    panel.render_state(cases_came(state, new), AppState())
    assert bar.value() == 150
    assert panel.table.currentIndex().row() == 0
    panel.render_state(case_stepped(cases_came(state, new), 1), AppState())
    assert bar.value() <= 1


def test_a_hundred_thousand_cases_ask_only_for_what_is_on_the_screen(qtbot: QtBot, panel: WorklistPanel) -> None:
    state = worklist([row(number, number % 1000 / 1000) for number in range(100_000)])
    panel.resize(1200, 400)
    panel.show()
    asked: list[int] = []
    model = panel.table.model()
    assert isinstance(model, WorklistModel)
    text = model._text

    def counted(*arguments: object) -> str:
        asked.append(1)
        result: str = text(*arguments)  # type: ignore[arg-type]
        return result

    model._text = counted  # type: ignore[method-assign]
    panel.render_state(state, AppState())
    qtbot.waitUntil(lambda: bool(asked))
    panel.render_state(case_stepped(state, 50_000), AppState())
    panel.table.viewport().repaint()
    assert len(asked) < 5_000
