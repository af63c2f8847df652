"""The watcher: what strace says is read as it is, and only offences are offences."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOG = """\
11 execve("/usr/bin/cxrview", ["cxrview"], 0x7ff /* 9 vars */) = 0
11 openat(AT_FDCWD</people/reader>, "/etc/ld.so.cache", O_RDONLY|O_CLOEXEC) = 3</etc/ld.so.cache>
11 openat(AT_FDCWD</people/reader>, "/people/reader/.config/cxrview/settings.toml", O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, 0666) = 4</home>
11 openat(AT_FDCWD</people/reader>, "/etc/passwd", O_RDWR) = -1 EACCES (Permission denied)
12 mkdir("scores", 0777) = 0
12 openat(AT_FDCWD</people/reader>, "table.csv", O_RDWR|O_CREAT, 0666 <unfinished ...>
11 socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0) = 5<UNIX-STREAM:[1]>
11 connect(5<UNIX-STREAM:[1]>, {sa_family=AF_UNIX, sun_path="/tmp/.X11-unix/X86"}, 20) = 0
12 <... openat resumed>) = 6</people/reader/table.csv>
"""


@pytest.fixture
def watch() -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("cxrview_watch", ROOT / "packaging" / "watch.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_files_of_the_user_and_the_display_are_no_offence(watch: types.ModuleType) -> None:
    found = watch.findings(LOG.splitlines(), ["/people/reader"], cwd="/people/reader")
    assert found.is_clean
    assert found.changed == ("/people/reader/.config/cxrview/settings.toml", "/people/reader/scores", "/people/reader/table.csv")
    assert found.local == ('connect "/tmp/.X11-unix/X86"',)


def test_a_file_elsewhere_is_an_offence(watch: types.ModuleType) -> None:
    line = '13 openat(AT_FDCWD</>, "/tmp/left", O_WRONLY|O_CREAT, 0666) = 7</tmp/left>'
    assert watch.findings([line], ["/people/reader"]).outside == ("/tmp/left",)
    assert watch.findings(['13 rename("/people/reader/a", "/var/b") = 0'], ["/people/reader"]).outside == ("/var/b",)


def test_a_network_socket_is_an_offence_even_when_it_leads_nowhere(watch: types.ModuleType) -> None:
    lines = [
        "13 socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC, IPPROTO_IP) = 7<UDP:[2]>",
        '13 connect(7<UDP:[2]>, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("10.0.0.1")}, 16) = -1 ENETUNREACH (none)',
    ]
    assert len(watch.findings(lines, []).network) == 2


def test_paths_are_those_that_a_program_in_a_root_of_its_own_sees(watch: types.ModuleType) -> None:
    line = '13 openat(AT_FDCWD</clean/people/reader>, "a.csv", O_WRONLY|O_CREAT, 0666) = 7</clean/people/reader/a.csv>'
    found = watch.findings(
        ['1 mkdir("/clean/proc/x", 0777) = 0', '2 execve("/usr/bin/cxrview", []) = 0', line],
        ["/people/reader"],
        root="/clean",
        after="cxrview",
    )
    assert found.changed == ("/people/reader/a.csv",)
    assert found.is_clean


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_real_program_is_seen(watch: types.ModuleType, tmp_path: Path) -> None:
    script = "import socket, os; socket.socket(socket.AF_INET).close(); os.mkdir('here'); open('here/file', 'w').close()"
    log = tmp_path / "log"
    done = subprocess.run(watch.traced([sys.executable, "-c", script], log), cwd=tmp_path, check=False, capture_output=True, text=True)
    if "ptrace" in done.stderr.lower():
        pytest.skip("this machine forbids tracing")
    found = watch.findings(log.read_text(encoding="utf-8").splitlines(), [str(tmp_path)], cwd=str(tmp_path))
    assert [each.partition(",")[0] for each in found.network] == ["socket(AF_INET"]
    assert str(tmp_path / "here") in found.changed
    assert str(tmp_path / "here" / "file") in found.changed
