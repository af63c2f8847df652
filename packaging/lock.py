"""Write down, with hashes, every package that an installer is built from: `python3 packaging/lock.py viewer|full`.

The file says what this platform needs; it is made anew when a dependency changes, and committed. Nothing is installed.
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "packaging" / "locks"
EXTRAS = {"viewer": (), "full": ("train", "openvino")}
# What freezes the program and writes its bill of materials; none of it is shipped but the boot loader.
BUILD_TOOLS = ("pyinstaller==6.22.3", "cyclonedx-python-lib==11.12.0", "packageurl-python")
# Published as source alone; everything else comes as a wheel.
SOURCE_ONLY = "grad-cam,lime"
# The interpreter that goes into the installers.
PYTHON = (3, 11)


@dataclass(frozen=True, slots=True)
class Locked:
    """One package as pip would install it here; `sha256` is that of the file it comes in."""

    name: str
    version: str
    sha256: str


def main(words: list[str]) -> int:
    """Lock one flavour; give the exit code."""
    if len(words) != 1 or words[0] not in EXTRAS:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    target = lock_path(words[0])
    target.parent.mkdir(exist_ok=True)
    target.write_text(lock_text(words[0], resolve(words[0])), encoding="utf-8", newline="\n")
    print(target)
    return 0


def lock_path(flavour: str) -> Path:
    """Give the lock file of a flavour on this platform."""
    return LOCKS / f"{flavour}-{platform_name()}.txt"


def platform_name() -> str:
    """Give this platform's name, as in `linux-x86_64`."""
    system = {"linux": "linux", "win32": "windows", "darwin": "macos"}[sys.platform]
    machine = {"amd64": "x86_64", "aarch64": "arm64"}.get(platform.machine().lower(), platform.machine().lower())
    return f"{system}-{machine}"


def requirements(flavour: str) -> list[str]:
    """Give what a flavour needs directly: the project's own tables, and the build tools."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for name in EXTRAS[flavour] for line in project["optional-dependencies"][name]]
    return [*project["dependencies"], *extras, *BUILD_TOOLS]


def resolve(flavour: str) -> tuple[Locked, ...]:
    """Ask pip what it would install into an empty environment of this Python."""
    with tempfile.TemporaryDirectory() as scratch:
        venv.create(Path(scratch) / "venv", with_pip=True)
        python = Path(scratch) / "venv" / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        report = Path(scratch) / "report.json"
        command = [str(python), "-m", "pip", "install", "--dry-run", "--ignore-installed", "--only-binary", ":all:", "--quiet"]
        command += ["--no-binary", SOURCE_ONLY]
        command += ["--report", str(report), "-c", str(ROOT / "packaging" / "constraints.txt"), *requirements(flavour)]
        subprocess.run(command, check=True)
        return locked_from(json.loads(report.read_text(encoding="utf-8")))


def locked_from(report: dict[str, list[dict[str, dict[str, dict[str, dict[str, str]]]]]]) -> tuple[Locked, ...]:
    """Read a report of pip's."""
    found = []
    for item in report["install"]:
        metadata, archive = item["metadata"], item["download_info"]["archive_info"]
        found.append(Locked(str(metadata["name"]), str(metadata["version"]), archive["hashes"]["sha256"]))
    return tuple(sorted(found, key=lambda each: each.name.lower()))


def lock_text(flavour: str, packages: tuple[Locked, ...]) -> str:
    """Give the text of a lock file, in the form that `pip install --require-hashes -r` reads."""
    head = [
        f"# What the {flavour} installer for {platform_name()} is built from. Made by `python3 packaging/lock.py {flavour}`; not edited.",
        f"# Python {PYTHON[0]}.{PYTHON[1]}",
    ]
    return "\n".join([*head, *(f"{each.name}=={each.version} --hash=sha256:{each.sha256}" for each in packages)]) + "\n"


def read_lock(path: Path) -> tuple[Locked, ...]:
    """Read a lock file back."""
    lines = path.read_text(encoding="utf-8").splitlines()
    matches = [re.fullmatch(r"(\S+)==(\S+) --hash=sha256:([0-9a-f]{64})", line) for line in lines if line and not line.startswith("#")]
    return tuple(Locked(found[1], found[2], found[3]) for found in matches if found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
