"""Heatmaps of the `grad-cam` package, on the true gradient of the network in torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cxrview.core.errors import EngineUnavailable, ExplanationUnavailable
from cxrview.core.image import read_only
from cxrview.core.manifest import Label
from cxrview.core.results import FloatArray, Heatmap, HeatmapTarget
from cxrview.engine.torch import TorchPredictor
from cxrview.engine.torchvision_ops import make_importable
from cxrview.io.places import how_to_get


@dataclass(frozen=True, slots=True)
class GradientMethod:
    """A method of the package: its class, and its name as people know it."""

    class_name: str
    title: str


METHODS: Mapping[str, GradientMethod] = {
    "gradcam": GradientMethod("GradCAM", "Grad-CAM"),
    "hirescam": GradientMethod("HiResCAM", "HiResCAM"),
    "gradcam++": GradientMethod("GradCAMPlusPlus", "Grad-CAM++"),
    "xgradcam": GradientMethod("XGradCAM", "XGrad-CAM"),
    "layercam": GradientMethod("LayerCAM", "LayerCAM"),
    "gradcam-elementwise": GradientMethod("GradCAMElementWise", "Grad-CAM element-wise"),
    "eigengradcam": GradientMethod("EigenGradCAM", "EigenGrad-CAM"),
}


def gradient_heatmap(
    predictor: TorchPredictor, tensor: FloatArray, label: Label, index: int, *, method: str, target: HeatmapTarget
) -> Heatmap:
    """Make one heatmap of one image, (1, C, H, W), at feature size, as the package computes it before it cuts and stretches.

    Values are in logits for Grad-CAM and HiResCAM; the other methods have units of their own.

    Raises:
        EngineUnavailable: the package is not installed.
        ExplanationUnavailable: it has no such method, or the network's features are no maps.
    """
    if method not in METHODS:
        raise ExplanationUnavailable(f"there is no method '{method}'.", hint=f"Choose one of {', '.join(METHODS)}.")
    features, gradient = predictor.features_and_gradient(tensor, index, target)
    if features.ndim != 4:
        raise ExplanationUnavailable("the features of this network are no maps.")
    cam = _cam_class(METHODS[method].class_name)(predictor.network, [])
    arrays = features.cpu().numpy(), gradient.cpu().numpy()
    values = cam.get_cam_image(predictor.to_tensor(tensor), None, [], *arrays, False)  # noqa: FBT003 - the package's own order
    cam.activations_and_grads.release()
    return Heatmap(label=label, values=read_only(np.asarray(values[0], np.float32)), target=target, method=METHODS[method].title)


def _cam_class(name: str) -> Any:
    make_importable()
    try:
        import pytorch_grad_cam
    except ImportError as error:
        raise EngineUnavailable("the package grad-cam is not installed.", hint=f"{how_to_get('train').capitalize()}.") from error
    return getattr(pytorch_grad_cam, name)
