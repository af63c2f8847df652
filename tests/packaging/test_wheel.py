"""The wheel: everything the program needs at run time, nothing else, and no torch."""

from __future__ import annotations

import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

pytest.importorskip("hatchling")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    from hatchling.builders.wheel import WheelBuilder

    (built,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("wheel")), versions=["standard"])
    return zipfile.ZipFile(built)


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    name = next(name for name in wheel.namelist() if name.endswith("METADATA"))
    return Parser().parsestr(wheel.read(name).decode())


def test_models_resources_and_documents_come_along(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    for folder in ("models", "resources", "docs"):
        wanted = {f"cxrview/_bundled/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / folder).rglob("*") if path.is_file()}
        assert wanted <= names


def test_every_module_comes_along_and_no_test(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    assert {path.relative_to(ROOT).as_posix() for path in (ROOT / "cxrview").rglob("*.py")} <= names
    assert [name for name in names if not name.startswith(("cxrview/", "cxrview-"))] == []


def test_the_viewer_asks_for_no_torch(metadata: Message) -> None:
    needed = [line for line in metadata.get_all("Requires-Dist") or [] if "extra ==" not in line]
    assert any(line.startswith("pydicom") for line in needed)
    assert [line for line in needed if line.startswith(("torch", "timm", "lightning"))] == []


def test_the_script_and_the_licence_are_there(wheel: zipfile.ZipFile, metadata: Message) -> None:
    entry_points = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert "cxrview = cxrview.__main__:main" in wheel.read(entry_points).decode()
    assert metadata["License-Expression"] == "Apache-2.0"
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())
