"""ONNX Runtime reports nothing to its maker: the switch is set before it can be imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
QUESTION = """
import sys
import cxrview.engine.onnx
import os
print("onnxruntime" in sys.modules, os.environ.get("ORT_DISABLE_TELEMETRY"))
"""


def test_reports_over_the_network_are_off_before_the_runtime_is_loaded() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    done = subprocess.run([sys.executable, "-c", QUESTION], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "1"]


def test_a_user_cannot_switch_them_on_by_accident() -> None:
    environment = dict(os.environ, ORT_DISABLE_TELEMETRY="0")
    done = subprocess.run([sys.executable, "-c", QUESTION], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split()[1] == "1"
