"""Looks through the sources of a training, splits them and probes them, off the main thread."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cxrview.app.tasks import Context, Lane, Runner
from cxrview.app.wizard import (
    Built,
    Busy,
    Page,
    Scanned,
    Wizard,
    data_set_built,
    data_set_refused,
    image_excluded,
    notice_given,
    scan_done,
    scan_progressed,
    source_added,
    source_changed,
    source_removed,
)
from cxrview.app.wizard_store import WizardStore
from cxrview.core.errors import CxrError
from cxrview.core.flags import Flag
from cxrview.core.image import Pixels
from cxrview.engine.gate import open_gate
from cxrview.evaluation.probe import MOST, Confounding, Seen, probe_confounding, sample, small_whole
from cxrview.training.compose import load_changed
from cxrview.training.dataset import Choices, DataSet, build_data_set
from cxrview.training.frozen import frozen_features
from cxrview.training.look import Look, class_name, look_at
from cxrview.training.looks import looks_at, test_hash
from cxrview.training.patients import PatientKey, preview_pattern
from cxrview.training.preview import Preview, preview
from cxrview.training.scan import Progress, Scan, problems_of, scan
from cxrview.training.sources import Source, list_sources, suggest_source
from cxrview.training.spreadsheet import Sheet, read_sheet
from cxrview.training.tally import count_images, count_splits, values_of

SOURCE_KEY, SCAN_KEY, BUILD_KEY, PROBE_KEY, LOOK_KEY = "wizard source", "wizard scan", "wizard split", "wizard probe", "wizard look"
PREVIEW_KEY = "wizard preview"
STRIDE = 7919
SHOWN_ROWS = 200
MOST_PROBED = 400  # images that are run twice through a network for the probes
MATCHED_TO = 200  # images whose gray levels the preview of histogram matching takes for its model
SCAN_WORKERS = 2
MOST_PREVIEWED = 20_000
TOLD_EVERY_S = 0.1


class TrainingData:
    """Follows the wizard's state: what a page lacks is worked out when the page is opened."""

    def __init__(self, store: WizardStore, runner: Runner) -> None:
        self._store = store
        self._runner = runner
        self._followed: DataSet | None = None

    def follow(self, state: Wizard) -> None:
        """Start what the open page lacks."""
        if state.data_set is not self._followed:  # another split or other images: what was found of the last one is void
            self._followed = state.data_set
            self._runner.cancel(PROBE_KEY)
            self._runner.cancel(LOOK_KEY)
            self._runner.cancel(PREVIEW_KEY)
            self._store.put(confounding=None, look=None, preview=None, probing=None, looking=None, previewing=None)
            return
        if state.scan is None or state.data_set is None:
            return
        if state.page is Page.SPLIT and state.confounding is None and state.probing is None:
            self._probe(state.scan, state.data_set)
        if state.page is Page.LOOK and state.look is None and state.looking is None:
            self._look(state.scan, state.data_set)
        if state.page is Page.LOOK and state.preview is None and state.previewing is None and not state.plan_problem:
            self._preview_image(state, state.data_set)

    def next_preview(self) -> None:
        """Show another image as the network sees it."""
        self._store.put(preview=None, preview_place=self._store.state.preview_place + 1)

    def add_place(self, place: Path) -> None:
        """Add a folder or a table as a source."""

        def done(found: tuple[Source, Sheet | None]) -> None:
            self._store.apply(source_added, *found)

        self._runner.start(Lane.FILES, SOURCE_KEY, lambda _context: _suggested(place), done, on_failed=self._tell)

    def change_source(self, place: int, source: Source) -> None:
        """Put a changed source in the place of one."""
        self._stop()
        self._store.apply(source_changed, place, source)

    def remove_source(self, place: int) -> None:
        """Take a source out."""
        self._stop()
        self._store.apply(source_removed, place)

    def start_scan(self) -> None:
        """Look through all images."""
        state = self._store.state
        if not state.sources:
            self._store.apply(notice_given, "Add a folder or a table first.")
            return
        sources, distance = state.sources, state.choices.distance
        self._store.put(scanning=Busy("Looking for images"), notice="")
        self._runner.start(
            Lane.FILES,
            SCAN_KEY,
            lambda context: _looked(sources, distance, context),
            self._on_scanned,
            on_failed=self._on_not_scanned,
            on_progress=self._on_progress,
        )

    def cancel_scan(self) -> None:
        """Stop looking."""
        self._stop()
        self._store.put(scanning=None)

    def choose(self, choices: Choices) -> None:
        """Change what takes part, and split again."""
        self._store.put(choices=choices)
        self._preview()
        self._build()

    def toggle_excluded(self, row: int) -> None:
        """Leave an image out by hand, or take it in again, and split again."""
        self._store.apply(image_excluded, row)
        self._build()

    def _stop(self) -> None:
        for key in (SCAN_KEY, BUILD_KEY, PROBE_KEY, LOOK_KEY):
            self._runner.cancel(key)
        self._store.put(scanning=None, probing=None, looking=None)

    def _on_progress(self, progress: object) -> None:
        if isinstance(progress, Progress):
            self._store.apply(scan_progressed, progress)

    def _on_scanned(self, seen: Scanned) -> None:
        self._store.apply(scan_done, seen)
        self._preview()
        self._build()

    def _on_not_scanned(self, error: CxrError) -> None:
        self._store.put(scanning=None, notice=str(error))

    def _preview(self) -> None:
        state = self._store.state
        rule = state.choices.patients
        if state.listed is None or rule.key is not PatientKey.PATTERN:
            self._store.put(pattern=None, pattern_problem="")
            return
        try:
            self._store.put(pattern=preview_pattern(state.listed.entries[:MOST_PREVIEWED], rule.pattern), pattern_problem="")
        except CxrError as error:
            self._store.put(pattern=None, pattern_problem=str(error))

    def _build(self) -> None:
        state = self._store.state
        if state.scan is None or state.listed is None or state.pattern_problem:
            return
        found, choices, is_multilabel = state.scan, state.choices, state.listed.is_multilabel
        self._runner.start(
            Lane.DISK,
            BUILD_KEY,
            lambda _context: _built(found, build_data_set(found, choices, is_multilabel=is_multilabel)),
            lambda built: self._store.apply(data_set_built, built),
            on_failed=lambda error: self._store.apply(data_set_refused, str(error)),
        )

    def _probe(self, found: Scan, data_set: DataSet) -> None:
        self._store.put(probing=Busy("Trying to tell the source"))

        def done(confounding: Confounding) -> None:
            self._store.put(confounding=confounding, probing=None)

        def failed(error: CxrError) -> None:
            nothing = Confounding((), (), is_source_class=False, sentences=(str(error),))
            self._store.put(confounding=nothing, probing=None)

        self._runner.start(Lane.FILES, PROBE_KEY, lambda context: _probed(found, data_set, context), done, on_failed=failed)

    def _look(self, found: Scan, data_set: DataSet) -> None:
        self._store.put(looking=Busy("Gathering"))

        def done(look: Look) -> None:
            self._store.put(look=look, looking=None)

        self._runner.start(Lane.FILES, LOOK_KEY, lambda _context: look_at(found, data_set), done, on_failed=self._tell)

    def _preview_image(self, state: Wizard, data_set: DataSet) -> None:
        recipe = load_changed(state.plan)
        # A stride that shares no factor with the number of images goes through classes and places.
        path = data_set.examples[state.preview_place * STRIDE % len(data_set.examples)].path
        others = _some_thumbs(state.scan, data_set) if state.scan is not None else ()
        self._store.put(previewing=Busy("Preparing an image"))

        def done(shown: Preview) -> None:
            is_stale = self._store.state.plan != state.plan  # a slider was moved meanwhile: begin again
            self._store.put(preview=None if is_stale else shown, previewing=None)

        def failed(error: CxrError) -> None:
            nothing = np.zeros((1, 8, 8), np.uint8)
            self._store.put(preview=Preview(path, nothing[0], nothing, ()), previewing=None, notice=str(error))

        self._runner.start(
            Lane.FILES, PREVIEW_KEY, lambda _context: preview(path, recipe.input, recipe.augment, others=others), done, on_failed=failed
        )

    def _tell(self, error: CxrError) -> None:
        self._store.apply(notice_given, str(error))


def _suggested(place: Path) -> tuple[Source, Sheet | None]:
    source = suggest_source(place)
    return source, read_sheet(source.place, most=SHOWN_ROWS) if source.place.is_file() else None


def _looked(sources: tuple[Source, ...], distance: int, context: Context) -> Scanned:
    listed = list_sources(sources)
    told_at = 0.0

    def report(progress: Progress) -> None:
        nonlocal told_at
        context.check()
        if time.monotonic() - told_at >= TOLD_EVERY_S or progress.done == progress.total:
            told_at = time.monotonic()
            context.report(progress)

    report(Progress(0, len(listed.entries)))
    gate = open_gate(engine="onnx", device="cpu", threads=1, workers=SCAN_WORKERS)
    try:
        look = gate.look if gate is not None else _nothing
        found = scan(listed.entries, distance=distance, gate=look, workers=SCAN_WORKERS, report=report)
    finally:
        if gate is not None:
            gate.close()
    return Scanned(listed, found, problems_of(found), count_images(found), values_of(found))


def _built(found: Scan, data_set: DataSet) -> Built:
    tests = [found.seen[row].sha256 for row, each in zip(data_set.rows, data_set.examples, strict=True) if each.split == "test"]
    return Built(data_set, count_splits(data_set), looks_at(test_hash(tests)))


def _nothing(_pixels: Pixels) -> tuple[Flag, ...]:
    return ()


def _some_thumbs(found: Scan, data_set: DataSet) -> Sequence[npt.NDArray[np.uint8]]:
    """Give small pictures from all over the data set."""
    step = max(1, len(data_set.rows) // MATCHED_TO)
    return [found.thumbs[row] for row in data_set.rows[::step][:MATCHED_TO]]


def _probed(found: Scan, data_set: DataSet, context: Context) -> Confounding:
    """Probe on the features of the gate's network, which learned from none of these images; on gray levels where there is no gate."""
    places = sample(len(data_set.rows), MOST_PROBED)
    seen = _seen_by_gate(found.thumbs[[data_set.rows[place] for place in places]], context)
    if seen is None:
        places = sample(len(data_set.rows), MOST)  # before anything is copied: there may be very many
        rows = [data_set.rows[place] for place in places]
        seen = Seen(found.borders[rows], small_whole(found.thumbs[rows]))
    chosen = [data_set.examples[place] for place in places]
    return probe_confounding(
        seen,
        [class_name(data_set, int(place)) for place in places],
        [example.source for example in chosen],
        [example.group for example in chosen],
    )


def _seen_by_gate(thumbs: npt.NDArray[np.uint8], context: Context) -> Seen | None:
    gate = open_gate(engine="onnx", device="cpu", threads=1, workers=1)
    if gate is None:
        return None
    try:
        frozen = frozen_features(thumbs, gate.package.manifest.input, gate.predictor, check=context.check)
    finally:
        gate.close()
    words = "as a network sees it that learned from none of these images"
    return None if frozen is None else Seen(frozen.border, frozen.whole, f"its border alone, {words}", f"the whole picture, {words}")
