"""Synthetic cases and scores for the tests of evaluation: two hospitals with both classes, one with positives only."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cxrview.core.manifest import (
    Calibration,
    HeatmapKind,
    InputSpec,
    Label,
    Manifest,
    Task,
    Threshold,
)
from cxrview.evaluation.cases import Case, Split

LABELS = ("normal", "covid19", "tuberculosis")


@pytest.fixture(scope="session")
def synthetic():
    """The functions of this file."""
    return SimpleNamespace(LABELS=LABELS, manifest=manifest, case=case, cases=cases, logits=logits, grays=grays)


def manifest(labels=LABELS, task=Task.MULTICLASS):
    return Manifest(
        id="made-up",
        title="A model <made up> & measured",
        version="0.1",
        licence="CC0-1.0",
        intended_use="tests",
        task=task,
        labels=tuple(Label(label, label.title()) for label in labels),
        input=InputSpec(64, 64),
        heatmap=HeatmapKind.NONE,
        activations=(),
        calibration=tuple(Calibration() for _ in labels),
        thresholds=tuple(Threshold(0.4, "0.90 specificity on 50 cases of the val split") for _ in labels),
        trained_on=(),
        split_sha256="0" * 64,
        files={},
    )


def case(source, truth, number, split, *, images_per_patient=2, known=LABELS, **attributes):
    positives = frozenset({truth} & set(LABELS))
    group = f"{source}-{truth}-{split.value}-{number // images_per_patient}"
    return Case(Path(f"{source}-{truth}-{split.value}-{number}.png"), source, group, positives, frozenset(known), split, **attributes)


def cases():
    """30 cases of each class and split in two hospitals; 25 positives of an external third; 4 tuberculosis cases in the second."""
    rows = []
    for split in (Split.TRAIN, Split.VAL, Split.TEST):
        for k in range(30):
            view = "AP" if k % 3 == 0 else "PA"
            rows.append(case("north", "normal", k, split, view=view, sex="F", age_years=30.0))
            rows.append(case("north", "tuberculosis", k, split, view=view, sex="F", age_years=70.0))
            rows.append(case("south", "normal", k, split))
            rows.append(case("south", "covid19", k, split))
        rows.extend(case("south", "tuberculosis", k, split) for k in range(4))
    rows.extend(case("abroad", "covid19", k, Split.EXTERNAL, images_per_patient=5) for k in range(25))
    return rows


def logits(cases, *, strength=1.5, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(len(cases), len(LABELS)))
    for row, one in zip(values, cases, strict=True):
        row[[LABELS.index(label) for label in one.positives]] += strength
    return values


def grays(cases, *, seed=0):
    """Noise, with a border that gives covid19 away."""
    rng = np.random.default_rng(seed)
    pictures = []
    for one in cases:
        gray = rng.integers(0, 256, (40, 48), dtype=np.uint8)
        if "covid19" in one.positives:
            gray[:4] = gray[:4] // 2
        pictures.append(gray)
    return pictures


@pytest.fixture(scope="session")
def networks(tmp_path_factory):
    """Two packages that learned from phantoms: `honest` to see opacities, `cheat` to see the letters that sick films carried."""
    from tests.evaluation import films

    folder = tmp_path_factory.mktemp("networks")
    half = [films.film(seed, is_sick=seed % 2 == 1, is_marked=seed % 4 < 2) for seed in range(100, 150)]
    healthy = [films.film(seed, is_sick=False, is_marked=seed % 4 < 2) for seed in range(100, 150, 2)]
    return SimpleNamespace(
        honest=films.trained(folder, half, [each.is_sick for each in half], "honest"),
        cheat=films.trained(folder, healthy, [each.is_marked for each in healthy], "cheat"),
    )
