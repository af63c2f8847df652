"""Start: `python -m cxrview` and the `cxrview` script; the one place that knows both the command line and the window."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from cxrview.cli.main import main as run
from cxrview.core.errors import EngineUnavailable

DISPLAY_VARIABLES = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line, this process's own when none is given; give the exit code."""
    return run(sys.argv[1:] if argv is None else argv, window=_open_window)


def _open_window(argv: Sequence[str]) -> int:
    if sys.platform.startswith("linux") and not any(os.environ.get(name) for name in DISPLAY_VARIABLES):
        raise EngineUnavailable("there is no display to open a window on.", hint="The commands need none: `cxrview --help`.")
    _import_native_runtimes()
    try:
        from cxrview.app.opening import main as open_window
    except ImportError as error:
        if (error.name or "").startswith("cxrview"):
            raise
        raise EngineUnavailable(
            f"Qt could not be loaded ({error}).",
            hint="Most often a system library is missing; `python3 packaging/bootstrap.py run` in a checkout tells which.",
        ) from error
    return open_window(argv)


def _import_native_runtimes() -> None:
    """Load ONNX Runtime before Qt: on Windows the libraries that Qt brings keep it from loading afterwards."""
    if sys.platform == "win32":
        importlib.import_module("cxrview.engine.onnx")  # switches the runtime's reports over the network off
        importlib.import_module("onnxruntime")


if __name__ == "__main__":
    sys.exit(main())
