"""Makes heatmaps on request, by methods that take further runs of the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cxrview.app.answers import layer_views
from cxrview.app.controllers.models import Session
from cxrview.app.state import AppState, ExplanationKey, LoadedPicture, NotExplained, explained
from cxrview.app.store import Store
from cxrview.app.tasks import Context, Lane, Runner
from cxrview.core.errors import CxrError
from cxrview.core.image import ImageRef, Pixels
from cxrview.core.prepare import prepare
from cxrview.core.results import Heatmap
from cxrview.engine.explain import OCCLUSION, explain


class Explaining:
    """Runs what a person asked for in the model's lane; another image or model stops it."""

    def __init__(self, store: Store, runner: Runner, session: Callable[[], Session | None]) -> None:
        """Ask `session` for the model in use."""
        self._store = store
        self._runner = runner
        self._session = session
        self._under_way: set[str] = set()
        self._for: tuple[ImageRef | None, Session | None] = (None, None)

    def follow(self, state: AppState) -> None:
        """Stop what nobody waits for any more."""
        now = (state.current, self._session())
        if now != self._for:
            self._for = now
            for key in self._under_way:
                self._runner.cancel(key)
            self._under_way.clear()

    def make_selected(self) -> None:
        """Make the map of the selected layer, if it is missing."""
        state, session = self._store.state, self._session()
        view = layer_views(state)[state.layers.selected]
        if session is None or view.finding is None or not view.is_missing or not isinstance(state.picture, LoadedPicture):
            return
        method, picture = view.layer.method, state.picture
        # Covering the picture answers for every label at once.
        labels = session.package.manifest.labels if method == OCCLUSION else (view.finding.label,)
        wanted = tuple(label.id for label in labels)
        key = f"explain {method} {'all' if method == OCCLUSION else wanted[0]}"
        self._under_way.add(key)
        self._store.apply(explained, picture.ref, {ExplanationKey(label, method): NotExplained() for label in wanted})
        self._runner.start(
            Lane.MODEL,
            key,
            lambda context: _explain(picture.pixels, session, wanted, method, context),
            lambda maps: self._on_made(picture.ref, method, maps),
            on_failed=lambda error: self._on_failed(picture.ref, wanted, method, error),
        )

    def _on_made(self, ref: ImageRef, method: str, maps: Sequence[Heatmap]) -> None:
        self._store.apply(explained, ref, {ExplanationKey(item.label.id, method): item for item in maps})

    def _on_failed(self, ref: ImageRef, wanted: Sequence[str], method: str, error: CxrError) -> None:
        reason = f"{error.message} {error.hint}".strip()
        self._store.apply(explained, ref, {ExplanationKey(label, method): NotExplained(reason) for label in wanted})


def _explain(pixels: Pixels, session: Session, labels: Sequence[str], method: str, context: Context) -> tuple[Heatmap, ...]:
    model_input = prepare(pixels, session.package.manifest.input)
    return explain(model_input, session.package, session.predictor, labels=labels, method=method, check=context.check)
