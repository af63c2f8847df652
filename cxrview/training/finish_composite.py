"""From several finished packages of one plan to one: an ensemble or a hierarchy, measured as a whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cxrview.core.manifest import Combination, Label, Threshold
from cxrview.engine.composite import open_with, write_composite
from cxrview.engine.onnx import OnnxPredictor
from cxrview.engine.packages import Package, load_package
from cxrview.evaluation.calibrate import choose_thresholds
from cxrview.evaluation.cases import score_cases
from cxrview.training.card import write_card
from cxrview.training.examples import cases_of
from cxrview.training.figures import figures_of, write_figures
from cxrview.training.finish import audit, measure, run_all, write_logits, write_report

if TYPE_CHECKING:
    from cxrview.training.run import Plan


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """How networks become one package.

    Attributes:
        members: name to the folder of a finished package, in order.
        splits: of a product: member to the label of an earlier one that it divides.
    """

    combine: Combination
    members: Mapping[str, Path]
    splits: Mapping[str, str] = field(default_factory=dict)


def finish_composite(plan: Plan, whole: Whole, run: Path, report: Callable[[str], None]) -> Path:
    """Write `package/` and `report/` of several networks into the run folder and return the package's folder.

    Args:
        plan: the images that all members share, with the labels of the whole.
        whole: the members and how they are joined.
        run: the run folder.
        report: told what happens.
    """
    members = {name: load_package(folder) for name, folder in whole.members.items()}
    draft = _written(plan, whole, members, run / "package", "Draft.\n")
    predictor = open_with(draft, lambda member: OnnxPredictor(member, threads=0, cache_dir=None))
    try:
        logits, _ = run_all(plan, predictor)
    finally:
        predictor.close()
    cases = cases_of(plan.examples)
    about = plan.recipe.package
    scored = score_cases(cases, logits, draft.manifest)
    thresholds = choose_thresholds(scored, specificity=about.specificity, sensitivity=about.sensitivity)
    measured_with = _written(plan, whole, members, run / "package", "Draft.\n", thresholds=thresholds).manifest
    report("Measuring the whole on the frozen test split.")
    measured = measure(plan, cases, logits, measured_with, report)
    write_figures(run / "report", figures_of(cases, logits, measured_with))
    if plan.recipe.package.is_audited:
        measured = audit(plan, measured, replace(draft, manifest=measured_with), report)
    write_report(run / "report", measured)
    write_logits(run / "report" / "scores.csv", plan, logits, measured_with)
    package = _written(plan, whole, members, run / "package", write_card(plan, measured_with, measured), thresholds=thresholds)
    report(f"Package {package.manifest.id} {package.manifest.version} of {len(members)} networks written to {package.folder}.")
    return package.folder


def _written(
    plan: Plan, whole: Whole, members: Mapping[str, Package], folder: Path, card: str, *, thresholds: Sequence[Threshold] = ()
) -> Package:
    about = plan.recipe.package
    return write_composite(
        folder,
        members,
        combine=whole.combine,
        card=card,
        model_id=about.id,
        title=about.title,
        version=about.version,
        intended_use=about.intended_use,
        licence=about.licence,
        splits=whole.splits,
        labels=[Label(label, plan.recipe.data.names.get(label, label)) for label in plan.labels],
        thresholds=thresholds,
        split_sha256=plan.split_sha256,
        is_replacing=True,
    )
