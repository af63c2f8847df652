"""Collect what a frozen program owes others: the licence of everything inside, a list of it, and a CycloneDX bill of materials.

Runs in the build environment, on the list of collected files that `cxrview.spec` writes, when the folder holds what it will hold:
`python packaging/notices.py SOURCES.json FOLDER`.
"""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OWN_LICENCES = ROOT / "packaging" / "licences"
DEBIAN_DOCUMENTS = Path("/usr/share/doc")
LICENCE_FILE = re.compile(r"(licen[cs]e|copying|notice|copyright|authors)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Component:
    """Something of somebody else's inside; `texts` are the files that hold its terms, `origin` is `pypi`, `deb` or `generic`."""

    name: str
    version: str
    licence: str
    origin: str
    texts: tuple[Path, ...]


def main(words: list[str]) -> int:
    """Write the notices into `FOLDER/licences`; give the exit code."""
    if len(words) != 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    sources = kept_sources(json.loads(Path(words[0]).read_text(encoding="utf-8")), Path(words[1]) / "_internal")
    components = (python_itself(), boot_loader(), *distributions_of(sources), *system_packages_of(sources))
    write_notices(Path(words[1]) / "licences", components)
    return 0


def kept_sources(taken: Iterable[tuple[str, str]], inside: Path) -> list[Path]:
    """Give the files that are still in the program, of pairs of a place in it (empty: in the archive of modules) and a source."""
    return [Path(source) for target, source in taken if not target or (inside / target).exists()]


def write_notices(folder: Path, components: tuple[Component, ...]) -> None:
    """Write the list, every licence's text and the bill of materials."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in (*sorted(OWN_LICENCES.iterdir()), ROOT / "LICENSE"):
        shutil.copyfile(path, folder / path.name)
    for each in components:
        for number, text in enumerate(each.texts):
            target = folder / f"{each.name}-{each.version}" / (f"{number}-{text.name}" if number else text.name)
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(text, target)
    (folder / "THIRD-PARTY.txt").write_text(notice_text(components), encoding="utf-8", newline="\n")
    (folder / "sbom.cdx.json").write_text(bill_of_materials(components), encoding="utf-8", newline="\n")


def notice_text(components: tuple[Component, ...]) -> str:
    """Give the list for people."""
    head = [
        "Inside this installer, by others",
        "",
        "Name, version and licence; the full texts lie in the folder of that name beside this file, or in the general texts here.",
        "Qt and PySide6: see QT-NOTICE.txt. The same list for programs: sbom.cdx.json (CycloneDX).",
        "",
    ]
    return "\n".join([*head, *(f"{each.name} {each.version}: {each.licence}" for each in components)]) + "\n"


def bill_of_materials(components: tuple[Component, ...]) -> str:
    """Give the CycloneDX document; the same components give the same text."""
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component as Part
    from cyclonedx.model.component import ComponentType
    from cyclonedx.model.license import DisjunctiveLicense
    from cyclonedx.output.json import JsonV1Dot6
    from packageurl import PackageURL

    sys.path.insert(0, str(ROOT))
    from cxrview import __version__

    licence = DisjunctiveLicense(id="Apache-2.0")  # without a reference of its own, the program would get one by chance
    program = Part(name="cxrview", version=__version__, type=ComponentType.APPLICATION, licenses=[licence], bom_ref="cxrview")
    bom = Bom(serial_number=uuid.uuid5(uuid.NAMESPACE_URL, repr([(each.name, each.version) for each in components])))
    bom.metadata.component = program
    bom.metadata.timestamp = dt.datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), dt.UTC)
    parts = []
    for each in components:
        namespace = "debian" if each.origin == "deb" else None
        purl = PackageURL(each.origin, namespace, each.name.lower(), each.version)
        licences = [DisjunctiveLicense(name=each.licence)]
        part = Part(name=each.name, version=each.version, purl=purl, bom_ref=str(purl), licenses=licences)
        parts.append(part)
        bom.components.add(part)
    bom.register_dependency(program, parts)
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def python_itself() -> Component:
    """Give the interpreter."""
    places = [Path(sys.base_prefix, *parts, "LICENSE.txt") for parts in (("lib", f"python3.{sys.version_info[1]}"), ())]
    return Component("CPython", platform.python_version(), "PSF-2.0", "generic", tuple(path for path in places if path.is_file())[:1])


def boot_loader() -> Component:
    """Give the few lines of PyInstaller's that start the program."""
    found = importlib.metadata.distribution("pyinstaller")
    return Component("pyinstaller", found.version, "GPL-2.0-or-later with an exception for what it packs", "pypi", licence_files(found))


def distributions_of(sources: Iterable[Path]) -> tuple[Component, ...]:
    """Give the packages of Python that collected files come from, and those whose metadata is shipped."""
    owners = owners_of_files()
    found = {owners[path] for path in map(real_path, sources) if path in owners} - {"pyinstaller"}  # its loader is named by itself
    components = []
    for name in sorted(found, key=str.lower):
        each = importlib.metadata.distribution(name)
        components.append(Component(each.metadata["Name"], each.version, licence_of(each), "pypi", licence_files(each)))
    return tuple(components)


def owners_of_files() -> Mapping[Path, str]:
    """Give the distribution of every file in the build environment."""
    owners = {}
    for each in importlib.metadata.distributions():
        for file in each.files or ():
            owners[real_path(Path(str(each.locate_file(file))))] = each.metadata["Name"]
    return owners


@cache
def real_path(path: Path) -> Path:
    """Give a path without links, so that two names of a file are the same."""
    return Path(os.path.realpath(path))


def licence_of(distribution: importlib.metadata.Distribution) -> str:
    """Give a licence's name: what the package declares, in the newest form it knows."""
    metadata = distribution.metadata
    expression = metadata.get("License-Expression") or ""
    classifiers = [each.rpartition(" :: ")[2] for each in metadata.get_all("Classifier") or () if each.startswith("License :: ")]
    short = (metadata.get("License") or "").strip().splitlines()[:1]
    return expression or ", ".join(classifiers) or (short[0] if short else "") or "see its texts"


def licence_files(distribution: importlib.metadata.Distribution) -> tuple[Path, ...]:
    """Give the files of a package that hold its terms, and those of what it brings along."""
    files = [Path(str(distribution.locate_file(file))) for file in distribution.files or () if LICENCE_FILE.search(Path(file).name)]
    return tuple(sorted(path for path in files if path.is_file() and path.suffix.lower() in {"", ".txt", ".md", ".rst"}))


def system_packages_of(sources: Iterable[Path]) -> tuple[Component, ...]:
    """Give the Debian packages that collected libraries come from; nothing where there is no dpkg."""
    if shutil.which("dpkg-query") is None:
        return ()
    names = {debian_owner(path) for path in sources if str(path).startswith(("/usr/lib", "/lib"))} - {""}
    return tuple(debian_package(name) for name in sorted(names))


def debian_owner(path: Path) -> str:
    """Give the Debian package of a file; empty when nobody owns it."""
    for name in (path, real_path(path), Path(str(path).removeprefix("/usr"))):
        done = subprocess.run(["dpkg-query", "-S", str(name)], check=False, capture_output=True, text=True)
        if done.returncode == 0:
            return done.stdout.partition(":")[0]
    return ""


def debian_package(name: str) -> Component:
    """Give a Debian package as a component."""
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}\n", name], check=True, capture_output=True, text=True)
    copyright_file = DEBIAN_DOCUMENTS / name / "copyright"
    texts = (copyright_file,) if copyright_file.is_file() else ()
    return Component(name, done.stdout.splitlines()[0], debian_licences(texts), "deb", texts)


def debian_licences(texts: tuple[Path, ...]) -> str:
    """Give the licences that a Debian copyright file names, where it is written for programs."""
    text = "".join(path.read_text(encoding="utf-8", errors="replace") for path in texts)
    names = dict.fromkeys(re.findall(r"^License: *(\S.*)$", text, flags=re.MULTILINE))
    return ", ".join(names) or "see its text"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
