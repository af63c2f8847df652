"""Lets worker threads stand back for the thread that a person waits for."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress

# Of 19: a tenth of the processor beside a busy window, all of it beside an idle one.
_NICE = 10
_BELOW_NORMAL = -1


def stand_back() -> None:
    """Give this thread a low priority, and on Linux the threads and processes that it will start; where that cannot be, nothing changes."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
    elif sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        kernel.SetThreadPriority(kernel.GetCurrentThread(), _BELOW_NORMAL)
