"""Lets worker threads, and the collection of garbage, stand back for the thread that a person waits for."""

from __future__ import annotations

import gc
import os
import sys
import threading
from contextlib import suppress

# Steps below the window's thread: a third of the processor beside a busy window, all of it beside an idle one. Further down, other
# programs would keep a worker from the processor while it holds the interpreter, and the window with it.
_STEPS_DOWN = 5
_LOWEST = 19
_BELOW_NORMAL = -1
# How long a busy worker keeps the interpreter from the window, which asks for it several times in each frame.
_SWITCH_S = 0.001


def stand_back() -> None:
    """Give this thread a low priority, and on Linux the threads and processes that it will start; where that cannot be, nothing changes."""
    if sys.platform == "linux":
        with suppress(OSError):
            own = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, own, min(_LOWEST, os.getpriority(os.PRIO_PROCESS, own) + _STEPS_DOWN))
    elif sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        kernel.SetThreadPriority(kernel.GetCurrentThread(), _BELOW_NORMAL)


def favour_the_window() -> None:
    """Let the window's thread have the interpreter soon; for the process of the window, once."""
    sys.setswitchinterval(_SWITCH_S)


def leave_the_old_alone() -> None:
    """Leave all that lives now out of later collections of garbage, which stop every thread for as long as they look."""
    gc.freeze()
