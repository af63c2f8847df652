"""From a trained lung network to a finished package: export, reopen, measure on masks it has not seen, write the card."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cxrview.core.errors import PackageError
from cxrview.core.image import ImageRef
from cxrview.core.lungs import lungs_mask
from cxrview.core.manifest import Calibration, HeatmapKind, Label, Manifest, Task, Threshold, TrainedOn
from cxrview.engine.lungs import LungFinder
from cxrview.engine.onnx import OnnxPredictor
from cxrview.engine.packages import Golden, Package, write_package
from cxrview.evaluation.bootstrap import bootstrap_mean
from cxrview.evaluation.interval import Interval
from cxrview.evaluation.masks import contour_distance, dice
from cxrview.io.read import read_pixels
from cxrview.training.card import NOTICE
from cxrview.training.export import golden_inputs, onnx_graph, rounded_to_half
from cxrview.training.lung_recipe import LungRecipe
from cxrview.training.mask_examples import MaskExample, MaskPictures, read_mask

if TYPE_CHECKING:
    from torch import nn

REFERENCE_SIDE = 256.0  # contour distances are given in px of an image whose longer side has so many
EXPORT_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class MaskScore:
    """One test image: `dice` 0 to 1, `distance` in px of a picture with a longer side of 256, nan where nothing was found."""

    example: MaskExample
    dice: float
    distance: float


@dataclass(frozen=True, slots=True)
class SourceScore:
    """The test images of one source and label; intervals by drawing whole groups."""

    source: str
    label: str
    images: int
    is_unseen: bool
    dice: Interval
    worst_dice: float
    distance: Interval
    not_found: int


def finish_lungs(
    recipe: LungRecipe, network: nn.Module, pictures: MaskPictures, splits: npt.NDArray[np.str_], run: Path, report: Callable[[str], None]
) -> Path:
    """Write `package/` and `report/` into the run folder and return the package's folder.

    Raises:
        PackageError: the exported graph does not give what torch gives.
    """
    network = rounded_to_half(network)
    draft = write_lungs_package(recipe, network, pictures.examples, splits, run / "package", card="Draft.\n")
    predictor = OnnxPredictor(draft, threads=0, cache_dir=None)
    try:
        scores = [
            score_mask(example, LungFinder(draft, predictor, _index(recipe, example.label)))
            for example, split in zip(pictures.examples, splits, strict=True)
            if split == "test"
        ]
    finally:
        predictor.close()
    seen = {example.source for example, split in zip(pictures.examples, splits, strict=True) if split == "train"}
    table = by_source(scores, seen)
    for row in table:
        report(f"{row.source} ({row.label}, {row.images} images): Dice {row.dice}, contour distance {row.distance} px")
    _write_report(run / "report", scores, table)
    package = write_lungs_package(
        recipe, network, pictures.examples, splits, run / "package", card=lungs_card(recipe, draft.manifest, table)
    )
    report(f"Package {package.manifest.id} {package.manifest.version} written to {package.folder}.")
    return package.folder


def write_lungs_package(
    recipe: LungRecipe, network: nn.Module, examples: Sequence[MaskExample], splits: npt.NDArray[np.str_], folder: Path, *, card: str
) -> Package:
    """Export the network and write it as a package; the logits of its golden inputs are torch's.

    Raises:
        PackageError: the exported graph does not give what torch gives.
    """
    import torch

    inputs = golden_inputs(recipe.input)
    with torch.no_grad():
        logits, pixels = network(torch.from_numpy(inputs.copy()))
    labels = tuple(Label(each, recipe.masks.names.get(each, each)) for each in recipe.masks.kinds)
    manifest = Manifest(
        id=recipe.package.id,
        title=recipe.package.title,
        version=recipe.package.version,
        licence=recipe.package.licence,
        intended_use=recipe.package.intended_use,
        task=Task.SEGMENTATION,
        labels=labels,
        input=recipe.input,
        heatmap=HeatmapKind.NONE,
        activations=(),
        calibration=(Calibration(),) * len(labels),
        thresholds=(Threshold(0.5, "pixel probability 0.5"),) * len(labels),
        trained_on=_trained_on(examples, splits),
        split_sha256="",
        files={},
    )
    golden = Golden(inputs, logits.numpy().astype(np.float32))
    package = write_package(folder, manifest, graph=onnx_graph(network, recipe.input), golden=golden, card=card, is_replacing=True)
    predictor = OnnxPredictor(package, threads=0, cache_dir=None)
    try:
        found = [forward.features for forward in predictor.run(inputs)]
    finally:
        predictor.close()
    difference = max(float(np.abs(one - other).max()) for one, other in zip(found, pixels.numpy(), strict=True) if one is not None)
    if not difference <= EXPORT_TOLERANCE:
        raise PackageError(f"the exported graph differs from torch by {difference:.2g} in a pixel's logit.", hint="Report this.")
    return package


def score_mask(example: MaskExample, finder: LungFinder) -> MaskScore:
    """Find the lungs of one image through the program's own path and compare with its mask at the image's size."""
    pixels = read_pixels(ImageRef(example.image))
    truth = read_mask(example.mask, (pixels.width, pixels.height)) > 0
    found = lungs_mask(finder.find(pixels))
    scale = REFERENCE_SIDE / max(pixels.width, pixels.height)
    return MaskScore(example, dice(found, truth), contour_distance(found, truth) * scale)


def by_source(scores: Sequence[MaskScore], seen: Collection[str]) -> tuple[SourceScore, ...]:
    """Gather the scores of each source and label, with 95 % intervals over groups; a lung not found counts as Dice 0."""
    grouped: dict[tuple[str, str], list[MaskScore]] = defaultdict(list)
    for score in scores:
        grouped[score.example.source, score.example.label].append(score)
    rows = []
    for (source, label), members in sorted(grouped.items()):
        found = [each for each in members if np.isfinite(each.distance)]
        rows.append(
            SourceScore(
                source,
                label,
                len(members),
                source not in seen,
                bootstrap_mean([each.example.group for each in members], [each.dice for each in members]),
                min(each.dice for each in members),
                bootstrap_mean([each.example.group for each in found], [each.distance for each in found]),
                len(members) - len(found),
            )
        )
    return tuple(rows)


def lungs_card(recipe: LungRecipe, manifest: Manifest, table: Sequence[SourceScore]) -> str:
    """Write CARD.md."""
    lines = [
        f"# {manifest.title} ({manifest.id} {manifest.version})",
        "",
        NOTICE,
        "",
        manifest.intended_use,
        "",
        recipe.description.strip(),
        "",
        "## Measured on images it did not learn from",
        "",
        "Through the program's own path, at the size of the image, against masks drawn by people; 95 % intervals over whole patients.",
        f"Contour distance: average symmetric surface distance, in px of a picture whose longer side has {REFERENCE_SIDE:g} px.",
        "",
        "| source | label | images | Dice | lowest Dice | contour distance | not found |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {row.source}{' (never trained on)' if row.is_unseen else ''} | {row.label} | {row.images} | {row.dice} | "
            f"{row.worst_dice:.3f} | {row.distance} | {row.not_found} |"
            for row in table
        ),
        "",
        "## Learned from",
        "",
        "| source | images | patients | licence |",
        "|---|---|---|---|",
        *(f"| {each.source} | {each.images} | {each.patients} | {each.licence} |" for each in manifest.trained_on),
        "",
        "## Limits",
        "",
        *(f"- {note}" for note in recipe.package.notes),
        "",
    ]
    return "\n".join(lines)


def _index(recipe: LungRecipe, label: str) -> int:
    return tuple(recipe.masks.kinds).index(label)


def _trained_on(examples: Sequence[MaskExample], splits: npt.NDArray[np.str_]) -> tuple[TrainedOn, ...]:
    members: dict[str, list[MaskExample]] = defaultdict(list)
    for example, split in zip(examples, splits, strict=True):
        if split != "test":
            members[example.source].append(example)
    return tuple(
        TrainedOn(
            source,
            len(each),
            len({example.group for example in each}),
            "; masks: ".join(
                (
                    ", ".join(sorted({example.attributes.get("licence_class", "") or "not stated" for example in each})),
                    ", ".join(sorted({example.attributes["mask_kind"] for example in each})),
                )
            ),
        )
        for source, each in sorted(members.items())
    )


def _write_report(folder: Path, scores: Sequence[MaskScore], table: Sequence[SourceScore]) -> None:
    folder.mkdir(exist_ok=True)
    document = [
        {"source": row.source, "label": row.label, "images": row.images, "dice": str(row.dice), "contour_distance_px": str(row.distance)}
        for row in table
    ]
    (folder / "report.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    with (folder / "scores.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["file", "source", "label", "dice", "contour_distance_px"])
        for score in scores:
            example = score.example
            writer.writerow([example.image.name, example.source, example.label, f"{score.dice:.4f}", f"{score.distance:.3f}"])
