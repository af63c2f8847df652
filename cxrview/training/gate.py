"""Train a gate: one logistic regression for each question, on the pooled features of a network that stays as it is."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cxrview.core.errors import DataError
from cxrview.core.manifest import Architecture, Calibration, Label, Manifest, Task, Threshold, TrainedOn
from cxrview.core.prepare import normalise
from cxrview.engine.nets import heatmap_kind
from cxrview.engine.onnx import OnnxPredictor
from cxrview.engine.packages import Golden, Package, write_package
from cxrview.evaluation.bootstrap import bootstrap_by_group, proportion_by_group
from cxrview.evaluation.interval import Interval
from cxrview.evaluation.metrics import auroc
from cxrview.training.card import NOTICE
from cxrview.training.export import golden_inputs, head_of, onnx_graph, rounded_to_half
from cxrview.training.gate_examples import (
    IDS,
    QUESTION_NAMES,
    Change,
    GateExample,
    GatePictures,
    answers_after,
    changed,
    load_gate_pictures,
    read_gate_table,
)
from cxrview.training.gate_recipe import GateRecipe
from cxrview.training.initial import initial_network
from cxrview.training.recipe import FitRecipe, Recipe

if TYPE_CHECKING:
    from torch import nn

BATCH = 16
REFUSING = ("not_chest", "lateral", "inverted", "turned")
TOLD_WRONGLY = 0.02  # share of films of an unseen source for which a question that refuses nothing may say yes wrongly
LEAST_EACH = 5  # yes and no answers before a question is asked at all
Floats = npt.NDArray[np.float32]
Logits = npt.NDArray[np.float64]
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """What the regressions learn from: one row for each picture or changed picture.

    Attributes:
        pooled: (N, K) features averaged over their cells.
        answers: (N, questions) 1 yes, 0 no, -1 not known.
        split: (N,) `train`, `test` or `external`.
        source, group: (N,).
        is_plain: (N,) bool, the picture as it came.
    """

    pooled: Floats
    answers: npt.NDArray[np.int8]
    split: npt.NDArray[np.str_]
    source: npt.NDArray[np.str_]
    group: npt.NDArray[np.str_]
    is_plain: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Probe:
    """One question's regression on pooled features: `weight` (K,) and `bias`; `threshold` on its logit."""

    weight: Floats
    bias: float
    threshold: float


@dataclass(frozen=True, slots=True)
class QuestionScore:
    """What was measured for one question.

    Attributes:
        frozen: AUROC on the frozen test groups.
        across: AUROC where each picture was judged by a regression that had not seen its source; NaN where only one source says yes.
        sensitivity: share of the yes pictures of the test groups that are found at the threshold.
    """

    question: str
    frozen: Interval
    across: Interval
    sensitivity: Interval


@dataclass(frozen=True, slots=True)
class RefusedShare:
    """The share of a source's frontal films that are refused; `how` says what the gate knew of the source."""

    source: str
    how: str
    refused: Interval


def train_gate(data: Path, run: Path, recipe: GateRecipe, report: Report = lambda _: None) -> Path:
    """Train on the pictures that the table `data` names; return the folder of the finished package.

    Raises:
        DataError: the table cannot be used, or `run` holds another run.
    """
    if (run / "plan.json").exists():
        raise DataError("This folder already holds a run.", hint="Name another folder.", subject=str(run))
    run.mkdir(parents=True, exist_ok=True)
    pictures = load_gate_pictures(read_gate_table(data, recipe.children_below), recipe.input, report)
    (run / "plan.json").write_text(json.dumps(asdict(recipe), indent=1, default=str), encoding="utf-8")
    architecture = Architecture(recipe.architecture)
    network = rounded_to_half(initial_network(_as_classifier(recipe, architecture), IDS, report))
    draft = _written(run / "package", recipe, architecture, network, (Threshold(),) * len(IDS), pictures.examples, "Draft.\n")
    samples = _samples(pictures, draft, recipe, report)
    unseen = np.stack([judged_unseen(samples, number, recipe) for number in range(len(IDS))], axis=1)
    probes = fit_probes(samples, unseen, recipe)
    scores = question_scores(samples, unseen, probes)
    shares = refused_shares(samples, unseen, probes)
    for score in scores:
        report(f"{score.question}: frozen test {score.frozen}, unseen sources {score.across}, found {score.sensitivity}")
    for share in shares:
        report(f"{share.source} ({share.how}): {share.refused} of frontal films refused")
    _put(network, probes)
    thresholds = tuple(
        Threshold(_sigmoid(probe.threshold), f"refuses {recipe.refused:.0%} of frontal films of a source not seen") for probe in probes
    )
    package = _written(
        run / "package", recipe, architecture, network, thresholds, pictures.examples, gate_card(recipe, pictures, scores, shares)
    )
    report(f"Package {package.manifest.id} {package.manifest.version} written to {package.folder}.")
    return package.folder


def fit_probes(samples: Samples, unseen: Logits, recipe: GateRecipe) -> tuple[Probe, ...]:
    """Fit every question on the training groups; thresholds hold for films of sources that the regression has not seen."""
    learned = samples.split == "train"
    probes = []
    for number, question in enumerate(IDS):
        weight, bias = _regression(samples, number, learned, recipe)
        is_no = (
            learned
            & samples.is_plain
            & (samples.answers[:, number] == 0)
            & (samples.answers[:, IDS.index("lateral")] == 0)
            & np.isfinite(unseen[:, number])
        )
        share = recipe.refused if question in REFUSING else TOLD_WRONGLY
        probes.append(Probe(weight, bias, _quantile(unseen[is_no, number], samples.source[is_no], 1.0 - share)))
    return tuple(probes)


def question_scores(samples: Samples, unseen: Logits, probes: Sequence[Probe]) -> tuple[QuestionScore, ...]:
    """Measure every question on the frozen test groups, and across sources."""
    scores = []
    everything = samples.split != "external"
    for number, (question, probe) in enumerate(zip(IDS, probes, strict=True)):
        logits = samples.pooled @ probe.weight + probe.bias
        asked = (samples.split == "test") & (samples.answers[:, number] >= 0)
        apart = everything & (samples.answers[:, number] >= 0) & np.isfinite(unseen[:, number])
        yes = asked & (samples.answers[:, number] == 1)
        scores.append(
            QuestionScore(
                question,
                _auroc(logits[asked], samples, asked, number),
                _auroc(unseen[apart, number], samples, apart, number),
                proportion_by_group(logits[yes] >= probe.threshold, samples.group[yes].tolist()),
            )
        )
    return tuple(scores)


def refused_shares(samples: Samples, unseen: Logits, probes: Sequence[Probe]) -> tuple[RefusedShare, ...]:
    """Measure how many frontal films are refused: of each source by regressions that never saw it, and of external sources."""
    frontal = samples.is_plain & (samples.answers[:, IDS.index("not_chest")] == 0) & (samples.answers[:, IDS.index("lateral")] == 0)
    everything = samples.split != "external"
    refused_unseen, refused = np.zeros(len(frontal), bool), np.zeros(len(frontal), bool)
    for question in REFUSING:
        number = IDS.index(question)
        refused_unseen |= np.isfinite(unseen[:, number]) & (unseen[:, number] >= probes[number].threshold)
        refused |= samples.pooled @ probes[number].weight + probes[number].bias >= probes[number].threshold
    shares = []
    for source in np.unique(samples.source[frontal]):
        members = frontal & (samples.source == source) & everything
        if members.any():
            shares.append(
                RefusedShare(
                    str(source), "left out while learning", proportion_by_group(refused_unseen[members], samples.group[members].tolist())
                )
            )
        outside = frontal & (samples.source == source) & ~everything
        if outside.any():
            shares.append(
                RefusedShare(
                    str(source), "external, never learned from", proportion_by_group(refused[outside], samples.group[outside].tolist())
                )
            )
    return tuple(shares)


def gate_card(recipe: GateRecipe, pictures: GatePictures, scores: Sequence[QuestionScore], shares: Sequence[RefusedShare]) -> str:
    """Write CARD.md."""
    counts = Counter(example.source for example in pictures.examples if not example.is_external)
    lines = [
        f"# {recipe.package.title} ({recipe.package.id} {recipe.package.version})",
        "",
        NOTICE,
        "",
        recipe.package.intended_use,
        "",
        recipe.description.strip(),
        "",
        "## Questions",
        "",
        "Frozen test: groups that no regression learned from, of sources that it knows. Unseen sources: every picture judged by a",
        "regression that had not seen any picture of its source. 95 % intervals over whole patients.",
        "",
        "| question | AUROC, frozen test | AUROC, unseen sources | found at the threshold, frozen test |",
        "|---|---|---|---|",
        *(f"| {QUESTION_NAMES[each.question]} | {each.frozen} | {each.across} | {each.sensitivity} |" for each in scores),
        "",
        "## Frontal films refused",
        "",
        "By any of: " + ", ".join(QUESTION_NAMES[question].lower() for question in REFUSING) + ".",
        "",
        "| source | what the gate knew of it | share refused |",
        "|---|---|---|",
        *(f"| {each.source} | {each.how} | {each.refused} |" for each in shares),
        "",
        "## Learned from",
        "",
        ", ".join(f"{source} ({count} pictures)" for source, count in sorted(counts.items()))
        + ". Inverted and turned pictures are made from frontal films.",
        "",
        "## Limits",
        "",
        "- Laterals come from one source; how it does on laterals of another is not known.",
        "- Whether a film shows a child is confounded with its source; the answer is shown, never a reason to refuse.",
        "- A film mirrored left to right is not told.",
        *(f"- {note}" for note in recipe.package.notes),
        "",
    ]
    return "\n".join(lines)


def _as_classifier(recipe: GateRecipe, architecture: Architecture) -> Recipe:
    return Recipe(
        recipe.name, recipe.title, recipe.description, recipe.input, architecture, init=recipe.init, fit=FitRecipe(seed=recipe.seed)
    )


def _samples(pictures: GatePictures, draft: Package, recipe: GateRecipe, report: Report) -> Samples:
    """Run every picture, and every frontal film inverted and turned in one of three ways, through the network."""
    predictor = OnnxPredictor(draft, threads=0, cache_dir=None)
    groups = sorted({example.group for example in pictures.examples})
    held_out = set(np.random.default_rng(recipe.seed).permutation(groups)[: round(recipe.test_fraction * len(groups))].tolist())
    turns = (Change.TURNED_LEFT, Change.UPSIDE_DOWN, Change.TURNED_RIGHT)
    pooled: list[Floats] = []
    rows: list[tuple[GateExample, Change]] = []
    try:
        for number, change in enumerate((Change.NONE, Change.INVERTED, None)):
            kept = [index for index, example in enumerate(pictures.examples) if change is Change.NONE or example.is_frontal]
            chosen = [(index, change or turns[index % len(turns)]) for index in kept]
            for batch in _batches(chosen):
                tensors = [normalise(changed(pictures.gray[index], one)[np.newaxis], recipe.input) for index, one in batch]
                pooled += [
                    forward.features.mean(axis=(1, 2)) for forward in predictor.run(np.concatenate(tensors)) if forward.features is not None
                ]
            rows += [(pictures.examples[index], one) for index, one in chosen]
            report(f"Features of {len(rows)} pictures ({number + 1} of 3).")
    finally:
        predictor.close()
    split = ["external" if example.is_external else "test" if example.group in held_out else "train" for example, _ in rows]
    return Samples(
        np.stack(pooled),
        np.array([answers_after(example, change) for example, change in rows], np.int8),
        np.array(split),
        np.array([example.source for example, _ in rows]),
        np.array([example.group for example, _ in rows]),
        np.array([change is Change.NONE for _, change in rows]),
    )


def _batches(chosen: list[tuple[int, Change]]) -> Iterator[list[tuple[int, Change]]]:
    for start in range(0, len(chosen), BATCH):
        yield chosen[start : start + BATCH]


def _regression(samples: Samples, number: int, members: npt.NDArray[np.bool_], recipe: GateRecipe) -> tuple[Floats, float]:
    """Fit a balanced logistic regression on standardised features; weights for the features as they are."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    chosen = members & (samples.answers[:, number] >= 0)
    x, y = samples.pooled[chosen], samples.answers[chosen, number] == 1
    if min(int(y.sum()), int((~y).sum())) < LEAST_EACH:
        return np.zeros(x.shape[1], np.float32), -20.0  # too little to ask: the answer is no
    mean, scale = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-3)
    weights = _source_weights(samples.source[chosen], y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the penalty decides long before the last digits do
        fitted = LogisticRegression(C=recipe.penalty, max_iter=200, tol=1e-3).fit((x - mean) / scale, y, sample_weight=weights)
    weight = fitted.coef_[0] / scale
    return weight.astype(np.float32), float(fitted.intercept_[0] - mean @ weight)


def _source_weights(source: npt.NDArray[np.str_], positives: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Weigh yes and no alike, and within each the sources by the root of their size."""
    weights = np.zeros(len(source))
    for answer in (True, False):
        members = positives == answer
        names, index, counts = np.unique(source[members], return_inverse=True, return_counts=True)
        own = 1.0 / np.sqrt(counts[index])
        weights[members] = own / own.sum() * len(source) / 2
        del names
    return weights


def judged_unseen(samples: Samples, number: int, recipe: GateRecipe) -> Logits:
    """Judge each picture (N,) by a regression that learned from the training groups of all other sources.

    NaN where the others say too little, and for external pictures.
    """
    logits = np.full(len(samples.source), np.nan)
    learned = (samples.split == "train") & (samples.answers[:, number] >= 0)
    for source in np.unique(samples.source[samples.split != "external"]):
        own = (samples.split != "external") & (samples.source == source)
        others = learned & (samples.source != source)
        answers = samples.answers[others, number]
        if min(int((answers == 1).sum()), int((answers == 0).sum())) >= LEAST_EACH:
            weight, bias = _regression(samples, number, others, recipe)
            logits[own] = samples.pooled[own] @ weight + bias
    return logits


def _quantile(values: npt.NDArray[np.float64], source: npt.NDArray[np.str_], share: float) -> float:
    """Give the quantile at which every source counts the same."""
    by_source: dict[str, list[float]] = defaultdict(list)
    for value, name in zip(values.tolist(), source.tolist(), strict=True):
        by_source[name].append(value)
    if not by_source:
        return 20.0
    pairs = sorted((value, 1.0 / len(own) / len(by_source)) for own in by_source.values() for value in own)
    reached = np.cumsum([weight for _, weight in pairs])
    return pairs[min(len(pairs) - 1, int(np.searchsorted(reached, share)))][0] + 1e-6


def _auroc(logits: npt.NDArray[np.float64], samples: Samples, members: npt.NDArray[np.bool_], number: int) -> Interval:
    truth = samples.answers[members, number] == 1
    if not truth.any() or truth.all():
        return Interval(float("nan"), float("nan"), float("nan"), n=int(truth.size), positives=int(truth.sum()), groups=0)
    return bootstrap_by_group(auroc, samples.group[members].tolist(), logits, truth, resamples=500)


def _put(network: nn.Module, probes: Sequence[Probe]) -> None:
    """Make the regressions the network's head, in place."""
    import torch

    dense = network.get_submodule("head.dense.0")
    weight = torch.from_numpy(np.stack([probe.weight for probe in probes]).astype(np.float32))
    bias = torch.tensor([probe.bias for probe in probes], dtype=torch.float32)
    dense.load_state_dict({"weight": weight, "bias": bias})


def _written(
    folder: Path,
    recipe: GateRecipe,
    architecture: Architecture,
    network: nn.Module,
    thresholds: tuple[Threshold, ...],
    examples: Sequence[GateExample],
    card: str,
) -> Package:
    import torch

    inputs = golden_inputs(recipe.input)
    with torch.no_grad():
        logits, features = network(torch.from_numpy(inputs.copy()))
    sources = sorted({example.source for example in examples if not example.is_external})
    manifest = Manifest(
        id=recipe.package.id,
        title=recipe.package.title,
        version=recipe.package.version,
        licence=recipe.package.licence,
        intended_use=recipe.package.intended_use,
        task=Task.GATE,
        labels=tuple(Label(question, QUESTION_NAMES[question]) for question in IDS),
        input=recipe.input,
        heatmap=heatmap_kind(architecture),
        activations=(),
        calibration=(Calibration(),) * len(IDS),
        thresholds=thresholds,
        trained_on=tuple(_trained_on(source, examples) for source in sources),
        split_sha256="",
        files={},
        architecture=architecture,
    )
    head = head_of(network, architecture, (int(features.shape[2]), int(features.shape[3])))
    golden = Golden(inputs, logits.numpy().astype(np.float32))
    return write_package(folder, manifest, graph=onnx_graph(network, recipe.input), golden=golden, card=card, head=head, is_replacing=True)


def _trained_on(source: str, examples: Sequence[GateExample]) -> TrainedOn:
    members = [example for example in examples if example.source == source and not example.is_external]
    return TrainedOn(source, len(members), len({example.group for example in members}), "see the table of sources")


def _sigmoid(logit: float) -> float:
    return float(1.0 / (1.0 + np.exp(-np.clip(logit, -30.0, 30.0))))
