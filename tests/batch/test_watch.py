"""A watched folder: only complete files are read, each once, and a new start goes on."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cxrview.batch.plan import Plan
from cxrview.batch.run import Batch, Request, record_path
from cxrview.batch.watch import Watcher, watch
from cxrview.core.errors import BatchStopped
from cxrview.engine.packages import load_package
from cxrview.io.phantom_files import write_phantoms


@pytest.fixture
def film(tmp_path: Path) -> Path:
    (picture,) = write_phantoms(tmp_path / "elsewhere", 1, 0, kind="png", size=(96, 96))
    (tmp_path / "inbox").mkdir()
    return picture


def names(table: Path) -> list[str]:
    with table.open(encoding="utf-8", newline="") as stream:
        return [Path(row["path"]).name for row in csv.DictReader(stream)]


def test_a_file_that_still_grows_is_left_alone(film: Path, tmp_path: Path) -> None:
    watcher = Watcher((tmp_path / "inbox",))
    content = film.read_bytes()
    arriving = tmp_path / "inbox" / "film.png"
    arriving.write_bytes(b"")
    assert watcher.look() == []
    arriving.write_bytes(content[:100])
    assert watcher.look() == []
    arriving.write_bytes(content)
    assert watcher.look() == []
    (arrival,) = watcher.look()
    assert arrival.ref.path == arriving


def test_each_arrival_is_scored_once_and_a_changed_one_again(film: Path, fake_model: Path, tmp_path: Path) -> None:
    inbox, table = tmp_path / "inbox", tmp_path / "s.csv"
    plan = Plan(model=str(fake_model), engine="fake", workers=1, inputs=(str(inbox),), has_lungs=False)
    request = Request((inbox,), plan, table, is_watching=True)
    deeds: list[Callable[[], object]] = [
        lambda: shutil.copy(film, inbox / "a.png"),
        lambda: None,
        lambda: shutil.copy(film, inbox / "b.png"),
        lambda: None,
        lambda: (inbox / "a.png").write_bytes(b"no picture any more"),
        lambda: None,
        lambda: None,
    ]

    def run(deeds: list[Callable[[], object]]) -> list[str]:
        left = list(deeds)

        def wait(_: float) -> bool:
            if left:
                left.pop(0)()
            return not left

        with Batch(request, load_package(fake_model)) as batch:
            return [f"{Path(row.path).name} {row.status}" for step in watch(batch, wait) for row in step.rows]

    assert run(deeds) == ["a.png ok", "b.png ok", "a.png error"]
    assert names(table) == ["a.png", "b.png"]
    shutil.copy(film, inbox / "c.png")
    assert run([lambda: None] * 3) == ["c.png ok"]
    assert names(table) == ["a.png", "b.png", "c.png"]
    record = json.loads(record_path(table).read_text())
    assert (record["folder"], record["counts"]["rows"], record["counts"]["error"]) == (str(Path.cwd()), 3, 1)


def test_a_damaged_archive_has_a_row_until_it_is_whole(film: Path, fake_model: Path, tmp_path: Path) -> None:
    inbox, table, films = tmp_path / "inbox", tmp_path / "s.csv", tmp_path / "inbox" / "films.zip"
    films.write_bytes(b"no archive")

    def pack() -> None:
        with zipfile.ZipFile(films, "w") as archive:
            archive.write(film, "a.png")

    deeds: list[Callable[[], object]] = [lambda: None, lambda: None, pack, lambda: None, lambda: None]

    def wait(_: float) -> bool:
        deeds.pop(0)()
        return not deeds

    plan = Plan(model=str(fake_model), engine="fake", workers=1, inputs=(str(inbox),), has_lungs=False)
    with Batch(Request((inbox,), plan, table, is_watching=True), load_package(fake_model)) as batch:
        came = [(row.path, str(row.status)) for step in watch(batch, wait) for row in step.rows]
    assert came == [(str(films), "error"), (f"{films}!a.png", "ok")]
    assert names(table) == ["films.zip!a.png"]


def test_a_watched_folder_that_goes_away_stops_the_watch(fake_model: Path, film: Path, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    plan = Plan(model=str(fake_model), engine="fake", workers=1, inputs=(str(inbox),), has_lungs=False)

    def remove(_: float) -> bool:
        inbox.rmdir()
        return False

    with Batch(Request((inbox,), plan, tmp_path / "s.csv", is_watching=True), load_package(fake_model)) as batch:
        steps = watch(batch, remove)
        next(steps)
        with pytest.raises(BatchStopped, match="not there"):
            next(steps)


@pytest.mark.skipif(os.name == "nt", reason="signals are another thing on Windows")
def test_the_command_watches_until_ctrl_c(fake_model: Path, film: Path, tmp_path: Path) -> None:
    words = ["score", "--watch", str(tmp_path / "inbox"), "-o", str(tmp_path / "s.csv"), "--model", str(fake_model), "--no-lungs"]
    with subprocess.Popen([sys.executable, "-m", "cxrview", *words], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("watching"):
                shutil.copy(film, tmp_path / "inbox" / "late.png")
            if "late.png" in line:
                break
        deadline = time.monotonic() + 30
        while not (tmp_path / "s.csv").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 0, rest
    assert "1 image scored" in rest
    assert names(tmp_path / "s.csv") == ["late.png"]
