"""The direction of imports, and who may know which outside package."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "cxrview"

# Outside packages that stay in few files, and those files (or folders); numpy and cv2 are everywhere.
KNOWN_IN = {
    "PIL": ("training/pictures.py",),
    "PySide6": ("app/",),
    "cattrs": ("training/recipe.py", "training/lung_recipe.py", "training/gate_recipe.py", "training/import_weights.py"),
    "imagecodecs": ("io/codecs.py",),
    "imagehash": ("training/pictures.py",),
    "lightning": ("training/",),
    "lime": ("engine/lime.py",),
    "onnx": ("training/export.py",),
    "onnxruntime": ("engine/onnx.py",),
    "openvino": ("engine/openvino.py",),
    "platformdirs": ("io/places.py",),
    "pyarrow": ("batch/tables.py", "training/spreadsheet.py"),
    "pydicom": ("io/dicom.py", "io/dicom_write.py"),
    "pyqtgraph": ("app/views/wizard/plot_box.py",),
    "pytorch_grad_cam": ("engine/grad_cam.py",),
    "reportlab": ("evaluation/pdf.py",),
    "ray": ("batch/ray.py",),
    "rich": ("cli/terminal.py",),
    "sklearn": ("training/gate.py",),
    "segmentation_models_pytorch": ("training/lung_network.py",),
    "timm": ("engine/nets.py", "training/initial.py"),
    "torch": ("engine/nets.py", "engine/torch.py", "engine/torchvision_ops.py", "training/"),
    "torchmetrics": ("training/",),
    "torchvision": ("training/",),
}
EVERYWHERE = {"numpy", "cv2", "safetensors", "tomli_w"}
DISTRIBUTION_OF = {
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "PySide6": "pyside6-essentials",
    "sklearn": "scikit-learn",
    "pytorch_grad_cam": "grad-cam",
}


def outside_imports(path: Path) -> Iterator[str]:
    """Give the top-level names of what a file imports, anywhere in it, beyond the standard library and cxrview."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        yield from (top for top in (name.partition(".")[0] for name in names) if top not in sys.stdlib_module_names and top != "cxrview")


def test_imports_point_downwards() -> None:
    """In a process of its own: the linter reconfigures logging."""
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True, no_logo=True))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_outside_packages_stay_where_they_are_known() -> None:
    strays = [
        f"{path.relative_to(PACKAGE).as_posix()} imports {name}"
        for path in PACKAGE.rglob("*.py")
        for name in outside_imports(path)
        if name not in EVERYWHERE and not path.relative_to(PACKAGE).as_posix().startswith(KNOWN_IN.get(name, ("\0",)))
    ]
    assert strays == []


def test_every_outside_package_is_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [
        *project["dependencies"],
        *(line for name in ("train", "openvino", "cluster") for line in project["optional-dependencies"][name]),
    ]
    declared = {re.split(r"[\[><=!; ]", line)[0].lower() for line in lines}
    used = {name for path in PACKAGE.rglob("*.py") for name in outside_imports(path)}
    assert {DISTRIBUTION_OF.get(name, name.replace("_", "-")).lower() for name in used} - declared == set()


def test_no_folder_hides_a_library() -> None:
    """A package of the name `packaging` would shadow the library of that name."""
    assert not (ROOT / "packaging" / "__init__.py").exists()
    assert not (ROOT / "models" / "__init__.py").exists()


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "misc", "manager"])
def test_every_module_has_a_noun_of_its_own(name: str) -> None:
    assert [path for path in PACKAGE.rglob("*") if path.stem == name] == []
