"""Scores the covered picture, so that a person can ask whether the model would still say so."""

from __future__ import annotations

from collections.abc import Callable

from cxrview.app.controllers.models import Session
from cxrview.app.covering import covered_known, covered_started
from cxrview.app.state import AppState, LoadedPicture, NotScored, ReadyModel, ScoringFailed
from cxrview.app.store import Store
from cxrview.app.tasks import Lane, Runner
from cxrview.core.cover import Spot, covered
from cxrview.core.image import Pixels
from cxrview.core.lung_input import prepare_with_lungs
from cxrview.core.lungs import Lungs
from cxrview.core.results import Analysis
from cxrview.engine.analyse import analysis_of

KEY = "score covered"


class Covering:
    """Follows the state: spots without an answer get one; newer spots silence older ones."""

    def __init__(self, store: Store, runner: Runner, session: Callable[[], Session | None]) -> None:
        """Ask `session` for the model in use."""
        self._store = store
        self._runner = runner
        self._session = session

    def follow(self, state: AppState) -> None:
        """Score the covered picture once the whole one is scored."""
        session = self._session()
        if not state.cover.spots or session is None or not isinstance(state.model, ReadyModel):
            self._runner.cancel(KEY)
            return
        picture, reading = state.picture, state.reading
        if isinstance(picture, LoadedPicture) and isinstance(reading, Analysis) and isinstance(state.cover.reading, NotScored):
            self._score(picture, reading, state.cover.spots, session)

    def _score(self, picture: LoadedPicture, whole: Analysis, spots: tuple[Spot, ...], session: Session) -> None:
        self._store.apply(covered_started)
        self._runner.start(
            Lane.MODEL,
            KEY,
            lambda _context: score_covered(picture.pixels, spots, session, whole.lungs),
            lambda analysis: self._store.apply(covered_known, spots, analysis),
            on_failed=lambda error: self._store.apply(covered_known, spots, ScoringFailed(error.message, error.hint)),
        )


def score_covered(pixels: Pixels, spots: tuple[Spot, ...], session: Session, lungs: Lungs | None) -> Analysis:
    """Run the model on the picture with spots covered; everything else, crop and contrast too, is as for the whole one."""
    if lungs is None and session.lungs is not None:
        lungs = session.lungs.find(pixels)
    model_input = prepare_with_lungs(pixels, session.package.manifest.input, lungs)
    (forward,) = session.predictor.run(covered(model_input.tensor, model_input.frame, spots))
    return analysis_of(forward, model_input, session.package, session.predictor, with_heatmaps=False)
