"""States for the tests of the window; no widget may outlive its test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication

from cxrview.app.state import (
    AppState,
    ReadyModel,
    image_chosen,
    model_chosen,
    model_opened,
    models_listed,
    picture_loaded,
    reading_known,
)
from tests.app.samples import ENTRY, analysis_of, opened_with, picture_of, refs


@pytest.fixture(autouse=True)
def _no_bundled_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the shipped models aside: a test brings its own."""
    from cxrview.engine import packages

    real = packages.resource
    monkeypatch.setattr(packages, "resource", lambda name: tmp_path / "no-models" if name == "models" else real(name))


@pytest.fixture(autouse=True)
def _no_widget_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a window behind."""
    yield
    if QApplication.instance() is None:
        return
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    left = [f"{type(widget).__name__} {widget.objectName()!r}" for widget in QApplication.topLevelWidgets()]
    assert not left, f"left widgets: {left}"


@pytest.fixture
def opened() -> AppState:
    """Three images are listed; the first is chosen."""
    return opened_with(AppState(), refs())


@pytest.fixture
def shown(opened: AppState) -> AppState:
    """The first image is on the canvas, and a model runs."""
    assert opened.current is not None
    state = picture_loaded(opened, picture_of(opened.current))
    state = model_chosen(models_listed(state, (ENTRY,)), ENTRY)
    return model_opened(state, ReadyModel(ENTRY, "onnx", "cpu", ("asked for auto",)))


@pytest.fixture
def scored(shown: AppState) -> AppState:
    """The first image has an answer: tuberculosis 0.7."""
    assert shown.current is not None
    return reading_known(shown, shown.current, analysis_of())


@pytest.fixture
def second(scored: AppState) -> AppState:
    """The second image is chosen and not read yet."""
    return image_chosen(scored, scored.listing.shown[1])
