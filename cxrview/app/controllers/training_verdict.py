"""Judges finished runs, tries them on images from elsewhere, and makes models of them, off the main thread."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from cxrview.app.tasks import Context, Lane, Runner
from cxrview.app.wizard import Busy, CasePicture, External, Page, Wizard, case_marked, notice_given
from cxrview.app.wizard_store import WizardStore
from cxrview.batch.overlays import displayed
from cxrview.core.colour import overlay
from cxrview.core.errors import CxrError, DataError
from cxrview.core.heatmap import common_scale, positive
from cxrview.core.image import ImageRef
from cxrview.engine.analyse import analyse
from cxrview.engine.base import Predictor
from cxrview.engine.choose import open_predictor
from cxrview.engine.packages import Package, load_package
from cxrview.evaluation.cases import Split
from cxrview.evaluation.report import EvaluationReport
from cxrview.io.atomic import write_text
from cxrview.io.read import read_pixels
from cxrview.training.elsewhere import judge_elsewhere
from cxrview.training.hand_on import Part, hand_on
from cxrview.training.looks import frozen_test_hash, note_look
from cxrview.training.publish import Imprint, imprint_of, publish
from cxrview.training.rivals import Rival, figures_in_words, rivals_of
from cxrview.training.status import RunState, RunStatus
from cxrview.training.verdict import Verdict, calls_of, judge_run

JUDGE_KEY, ELSEWHERE_KEY, PUBLISH_KEY, DRAW_KEY = "wizard judge", "wizard elsewhere", "wizard publish", "wizard draw"
HAND_ON_KEY = "wizard hand on"
MOST_DRAWN = 60
DRAWN_PX = 320


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    verdict: Verdict
    looks: int
    rivals: tuple[Rival, ...]
    figures: str
    imprint: Imprint


class TrainingVerdict:
    """Follows the wizard's state: a finished run that is opened on the page Judge is judged, which counts as a look at its test."""

    def __init__(
        self,
        store: WizardStore,
        runner: Runner,
        *,
        on_published: Callable[[str], None],
        on_drawn: Callable[[str, Sequence[CasePicture]], None],
    ) -> None:
        """Tell `on_published` the id of a model that was added, and `on_drawn` the title and pictures of cases that were asked for."""
        self._store = store
        self._runner = runner
        self._on_published = on_published
        self._on_drawn = on_drawn

    def follow(self, state: Wizard) -> None:
        """Judge what is looked at."""
        run = state.shown_run
        if run is None or run.state is not RunState.DONE or state.judging is not None:
            return
        is_new = state.verdict is None or state.verdict.run != run.folder
        if state.page in (Page.JUDGE, Page.PUBLISH) and is_new and not state.notice:
            self._judge(run, [each for each in state.runs if each.state is RunState.DONE and each.folder != run.folder])

    def wanted_sensitivity(self, wanted: float) -> None:
        """Tell the thresholds for another sensitivity."""
        state = self._store.state
        run = state.shown_run
        if run is None or state.verdict is None:
            return
        split = state.verdict.split
        self._runner.start(
            Lane.FILES,
            JUDGE_KEY,
            lambda _context: judge_run(run.folder, run.data, split=split, wanted=wanted),
            lambda verdict: self._store.put(verdict=verdict),
            on_failed=self._tell,
        )

    def try_elsewhere(self, place: Path) -> None:
        """Measure the shown run's model on images that training never saw."""
        run = self._store.state.shown_run
        if run is None:
            return
        self._store.put(judging=Busy(f"Measuring on {place.name}"), external=None)
        self._runner.start(
            Lane.FILES,
            ELSEWHERE_KEY,
            lambda context: _elsewhere(run.folder, place, context),
            lambda report: self._store.put(external=External(place, report), judging=None),
            on_failed=self._on_failed,
            on_progress=lambda words: self._store.put(judging=Busy(str(words))),
        )

    def open_cases(self, title: str, cases: Sequence[int]) -> None:
        """Draw judged images with the heatmap of what they were called."""
        verdict = self._store.state.verdict
        if verdict is None:
            return
        self._store.put(judging=Busy("Drawing heatmaps"))

        def done(pictures: Sequence[CasePicture]) -> None:
            self._store.put(judging=None)
            self._on_drawn(title, pictures)

        self._runner.start(
            Lane.MODEL, DRAW_KEY, lambda context: _drawn(verdict, cases[:MOST_DRAWN], context), done, on_failed=self._on_failed
        )

    def mark(self, case: int) -> None:
        """Mark a case as labelled wrongly, or take the mark back."""
        self._store.apply(case_marked, case)

    def export_corrections(self, path: Path) -> None:
        """Write a table of the marked cases."""
        state = self._store.state
        if state.verdict is None or not state.marked:
            self._store.apply(notice_given, "No image is marked.")
            return
        verdict, marked = state.verdict, sorted(state.marked)
        self._runner.start(
            Lane.DISK,
            f"wizard corrections {path}",
            lambda _context: _write_corrections(path, verdict, marked),
            lambda _answer: self._store.apply(notice_given, f"{len(marked)} marked images were written to {path}."),
            on_failed=self._tell,
        )

    def hand_on(self, part: Part, path: Path) -> None:
        """Write a part of the shown run to a file."""
        run = self._store.state.shown_run
        if run is None:
            return
        self._store.put(publishing=Busy(f"Writing the {part}"), notice="")

        def done(_answer: None) -> None:
            self._store.put(publishing=None, notice=f"The {part} was written to {path}.")

        self._runner.start(
            Lane.DISK,
            HAND_ON_KEY,
            lambda context: hand_on(run.folder, part, path, check=context.check),
            done,
            on_failed=self._on_not_published,
        )

    def publish(self, imprint: Imprint) -> None:
        """Make a model of the shown run and add it to the installed ones."""
        run = self._store.state.shown_run
        if run is None:
            return
        self._store.put(publishing=Busy("Writing, opening again, running on its own golden inputs"), imprint=imprint, notice="")

        def done(package_id: str) -> None:
            self._store.put(publishing=None, published=package_id)
            self._on_published(package_id)

        self._runner.start(
            Lane.MODEL, PUBLISH_KEY, lambda _context: publish(run.folder, imprint).manifest.id, done, on_failed=self._on_not_published
        )

    def _judge(self, run: RunStatus, others: list[RunStatus]) -> None:
        self._store.put(judging=Busy("Measuring, with patients drawn anew some hundred times"))
        self._runner.start(Lane.FILES, JUDGE_KEY, lambda _context: _judged(run, others), self._on_judged, on_failed=self._on_failed)

    def _on_judged(self, judged: _Judged) -> None:
        self._store.put(
            verdict=judged.verdict, looks=judged.looks, rivals=judged.rivals, figures=judged.figures, imprint=judged.imprint, judging=None
        )

    def _on_failed(self, error: CxrError) -> None:
        self._store.put(judging=None, notice=str(error))

    def _on_not_published(self, error: CxrError) -> None:
        self._store.put(publishing=None, notice=str(error))

    def _tell(self, error: CxrError) -> None:
        self._store.apply(notice_given, str(error))


def _judged(run: RunStatus, others: list[RunStatus]) -> _Judged:
    verdict = judge_run(run.folder, run.data)
    looks = note_look(frozen_test_hash(run.folder / "split.csv"))
    return _Judged(verdict, looks, rivals_of(verdict, others), figures_in_words(run.folder), imprint_of(load_package(run.package)))


def _elsewhere(run: Path, place: Path, context: Context) -> EvaluationReport:
    package = load_package(run / "package")
    choice = open_predictor(package, engine="onnx", device="cpu", threads=1, workers=2)

    def report(words: str) -> None:
        context.check()
        context.report(words)

    try:
        return judge_elsewhere(package, choice.predictor, place, run / "elsewhere" / place.name, report=report)
    finally:
        choice.predictor.close()


def _drawn(verdict: Verdict, cases: Sequence[int], context: Context) -> tuple[CasePicture, ...]:
    package = load_package(verdict.run / "package")
    calls = calls_of(verdict.scored, verdict.manifest)
    choice = open_predictor(package, engine="onnx", device="cpu", threads=0)
    made = []
    try:
        for number in cases:
            context.check()
            case = verdict.scored.cases[number]
            chances = verdict.scored.probabilities[number]
            words = f"{calls[number]} {chances.max():.2f}\n{case.path.name}"
            made.append(CasePicture(number, case.path, words, _with_heatmap(case.path, int(chances.argmax()), package, choice.predictor)))
    finally:
        choice.predictor.close()
    return tuple(made)


def _with_heatmap(path: Path, label: int, package: Package, predictor: Predictor) -> npt.NDArray[np.uint8]:
    """Draw an image with the heatmap of a label, `DRAWN_PX` at its longer side; gray where the file is gone."""
    try:
        pixels = read_pixels(ImageRef(path))
        analysis = analyse(pixels, package, predictor)
        heatmap = next((each for each in analysis.heatmaps if each.label == package.manifest.labels[label]), None)
        whole = displayed(pixels)
    except CxrError:
        return np.full((DRAWN_PX, DRAWN_PX), 60, np.uint8)
    frame = analysis.frame.shrunk(DRAWN_PX)
    gray = np.asarray(cv2.resize(whole, (frame.image_width, frame.image_height), interpolation=cv2.INTER_AREA), np.uint8)
    return gray if heatmap is None else overlay(gray, positive(heatmap.values), frame, scale=common_scale(analysis.heatmaps))


def _write_corrections(path: Path, verdict: Verdict, marked: list[int]) -> None:
    calls = calls_of(verdict.scored, verdict.manifest)
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("file", "label", "called", "split"))
    for number in marked:
        case = verdict.scored.cases[number]
        writer.writerow((case.path, case.truth, calls[number], Split(case.split).value))
    try:
        write_text(path, stream.getvalue())
    except OSError as error:
        raise DataError(
            f"The corrections cannot be written ({error.strerror}).", hint="Choose another folder.", subject=str(path)
        ) from error
