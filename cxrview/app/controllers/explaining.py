"""Makes heatmaps on request, by methods that take further runs of the model, and gives them back when their image is seen again."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

from cxrview.app.answers import layer_views
from cxrview.app.cells import cell_states
from cxrview.app.controllers.kept import Kept
from cxrview.app.controllers.models import Session
from cxrview.app.state import (
    DEFAULT_ANSWERS_MB,
    AppState,
    ExplanationKey,
    LoadedPicture,
    NotExplained,
    explained,
    explanations_stopped,
)
from cxrview.app.store import Store
from cxrview.app.tasks import Context, Lane, Runner
from cxrview.core.errors import CxrError
from cxrview.core.image import ImageRef, Pixels
from cxrview.core.lung_input import prepare_with_lungs
from cxrview.core.results import Heatmap
from cxrview.engine.explain import WHOLE, explain


class Explaining:
    """Runs what a person asked for in the model's lane; another image or model stops it."""

    def __init__(self, store: Store, runner: Runner, session: Callable[[], Session | None], kept: Kept | None = None) -> None:
        """Ask `session` for the model in use."""
        self._store = store
        self._runner = runner
        self._session = session
        self._kept = kept or Kept(DEFAULT_ANSWERS_MB)
        self._made: dict[tuple[ImageRef, bool], set[ExplanationKey]] = {}
        self._openings = 0
        self._under_way: set[str] = set()
        self._for: tuple[ImageRef | None, Session | None] = (None, None)

    def follow(self, state: AppState) -> None:
        """Stop what nobody waits for any more, and give back what was made for a picture that is shown again."""
        session = self._session()
        now = (state.current, session)
        if now != self._for or state.openings != self._openings:
            if session is not self._for[1] or state.openings != self._openings:
                self._made.clear()
            self._for, self._openings = now, state.openings
            for key in self._under_way:
                self._runner.cancel(key)
            self._under_way.clear()
        if session is not None and self._made:
            for place in cell_states(state):
                self._give_back(place, session)

    def _give_back(self, place: AppState, session: Session) -> None:
        if not isinstance(place.picture, LoadedPicture):
            return
        picture = place.picture
        known = self._made.get((picture.ref, picture.is_turned), set())
        lacking = [key for key in known if key not in place.explanations.by_key]
        maps = {key: self._kept.heatmap(_kept_key(picture, key, session)) for key in lacking}
        found = {key: each for key, each in maps.items() if each is not None}
        known.difference_update(set(lacking) - set(found))
        if found:
            self._store.apply(explained, picture.ref, found)

    def make_selected(self) -> None:
        """Make the map of the selected layer, if it is missing."""
        state, session = self._store.state, self._session()
        view = layer_views(state)[state.layers.map_place]
        if session is None or view.finding is None or not view.is_missing or not isinstance(state.picture, LoadedPicture):
            return
        method, picture = view.layer.method, state.picture
        # Covering the picture, in whatever way, answers for every label at once.
        labels = session.package.manifest.labels if method in WHOLE else (view.finding.label,)
        wanted = tuple(label.id for label in labels)
        key = f"explain {method} {'all' if method in WHOLE else wanted[0]}"
        self._under_way.add(key)
        self._store.apply(explained, picture.ref, {ExplanationKey(label, method): NotExplained() for label in wanted})
        self._runner.start(
            Lane.MODEL,
            key,
            lambda context: _explain(picture.pixels, session, wanted, method, context),
            lambda maps: self._on_made(picture, session, method, maps),
            on_failed=lambda error: self._on_failed(picture.ref, wanted, method, error),
        )

    def stop(self) -> None:
        """Stop making maps; those that are wanted again can be asked for again."""
        for key in self._under_way:
            self._runner.cancel(key)
        self._under_way.clear()
        self._store.apply(explanations_stopped)

    def _on_made(self, picture: LoadedPicture, session: Session, method: str, maps: Sequence[Heatmap]) -> None:
        made = {ExplanationKey(item.label.id, method): item for item in maps}
        for key, item in made.items():
            self._kept.keep_heatmap(_kept_key(picture, key, session), item)
            self._made.setdefault((picture.ref, picture.is_turned), set()).add(key)
        self._store.apply(explained, picture.ref, made)

    def _on_failed(self, ref: ImageRef, wanted: Sequence[str], method: str, error: CxrError) -> None:
        reason = f"{error.message} {error.hint}".strip()
        self._store.apply(explained, ref, {ExplanationKey(label, method): NotExplained(reason) for label in wanted})


def _kept_key(picture: LoadedPicture, key: ExplanationKey, session: Session) -> Hashable:
    return ("map", picture.ref, picture.is_turned, key, session.package.sha256)


def _explain(pixels: Pixels, session: Session, labels: Sequence[str], method: str, context: Context) -> tuple[Heatmap, ...]:
    lungs = None if session.lungs is None else session.lungs.find(pixels)
    model_input = prepare_with_lungs(pixels, session.package.manifest.input, lungs)
    return explain(
        model_input, session.package, session.predictor, labels=labels, method=method, target=session.target, check=context.check
    )
