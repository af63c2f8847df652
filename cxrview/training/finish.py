"""From trained weights to a finished package: export, calibrate, judge, write the card, reopen and compare."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cxrview.core.errors import PackageError
from cxrview.core.guard import fit_guard
from cxrview.core.manifest import Calibration, Label, Manifest, Threshold, TrainedOn
from cxrview.core.prepare import normalise
from cxrview.core.results import FloatArray
from cxrview.engine.base import Predictor, stacked_logits
from cxrview.engine.composite import open_with
from cxrview.engine.nets import head_activation, heatmap_kind
from cxrview.engine.onnx import OnnxPredictor
from cxrview.engine.packages import Golden, Package, write_package
from cxrview.evaluation.calibrate import calibrate, choose_thresholds, conformal_rules, with_prevalence
from cxrview.evaluation.cases import Case, score_cases
from cxrview.evaluation.evaluate import evaluate_cases
from cxrview.evaluation.operating import operating_curves
from cxrview.evaluation.page import to_html
from cxrview.evaluation.pdf import to_pdf
from cxrview.evaluation.report import EvaluationReport, to_json
from cxrview.evaluation.within_source import Settings
from cxrview.training.card import write_card
from cxrview.training.curves import write_learning_curves
from cxrview.training.examples import Example, cases_of
from cxrview.training.exclusive import logits_less_normal, take_normal_away
from cxrview.training.export import golden_inputs, half_weights, head_of, onnx_graph, rounded_to_half
from cxrview.training.figures import figures_of, write_figures
from cxrview.training.judge import WHOLE, audit_run
from cxrview.training.pictures import load_pictures
from cxrview.training.precision import check_precisions

if TYPE_CHECKING:
    from torch import nn

    from cxrview.training.run import Plan

BATCH = 16
EXPORT_TOLERANCE = 1e-4  # between torch and the exported graph, in logits, on the golden inputs and real images
COMPARED_IMAGES = 64


def finish(plan: Plan, network: nn.Module, run: Path, report: Callable[[str], None], *, held_out: FloatArray | None = None) -> Path:
    """Write `package/` and `report/` into the run folder and return the package's folder.

    Calibration, thresholds and operating curves are chosen on the validation images; where the network learned from these too,
    `held_out` holds the logits that a network gave which did not.

    Raises:
        PackageError: the exported graph does not give what torch gives.
    """
    network = take_normal_away(network, plan.labels, plan.recipe.fit.less_normal)
    network = rounded_to_half(network)  # what the package stores is what is measured
    draft = _draft(plan, network, run / "package")
    predictor = OnnxPredictor(draft, threads=0, cache_dir=None)
    try:
        _compare_with_torch(plan, network, draft, predictor)
        logits, pooled = run_all(plan, predictor)
    finally:
        predictor.close()
    cases = cases_of(plan.examples)
    chosen_on = logits.copy()
    if held_out is not None:
        chosen_on[plan.members("val")] = logits_less_normal(held_out, plan.labels, plan.recipe.fit.less_normal)
    rules = calibrate(cases, chosen_on, draft.manifest).calibrations
    calibrated = replace(draft.manifest, calibration=with_prevalence(rules, cases, plan.labels))
    scored = score_cases(cases, chosen_on, calibrated)
    thresholds = choose_thresholds(scored, specificity=plan.recipe.package.specificity, sensitivity=plan.recipe.package.sensitivity)
    curves = operating_curves(scored, thresholds)
    manifest = replace(
        calibrated,
        thresholds=thresholds,
        operating_curve=curves if any(curve.probability for curve in curves) else (),
        conformal=conformal_rules(scored),
        precisions=check_precisions(draft, calibrated, plan.pictures.stack[plan.members("val")], logits[plan.members("val")], report),
    )
    report("Measuring on the frozen test split, with the baselines beside the network.")
    measured = measure(plan, cases, logits, manifest, report)
    write_figures(run / "report", figures_of(cases, logits, manifest))
    write_learning_curves(run)
    if plan.recipe.package.is_audited:
        measured = audit(plan, measured, replace(draft, manifest=manifest), report)
    write_report(run / "report", measured)
    write_logits(run / "report" / "scores.csv", plan, logits, manifest)
    learned, watched = plan.members("train"), plan.members("val")
    sources = tuple([plan.examples[i].source for i in members] for members in (learned, watched))
    guard = fit_guard(pooled[learned], pooled[watched], sources=(sources[0], sources[1]))
    package = write_package(
        run / "package",
        manifest,
        graph=(draft.folder / draft.manifest.graph).read_bytes(),
        golden=draft.golden,
        card=write_card(plan, manifest, measured),
        head=draft.head,
        weights=half_weights(network),
        guard=guard,
        is_replacing=True,
    )
    report(f"Package {package.manifest.id} {package.manifest.version} written to {package.folder}.")
    return package.folder


def _draft(plan: Plan, network: nn.Module, folder: Path) -> Package:
    """Write a package without calibration, so that everything after this goes through the engine."""
    import torch

    recipe = plan.recipe
    graph = onnx_graph(network, recipe.input)
    inputs = golden_inputs(recipe.input)
    with torch.no_grad():
        logits, features = network(torch.from_numpy(inputs.copy()))
    head = head_of(network, recipe.architecture, (int(features.shape[2]), int(features.shape[3])))
    labels = tuple(Label(label, recipe.data.names.get(label, label)) for label in plan.labels)
    manifest = Manifest(
        id=recipe.package.id,
        title=recipe.package.title,
        version=recipe.package.version,
        licence=recipe.package.licence,
        intended_use=recipe.package.intended_use,
        task=recipe.task,
        labels=labels,
        input=recipe.input,
        heatmap=heatmap_kind(recipe.architecture),
        activations=(head_activation(recipe.architecture),) * len(recipe.architecture.head_hidden),
        calibration=(Calibration(),) * len(labels),
        thresholds=(Threshold(),) * len(labels),
        trained_on=_trained_on(plan.examples, recipe.data.columns.licence),
        split_sha256=plan.split_sha256,
        files={},
        architecture=recipe.architecture,
    )
    golden = Golden(inputs, logits.numpy().astype(np.float32))
    return write_package(folder, manifest, graph=graph, golden=golden, card="Draft.\n", head=head, is_replacing=True)


def _trained_on(examples: Sequence[Example], licence_column: str) -> tuple[TrainedOn, ...]:
    by_source: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        if example.split in ("train", "val"):
            by_source[example.source].append(example)
    return tuple(
        TrainedOn(
            source=source,
            images=len(members),
            patients=len({member.group for member in members}),
            licence=", ".join(sorted({member.attributes.get(licence_column, "") or "not stated" for member in members})),
        )
        for source, members in sorted(by_source.items())
    )


def _compare_with_torch(plan: Plan, network: nn.Module, draft: Package, predictor: OnnxPredictor) -> None:
    import torch

    step = max(1, len(plan.examples) // COMPARED_IMAGES)
    inputs = np.concatenate([normalise(channels, plan.recipe.input) for channels in plan.pictures.stack[::step][:COMPARED_IMAGES]])
    inputs = np.concatenate([draft.golden.inputs, inputs])
    with torch.no_grad():
        wanted = network(torch.from_numpy(inputs))[0].numpy()
    difference = float(np.abs(stacked_logits(predictor.run(inputs)) - wanted).max())
    if not difference <= EXPORT_TOLERANCE:
        raise PackageError(
            f"the exported graph differs from torch by {difference:.2g} in a logit; {EXPORT_TOLERANCE:g} is rounding.",
            hint="Train in float32, or report this.",
        )


def run_all(plan: Plan, predictor: Predictor) -> tuple[FloatArray, FloatArray]:
    """Run every image: logits (N, L), and features averaged over their cells (N, K)."""
    logits: list[FloatArray] = []
    pooled: list[FloatArray] = []
    stack = plan.pictures.stack
    for start in range(0, len(stack), BATCH):
        batch = np.concatenate([normalise(channels, plan.recipe.input) for channels in stack[start : start + BATCH]])
        for forward in predictor.run(batch):
            if forward.features is None:
                raise PackageError("the exported graph gives no features.")
            logits.append(forward.logits)
            pooled.append(forward.features.mean(axis=(1, 2)))
    return np.stack(logits), np.stack(pooled)


def measure(plan: Plan, cases: Sequence[Case], logits: FloatArray, manifest: Manifest, report: Callable[[str], None]) -> EvaluationReport:
    """Measure the test and external splits, with the baselines that see whole pictures."""
    whole = load_pictures(plan.examples, WHOLE, report=report)
    if len(whole.examples) != len(plan.examples):
        raise PackageError("An image could be read before and cannot be read now.", hint="Check the drive, then use --resume.")
    settings = Settings(specificity=plan.recipe.package.specificity)
    grays = (channels[0] for channels in whole.pictures.stack)
    return evaluate_cases(cases, logits, manifest, grays=grays, aspects=[float(each) for each in whole.pictures.aspect], settings=settings)


def audit(plan: Plan, measured: EvaluationReport, package: Package, report: Callable[[str], None]) -> EvaluationReport:
    """Audit what was measured, on the test and external images, through the reference engine."""
    report("Auditing for shortcuts: the same network without lungs, without letters, between sources.")
    predictor = open_with(package, lambda each: OnnxPredictor(each, threads=1, cache_dir=None))
    try:
        return audit_run(measured, plan.examples, package, predictor, report=report)
    finally:
        predictor.close()


def write_report(folder: Path, measured: EvaluationReport) -> None:
    """Write `report.json`, `report.html` and `report.pdf`."""
    folder.mkdir(exist_ok=True)
    (folder / "report.pdf").write_bytes(to_pdf(measured))
    (folder / "report.json").write_text(to_json(measured), encoding="utf-8")
    (folder / "report.html").write_text(to_html(measured), encoding="utf-8")


def write_logits(path: Path, plan: Plan, logits: FloatArray, manifest: Manifest) -> None:
    """Write the logits of every image, so that any figure of the card can be computed again."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["path", "split", "source", "label", "group", *(f"logit_{label.id}" for label in manifest.labels)])
        for example, row in zip(plan.examples, logits, strict=True):
            name = example.path.relative_to(plan.root).as_posix() if example.path.is_relative_to(plan.root) else str(example.path)
            writer.writerow([name, example.split, example.source, example.label, example.group, *(f"{value:.5f}" for value in row)])
