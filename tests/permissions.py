"""Lets a test meet files that may not be read, whoever runs it: root's right to read everything is laid down for a while."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_VERSION = 0x20080522
_OVERRIDES = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Part(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


@contextmanager
def as_anybody() -> Iterator[None]:
    """Obey the permissions of files in this thread; nothing changes for who is not root, or not on Linux."""
    if sys.platform != "linux" or os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, parts = _Header(_VERSION, 0), (_Part * 2)()
    assert libc.capget(ctypes.byref(header), parts) == 0
    kept = parts[0].effective
    parts[0].effective = kept & ~_OVERRIDES
    assert libc.capset(ctypes.byref(header), parts) == 0
    try:
        yield
    finally:
        parts[0].effective = kept
        assert libc.capset(ctypes.byref(header), parts) == 0
