"""Finds the model packages, opens the chosen one, and takes new ones in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cxrview.app.state import (
    AskedEngine,
    BrokenModel,
    ModelEntry,
    OpeningModel,
    ReadyModel,
    engine_chosen,
    model_chosen,
    model_opened,
    models_listed,
)
from cxrview.app.store import Store
from cxrview.app.tasks import Context, Lane, Runner
from cxrview.core.errors import Cancelled, CxrError
from cxrview.engine.base import Predictor
from cxrview.engine.choose import Choice
from cxrview.engine.explain import methods_for
from cxrview.engine.packages import Package, add_package, broken_packages, installed_packages, load_package, read_card

OPEN_KEY = "open model"
LIST_KEY = "list models"

OpenPredictor = Callable[[Package, AskedEngine], Choice]


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """A model that runs: its package, and what runs it."""

    package: Package
    predictor: Predictor
    reasons: tuple[str, ...]
    card: str = ""


@dataclass(frozen=True, slots=True)
class _Listed:
    entries: tuple[ModelEntry, ...]
    notice: str
    chosen: ModelEntry | None


class Models:
    """Owns the one session; opens and closes it in the model lane, so that nothing runs in a closed one."""

    def __init__(self, store: Store, runner: Runner, *, opener: OpenPredictor) -> None:
        """Open predictors with `opener`."""
        self._store = store
        self._runner = runner
        self._opener = opener
        self.session: Session | None = None

    def refresh(self, preferred: str = "") -> None:
        """List the installed models and choose one: the preferred id or folder, else the first."""
        self._list(lambda _context: _listed(preferred))

    def add(self, folder: Path) -> None:
        """Copy a model folder to the user's models and choose it."""

        def work(_context: Context) -> _Listed:
            package = add_package(folder)
            return _listed(package.manifest.id)

        self._list(work)

    def choose(self, entry: ModelEntry) -> None:
        """Open a model in place of the one in use."""
        self._store.apply(model_chosen, entry)
        self._open_chosen()

    def choose_engine(self, asked: AskedEngine) -> None:
        """Open the model in use anew in another engine or on another device."""
        self._store.apply(engine_chosen, asked)
        self._open_chosen()

    def _open_chosen(self) -> None:
        """Open what the state says is being opened."""
        if not isinstance(self._store.state.model, OpeningModel):
            return
        entry, asked = self._store.state.model.entry, self._store.state.asked
        self._close_session()
        self._runner.start(
            Lane.MODEL,
            OPEN_KEY,
            lambda context: _open(entry, asked, self._opener, context),
            lambda session: self._on_opened(entry, session),
            on_failed=lambda error: self._store.apply(model_opened, BrokenModel(entry, error.message, error.hint)),
        )

    def close(self) -> None:
        """Let go of the session; for the end, when no lane runs any more."""
        if self.session is not None:
            self.session.predictor.close()
            self.session = None

    def _list(self, work: Callable[[Context], _Listed]) -> None:
        self._runner.start(Lane.DISK, LIST_KEY, work, self._on_listed, on_failed=self._on_not_listed)

    def _on_listed(self, listed: _Listed) -> None:
        self._store.apply(models_listed, listed.entries, listed.notice)
        if listed.chosen is not None:
            self.choose(listed.chosen)

    def _on_not_listed(self, error: CxrError) -> None:
        self._store.apply(models_listed, self._store.state.models, str(error))

    def _on_opened(self, entry: ModelEntry, session: Session) -> None:
        self.session = session
        predictor = session.predictor
        package = session.package
        ready = ReadyModel(
            entry,
            predictor.engine,
            predictor.device,
            session.reasons,
            package.manifest.intended_use,
            {label.id: threshold for label, threshold in zip(package.manifest.labels, package.manifest.thresholds, strict=True)},
            methods_for(package),
            session.card,
        )
        self._store.apply(model_opened, ready)

    def _close_session(self) -> None:
        if self.session is not None:
            predictor, self.session = self.session.predictor, None
            self._runner.start(Lane.MODEL, f"close {id(predictor)}", lambda _context: predictor.close(), lambda _answer: None)


def entry_of(package: Package) -> ModelEntry:
    """Describe a package for lists."""
    manifest = package.manifest
    return ModelEntry(manifest.id, manifest.title, manifest.version, package.folder)


def _listed(preferred: str) -> _Listed:
    """Look for models; a preferred one that is a folder elsewhere is used from there."""
    entries = tuple(entry_of(package) for package in installed_packages())
    chosen = next((entry for entry in entries if preferred in (entry.id, str(entry.folder))), None)
    if chosen is None and preferred:
        chosen, notice = _elsewhere(preferred)
        entries = entries if chosen is None else (*entries, chosen)
        return _Listed(entries, notice, chosen or next(iter(entries), None))
    broken = broken_packages()
    notice = f"The model in {broken[0].folder.name} cannot be used: {broken[0].reason}" if broken else ""
    return _Listed(entries, notice, chosen or next(iter(entries), None))


def _elsewhere(preferred: str) -> tuple[ModelEntry | None, str]:
    """Give the model in a folder that is not among the installed ones, or a sentence why there is none."""
    if not Path(preferred).is_dir():
        return None, f"There is no model '{preferred}'."
    try:
        return entry_of(load_package(Path(preferred), verify=False)), ""
    except CxrError as error:
        return None, str(error)


def _open(entry: ModelEntry, asked: AskedEngine, opener: OpenPredictor, context: Context) -> Session:
    package = load_package(entry.folder)
    choice = opener(package, asked)
    if context.is_cancelled:
        choice.predictor.close()
        raise Cancelled
    return Session(package, choice.predictor, choice.reasons, read_card(package))
