"""Start of the window: everything is built once, in order, and taken down in reverse."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication

from cxrview.app.controllers.audit import Audit
from cxrview.app.controllers.explaining import Explaining
from cxrview.app.controllers.exports import Exports
from cxrview.app.controllers.files import Files
from cxrview.app.controllers.models import Models
from cxrview.app.controllers.pictures import Pictures
from cxrview.app.controllers.scoring import Scoring
from cxrview.app.controllers.shelf import Shelf
from cxrview.app.controllers.tags import Tags
from cxrview.app.crash import CrashReporter
from cxrview.app.layers import Layer, Layers, layer_colours
from cxrview.app.profiles import PROFILES, parse_keys
from cxrview.app.state import AppState, AskedEngine, ThemeName, notice_given
from cxrview.app.store import Store
from cxrview.app.tasks import Runner, ThreadRunner
from cxrview.app.window import MainWindow
from cxrview.app.wiring import Controllers, wire
from cxrview.core.errors import SettingsError
from cxrview.engine.choose import Choice, open_predictor
from cxrview.engine.packages import Package
from cxrview.io.places import places
from cxrview.io.settings import Settings, load_settings, save_settings


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line; an empty `model` leaves the choice to the settings."""

    paths: tuple[Path, ...] = ()
    model: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """The running window and everything behind it."""

    window: MainWindow
    store: Store
    runner: Runner
    controllers: Controllers
    shelf: Shelf
    crashes: CrashReporter
    settings: Settings

    def begin(self, options: Options) -> None:
        """Look for models and open what was asked for; called once the window is on the screen."""
        self.shelf.open()
        self.controllers.models.refresh(options.model or self.settings.model)
        self.controllers.files.open_paths(options.paths)

    def close(self) -> None:
        """Take everything down in reverse: no new work, workers idle, session closed, then Qt."""
        self.window.close()
        self.runner.close()
        self.controllers.models.close()
        self.controllers.audit.close()
        self.shelf.close()
        self.crashes.remove()
        self.store.changed.disconnect()
        self.window.deleteLater()


def main(argv: Sequence[str]) -> int:
    """Run the window with `[--model ID|DIR] [--] PATH ...` and give the exit status."""
    options = parse(argv)
    application = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(application, QApplication)
    application.setApplicationName("cxrview")
    program = build(application)
    program.crashes.install()
    program.window.show()
    QTimer.singleShot(0, program.window, partial(program.begin, options))
    status = application.exec()
    keep_settings(program)
    program.close()
    return status


def parse(argv: Sequence[str]) -> Options:
    """Read the arguments of the window."""
    parser = argparse.ArgumentParser(prog="cxrview", description="Open the window.")
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files, folders and ZIP archives to open")
    parser.add_argument("--model", default="", metavar="ID|DIR", help="the model to use")
    found = parser.parse_args(list(argv))
    return Options(tuple(Path(path).absolute() for path in found.paths), found.model)


def build(application: QApplication, runner: Runner | None = None) -> Program:
    """Build the program; nothing is read from disk but the settings, and nothing heavy is imported."""
    where = places()
    crashes = CrashReporter(where.log_dir)
    settings, notice = _settings()
    store = Store(replace(_first_state(settings, application), notice=notice))
    runner = runner or ThreadRunner(crashes.report)
    shelf = Shelf(store, runner)
    models = Models(store, runner, opener=partial(_open, threads=settings.threads))
    audit = Audit(store, runner, where.log_dir)
    controllers = Controllers(
        files=Files(store, runner, where.cache_dir / "phantoms"),
        pictures=Pictures(store, runner),
        models=models,
        scoring=Scoring(store, runner, lambda: models.session),
        explaining=Explaining(store, runner, lambda: models.session),
        audit=audit,
        tags=Tags(store, runner),
        exports=Exports(store, runner, audit),
    )
    window = MainWindow(where.config_dir / "window.ini")
    wire(window, store, controllers, crashes)
    strange = window.profile_menu.strangers(store.state.own_keys)
    if strange:
        store.apply(notice_given, f"The settings give keys to what is no action: {', '.join(strange)}.")
    window.render_state(store.state)
    program = Program(window, store, runner, controllers, shelf, crashes, settings)
    # At once: a program that is killed later must not ask again.
    window.notice_page.accepted.connect(partial(keep_settings, program))
    return program


def keep_settings(program: Program) -> None:
    """Remember what the person changed in the window."""
    state = program.store.state
    kept = replace(
        program.settings,
        heatmap_opacity=round(state.layers.items[0].opacity, 2),
        engine=state.asked.engine,
        device=state.asked.device,
        names="hide" if state.is_hiding_names else "show",
        notice_accepted=state.is_notice_accepted,
        auto_score=state.is_auto_scoring,
        model=state.default_model,
        heatmap_colours=_colours_of(state),
    )
    kept = replace(kept, profile=state.profile.name)
    if state.theme is not _theme_of(program.settings, QApplication.instance()):
        kept = replace(kept, theme=str(state.theme))
    if kept != program.settings:
        save_settings(kept)


def _settings() -> tuple[Settings, str]:
    try:
        settings = load_settings()
        parse_keys(settings.keys)
        return settings, ""
    except SettingsError as error:
        return Settings(), f"The settings were not used. {error}"


def _first_state(settings: Settings, application: QApplication) -> AppState:
    return AppState(
        theme=_theme_of(settings, application),
        profile=PROFILES[settings.profile],
        own_keys=parse_keys(settings.keys),
        layers=Layers((_first_layer(settings),)),
        asked=AskedEngine(settings.engine, settings.device),
        is_hiding_names=settings.names == "hide",
        is_notice_accepted=settings.notice_accepted,
        is_auto_scoring=settings.auto_score,
        default_model=settings.model,
    )


def _first_layer(settings: Settings) -> Layer:
    table = settings.heatmap_colours if settings.heatmap_colours in layer_colours() else layer_colours()[0]
    return Layer(opacity=settings.heatmap_opacity, table=table)


def _colours_of(state: AppState) -> str:
    layer = state.layers.items[0]
    return layer_colours()[0] if layer.is_signed else layer.table


def _open(package: Package, asked: AskedEngine, *, threads: int) -> Choice:
    return open_predictor(package, engine=asked.engine, device=asked.device, threads=threads)


def _theme_of(settings: Settings, application: object) -> ThemeName:
    """Give the look; a system that does not say gets the dark one, in which radiographs are read."""
    if settings.theme != "system":
        return ThemeName(settings.theme)
    assert isinstance(application, QApplication)
    is_light = application.styleHints().colorScheme() == Qt.ColorScheme.Light
    return ThemeName.LIGHT if is_light else ThemeName.DARK
