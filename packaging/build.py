"""Build the installers of this platform: `python3 packaging/build.py viewer|full [--output DIR] [--folder-only]`.

viewer: the window, scoring, heatmaps, reports and the bundled models. full: training too, with torch for the processor.
Makes its own virtual environment from the lock file of this platform (packaging/locks), freezes the program with PyInstaller, tries
it, and leaves in `dist/` the installers with their SHA-256 sums. Needs Python 3.11; on Linux also gcc, binutils and dpkg-deb.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import linux
import lock
import shrink

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "installers"
SUMS = "SHA256SUMS"
# Its own installer puts it on no PATH.
INNO_FOLDERS = (r"C:\Program Files (x86)\Inno Setup 6", r"C:\Program Files\Inno Setup 7")


class BuildFailed(Exception):
    """The installers cannot be made; the text says why and what to do."""


def main(words: list[str]) -> int:
    """Build one flavour; give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("flavour", choices=sorted(lock.EXTRAS, reverse=True))
    parser.add_argument("--output", type=Path, default=ROOT / "dist", metavar="DIR", help="where the installers go (default: dist/)")
    parser.add_argument("--folder-only", action="store_true", help="freeze, and make no installers")
    arguments = parser.parse_args(words)
    try:
        folder = frozen_folder(arguments.flavour)
        made = () if arguments.folder_only else installers(arguments.flavour, folder, arguments.output.absolute())
    except BuildFailed as failure:
        print(f"build: {failure}", file=sys.stderr)
        return 3
    except subprocess.CalledProcessError as failure:
        print(f"build: {failure.cmd[0]} ended with {failure.returncode}; its own words stand above.", file=sys.stderr)
        return 3
    for path in made:
        say(f"{path}  {path.stat().st_size / 1e6:.1f} MB")
    return 0


def frozen_folder(flavour: str) -> Path:
    """Freeze the program; give its folder, which starts anywhere."""
    python = build_python(flavour)
    work = WORK / flavour
    work.mkdir(parents=True, exist_ok=True)
    environment = dict(
        os.environ,
        CXRVIEW_FLAVOUR=flavour,
        CXRVIEW_SOURCES=str(work / "sources.json"),
        SOURCE_DATE_EPOCH=str(epoch()),
        PYTHONHASHSEED="1",
        PYTHONDONTWRITEBYTECODE="1",
    )
    say("freezing the program")
    command = [str(python), "-m", "PyInstaller", "--noconfirm", "--clean", "--log-level", "WARN"]
    command += ["--workpath", str(work / "work"), "--distpath", str(work / "frozen"), str(ROOT / "packaging" / "cxrview.spec")]
    subprocess.run(command, check=True, env=environment, cwd=ROOT)
    folder = work / "frozen" / "cxrview"
    for line in shrink.shrink(folder):
        say(line)
    subprocess.run(
        [str(python), str(ROOT / "packaging" / "notices.py"), str(work / "sources.json"), str(folder)],
        check=True,
        env=environment,
        cwd=ROOT,
    )
    try_out(folder, work / "basedir")
    for line in largest_parts(folder):
        say(line)
    return folder


def build_python(flavour: str) -> Path:
    """Give the interpreter of the build environment, made anew when the lock file has changed."""
    if sys.version_info[:2] != lock.PYTHON:
        raise BuildFailed(f"the installers hold Python {lock.PYTHON[0]}.{lock.PYTHON[1]}; start this with that version.")
    locked = lock.lock_path(flavour)
    if not locked.is_file():
        raise BuildFailed(f"there is no {locked.name} in packaging/locks; make it: python3 packaging/lock.py {flavour}")
    venv = WORK / f"venv-{flavour}"
    stamp, wanted = venv / "lock.sha256", sha256_of(locked)
    python = venv / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    say(f"making the build environment from {locked.name}")
    shutil.rmtree(venv, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--require-hashes", "--only-binary", ":all:", "--no-binary", lock.SOURCE_ONLY, "-r", str(locked)], check=True)
    stamp.write_text(wanted, encoding="utf-8")
    return python


def epoch() -> int:
    """Give the time that every file of the installers bears: SOURCE_DATE_EPOCH, else that of the last commit."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    done = subprocess.run(["git", "log", "-1", "--format=%ct"], check=False, cwd=ROOT, capture_output=True, text=True)
    return int(done.stdout) if done.returncode == 0 and done.stdout.strip() else 0


def try_out(folder: Path, basedir: Path) -> None:
    """See that the frozen program starts and that its models give what they must."""
    program = folder / ("cxrview.exe" if sys.platform == "win32" else "cxrview")
    shutil.rmtree(basedir, ignore_errors=True)
    subprocess.run([str(program), "--basedir", str(basedir), "doctor"], check=True, stdout=subprocess.DEVNULL)


def largest_parts(folder: Path) -> list[str]:
    """Tell how large the program is, and its largest parts."""
    inside = folder / "_internal"
    parts = {
        path.name: shrink.size_of(path) if path.is_dir() else path.stat().st_size for path in inside.iterdir() if not path.is_symlink()
    }
    largest = sorted(parts.items(), key=lambda part: -part[1])[:8]
    whole = shrink.size_of(folder)
    return [f"the program takes {whole / 1e6:.1f} MB", *(f"  {size / 1e6:6.1f} MB  {name}" for name, size in largest)]


def installers(flavour: str, folder: Path, output: Path) -> tuple[Path, ...]:
    """Make what this platform installs, and the file of sums."""
    output.mkdir(parents=True, exist_ok=True)
    makers = {"linux": linux_installers, "win32": windows_installer, "darwin": macos_image}
    made = makers[sys.platform](flavour, folder, output)
    write_sums(output, made)
    return made


def linux_installers(flavour: str, folder: Path, output: Path) -> tuple[Path, ...]:
    """Make the archive, the Debian package where dpkg-deb is here, the AppImage where its tool is here."""
    frozen = linux.Frozen(folder, flavour, version(), lock.platform_name().partition("-")[2], epoch())
    say("packing the archive")
    made = [linux.make_archive(frozen, output)]
    if shutil.which("dpkg-deb"):
        say("packing the Debian package")
        made.append(linux.make_deb(frozen, output))
    else:
        say("no .deb: dpkg-deb is not installed")
    image = linux.make_appimage(frozen, output)
    if image is None:
        say("no AppImage: appimagetool is not installed")
    else:
        made.append(image)
    bill = output / f"{frozen.name}.sbom.cdx.json"
    shutil.copyfile(folder / "licences" / "sbom.cdx.json", bill)
    return (*made, bill)


def windows_installer(flavour: str, folder: Path, output: Path) -> tuple[Path, ...]:
    """Run Inno Setup on its script. Not yet run on Windows."""
    tool = shutil.which("iscc") or shutil.which("iscc", path=os.pathsep.join(INNO_FOLDERS))
    if tool is None:
        raise BuildFailed(f"Inno Setup 6.3 or newer is not installed (jrsoftware.org); the frozen program is in {folder}.")
    script = ROOT / "packaging" / "windows" / "cxrview.iss"
    definitions = [f"/DVersion={version()}", f"/DFlavour={flavour}", f"/DFolder={folder}", f"/DOutput={output}"]
    subprocess.run([tool, *definitions, str(script)], check=True)
    return (output / f"cxrview-{version()}-{flavour}-windows-x86_64.exe",)


def macos_image(flavour: str, folder: Path, output: Path) -> tuple[Path, ...]:
    """Make the disk image. Not yet run on macOS."""
    image = output / f"cxrview-{version()}-{flavour}-{lock.platform_name()}.dmg"
    script = ROOT / "packaging" / "macos" / "make_dmg.sh"
    subprocess.run(["sh", str(script), str(folder.with_suffix(".app")), str(folder / "licences"), str(image)], check=True)
    return (image,)


def write_sums(output: Path, made: tuple[Path, ...]) -> None:
    """Write the SHA-256 of what was made into SHA256SUMS; older lines of other files stay."""
    sums = output / SUMS
    lines = sums.read_text(encoding="utf-8").splitlines() if sums.is_file() else []
    known = {name: digest for digest, _, name in (line.partition("  ") for line in lines) if (output / name).is_file()}
    known |= {path.name: sha256_of(path) for path in made}
    sums.write_text("".join(f"{known[name]}  {name}\n" for name in sorted(known)), encoding="utf-8", newline="\n")


def sha256_of(path: Path) -> str:
    """Give the SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def version() -> str:
    """Give the version of the program."""
    sys.path.insert(0, str(ROOT))
    from cxrview import __version__

    return __version__


def say(text: str) -> None:
    """Tell what is being done."""
    print(f"build: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
