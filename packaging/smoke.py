"""Try a Debian package as a hospital would: a clean system without Python and network, from the installation to the removal (Linux, root).

    python3 packaging/smoke.py DEB --images DIR [--archive TAR.GZ] [--train] [--root DIR] [--display :N] [--python PYTHON]

Makes the clean system with debootstrap (or takes the one in `--root`, as it was made), then: installs an older version, makes settings,
a model and a library, upgrades; asks the doctor; scores 200 images from the command line; has every command do something; opens 50 images
in the window, scores them, exports a picture, opens the guide and the wizard, quits, all under strace; opens a model file as a desktop
would; trains a tiny run where the package can (`--train`), else sees that it says why not; removes the package; installs the archive for
one user and removes it; and answers the question about data, both ways. The scores are compared with those of this checkout (`--python` is
the Python that runs it). Every step is told; the first failure ends it.
Needs debootstrap, strace, Xvfb, xdotool, and for the comparison an environment of this checkout.
"""

from __future__ import annotations

import argparse
import configparser
import csv
import json
import os
import pty
import re
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import watch

ROOT = Path(__file__).resolve().parent.parent
MIRROR = "http://deb.debian.org/debian"
SUITE = "bookworm"
USER, USER_ID = "reader", 1000
HOME = f"/home/{USER}"
IN_WINDOW, IN_BATCH = 50, 200
TOLERANCE = 1e-5
# The shown image and its neighbours are scored by themselves.
SCORED_UNASKED = 6
SUFFIXES = (".dcm", ".jpg", ".jpeg", ".png", ".tif", ".tiff")
LIMIT_S = 900
BUNDLED = "cxr-reader"
OWN_MODELS = ("own-added", "own-opened")
SETTINGS = 'format = 1\nnotice_accepted = true\ntheme = "light"\n'


Result = TypeVar("Result")
Answer = TypeVar("Answer")


class SmokeFailed(Exception):
    """A step did not do what it must."""


@dataclass(frozen=True, slots=True)
class Clean:
    """A clean system in a folder, and the display that its windows appear on."""

    root: Path
    display: str

    def outside(self, path: str) -> Path:
        """Give a path of the clean system as this system sees it."""
        return self.root / path.lstrip("/")

    def command(self, words: Sequence[str], *, is_root: bool = False) -> list[str]:
        """Give the words that run a command inside: without network, as a plain user, with an empty environment."""
        display = self.display.lstrip(":")
        script = (
            'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && mkdir -p "$1/tmp/.X11-unix" && '
            f'touch "$1/tmp/.X11-unix/X{display}" && mount --bind "/tmp/.X11-unix/X{display}" "$1/tmp/.X11-unix/X{display}" && '
            'root=$1 && user=$2 && shift 2 && cd "$root" && exec chroot --userspec="$user" "$root" "$@"'
        )
        home = "/root" if is_root else HOME
        variables = [f"HOME={home}", "PATH=/usr/bin:/bin:/usr/sbin:/sbin", f"DISPLAY={self.display}", "LANG=C.UTF-8"]
        user = "0:0" if is_root else f"{USER_ID}:{USER_ID}"
        inside = ["/usr/bin/env", "-i", "-C", home, *variables, *words]
        return ["unshare", "--net", "--mount", "sh", "-c", script, "sh", str(self.root), user, *inside]

    def run(self, *words: str, is_root: bool = False, codes: tuple[int, ...] = (0,)) -> str:
        """Run a command inside; give what it says on standard output."""
        done = subprocess.run(self.command(words, is_root=is_root), check=False, capture_output=True, text=True, timeout=LIMIT_S)
        if done.returncode not in codes:
            raise SmokeFailed(f"{' '.join(words)} ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def run_at_terminal(self, *words: str, typed: str, is_root: bool = False) -> str:
        """Run a command inside that sees a terminal, where somebody types a line; give what appears there."""
        ours, theirs = pty.openpty()
        os.write(ours, typed.encode() + b"\n")
        with subprocess.Popen(self.command(words, is_root=is_root), stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as done:
            told = done.communicate(timeout=LIMIT_S)[0].decode(errors="replace")
        os.close(ours)
        os.close(theirs)
        if done.returncode != 0:
            raise SmokeFailed(f"{' '.join(words)} ended with {done.returncode}: {told[-2000:]}")
        return told


def main(words: list[str]) -> int:
    """Go through everything; give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("deb", type=Path)
    parser.add_argument("--images", type=Path, required=True, metavar="DIR", help="a folder with at least 250 radiographs")
    parser.add_argument("--archive", type=Path, metavar="TAR.GZ", help="the archive of the same build, for the installation of one user")
    parser.add_argument("--train", action="store_true", help="the package holds training; train a tiny run")
    parser.add_argument("--root", type=Path, metavar="DIR", help="where the clean system is, or is made and kept")
    parser.add_argument("--display", default=":87", metavar=":N", help="a display for Xvfb to make (default: :87)")
    parser.add_argument("--python", default=sys.executable, metavar="PYTHON", help="the Python that runs this checkout")
    arguments = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as scratch:
        clean = Clean(arguments.root or Path(scratch) / "clean", arguments.display)
        try:
            with subprocess.Popen(
                ["Xvfb", clean.display, "-screen", "0", "1500x950x24", "-nolisten", "tcp", "-noreset"], stderr=subprocess.DEVNULL
            ) as display:
                try:
                    smoke(clean, arguments, Path(scratch))
                finally:
                    display.terminate()
        except (SmokeFailed, subprocess.SubprocessError) as failure:
            say(f"FAILED: {failure}")
            return 1
    say("everything passed")
    return 0


def smoke(clean: Clean, arguments: argparse.Namespace, scratch: Path) -> None:
    """Do every step in order."""
    step("a clean system", lambda: make_clean(clean))
    step("no Python, no compiler, no network inside", lambda: check_clean(clean))
    images = step("radiographs for the user", lambda: copy_images(clean, arguments.images))
    deb = arguments.deb.resolve()
    step("install an older version", lambda: install(clean, older(deb, scratch)))
    step("the user's settings and a model", lambda: make_things(clean))
    step("upgrade", lambda: install(clean, deb))
    step("settings, library and model are as they were", lambda: check_things(clean))
    step("the doctor", lambda: doctor(clean))
    step("menu entry, icons, file types", lambda: desktop(clean))
    step("licences and bill of materials", lambda: licences(clean))
    expected = step(f"score {IN_BATCH} images from this checkout", lambda: score_here(clean, arguments.python, scratch))
    step(f"score {IN_BATCH} images from the command line", lambda: score_batch(clean, expected))
    step("every command", lambda: every_command(clean))
    step(f"open, score {IN_WINDOW}, export, help, quit in the window, under strace", lambda: window_session(clean, expected, scratch))
    step("a double click on a model file", lambda: open_model_file(clean))
    if arguments.train:
        step("train a tiny run", lambda: train(clean))
    else:
        step("training says where it is", lambda: refuse_to_train(clean))
    step("remove, and keep what the user has", lambda: remove(clean, deb))
    if arguments.archive is not None:
        step("install for one user, upgrade, remove, keep, delete", lambda: per_user(clean, arguments.archive.resolve()))
    step("install once more, remove, and delete what the user has", lambda: remove_everything(clean, deb))
    shutil.rmtree(clean.outside(HOME), ignore_errors=True)
    assert images


def step(what: str, work: Callable[[], Result]) -> Result:
    """Tell what is done and how long it took."""
    begun = time.monotonic()
    say(f"{what} ...")
    result = work()
    note = f": {result}" if isinstance(result, str) and result else ""
    say(f"  ok, {time.monotonic() - begun:.1f} s{note}")
    return result


def make_clean(clean: Clean) -> str:
    """Make the smallest Debian there is, with what every desktop has and a window needs: a font and the display's libraries."""
    if not (clean.root / "etc" / "debian_version").exists():
        include = "libegl1,libgl1,libwayland-client0,libwayland-cursor0,libwayland-egl1,libxcb1,fonts-dejavu-core"
        subprocess.run(
            ["debootstrap", "--variant=minbase", f"--include={include}", SUITE, str(clean.root), MIRROR],
            check=True,
            stdout=subprocess.DEVNULL,
        )
    if clean.outside("/usr/lib/cxrview").exists():  # an earlier run was cut off
        clean.run("dpkg", "--purge", "cxrview", "cxrview-full", is_root=True, codes=(0, 1))
    shutil.rmtree(clean.outside(HOME), ignore_errors=True)
    if f"{USER}:" not in clean.outside("/etc/passwd").read_text(encoding="utf-8"):
        clean.run("useradd", "--uid", str(USER_ID), "--home-dir", HOME, USER, is_root=True)
    clean.run("install", "-d", "-o", USER, "-g", USER, HOME, is_root=True)
    return "Debian " + clean.outside("/etc/debian_version").read_text(encoding="utf-8").strip()


def check_clean(clean: Clean) -> None:
    """See that nothing inside could help the program by accident."""
    for tool in ("python3", "python", "gcc", "pip", "cxrview"):
        if clean.run("sh", "-c", f"command -v {tool} || true").strip():
            raise SmokeFailed(f"{tool} is installed in the clean system.")
    devices = [line.split(":")[0].strip() for line in clean.run("cat", "/proc/net/dev").splitlines()[2:]]
    if devices != ["lo"]:
        raise SmokeFailed(f"there are network devices: {devices}")


def copy_images(clean: Clean, folder: Path) -> str:
    """Give the user evenly chosen images: 200 for the command line, 50 of them once more for the window."""
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if len(found) < IN_BATCH:
        raise SmokeFailed(f"{folder} holds {len(found)} images; {IN_BATCH} are needed.")
    chosen = [found[index * len(found) // IN_BATCH] for index in range(IN_BATCH)]
    for name, files in (("batch", chosen), ("window", chosen[:: IN_BATCH // IN_WINDOW])):
        target = clean.outside(f"{HOME}/{name}")
        target.mkdir()
        for path in files:
            shutil.copyfile(path, target / path.name)
    return f"{len(chosen)} of {len(found)}"


def older(deb: Path, scratch: Path) -> Path:
    """Give the same package with a lower version number."""
    folder = scratch / "older"
    subprocess.run(["dpkg-deb", "--raw-extract", str(deb), str(folder)], check=True)
    control = folder / "DEBIAN" / "control"
    lines = control.read_text(encoding="utf-8").splitlines()
    control.write_text("\n".join("Version: 0.0.1" if line.startswith("Version:") else line for line in lines) + "\n", encoding="utf-8")
    target = scratch / "older.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(folder), str(target)], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(folder)
    return target


def install(clean: Clean, deb: Path) -> str:
    """Install a package with dpkg alone: whatever it asks for is there, or this fails."""
    target = clean.outside("/opt/package.deb")
    shutil.copyfile(deb, target)
    clean.run("dpkg", "--install", "/opt/package.deb", is_root=True)
    target.unlink()
    return clean.run("dpkg-query", "-W", "-f", "${Package} ${Version}, ${Installed-Size} KiB installed", name_of(deb)).strip()


def name_of(deb: Path) -> str:
    """Give the name of the package in a file."""
    return subprocess.run(["dpkg-deb", "-f", str(deb), "Package"], check=True, capture_output=True, text=True).stdout.strip()


def make_things(clean: Clean) -> str:
    """Make what a user would miss: settings, an added model, an indexed folder."""
    give(clean, f"{HOME}/.config/cxrview/settings.toml", SETTINGS)
    clean.run("sh", "-c", "mkdir own && cd own && cxrview phantom -o phantoms -n 4 --seed 7 -q")
    for name in OWN_MODELS:
        own_model_file(clean, name)
    clean.run("cxrview", "models", "add", f"{HOME}/own/{OWN_MODELS[0]}.cxrmodel")
    clean.run("cxrview", "library", "add", "-q", f"{HOME}/own/phantoms")
    return clean.run("cxrview", "--version").strip()


def own_model_file(clean: Clean, name: str) -> None:
    """Make a model file of the user's: a bundled network under another name."""
    package = f"{HOME}/own/{name}"
    clean.run("cp", "-R", f"/usr/lib/cxrview/_internal/models/{BUNDLED}", package)
    manifest = clean.outside(f"{package}/model.toml").read_text(encoding="utf-8")
    give(clean, f"{package}/model.toml", re.sub(r'^id = ".*"$', f'id = "{name}"', manifest, count=1, flags=re.MULTILINE))
    clean.run("cxrview", "models", "pack", package, "-o", f"{package}.cxrmodel")


def check_things(clean: Clean) -> None:
    """See that an upgrade took nothing away."""
    if clean.outside(f"{HOME}/.config/cxrview/settings.toml").read_text(encoding="utf-8") != SETTINGS:
        raise SmokeFailed("the settings were changed.")
    if "phantoms" not in clean.run("cxrview", "library", "list"):
        raise SmokeFailed("the library lost a folder.")
    clean.run("cxrview", "models", "verify", OWN_MODELS[0])


def give(clean: Clean, path: str, content: str | bytes) -> None:
    """Write a file of the user's."""
    target = clean.outside(path)
    clean.run("mkdir", "-p", str(Path(path).parent))
    target.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.chown(target, USER_ID, USER_ID)


def doctor(clean: Clean) -> str:
    """See that the doctor finds everything well."""
    health = json.loads(clean.run("cxrview", "doctor", "--json"))
    broken = [each["name"] for each in health["models"] if not each["is_working"]]
    if broken or not health["models"] or health["settings"] != "ok":
        raise SmokeFailed(f"broken models {broken}, settings {health['settings']}")
    engines = [each["name"] for each in health["engines"] if each["is_available"]]
    return f"{len(health['models'])} models pass their self-test; engines {engines}"


def desktop(clean: Clean) -> str:
    """See that the desktop would find the program, for DICOM files and model packages."""
    share = clean.outside("/usr/share")
    drawings = ("apps/cxrview", "mimetypes/application-vnd.cxrview.model")
    icons = [f"icons/hicolor/{size}x{size}/{drawing}.png" for size in (16, 32, 48, 128, 256) for drawing in drawings]
    for path in ("applications/cxrview.desktop", "mime/packages/cxrview.xml", "icons/hicolor/scalable/apps/cxrview.svg", *icons):
        if not (share / path).is_file():
            raise SmokeFailed(f"/usr/share/{path} is missing.")
    entry = configparser.ConfigParser(interpolation=None)
    entry.read(share / "applications" / "cxrview.desktop", encoding="utf-8")
    types = entry["Desktop Entry"]["MimeType"].strip(";").split(";")
    program = entry["Desktop Entry"]["Exec"].split()
    if program[1:] != ["%F"] or clean.run("sh", "-c", f"command -v {program[0]}").strip() != "/usr/bin/cxrview":
        raise SmokeFailed(f"the menu entry starts {' '.join(program)}.")
    described = (share / "mime" / "packages" / "cxrview.xml").read_text(encoding="utf-8")
    missing = [word for word in (*types, "*.dcm", "*.cxrmodel", "DICM") if f'"{word}"' not in described]
    if missing or len(types) != 2:
        raise SmokeFailed(f"the file types are {types}; not described: {missing}")
    return ", ".join(types)


def licences(clean: Clean) -> str:
    """See that everything inside is named with its terms, and that the notice for Qt is there."""
    folder = clean.outside("/usr/lib/cxrview/licences")
    for name in ("QT-NOTICE.txt", "LGPL-3.0.txt", "GPL-3.0.txt", "LICENSE", "THIRD-PARTY.txt"):
        if not (folder / name).is_file():
            raise SmokeFailed(f"licences/{name} is missing.")
    parts = json.loads((folder / "sbom.cdx.json").read_text(encoding="utf-8"))["components"]
    named = {plain(part["name"]) for part in parts}
    shipped = {plain(path.stem.rpartition("-")[0]) for path in clean.outside("/usr/lib/cxrview/_internal").glob("*.dist-info")}
    # The terms of these lie beside the list, for they are those of Qt.
    without = [part["name"] for part in parts if not list(folder.glob(f"{part['name']}-*/*")) and not is_of_qt(part["name"])]
    if shipped - named or without or not all(part.get("licenses") for part in parts):
        raise SmokeFailed(f"not in the bill of materials: {sorted(shipped - named)}; without terms: {without}")
    return f"{len(parts)} components"


def plain(name: str) -> str:
    """Give a distribution's name as it is compared: `.dist-info` folders, wheels and indexes write it differently."""
    return re.sub(r"[-_.]+", "-", name).lower()


def is_of_qt(name: str) -> bool:
    """Tell whether a component stands under Qt's own terms."""
    return plain(name) in {"pyside6-essentials", "shiboken6"}


def score_here(clean: Clean, python: str, scratch: Path) -> dict[str, dict[str, float]]:
    """Give what this checkout says of the same images, in the reference engine."""
    target = scratch / "here.csv"
    python = str(Path(shutil.which(python) or python).absolute())
    start = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from cxrview.__main__ import main; sys.exit(main())"
    words = ["score", str(clean.outside(f"{HOME}/batch")), "-o", str(target), "--engine", "onnx", "-q"]
    done = subprocess.run([python, "-P", "-c", start, "--basedir", str(scratch / "basedir"), *words], check=False, cwd=scratch)
    if done.returncode not in (0, 1):
        raise SmokeFailed(f"this checkout could not score: exit code {done.returncode}")
    return logits_of(target)


def logits_of(table: Path) -> dict[str, dict[str, float]]:
    """Give logits and probabilities of a table of scores, by file name and column."""
    with table.open(encoding="utf-8", newline="") as stream:
        everything = list(csv.DictReader(stream))
    for row in everything:
        if row["status"] != "ok":
            say(f"  not scored: {Path(row['path']).name}: {row['error']}")
    rows = [row for row in everything if row["status"] == "ok"]
    columns = [name for name in (rows[0] if rows else {}) if name.startswith(("p_", "logit_"))]
    return {Path(row["path"]).name: {name: float(row[name]) for name in columns} for row in rows}


def score_batch(clean: Clean, expected: dict[str, dict[str, float]]) -> str:
    """Score the images from the command line, and compare."""
    clean.run("cxrview", "score", f"{HOME}/batch", "-o", f"{HOME}/scores.csv", "--engine", "onnx", "-q", codes=(0, 1))
    found = logits_of(clean.outside(f"{HOME}/scores.csv"))
    if found.keys() != expected.keys():
        only = sorted(found.keys() ^ expected.keys())
        raise SmokeFailed(f"{len(found)} images were scored, {len(expected)} from the checkout; the difference: {', '.join(only[:5])}")
    return compared([(found[name][column], expected[name][column]) for name in expected for column in expected[name]])


def every_command(clean: Clean) -> str:
    """See that every command of the program answers, and that each that the package can carry out does what it is for."""
    told = clean.run("cxrview", "--help")
    names = re.findall(r"^  (\S+)  +\S", told.partition("commands:")[2].partition("options:")[0], flags=re.MULTILINE)
    for name in names:
        clean.run("cxrview", name, "--help")
    films = clean.run("sh", "-c", "ls own/phantoms/*.dcm").split()
    for label, some in (("normal", films[:2]), ("pneumonia", films[2:])):
        clean.run("mkdir", "-p", f"named/{label}")
        clean.run("cp", *some, f"named/{label}")
    give(clean, f"{HOME}/bitmap.bmp", bitmap(256))
    done = (
        ("explain", films[0], "-o", "overlay.png"),
        ("lungs", "own/phantoms", "-o", "masks", "--workers", "2", "-q"),
        ("score", "own/phantoms", "-o", "own.parquet", "--workers", "2", "--heatmaps", "heat", "--report", "own.html", "-q"),
        ("evaluate", BUNDLED, "named", "-o", "report", "--no-audits", "-q"),
        ("score", "bitmap.bmp", "-o", "bitmap.csv", "-q"),
        ("recipes",),
        ("recipes", "fine-tune"),
        ("models", "list"),
        ("models", "show", BUNDLED),
        ("models", "verify", BUNDLED),
        ("library", "list"),
    )
    for words in done:
        clean.run("cxrview", *words)
    for path in ("overlay.png", "masks", "heat", "own.parquet", "own.html", "report/report.pdf"):
        if not clean.outside(f"{HOME}/{path}").exists():
            raise SmokeFailed(f"{path} was not written.")
    return f"{len(names)} answer, {len({words[0] for words in done})} carried out here, the others in other steps"


def bitmap(side: int) -> bytes:
    """Give a BMP picture that grows brighter to the right: of its kind only OpenCV reads it."""
    palette = b"".join(bytes((level, level, level, 0)) for level in range(256))
    pixels = bytes(column * 255 // (side - 1) for column in range(side)) * side
    begin = 14 + 40 + len(palette)
    head = struct.pack("<2sIHHI", b"BM", begin + len(pixels), 0, 0, begin)
    return head + struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 0, len(pixels), 2835, 2835, 256, 0) + palette + pixels


def compared(pairs: Sequence[tuple[float, float]]) -> str:
    """See that numbers agree."""
    largest = max(abs(one - other) for one, other in pairs)
    if not largest <= TOLERANCE:
        raise SmokeFailed(f"numbers differ from the checkout's by {largest:.2g}; at most {TOLERANCE:g} is right.")
    return f"{len(pairs)} numbers, largest difference from the checkout {largest:.2g}"


def window_session(clean: Clean, expected: dict[str, dict[str, float]], scratch: Path) -> str:
    """Open a folder in the window, score all, export what is seen, quit; see what was opened and written meanwhile."""
    log = scratch / "strace.log"
    begun = time.monotonic()
    command = watch.traced(clean.command(["cxrview", f"{HOME}/window"]), log)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as program:
        try:
            window = until(lambda: tool("search", "--onlyvisible", "--name", "cxrview", clean=clean).split(), program, "a window")[0]
            shown = time.monotonic() - begun
            tool("windowfocus", window, clean=clean)
            until(
                lambda: rows(clean, "SELECT count(*) FROM image WHERE path LIKE '%/window/%'") >= IN_WINDOW,
                program,
                "the images in the list",
            )
            score_all(clean, program)
            export(clean, program)
            open_by_palette(clean, program, window, "User guide")
            open_by_palette(clean, program, window, "Train a network")
            code = leave(clean, program, window)
        finally:
            program.kill()
        errors = program.stderr.read() if program.stderr is not None else ""
    if code != 0:
        raise SmokeFailed(f"the window ended with {code}: {errors[-2000:]}")
    numbers = compared(pairs_of(clean, expected))
    with log.open(encoding="utf-8", errors="replace") as lines:
        found = watch.findings(lines, [HOME], root=str(clean.root), cwd=HOME, after='execve("/usr/bin/cxrview"')
    for line in watch.report(found):
        say(f"  {line}")
    if not found.is_clean or not found.changed:
        raise SmokeFailed("the window opened a network socket, or wrote outside the user's home folder.")
    return f"window after {shown:.1f} s (under strace); {numbers}"


def score_all(clean: Clean, program: subprocess.Popen[str]) -> None:
    """Press the key that scores all listed images until the window takes it, then wait for the last score."""

    def is_begun() -> bool:
        tool("key", "ctrl+Return", clean=clean)
        return rows(clean, "SELECT count(DISTINCT image) FROM score") > SCORED_UNASKED

    until(is_begun, program, "the first score", pause_s=2.0)
    until(lambda: rows(clean, "SELECT count(DISTINCT image) FROM score") >= IN_WINDOW, program, "all scores")


def export(clean: Clean, program: subprocess.Popen[str]) -> None:
    """Export the shown picture by the keys of the dialogs."""
    picture = clean.outside(f"{HOME}/exported.png")

    def is_saved() -> bool:
        tool("key", "Escape", clean=clean)
        for keys in (("key", "ctrl+e"), ("key", "Return"), ("type", f"{HOME}/exported.png"), ("key", "Return")):
            time.sleep(1.5)  # a dialog of Qt's tells nobody outside that it is ready
            tool(*keys, clean=clean)
        time.sleep(2.0)
        return picture.is_file()

    until(is_saved, program, "the exported picture")


def open_by_palette(clean: Clean, program: subprocess.Popen[str], window: str, title: str) -> None:
    """Open a window of the program's by typing its command, until it is there."""

    def is_open() -> bool:
        tool("windowfocus", window, clean=clean)
        for keys in (("key", "ctrl+k"), ("type", title), ("key", "Return")):
            time.sleep(1.5)  # as in `export`
            tool(*keys, clean=clean)
        time.sleep(2.0)
        return bool(tool("search", "--onlyvisible", "--name", title, clean=clean).split())

    until(is_open, program, f"the window '{title}'")


def leave(clean: Clean, program: subprocess.Popen[str], window: str) -> int:
    """Press the key that quits until the window takes it: without a window manager nobody gives it the focus back after a dialog."""
    deadline = time.monotonic() + LIMIT_S
    while program.poll() is None and time.monotonic() < deadline:
        tool("windowfocus", window, clean=clean)
        tool("key", "ctrl+q", clean=clean)
        time.sleep(3.0)
    if program.returncode is None:
        raise SmokeFailed("the window did not quit.")
    return program.returncode


def pairs_of(clean: Clean, expected: dict[str, dict[str, float]]) -> list[tuple[float, float]]:
    """Give the window's probabilities beside those of the checkout."""
    with sqlite3.connect(f"file:{library(clean)}?mode=ro", uri=True) as index:
        kept = index.execute(
            "SELECT path, label, probability FROM score JOIN image ON image.id = score.image WHERE path LIKE '%/window/%'"
        ).fetchall()
    return [(probability, expected[Path(path).name][f"p_{label}"]) for path, label, probability in kept]


def rows(clean: Clean, question: str) -> int:
    """Ask the user's library for a count; 0 while there is none."""
    if not library(clean).is_file():
        return 0
    try:
        with sqlite3.connect(f"file:{library(clean)}?mode=ro", uri=True, timeout=20) as index:
            return int(index.execute(question).fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def library(clean: Clean) -> Path:
    """Give the user's library as this system sees it."""
    return clean.outside(f"{HOME}/.local/share/cxrview/library.sqlite3")


def tool(*words: str, clean: Clean) -> str:
    """Use xdotool on the display."""
    done = subprocess.run(["xdotool", *words], check=False, capture_output=True, text=True, env=dict(os.environ, DISPLAY=clean.display))
    return done.stdout


def until(question: Callable[[], Answer], program: subprocess.Popen[str], what: str, *, pause_s: float = 0.1) -> Answer:
    """Ask until the answer is yes; fail when the program ends before, or the time is over."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        answer = question()
        if answer:
            return answer
        if program.poll() is not None:
            errors = program.stderr.read() if program.stderr is not None else ""
            raise SmokeFailed(f"the program ended with {program.returncode} before there was {what}: {errors[-2000:]}")
        time.sleep(pause_s)
    raise SmokeFailed(f"there was no {what} within {LIMIT_S} s.")


def open_model_file(clean: Clean) -> None:
    """Start the window with a model file, as a double click does, and wait until the model is installed."""
    name = OWN_MODELS[1]
    command = clean.command(["cxrview", f"{HOME}/own/{name}.cxrmodel"])
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as program:
        try:
            window = until(lambda: tool("search", "--onlyvisible", "--name", "cxrview", clean=clean).split(), program, "a window")[0]
            manifest = clean.outside(f"{HOME}/.local/share/cxrview/models/{name}/model.toml")
            until(manifest.is_file, program, "the installed model")
            leave(clean, program, window)
        finally:
            program.kill()
    clean.run("cxrview", "models", "verify", name)


def refuse_to_train(clean: Clean) -> str:
    """See that a package without training says in one line which one has it."""
    clean.run("sh", "-c", "cxrview train named -o run 2>told; test $? = 3")
    told = clean.run("cat", "told").strip()
    if "full installer" not in told or len(told.splitlines()) != 1:
        raise SmokeFailed(f"training says: {told}")
    return told


def train(clean: Clean) -> str:
    """Train on phantoms from the command line, then score with what came out."""
    clean.run("sh", "-c", "mkdir -p data && cd data && for n in 1 2; do cxrview phantom -o class$n -n 24 --seed $n; done")
    changes = ["fit.epochs=1", "input.width=64", "input.height=64"]
    words = [word for change in changes for word in ("--set", change)]
    package = clean.run("cxrview", "train", f"{HOME}/data", "-o", f"{HOME}/run", *words, "-q").strip().splitlines()[-1]
    clean.run("cxrview", "models", "verify", package)
    clean.run("cxrview", "score", f"{HOME}/own/phantoms", "--model", package, "-o", f"{HOME}/trained.csv", "-q")
    return f"{len(logits_of(clean.outside(f'{HOME}/trained.csv')))} phantoms scored with the trained package"


def remove(clean: Clean, deb: Path, *, answer: str = "n") -> None:
    """Remove the package at a terminal, as the user does with sudo, and see that nothing of the program is left."""
    words = ["env", f"SUDO_USER={USER}", "dpkg", "--purge", name_of(deb)]
    told = clean.run_at_terminal(*words, typed=answer, is_root=True)
    if "Delete them too?" not in told:
        raise SmokeFailed(f"the removal did not ask about the user's data: {told[-500:]}")
    left = [
        path for path in ("/usr/lib/cxrview", "/usr/bin/cxrview", "/usr/share/applications/cxrview.desktop") if clean.outside(path).exists()
    ]
    left += [str(path) for path in clean.outside("/usr/share").rglob("*cxrview*")]
    if left:
        raise SmokeFailed(f"left behind: {left}")
    if answer == "n":
        check_kept(clean)


def remove_everything(clean: Clean, deb: Path) -> None:
    """Install, and remove with yes as the answer: nothing is left but the files that the user made."""
    install(clean, deb)
    give(clean, f"{HOME}/.config/cxrview/settings.toml", SETTINGS)
    clean.run("cxrview", "library", "add", "-q", f"{HOME}/own/phantoms")
    remove(clean, deb, answer="y")
    check_gone(clean)


def check_gone(clean: Clean) -> None:
    """See that nothing that the program kept is left, and that the user's own files are."""
    places = (".config/cxrview", ".local/share/cxrview", ".local/state/cxrview", ".cache/cxrview")
    left = [path for path in places if clean.outside(f"{HOME}/{path}").exists()]
    if left or not clean.outside(f"{HOME}/scores.csv").is_file():
        raise SmokeFailed(f"left behind: {left}, or a table of the user's is gone.")


def check_kept(clean: Clean) -> None:
    """See that the user's things are still there."""
    for path in (".config/cxrview/settings.toml", ".local/share/cxrview/library.sqlite3", "scores.csv"):
        if not clean.outside(f"{HOME}/{path}").is_file():
            raise SmokeFailed(f"{path} of the user's is gone.")


def per_user(clean: Clean, archive: Path) -> str:
    """Install the archive as a plain user, twice, and remove it, first keeping and then deleting what the user has."""
    shutil.copyfile(archive, clean.outside(f"{HOME}/cxrview.tar.gz"))
    folder = archive.name.removesuffix(".tar.gz")
    clean.run("tar", "-xzf", "cxrview.tar.gz")
    for _ in range(2):
        clean.run(f"./{folder}/install.sh")
    program = f"{HOME}/.local/bin/cxrview"
    version = clean.run(program, "--version").strip()
    if not doctor_is_well(clean, program):
        raise SmokeFailed("the doctor finds the installed program ill.")
    clean.run_at_terminal(f"{HOME}/.local/lib/cxrview/uninstall.sh", typed="n")
    check_kept(clean)
    left = [path for path in clean.outside(f"{HOME}/.local").rglob("*cxrview*") if path.relative_to(clean.outside(HOME)).parts[:3] != OWN]
    clean.run(f"./{folder}/install.sh")
    clean.run_at_terminal(f"{HOME}/.local/lib/cxrview/uninstall.sh", typed="y")
    left = [path for path in left if path.exists()]
    if left:
        raise SmokeFailed(f"left behind: {left}")
    check_gone(clean)
    shutil.rmtree(clean.outside(f"{HOME}/{folder}"))
    return version


OWN = (".local", "share", "cxrview")


def doctor_is_well(clean: Clean, program: str) -> bool:
    """Ask a program's doctor."""
    return bool(json.loads(clean.run(program, "doctor", "--json"))["models"])


def say(text: str) -> None:
    """Tell what happens."""
    print(f"smoke: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
