"""Start: `python -m cxrview` and the `cxrview` script; the one place that knows both the command line and the window."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from cxrview.cli.main import main as run


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line, this process's own when none is given; give the exit code."""
    return run(sys.argv[1:] if argv is None else argv, window=_open_window)


def _open_window(argv: Sequence[str]) -> int:
    _import_native_runtimes()
    from cxrview.app.main import main as open_window

    return open_window(argv)


def _import_native_runtimes() -> None:
    """Load ONNX Runtime before Qt: on Windows the libraries that Qt brings keep it from loading afterwards."""
    if sys.platform == "win32":
        importlib.import_module("onnxruntime")


if __name__ == "__main__":
    sys.exit(main())
