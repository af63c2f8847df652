"""The result of one image as a row, and its columns: stable, in this order, for every table that is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from cxrview.core.image import ImageRef
from cxrview.core.manifest import Manifest
from cxrview.core.results import Analysis
from cxrview.core.scores import top_finding

Cell = str | int | float | bool | None

FIXED_COLUMNS = (
    "path",
    "frame",
    "status",
    "error",
    "model",
    "model_version",
    "model_sha256",
    "engine",
    "device",
    "view",
    "flags",
    "in_distribution",
    "top_label",
)
LABEL_COLUMNS = ("p_", "logit_", "positive_", "heat_in_lungs_")
FLAG_SEPARATOR = ";"


class Status(StrEnum):
    """Whether the image was scored."""

    OK = "ok"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class ModelName:
    """Which model was asked."""

    id: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class LabelScore:
    """One label's answer; `heat_in_lungs` is the fraction of the positive heatmap inside the lungs, None without a mask."""

    label: str
    probability: float
    logit: float
    is_positive: bool
    heat_in_lungs: float | None = None


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One image, scored or refused.

    Attributes:
        path: as given on the command line; an archive's member stands after `!`.
        frame: from 1.
        error: why there is no score, one sentence; empty when there is one.
        engine, device: what really ran; empty when nothing ran.
        view: view position as the file states it; empty when it does not.
        in_distribution: how much the image resembles the training images; None where the model cannot tell.
        scores: in the order of the model's labels; empty when there is no score.
    """

    path: str
    frame: int
    status: Status
    model: ModelName
    error: str = ""
    engine: str = ""
    device: str = ""
    view: str = ""
    flags: tuple[str, ...] = ()
    in_distribution: float | None = None
    top_label: str = ""
    scores: tuple[LabelScore, ...] = ()


def columns(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Name the columns for a model's label ids."""
    return (*FIXED_COLUMNS, *(f"{prefix}{label}" for label in labels for prefix in LABEL_COLUMNS))


def cells(row: ScoreRow, labels: tuple[str, ...]) -> dict[str, Cell]:
    """Give the row's cells by column, in order; None where there is nothing to tell."""
    found = {score.label: score for score in row.scores}
    result: dict[str, Cell] = {
        "path": row.path,
        "frame": row.frame,
        "status": str(row.status),
        "error": row.error or None,
        "model": row.model.id,
        "model_version": row.model.version,
        "model_sha256": row.model.sha256,
        "engine": row.engine or None,
        "device": row.device or None,
        "view": row.view or None,
        "flags": FLAG_SEPARATOR.join(row.flags) or None,
        "in_distribution": row.in_distribution,
        "top_label": row.top_label or None,
    }
    for label in labels:
        score = found.get(label)
        result[f"p_{label}"] = None if score is None else score.probability
        result[f"logit_{label}"] = None if score is None else score.logit
        result[f"positive_{label}"] = None if score is None else score.is_positive
        result[f"heat_in_lungs_{label}"] = None if score is None else score.heat_in_lungs
    return result


def row_of(found: Mapping[str, Cell], labels: tuple[str, ...]) -> ScoreRow:
    """Make the row again from its cells, as `cells` gave them."""
    scores = tuple(
        LabelScore(
            label=label,
            probability=float(found[f"p_{label}"] or 0.0),
            logit=float(found[f"logit_{label}"] or 0.0),
            is_positive=bool(found[f"positive_{label}"]),
            heat_in_lungs=_number(found[f"heat_in_lungs_{label}"]),
        )
        for label in labels
        if found[f"p_{label}"] is not None
    )
    return ScoreRow(
        path=str(found["path"]),
        frame=int(found["frame"] or 1),
        status=Status(str(found["status"])),
        model=ModelName(str(found["model"]), str(found["model_version"]), str(found["model_sha256"])),
        error=str(found["error"] or ""),
        engine=str(found["engine"] or ""),
        device=str(found["device"] or ""),
        view=str(found["view"] or ""),
        flags=tuple(str(found["flags"]).split(FLAG_SEPARATOR)) if found["flags"] else (),
        in_distribution=_number(found["in_distribution"]),
        top_label=str(found["top_label"] or ""),
        scores=scores,
    )


def _number(cell: Cell) -> float | None:
    return None if cell is None or cell == "" else float(cell)


def name_of(manifest: Manifest, sha256: str) -> ModelName:
    """Give what rows say of a model."""
    return ModelName(id=manifest.id, version=manifest.version, sha256=sha256)


def scored_row(
    ref: ImageRef, analysis: Analysis, *, view: str, flags: tuple[str, ...], heat_in_lungs: Mapping[str, float | None] | None = None
) -> ScoreRow:
    """Make the row of an image that has a score; `heat_in_lungs` by label id, where the lungs were found."""
    heat = heat_in_lungs or {}
    scores = tuple(
        LabelScore(
            label=each.label.id,
            probability=each.probability,
            logit=each.logit,
            is_positive=each.is_positive,
            heat_in_lungs=heat.get(each.label.id),
        )
        for each in analysis.findings
    )
    return ScoreRow(
        path=path_text(ref),
        frame=ref.frame + 1,
        status=Status.OK,
        model=ModelName(analysis.model_id, analysis.model_version, analysis.model_sha256),
        engine=analysis.engine,
        device=analysis.device,
        view=view,
        flags=flags,
        in_distribution=analysis.in_distribution,
        top_label=top_finding(analysis.findings).label.id,
        scores=scores,
    )


def error_row(ref: ImageRef, reason: str, model: ModelName) -> ScoreRow:
    """Make the row of an image that has none."""
    return ScoreRow(path=path_text(ref), frame=ref.frame + 1, status=Status.ERROR, error=reason, model=model)


def path_text(ref: ImageRef) -> str:
    """Give the path as rows show it, without the frame."""
    return f"{ref.path}!{ref.member}" if ref.member else str(ref.path)
