"""A whole batch: each file has its rows once, whatever hangs, crashes, is interrupted or goes missing on the way."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from cxrview.batch.outputs import check_folder
from cxrview.batch.plan import HeatmapFiles, Pictures, Plan, plan_from_json, plan_to_json
from cxrview.batch.row import ScoreRow, Status
from cxrview.batch.run import Batch, Request, journal_path, listed_paths, record_path
from cxrview.batch.table_read import Places, open_table
from cxrview.core.errors import BatchStopped, NothingToDo, PackageError, UsageError
from cxrview.engine.packages import load_package
from cxrview.io.phantom_files import write_phantoms

TROUBLED = (sys.executable, str(Path(__file__).with_name("troubled_worker.py")))
POSIX = pytest.mark.skipif(os.name == "nt", reason="signals are another thing on Windows")
Finish = Callable[[Request], list[ScoreRow]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve pictures of the same small phantom."""
    (picture,) = write_phantoms(tmp_path / "films", 1, 0, kind="png", size=(96, 96))
    for number in range(11):
        shutil.copy(picture, picture.with_name(f"film-{number}.png"))
    return picture.parent


@pytest.fixture
def request_(folder: Path, fake_model: Path, tmp_path: Path) -> Request:
    plan = Plan(model=str(fake_model), engine="fake", workers=2, inputs=(str(folder),), has_lungs=False)
    return Request(inputs=(folder,), plan=plan, output=tmp_path / "out" / "scores.csv")


def finished(request: Request, command: tuple[str, ...] = ()) -> list[ScoreRow]:
    """Run a batch to its end; give its rows in the order of the table."""
    with Batch(request, load_package(Path(request.plan.model)), command=command) as batch:
        batch.list_files()
        for _ in batch.steps():
            pass
        rows = list(batch.rows())
        batch.finish()
    return rows


def test_a_plan_travels_unchanged() -> None:
    plan = Plan("m", heatmaps="h", heatmap_files=HeatmapFiles.BOTH, inputs=("a", "b"), has_lungs=False)
    assert plan_from_json(plan_to_json(plan)) == plan


def test_a_batch_leaves_its_table_and_its_record_alone(request_: Request) -> None:
    rows = finished(request_)
    assert [row.status for row in rows] == [Status.OK] * 12
    assert request_.output is not None
    assert {path.name for path in request_.output.parent.iterdir()} == {"scores.csv", "scores.run.json"}
    record = json.loads(record_path(request_.output).read_text())
    assert record["counts"] == {"files": 12, "rows": 12, "ok": 12, "error": 0, "others": 0}
    assert (record["engine"]["name"], record["model"]["id"]) == ("fake", "fake")


def test_what_a_kill_left_of_a_table_is_swept_away(request_: Request) -> None:
    assert request_.output is not None
    request_.output.parent.mkdir()
    for name in (".scores.csv.0a1b2c3d.tmp", ".scores.run.json.0a1b2c3d.tmp", ".other.csv.0a1b2c3d.tmp"):
        (request_.output.parent / name).touch()
    finished(request_)
    assert {path.name for path in request_.output.parent.iterdir()} == {"scores.csv", "scores.run.json", ".other.csv.0a1b2c3d.tmp"}


def test_an_interrupted_batch_ends_in_the_same_table(request_: Request, fake_model: Path) -> None:
    whole = replace(request_, output=request_.output.with_name("whole.csv") if request_.output else None)
    finished(whole)
    with Batch(request_, load_package(fake_model)) as batch:
        batch.list_files()
        for step in batch.steps():
            if step.done:
                break
    assert request_.output is not None
    assert whole.output is not None
    assert journal_path(request_.output).exists()
    assert not request_.output.exists()
    finished(request_)
    assert request_.output.read_bytes() == whole.output.read_bytes()


def test_files_that_came_after_the_list_was_made_are_left_to_the_next_batch(request_: Request, folder: Path, fake_model: Path) -> None:
    with Batch(request_, load_package(fake_model)) as batch:
        batch.list_files()
    shutil.copy(folder / "film-1.png", folder / "late.png")
    assert len(finished(request_)) == 12
    assert len(finished(request_)) == 13


def test_another_request_does_not_overwrite_an_unfinished_one(request_: Request, fake_model: Path) -> None:
    with Batch(request_, load_package(fake_model)) as batch:
        batch.list_files()
    other = replace(request_, plan=replace(request_.plan, has_lungs=True))
    with pytest.raises(UsageError, match="another --no-lungs left"):
        finished(other)
    assert len(finished(replace(other, is_resuming=False))) == 12


def test_a_full_disk_of_the_heatmaps_stops_the_batch_and_blames_no_image(request_: Request, tmp_path: Path) -> None:
    drawn = replace(request_, plan=replace(request_.plan, heatmaps=str(tmp_path / "heat")))
    with pytest.raises(BatchStopped, match="no space left") as stopped:
        finished(drawn, (*TROUBLED, "full"))
    assert stopped.value.subject == str(tmp_path / "heat")
    assert [row.status for row in finished(drawn)] == [Status.OK] * 12
    assert len(list((tmp_path / "heat").glob("*.png"))) >= 12


def test_a_place_that_cannot_be_written_is_told_before_anything_is_scored(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="no folder"):
        check_folder(tmp_path / "file" / "heat")
    check_folder(tmp_path / "new" / "heat")
    assert list((tmp_path / "new" / "heat").iterdir()) == []


def test_the_rows_so_far_go_when_the_table_is_complete(request_: Request, fake_model: Path) -> None:
    assert request_.output is not None
    with Batch(request_, load_package(fake_model)) as batch:
        batch.list_files()
        assert batch.write_partial(request_.output).exists()
    finished(request_)
    assert {path.name for path in request_.output.parent.iterdir()} == {"scores.csv", "scores.run.json"}


@POSIX
@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_name_that_is_no_utf_8_is_written_and_found_again(request_: Request, folder: Path, tmp_path: Path, suffix: str) -> None:
    odd = Path(os.fsdecode(os.fsencode(folder) + b"/film-\xff.png"))
    try:
        shutil.copy(folder / "film-1.png", odd)
    except OSError:
        pytest.skip("this file system takes no such name")
    table = tmp_path / f"s{suffix}"
    finished(replace(request_, inputs=(odd,), output=table))
    if suffix != ".parquet":
        assert "film-\\udcff.png" in table.read_text(encoding="utf-8").replace("\\\\", "\\")
    assert record_path(table).exists()
    (row,) = open_table(table).rows()
    assert Places(table).of(row.path).path == odd


def test_two_batches_do_not_write_one_table(request_: Request, fake_model: Path) -> None:
    with Batch(request_, load_package(fake_model)) as batch:
        batch.list_files()
        with pytest.raises(BatchStopped, match="another cxrview"):
            finished(request_)


@POSIX
def test_a_decoder_that_hangs_costs_one_file_its_row(request_: Request, folder: Path) -> None:
    shutil.copy(folder / "film-1.png", folder / "film-hang.png")
    limited = replace(request_, plan=replace(request_.plan, time_limit_s=5.0))
    rows = finished(limited, TROUBLED)
    assert len(rows) == 13
    late, *others = [row for row in rows if row.status is Status.ERROR]
    assert others == []
    assert late.path.endswith("film-hang.png")
    assert "longer than 5 seconds" in late.error


@POSIX
def test_a_decoder_that_crashes_costs_only_its_own_file_the_row(request_: Request, folder: Path) -> None:
    for name in ("film-0-crash.png", "film-7-crash.png"):
        shutil.copy(folder / "film-1.png", folder / name)
    rows = finished(request_, TROUBLED)
    assert len(rows) == 14
    broken = [row for row in rows if row.status is Status.ERROR]
    assert sorted(Path(row.path).name for row in broken) == ["film-0-crash.png", "film-7-crash.png"]
    assert {row.error for row in broken} == {"Reading it crashed the decoder (signal 11)."}


@POSIX
def test_a_process_killed_from_outside_costs_nobody_anything(request_: Request, folder: Path) -> None:
    shutil.copy(folder / "film-1.png", folder / "film-once.png")
    assert [row.status for row in finished(request_, TROUBLED)] == [Status.OK] * 13


def test_a_process_that_never_begins_is_not_started_for_ever(request_: Request) -> None:
    with pytest.raises(BatchStopped, match=r"exit status 7.*no room for anything"):
        finished(request_, (*TROUBLED, "die"))


def test_a_model_that_cannot_be_opened_is_told_as_anywhere(request_: Request, fake_model: Path, tmp_path: Path) -> None:
    package = load_package(fake_model)
    broken = shutil.copytree(fake_model, tmp_path / "broken")
    (broken / "CARD.md").write_text("changed")
    with Batch(replace(request_, plan=replace(request_.plan, model=str(broken))), package) as batch:
        batch.list_files()
        with pytest.raises(PackageError, match="SHA-256"):
            list(batch.steps())


def test_a_folder_that_vanishes_stops_the_batch_and_costs_no_row(request_: Request, folder: Path, fake_model: Path) -> None:
    package = load_package(fake_model)
    away = folder.with_name("unplugged")

    def unplugged() -> None:
        with Batch(request_, package) as batch:
            batch.list_files()
            folder.rename(away)
            for _ in batch.steps():
                pass

    with pytest.raises(BatchStopped, match="no longer there"):
        unplugged()
    away.rename(folder)
    assert [row.status for row in finished(request_)] == [Status.OK] * 12


def test_a_file_that_vanishes_is_a_row(request_: Request, folder: Path, fake_model: Path) -> None:
    with Batch(request_, load_package(fake_model)) as batch:
        batch.list_files()
    (folder / "film-3.png").unlink()
    rows = finished(request_)
    assert [row.status for row in rows].count(Status.ERROR) == 1
    assert len(rows) == 12


def test_each_frame_and_each_member_has_its_row(request_: Request, folder: Path) -> None:
    frames = [np.full((96, 96), level, np.uint8) + np.eye(96, dtype=np.uint8) * 90 for level in (10, 60, 120)]
    assert cv2.imwritemulti(str(folder / "a-three.tif"), frames)
    shutil.make_archive(str(folder / "packed"), "zip", folder, "film-1.png")
    rows = finished(request_)
    assert [row.frame for row in rows if row.path.endswith(".tif")] == [1, 2, 3]
    assert len([row for row in rows if "packed.zip!" in row.path]) == 1
    assert len(rows) == 16


@pytest.mark.parametrize("ending", ["\n", "\0", "\r\n"])
def test_a_list_names_files_on_lines_or_ended_by_nul(request_: Request, folder: Path, tmp_path: Path, ending: str) -> None:
    names = [folder / "film-2.png", folder / "film-1.png", folder / "film-1.png", tmp_path / "gone.png"]
    (tmp_path / "list.txt").write_text(ending.join(map(str, names)) + ending + ending, newline="")
    rows = finished(replace(request_, inputs=(), list_file=str(tmp_path / "list.txt")))
    assert [(Path(row.path).name, row.status) for row in rows] == [
        ("film-1.png", Status.OK),
        ("film-2.png", Status.OK),
        ("gone.png", Status.ERROR),
    ]


def test_a_list_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NothingToDo):
        list(listed_paths(str(tmp_path / "none.txt")))


def test_rows_without_a_table_come_in_the_order_of_the_files(request_: Request, folder: Path) -> None:
    def names() -> Iterator[str]:
        with Batch(replace(request_, output=None), load_package(Path(request_.plan.model))) as batch:
            batch.list_files()
            for step in batch.steps():
                yield from (Path(row.path).name for row in step.rows)
            batch.finish()

    assert list(names()) == [*(f"film-{number}.png" for number in range(11)), "phantom-0000.png"]


def test_nothing_found_leaves_nothing_behind(request_: Request, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NothingToDo, match="no image"):
        finished(replace(request_, inputs=(tmp_path / "empty",)))
    assert request_.output is not None
    assert list(request_.output.parent.iterdir()) == []


def test_raw_maps_and_small_pictures_are_made_on_request(request_: Request, folder: Path, tmp_path: Path) -> None:
    plan = replace(request_.plan, heatmaps=str(tmp_path / "heat"), heatmap_files=HeatmapFiles.BOTH, pictures=Pictures.STRONGEST)
    with Batch(replace(request_, plan=plan), load_package(Path(plan.model))) as batch:
        batch.list_files()
        for _ in batch.steps():
            pass
        pictures = list(batch.journal.pictures())
    assert len(pictures) == 12
    assert cv2.imdecode(np.frombuffer(pictures[0].thumbnail, np.uint8), cv2.IMREAD_COLOR) is not None
    maps = np.load(tmp_path / "heat" / "film-1.png.npz")
    assert set(maps.files) == {"model_to_image", *(label.id for label in load_package(Path(plan.model)).manifest.labels)}
    assert list((tmp_path / "heat").glob("film-1.png.*.png"))
