"""Finds the model packages, opens the chosen one, and takes new ones in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
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
from cxrview.core.operating import curves_of
from cxrview.core.results import HeatmapTarget
from cxrview.engine.base import Predictor
from cxrview.engine.choose import Choice
from cxrview.engine.explain import methods_for
from cxrview.engine.lungs import LungFinder
from cxrview.engine.model_file import add_model
from cxrview.engine.packages import Package, broken_packages, installed_packages, load_package, read_card

OPEN_KEY = "open model"
LIST_KEY = "list models"

OpenPredictor = Callable[[Package, AskedEngine], Choice]
OpenLungs = Callable[[AskedEngine], LungFinder | None]


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """A model that runs: its package, and what runs it."""

    package: Package
    predictor: Predictor
    reasons: tuple[str, ...]
    card: str = ""
    lungs: LungFinder | None = None
    target: HeatmapTarget = HeatmapTarget.LOGIT

    @property
    def reader(self) -> str:
        """Name whose answers these are: the model package, and the packages that look at the picture beside it."""
        if self.lungs is None:
            return self.package.sha256
        beside = (self.lungs.package, *(() if self.lungs.gate is None else (self.lungs.gate.package,)))
        digest = hashlib.blake2b(digest_size=32)
        for package in (self.package, *beside):
            digest.update(package.sha256.encode() + b";")
        return digest.hexdigest()

    def close(self) -> None:
        """Let go of what runs."""
        self.predictor.close()
        if self.lungs is not None:
            self.lungs.close()


@dataclass(frozen=True, slots=True)
class _Listed:
    entries: tuple[ModelEntry, ...]
    notice: str
    chosen: ModelEntry | None


class Models:
    """Owns the one session; opens and closes it in the model lane, so that nothing runs in a closed one."""

    def __init__(
        self,
        store: Store,
        runner: Runner,
        *,
        opener: OpenPredictor,
        lungs_opener: OpenLungs = lambda _asked: None,
        target: HeatmapTarget = HeatmapTarget.LOGIT,
    ) -> None:
        """Open predictors with `opener`, and the lung network beside them with `lungs_opener`; heatmaps explain `target`."""
        self._store = store
        self._runner = runner
        self._opener = opener
        self._lungs_opener = lungs_opener
        self._target = target
        self.session: Session | None = None

    def refresh(self, preferred: str = "") -> None:
        """List the installed models and choose one: the preferred id or folder, else the first."""
        self._list(lambda _context: _listed(preferred))

    def add(self, path: Path) -> None:
        """Copy a model folder, or what is in a model file, to the user's models and choose it."""

        def work(_context: Context) -> _Listed:
            package = add_model(path)
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
            lambda context: open_session(entry, asked, self._opener, self._lungs_opener, context),
            lambda session: self._on_opened(entry, replace(session, target=self._target)),
            on_failed=lambda error: self._store.apply(model_opened, BrokenModel(entry, error.message, error.hint)),
        )

    def close(self) -> None:
        """Let go of the session; for the end, when no lane runs any more."""
        if self.session is not None:
            self.session.close()
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
        self._store.apply(model_opened, ready_model(entry, session))

    def _close_session(self) -> None:
        if self.session is not None:
            session, self.session = self.session, None
            self._runner.start(Lane.MODEL, f"close {id(session)}", lambda _context: session.close(), lambda _answer: None)


def entry_of(package: Package) -> ModelEntry:
    """Describe a package for lists."""
    manifest = package.manifest
    return ModelEntry(manifest.id, manifest.title, manifest.version, package.folder)


def ready_model(entry: ModelEntry, session: Session) -> ReadyModel:
    """Tell what the window needs to know of a model that runs."""
    manifest = session.package.manifest
    return ReadyModel(
        entry,
        session.predictor.engine,
        session.predictor.device,
        session.reasons,
        manifest.intended_use,
        {label.id: threshold for label, threshold in zip(manifest.labels, manifest.thresholds, strict=True)},
        methods_for(session.package),
        session.card,
        curves_of(manifest),
        session.lungs is not None,
        session.reader,
        {label.id: rule for label, rule in zip(manifest.labels, manifest.conformal, strict=False) if rule is not None},
    )


def open_session(entry: ModelEntry, asked: AskedEngine, opener: OpenPredictor, lungs_opener: OpenLungs, context: Context) -> Session:
    """Check a package, open what runs it, and the lung network; without the latter the model runs all the same."""
    package = load_package(entry.folder)
    choice = opener(package, asked)
    reasons = choice.reasons
    lungs: LungFinder | None = None
    try:
        lungs = lungs_opener(asked)
    except CxrError as error:
        reasons = (*reasons, f"The lungs are not looked for: {error.message} {error.hint}".rstrip())
    session = Session(package, choice.predictor, reasons, read_card(package), lungs)
    if context.is_cancelled:
        session.close()
        raise Cancelled
    return session


def _listed(preferred: str) -> _Listed:
    """Look for models; a preferred one that is a folder elsewhere is used from there."""
    installed = (package for package in installed_packages() if package.manifest.task.is_classifier)
    entries = tuple(entry_of(package) for package in installed)
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
