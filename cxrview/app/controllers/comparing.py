"""Opens a second model and lets it read what the first reads, so that both can be seen side by side."""

from __future__ import annotations

from cxrview.app.comparing import second_chosen, second_known, second_opened, second_started
from cxrview.app.controllers.answering import Memory, answer_to
from cxrview.app.controllers.models import OpenLungs, OpenPredictor, Session, open_session, ready_model
from cxrview.app.state import (
    AppState,
    AskedEngine,
    BrokenModel,
    LoadedPicture,
    ModelEntry,
    NotScored,
    OpeningModel,
    ReadyModel,
    ScoringFailed,
)
from cxrview.app.store import Store
from cxrview.app.tasks import Lane, Runner
from cxrview.core.errors import CxrError
from cxrview.core.results import Analysis

OPEN_KEY = "open second model"
SCORE_KEY = "score by second model"


class Comparing:
    """Owns the second session; like the first it is opened, used and closed in the model lane."""

    def __init__(
        self, store: Store, runner: Runner, memory: Memory, *, opener: OpenPredictor, lungs_opener: OpenLungs = lambda _asked: None
    ) -> None:
        """Open predictors with `opener`, on the engine and device that are asked for the first model."""
        self._store = store
        self._runner = runner
        self._memory = memory
        self._opener = opener
        self._lungs_opener = lungs_opener
        self.session: Session | None = None
        self._opened_for: tuple[ModelEntry, AskedEngine] | None = None

    def choose(self, entry: ModelEntry | None) -> None:
        """Compare with this model, or with none."""
        self._store.apply(second_chosen, entry)

    def follow(self, state: AppState) -> None:
        """Open what is chosen, let it read what is shown, and close what nobody wants any more."""
        model = state.second.model
        wanted = (model.entry, state.asked) if isinstance(model, OpeningModel | ReadyModel | BrokenModel) else None
        if wanted != self._opened_for:
            self._change(wanted)
            return
        picture, session = state.picture, self.session
        is_first_done = isinstance(state.reading, Analysis | ScoringFailed)
        if isinstance(picture, LoadedPicture) and is_first_done and session is not None and isinstance(state.second.reading, NotScored):
            self._score(picture, session)

    def close(self) -> None:
        """Let go of the session; for the end, when no lane runs any more."""
        if self.session is not None:
            self.session.close()
            self.session = None

    def _change(self, wanted: tuple[ModelEntry, AskedEngine] | None) -> None:
        self._opened_for = wanted
        for key in (OPEN_KEY, SCORE_KEY):
            self._runner.cancel(key)
        if self.session is not None:
            session, self.session = self.session, None
            self._runner.start(Lane.MODEL, f"close {id(session)}", lambda _context: session.close(), lambda _answer: None)
        if wanted is None:
            return
        entry, asked = wanted
        if not isinstance(self._store.state.second.model, OpeningModel):
            self._store.apply(second_chosen, entry)  # the engine changed
        self._runner.start(
            Lane.MODEL,
            OPEN_KEY,
            lambda context: open_session(entry, asked, self._opener, self._lungs_opener, context),
            lambda session: self._on_opened(entry, session),
            on_failed=lambda error: self._store.apply(second_opened, BrokenModel(entry, error.message, error.hint)),
        )

    def _on_opened(self, entry: ModelEntry, session: Session) -> None:
        self.session = session
        self._store.apply(second_opened, ready_model(entry, session))

    def _score(self, picture: LoadedPicture, session: Session) -> None:
        self._store.apply(second_started)
        self._runner.start(
            Lane.MODEL,
            SCORE_KEY,
            lambda _context: answer_to(picture.pixels, session, self._memory).analysis,
            lambda analysis: self._store.apply(second_known, picture.ref, analysis),
            on_failed=lambda error: self._on_failed(picture, error),
        )

    def _on_failed(self, picture: LoadedPicture, error: CxrError) -> None:
        self._store.apply(second_known, picture.ref, ScoringFailed(error.message, error.hint))
