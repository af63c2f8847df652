"""The guards around every test do bite: each of these offences, even when swallowed, fails its test."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
OFFENCES = """
import contextlib, multiprocessing, pathlib, socket, subprocess, sys, threading, time, warnings

def test_network():
    with contextlib.suppress(OSError), socket.socket() as end:
        end.connect(("127.0.0.1", 9))

def test_name_lookup():
    with contextlib.suppress(OSError):
        socket.getaddrinfo("localhost", 80)

def test_write(tmp_path):
    with contextlib.suppress(OSError):
        pathlib.Path("/nonexistent/stray.txt").write_text("x")

def test_folder():
    with contextlib.suppress(OSError):
        pathlib.Path("/nonexistent").mkdir()

def test_thread():
    threading.Thread(target=time.sleep, args=(GRACE,), daemon=True).start()

KEPT = []

def test_process():
    KEPT.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]))

def test_innocent(tmp_path):
    KEPT[0].kill()
    KEPT[0].wait()
    (tmp_path / "fine.txt").write_text("x")
    with contextlib.suppress(OSError, AttributeError), socket.socket(socket.AF_UNIX) as end:
        end.connect(str(tmp_path / "none"))
"""


def test_offences_are_found(tmp_path: Path) -> None:
    grace = 0.2
    guards = (ROOT / "tests" / "conftest.py").read_text(encoding="utf-8")
    (tmp_path / "conftest.py").write_text(re.sub(r"GRACE_S = .*", f"GRACE_S = {grace}", guards), encoding="utf-8")
    (tmp_path / "test_offences.py").write_text(OFFENCES.replace("GRACE", "5"), encoding="utf-8")
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", f"--rootdir={tmp_path}", "test_offences.py"]
    done = subprocess.run([sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    failed = set(re.findall(r"^ERROR test_offences\.py::(\w+)", done.stdout, flags=re.MULTILINE))
    wanted = {"test_network", "test_name_lookup", "test_write", "test_folder", "test_thread"}
    if sys.platform == "linux":  # only there the system tells a process its children
        wanted.add("test_process")
    assert failed == wanted, done.stdout[-3000:]
    shutil.rmtree(tmp_path / "__pycache__", ignore_errors=True)
