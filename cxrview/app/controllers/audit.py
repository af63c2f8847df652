"""Notes in the audit log what was shown, overruled and exported."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cxrview.app.answers import is_withheld, refusal_of
from cxrview.app.state import AppState, LoadedPicture, notice_given
from cxrview.app.store import Store
from cxrview.app.tasks import Lane, Runner
from cxrview.core.errors import CxrError
from cxrview.core.image import ImageRef, Pixels
from cxrview.core.results import Analysis
from cxrview.io.audit import AuditEntry, AuditEvent, append_entry, image_sha256, now

KEY = "audit"
TURNED_DETAIL = "dark and bright were swapped for the model"
TURNED_BACK_DETAIL = "dark and bright were swapped back, as the file says"


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    entry: AuditEntry
    pixels: Pixels | None


class Audit:
    """Follows the state; lines are written in the disk lane, in order, and the rest when the program ends."""

    def __init__(self, store: Store, runner: Runner, log_dir: Path) -> None:
        self._store = store
        self._runner = runner
        self._log_dir = log_dir
        self._waiting: deque[_Waiting] = deque()
        self._shown: tuple[object, ...] = ()
        self._overruled: frozenset[ImageRef] = frozenset()
        self._turned: frozenset[ImageRef] = frozenset()

    def follow(self, state: AppState) -> None:
        """Note a result once it is seen, and a refusal that was overruled."""
        if state.shown_anyway != self._overruled:
            is_new = state.current in state.shown_anyway - self._overruled
            self._overruled = state.shown_anyway
            if is_new:
                self._note(AuditEvent.OVERRIDE, state, refusal_of(state))
        is_seen = state.is_notice_accepted and not is_withheld(state)
        if state.turned_polarity != self._turned:
            is_new = state.current in state.turned_polarity - self._turned
            self._turned = state.turned_polarity
            self._note(AuditEvent.POLARITY, state, TURNED_DETAIL if is_new else TURNED_BACK_DETAIL)
        analysis = state.reading if isinstance(state.reading, Analysis) and is_seen else None
        # An answer from the library and the same with its heatmaps are one result.
        seen = (
            ()
            if analysis is None
            else (state.current, analysis.model_sha256, analysis.engine, analysis.device, *_result_of(analysis).items())
        )
        if analysis is not None and seen != self._shown:
            self._shown = seen
            self._note(AuditEvent.RESULT_SHOWN, state, "")

    def note_acceptance(self) -> None:
        """Note that the notice at the first start was accepted."""
        self._write(_Waiting(AuditEntry(now(), AuditEvent.NOTICE_ACCEPTED, detail="research and education, not for diagnosis"), None))

    def note_export(self, detail: str) -> None:
        """Note that what is seen left the program."""
        self._note(AuditEvent.EXPORT, self._store.state, detail)

    def close(self) -> None:
        """Write what is left; for the end, when no lane runs any more."""
        _write_all(self._waiting, self._log_dir)

    def _note(self, event: AuditEvent, state: AppState, detail: str) -> None:
        if not isinstance(state.picture, LoadedPicture):
            return
        entry = AuditEntry(now(), event, detail=detail)
        if isinstance(state.reading, Analysis):
            entry = _with_analysis(entry, state.reading, state.thresholds)
        self._write(_Waiting(entry, state.picture.pixels))

    def _write(self, waiting: _Waiting) -> None:
        self._waiting.append(waiting)
        self._runner.start(
            Lane.DISK, KEY, lambda _context: _write_all(self._waiting, self._log_dir), lambda _answer: None, on_failed=self._on_failed
        )

    def _on_failed(self, error: CxrError) -> None:
        self._store.apply(notice_given, str(error))


def _result_of(analysis: Analysis) -> dict[str, float]:
    return {finding.label.id: round(finding.probability, 6) for finding in analysis.findings}


def _with_analysis(entry: AuditEntry, analysis: Analysis, thresholds: Mapping[str, float]) -> AuditEntry:
    return replace(
        entry,
        model=analysis.model_id,
        model_version=analysis.model_version,
        model_sha256=analysis.model_sha256,
        engine=analysis.engine,
        device=analysis.device,
        result=_result_of(analysis),
        thresholds=dict(thresholds),
    )


def _write_all(waiting: deque[_Waiting], log_dir: Path) -> None:
    while True:
        try:
            item = waiting.popleft()
        except IndexError:
            return
        entry = item.entry if item.pixels is None else replace(item.entry, image_sha256=image_sha256(item.pixels))
        try:
            append_entry(log_dir, entry)
        except OSError as error:
            raise CxrError(f"The audit log cannot be written: {error.strerror}.", subject=str(log_dir)) from error
