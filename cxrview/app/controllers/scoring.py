"""Lets the model read: the shown picture at once, all listed images on request, one by one so that a click goes in between."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import replace

from cxrview.app.controllers.models import Session
from cxrview.app.state import (
    AppState,
    LoadedPicture,
    NotScored,
    ReadyModel,
    ScoringFailed,
    batch_advanced,
    batch_ended,
    batch_started,
    notice_given,
    reading_known,
    scoring_started,
)
from cxrview.app.store import Store
from cxrview.app.tasks import Context, Lane, Runner
from cxrview.core.errors import CxrError
from cxrview.core.flags import flags_of
from cxrview.core.image import ImageRef, Pixels
from cxrview.core.results import Analysis
from cxrview.engine.analyse import analyse
from cxrview.io.read import read_pixels

CURRENT_KEY = "score current"
BATCH_KEY = "score all"
# A few kilobytes each: the heatmaps are at feature size.
KEPT_ANALYSES = 512


class Scoring:
    """Follows the state: a shown picture without an answer gets one, as soon as a model runs."""

    def __init__(self, store: Store, runner: Runner, session: Callable[[], Session | None]) -> None:
        """Ask `session` for the model in use."""
        self._store = store
        self._runner = runner
        self._session = session
        self._kept: OrderedDict[ImageRef, Analysis] = OrderedDict()
        self._kept_for: Session | None = None
        self._listed: tuple[ImageRef, ...] = ()
        self._waiting: deque[ImageRef] = deque()

    def follow(self, state: AppState) -> None:
        """Score what is shown, and stop the batch when the state knows of none any more."""
        if state.batch is None:
            self._waiting.clear()
            self._runner.cancel(BATCH_KEY)
        session = self._session()
        if session is None or not isinstance(state.model, ReadyModel):
            self._runner.cancel(CURRENT_KEY)
            return
        if session is not self._kept_for or state.listing.refs is not self._listed:
            self._runner.cancel(CURRENT_KEY)
            self._kept.clear()
            self._kept_for, self._listed = session, state.listing.refs
        if isinstance(state.picture, LoadedPicture) and isinstance(state.reading, NotScored) and self._is_wanted(state, state.picture.ref):
            self._score(state.picture, session)

    def _is_wanted(self, state: AppState, ref: ImageRef) -> bool:
        """Tell whether an answer is to be shown unasked: always, or only one that is known already."""
        return state.is_auto_scoring or ref in self._kept

    def score_shown(self) -> None:
        """Score the shown picture, for a person who does not want it done unasked."""
        state, session = self._store.state, self._session()
        is_wanted = isinstance(state.model, ReadyModel) and not isinstance(state.reading, Analysis)
        if session is not None and is_wanted and isinstance(state.picture, LoadedPicture):
            self._score(state.picture, session)

    def score_all(self) -> None:
        """Score every listed image that has no outcome yet."""
        state = self._store.state
        if not isinstance(state.model, ReadyModel) or state.batch is not None:
            return
        waiting = deque(ref for ref in state.listing.shown if ref not in state.outcomes.by_ref)
        if not waiting:
            self._store.apply(notice_given, "All listed images are scored.")
            return
        self._store.apply(batch_started, len(waiting))
        self._waiting = waiting
        self._score_next()

    def cancel_all(self) -> None:
        """Stop scoring all; what is scored stays."""
        self._waiting.clear()
        self._runner.cancel(BATCH_KEY)
        self._store.apply(batch_ended)

    def _score(self, picture: LoadedPicture, session: Session) -> None:
        kept = self._kept.get(picture.ref)
        if kept is not None:
            self._store.apply(reading_known, picture.ref, kept)
            return
        self._store.apply(scoring_started)
        self._runner.start(
            Lane.MODEL,
            CURRENT_KEY,
            lambda _context: _analysed(picture.pixels, session),
            lambda analysis: self._on_scored(picture.ref, analysis),
            on_failed=lambda error: self._store.apply(reading_known, picture.ref, _failure(error)),
        )

    def _on_scored(self, ref: ImageRef, analysis: Analysis) -> None:
        self._keep(ref, analysis)
        self._store.apply(reading_known, ref, analysis)

    def _score_next(self) -> None:
        session = self._session()
        if not self._waiting or session is None:
            self._store.apply(batch_ended)
            return
        ref = self._waiting.popleft()
        self._runner.start(
            Lane.MODEL,
            BATCH_KEY,
            lambda context: _read_and_analyse(ref, session, context),
            lambda analysis: self._on_batch_scored(ref, analysis),
            on_failed=lambda error: self._on_batch_answer(ref, _failure(error)),
        )

    def _on_batch_scored(self, ref: ImageRef, analysis: Analysis) -> None:
        self._keep(ref, analysis)
        self._on_batch_answer(ref, analysis)

    def _on_batch_answer(self, ref: ImageRef, answer: Analysis | ScoringFailed) -> None:
        self._store.apply(batch_advanced, ref, answer)
        if self._store.state.batch is not None:
            self._score_next()

    def _keep(self, ref: ImageRef, analysis: Analysis) -> None:
        self._kept[ref] = analysis
        if len(self._kept) > KEPT_ANALYSES:
            self._kept.popitem(last=False)


def _read_and_analyse(ref: ImageRef, session: Session, context: Context) -> Analysis:
    pixels = read_pixels(ref)
    context.check()
    return _analysed(pixels, session)


def _analysed(pixels: Pixels, session: Session) -> Analysis:
    """Let the model read, and note beside its answer what is unusual about the file."""
    return replace(analyse(pixels, session.package, session.predictor), flags=tuple(str(flag) for flag in flags_of(pixels)))


def _failure(error: CxrError) -> ScoringFailed:
    return ScoringFailed(error.message, error.hint)
