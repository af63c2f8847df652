"""Choose how logits become probabilities, and where a probability counts as positive, on cases kept aside for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cxrview.core.conformal import ConformalRule, fit_conformal
from cxrview.core.manifest import Calibration, CalibrationMethod, Manifest, Task, Threshold
from cxrview.core.scores import sigmoid
from cxrview.evaluation.cases import BoolArray, Case, FloatArray, IndexArray, ScoredCases, Split, group_folds, indices, sources_of, truth_of
from cxrview.evaluation.logistic import fit_logistic
from cxrview.evaluation.metrics import ROUNDING, SMALLEST_PROBABILITY, threshold_at_sensitivity, threshold_at_specificity

FOLDS = 5
# Fewer positives or negatives than this say nothing of probabilities: they stay as the network gives them.
FEWEST = 20
# Steps of isotonic regression need more.
FEWEST_FOR_STEPS = 100
FEWEST_FOR_THRESHOLD = 10
# Of positives, and of negatives, whose answer is right or "don't know".
COVERAGE = 0.90
# Nats by which a method must better a simpler one: less is chance.
WORTHWHILE = 1e-3
SLOPES = (0.02, 50.0)

Rules = tuple[Calibration, ...]
# From the rows to learn from to rules; from the rows to be judged and rules to each row's loss.
Fit = Callable[[IndexArray], Rules | None]
Loss = Callable[[IndexArray, Rules], FloatArray]


@dataclass(frozen=True, slots=True)
class MethodLoss:
    """The log loss, in nats for each case, of a method on folds that it was not fitted on; `label` is empty for all together."""

    label: str
    method: CalibrationMethod
    log_loss: float


@dataclass(frozen=True, slots=True)
class CalibrationChoice:
    """One calibration for each label, and the held-out losses that decided; no losses where there were too few cases."""

    calibrations: tuple[Calibration, ...]
    losses: tuple[MethodLoss, ...]


def calibrate(
    cases: Sequence[Case], logits: npt.ArrayLike, manifest: Manifest, *, split: Split = Split.VAL, seed: int = 0
) -> CalibrationChoice:
    """Choose the calibration with the lowest log loss in group-wise cross-validation on one split, then fit it on all of that split.

    Methods are tried from simple to rich (none, temperature, Platt, isotonic); a richer one must be better by 0.001 nats.
    Multiclass and hierarchical models get one slope for all labels, and with Platt a bias for each; cases with exactly one
    true label count.
    Other models are calibrated label by label on the cases whose truth is known. The probabilities hold for the mix of
    classes in that split. `logits` are (N, L), raw, of cases of any splits.
    """
    rows = np.asarray(logits, np.float64)
    if manifest.task in (Task.MULTICLASS, Task.HIERARCHICAL):
        return _calibrate_classes(cases, rows, manifest, split, seed)
    choices = [_calibrate_label(cases, rows[:, j], label.id, split, seed) for j, label in enumerate(manifest.labels)]
    return CalibrationChoice(
        calibrations=tuple(calibration for choice in choices for calibration in choice.calibrations),
        losses=tuple(loss for choice in choices for loss in choice.losses),
    )


def fit_temperature(logits: FloatArray, positives: BoolArray) -> Calibration:
    """Fit a slope, 0.02 to 50, on logits (N,), with Platt's targets."""
    targets = platt_targets(positives)
    return Calibration(CalibrationMethod.TEMPERATURE, _best_slope(lambda slope: _logistic_loss(slope * logits, targets)))


def fit_platt(logits: FloatArray, positives: BoolArray) -> Calibration | None:
    """Fit slope and bias on logits (N,) by Newton's method with Platt's targets; None where a higher logit means less."""
    fitted = fit_logistic(logits[:, None], platt_targets(positives), ridge=1e-6)
    slope = float(fitted.weights[0])
    return Calibration(CalibrationMethod.PLATT, slope, fitted.bias) if slope > 0 else None


def fit_isotonic(logits: FloatArray, positives: BoolArray) -> Calibration:
    """Fit rising steps on logits (N,) by pooling adjacent violators; no step goes beyond Platt's targets, so nothing is certain."""
    values, inverse, counts = np.unique(logits, return_inverse=True, return_counts=True)
    means = np.bincount(inverse.reshape(-1), weights=positives.astype(np.float64)) / counts
    blocks: list[_Block] = []
    for value, mean, count in zip(values.tolist(), means.tolist(), counts.tolist(), strict=True):
        block = _Block(value, value, mean, count)
        while blocks and blocks[-1].mean >= block.mean:
            block = blocks.pop().joined(block)
        blocks.append(block)
    lowest, highest = _extremes(positives)
    knots = [(end, min(max(block.mean, lowest), highest)) for block in blocks for end in sorted({block.first, block.last})]
    return Calibration(CalibrationMethod.ISOTONIC, knots_logit=tuple(x for x, _ in knots), knots_probability=tuple(y for _, y in knots))


def platt_targets(positives: BoolArray) -> FloatArray:
    """Give (n+ + 1) / (n+ + 2) for positives and 1 / (n- + 2) for negatives (Platt 1999), so that no fit runs to infinity."""
    low, high = _extremes(positives)
    return np.where(positives, high, low)


def choose_thresholds(
    scored: ScoredCases, *, specificity: float | None = None, sensitivity: float | None = None, split: Split = Split.VAL
) -> tuple[Threshold, ...]:
    """Choose a threshold for each label at a wanted sensitivity (where above 0), else specificity, on the known cases of a split.

    It is reached in every source that has enough negatives (positives) to tell, at least 10 and at least 1 / (1 - wanted): the
    strictest of their own thresholds is taken, since one large easy source would else set it for all. Where no source alone
    has enough, all are taken together; without any case the default stays. Ties as in `threshold_at_specificity`.
    """
    if sensitivity:
        rule = _Rule("sensitivity", sensitivity, threshold_at_sensitivity, min, counts_positives=True)
    elif specificity:
        rule = _Rule("specificity", specificity, threshold_at_specificity, max, counts_positives=False)
    else:
        raise ValueError("give a specificity or a sensitivity")
    return tuple(_threshold(scored, label, rule, split) for label in scored.labels)


def with_prevalence(rules: Rules, cases: Sequence[Case], labels: Sequence[str], *, split: Split = Split.VAL) -> Rules:
    """Write down in each rule how common its label is among the cases it was fitted on; a label with one class alone stays unknown."""

    def share(label: str) -> float:
        index = indices(cases, split=split, label=label)
        found = float(truth_of(cases, label, index).mean()) if index.size else 0.0
        return found if 0.0 < found < 1.0 else 0.0

    return tuple(replace(rule, prevalence=share(label)) for rule, label in zip(rules, labels, strict=True))


def conformal_rules(scored: ScoredCases, *, coverage: float = COVERAGE, split: Split = Split.VAL) -> tuple[ConformalRule | None, ...]:
    """Fit the bounds of "don't know" for each label on the known cases of a split; none for a label with fewer than 20 of a class.

    They hold for cases like those of the split, all its sources together; `()` where no label has any.
    """

    def fitted(label: str) -> ConformalRule | None:
        index = indices(scored.cases, split=split, label=label)
        truth = truth_of(scored.cases, label, index)
        if min(int(truth.sum()), int((~truth).sum())) < FEWEST:
            return None
        return fit_conformal(scored.probability(label, index), truth, coverage=coverage)

    rules = tuple(fitted(label) for label in scored.labels)
    return rules if any(rule is not None for rule in rules) else ()


@dataclass(frozen=True, slots=True)
class _Rule:
    """How to find a threshold on one source and which of several sources' is the strictest."""

    name: str
    wanted: float
    find: Callable[[FloatArray, BoolArray, float], float]
    strictest: Callable[[Sequence[float]], float]
    counts_positives: bool

    @property
    def fewest(self) -> int:
        return max(FEWEST_FOR_THRESHOLD, math.ceil(1 / max(1 - self.wanted, 0.01) - ROUNDING))


@dataclass(frozen=True, slots=True)
class _Block:
    first: float
    last: float
    mean: float
    count: int

    def joined(self, following: _Block) -> _Block:
        count = self.count + following.count
        return _Block(self.first, following.last, (self.mean * self.count + following.mean * following.count) / count, count)


def _calibrate_label(cases: Sequence[Case], logits: FloatArray, label: str, split: Split, seed: int) -> CalibrationChoice:
    index = indices(cases, split=split, label=label)
    truth = truth_of(cases, label, index)
    values = logits[index]
    rarer = min(int(truth.sum()), int((~truth).sum()))
    if rarer < FEWEST:
        return CalibrationChoice((Calibration(),), ())
    methods: dict[CalibrationMethod, Fit] = {
        CalibrationMethod.NONE: lambda _rows: (Calibration(),),
        CalibrationMethod.TEMPERATURE: lambda rows: (fit_temperature(values[rows], truth[rows]),),
        CalibrationMethod.PLATT: lambda rows: _alone(fit_platt(values[rows], truth[rows])),
    }
    if rarer >= FEWEST_FOR_STEPS:
        methods[CalibrationMethod.ISOTONIC] = lambda rows: (fit_isotonic(values[rows], truth[rows]),)
    fold = group_folds([cases[i].group_id for i in index], truth, folds=FOLDS, seed=seed)
    return _choose(methods, lambda rows, rules: _label_losses(values[rows], truth[rows], rules[0]), fold, label)


def _calibrate_classes(cases: Sequence[Case], logits: FloatArray, manifest: Manifest, split: Split, seed: int) -> CalibrationChoice:
    labels = [label.id for label in manifest.labels]
    index = [i for i, case in enumerate(cases) if case.split is split and len(case.positives.intersection(labels)) == 1]
    target = np.array([labels.index(next(iter(cases[i].positives.intersection(labels)))) for i in index], np.intp)
    counts = np.bincount(target, minlength=len(labels))
    if counts.min() < FEWEST:
        return CalibrationChoice(tuple(Calibration() for _ in labels), ())
    values = logits[index]
    methods: dict[CalibrationMethod, Fit] = {
        CalibrationMethod.NONE: lambda _rows: tuple(Calibration() for _ in labels),
        CalibrationMethod.TEMPERATURE: lambda rows: _class_temperature(values[rows], target[rows]),
        CalibrationMethod.PLATT: lambda rows: _class_platt(values[rows], target[rows]),
    }
    fold = group_folds([cases[i].group_id for i in index], target == counts.argmin(), folds=FOLDS, seed=seed)
    return _choose(methods, lambda rows, rules: _class_losses(values[rows], target[rows], rules), fold, "")


def _choose(methods: Mapping[CalibrationMethod, Fit], loss: Loss, fold: IndexArray, label: str) -> CalibrationChoice:
    chosen: Rules = ()
    best = math.inf
    losses: list[MethodLoss] = []
    for method, fit in methods.items():
        rules = fit(np.arange(fold.size))
        held_out = _held_out(fit, loss, fold)
        if rules is None or math.isinf(held_out):
            continue
        losses.append(MethodLoss(label, method, held_out))
        if held_out < best - WORTHWHILE:
            best, chosen = held_out, rules
    return CalibrationChoice(chosen, tuple(losses))


def _held_out(fit: Fit, loss: Loss, fold: IndexArray) -> float:
    """Give the mean loss of each case under the rules of the other folds; infinite where a fold cannot be fitted."""
    total = 0.0
    for held in np.unique(fold):
        rules = fit(np.flatnonzero(fold != held))
        if rules is None:
            return math.inf
        total += float(loss(np.flatnonzero(fold == held), rules).sum())
    return total / fold.size


def _label_losses(logits: FloatArray, truth: BoolArray, rule: Calibration) -> FloatArray:
    if rule.method is CalibrationMethod.ISOTONIC:
        chances = np.interp(logits, rule.knots_logit, rule.knots_probability)
    else:
        chances = sigmoid(rule.slope * logits + rule.bias)
    losses: FloatArray = -np.log(np.clip(np.where(truth, chances, 1 - chances), SMALLEST_PROBABILITY, 1.0))
    return losses


def _class_losses(logits: FloatArray, target: IndexArray, rules: Rules) -> FloatArray:
    scaled = logits * np.array([rule.slope for rule in rules]) + np.array([rule.bias for rule in rules])
    losses: FloatArray = _logsumexp(scaled) - scaled[np.arange(len(target)), target]
    return losses


def _class_temperature(logits: FloatArray, target: IndexArray) -> Rules:
    count = logits.shape[1]

    def loss(slope: float) -> float:
        return float(_class_losses(logits, target, (Calibration(CalibrationMethod.TEMPERATURE, slope),) * count).sum())

    rules: Rules = (Calibration(CalibrationMethod.TEMPERATURE, _best_slope(loss)),) * count
    return rules


def _class_platt(logits: FloatArray, target: IndexArray) -> Rules | None:
    """Fit one slope and a bias for each class by Newton's method; weak priors (slope 1 ± 1, bias 0 ± 1) keep it finite."""
    cases, count = logits.shape
    design = np.concatenate([logits[:, :, None], np.broadcast_to(np.eye(count), (cases, count, count))], axis=2)
    truth = np.eye(count)[target]
    prior = np.eye(count + 1)[0]
    theta = prior.copy()

    def loss(at: FloatArray) -> float:
        scaled = design @ at
        return float((_logsumexp(scaled) - scaled[np.arange(cases), target]).sum() + 0.5 * ((at - prior) ** 2).sum())

    for _ in range(50):
        scaled = design @ theta
        chances = np.exp(scaled - _logsumexp(scaled)[:, None])
        gradient = np.einsum("ncd,nc->d", design, chances - truth) + theta - prior
        centred = design - np.einsum("nc,ncd->nd", chances, design)[:, None, :]
        curvature = np.einsum("ncd,nc,nce->de", centred, chances, centred) + np.eye(count + 1)
        step = np.linalg.solve(curvature, gradient)
        length = 1.0
        while length > 1e-6 and loss(theta - length * step) > loss(theta):
            length /= 2
        theta = theta - length * step
        if float(np.abs(length * step).max()) < 1e-8:
            break
    slope = float(theta[0])
    return tuple(Calibration(CalibrationMethod.PLATT, slope, float(bias)) for bias in theta[1:]) if slope > 0 else None


def _threshold(scored: ScoredCases, label: str, rule: _Rule, split: Split) -> Threshold:
    parts = {source: indices(scored.cases, split=split, source=source, label=label) for source in sources_of(scored.cases, split)}
    enough = {source: index for source, index in parts.items() if _count_of(scored, label, index, rule) >= rule.fewest}
    everything = indices(scored.cases, split=split, label=label)
    cuts = [_cut(scored, label, index, rule) for index in enough.values() or (everything,)]
    if math.isnan(cuts[0]):
        return Threshold()
    kind = "positives" if rule.counts_positives else "negatives"
    if enough:
        where = ", ".join(f"{source} ({_count_of(scored, label, index, rule)})" for source, index in enough.items())
        text = f"at least {rule.wanted:.2f} {rule.name} on the {kind} of each source of the {split.value} split: {where}"
    else:
        count = _count_of(scored, label, everything, rule)
        text = f"at least {rule.wanted:.2f} {rule.name} on the {count} {kind} of the {split.value} split, all sources together"
    return Threshold(min(rule.strictest(cuts), 1.0), text)


def _cut(scored: ScoredCases, label: str, index: IndexArray, rule: _Rule) -> float:
    return rule.find(scored.probability(label, index), truth_of(scored.cases, label, index), rule.wanted)


def _count_of(scored: ScoredCases, label: str, index: IndexArray, rule: _Rule) -> int:
    return int(np.count_nonzero(truth_of(scored.cases, label, index) == rule.counts_positives))


def _best_slope(loss: Callable[[float], float]) -> float:
    """Find the slope with the lowest loss by golden section on its logarithm; the loss has one valley."""
    golden = (math.sqrt(5) - 1) / 2
    low, high = (math.log(end) for end in SLOPES)
    while high - low > 1e-7:
        left, right = high - golden * (high - low), low + golden * (high - low)
        if loss(math.exp(left)) < loss(math.exp(right)):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)


def _alone(rule: Calibration | None) -> Rules | None:
    return None if rule is None else (rule,)


def _extremes(positives: BoolArray) -> tuple[float, float]:
    found = int(np.count_nonzero(positives))
    return 1 / (positives.size - found + 2), (found + 1) / (found + 2)


def _logistic_loss(logits: FloatArray, targets: FloatArray) -> float:
    return float(np.sum(np.logaddexp(0.0, logits) - targets * logits))


def _logsumexp(values: FloatArray) -> FloatArray:
    highest = values.max(axis=1, keepdims=True)
    result: FloatArray = highest[:, 0] + np.log(np.exp(values - highest).sum(axis=1))
    return result
