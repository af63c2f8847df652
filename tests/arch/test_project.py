"""What stands in the project's own files: versions, licences, and text that belongs to nobody's machine."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import cxrview

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TEXTS = ("cxrview", "tests", "docs", "packaging", "models", "resources", "README.md", "CHANGELOG.md", "pyproject.toml", ".ci")
TEXT_SUFFIXES = {".py", ".md", ".toml", ".txt", ".qss", ".html", ""}

PERMISSIVE = ("MIT", "BSD", "Apache", "PSF", "Zlib", "ISC", "HPND", "CC0", "0BSD", "BSL-1.0", "MPL-2.0")
# The Qt libraries stay separate files that a user can replace, as the LGPL asks.
LGPL = {"pyside6-essentials"}
# Their metadata says it in words of their own.
READ_BY_HAND = {"python-gdcm": "BSD-3-Clause and Apache-2.0", "pydicom": "MIT"}


def requirements() -> list[str]:
    lines = [*PROJECT["dependencies"], *(line for extra in PROJECT["optional-dependencies"].values() for line in extra)]
    return [re.split(r"[\[><=!; ]", line)[0].lower() for line in lines]


def stated_licence(distribution: str) -> str:
    meta = importlib.metadata.metadata(distribution)
    classifiers = [text for text in meta.get_all("Classifier") or [] if text.startswith("License ::")]
    return " ".join([meta.get("License-Expression") or "", (meta.get("License") or "")[:200], *classifiers])


@pytest.mark.parametrize("distribution", requirements())
def test_dependencies_are_free_to_pass_on(distribution: str) -> None:
    try:
        stated = stated_licence(distribution)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("not installed here")
    if distribution in LGPL:
        assert "LGPL" in stated
        return
    assert any(name in stated for name in PERMISSIVE) or distribution in READ_BY_HAND, stated
    if distribution not in READ_BY_HAND:
        assert not re.search(r"\bA?GPL", stated), stated


def test_no_two_packages_bring_the_same_module() -> None:
    """OpenCV with and without windows, and ONNX Runtime with and without CUDA, overwrite each other's files."""
    names = requirements()
    assert sum(name.startswith("opencv-") for name in names) == 1
    assert sum(name.startswith("onnxruntime") for name in names) == 1


def test_the_viewer_needs_no_torch() -> None:
    base = [re.split(r"[\[><=!; ]", line)[0].lower() for line in PROJECT["dependencies"]]
    assert not {"torch", "torchvision", "timm", "lightning", "scikit-learn"} & set(base)


def test_the_version_stands_in_one_place() -> None:
    assert "version" not in PROJECT
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+)?", cxrview.__version__)
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## Unreleased" in changelog or f"## {cxrview.__version__}" in changelog


def test_the_licence_is_complete() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert PROJECT["license"] == "Apache-2.0"
    assert text.lstrip().startswith("Apache License")
    assert "END OF TERMS AND CONDITIONS" in text


def test_the_readme_begins_with_the_two_commands() -> None:
    top = (ROOT / "README.md").read_text(encoding="utf-8")[:600]
    assert "python3 packaging/bootstrap.py run" in top
    assert "python3 packaging/bootstrap.py test" in top


def texts() -> list[Path]:
    """The project's own text files: what git knows, or, without git, what lies in the known folders."""
    listed = subprocess.run(["git", "ls-files", "-z", *TEXTS], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        paths = [path for name in TEXTS for path in ((ROOT / name).rglob("*") if (ROOT / name).is_dir() else [ROOT / name])]
    return [path for path in paths if path.is_file() and path.suffix in TEXT_SUFFIXES and "__pycache__" not in path.parts]


def test_no_text_names_a_machine_or_a_package_host() -> None:
    forbidden = re.compile(
        "|".join(["/" + "work/", r"py" + r"pi\.org", r"download\.py" + "torch", r"/ro" + "ot/", r"/ho" + r"me/\w", r"C:\\Us" + "ers"])
    )
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in texts()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if forbidden.search(line)
    ]
    assert found == []
