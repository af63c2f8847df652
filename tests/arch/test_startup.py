"""What is loaded when: nothing heavy before it is needed, and the command line without Qt."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRAINING = {"torch", "torchvision", "timm", "lightning", "torchmetrics", "sklearn", "scipy", "pandas", "matplotlib", "pytorch_grad_cam"}
WINDOW = {"PySide6", "pyqtgraph"}
RUNTIMES = {"onnxruntime", "openvino", "pydicom", "imagecodecs", "pyarrow", "numpy", "cv2"}
LOADED = """
import json, sys
{code}
print("LOADED " + json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}})))
"""


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def loaded_after(code: str) -> set[str]:
    line = next(line for line in run_python(LOADED.format(code=code)).splitlines() if line.startswith("LOADED "))
    return set(json.loads(line.removeprefix("LOADED ")))


@pytest.mark.parametrize("code", ["import cxrview", "import cxrview.__main__", "from cxrview.__main__ import main; main(['--help'])"])
def test_starting_loads_nothing_heavy(code: str) -> None:
    assert loaded_after(code) & (TRAINING | WINDOW | RUNTIMES) == set()


def test_the_window_is_painted_before_canvas_and_runtimes_are_loaded(tmp_path: Path) -> None:
    code = f"""
import os
os.environ.update(QT_QPA_PLATFORM="offscreen", CXRVIEW_BASEDIR={str(tmp_path)!r})
from cxrview.app.opening import build_front
from PySide6.QtWidgets import QApplication
application = QApplication([])
front = build_front(application)
front.window.grab()
import sys
assert not {{"cv2", "cxrview.app.views.canvas", "cxrview.app.main"}} & sys.modules.keys()
front.window.complete()
assert "cxrview.app.views.canvas" in sys.modules
front.window.render_state(front.store.state)
"""
    loaded = loaded_after(code)
    assert loaded & (TRAINING | {"pyqtgraph", "onnxruntime", "openvino", "pydicom", "imagecodecs", "pyarrow"}) == set()


def test_listing_models_loads_no_runtime(fake_model: Path) -> None:
    loaded = loaded_after(f"from cxrview.__main__ import main; assert main(['models', 'show', {str(fake_model)!r}]) == 0")
    assert loaded & (TRAINING | WINDOW | {"onnxruntime", "openvino", "pydicom", "imagecodecs", "pyarrow"}) == set()


def test_scoring_loads_only_what_it_uses(fake_model: Path, phantom_folder: Path, tmp_path: Path) -> None:
    words = ["score", str(phantom_folder), "--model", str(fake_model), "--engine", "onnx", "-o", str(tmp_path / "s.csv"), "-q"]
    loaded = loaded_after(f"from cxrview.__main__ import main; assert main({words!r}) == 1")
    assert loaded & (TRAINING | WINDOW | {"pyarrow", "openvino", "onnxruntime", "pydicom", "imagecodecs"}) == set()


def test_the_process_that_scores_loads_only_what_it_uses(fake_model: Path, phantom_folder: Path) -> None:
    code = f"""
from pathlib import Path
from cxrview.batch.plan import Plan
from cxrview.batch.score import score_images
from cxrview.batch.worker import open_job
from cxrview.engine.packages import load_package
from cxrview.io.read import find_images
job, _ = open_job(Plan(model={str(fake_model)!r}, engine="onnx"), load_package(Path({str(fake_model)!r})))
assert len(list(score_images(find_images([Path({str(phantom_folder)!r})]).refs, job))) == 5
"""
    loaded = loaded_after(code)
    assert loaded & (TRAINING | WINDOW | {"pyarrow", "openvino"}) == set()
    assert {"onnxruntime", "pydicom"} <= loaded


NO_QT = """
import sys
class NoQt:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("PySide6", "shiboken6", "pyqtgraph"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, NoQt())
"""


def test_the_command_line_works_without_qt(fake_model: Path, phantom_folder: Path, tmp_path: Path) -> None:
    words = ["score", str(phantom_folder), "--model", str(fake_model), "-o", str(tmp_path / "s.csv"), "-q"]
    run_python(f"{NO_QT}\nfrom cxrview.__main__ import main\nassert main({words!r}) == 1")
    assert len((tmp_path / "s.csv").read_text().splitlines()) == 6


def test_training_is_refused_in_a_sentence_where_torch_is_missing(tmp_path: Path) -> None:
    code = """
import sys
sys.modules["torch"] = None
from cxrview.__main__ import main
assert main(["train", ".", "-o", "run"]) == 3
assert main(["recipes"]) == 0
"""
    run_python(code)
