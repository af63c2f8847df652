"""Start cxrview or run its tests from a checkout, on a machine that has nothing but Python.

    python3 packaging/bootstrap.py run  [--with EXTRAS] [--] [arguments of cxrview]
    python3 packaging/bootstrap.py test [arguments of pytest]

The first time, this makes `.venv` in the checkout and installs what is needed; afterwards it starts at once, without network.
Only the standard library is used, and the syntax is kept old enough that an old Python can say that it is too old.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

ROOT = Path(__file__).resolve().parent.parent
OLDEST_PYTHON = (3, 11)
NEWER_PYTHONS = ("python3.13", "python3.12", "python3.11", "python3.14")
TEST_EXTRAS = frozenset({"train", "openvino", "dev"})
KNOWN_EXTRAS = frozenset({"train", "openvino", "dev"})
CONSTRAINTS = "packaging/constraints.txt"
STAMP = "cxrview-installed.json"
FAILED = 3

# What Qt opens at run time (offscreen and X11), and the Debian package that brings it.
QT_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xinerama.so.0": "libxcb-xinerama0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxkbcommon.so.0": "libxkbcommon0",
}
FONT_FILE = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
FONT_PACKAGE = "fonts-dejavu-core"


class SetupFailed(Exception):
    """The environment cannot be made; the text says why and what to do."""


@dataclass(frozen=True)
class Stamp:
    """What a finished installation left in `.venv`."""

    key: str
    extras: frozenset[str]
    has_qt_libraries: bool


def main(arguments: list[str]) -> int:
    """Do what the first word says; give the exit code."""
    if not arguments or arguments[0] not in ("run", "test"):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        if sys.version_info < OLDEST_PYTHON:
            return restart_with_newer_python(arguments)
        if arguments[0] == "run":
            extras, rest = split_run_arguments(arguments[1:])
            return start([prepared_python(ROOT, extras), "-P", "-m", "cxrview", *rest])
        python = prepared_python(ROOT, TEST_EXTRAS)
        os.chdir(ROOT)
        return start([python, "-m", "pytest", *arguments[1:]])
    except SetupFailed as failure:
        print(f"bootstrap: {failure}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return 130


def split_run_arguments(arguments: list[str]) -> tuple[frozenset[str], list[str]]:
    """Take `--with EXTRAS` and `--` off the front; the rest belongs to cxrview."""
    rest = list(arguments)
    extras: frozenset[str] = frozenset()
    if rest and rest[0].startswith("--with="):
        rest[:1] = ["--with", rest[0].partition("=")[2]]
    if rest[:1] == ["--with"]:
        extras = frozenset(name for name in "".join(rest[1:2]).split(",") if name)
        rest = rest[2:]
        unknown = sorted(extras - KNOWN_EXTRAS)
        if unknown or not extras:
            raise SetupFailed(f"--with takes a list of {', '.join(sorted(KNOWN_EXTRAS))}; got {', '.join(unknown) or 'nothing'}.")
    return extras, rest[1:] if rest[:1] == ["--"] else rest


def prepared_python(root: Path, extras: frozenset[str]) -> str:
    """Give the interpreter of `.venv`, made or brought up to date first when needed."""
    venv = root / ".venv"
    key = environment_key(root)
    stamp = read_stamp(venv)
    if stamp and stamp.key == key:
        if extras <= stamp.extras:
            if not stamp.has_qt_libraries and bring_qt_libraries():
                write_stamp(venv, Stamp(key, stamp.extras, has_qt_libraries=True))
            return str(venv_python(venv))
        extras |= stamp.extras
    (venv / STAMP).unlink(missing_ok=True)
    has_qt_libraries = bring_qt_libraries()
    make_venv(venv)
    install(root, venv, extras)
    write_stamp(venv, Stamp(key, extras, has_qt_libraries))
    return str(venv_python(venv))


def environment_key(root: Path) -> str:
    """Hash what decides the contents of `.venv`: the project's own tables, the constraints, Python and the place of the checkout."""
    import tomllib

    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    parts = [
        json.dumps({table: project.get(table) for table in ("build-system", "project")}, sort_keys=True),
        json.dumps(project.get("tool", {}).get("hatch"), sort_keys=True),
        (root / CONSTRAINTS).read_text(encoding="utf-8"),
        short_version(),
        str(root),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def read_stamp(venv: Path) -> Optional[Stamp]:  # noqa: UP045 - an old Python must be able to read this
    """Read what a finished installation left; None when there is none or its interpreter is gone."""
    try:
        found = json.loads((venv / STAMP).read_text(encoding="utf-8"))
        stamp = Stamp(str(found["key"]), frozenset(found["extras"]), bool(found["has_qt_libraries"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return stamp if venv_python(venv).exists() else None


def write_stamp(venv: Path, stamp: Stamp) -> None:
    """Leave word that the installation is complete."""
    temporary = venv / (STAMP + ".tmp")
    document = {"key": stamp.key, "extras": sorted(stamp.extras), "has_qt_libraries": stamp.has_qt_libraries}
    temporary.write_text(json.dumps(document), encoding="utf-8")
    temporary.replace(venv / STAMP)


def venv_python(venv: Path) -> Path:
    """Give the interpreter inside a virtual environment."""
    return venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python"


def make_venv(venv: Path) -> None:
    """Make the virtual environment, unless a working one of this Python is there; a broken one is made anew."""
    if venv_works(venv):
        return
    if venv.exists():
        if not (venv / "pyvenv.cfg").exists() and any(venv.iterdir()):
            raise SetupFailed(f"{venv} is there and is no virtual environment. Move it away and try again.")
        if Path(sys.prefix).resolve() == venv.resolve():
            raise SetupFailed(f"{venv} is broken and this Python runs from inside it. Start with the Python of the system.")
        say("the virtual environment is broken or of another Python; making it anew")
        shutil.rmtree(venv)
    bring_venv_module()
    say(f"making {venv} with Python {sys.version.split()[0]}")
    made = subprocess.run([base_python(), "-m", "venv", str(venv)], check=False, capture_output=True, text=True)
    if made.returncode != 0:
        shutil.rmtree(venv, ignore_errors=True)
        raise SetupFailed(f"the virtual environment could not be made: {last_line(made.stdout + made.stderr)}")


def venv_works(venv: Path) -> bool:
    """Tell whether the environment has a pip that runs, under the version of this Python."""
    if not venv_python(venv).exists():
        return False
    question = "import pip, sys; print('%d.%d' % sys.version_info[:2])"
    try:
        answer = subprocess.run([str(venv_python(venv)), "-c", question], check=False, capture_output=True, text=True)
    except OSError:
        return False
    return answer.returncode == 0 and answer.stdout.strip() == short_version()


def short_version() -> str:
    """Give this Python's version, as `3.11`."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def base_python() -> str:
    """Give the interpreter outside any virtual environment, so that `.venv` does not hang on another one."""
    return getattr(sys, "_base_executable", None) or sys.executable


def bring_venv_module() -> None:
    """See that Python can make virtual environments; Debian keeps that in a package of its own."""
    try:
        import ensurepip
        import venv
    except ImportError:
        package = f"python{short_version()}-venv"
        if not install_with_apt([package, "python3-venv"]):
            raise SetupFailed(
                "this Python cannot make virtual environments. " + advice_for([package], "Install Python's modules `venv` and `ensurepip`")
            ) from None
        return
    assert ensurepip
    assert venv


def install(root: Path, venv: Path, extras: frozenset[str]) -> None:
    """Install the checkout, editable, with the tested versions of what it needs."""
    target = ".[" + ",".join(sorted(extras)) + "]" if extras else "."
    say(f"installing cxrview{target[1:]} (once; {'some minutes' if 'train' in extras else 'a minute or two'})")
    command = [str(venv_python(venv)), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    command += ["-c", str(root / CONSTRAINTS), "-e", target]
    try:
        done = subprocess.run(command, check=False, cwd=str(root), stdout=2)  # our own output stays the program's
    except OSError as error:
        raise SetupFailed(f"pip could not be started: {error}") from error
    if done.returncode != 0:
        raise SetupFailed(
            "pip could not install what is needed; its own words stand above. Most often the network or the disk space is missing. "
            "Run the same command again when that is mended; what is already here is kept."
        )


def bring_qt_libraries() -> bool:
    """See that the system has the libraries Qt opens; install them on Debian as root, else print the line; tell whether they are here."""
    missing = missing_packages()
    if not missing:
        return True
    if install_with_apt(missing) and not missing_packages():
        return True
    say("the window needs system libraries that are not here. " + advice_for(missing, "Install the libraries of Qt for X11"))
    return False


def missing_packages() -> list[str]:
    """List the Debian packages whose library cannot be opened here; nothing on Windows and macOS."""
    if not sys.platform.startswith("linux"):
        return []
    missing = [package for library, package in QT_LIBRARIES.items() if not can_open(library)]
    if not FONT_FILE.exists() and not any(Path("/usr/share/fonts").glob("**/*.tt[fc]")):
        missing.append(FONT_PACKAGE)
    return missing


def can_open(library: str) -> bool:
    """Tell whether the system finds a shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def install_with_apt(packages: list[str]) -> bool:
    """Install Debian packages when this is Debian or Ubuntu and we are root; tell whether it went well."""
    if not (is_debian() and hasattr(os, "geteuid") and os.geteuid() == 0):
        return False
    say("installing " + " ".join(packages))
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    for step in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
        done = subprocess.run(["apt-get", *step], check=False, env=environment, stdout=subprocess.DEVNULL)
        if done.returncode != 0 and step[0] == "install":
            return False
    return True


def is_debian() -> bool:
    """Tell whether this is Debian or one of its children."""
    return Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None


def advice_for(packages: list[str], elsewhere: str) -> str:
    """Give the exact line to run, or a sentence where the packages have other names."""
    if is_debian():
        return "Run: sudo apt-get install -y --no-install-recommends " + " ".join(packages)
    return elsewhere + " with your system's package manager."


def restart_with_newer_python(arguments: list[str]) -> int:
    """Hand over to a newer Python of this machine, or say that there is none."""
    for name in NEWER_PYTHONS:
        found = shutil.which(name)
        if found and subprocess.call([found, "-c", ""], stderr=subprocess.DEVNULL) == 0:
            return start([found, str(Path(__file__).resolve()), *arguments])
    wanted = f"{OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]}"
    raise SetupFailed(
        f"this is Python {sys.version.split()[0]}; cxrview needs {wanted} or newer. "
        f"Install one (python.org, or your system's package manager) and start with it: python{wanted} packaging/bootstrap.py ..."
    )


def start(command: list[str]) -> int:
    """Become the program (POSIX), or run it and give its exit code (Windows)."""
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name != "nt":
        os.execv(command[0], command)
    process = subprocess.Popen(command)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue  # the program has had it too and decides


def last_line(text: str) -> str:
    """Give the last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no reason was given")


def say(text: str) -> None:
    """Tell on the error stream, so that the program's own output stays clean."""
    print(f"bootstrap: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
