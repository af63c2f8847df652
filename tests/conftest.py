"""Guards around every test: no network, nothing written outside temporary folders, no thread or process left behind."""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

# Started in the background of a script, this process ignores Ctrl+C, and so would every program that the tests start and stop with it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Examples are searched anew at each run by hand; a run in CI tries the same ones every time. Time is not a law.
settings.register_profile("search", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "search")

ROOT = Path(__file__).parents[1]
GRACE_S = 5.0
# Threads that libraries keep for the life of the process.
LIBRARY_THREADS = ("pytest_timeout", "Dummy-", "TMonitor", "QThread", "pymp-", "AsyncioPinger")
CACHES_OF_TOOLS = (".hypothesis", ".pytest_cache", ".ruff_cache", ".mypy_cache", ".import_linter_cache", "__pycache__")
# Events that change a folder, and where in their arguments the changed path and its folder's descriptor stand (-1: not used).
CHANGES = {
    "os.mkdir": (0, 2),
    "os.remove": (0, 1),
    "os.rmdir": (0, 1),
    "os.rename": (1, 3),
    "os.link": (1, 3),
    "os.symlink": (1, 2),
}
WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Guard:
    """Sees every socket and every file this process opens, and forbids some while a test runs."""

    def __init__(self) -> None:
        self.is_active = False
        self.offences: list[str] = []
        self.writable: list[Path] = [Path(tempfile.gettempdir()).resolve(), Path("/dev"), Path("/proc")]

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.is_active:
            return
        if event in {"socket.connect", "socket.bind"}:
            self._check_socket(event, arguments)
        elif event == "socket.getaddrinfo":
            self._forbid(f"looked up the network address {arguments[0]!r}")
        elif event == "open":
            self._check_open(*arguments)
        elif event == "shutil.rmtree":
            self._check_path(arguments[0])
        elif event in CHANGES and arguments[CHANGES[event][1]] == -1:
            self._check_path(arguments[CHANGES[event][0]])

    def _check_socket(self, event: str, arguments: tuple[object, ...]) -> None:
        family = getattr(arguments[0], "family", None)
        if family not in {socket.AF_INET, socket.AF_INET6}:
            return
        address = arguments[1]
        is_own_pair = sys.platform == "win32" and isinstance(address, tuple) and address[0] in {"127.0.0.1", "::1"}
        if not is_own_pair:  # on Windows socket.socketpair() is a loopback connection
            self._forbid(f"{event} {address!r}")

    def _check_open(self, path: object, mode: object, flags: object) -> None:
        is_writing = (
            any(letter in mode for letter in "wax+") if isinstance(mode, str) else bool(isinstance(flags, int) and flags & WRITE_FLAGS)
        )
        if is_writing:
            self._check_path(path)

    def _check_path(self, path: object) -> None:
        if not isinstance(path, (str, bytes, os.PathLike)):
            return  # a file descriptor: seen when it was opened
        absolute = Path(os.path.abspath(os.fsdecode(path)))  # noqa: PTH100 - Path.resolve would open what it follows
        if any(absolute.is_relative_to(folder) for folder in self.writable) or not set(absolute.parts).isdisjoint(CACHES_OF_TOOLS):
            return
        self._forbid(f"wrote outside the temporary folder: {absolute}")

    def _forbid(self, offence: str) -> None:
        self.offences.append(offence)
        raise PermissionError(f"forbidden in tests: {offence}")


# When it is imported, urllib3 (of Ray, and of pydicom where `requests` is installed) binds a socket of this computer to learn whether it
# knows IPv6; nothing is sent. Once that is done, whatever uses a socket is what is tested.
with contextlib.suppress(ImportError):
    importlib.import_module("urllib3")

GUARD = Guard()
sys.addaudithook(GUARD)


@pytest.fixture(scope="session", autouse=True)
def _caches_of_libraries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Send what libraries cache in the home folder to a temporary one."""
    GUARD.writable += [tmp_path_factory.getbasetemp().resolve(), tmp_path_factory.getbasetemp()]
    caches = tmp_path_factory.mktemp("library-caches")
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("XDG_CACHE_HOME", "MPLCONFIGDIR", "HF_HOME", "TORCH_HOME"):
            patch.setenv(variable, str(caches))
        yield


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every directory of the program below the test's own folder."""
    monkeypatch.setenv("CXRVIEW_BASEDIR", str(tmp_path / "basedir"))
    monkeypatch.delenv("CXRVIEW_LOG", raising=False)


@pytest.fixture(autouse=True)
def _guarded() -> Iterator[None]:
    """Fail a test that used the network or wrote outside temporary folders, even when it caught the refusal."""
    GUARD.offences.clear()
    GUARD.is_active = True
    yield
    GUARD.is_active = False
    assert not GUARD.offences, "; ".join(dict.fromkeys(GUARD.offences))


@pytest.fixture(autouse=True)
def _nothing_left_running() -> Iterator[None]:
    """Fail a test that leaves a thread or a process behind."""
    threads = set(threading.enumerate())
    children = _child_processes()
    yield
    for thread in set(threading.enumerate()) - threads:
        if thread.name.startswith(LIBRARY_THREADS) or thread is threading.current_thread():
            continue
        thread.join(GRACE_S)
        assert not thread.is_alive(), f"left the thread {thread.name!r} running"
    for process in multiprocessing.active_children():
        process.join(GRACE_S)
        assert not process.is_alive(), f"left the process {process.name!r} running"
    left = {number: command for number, command in _child_processes().items() if number not in children}
    assert not left, f"left processes running: {left}"


def _child_processes() -> dict[int, str]:
    """Give number and command line of this process's living children, where the system tells (Linux)."""
    numbers: list[str] = []
    for listing in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # that thread has just ended
            numbers += listing.read_text().split()
    commands = {int(number): _command_of(number) for number in numbers}
    # The tracker and the fork server live as long as Python does.
    ours = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")
    return {number: command for number, command in commands.items() if command and not any(name in command for name in ours)}


def _command_of(number: str) -> str:
    """Give a process's command line; empty for one that has ended. One that has just begun has none for a moment."""
    for _ in range(200):
        try:
            command = Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return ""
        if command or state in "ZX":
            return command
        time.sleep(0.005)
    return f"process {number}"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The real radiographs beside the checkout; skips where they are absent."""
    folder = ROOT.parent / "shared"
    if not (folder / "corpus" / "catalogue.csv").is_file():
        pytest.skip("the real radiographs are not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def phantom_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four readable pictures (two DICOM, two PNG), a broken DICOM file and a text; read only, please."""
    from cxrview.io.phantom_files import write_phantoms

    folder = tmp_path_factory.mktemp("phantoms")
    write_phantoms(folder, 4, 0, kind="mixed", size=(256, 256))
    (folder / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 40)
    (folder / "notes.txt").write_text("not a picture")
    return folder


@pytest.fixture(scope="session")
def fake_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small valid model package; read only, please."""
    from cxrview.engine.fake import fake_package

    return fake_package(tmp_path_factory.mktemp("models") / "fake").folder
