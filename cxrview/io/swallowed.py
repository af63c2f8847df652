"""Errors that a compiled extension prints instead of raising, caught for the thread that runs it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

_lock = threading.Lock()
_listeners: dict[int, list[BaseException]] = {}
_outer_unraisable: Callable[[sys.UnraisableHookArgs], object] = sys.unraisablehook
_outer_uncaught: Callable[[type[BaseException], BaseException, TracebackType | None], object] = sys.excepthook


@contextmanager
def swallowed_errors() -> Iterator[list[BaseException]]:
    """Collect what this thread could not raise while the block runs, instead of printing it.

    Cython hands such errors to `sys.excepthook` and to `sys.unraisablehook`. Both are replaced while any thread listens; the errors of
    other threads go where they went before.
    """
    global _outer_unraisable, _outer_uncaught
    errors: list[BaseException] = []
    with _lock:
        if not _listeners:
            _outer_unraisable, sys.unraisablehook = sys.unraisablehook, _on_unraisable
            _outer_uncaught, sys.excepthook = sys.excepthook, _on_uncaught
        _listeners[threading.get_ident()] = errors
    try:
        yield errors
    finally:
        with _lock:
            del _listeners[threading.get_ident()]
            if not _listeners:
                sys.unraisablehook, sys.excepthook = _outer_unraisable, _outer_uncaught


def _on_unraisable(report: sys.UnraisableHookArgs, /) -> None:
    errors = _listeners.get(threading.get_ident())
    if errors is None or report.exc_value is None:
        _outer_unraisable(report)
    else:
        errors.append(report.exc_value)


def _on_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None, /) -> None:
    errors = _listeners.get(threading.get_ident())
    if errors is None:
        _outer_uncaught(kind, error, trace)
    else:
        errors.append(error)
