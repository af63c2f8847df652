"""One image through one model: prepare, run, findings, heatmaps. The window, the command line and batch call this."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cxrview.core.answer_flags import lung_flags, may_be_inverted
from cxrview.core.errors import PackageError
from cxrview.core.flags import Flag, flags_of
from cxrview.core.guard import in_distribution
from cxrview.core.heatmap import heatmaps
from cxrview.core.image import Fact, Pixels
from cxrview.core.lung_input import prepare_with_lungs
from cxrview.core.lungs import Lungs
from cxrview.core.results import Analysis, Forward, Heatmap, HeatmapTarget, ModelInput
from cxrview.core.scores import findings
from cxrview.core.trust import UNUSUAL_BELOW, Likeness, likeness_of
from cxrview.engine.base import Predictor
from cxrview.engine.composite import member_heatmaps
from cxrview.engine.packages import Package


def analyse(
    pixels: Pixels,
    package: Package,
    predictor: Predictor,
    *,
    heatmap_target: HeatmapTarget = HeatmapTarget.LOGIT,
    with_heatmaps: bool = True,
    lungs: Lungs | None = None,
) -> Analysis:
    """Score one image, with the heatmaps of all labels from the same forward pass where the model has them.

    Args:
        pixels: the image at stored depth.
        package: the model.
        predictor: the same model, open.
        heatmap_target: what the maps explain.
        with_heatmaps: leave them out where only scores are wanted.
        lungs: where the lungs lie; a model whose contract asks for a lung crop or a lung mask sees the whole picture without them.
    """
    model_input = prepare_with_lungs(pixels, package.manifest.input, lungs)
    (forward,) = predictor.run(model_input.tensor)
    analysis_facts = (*pixels.facts, *model_input.facts)
    analysis = analysis_of(
        forward,
        model_input,
        package,
        predictor,
        heatmap_target=heatmap_target,
        with_heatmaps=with_heatmaps,
        lungs=lungs,
        facts=analysis_facts,
    )
    return polarity_checked(analysis, pixels, package, predictor)


def polarity_checked(analysis: Analysis, pixels: Pixels, package: Package, predictor: Predictor) -> Analysis:
    """Flag an unusual picture that the model takes for usual once dark and bright are swapped."""
    is_swapped = _may_be_inverted(pixels, package, predictor, analysis.lungs, analysis.in_distribution)
    return replace(analysis, flags=(str(Flag.MAYBE_INVERTED), *analysis.flags)) if is_swapped else analysis


def with_flags_of_file(analysis: Analysis, pixels: Pixels) -> Analysis:
    """Put what the file itself says is unusual before what the answer says."""
    return replace(analysis, flags=tuple(dict.fromkeys((*map(str, flags_of(pixels)), *analysis.flags))))


def _may_be_inverted(pixels: Pixels, package: Package, predictor: Predictor, lungs: Lungs | None, likeness: float | None) -> bool:
    """Look at an unusual picture once more with dark and bright swapped."""
    if package.guard is None or likeness is None or likeness >= UNUSUAL_BELOW:
        return False
    swapped = prepare_with_lungs(replace(pixels, is_inverted=not pixels.is_inverted), package.manifest.input, lungs)
    (forward,) = predictor.run(swapped.tensor)
    return forward.features is not None and may_be_inverted(likeness, in_distribution(package.guard, forward.features))


def analysis_of(
    forward: Forward,
    model_input: ModelInput,
    package: Package,
    predictor: Predictor,
    *,
    heatmap_target: HeatmapTarget = HeatmapTarget.LOGIT,
    with_heatmaps: bool = True,
    lungs: Lungs | None = None,
    facts: tuple[Fact, ...] = (),
) -> Analysis:
    """Turn one forward pass into everything the model says of the image.

    Raises:
        PackageError: a logit is not finite, so there is no score to show.
    """
    if not np.isfinite(forward.logits).all():
        raise PackageError("the network gave a logit that is not a finite number.", subject=package.manifest.id)
    likeness = None if package.guard is None or forward.features is None else in_distribution(package.guard, forward.features)
    unlike = (Flag.UNLIKE_TRAINING,) if likeness_of(likeness) is Likeness.UNLIKE else ()
    found = findings(forward.logits, package.manifest)
    maps = heatmaps_of(package, forward, heatmap_target) if with_heatmaps else ()
    return Analysis(
        model_id=package.manifest.id,
        model_version=package.manifest.version,
        model_sha256=package.sha256,
        engine=predictor.engine,
        device=predictor.device,
        frame=model_input.frame,
        findings=found,
        heatmaps=maps,
        flags=tuple(map(str, (*unlike, *lung_flags(found, maps, model_input.frame, lungs)))),
        in_distribution=likeness,
        lungs=lungs,
        facts=facts,
    )


def heatmaps_of(package: Package, forward: Forward, target: HeatmapTarget = HeatmapTarget.LOGIT) -> tuple[Heatmap, ...]:
    """Make the maps of all labels from the features of one pass; none where the model has no head to make them from."""
    if package.members:
        return member_heatmaps(package, forward, target=target)
    if package.head is None or forward.features is None:
        return ()
    return heatmaps(forward, package.head, package.manifest.labels, target=target)
