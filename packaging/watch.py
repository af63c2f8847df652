"""Run a program under strace and tell whether it opened a network socket or changed a file outside the user's directories (Linux).

    python3 packaging/watch.py [--root DIR] [--allow DIR ...] [--log FILE] -- COMMAND ...

Exit code: that of the program when nothing was found, else 1.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

CHANGES = ("mkdir", "mkdirat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "link", "linkat", "symlink", "symlinkat")
CHANGES += ("truncate", "chmod", "fchmodat", "mknod", "mknodat")
OPENS = ("open", "openat", "openat2")
TRACED = f"trace=execve,socket,connect,bind,sendto,creat,{','.join((*OPENS, *CHANGES))}"
NETWORK_FAMILIES = ("AF_INET", "AF_INET6", "AF_PACKET", "AF_BLUETOOTH", "AF_VSOCK")
WRITING = ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND")
# Devices and the process's own entries; no files.
ALWAYS_ALLOWED = ("/dev", "/proc")
CALL = re.compile(r"^(?P<pid>\d+) +(?P<name>\w+)\((?P<arguments>.*?)(?:\) += (?P<result>-?\d+|\?).*| <unfinished \.\.\.>)$")
# The end of a call that was interrupted in the log by another thread's.
RESUMED = re.compile(r"^(?P<pid>\d+) +<\.\.\. (?P<name>\w+) resumed>(?P<arguments>.*)\) += (?P<result>-?\d+|\?)")
PATH = re.compile(r'(?:(?P<folder>AT_FDCWD|\d+)(?:<(?P<place>[^>]*)>)?, )?"(?P<path>(?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Findings:
    """What a program did: network families it asked sockets of, local sockets it spoke to, files it changed."""

    network: tuple[str, ...]
    local: tuple[str, ...]
    changed: tuple[str, ...]
    outside: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """Tell whether nothing was done that must not be."""
        return not self.network and not self.outside


def main(words: list[str]) -> int:
    """Watch one command; give the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default="/", metavar="DIR", help="the folder that is / for the program")
    parser.add_argument("--allow", action="append", default=[], metavar="DIR", help="where files may be changed, as the program sees it")
    parser.add_argument("--log", type=Path, metavar="FILE", help="keep strace's own log there")
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as scratch:
        log = arguments.log or Path(scratch) / "strace.log"
        code = subprocess.run(traced(arguments.command, log), check=False).returncode
        with log.open(encoding="utf-8", errors="replace") as lines:
            found = findings(lines, arguments.allow, root=arguments.root, cwd=str(Path.cwd()))
    for line in report(found):
        print(line)
    return code if found.is_clean else 1


def traced(command: Iterable[str], log: Path) -> list[str]:
    """Give the words that run a command under strace."""
    return ["strace", "-f", "-qq", "-y", "--seccomp-bpf", "-s", "300", "-e", TRACED, "-e", "signal=none", "-o", str(log), *command]


def findings(lines: Iterable[str], allowed: Iterable[str], *, root: str = "/", cwd: str = "", after: str = "") -> Findings:
    """Read strace's log.

    Args:
        lines: the log.
        allowed: folders in which files may be changed, as the program sees them.
        root: the folder that is / for the program; it is taken off the paths.
        cwd: the folder in which the program works, for calls that name none.
        after: skip everything before the first line that holds this text.
    """
    folders = (*allowed, *ALWAYS_ALLOWED)
    network, local, changed = {}, {}, {}
    for name, arguments in calls(started(lines, after)):
        if name == "socket":
            family = arguments.partition(",")[0]
            if family in NETWORK_FAMILIES:
                network[f"socket({arguments})"] = None
        elif name in {"connect", "bind", "sendto"}:
            local |= {f"{name} {each}": None for each in re.findall(r'sun_path=(@?"[^"]*")', arguments)}
            if "AF_INET" in arguments:
                network[f"{name}({arguments})"] = None
        elif name in CHANGES or name == "creat" or (name in OPENS and any(flag in arguments for flag in WRITING)):
            changed |= dict.fromkeys(paths_in(arguments, root, cwd))
    outside = tuple(path for path in changed if not any(is_below(path, folder) for folder in folders))
    return Findings(tuple(network), tuple(local), tuple(changed), outside)


def started(lines: Iterable[str], after: str) -> Iterator[str]:
    """Give the lines from the first one on that holds a text."""
    is_started = not after
    for line in lines:
        is_started = is_started or after in line
        if is_started:
            yield line.rstrip("\n")


def calls(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Give every call that was carried out, with its arguments; a call that the system refused changed nothing."""
    open_calls: dict[tuple[str, str], str] = {}
    for line in lines:
        found = CALL.match(line)
        if found is not None and found["result"] is None:
            open_calls[found["pid"], found["name"]] = found["arguments"]
            continue
        resumed = None if found is not None else RESUMED.match(line)
        ended = found or resumed
        if ended is None:
            continue
        before = open_calls.pop((ended["pid"], ended["name"]), "") if resumed is not None else ""
        is_refused = ended["result"].startswith("-")
        if not is_refused or ended["name"] in {"connect", "sendto"}:
            yield ended["name"], before + ended["arguments"]


def paths_in(arguments: str, root: str, cwd: str) -> Iterator[str]:
    """Give the absolute paths, as the program sees them, that a call names."""
    for found in PATH.finditer(arguments):
        path = found["path"]
        if not path.startswith("/"):
            path = f"{found['place'] or cwd}/{path}"
        if root != "/" and path.startswith(root.rstrip("/") + "/"):
            path = path.removeprefix(root.rstrip("/"))
        yield str(PurePosixPath(re.sub(r"/(\./)+", "/", path)))


def is_below(path: str, folder: str) -> bool:
    """Tell whether a path is a folder, or lies in it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def report(found: Findings) -> list[str]:
    """Tell what was found, for people."""
    lines = [f"files changed: {len(found.changed)}, outside the user's directories: {len(found.outside)}"]
    lines += [f"  outside: {path}" for path in found.outside]
    lines += [f"network sockets: {len(found.network)}", *(f"  {each}" for each in found.network)]
    lines += [f"local sockets: {len(found.local)}", *(f"  {each}" for each in found.local)]
    return lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
