"""Indexing: folders, archives and discs; what changed, what is gone, cancelling, and a process that is killed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest

from cxrview.core.errors import Cancelled
from cxrview.core.image import ImageRef
from cxrview.library.index import BATCH, Indexed, Progress, check_files, index_images, index_paths
from cxrview.library.library import Library, open_library
from cxrview.library.records import Query, Sort
from tests.io.dicom_files import dataset, write
from tests.library.rows import names

ROOT = Path(__file__).parents[2]
DISC = Path(pydicom.__file__).parent / "data" / "test_files" / "dicomdirtests" / "DICOMDIR"


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Three films, a broken one, a text and a hidden file."""
    folder = tmp_path / "films"
    (folder / "deep").mkdir(parents=True)
    for number in (1, 2):
        write(folder, dataset(PatientID="7", StudyInstanceUID="1.2", StudyDate=f"2020010{number}"), name=f"{number}.dcm")
    cv2.imwrite(str(folder / "deep" / "00000013_005.png"), np.zeros((4, 4), np.uint8))
    (folder / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 40)
    (folder / "notes.txt").write_text("no picture")
    return folder


def many(folder: Path, count: int) -> Path:
    """Make a folder of many small films."""
    first = write(folder, dataset(PatientID="7"), name="0000.dcm")
    for number in range(1, count):
        shutil.copyfile(first, folder / f"{number:04}.dcm")
    return folder


def test_a_folder_is_indexed_with_everything_in_it(library: Library, films: Path) -> None:
    done = index_paths(library, [films])
    assert (done.added, done.updated, done.unchanged, done.unreadable, done.others, done.problems) == (4, 0, 0, 1, 1, ())
    assert names(library, Query(sort=Sort.NAME, is_descending=False)) == ["1", "2", "broken", "00000013_005"]
    (png,) = library.images(library.find(Query(text="png")))
    assert (png.format, png.patient_code, png.study_description) == ("PNG", "00000013", "deep")
    assert [source.path for source in library.sources()] == [films]
    assert (library.sources()[0].images, library.sources()[0].missing, library.sources()[0].unreadable) == (4, 0, 1)


def test_a_second_look_reads_nothing_again(library: Library, films: Path) -> None:
    index_paths(library, [films])
    assert index_paths(library, [films]) == Indexed(unchanged=4, others=1)


def test_a_changed_file_is_read_again_and_keeps_its_note(library: Library, films: Path) -> None:
    index_paths(library, [films])
    image = library.image_of(ImageRef(films / "1.dcm"))
    assert image is not None
    library.set_note(image.id, "look")
    write(films, dataset(PatientID="8", PatientName="Changed"), name="1.dcm")
    os.utime(films / "1.dcm", ns=(1, 1))
    done = index_paths(library, [films])
    assert (done.added, done.updated, done.unchanged) == (0, 1, 3)
    (changed,) = library.images([image.id])
    assert (changed.patient_code, changed.patient_name, changed.note) == ("8", "Changed", "look")
    assert names(library, Query(text="changed look")) == ["1"]


def test_a_patient_without_images_does_not_stay(library: Library, tmp_path: Path) -> None:
    film = write(tmp_path, dataset(PatientID="7"))
    index_paths(library, [film])
    write(tmp_path, dataset(PatientID="8"))
    os.utime(film, ns=(1, 1))
    index_paths(library, [film])
    with library.database.reading() as connection:
        assert connection.execute("SELECT code FROM patient").fetchall() == [("8",)]
        assert connection.execute("SELECT count(*) FROM study").fetchone() == (1,)


def test_a_file_that_is_gone_is_marked_and_comes_back(library: Library, films: Path, tmp_path: Path) -> None:
    index_paths(library, [films])
    (films / "1.dcm").rename(tmp_path / "elsewhere.dcm")
    index_paths(library, [films])
    assert names(library, Query(is_missing=True)) == ["1"]
    (tmp_path / "elsewhere.dcm").rename(films / "1.dcm")
    assert check_files(library) == 1
    assert names(library, Query(is_missing=True)) == []


def test_a_folder_that_disappears_leaves_its_images_marked(library: Library, films: Path) -> None:
    index_paths(library, [films])
    shutil.rmtree(films)
    done = index_paths(library, [films])
    assert [problem.path for problem in done.problems] == [films]
    assert library.count(Query(is_missing=True)) == 4
    assert library.images(library.find(Query(text="20200101")))[0].reason == ""
    assert [problem.path for problem in library.problems()] == [films]


def test_a_file_that_vanishes_while_it_is_indexed_keeps_what_was_known(library: Library, films: Path) -> None:
    index_paths(library, [films])
    (films / "1.dcm").unlink()
    index_images(library, [ImageRef(films / "1.dcm")])
    image = library.image_of(ImageRef(films / "1.dcm"))
    assert image is not None
    assert (image.patient_code, image.reason) == ("7", "")


def test_members_of_an_archive_and_files_of_a_disc_are_images(library: Library, films: Path, tmp_path: Path) -> None:
    archive = tmp_path / "cd.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(films / "1.dcm", "cd/1.dcm")
    assert index_paths(library, [archive]).added == 1
    assert library.images(library.find(Query(folder=archive)))[0].ref == ImageRef(archive, "cd/1.dcm")
    assert index_paths(library, [DISC]).added == 31


def test_problems_are_those_of_the_last_look(library: Library, tmp_path: Path) -> None:
    archive = tmp_path / "cd.zip"
    archive.write_bytes(b"PK\3\4 and nothing more")
    assert [problem.path for problem in index_paths(library, [archive]).problems] == [archive]
    assert [problem.path for problem in library.problems()] == [archive]
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("readme.txt", "mended")
    index_paths(library, [archive])
    assert library.problems() == ()


def test_a_problem_deep_in_a_folder_goes_when_it_is_mended(library: Library, films: Path) -> None:
    archive = films / "deep" / "cd.zip"
    archive.write_bytes(b"PK\3\4 and nothing more")
    index_paths(library, [films])
    assert [problem.path for problem in library.problems()] == [archive]
    archive.unlink()
    index_paths(library, [films])
    assert library.problems() == ()


def test_images_of_a_tree_are_there_before_all_of_it_was_looked_through(library: Library, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "tree" / name).mkdir(parents=True)
        many(tmp_path / "tree" / name, BATCH)
    (tmp_path / "tree" / "notes.txt").write_text("no picture")
    (tmp_path / "tree" / ".hidden.dcm").write_text("no picture")
    if sys.platform != "win32":  # where links need a privilege
        (tmp_path / "tree" / "a" / "circle").symlink_to(tmp_path / "tree")
    listener = Listener()
    done = index_paths(library, [tmp_path / "tree"], context=listener)
    assert listener.heard == [Progress(BATCH, BATCH), Progress(2 * BATCH, 2 * BATCH)]
    assert (done.added, done.others) == (2 * BATCH, 2)


def test_an_image_met_twice_counts_once(library: Library, films: Path) -> None:
    """Named by a disc's index, and lying in its folder."""
    done = index_paths(library, [DISC.parent, DISC.parent / DISC.name, films, films / "1.dcm"])
    assert done.unchanged == 0
    assert done.added == library.count(Query())
    assert index_paths(library, [films, films]).unchanged == 4


def test_forgetting_a_folder_forgets_its_images(library: Library, films: Path, tmp_path: Path) -> None:
    other = tmp_path / "films2"
    other.mkdir()
    write(other, dataset())
    index_paths(library, [films, other])
    assert library.forget_source(films) == 4
    assert [source.path for source in library.sources()] == [other]
    assert library.count(Query()) == 1


class Listener:
    """A context that keeps what it hears, and cancels after some checks."""

    def __init__(self, checks: int = 10**9) -> None:
        self.checks = checks
        self.heard: list[object] = []

    def check(self) -> None:
        self.checks -= 1
        if self.checks < 0:
            raise Cancelled

    def report(self, progress: object) -> None:
        self.heard.append(progress)


def test_progress_is_told_after_every_batch(library: Library, tmp_path: Path) -> None:
    folder = many(tmp_path, BATCH + 10)
    listener = Listener()
    index_paths(library, [folder], context=listener)
    total = BATCH + 10
    assert listener.heard == [Progress(BATCH, total), Progress(total, total)]


def test_cancelling_keeps_the_batches_that_are_done(library: Library, tmp_path: Path) -> None:
    folder = many(tmp_path, BATCH + 50)
    with pytest.raises(Cancelled):
        index_paths(library, [folder], context=Listener(BATCH + 20))
    assert library.count(Query()) == BATCH
    done = index_paths(library, [folder])
    assert (done.added, done.unchanged) == (50, BATCH)


def run_python(code: str, *words: object) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, *map(str, words)], stdout=subprocess.PIPE, text=True, cwd=ROOT)


INDEX = """
import sys
from pathlib import Path
from cxrview.library.index import Unwatched, index_paths
from cxrview.library.library import open_library
class Loud(Unwatched):
    def report(self, progress):
        print(progress.done, flush=True)
index_paths(open_library(Path(sys.argv[1])), [Path(sys.argv[2])], context=Loud())
"""
HALF = """
import sys, time
from pathlib import Path
from cxrview.library.library import open_library
library = open_library(Path(sys.argv[1]))
with library.database.writing() as connection:
    connection.execute("UPDATE image SET note = 'half'")
    print("written", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("delay", [0.0, 0.005, 0.01, 0.02, 0.04])
def test_a_killed_process_loses_at_most_one_batch(tmp_path: Path, delay: float) -> None:
    """The moment is left to chance; wherever it falls, the index is whole and holds every batch that was told of."""
    (tmp_path / "films").mkdir()
    folder = many(tmp_path / "films", 6 * BATCH)
    process = run_python(INDEX, tmp_path / "l.sqlite3", folder)
    assert process.stdout is not None
    told = int(process.stdout.readline())
    time.sleep(delay)  # not waiting for anything: it chooses the moment of death
    process.kill()
    told = max([told, *map(int, process.stdout.read().split())])
    process.wait()
    process.stdout.close()
    library = open_library(tmp_path / "l.sqlite3")
    assert library.notice == ""
    with library.database.reading() as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        connection.execute("INSERT INTO words (words) VALUES ('integrity-check')")
    kept = library.count(Query())
    assert kept in (told, told + BATCH)
    assert library.count(Query(text="7")) == kept
    done = index_paths(library, [folder])
    assert (done.added, done.unchanged) == (6 * BATCH - kept, kept)
    library.close()


def test_a_process_killed_in_the_middle_of_writing_leaves_nothing_half(tmp_path: Path, films: Path) -> None:
    library = open_library(tmp_path / "l.sqlite3")
    index_paths(library, [films])
    ids = library.find(Query())
    library.set_note(ids[0], "whole")
    library.close()
    process = run_python(HALF, tmp_path / "l.sqlite3")
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    process.kill()
    process.wait()
    process.stdout.close()
    again = open_library(tmp_path / "l.sqlite3")
    assert sorted(image.note for image in again.images(again.find(Query()))) == ["", "", "", "whole"]
    again.close()
