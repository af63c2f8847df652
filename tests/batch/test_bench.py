"""Measuring: every figure is there; what they are is the machine's affair."""

from __future__ import annotations

from pathlib import Path

from cxrview.batch.bench import bench
from cxrview.batch.plan import Plan
from cxrview.engine.packages import load_package


def test_every_figure_is_measured(fake_model: Path) -> None:
    import cv2

    threads = cv2.getNumThreads()
    plan = Plan(model=str(fake_model), engine="fake", workers=1, has_lungs=False)
    lines = {line.name: line for line in bench(load_package(fake_model), plan, files=6, side=256, rounds=1)}
    cv2.setNumThreads(threads)
    wanted = {"model", "decode JPEG", "decode PNG", "decode DICOM", "prepare", "network", "scoring", "of the limit", "start to first row"}
    assert wanted <= set(lines)
    assert any(name.startswith("heatmaps") for name in lines)
    assert {"beside a plain loop", "beside the grad-cam package", "memory of the process that scores"} <= set(lines)
    assert "over it" in lines["start to first row"].beside
    assert float(lines["of the limit"].value) > 0
