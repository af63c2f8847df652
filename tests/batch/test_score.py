"""Many images through one model: a row for each, whatever is wrong with it, the same for any number of workers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from cxrview.batch.outputs import mark_as_output, without_outputs
from cxrview.batch.overlays import LONGEST_NAME, OverlayFolder, overlay_path
from cxrview.batch.row import ScoreRow, Status
from cxrview.batch.score import ScoreJob, score_images
from cxrview.batch.summary import Tally, summary_lines
from cxrview.core.image import ImageRef
from cxrview.core.results import FloatArray, Forward
from cxrview.engine.analyse import analyse
from cxrview.engine.fake import FakePredictor
from cxrview.engine.packages import load_package
from cxrview.io.read import find_images, read_pixels


@pytest.fixture
def job(fake_model: Path) -> ScoreJob:
    package = load_package(fake_model)
    return ScoreJob(package=package, predictor=FakePredictor(package))


def rows_of(refs: tuple[ImageRef, ...], job: ScoreJob) -> list[ScoreRow]:
    return [row for rows in score_images(refs, job) for row in rows]


def test_every_file_has_a_row_in_the_order_of_the_files(phantom_folder: Path, job: ScoreJob) -> None:
    refs = find_images([phantom_folder]).refs
    rows = rows_of(refs, job)
    assert [row.path for row in rows] == [str(ref.path) for ref in refs]
    assert [row.status for row in rows] == [Status.ERROR, Status.OK, Status.OK, Status.OK, Status.OK]
    assert rows[0].error


def test_the_row_says_what_the_window_would_say(phantom_folder: Path, job: ScoreJob) -> None:
    ref = find_images([phantom_folder]).refs[1]
    analysis = analyse(read_pixels(ref), job.package, job.predictor)
    (row,) = rows_of((ref,), job)
    assert [score.probability for score in row.scores] == [finding.probability for finding in analysis.findings]
    assert [score.label for score in row.scores] == [label.id for label in job.package.manifest.labels]
    assert (row.engine, row.device, row.view) == ("fake", "cpu", "PA")
    assert row.top_label == max(analysis.findings, key=lambda finding: finding.probability).label.id


@pytest.mark.parametrize(("workers", "batch_size"), [(3, 1), (1, 3), (2, 2)])
def test_workers_and_batches_change_nothing(phantom_folder: Path, job: ScoreJob, workers: int, batch_size: int) -> None:
    refs = find_images([phantom_folder]).refs
    plain = rows_of(refs, job)
    others = rows_of(refs, replace(job, workers=workers, batch_size=batch_size))
    assert [(row.path, row.status, row.top_label) for row in others] == [(row.path, row.status, row.top_label) for row in plain]
    for one, two in zip(plain, others, strict=True):
        assert [score.logit for score in two.scores] == pytest.approx([score.logit for score in one.scores], abs=1e-5)


def test_each_frame_of_a_file_has_a_row(tmp_path: Path, job: ScoreJob) -> None:
    pictures = [np.full((200, 200), level, np.uint8) + np.eye(200, dtype=np.uint8) * 90 for level in (10, 60, 120)]
    assert cv2.imwritemulti(str(tmp_path / "three.tif"), pictures)
    rows = rows_of((ImageRef(tmp_path / "three.tif"),), replace(job, batch_size=2))
    assert [(row.frame, row.status) for row in rows] == [(1, Status.OK), (2, Status.OK), (3, Status.OK)]


class Failing(FakePredictor):
    """Fails on purpose, as a runtime out of memory would."""

    def run(self, batch: FloatArray) -> tuple[Forward, ...]:
        raise MemoryError("no room for the features")


def test_an_unforeseen_failure_is_a_row_too(phantom_folder: Path, job: ScoreJob) -> None:
    refs = find_images([phantom_folder]).refs
    rows = rows_of(refs, replace(job, predictor=Failing(job.package), batch_size=2))
    assert len(rows) == len(refs)
    assert all(row.status is Status.ERROR for row in rows)
    assert "no room for the features" in rows[-1].error


def test_stopping_early_leaves_nothing_running(phantom_folder: Path, job: ScoreJob) -> None:
    refs = find_images([phantom_folder]).refs * 50
    pieces = score_images(refs, replace(job, workers=2))
    next(pieces)
    pieces.close()  # the guard around every test looks for threads


def test_overlays_are_drawn_and_not_scored_later(phantom_folder: Path, job: ScoreJob, tmp_path: Path) -> None:
    refs = find_images([phantom_folder]).refs
    rows = rows_of(refs, replace(job, overlays=OverlayFolder(tmp_path / "heat", (phantom_folder,))))
    drawn = find_images([tmp_path / "heat"]).refs
    assert len(drawn) >= sum(row.status is Status.OK for row in rows)
    assert without_outputs(drawn) == ()
    picture = cv2.imread(str(drawn[0].path))
    assert picture is not None
    assert picture.shape == (256, 256, 3)


def test_pictures_below_a_marked_folder_are_ours(tmp_path: Path) -> None:
    mark_as_output(tmp_path / "out")
    inside, beside = ImageRef(tmp_path / "out" / "a" / "b.png"), ImageRef(tmp_path / "b.png")
    assert without_outputs((inside, beside)) == (beside,)


@pytest.mark.parametrize(
    ("inputs", "ref", "wanted"),
    [
        (("data",), ImageRef(Path("data/a/b.png")), "a/b.png.x.png"),
        (("data", "more"), ImageRef(Path("more/a/b.png")), "more/a/b.png.x.png"),
        (("data/a/b.png",), ImageRef(Path("data/a/b.png")), "b.png.x.png"),
        (("data",), ImageRef(Path("data/c.zip"), "../d/e.dcm", 2), "c.zip/d/e.dcm#3.x.png"),
    ],
)
def test_overlays_lie_as_their_images_do(inputs: tuple[str, ...], ref: ImageRef, wanted: str) -> None:
    target = OverlayFolder(Path("heat"), tuple(map(Path, inputs)))
    assert overlay_path(target, ref, "x") == Path("heat") / wanted


def test_the_summary_counts_by_reason(phantom_folder: Path, job: ScoreJob) -> None:
    tally = Tally()
    for rows in score_images(find_images([phantom_folder]).refs * 2, job):
        tally.add(rows)
    summary = tally.summary(others=1)
    assert (summary.scored, summary.errors, summary.total) == (8, 2, 10)
    assert summary.reasons[0].count == 2
    lines = "\n".join(summary_lines(summary))
    assert "8 images scored, 2 errors" in lines
    assert f"2 × {summary.reasons[0].text}" in lines
    assert "1 other file left alone" in lines


def test_threads_end_with_the_last_row(phantom_folder: Path, job: ScoreJob) -> None:
    def one_by_one() -> Iterator[int]:
        for rows in score_images(find_images([phantom_folder]).refs, replace(job, workers=4)):
            yield len(rows)

    assert sum(one_by_one()) == 5


def test_heatmaps_of_names_as_long_as_a_file_system_allows_have_names_of_their_own(tmp_path: Path) -> None:
    target = OverlayFolder(tmp_path, (Path("in"),))
    refs = [ImageRef(Path("in") / f"{'ü' * 120}{ending}.png") for ending in ("aaaaaaaa", "bbbbbbbb")]
    names = [overlay_path(target, ref, "pneumonia").name for ref in refs]
    assert len(set(names)) == 2
    for name in names:
        assert len(os.fsencode(name)) <= LONGEST_NAME
        assert name.endswith(".pneumonia.png")
        (tmp_path / name).touch()
