"""Figures are what publications mean by them, and intervals are Student's."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from cxrview.core.manifest import Task
from cxrview.engine.packages import load_package
from cxrview.evaluation.cases import Case, Split
from cxrview.training.chart import Line, line_chart
from cxrview.training.curves import write_learning_curves
from cxrview.training.events import EventLog
from cxrview.training.figures import figures_of, intervals, mean_interval


def case(label: str, split: Split = Split.TEST, source: str = "a", labels: tuple[str, ...] = ("x", "y")) -> Case:
    return Case(Path("a.png"), source, "g", frozenset({label}), frozenset(labels), split)


def test_accuracy_and_f_count_the_test_images_alone(fake_model: Path) -> None:
    from dataclasses import replace

    manifest = load_package(fake_model).manifest
    first, second = manifest.labels[:2]
    two = replace(
        manifest, task=Task.MULTICLASS, labels=(first, second), calibration=manifest.calibration[:2], thresholds=manifest.thresholds[:2]
    )
    ids = (first.id, second.id)
    cases = [case(name, labels=ids) for name in (ids[0], ids[0], ids[0], ids[1], ids[1])]
    cases += [case(ids[1], Split.TRAIN, labels=ids), case(ids[1], Split.EXTERNAL, "b", labels=ids)]
    logits = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [1, 0], [9, 0], [0, 1]], np.float32)
    found = figures_of(cases, logits, two)
    assert found["accuracy"] == pytest.approx(3 / 5)
    assert found[f"f1 {ids[0]}"] == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))
    assert found[f"sensitivity {ids[1]} external"] == 1.0
    assert f"auroc {ids[0]}@a" not in found  # two of one class are too few


def test_the_interval_of_ten_runs_is_students() -> None:
    values = [0.80, 0.82, 0.81, 0.79, 0.83, 0.80, 0.81, 0.82, 0.80, 0.81]
    found = mean_interval(values)
    half = 2.262 * np.std(values, ddof=1) / np.sqrt(10)
    assert (found.mean, found.low, found.high) == pytest.approx((np.mean(values), np.mean(values) - half, np.mean(values) + half))
    assert str(found).endswith("n = 10)")
    assert str(mean_interval([0.5])) == "0.500"
    wide = mean_interval([0.1, 0.9, 0.95])
    assert (wide.low, wide.high) == (0.0, 1.0)


def test_a_figure_that_some_runs_lack_is_told_with_its_number() -> None:
    found = intervals([{"a": 0.5, "b": 0.1}, {"a": 0.7}])
    assert (found["a"].n, found["b"].n) == (2, 1)


def test_a_chart_is_well_formed_and_leaves_out_what_is_not_finite() -> None:
    chart = line_chart(
        [Line("a < b", (1e-4, 1e-3, 1e-2), (1.0, float("nan"), 0.5))], title="t & u", x_title="x", y_title="y", is_log=True, mark=1e-3
    )
    root = ET.fromstring(chart)
    points = root.find("{http://www.w3.org/2000/svg}polyline")
    assert points is not None
    assert len(points.attrib["points"].split()) == 2


def test_learning_curves_run_through_the_phases_and_count_a_repeated_epoch_once(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events.jsonl")
    for phase, epoch, loss in (("1-head", 1, 0.9), ("1-head", 2, 0.8), ("1-head", 2, 0.7), ("2-all", 1, 0.5)):
        log.write("epoch", phase=phase, epoch=epoch, train_loss=loss, val_loss=loss)
    write_learning_curves(tmp_path)
    root = ET.fromstring((tmp_path / "report" / "learning-curves.svg").read_text())
    lines = root.findall("{http://www.w3.org/2000/svg}polyline")
    assert [len(line.attrib["points"].split()) for line in lines] == [3, 3]
    assert "1-head, then 2-all" in "".join(root.itertext())
