"""Take out of a frozen program, on Linux, what its libraries carry along and this program never calls.

- Symbol tables that only debuggers read.
- OpenCV's readers of video (FFmpeg, and with it an OpenSSL that speaks to networks) and its linear algebra: libraries of the same names
  take their places, in which every function ends the program with a sentence. What the program may not call is counted in
  `tests/packaging/test_installers.py`. Its AVIF stays: OpenCV makes an encoder of it before it reads or writes any picture.
- Libraries that nothing in the folder asks for any more.
"""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

# Beside OpenCV, by the beginning of their names; of what hangs on them, whatever nothing else needs goes too.
HOLLOW = ("libavcodec", "libavformat", "libavutil", "libswscale", "libopenblasp")
# Opened by name at run time, so that no library's list of needs tells.
OPENED_BY_NAME = ("libpython", "libonnxruntime_providers_shared.so", "libopenvino", "libtorch", "libgomp")
PT_LOAD = 1
# What a stand-in does: writes a sentence and ends, without a C library.
STAND_IN = """\
static const char text[] = "cxrview: this installer holds no %s of OpenCV; please report it.\\n";
__attribute__((used, noreturn)) static void stop(void) {
    __asm__ volatile ("syscall" :: "a"(1), "D"(2), "S"(text), "d"(sizeof text - 1) : "rcx", "r11", "memory");
    __asm__ volatile ("syscall" :: "a"(231), "D"(134) : "rcx", "r11", "memory");
    __builtin_unreachable();
}
"""


def main(words: list[str]) -> int:
    """Shrink one folder; give the exit code."""
    if len(words) != 1:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    for line in shrink(Path(words[0])):
        print(line)
    return 0


def shrink(folder: Path) -> list[str]:
    """Make a frozen folder smaller; say what was done and how much it brought."""
    missing = [tool for tool in ("strip", "nm", "readelf", "gcc") if shutil.which(tool) is None]
    if not sys.platform.startswith("linux") or missing:
        return [f"not shrunk: {', '.join(missing) + ' not found' if missing else 'only done on Linux'}"]
    steps = (
        (hollow_out, "stand-ins for OpenCV's video and linear algebra"),
        (drop_unneeded, "libraries nobody asks for"),
        (strip_all, "symbol tables"),
    )
    lines = []
    for step, what in steps:
        before = size_of(folder)
        step(folder)
        lines.append(f"{what}: {(before - size_of(folder)) / 1e6:.1f} MB less")
    return lines


def size_of(folder: Path) -> int:
    """Give the bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def libraries(folder: Path) -> list[Path]:
    """Give all shared libraries and programs below a folder."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink() and is_elf(path))


def is_elf(path: Path) -> bool:
    """Tell whether a file is a library or program of Linux."""
    with path.open("rb") as stream:
        return stream.read(4) == b"\x7fELF"


def hollow_out(folder: Path) -> None:
    """Put stand-ins into the places of the libraries that OpenCV names and this program does not use."""
    for library in folder.glob("_internal/opencv_python_headless.libs/*"):
        if library.name.startswith(HOLLOW):
            users = [*folder.glob("_internal/cv2/*.so"), *library.parent.iterdir()]
            make_stand_in(library, wanted_symbols(users, library))


def wanted_symbols(users: Iterable[Path], library: Path) -> dict[str, str]:
    """Give the functions of a library that others ask for, each with the version they ask for (which may be empty)."""
    defined = {line.split()[-1].partition("@")[0] for line in output_of("nm", "-D", "--defined-only", str(library)).splitlines()}
    wanted = {}
    for user in users:
        if user == library or not is_elf(user):
            continue
        for line in output_of("nm", "-D", "--undefined-only", str(user)).splitlines():
            name, _, version = line.split()[-1].partition("@")
            if name in defined:
                wanted[name] = version.lstrip("@")
    return wanted


def make_stand_in(library: Path, wanted: dict[str, str]) -> None:
    """Replace a library by one of the same name whose functions all end the program with a sentence."""
    what = "linear algebra" if "blas" in library.name else "video"
    aliases = "".join(f'__attribute__((alias("stop"))) void {name}(void);\n' for name in sorted(wanted))
    versions = sorted(set(wanted.values()) - {""})
    script = "".join(
        f"{version} {{ global: {' '.join(f'{name};' for name in sorted(wanted) if wanted[name] == version)} }};\n" for version in versions
    )
    with tempfile.TemporaryDirectory() as scratch:
        source, exports = Path(scratch) / "stand_in.c", Path(scratch) / "stand_in.map"
        source.write_text(STAND_IN % what + aliases, encoding="utf-8")
        exports.write_text(script, encoding="utf-8")
        command = ["gcc", "-shared", "-fPIC", "-O1", "-nostdlib", "-fno-builtin", "-Wno-all", "-w", "-Wl,--build-id=none"]
        command += [f"-Wl,-soname,{soname_of(library)}", *([f"-Wl,--version-script,{exports}"] if versions else [])]
        library.unlink()
        subprocess.run([*command, "-o", str(library), str(source)], check=True)


def soname_of(library: Path) -> str:
    """Give the name by which others ask for a library."""
    found = re.search(r"SONAME.*\[(.+)\]", output_of("readelf", "-d", str(library)))
    return found[1] if found else library.name


def drop_unneeded(folder: Path) -> None:
    """Delete the plain libraries that nothing asks for, until none is left; extension modules and plugins are always asked for."""
    while True:
        here = libraries(folder)
        needed = {name for path in here for name in needs_of(path)}
        idle = [path for path in here if is_plain_library(path) and path.name not in needed]
        if not idle:
            break
        for path in idle:
            path.unlink()
    for link in folder.rglob("*"):
        if link.is_symlink() and not link.exists():
            link.unlink()


def is_plain_library(path: Path) -> bool:
    """Tell a library that only others open from a module of Python's, a plugin and a program."""
    is_library = re.fullmatch(r"lib.+\.so(\.\w+)*", path.name) is not None and not re.search(r"\.(cpython-|abi3\.)", path.name)
    return is_library and "plugins" not in path.parts and not path.name.startswith(OPENED_BY_NAME)


def needs_of(path: Path) -> set[str]:
    """Give the names of the libraries that one asks for."""
    return set(re.findall(r"NEEDED.*\[(.+)\]", output_of("readelf", "-d", str(path))))


def strip_all(folder: Path) -> None:
    """Take the symbol tables out of every library; the program itself carries an archive behind its code and stays as it is."""
    for path in libraries(folder / "_internal"):
        stripped = path.with_name(path.name + ".stripped")
        subprocess.run(["strip", "--strip-unneeded", "-o", str(stripped), str(path)], check=True)
        # Wheels move sections about, and strip then writes libraries that the loader refuses.
        if can_be_loaded(stripped):
            stripped.replace(path)
        else:
            stripped.unlink()


def can_be_loaded(path: Path) -> bool:
    """Tell whether every segment lies in the file as the loader wants it: at the same place in its page as in memory."""
    data = path.read_bytes()
    table, size, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
    for index in range(count):
        kind, _flags, offset, address, _physical, _in_file, _in_memory, alignment = struct.unpack_from(
            "<IIQQQQQQ", data, table + index * size
        )
        if kind == PT_LOAD and alignment > 1 and (offset - address) % alignment:
            return False
    return True


def output_of(*command: str) -> str:
    """Run a tool and give what it says."""
    return subprocess.run(command, check=True, capture_output=True, text=True, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}).stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
