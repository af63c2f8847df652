"""The file: shared between threads and processes, refused in a sentence, migrated, and rescued when it is broken."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from cxrview.core.errors import LibraryDamaged, LibraryError
from cxrview.library.index import write_entries
from cxrview.library.library import Library, open_library
from cxrview.library.records import Annotation, Query
from cxrview.library.schema import MIGRATIONS, migrate, version_of
from cxrview.library.words import WORDS_OF_IMAGES
from tests.library.rows import entry, names, put, result

ROOT = Path(__file__).parents[2]
NOON = dt.datetime(2026, 1, 2, 12, 0, 0)
NOBODY = 65534


@pytest.fixture
def filled(tmp_path: Path) -> tuple[Path, tuple[int, ...]]:
    """A closed index of 3,000 images, each with a note, every third with a star and annotations; gives its file and the ids."""
    path = tmp_path / "library.sqlite3"
    library = open_library(path)
    write_entries(library, [entry(f"{number:04}.dcm", patient_key=f"id:{number // 2}") for number in range(3000)])
    ids = library.find(Query())
    with library.database.writing() as connection:
        connection.executemany("UPDATE image SET note = ? WHERE id = ?", [(f"note {each}", each) for each in ids])
        connection.execute(WORDS_OF_IMAGES)
        connection.executemany(
            "INSERT INTO annotation (image, version, document) VALUES (?, 1, ?)", [(each, f'{{"of": {each}}}') for each in ids[::3]]
        )
    library.set_starred(ids[::3], is_starred=True)
    library.save_result(ids[0], result(covid19=0.9))
    library.close()
    return path, ids


def damage(path: Path, start: float, end: float) -> None:
    """Overwrite a part of a file, in fractions of its size."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(int(size * start))
        file.write(b"\xa5" * int(size * (end - start)))


WRITE = """
import sys
from pathlib import Path
from cxrview.library.library import open_library
library = open_library(Path(sys.argv[1]))
for number in range(25):
    library.set_note(int(sys.argv[2]), f"child {number}")
library.close()
"""


def test_two_processes_write_at_the_same_time(tmp_path: Path) -> None:
    library = open_library(tmp_path / "l.sqlite3")
    ids = put(library, ours={}, theirs={})
    child = subprocess.Popen([sys.executable, "-c", WRITE, str(library.path), str(ids["theirs"])], cwd=ROOT)
    number = 0
    while child.poll() is None and number < 200:  # SQLite is not fair: whoever never lets go starves the other
        library.set_note(ids["ours"], f"parent {number}")
        number += 1
    assert child.wait(60) == 0
    assert [image.note for image in library.images([ids["ours"], ids["theirs"]])] == [f"parent {number - 1}", "child 24"]
    library.close()


def test_a_library_that_another_program_does_not_let_go_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxrview.library.database.BUSY_SECONDS", 0.05)
    ours, theirs = open_library(tmp_path / "l.sqlite3"), open_library(tmp_path / "l.sqlite3")
    ids = put(ours, film={})
    with theirs.database.writing(), pytest.raises(LibraryError, match="Another program holds the library"):
        ours.set_note(ids["film"], "never")
    assert ours.find(Query()) == (ids["film"],)
    for each in (ours, theirs):
        each.close()


def test_an_old_sqlite_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 26, 0))
    with pytest.raises(LibraryError, match=r"too old for the library; 3\.35"):
        open_library(tmp_path / "l.sqlite3")


def test_threads_read_and_write_one_library(library: Library) -> None:
    ids = put(library, film={})

    def write(number: int) -> None:
        write_entries(library, [entry(f"{number}-{each}.dcm") for each in range(20)])
        library.set_starred([ids["film"]], is_starred=True)

    def read(_: int) -> int:
        return len(library.images(library.find(Query(text="dcm"))))

    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(write, number) for number in range(8)]
        reading = [pool.submit(read, number) for number in range(20)]
        assert all((future.result() - 1) % 20 == 0 for future in reading)
        for future in writing:
            future.result()
    assert library.count(Query()) == 161


def test_a_failure_in_the_middle_of_writing_keeps_nothing(library: Library) -> None:
    ids = put(library, film={})
    with contextlib.suppress(KeyError), library.database.writing() as connection:
        connection.execute("UPDATE image SET note = 'half' WHERE id = ?", (ids["film"],))
        raise KeyError
    assert library.images([ids["film"]])[0].note == ""


def test_a_closed_library_says_so(library: Library) -> None:
    library.close()
    with pytest.raises(LibraryError, match="is closed"):
        library.find(Query())


def test_a_full_disk_is_one_sentence_and_what_was_kept_stays(library: Library) -> None:
    ids = put(library, film={})
    library.set_note(ids["film"], "kept")
    with library.database.reading() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")  # what SQLite says then is what it says of a full disk
    with pytest.raises(LibraryError, match="The disk is full") as caught:
        write_entries(library, [entry(f"{number}.dcm") for number in range(2000)])
    assert (caught.value.subject, bool(caught.value.hint)) == (str(library.path), True)
    assert names(library, Query(text="kept")) == ["film"]
    library.set_starred([ids["film"]], is_starred=True)


@pytest.fixture
def locked_folder() -> Iterator[Path]:
    """A folder that may be read and not written, even for root, who becomes nobody for the test."""
    folder = Path(tempfile.mkdtemp())
    is_root = os.geteuid() == 0 if hasattr(os, "geteuid") else False
    open_library(folder / "old" / "library.sqlite3").close()
    for each in (folder / "old", folder):
        each.chmod(0o555)
    if is_root:
        os.seteuid(NOBODY)
    yield folder
    if is_root:
        os.seteuid(0)
    for each in (folder, folder / "old"):
        each.chmod(0o755)
    for each in (folder / "old").iterdir():
        each.unlink()
    (folder / "old").rmdir()
    folder.rmdir()


@pytest.mark.skipif(sys.platform == "win32", reason="there the permissions of a folder are kept in another way")
@pytest.mark.parametrize("place", ["library.sqlite3", "new/library.sqlite3", "old/library.sqlite3"])
def test_a_read_only_folder_is_one_sentence(locked_folder: Path, place: str) -> None:
    with pytest.raises(LibraryError) as caught:
        put(open_library(locked_folder / place), film={})
    assert not isinstance(caught.value, LibraryDamaged)
    assert str(locked_folder) in caught.value.subject
    assert "Make the folder writable" in caught.value.hint


def test_a_file_in_place_of_the_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    with pytest.raises(LibraryError, match="folder of the library cannot be made"):
        open_library(tmp_path / "data" / "library.sqlite3")


@pytest.mark.parametrize("content", [b"", b"not a database at all, but a text", b"SQLite format 3\0" + b"\xff" * 5000])
def test_what_is_no_library_is_set_aside(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "library.sqlite3"
    path.write_bytes(content)
    library = open_library(path, now=NOON)
    put(library, film={})
    assert library.count(Query()) == 1
    library.close()
    aside = tmp_path / "library-damaged-20260102T120000.sqlite3"
    assert aside.exists() is bool(content)
    if content:
        assert aside.read_bytes() == content
        assert str(aside) in library.notice


def test_a_database_of_another_program_is_set_aside_whole(tmp_path: Path) -> None:
    path = tmp_path / "library.sqlite3"
    with closing(sqlite3.connect(path)) as other:
        other.executescript(
            "PRAGMA application_id = 7; CREATE TABLE image (id INTEGER PRIMARY KEY, path); INSERT INTO image VALUES (1, 'x')"
        )
    library = open_library(path, now=NOON)
    assert library.count(Query()) == 0
    assert (tmp_path / "library-damaged-20260102T120000.sqlite3").exists()
    library.close()


def test_a_rescue_that_fails_is_tried_again(filled: tuple[Path, tuple[int, ...]]) -> None:
    """Something in the place of the new file keeps it from being written."""
    path, ids = filled
    path.with_name(path.name + ".damaged").touch()
    obstacle = path.with_name(path.name + ".new")
    obstacle.mkdir()
    with pytest.raises(LibraryError, match="a new one cannot be written"):
        open_library(path, now=NOON)
    obstacle.rmdir()
    library = open_library(path, now=NOON)
    assert library.count(Query()) == len(ids)
    assert "were kept" in library.notice
    library.close()


def test_two_rescues_in_one_second_keep_both_files(tmp_path: Path) -> None:
    path = tmp_path / "library.sqlite3"
    for content in (b"first", b"second"):
        path.write_bytes(content * 200)
        open_library(path, now=NOON).close()
        path.unlink()
    assert (tmp_path / "library-damaged-20260102T120000.sqlite3").read_bytes() == b"first" * 200
    assert (tmp_path / "library-damaged-20260102T120000-2.sqlite3").read_bytes() == b"second" * 200


@pytest.mark.parametrize("start", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_damage_in_the_middle_costs_only_what_lay_there(filled: tuple[Path, tuple[int, ...]], start: float) -> None:
    path, ids = filled
    damage(path, start, start + 0.03)
    for _ in range(2):  # damage that shows only in use is mended the next time
        library = open_library(path, now=NOON)
        try:
            with library.database.reading() as connection:
                is_whole = connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            kept = library.images(library.find(Query()))
        except LibraryDamaged:
            is_whole = False
        library.close()
        if is_whole:
            break
        path.with_name(path.name + ".damaged").touch()
    assert is_whole
    assert len(kept) > 0.8 * len(ids)
    assert {image.note for image in kept if image.note} == {f"note {image.id}" for image in kept if image.note}
    assert sum(bool(image.note) for image in kept) > 0.8 * len(ids)
    assert sum(image.is_starred for image in kept) > 0.8 * len(ids) / 3


def test_damage_that_shows_in_use_is_one_sentence_and_mended_on_opening(filled: tuple[Path, tuple[int, ...]]) -> None:
    path, ids = filled
    library = open_library(path)
    damage(path, 0.3, 0.95)
    with pytest.raises(LibraryDamaged, match="is damaged") as caught:
        library.images(ids)
    library.close()
    assert "set aside and rebuilt" in caught.value.hint
    again = open_library(path, now=NOON)
    assert "The library was damaged" in again.notice
    put(again, film={"patient_name": "After"})
    assert names(again, Query(text="after")) == ["film"]
    again.close()


def test_a_rescue_keeps_annotations_and_results(filled: tuple[Path, tuple[int, ...]]) -> None:
    path, ids = filled
    path.with_name(path.name + ".damaged").touch()
    library = open_library(path, now=NOON)
    assert "3,000 images, 3,000 notes, 1,000 stars and 1,000 annotations were kept" in library.notice
    assert library.annotation(ids[3]) == Annotation(1, f'{{"of": {ids[3]}}}')
    assert library.find_result("p", "m") is not None
    assert library.count(Query(text="covid19")) == 1
    assert not path.with_name(path.name + ".damaged").exists()
    library.close()


def test_images_whose_patient_is_lost_stay_and_are_read_again(filled: tuple[Path, tuple[int, ...]]) -> None:
    path, ids = filled
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM patient WHERE id > 10")
        connection.execute("DELETE FROM study WHERE id > 10")
        connection.commit()
    path.with_name(path.name + ".damaged").touch()
    library = open_library(path, now=NOON)
    assert len(library.images(library.find(Query()))) == len(ids)
    with library.database.reading() as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("SELECT count(*) FROM image WHERE changed = 0").fetchone()[0] == len(ids) - 20
    library.close()


def test_a_newer_library_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite3"
    open_library(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(LibraryError, match="version 99") as caught:
        open_library(path)
    assert not isinstance(caught.value, LibraryDamaged)
    assert path.read_bytes() == before


def test_an_older_library_is_brought_forward(filled: tuple[Path, tuple[int, ...]]) -> None:
    path, _ = filled
    scripts = (*MIGRATIONS, "ALTER TABLE image ADD COLUMN verdict TEXT NOT NULL DEFAULT 'none';\nUPDATE image SET verdict = note;\n")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, scripts)
        assert version_of(connection) == len(scripts)
        assert connection.execute("SELECT count(*) FROM image WHERE verdict = note").fetchone() == (3000,)
        migrate(connection, scripts)


def test_a_library_from_before_each_model_had_its_own_word_keeps_its_scores(tmp_path: Path) -> None:
    path = tmp_path / "l.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, MIGRATIONS[:1])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO patient VALUES (1, 'k', '', '', '', '')")
        connection.execute("INSERT INTO study VALUES (1, 1, 'k', '', '', '', '')")
        columns = "id, path, member, frame, patient, study, size, changed, added, format, modality, view, body_part, laterality, age"
        more = "manufacturer, institution, series_uid, series_description, sop_uid, taken, rows, columns, bits, frames, reason"
        values = "1, '/films/film.dcm', '', 0, 1, 1, 1, 1, '', '', '', 'PA', '', '', '', '', '', '', '', '', '', 8, 8, 8, 1, ''"
        connection.execute(f"INSERT INTO image ({columns}, {more}) VALUES ({values})")
        insert = "INSERT INTO score (image, model, label, probability, is_positive) VALUES (1, 'm', ?, ?, ?)"
        connection.executemany(insert, [("normal", 0.6, 0), ("tb", 0.4, 1)])
    library = open_library(path)
    (film,) = library.images([1], reader="m")
    assert (film.top_label, film.top_score) == ("tb", 0.4)
    library.close()


def test_a_step_forward_that_fails_changes_nothing(filled: tuple[Path, tuple[int, ...]]) -> None:
    path, _ = filled
    scripts = (*MIGRATIONS, "ALTER TABLE image ADD COLUMN verdict TEXT;\nUPDATE nowhere SET x = 1;\n")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        with pytest.raises(sqlite3.OperationalError):
            migrate(connection, scripts)
        assert version_of(connection) == len(MIGRATIONS)
        assert "verdict" not in {row[1] for row in connection.execute("PRAGMA table_info(image)")}
