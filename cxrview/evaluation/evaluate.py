"""Measure a model on cases: the one call behind a training run's report and `cxrview evaluate`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy.typing as npt

from cxrview.core.errors import DataError
from cxrview.core.manifest import Manifest
from cxrview.evaluation.baselines import GrayArray, ShortcutFeatures, shortcut_features
from cxrview.evaluation.cases import Case, Split, score_cases
from cxrview.evaluation.one_sided import measure_operating, measure_sensitivities
from cxrview.evaluation.report import EvaluationReport, SourceCount
from cxrview.evaluation.within_source import Contrast, Settings, find_contrasts, measure_contrast


def evaluate_cases(
    cases: Sequence[Case],
    logits: npt.ArrayLike,
    manifest: Manifest,
    *,
    grays: Iterable[GrayArray] = (),
    aspects: Sequence[float] | None = None,
    contrasts: Sequence[Contrast] | None = None,
    settings: Settings | None = None,
) -> EvaluationReport:
    """Measure everything that these cases allow.

    Args:
        cases: of all splits; the train split serves the baselines only, numbers come from test and external.
        logits: (N, L), raw, in the order of the labels; rows of the train split may hold anything finite.
        manifest: gives labels, calibration and thresholds.
        grays: (H, W) uint8 of each case, whole and uncropped, in the same order, taken one at a time; none leaves the baselines out.
        aspects: width / height of each original, where `grays` were stretched.
        contrasts: what to measure inside a source; by default all that `find_contrasts` finds but those of the label
            `settings.reference`, which ask the same from the other side.
        settings: how to measure.
    """
    settings = settings or Settings()
    scored = score_cases(cases, logits, manifest)
    shortcuts = _shortcuts(grays, aspects, len(cases))
    thresholds = dict(zip(scored.labels, manifest.thresholds, strict=True))
    chosen = _questions(cases, scored.labels, settings) if contrasts is None else contrasts
    return EvaluationReport(
        model_id=manifest.id,
        model_title=manifest.title,
        model_version=manifest.version,
        split_sha256=manifest.split_sha256,
        counts=count_sources(cases),
        contrasts=tuple(measure_contrast(scored, contrast, thresholds[contrast.label], shortcuts, settings) for contrast in chosen),
        sensitivities=measure_sensitivities(scored, shortcuts, settings),
        operating=measure_operating(scored, manifest.thresholds, settings),
        shortcuts=tuple(f"{shortcut.name}: {shortcut.seen}" for shortcut in shortcuts),
        settings=settings,
    )


def count_sources(cases: Sequence[Case]) -> tuple[SourceCount, ...]:
    """Count images and patients by split, source and truth."""
    images = Counter((case.split, case.source, case.truth) for case in cases)
    patients: dict[tuple[Split, str, str], set[str]] = defaultdict(set)
    for case in cases:
        patients[case.split, case.source, case.truth].add(case.group_id)
    order = {split: place for place, split in enumerate(Split)}
    keys = sorted(images, key=lambda key: (order[key[0]], key[1], key[2]))
    return tuple(SourceCount(*key, images=images[key], patients=len(patients[key])) for key in keys)


def _questions(cases: Sequence[Case], labels: Sequence[str], settings: Settings) -> tuple[Contrast, ...]:
    findings = [label for label in labels if label != settings.reference]
    return find_contrasts(cases, findings or labels, minimum=settings.minimum)


def _shortcuts(grays: Iterable[GrayArray], aspects: Sequence[float] | None, expected: int) -> tuple[ShortcutFeatures, ...]:
    shortcuts = shortcut_features(grays, aspects=aspects)
    for shortcut in shortcuts:
        if len(shortcut.values) != expected:
            raise DataError(f"{expected} cases came with {len(shortcut.values)} images for the baselines.")
    return shortcuts
