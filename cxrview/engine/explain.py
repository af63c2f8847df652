"""Heatmaps on request: by algebra where the head allows it, by true gradients in torch, or by covering the picture piece by piece."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np

from cxrview.core import heatmap
from cxrview.core.errors import ExplanationUnavailable
from cxrview.core.image import read_only
from cxrview.core.manifest import HeatmapKind
from cxrview.core.results import FloatArray, Heatmap, HeatmapTarget, ModelInput
from cxrview.core.scores import margins
from cxrview.engine import grad_cam, present
from cxrview.engine.base import Predictor
from cxrview.engine.composite import CompositePredictor, explained
from cxrview.engine.lime import lime_heatmaps
from cxrview.engine.packages import WEIGHTS_NAME, Package
from cxrview.engine.torch import TorchPredictor

AUTO = "auto"
OCCLUSION = "occlusion"
LIME = "lime"
METHODS = (AUTO, *grad_cam.METHODS, OCCLUSION, LIME)
# What only asks for logits explains several networks as one.
WHOLE = (OCCLUSION, LIME)

# A window of 3 of 14 cells a side is about the size of a lung zone; covering less leaves the score as it was.
GRID = 14
WINDOW_CELLS = 3
BATCH = 16


def methods_for(package: Package) -> tuple[str, ...]:
    """Name the methods that make sense for a package here; the first costs nothing where the package has a head.

    HiResCAM equals Grad-CAM for pooled heads, so it is named for others only; true gradients need torch and the torch weights.
    """
    if package.members:
        first, *others = (methods_for(member) for member in package.members)
        return tuple(name for name in first if all(name in each for each in others))
    by_head = () if package.head is None else (heatmap.GRAD_CAM,)
    hires = (heatmap.HIRES_CAM,) if package.head is not None and package.head.kind is HeatmapKind.FLATTEN_MLP else ()
    has_gradients = not present.against_torch_cpu() and WEIGHTS_NAME in package.manifest.files and package.manifest.architecture is not None
    by_gradient = tuple(name for name in grad_cam.METHODS if name not in heatmap.METHOD_NAMES) if has_gradients else ()
    return (*by_head, *hires, *by_gradient, OCCLUSION, *(() if present.against_lime() else (LIME,)))


def explain(
    model_input: ModelInput,
    package: Package,
    predictor: Predictor,
    *,
    labels: Sequence[str] = (),
    method: str = AUTO,
    target: HeatmapTarget = HeatmapTarget.LOGIT,
    network: str = "",
    check: Callable[[], None] = lambda: None,
) -> tuple[Heatmap, ...]:
    """Make the heatmaps of the labels named by id (all, if none) of one image; each says which method was really used.

    `auto` takes the method that the package declares. `check` is called between pieces of work and may raise to stop.
    Of a composite package, `network` explains that member alone; covering the picture piece by piece explains the whole otherwise.

    Raises:
        ExplanationUnavailable: no such method, label or network, or the model has no such map.
        EngineUnavailable: a method that needs torch, which is not installed.
    """
    indices = _indices(package, labels)
    wanted = _declared(package) if method == AUTO else method
    if network and not package.members:
        raise ExplanationUnavailable("this model is of one network.", hint="Leave the network out.", subject=package.manifest.id)
    if package.members and (network or wanted not in WHOLE):
        return _by_members(model_input, package, predictor, indices, method=wanted, target=target, network=network, check=check)
    if wanted == OCCLUSION:
        return occlusion(predictor, model_input.tensor, package, indices, target=target, check=check)
    if wanted == LIME:
        return lime_heatmaps(predictor, model_input, package, indices, target=target, check=check)
    if wanted in heatmap.METHOD_NAMES and package.head is not None:
        (forward,) = predictor.run(model_input.tensor)
        return heatmap.heatmaps(forward, package.head, package.manifest.labels, target=target, method=wanted, only=indices)
    if wanted not in grad_cam.METHODS:
        raise ExplanationUnavailable(f"there is no method '{method}'.", hint=f"Choose one of {', '.join(METHODS)}.")
    return _by_gradient(model_input.tensor, package, predictor, indices, method=wanted, target=target, check=check)


def _by_members(
    model_input: ModelInput,
    package: Package,
    predictor: Predictor,
    indices: Sequence[int],
    *,
    method: str,
    target: HeatmapTarget,
    network: str,
    check: Callable[[], None],
) -> tuple[Heatmap, ...]:
    if not isinstance(predictor, CompositePredictor):
        raise ExplanationUnavailable("this engine does not run the model's networks one by one.")

    def of_member(place: int, labels: Sequence[str]) -> Sequence[Heatmap]:
        return explain(
            model_input, package.members[place], predictor.members[place], labels=labels, method=method, target=target, check=check
        )

    return explained(package, [package.manifest.labels[index] for index in indices], of_member, network=network)


def occlusion(
    predictor: Predictor,
    tensor: FloatArray,
    package: Package,
    indices: Sequence[int],
    *,
    target: HeatmapTarget = HeatmapTarget.LOGIT,
    grid: int = GRID,
    window_cells: int = WINDOW_CELLS,
    check: Callable[[], None] = lambda: None,
) -> tuple[Heatmap, ...]:
    """Cover the picture (1, C, H, W) piece by piece with its own mean, and see how far the target falls.

    Values (grid, grid) are in logits: the mean fall over the windows that cover a cell. All labels come from the same runs.
    """
    rows, columns = _edges(tensor.shape[2], grid), _edges(tensor.shape[3], grid)
    spans = [(max(first, 0), min(first + window_cells, grid)) for first in range(1 - window_cells, grid)]  # each cell covered equally often
    windows = list(itertools.product(spans, spans))
    (whole,) = predictor.run(tensor)
    before = _targets(whole.logits, target)
    falls = np.zeros((len(before), grid, grid))
    fill = tensor[0].mean(axis=(1, 2))[:, None, None]
    for start in range(0, len(windows), BATCH):
        check()
        some = windows[start : start + BATCH]
        batch = np.repeat(tensor, len(some), axis=0)
        for image, ((top, bottom), (left, right)) in zip(batch, some, strict=True):
            image[:, rows[top] : rows[bottom], columns[left] : columns[right]] = fill
        for answer, ((top, bottom), (left, right)) in zip(predictor.run(batch), some, strict=True):
            falls[:, top:bottom, left:right] += (before - _targets(answer.logits, target))[:, None, None]
    means = (falls / window_cells**2).astype(np.float32)
    labels = package.manifest.labels
    return tuple(Heatmap(label=labels[index], values=read_only(means[index]), target=target, method="occlusion") for index in indices)


def _by_gradient(
    tensor: FloatArray,
    package: Package,
    predictor: Predictor,
    indices: Sequence[int],
    *,
    method: str,
    target: HeatmapTarget,
    check: Callable[[], None],
) -> tuple[Heatmap, ...]:
    if isinstance(predictor, TorchPredictor):
        maps: list[Heatmap] = []
        for index in indices:
            check()
            label = package.manifest.labels[index]
            maps.append(grad_cam.gradient_heatmap(predictor, tensor, label, index, method=method, target=target))
        return tuple(maps)
    with_gradients = _torch_predictor(package)
    try:
        return _by_gradient(tensor, package, with_gradients, indices, method=method, target=target, check=check)
    finally:
        with_gradients.close()


def _torch_predictor(package: Package) -> TorchPredictor:
    from cxrview.engine.choose import open_predictor

    predictor = open_predictor(package, engine="torch").predictor
    if not isinstance(predictor, TorchPredictor):
        raise ExplanationUnavailable("true gradients need the torch engine.")
    return predictor


def _declared(package: Package) -> str:
    """Name the method that the package says its heatmaps are made by."""
    kind = package.manifest.heatmap
    if kind is HeatmapKind.NONE:
        raise ExplanationUnavailable(
            "this model declares that it has no heatmap.", hint=f"Ask for the method {OCCLUSION}.", subject=package.manifest.id
        )
    return OCCLUSION if kind is HeatmapKind.OCCLUSION else heatmap.GRAD_CAM


def _indices(package: Package, labels: Sequence[str]) -> tuple[int, ...]:
    known = [label.id for label in package.manifest.labels]
    for label in labels:
        if label not in known:
            raise ExplanationUnavailable(
                f"the model has no label '{label}'.", hint=f"It has {', '.join(known)}.", subject=package.manifest.id
            )
    return tuple(known.index(label) for label in labels) or tuple(range(len(known)))


def _targets(logits: FloatArray, target: HeatmapTarget) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return logits.astype(np.float64) if target is HeatmapTarget.LOGIT else margins(logits)


def _edges(side_px: int, cells: int) -> list[int]:
    return [round(each) for each in np.linspace(0, side_px, cells + 1)]
