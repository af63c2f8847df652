"""Folders go into the library, and the list follows what a person asks for; here the work runs at once or when it is told to."""

from __future__ import annotations

import csv
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from cxrview.app.browser import BrowserMode, Filters, Scope
from cxrview.app.browsing import (
    current_row,
    filters_chosen,
    mode_chosen,
    patient_folded,
    prior_shown,
    scope_chosen,
    sort_chosen,
    sort_turned,
    study_stepped,
    text_typed,
)
from cxrview.app.controllers.notes import Notes
from cxrview.app.controllers.pictures import Pictures
from cxrview.app.controllers.shelf import MOST_RESCUES, Shelf
from cxrview.app.controllers.studies import PAGE, Studies, prior_of
from cxrview.app.controllers.tables import COLUMNS, Tables
from cxrview.app.controllers.thumbnails import SIDE_PX, Thumbnails
from cxrview.app.privacy import names_toggled
from cxrview.app.row_texts import outcome_line
from cxrview.app.state import (
    AppState,
    Layout,
    LoadedPicture,
    ModelEntry,
    NoPicture,
    ReadyModel,
    UnreadablePicture,
    image_chosen,
    image_stepped,
)
from cxrview.app.store import Store
from cxrview.app.tasks import InlineRunner
from cxrview.core.image import ImageRef
from cxrview.library.index import index_paths
from cxrview.library.library import open_library
from cxrview.library.records import Query, Result, Score, Sort, View
from tests.app.samples import row_of
from tests.permissions import as_anybody


@dataclass
class Desk:
    """Store and controllers of the browser, without a window."""

    store: Store
    runner: InlineRunner
    shelf: Shelf
    studies: Studies
    notes: Notes
    thumbnails: Thumbnails
    tables: Tables
    pictures: Pictures

    @property
    def state(self) -> AppState:
        return self.store.state

    @property
    def names(self) -> list[str]:
        return [ref.path.stem for ref in self.state.listing.shown]


def made_desk(folder: Path) -> Desk:
    store, runner = Store(AppState()), InlineRunner()
    shelf = Shelf(store, runner, folder / "library.sqlite3")
    studies, pictures, thumbnails = Studies(store, shelf, folder / "phantoms"), Pictures(store, runner), Thumbnails(store, runner)
    notes = Notes(store, shelf, studies.take_stock)
    for controller in (studies, notes, thumbnails, pictures):
        store.changed.connect(controller.follow)
    return Desk(store, runner, shelf, studies, notes, thumbnails, Tables(store, shelf), pictures)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = made_desk(tmp_path / "data")
    made.shelf.open()
    yield made
    made.notes.close()
    made.shelf.close()


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Three patients: one with two studies of two and one images, two with one image; and a text."""
    made = tmp_path / "films"
    for number, name in enumerate(("p001/s1/a_pa.png", "p001/s1/b_lat.png", "p001/s2/c.png", "p002/s1/d.png", "p003/s1/e.png")):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(made / name), np.random.default_rng(number).integers(0, 255, (96, 80)).astype(np.uint8))
    (made / "notes.txt").write_text("nothing to see")
    return made


def library_of(desk: Desk) -> object:
    assert desk.shelf.library is not None
    return desk.shelf.library


def reads(desk: Desk, reader: str) -> None:
    """Let a model run whose answers are kept under this name."""
    entry = ModelEntry("demo", "Demo", "1", Path("demo"))
    desk.store.apply(lambda state: replace(state, model=ReadyModel(entry, "onnx", "cpu", reader=reader)))


def score(desk: Desk, name: str, label: str, probability: float, *flags: str, reader: str = "m") -> None:
    """Save an answer for the image with this name."""
    library = desk.shelf.library
    assert library is not None
    ref = next(ref for ref in desk.state.listing.shown if ref.path.stem == name)
    image = library.image_of(ref)
    assert image is not None
    library.save_result(image.id, Result(name, reader, "demo", "1", "onnx", "cpu", (Score(label, 0.0, probability, 0.5),), flags))


# Opening.


def test_the_first_image_is_shown_before_the_folder_is_read_to_its_end(desk: Desk, films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxrview.library.index.BATCH", 2)
    seen: list[tuple[str, int]] = []
    desk.store.changed.connect(lambda state: seen.append((state.searching, len(state.listing.shown))) if state.current else None)
    desk.studies.open_paths([films])
    assert seen[0] == ("films", 2)
    assert isinstance(desk.state.picture, LoadedPicture)
    assert desk.names == ["a_pa", "b_lat", "c", "d", "e"]
    assert (desk.state.searching, desk.state.browser.indexing, desk.state.browser.others) == ("", None, 1)


def test_a_folder_that_is_known_is_listed_at_once(desk: Desk, films: Path) -> None:
    desk.studies.open_paths([films])
    desk.store.apply(image_stepped, 3)
    desk.runner.is_holding = True
    desk.studies.open_paths([films])
    desk.runner.run_held("list opened")
    assert desk.state.searching == "films"
    assert desk.state.current == desk.state.listing.shown[0]
    desk.runner.run_held()
    assert desk.state.searching == ""
    assert len(desk.names) == 5


def test_only_what_was_opened_is_listed_and_all_of_the_library_on_request(desk: Desk, films: Path) -> None:
    desk.studies.open_paths([films / "p002"])
    assert desk.names == ["d"]
    desk.studies.open_paths([films / "p001" / "s2" / "c.png", films / "p003"])
    assert desk.names == ["c", "e"]
    assert desk.state.browser.scope.title == "2 files and folders"
    desk.store.apply(scope_chosen, Scope())
    assert desk.names == ["d", "c", "e"]
    desk.studies.open_paths([films / "p003"])
    desk.studies.open_all()
    assert desk.names == ["d", "c", "e"]
    assert desk.state.current == desk.state.listing.shown[0]


def test_another_folder_comes_first_and_the_one_before_goes_on(desk: Desk, films: Path) -> None:
    desk.runner.is_holding = True
    desk.studies.open_paths([films / "p001"])
    desk.studies.open_paths([films / "p002"])
    desk.runner.run_held()
    assert desk.names == ["d"]
    assert desk.state.browser.stock.images == 4
    assert desk.state.searching == ""


def test_looking_can_be_stopped_and_what_was_found_stays(desk: Desk, films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxrview.library.index.BATCH", 2)
    desk.store.changed.connect(lambda state: desk.studies.cancel() if len(state.listing.shown) == 2 and state.searching else None)
    desk.studies.open_paths([films])
    assert desk.state.searching == ""
    assert desk.state.browser.indexing is None


def test_files_that_were_asked_for_before_the_library_is_open_are_not_forgotten(tmp_path: Path, films: Path) -> None:
    desk = made_desk(tmp_path / "data")
    desk.studies.open_paths([films])
    assert isinstance(desk.state.picture, NoPicture)
    desk.shelf.open()
    assert len(desk.names) == 5
    desk.shelf.close()


def test_a_disc_is_listed_with_the_files_that_its_directory_names(desk: Desk, shared: Path, tmp_path: Path) -> None:
    import pydicom.data

    disc = Path(str(pydicom.data.get_testdata_file("DICOMDIR")))
    if not disc.is_file():
        pytest.skip("pydicom's own samples are not installed")
    desk.studies.open_paths([disc])
    assert desk.names


# Narrowing, sorting, paging.


def test_the_list_knows_only_what_the_chosen_model_said(desk: Desk, films: Path) -> None:
    desk.studies.open_paths([films])
    score(desk, "c", "tb", 0.3, reader="first")
    score(desk, "c", "covid", 0.8, "child", reader="second")
    score(desk, "d", "tb", 0.9, reader="first")
    reads(desk, "first")
    desk.store.apply(mode_chosen, BrowserMode.PICTURES)
    desk.store.apply(sort_chosen, Sort.SCORE)
    desk.studies.show(range(5))
    assert desk.names[:2] == ["d", "c"]
    rows = {row.ref.path.stem: row for row in desk.state.browser.rows.by_id.values()}
    assert (rows["c"].top_label, rows["c"].top_score, rows["c"].flags) == ("tb", 0.3, ())
    assert desk.state.browser.stock.choices.labels == ("tb",)
    assert desk.state.browser.stock.choices.flags == ()
    desk.store.apply(filters_chosen, Filters(flag="child"))
    assert desk.names == []
    reads(desk, "second")
    assert desk.names == ["c"]
    desk.store.apply(filters_chosen, Filters())
    rows = {row.ref.path.stem: row for row in desk.state.browser.rows.by_id.values()}
    assert (rows["c"].top_label, rows["c"].top_score, rows["c"].flags) == ("covid", 0.8, ("child",))
    assert (rows["d"].top_label, rows["d"].top_score) == ("", None)
    reads(desk, "third")
    assert outcome_line(desk.state, desk.state.browser.rows.by_id[rows["c"].id])[0] == "not scored"
    desk.notes.star((rows["c"].id,), True)
    assert desk.state.browser.rows.by_id[rows["c"].id].top_score is None


def test_the_list_is_searched_narrowed_and_sorted(desk: Desk, films: Path) -> None:
    reads(desk, "m")
    desk.studies.open_paths([films])
    score(desk, "d", "tb", 0.9, "child")
    score(desk, "b_lat", "tb", 0.4)
    score(desk, "c", "normal", 0.7)
    desk.store.apply(text_typed, "p001")
    assert desk.names == ["a_pa", "b_lat", "c"]
    desk.store.apply(filters_chosen, Filters(view=View.LATERAL))
    assert desk.names == ["b_lat"]
    desk.store.apply(filters_chosen, Filters(label="tb", least_score=0.5))
    assert desk.names == ["d"]
    desk.store.apply(filters_chosen, Filters(flag="child"))
    assert desk.names == ["d"]
    desk.store.apply(filters_chosen, Filters(is_read=True))
    assert desk.names == ["a_pa"]
    desk.store.apply(filters_chosen, Filters())
    desk.store.apply(mode_chosen, BrowserMode.PICTURES)
    desk.store.apply(sort_chosen, Sort.SCORE)
    assert desk.names[:3] == ["d", "c", "b_lat"]
    desk.store.apply(sort_turned)
    assert desk.names[-3:] == ["b_lat", "c", "d"]
    desk.studies.take_stock()
    assert desk.state.browser.stock.choices.labels == ("normal", "tb")


def test_the_keys_walk_the_list_as_it_is_narrowed_and_ordered(desk: Desk, films: Path) -> None:
    desk.studies.open_paths([films])
    desk.store.apply(sort_chosen, Sort.NAME)
    desk.store.apply(sort_turned)
    desk.store.apply(text_typed, "p001")
    walked = []
    for _step in range(3):
        desk.store.apply(image_stepped, 1)
        assert desk.state.current is not None
        walked.append(desk.state.current.path.stem)
    assert desk.names == ["c", "b_lat", "a_pa"]
    assert walked == ["a_pa", "a_pa", "a_pa"]
    desk.store.apply(image_stepped, -99)
    assert desk.state.current == desk.state.listing.shown[0]


def test_studies_are_stepped_through(desk: Desk, films: Path) -> None:
    desk.studies.open_paths([films])
    walked = []
    for step in (1, 1, 1, 1, -1, -1, -1, -1):
        desk.store.apply(study_stepped, step)
        assert desk.state.current is not None
        walked.append(desk.state.current.path.stem)
    assert walked == ["c", "d", "e", "e", "d", "c", "a_pa", "a_pa"]


def test_the_patient_of_the_chosen_image_is_unfolded_until_a_person_folds_it(desk: Desk, films: Path) -> None:
    desk.studies.open_paths([films])
    group = desk.state.listing.groups[0]
    assert desk.state.browser.unfolded == {group.patient}
    desk.store.apply(patient_folded, group.patient)
    assert desk.state.browser.unfolded == frozenset()
    desk.store.apply(image_stepped, 1)
    assert desk.state.browser.unfolded == {group.patient}


def test_rows_come_by_the_page_and_once(desk: Desk, films: Path) -> None:
    desk.studies.open_paths([films])
    count = desk.runner.started.count("library:rows 0")
    desk.studies.show((3, 4, 99))
    assert desk.runner.started.count("library:rows 0") == count + 1
    assert [desk.state.browser.rows.by_id[each].ref for each in desk.state.listing.ids] == list(desk.state.listing.shown)
    desk.studies.show((3, 4))
    assert desk.runner.started.count("library:rows 0") == count + 1
    assert PAGE > 5


def test_thumbnails_are_small_and_none_where_a_file_cannot_be_read(desk: Desk, films: Path) -> None:
    cv2.imwrite(str(films / "p002" / "large.png"), np.full((900, 600), 128, np.uint8))
    (films / "p003" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    desk.studies.open_paths([films])
    places = tuple(range(len(desk.names)))
    desk.thumbnails.show(places)
    made = dict(zip(desk.names, (desk.state.browser.thumbnails.by_id[each] for each in desk.state.listing.ids), strict=True))
    assert made["broken"] is None
    assert made["large"] is not None
    assert max(made["large"].shape) == SIDE_PX
    assert made["e"] is not None
    count = len(desk.runner.started)
    desk.thumbnails.show(places)
    assert len(desk.runner.started) == count


# What a person does with images.


def test_a_prior_is_of_another_study_and_side_before_it_is_anything_else() -> None:
    def image(number: int, study: int, taken: str, view: View = View.PA, **about: object) -> object:
        return row_of(number, ImageRef(Path(f"{number}.dcm")), study=study, taken=taken, view=view, **about)

    shown = image(1, 1, "20240301")
    same, lateral, older, newest = (
        image(2, 1, "20240301"),
        image(3, 2, "20240201", View.LATERAL),
        image(4, 3, "20230101"),
        image(5, 4, "20240215"),
    )
    later, gone = image(6, 5, "20250101"), image(7, 6, "20240220", is_missing=True)
    others = [later, same, gone, newest, lateral, older]
    walked: list[str] = []
    beside = None
    for _press in range(6):
        beside = prior_of(shown, others, beside)  # type: ignore[arg-type]
        assert beside is not None
        walked.append(beside.path.stem)
    assert walked == ["5", "4", "6", "3", "2", "5"]
    assert prior_of(shown, [gone]) is None  # type: ignore[arg-type, list-item]


def test_a_prior_is_shown_beside_the_chosen_image_and_its_absence_is_said(desk: Desk, films: Path) -> None:
    desk.studies.open_paths([films])
    desk.studies.show((0,))
    desk.studies.show_prior()
    assert desk.state.grid.layout is Layout.SIDE_BY_SIDE
    assert [cell.current.path.stem for cell in desk.state.grid.cells if cell.current] == ["a_pa", "c"]
    assert isinstance(desk.state.grid.cells[1].picture, LoadedPicture)
    desk.studies.show_prior()
    assert desk.state.grid.cells[1].current == desk.state.listing.shown[1]
    desk.store.apply(image_chosen, desk.state.listing.shown[4])
    desk.studies.show_prior()
    assert desk.state.notice == "The library holds no other image of this patient."
    assert prior_shown(desk.state, desk.state.listing.shown[0]).current == desk.state.current


def test_forgotten_images_leave_the_list_and_their_files_stay(desk: Desk, films: Path) -> None:
    desk.studies.open_paths([films])
    desk.studies.forget(desk.state.listing.ids[3:])
    assert desk.names == ["a_pa", "b_lat", "c"]
    assert desk.state.notice == "2 images were forgotten; the files stay where they are."
    assert (films / "p002" / "s1" / "d.png").is_file()


def test_a_missing_file_is_told_and_comes_back(desk: Desk, films: Path) -> None:
    desk.studies.open_paths([films])
    away = films.parent / "d.png"
    shutil.move(films / "p002" / "s1" / "d.png", away)
    desk.studies.look_again()
    assert desk.state.browser.stock.missing == 1
    desk.store.apply(filters_chosen, Filters(is_missing=True))
    desk.studies.show((0,))
    assert desk.state.browser.rows.by_id[desk.state.listing.ids[0]].is_missing
    desk.store.apply(image_chosen, desk.state.listing.shown[0])
    shutil.move(away, films / "p002" / "s1" / "d.png")
    desk.studies.look_again()
    assert desk.names == []


def test_the_list_is_saved_as_it_is_seen_and_without_names_while_they_are_hidden(desk: Desk, films: Path, tmp_path: Path) -> None:
    reads(desk, "m")
    desk.studies.open_paths([films])
    score(desk, "d", "tb", 0.9)
    desk.store.apply(text_typed, "s1")
    desk.notes.write(desk.state.listing.ids[0], "=look(here)")
    desk.tables.save(tmp_path / "list")
    with (tmp_path / "list.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == COLUMNS
    assert [Path(row["file"]).stem for row in rows] == ["a_pa", "b_lat", "d", "e"]
    assert (rows[2]["top_label"], rows[2]["top_score"], rows[1]["view"], rows[0]["note"]) == ("tb", "0.900000", "lateral", "'=look(here)")
    assert [row["model"] for row in rows] == ["", "", "demo 1", ""]
    assert "4 rows were saved" in desk.state.notice
    desk.store.apply(names_toggled)
    desk.tables.save(tmp_path / "hidden.csv")
    assert "p001" not in (tmp_path / "hidden.csv").read_text(encoding="utf-8-sig")
    blocked = tmp_path / "file"
    blocked.write_text("")
    desk.tables.save(blocked / "list.csv")
    assert "cannot be saved" in desk.state.notice


# Faults: each gives one sentence, nothing is lost.


def test_unreadable_files_are_listed_with_their_reasons(desk: Desk, films: Path) -> None:
    (films / "p003" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    (films / "cd.zip").write_bytes(b"PK\x03\x04 broken")
    desk.studies.open_paths([films])
    told: list[object] = []
    desk.store.apply(image_chosen, next(ref for ref in desk.state.listing.shown if ref.path.stem == "broken"))
    desk.studies.list_problems(told.extend)
    assert {problem.path.name for problem in told} >= {"broken.png", "cd.zip"}  # type: ignore[attr-defined]
    assert all(problem.reason for problem in told)  # type: ignore[attr-defined]
    assert "could not be opened: cd.zip" in desk.state.notice
    assert (desk.state.browser.stock.unreadable, len(desk.state.browser.stock.problems)) == (1, 1)
    desk.studies.open_paths([films / "p001"])
    assert (desk.state.browser.stock.unreadable, desk.state.browser.stock.problems) == (0, ())


def test_a_damaged_library_is_rebuilt_while_the_program_runs_and_notes_are_kept(desk: Desk, films: Path) -> None:
    desk.studies.open_paths([films])
    desk.notes.write(desk.state.listing.ids[0], "keep me")
    library = desk.shelf.library
    assert library is not None
    with library.database.writing() as connection:
        connection.execute("DROP TABLE words")
    desk.store.apply(text_typed, "p001")
    assert "damaged" in desk.state.notice
    assert list(library.path.parent.glob("library-damaged-*.sqlite3"))
    assert desk.names == ["a_pa", "b_lat", "c"]
    desk.studies.show((0,))
    row = current_row(desk.state)
    assert row is not None
    assert row.note == "keep me"
    assert MOST_RESCUES > 1


def test_a_damaged_library_found_at_the_start_is_rebuilt_with_a_sentence(tmp_path: Path, films: Path) -> None:
    path = tmp_path / "data" / "library.sqlite3"
    first = open_library(path)
    index_paths(first, [films])
    first.close()
    path.write_bytes(b"no database" * 500)
    desk = made_desk(tmp_path / "data")
    desk.shelf.open()
    assert "library" in desk.state.notice.lower()
    desk.studies.open_paths([films])
    assert len(desk.names) == 5
    desk.shelf.close()


def test_without_a_library_pictures_can_be_looked_at_and_a_sentence_says_what_is_not_kept(tmp_path: Path, films: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    desk = made_desk(tmp_path / "data")
    desk.shelf.open()
    assert "nothing that you write is kept" in desk.state.notice
    desk.studies.open_paths([films])
    assert len(desk.names) == 5
    desk.shelf.close()


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are POSIX's")
def test_what_may_not_be_read_is_told_and_the_rest_is_listed(desk: Desk, films: Path) -> None:
    shut = films / "p003" / "s1" / "e.png"
    (films / "p002").chmod(0)
    shut.chmod(0)
    try:
        with as_anybody():
            desk.studies.open_paths([films])
            desk.store.apply(image_chosen, ImageRef(shut))
    finally:
        (films / "p002").chmod(0o755)
        shut.chmod(0o644)
    assert desk.names == ["a_pa", "b_lat", "c", "e"]
    assert "p002" in desk.state.notice
    assert isinstance(desk.state.picture, UnreadablePicture)
    assert "ermission" in desk.state.picture.reason
    row = current_row(desk.state)
    assert row is not None
    assert row.reason


def test_a_folder_that_vanishes_while_it_is_read_costs_its_images_and_nothing_else(
    desk: Desk, films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cxrview.library.index.BATCH", 2)
    desk.store.changed.connect(lambda state: shutil.rmtree(films, ignore_errors=True) if state.listing.shown and films.exists() else None)
    desk.studies.open_paths([films])
    assert desk.state.searching == ""
    assert desk.state.notice
    assert 2 <= len(desk.names) <= 5
    desk.studies.look_again()
    assert desk.state.browser.stock.missing == len(desk.names)


def test_a_full_disk_is_said_in_one_sentence_and_what_was_kept_stays(
    desk: Desk, films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.studies.open_paths([films / "p001"])
    library = desk.shelf.library
    assert library is not None
    with library.database.reading() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
    many = tmp_path / "many"
    many.mkdir()
    for number in range(60):
        cv2.imwrite(str(many / f"{'long name ' * 15}{number}.png"), np.zeros((4, 4), np.uint8))
    desk.studies.open_paths([many])
    assert desk.state.notice.startswith("The disk is full")
    assert desk.state.searching == ""
    assert library.count(Query(below=(films,))) == 3
    assert isinstance(sqlite3.OperationalError(), sqlite3.Error)
