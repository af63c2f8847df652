"""Make the installers of Linux from a frozen folder: an archive that installs itself, a Debian package, an AppImage."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINUX = ROOT / "packaging" / "linux"
ICONS = ROOT / "packaging" / "icons"
PNG_SIZES = (16, 32, 48, 128, 256)
ARCHITECTURES = {"x86_64": "amd64", "arm64": "arm64"}
# xz makes the smaller package and takes minutes; with torch inside it would take an hour.
COMPRESSION = {"viewer": ("-Zxz", "-z6"), "full": ("-Zzstd", "-z9")}
# Two and more processors pack into the same bytes, one into others.
THREADS = 2


@dataclass(frozen=True, slots=True)
class Frozen:
    """A frozen program: its folder, what it is called, and the second (of Unix time) that all its files will bear."""

    folder: Path
    flavour: str
    version: str
    machine: str
    epoch: int

    @property
    def name(self) -> str:
        """The name that the files of a release share."""
        return f"cxrview-{self.version}-{self.flavour}-linux-{self.machine}"

    @property
    def package(self) -> str:
        """The name of the Debian package."""
        return "cxrview" if self.flavour == "viewer" else f"cxrview-{self.flavour}"


def make_archive(frozen: Frozen, target: Path) -> Path:
    """Make the .tar.gz: starts where it is unpacked, and holds `install.sh`; the same folder gives the same bytes."""
    archive = target / f"{frozen.name}.tar.gz"
    with tempfile.TemporaryDirectory(dir=target) as scratch:
        folder = Path(scratch) / frozen.name
        shutil.copytree(frozen.folder, folder, symlinks=True)
        add_desktop_files(folder / "share")
        for script in ("install.sh", "uninstall.sh"):
            shutil.copy(LINUX / script, folder / script)
        with archive.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
            for path in (folder, *sorted(folder.rglob("*"))):
                tar.add(path, str(path.relative_to(scratch)), recursive=False, filter=lambda entry: plain(entry, frozen.epoch))
    return archive


def plain(entry: tarfile.TarInfo, epoch: int) -> tarfile.TarInfo:
    """Take out of an archive's entry what differs from one building machine to the next."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mtime = epoch
    entry.mode = 0o777 if entry.issym() else 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    return entry


def make_deb(frozen: Frozen, target: Path) -> Path:
    """Make the Debian package: /usr/lib/cxrview, `cxrview` on the PATH, menu entry, icons and file types."""
    deb = target / f"{frozen.package}_{frozen.version}_{ARCHITECTURES[frozen.machine]}.deb"
    with tempfile.TemporaryDirectory(dir=target) as scratch:
        root = Path(scratch) / "root"
        program = root / "usr" / "lib" / "cxrview"
        program.parent.mkdir(parents=True)
        shutil.copytree(frozen.folder, program, symlinks=True)
        (root / "usr" / "bin").mkdir()
        (root / "usr" / "bin" / "cxrview").symlink_to("../lib/cxrview/cxrview")
        add_desktop_files(root / "usr" / "share")
        documents = root / "usr" / "share" / "doc" / frozen.package
        documents.mkdir(parents=True)
        shutil.copy(LINUX / "copyright", documents / "copyright")
        (root / "DEBIAN").mkdir()
        (root / "DEBIAN" / "control").write_text(control_text(frozen, root), encoding="utf-8")
        shutil.copy(LINUX / "postrm", root / "DEBIAN" / "postrm")
        make_plain(root, frozen.epoch)
        environment = dict(os.environ, SOURCE_DATE_EPOCH=str(frozen.epoch))
        packing = ["--root-owner-group", f"--threads-max={THREADS}", *COMPRESSION[frozen.flavour]]
        command = ["dpkg-deb", *packing, "--build", str(root), str(deb)]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return deb


def make_plain(root: Path, epoch: int) -> None:
    """Give every file below a folder the mode and time that do not depend on who builds."""
    for path in (*root.rglob("*"), root):
        if not path.is_symlink():
            is_program = path.is_dir() or path.stat().st_mode & 0o100 or path.name == "postrm"
            path.chmod(0o755 if is_program else 0o644)
        os.utime(path, (epoch, epoch), follow_symlinks=False)


def control_text(frozen: Frozen, root: Path) -> str:
    """Give what dpkg is told about the package."""
    kilobytes = sum(path.stat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink()) // 1024
    summary, *more = (LINUX / f"description-{frozen.flavour}").read_text(encoding="utf-8").splitlines()
    other = "cxrview-full" if frozen.package == "cxrview" else "cxrview"
    provides = [] if frozen.package == "cxrview" else ["Provides: cxrview"]
    lines = [
        f"Package: {frozen.package}",
        f"Version: {frozen.version}",
        f"Architecture: {ARCHITECTURES[frozen.machine]}",
        "Maintainer: The cxrview authors <cxrview@localhost>",
        "Section: science",
        "Priority: optional",
        f"Installed-Size: {kilobytes}",
        f"Depends: {', '.join(system_packages(frozen.folder))}",
        f"Recommends: {', '.join(('fonts-dejavu-core', *OPTIONAL))}",
        f"Conflicts: {other}",
        f"Replaces: {other}",
        *provides,
        f"Description: {summary}",
        *(f" {line}" if line.strip() else " ." for line in more),
    ]
    return "\n".join(lines) + "\n"


def add_desktop_files(share: Path) -> None:
    """Put menu entry, file types and icons below a `share` folder, where a desktop looks for them."""
    (share / "applications").mkdir(parents=True, exist_ok=True)
    shutil.copy(LINUX / "cxrview.desktop", share / "applications" / "cxrview.desktop")
    (share / "mime" / "packages").mkdir(parents=True, exist_ok=True)
    shutil.copy(LINUX / "cxrview-mime.xml", share / "mime" / "packages" / "cxrview.xml")
    hicolor = share / "icons" / "hicolor"
    for size in PNG_SIZES:
        for drawing, kind, name in DRAWINGS:
            folder = hicolor / f"{size}x{size}" / kind
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(ICONS / f"{drawing}-{size}.png", folder / f"{name}.png")
    (hicolor / "scalable" / "apps").mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "resources" / "icons" / "cxrview.svg", hicolor / "scalable" / "apps" / "cxrview.svg")


# Printers are asked for through it, where there are any.
OPTIONAL = ("libcups2",)
DRAWINGS = (("cxrview", "apps", "cxrview"), ("cxrview-model", "mimetypes", "application-vnd.cxrview.model"))


def system_packages(folder: Path) -> list[str]:
    """Give the Debian packages of the libraries that the frozen ones ask for and that are not inside."""
    elves = [path for path in folder.rglob("*") if path.is_file() and (".so" in path.name or path.name == "cxrview") and is_elf(path)]
    inside = {path.name for path in folder.rglob("*.so*")}
    asked = {name for path in elves for name in needs_of(path)}
    owners = {owner_of(name) for name in asked - inside} - {""}
    oldest = ".".join(map(str, max(glibc_versions(elves), default=(2, 28))))
    return [f"libc6 (>= {oldest})", *sorted(owners - {"libc6", *OPTIONAL})]


def is_elf(path: Path) -> bool:
    """Tell whether a file is a library or program of Linux."""
    with path.open("rb") as stream:
        return stream.read(4) == b"\x7fELF"


def needs_of(path: Path) -> set[str]:
    """Give the names of the libraries that one asks for."""
    return set(re.findall(r"NEEDED.*\[(.+)\]", output_of("readelf", "-d", str(path))))


def glibc_versions(elves: Iterable[Path]) -> set[tuple[int, ...]]:
    """Give the versions of the C library that some libraries ask for."""
    texts = (output_of("readelf", "-V", str(path)) for path in elves)
    return {tuple(map(int, each.split("."))) for text in texts for each in re.findall(r"Name: GLIBC_([\d.]+)", text)}


def owner_of(library: str) -> str:
    """Give the package of this system that holds a library; empty when it holds none."""
    known = output_of("/sbin/ldconfig", "-p")
    found = re.search(rf"^\s*{re.escape(library)} .*=> (\S+)", known, flags=re.MULTILINE)
    if found is None:
        return ""
    for name in (found[1], os.path.realpath(found[1]), "/usr" + found[1]):
        done = subprocess.run(["dpkg-query", "-S", name], check=False, capture_output=True, text=True)
        if done.returncode == 0:
            return done.stdout.partition(":")[0]
    return ""


def output_of(*command: str) -> str:
    """Run a tool and give what it says."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def make_appimage(frozen: Frozen, target: Path) -> Path | None:
    """Make the AppImage; None where its tool is not installed."""
    tool = shutil.which("appimagetool")
    if tool is None:
        return None
    image = target / f"{frozen.name}.AppImage"
    with tempfile.TemporaryDirectory(dir=target) as scratch:
        folder = Path(scratch) / "cxrview.AppDir"
        shutil.copytree(frozen.folder, folder / "usr" / "lib" / "cxrview", symlinks=True)
        add_desktop_files(folder / "usr" / "share")
        shutil.copy(LINUX / "cxrview.desktop", folder / "cxrview.desktop")
        shutil.copy(ICONS / "cxrview-256.png", folder / "cxrview.png")
        (folder / "AppRun").symlink_to("usr/lib/cxrview/cxrview")
        make_plain(folder, frozen.epoch)
        environment = dict(os.environ, SOURCE_DATE_EPOCH=str(frozen.epoch), ARCH=frozen.machine)
        subprocess.run([tool, "--no-appstream", str(folder), str(image)], check=True, env=environment)
    return image
