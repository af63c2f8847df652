"""What the installers rest on: complete locks, notices for everything that is shipped, scripts that a shell can read, no video."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).parents[2]
PACKAGING = ROOT / "packaging"
# Of OpenCV: what ends the program in the Linux installers, where linear algebra and video are stand-ins.
HOLLOW = re.compile(
    r"cv2\.(VideoCapture|VideoWriter|SVD\w*|solve\w*|invert|eigen\w*|PCA\w*|gemm|determinant|fit(Line|Ellipse)\w*|find(Homography|TransformECC)"
    r"|estimate\w+|calibrate\w+|getPerspectiveTransform|getAffineTransform|Mahalanobis|mulTransposed|kmeans|ml|dnn|cvtColorTwoPlane)\b"
)


def load(name: str) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(f"cxrview_packaging_{name}", PACKAGING / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def plain(requirement: str) -> str:
    return re.split(r"[\[><=!; ]", requirement)[0].lower().replace("_", "-")


def project() -> dict[str, object]:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert isinstance(table, dict)
    return table


@pytest.mark.parametrize("flavour", ["viewer", "full"])
def test_the_lock_holds_every_direct_dependency_in_the_tested_version(flavour: str) -> None:
    lock = load("lock")
    path = PACKAGING / "locks" / f"{flavour}-linux-x86_64.txt"
    locked = {each.name.lower().replace("_", "-"): each.version for each in lock.read_lock(path)}
    assert {plain(line) for line in lock.requirements(flavour)} - locked.keys() == set()
    tested = dict(line.split("==") for line in (PACKAGING / "constraints.txt").read_text(encoding="utf-8").splitlines() if "==" in line)
    wrong = {
        name: (locked[plain(name)], version)
        for name, version in tested.items()
        if plain(name) in locked and locked[plain(name)].partition("+")[0] != version
    }
    assert wrong == {}


def test_the_viewer_holds_no_torch_and_nothing_holds_a_gpu_runtime() -> None:
    lock = load("lock")
    names = {
        flavour: {each.name.lower() for each in lock.read_lock(PACKAGING / "locks" / f"{flavour}-linux-x86_64.txt")}
        for flavour in lock.EXTRAS
    }
    assert not names["viewer"] & {"torch", "torchvision", "timm", "lightning"}
    assert not [name for name in names["full"] if name.startswith(("nvidia-", "triton", "onnxruntime-gpu"))]


def test_a_report_of_pips_becomes_a_lock_and_is_read_back(tmp_path: Path) -> None:
    lock = load("lock")
    item = {"metadata": {"name": "Zed", "version": "1.0"}, "download_info": {"archive_info": {"hashes": {"sha256": "a" * 64}}}}
    other = {"metadata": {"name": "any", "version": "2.1+cpu"}, "download_info": {"archive_info": {"hashes": {"sha256": "b" * 64}}}}
    packages = lock.locked_from({"install": [item, other]})
    assert [each.name for each in packages] == ["any", "Zed"]
    (tmp_path / "lock.txt").write_text(lock.lock_text("viewer", packages), encoding="utf-8")
    assert lock.read_lock(tmp_path / "lock.txt") == packages


def test_every_shipped_distribution_has_its_licence_in_the_documents() -> None:
    table = project()
    extras = table["optional-dependencies"]
    assert isinstance(extras, dict)
    dependencies = table["dependencies"]
    assert isinstance(dependencies, list)
    needed = {plain(line) for line in (*dependencies, *extras["train"], *extras["openvino"])}
    text = (ROOT / "docs" / "third-party.md").read_text(encoding="utf-8").lower()
    assert {name for name in needed if name not in text} == set()


def test_nothing_of_opencv_is_used_that_the_installers_leave_out() -> None:
    used = {
        f"{path.relative_to(ROOT)}: {found.group()}"
        for path in (ROOT / "cxrview").rglob("*.py")
        for found in HOLLOW.finditer(path.read_text(encoding="utf-8"))
    }
    assert used == set()


@pytest.mark.parametrize("script", ["linux/install.sh", "linux/uninstall.sh", "linux/postrm", "macos/make_dmg.sh"])
def test_a_shell_reads_the_scripts(script: str) -> None:
    done = subprocess.run(["sh", "-n", str(PACKAGING / script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_script_for_windows_names_files_that_are_there_and_what_the_build_defines() -> None:
    text = (PACKAGING / "windows" / "cxrview.iss").read_text(encoding="utf-8")
    named = re.findall(r"(?:^SetupIconFile=|^LicenseFile=|^Source: \")(\.\.[^\"\n]+)", text, flags=re.MULTILINE)
    assert len(named) == 4
    assert [name for name in named if not (PACKAGING / "windows" / name.replace("\\", "/")).is_file()] == []
    defined = set(re.findall(r"/D(\w+)=", (PACKAGING / "build.py").read_text(encoding="utf-8")))
    assert set(re.findall(r"\{#(\w+)\}", text)) == defined | {"Name"}


def test_windows_and_macos_open_the_same_files_as_linux() -> None:
    linux = (PACKAGING / "linux" / "cxrview-mime.xml").read_text(encoding="utf-8")
    suffixes = set(re.findall(r'glob pattern="\*\.(\w+)"', linux))
    windows = (PACKAGING / "windows" / "cxrview.iss").read_text(encoding="utf-8")
    macos = (PACKAGING / "cxrview.spec").read_text(encoding="utf-8")
    assert set(re.findall(r"Classes\\\.(\w+)", windows)) == suffixes
    listed = re.findall(r'"CFBundleTypeExtensions": \[([^\]]+)\]', macos)
    assert set(re.findall(r"\w+", " ".join(listed))) == suffixes


def test_the_workflow_starts_scripts_that_are_there() -> None:
    text = (PACKAGING / "ci" / "installers.yml").read_text(encoding="utf-8")
    scripts = set(re.findall(r"packaging/\w+\.py", text))
    assert scripts == {"packaging/lock.py", "packaging/build.py"}
    assert all((ROOT / script).is_file() for script in scripts)


def test_file_types_and_menu_entry_agree() -> None:
    types_ = {each.get("type") for each in ET.parse(PACKAGING / "linux" / "cxrview-mime.xml").getroot()}
    entry = (PACKAGING / "linux" / "cxrview.desktop").read_text(encoding="utf-8")
    listed = re.search(r"^MimeType=(.+)$", entry, flags=re.MULTILINE)
    assert listed is not None
    assert set(listed[1].strip(";").split(";")) == types_


@pytest.mark.skipif(shutil.which("sh") is None or sys.platform != "linux", reason="the scripts are for Linux")
def test_an_archive_is_installed_upgraded_and_removed_by_one_user(tmp_path: Path) -> None:
    linux = load("linux")
    frozen = tmp_path / "frozen"
    (frozen / "_internal").mkdir(parents=True)
    program = frozen / "cxrview"
    program.write_text("#!/bin/sh\necho cxrview 0.0.0\n", encoding="utf-8")
    program.chmod(0o755)
    (tmp_path / "dist").mkdir()
    archive = linux.make_archive(linux.Frozen(frozen, "viewer", "0.0.0", "x86_64", 1), tmp_path / "dist")
    again = archive.read_bytes()
    assert linux.make_archive(linux.Frozen(frozen, "viewer", "0.0.0", "x86_64", 1), tmp_path / "dist").read_bytes() == again

    home = tmp_path / "home"
    (home / ".config" / "cxrview").mkdir(parents=True)
    (home / ".config" / "cxrview" / "settings.toml").write_text("format = 1\n", encoding="utf-8")
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin"}
    subprocess.run(["tar", "-xzf", str(archive), "-C", str(tmp_path)], check=True)
    folder = tmp_path / archive.name.removesuffix(".tar.gz")

    def run(*words: str) -> str:
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    for _ in range(2):
        run(str(folder / "install.sh"))
    assert run(str(home / ".local" / "bin" / "cxrview")) == "cxrview 0.0.0\n"
    entry = (home / ".local" / "share" / "applications" / "cxrview.desktop").read_text(encoding="utf-8")
    assert f'Exec="{home}/.local/bin/cxrview" %F' in entry

    run(str(home / ".local" / "lib" / "cxrview" / "uninstall.sh"))
    assert (home / ".config" / "cxrview" / "settings.toml").is_file()
    assert list((home / ".local").rglob("*cxrview*")) == []

    run(str(folder / "install.sh"))
    run(str(home / ".local" / "lib" / "cxrview" / "uninstall.sh"), "--delete-data")
    assert not (home / ".config" / "cxrview").exists()


def typed_at_terminal(words: Sequence[str], answer: str, environment: Mapping[str, str]) -> str:
    """Run a script that sees a terminal, at which somebody types a line; give what it says."""
    import pty

    ours, theirs = pty.openpty()
    os.write(ours, answer.encode() + b"\n")
    done = subprocess.run(words, env=environment, stdin=theirs, capture_output=True, text=True, check=False, timeout=60)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def a_users_things(home: Path) -> tuple[Path, ...]:
    kept = (home / ".config" / "cxrview" / "settings.toml", home / ".local" / "share" / "cxrview" / "library.sqlite3")
    for path in kept:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine\n", encoding="utf-8")
    (home / ".cache" / "cxrview").mkdir(parents=True, exist_ok=True)
    return kept


@pytest.mark.skipif(sys.platform != "linux", reason="the scripts are for Linux")
@pytest.mark.parametrize("answer", ["n", "", "y"])
def test_uninstalling_at_a_terminal_asks_about_the_users_data(answer: str, tmp_path: Path) -> None:
    program = tmp_path / ".local" / "lib" / "cxrview"
    (program / "share" / "icons").mkdir(parents=True)
    (program / "cxrview").write_text("#!/bin/sh\n", encoding="utf-8")
    (program / "cxrview").chmod(0o755)
    shutil.copy(PACKAGING / "linux" / "uninstall.sh", program)
    kept = a_users_things(tmp_path)
    told = typed_at_terminal(["sh", str(program / "uninstall.sh")], answer, {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"})
    assert "Delete them too?" in told
    assert not program.exists()
    assert [path.exists() for path in kept] == [answer != "y"] * 2


@pytest.mark.skipif(sys.platform != "linux", reason="the scripts are for Linux")
@pytest.mark.parametrize(("action", "answer", "is_asked"), [("remove", "y", True), ("remove", "", True), ("upgrade", "y", False)])
def test_removing_the_package_with_sudo_asks_about_that_users_data(action: str, answer: str, *, is_asked: bool, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    home = tmp_path / "home"
    kept = a_users_things(home)
    for name, text in (("getent", f"echo reader:x:1000:1000::{home}:/bin/sh"), ("runuser", 'shift 3; exec "$@"')):
        (tools / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (tools / name).chmod(0o755)
    environment = {"PATH": f"{tools}:/usr/bin:/bin", "SUDO_USER": "reader"}
    told = typed_at_terminal(["sh", str(PACKAGING / "linux" / "postrm"), action], answer, environment)
    assert ("Delete them too?" in told) is is_asked
    assert [path.exists() for path in kept] == [not (is_asked and answer == "y")] * 2
    assert (home / ".cache" / "cxrview").exists() is kept[0].exists()


def test_the_package_is_removed_in_silence_by_a_program(tmp_path: Path) -> None:
    words = ["sh", str(PACKAGING / "linux" / "postrm"), "remove"]
    environment = {"PATH": "/usr/bin:/bin", "SUDO_USER": "nobody"}
    done = subprocess.run(words, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "are kept" in done.stdout


@pytest.mark.parametrize(
    ("name", "is_plain"),
    [
        ("libQt6Gui.so.6", True),
        ("libdeflate-f710ac3e.so.0", True),
        ("lib.cpython-311-x86_64-linux-gnu.so", False),
        ("libpyside6.abi3.so.6.11", False),
        ("_core.cpython-311-x86_64-linux-gnu.so", False),
        ("libpython3.11.so.1.0", False),
    ],
)
def test_a_module_of_pythons_is_not_taken_for_a_library_that_nothing_needs(name: str, *, is_plain: bool) -> None:
    assert load("shrink").is_plain_library(Path("_internal") / "package" / name) is is_plain


def test_what_was_taken_out_again_is_in_no_list_of_components(tmp_path: Path) -> None:
    notices = load("notices")
    (tmp_path / "libkept.so").touch()
    taken = [("libkept.so", "/usr/lib/libkept.so"), ("libgone.so", "/usr/lib/libgone.so"), ("", "/venv/module.py")]
    assert notices.kept_sources(taken, tmp_path) == [Path("/usr/lib/libkept.so"), Path("/venv/module.py")]


def test_icons_hold_every_size_in_the_form_of_each_system() -> None:
    icons = PACKAGING / "icons"
    for name in ("cxrview", "cxrview-model"):
        ico, icns = (icons / f"{name}.ico").read_bytes(), (icons / f"{name}.icns").read_bytes()
        assert int.from_bytes(ico[4:6], "little") == 7
        assert ico.count(b"\x89PNG") == 7
        assert icns[:4] == b"icns"
        assert int.from_bytes(icns[4:8], "big") == len(icns)
        assert icns.count(b"\x89PNG") == 10
