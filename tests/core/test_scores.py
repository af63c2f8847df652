"""Probabilities mean something: they stay in 0 to 1, add up where they should, and never turn the order around."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cxrview.core.errors import ManifestError
from cxrview.core.manifest import Calibration, CalibrationMethod, HeatmapKind, InputSpec, Label, Manifest, Task, Threshold
from cxrview.core.scores import findings, leading_finding, margins, probabilities, sigmoid, top_finding

LOGIT = st.floats(-1e4, 1e4, width=32)


def manifest(task: Task, rules: tuple[Calibration, ...], thresholds: tuple[float, ...] = ()) -> Manifest:
    labels = tuple(Label(f"l{index}", f"L{index}") for index in range(len(rules)))
    return Manifest(
        id="m",
        title="",
        version="1",
        licence="",
        intended_use="",
        task=task,
        labels=labels,
        input=InputSpec(8, 8),
        heatmap=HeatmapKind.NONE,
        activations=(),
        calibration=rules,
        thresholds=tuple(Threshold(each) for each in thresholds) or (Threshold(),) * len(rules),
        trained_on=(),
        split_sha256="",
        files={},
    )


@st.composite
def calibrations(draw: st.DrawFn) -> Calibration:
    method = draw(st.sampled_from(CalibrationMethod))
    knots = sorted(draw(st.lists(st.floats(-20, 20, width=32), min_size=2, max_size=6, unique=True)))
    values = sorted(draw(st.lists(st.floats(0, 1), min_size=len(knots), max_size=len(knots))))
    slope, bias = draw(st.floats(0.01, 10)), draw(st.floats(-5, 5))
    return Calibration(method, slope, bias, tuple(knots), tuple(values))


LOGITS = arrays.arrays(np.float32, st.integers(2, 8), elements=LOGIT)


@given(LOGITS, st.data(), st.sampled_from([Task.MULTICLASS, Task.MULTILABEL]))
def test_a_probability_lies_between_0_and_1_whatever_the_logits_and_the_calibration(
    logits: np.ndarray, data: st.DataObject, task: Task
) -> None:
    rules = tuple(data.draw(calibrations()) for _ in logits)
    values = probabilities(logits, manifest(task, rules))
    assert values.shape == logits.shape
    assert (values >= 0.0).all()
    assert (values <= 1.0).all()


@given(LOGITS, st.floats(0.05, 5), st.data())
def test_multiclass_probabilities_add_up_to_1(logits: np.ndarray, slope: float, data: st.DataObject) -> None:
    method = data.draw(st.sampled_from([CalibrationMethod.NONE, CalibrationMethod.TEMPERATURE, CalibrationMethod.PLATT]))
    rules = tuple(Calibration(method, slope, data.draw(st.floats(-3, 3))) for _ in logits)
    assert probabilities(logits, manifest(Task.MULTICLASS, rules)).sum() == pytest.approx(1.0)


@given(calibrations(), LOGIT, LOGIT)
def test_a_higher_logit_never_gives_a_lower_probability(rule: Calibration, first: float, second: float) -> None:
    contract = manifest(Task.BINARY, (rule,))
    low, high = sorted((first, second))
    assert probabilities(np.float32([low]), contract)[0] <= probabilities(np.float32([high]), contract)[0]


@given(LOGITS, st.data())
def test_a_higher_logit_of_a_class_never_lowers_its_probability_among_classes(logits: np.ndarray, data: st.DataObject) -> None:
    rules = tuple(data.draw(calibrations()) for _ in logits)
    contract = manifest(Task.MULTICLASS, rules)
    raised = logits.copy()
    raised[0] += 1.0
    assert probabilities(raised, contract)[0] >= probabilities(logits, contract)[0] - 1e-12


@given(LOGITS)
def test_the_sigmoid_of_a_margin_is_the_softmax(logits: np.ndarray) -> None:
    rules = (Calibration(),) * len(logits)
    np.testing.assert_allclose(sigmoid(margins(logits)), probabilities(logits, manifest(Task.MULTICLASS, rules)), atol=1e-9)


def test_the_margin_of_a_single_logit_is_the_logit() -> None:
    assert margins(np.float32([1.5])).tolist() == [1.5]


@given(arrays.arrays(np.float32, 3, elements=st.floats(-20, 20, width=32)))
def test_identity_calibrations_change_nothing(logits: np.ndarray) -> None:
    plain = probabilities(logits, manifest(Task.MULTILABEL, (Calibration(),) * 3))
    same = probabilities(
        logits, manifest(Task.MULTILABEL, (Calibration(CalibrationMethod.TEMPERATURE), Calibration(CalibrationMethod.PLATT), Calibration()))
    )
    np.testing.assert_allclose(plain, same)


def test_known_values() -> None:
    platt = Calibration(CalibrationMethod.PLATT, slope=2.0, bias=-1.0)
    warm = Calibration(CalibrationMethod.TEMPERATURE, slope=0.5, bias=9.0)
    steps = Calibration(CalibrationMethod.ISOTONIC, knots_logit=(-1.0, 1.0), knots_probability=(0.2, 0.6))
    values = probabilities(np.float32([0.5, 2.0, 0.0]), manifest(Task.MULTILABEL, (platt, warm, steps)))
    np.testing.assert_allclose(values, [0.5, 1.0 / (1.0 + np.exp(-1.0)), 0.4])
    beyond = probabilities(np.float32([9.0]), manifest(Task.BINARY, (steps,)))
    np.testing.assert_allclose(beyond, [0.6])


def test_isotonic_knots_of_a_class_apply_to_its_margin_over_the_rest() -> None:
    steps = Calibration(CalibrationMethod.ISOTONIC, knots_logit=(-2.0, 2.0), knots_probability=(0.0, 1.0))
    values = probabilities(np.float32([3.0, 2.0]), manifest(Task.MULTICLASS, (steps, Calibration())))
    np.testing.assert_allclose(values, [0.75, 1.0 / (1.0 + np.e)])


def test_a_finding_is_positive_from_its_own_threshold_on() -> None:
    contract = manifest(Task.MULTILABEL, (Calibration(),) * 2, thresholds=(0.5, 0.9))
    first, second = findings(np.float32([0.0, 1.0]), contract)
    assert (first.is_positive, second.is_positive) == (True, False)
    assert (first.logit, first.probability, first.threshold) == (0.0, 0.5, 0.5)


def test_moving_a_threshold_moves_no_probability() -> None:
    contract = manifest(Task.MULTILABEL, (Calibration(),) * 2)
    moved = replace(contract, thresholds=(Threshold(0.1), Threshold(0.9)))
    logits = np.float32([0.3, -0.3])
    assert [each.probability for each in findings(logits, contract)] == [each.probability for each in findings(logits, moved)]


def test_a_positive_finding_leads_over_a_more_probable_one_under_its_threshold() -> None:
    contract = manifest(Task.MULTILABEL, (Calibration(),) * 3, (0.9, 0.3, 0.3))
    answer = findings(np.float32([1.0, -0.8, -0.5]), contract)
    assert (top_finding(answer).label.id, leading_finding(answer).label.id) == ("l0", "l2")
    nobody = findings(np.float32([1.0, -3.0, -2.0]), contract)
    assert leading_finding(nobody).label.id == "l0"


def test_the_top_finding_is_the_most_probable_and_the_first_of_equals() -> None:
    contract = manifest(Task.MULTICLASS, (Calibration(),) * 3)
    assert top_finding(findings(np.float32([0.0, 2.0, 2.0]), contract)).label.id == "l1"


def test_logits_that_do_not_fit_the_labels_are_refused() -> None:
    with pytest.raises(ManifestError, match="3 logits for 2 labels"):
        probabilities(np.zeros(3, np.float32), manifest(Task.MULTILABEL, (Calibration(),) * 2))
