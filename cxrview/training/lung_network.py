"""The lung network: a U-Net over a residual encoder, whose features are the pixel logits of its labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cxrview.engine.torchvision_ops import make_importable

if TYPE_CHECKING:
    from torch import Tensor, nn

ENCODER = "resnet18"
DEPTH = 4
DECODER = (128, 64, 32)


def lung_network(labels: int) -> nn.Module:
    """Build it with random weights: (N, 1, H, W) to logits (N, labels) and pixel logits (N, labels, H/2, W/2).

    The U-Net (Ronneberger et al., MICCAI 2015) of segmentation-models-pytorch over the first four stages of a ResNet-18,
    ending at half the input's size, which is finer than people draw; H and W are multiples of 16. The logits are the log
    of the mean of the pixel logits' exponentials over the picture.
    """
    make_importable()
    import torch
    from segmentation_models_pytorch.base import SegmentationHead
    from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder
    from segmentation_models_pytorch.encoders import get_encoder
    from torch import nn

    class LungNetwork(nn.Module):
        """Encoder, decoder, and the logits of the whole picture."""

        def __init__(self) -> None:
            super().__init__()
            self.encoder = get_encoder(ENCODER, in_channels=1, depth=DEPTH, weights=None)
            del self.encoder.layer4  # the stage that a depth of 4 leaves out
            self.decoder = UnetDecoder(self.encoder.out_channels[1:], DECODER, n_blocks=len(DECODER))
            self.pixels = SegmentationHead(DECODER[-1], labels, kernel_size=3)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            pixels: Tensor = self.pixels(self.decoder(self.encoder(x)[1:]))
            highest = pixels.amax(dim=(2, 3), keepdim=True)
            whole = highest[:, :, 0, 0] + torch.log(torch.exp(pixels - highest).mean(dim=(2, 3)))
            return whole, pixels

    return LungNetwork()


def start_from(network: nn.Module, weights: Mapping[str, Tensor]) -> int:
    """Put the tensors of a ResNet-18 classifier into the encoder; give how many fitted."""
    own = network.state_dict()
    names = {f"encoder.{key.removeprefix('backbone.body.')}": value for key, value in weights.items()}
    fitting = {key: value.to(own[key].dtype) for key, value in names.items() if key in own and own[key].shape == value.shape}
    network.load_state_dict(fitting, strict=False)
    return len(fitting)
