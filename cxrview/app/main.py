"""All that works behind the window: everything is built once, in order, and taken down in reverse."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from PySide6.QtWidgets import QApplication

from cxrview.app.controllers.answering import Answer, Memory, save_answer
from cxrview.app.controllers.audit import Audit
from cxrview.app.controllers.comparing import Comparing
from cxrview.app.controllers.covering import Covering
from cxrview.app.controllers.explaining import Explaining
from cxrview.app.controllers.exports import Exports
from cxrview.app.controllers.kept import Kept
from cxrview.app.controllers.models import Models
from cxrview.app.controllers.notes import Notes
from cxrview.app.controllers.pictures import Pictures
from cxrview.app.controllers.remembering import Remembering
from cxrview.app.controllers.scoring import Scoring
from cxrview.app.controllers.shelf import Shelf
from cxrview.app.controllers.studies import Studies
from cxrview.app.controllers.tables import Tables
from cxrview.app.controllers.tags import Tags
from cxrview.app.controllers.thumbnails import Thumbnails
from cxrview.app.crash import CrashReporter
from cxrview.app.opening import Front, Options, build_front, main, parse
from cxrview.app.state import AskedEngine, notice_given
from cxrview.app.store import Store
from cxrview.app.tasks import Runner, ThreadRunner
from cxrview.app.window import MainWindow
from cxrview.app.wiring import Controllers, open_paths, wire
from cxrview.app.wizard_wiring import Desk
from cxrview.app.worklist_wiring import WorklistDesk
from cxrview.core.image import ImageRef
from cxrview.core.results import HeatmapTarget
from cxrview.engine import apart
from cxrview.engine.apart import EngineProcess, open_predictor
from cxrview.engine.choose import Choice
from cxrview.engine.lungs import LungFinder, open_lungs
from cxrview.engine.packages import Package
from cxrview.io.places import places
from cxrview.io.settings import Settings

__all__ = ["Options", "Program", "build", "main", "parse"]


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """The running window and everything behind it."""

    window: MainWindow
    store: Store
    runner: Runner
    controllers: Controllers
    shelf: Shelf
    desk: Desk
    worklist: WorklistDesk
    crashes: CrashReporter
    remembering: Remembering
    settings: Settings
    engines: EngineProcess

    def begin(self, options: Options) -> None:
        """Look for models and open what was asked for; called once the window is on the screen."""
        self.shelf.open()
        self.controllers.models.refresh(options.model or self.settings.model)
        open_paths(self.controllers, options.paths)

    def close(self) -> None:
        """Take everything down in reverse: no new work, networks ended, workers idle, session closed, then Qt."""
        self.desk.close()
        self.worklist.close()
        self.window.close()
        self.engines.close()
        self.runner.close()
        self.controllers.models.close()
        self.controllers.comparing.close()
        self.controllers.audit.close()
        self.controllers.notes.close()
        self.shelf.close()
        self.crashes.remove()
        self.store.changed.disconnect()
        self.window.deleteLater()


def build(application: QApplication | None = None, runner: Runner | None = None, *, front: Front | None = None) -> Program:
    """Build the program behind a window, and the window first when there is none; nothing heavy is imported."""
    if front is None:
        assert application is not None
        front = build_front(application)
    where, window, store = places(), front.window, front.store
    crashes, settings = front.crashes, front.settings
    window.complete()
    runner = runner or ThreadRunner(crashes.report)
    shelf = Shelf(store, runner)
    engines = EngineProcess()
    opener = partial(_open, threads=settings.threads, process=engines)
    lungs_opener = partial(_open_lungs, threads=settings.threads, process=engines)
    models = Models(store, runner, opener=opener, lungs_opener=lungs_opener, target=HeatmapTarget(settings.heatmap_target))
    memory = _memory(settings, shelf)
    pictures = Pictures(store, runner)
    audit = Audit(store, runner, where.log_dir)
    studies = Studies(store, shelf, where.cache_dir / "phantoms")
    controllers = Controllers(
        studies=studies,
        thumbnails=Thumbnails(store, runner),
        notes=Notes(store, shelf, studies.take_stock),
        tables=Tables(store, shelf),
        pictures=pictures,
        models=models,
        scoring=Scoring(store, runner, lambda: models.session, memory, pictures.kept),
        explaining=Explaining(store, runner, lambda: models.session, memory.kept),
        covering=Covering(store, runner, lambda: models.session),
        comparing=Comparing(store, runner, memory, opener=opener, lungs_opener=lungs_opener),
        audit=audit,
        tags=Tags(store, runner),
        exports=Exports(store, runner, audit),
    )
    wire(window, store, controllers, crashes)
    strange = window.profile_menu.strangers(store.state.own_keys)
    if strange:
        store.apply(notice_given, f"The settings give keys to what is no action: {', '.join(strange)}.")
    window.render_state(store.state)
    remembering = Remembering(store, settings)
    # At once, for the program may be killed later.
    for settled in (
        window.notice_page.accepted,
        window.settings_dialog.finished,
        window.own_windows_dialog.finished,
        window.own_keys_dialog.finished,
    ):
        settled.connect(lambda *_result: remembering.keep())
    desk = Desk(window, runner, where.runs_dir, on_published=models.refresh, on_open=partial(open_paths, controllers))
    window.actions_.train.triggered.connect(desk.open)
    window.start_page.train_requested.connect(desk.open)
    worklist = WorklistDesk(window, store, runner)
    window.start_page.score_requested.connect(worklist.begin)
    window.actions_.worklist.triggered.connect(worklist.toggle)
    return Program(window, store, runner, controllers, shelf, desk, worklist, crashes, remembering, settings, engines)


def _memory(settings: Settings, shelf: Shelf) -> Memory:
    """Remember answers in this session and, through the library, in later ones."""

    def save(ref: ImageRef, answer: Answer) -> None:
        shelf.ask(f"save answer {ref}", lambda library: save_answer(ref, answer, library))

    return Memory(Kept(settings.answers_mb), lambda: shelf.library, save)


def _open_lungs(_asked: AskedEngine, *, threads: int, process: EngineProcess) -> LungFinder | None:
    return open_lungs(threads=threads, opener=partial(apart.open_predictor, process=process))


def _open(package: Package, asked: AskedEngine, *, threads: int, process: EngineProcess) -> Choice:
    return open_predictor(package, engine=asked.engine, device=asked.device, threads=threads, process=process)
