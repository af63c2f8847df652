"""What others do, to measure beside: the loop that people write around torch, and the grad-cam package."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cxrview.core.errors import EngineUnavailable
from cxrview.core.image import ImageRef
from cxrview.core.prepare import prepare
from cxrview.core.results import FloatArray, HeatmapTarget
from cxrview.engine.packages import WEIGHTS_NAME, Package
from cxrview.engine.present import against_torch_cpu
from cxrview.io.read import read_pixels

if TYPE_CHECKING:
    from cxrview.engine.torch import TorchPredictor

GRAD_CAM = "gradcam"


def torch_loop(package: Package) -> Callable[[Sequence[ImageRef]], None]:
    """Give the plain loop: one image after the other is read, prepared and run by torch in eager mode, on all cores.

    Raises:
        EngineUnavailable: torch or the weights are not here.
    """
    predictor = _torch(package)

    def run(refs: Sequence[ImageRef]) -> None:
        for ref in refs:
            predictor.run(prepare(read_pixels(ref), package.manifest.input).tensor)

    return run


def gradient_maps(package: Package, tensor: FloatArray) -> Callable[[], object]:
    """Give what makes the heatmaps of all labels of one image, (1, C, H, W), with the grad-cam package.

    Raises:
        EngineUnavailable: torch, the weights or the package are not here.
        ExplanationUnavailable: the network's features are no maps.
    """
    from cxrview.engine.grad_cam import gradient_heatmap

    predictor = _torch(package)
    labels = package.manifest.labels

    def run() -> None:
        for index, label in enumerate(labels):
            gradient_heatmap(predictor, tensor, label, index, method=GRAD_CAM, target=HeatmapTarget.LOGIT)

    run()  # what is not installed shows here
    return run


def _torch(package: Package) -> TorchPredictor:
    against = against_torch_cpu()
    if against:
        raise EngineUnavailable(against)
    if package.members or WEIGHTS_NAME not in package.manifest.files:
        raise EngineUnavailable("this package has no weights for torch.")
    from cxrview.engine.torch import TorchPredictor

    return TorchPredictor(package)
