"""The torch engine: rebuilds the network from its weights; for CUDA, and for gradients that algebra does not give."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cxrview.core.errors import EngineUnavailable, ManifestError, PackageError
from cxrview.core.results import FloatArray, Forward, HeatmapTarget
from cxrview.engine.base import Device, EngineName, forwards
from cxrview.engine.nets import build
from cxrview.engine.packages import WEIGHTS_NAME, Package, read_weights

if TYPE_CHECKING:
    from torch import Tensor, nn


class TorchPredictor:
    """Runs the network that `model.toml` names the architecture of, with `weights.safetensors`, in float32.

    Args:
        package: the model.
        device: `cpu` or `cuda`.
        threads: 0 for all cores; torch has one number for the whole process.
    """

    def __init__(self, package: Package, *, device: Device = Device.CPU, threads: int = 0) -> None:
        import torch

        if device is Device.CUDA and not torch.cuda.is_available():
            raise EngineUnavailable("torch finds no CUDA device.", hint="Check the driver, or install a torch with CUDA.")
        if threads:
            torch.set_num_threads(threads)
        with _failing(f"torch cannot put the network on {device}."):
            self._network = _network(package).to(str(device))
        self._device = device

    @property
    def engine(self) -> str:
        """Always `torch`."""
        return str(EngineName.TORCH)

    @property
    def device(self) -> str:
        """`cpu` or `cuda`."""
        return str(self._device)

    @property
    def network(self) -> nn.Module:
        """The network, in evaluation mode."""
        return self._network

    def run(self, batch: FloatArray) -> tuple[Forward, ...]:
        """Run (N, C, H, W) float32."""
        import torch

        with _failing(f"torch cannot run the network on {self._device}."), torch.inference_mode():
            logits, features = self._network(self.to_tensor(batch))
            maps = features.float().cpu().numpy() if features.ndim == 4 else None
            return forwards(logits.float().cpu().numpy(), maps)

    def close(self) -> None:
        """Let go of the network."""
        del self._network

    def to_tensor(self, batch: FloatArray) -> Tensor:
        """Copy an array to the device."""
        import torch

        return torch.tensor(batch, dtype=torch.float32, device=str(self._device))

    def features_and_gradient(self, batch: FloatArray, index: int, target: HeatmapTarget) -> tuple[Tensor, Tensor]:
        """Give the features of one image, (1, K, h, w), and the gradient of the target with respect to them."""
        import torch

        with _failing(f"torch cannot run the network on {self._device}."):
            logits, features = self._network(self.to_tensor(batch))
            (gradient,) = torch.autograd.grad(target_of(logits[0], index, target), features)
            return features.detach(), gradient


@contextmanager
def _failing(sentence: str) -> Iterator[None]:
    """Say in a sentence what torch says in a page: no memory, a device that is gone, an input that does not fit."""
    try:
        yield
    except RuntimeError as error:
        raise EngineUnavailable(sentence, hint=str(error).strip().partition("\n")[0]) from error


def target_of(logits: Tensor, index: int, target: HeatmapTarget) -> Tensor:
    """Give what a heatmap explains, from the logits (L,) of one image."""
    import torch

    if target is HeatmapTarget.LOGIT or len(logits) == 1:
        return logits[index]
    others = torch.cat((logits[:index], logits[index + 1 :]))
    return logits[index] - torch.logsumexp(others, dim=0)


def version() -> str:
    """Give the version of torch."""
    import torch

    return str(torch.__version__)


def has_cuda() -> bool:
    """Tell whether torch finds a CUDA device."""
    import torch

    return bool(torch.cuda.is_available())


def _network(package: Package) -> nn.Module:
    from safetensors.torch import load

    manifest = package.manifest
    content = read_weights(package)
    if manifest.architecture is None or content is None:
        raise EngineUnavailable(
            f"this package has no {WEIGHTS_NAME} with an architecture that torch could rebuild.",
            hint="Use --engine onnx.",
            subject=manifest.id,
        )
    spec = manifest.input
    try:
        network = build(
            manifest.architecture, labels=len(manifest.labels), channels=spec.channels.planes, height=spec.height, width=spec.width
        )
    except ManifestError as error:
        raise EngineUnavailable(error.message, hint="Use --engine onnx.", subject=manifest.id) from error
    try:
        network.load_state_dict(load(content))
    except RuntimeError as error:
        raise PackageError(
            f"{WEIGHTS_NAME} does not fit the architecture {manifest.architecture.name}.", subject=str(package.folder)
        ) from error
    return network.float().eval().requires_grad_(requires_grad=True)
