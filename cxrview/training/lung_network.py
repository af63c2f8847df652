"""The lung network: a U-Net over a small encoder, whose features are the pixel logits of its labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cxrview.engine.torchvision_ops import make_importable
from cxrview.training.foreign import with_planes

if TYPE_CHECKING:
    from torch import Tensor, nn

ENCODER = "tf_efficientnet_lite0"  # as timm names it
DEPTH, STAGES = 4, 5  # down to a sixteenth, and its blocks of layers until there
DECODER = (64, 32, 16)
# What sees edges and nothing larger stays as the first weights have it: it costs most of the time and has least to learn.
IDLE = ("conv_stem.", "bn1.", "blocks.0.", "blocks.1.")


def lung_network(labels: int) -> nn.Module:
    """Build it with random weights: (N, 1, H, W) to logits (N, labels) and pixel logits (N, labels, H/2, W/2).

    The U-Net (Ronneberger et al., MICCAI 2015) of segmentation-models-pytorch over the first stages of an EfficientNet-Lite0, down to a
    sixteenth, ending at half the input's size, which is finer than people draw; H and W are multiples of 16. The logits are the
    log of the mean of the pixel logits' exponentials over the picture.
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
            self.encoder = get_encoder(f"tu-{ENCODER}", in_channels=1, depth=DEPTH, weights=None)
            del self.encoder.model.blocks[STAGES:]  # what lies below a sixteenth is not asked for
            self.decoder = UnetDecoder(self.encoder.out_channels[1:], DECODER, n_blocks=len(DECODER))
            self.pixels = SegmentationHead(DECODER[-1], labels, kernel_size=3)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            pixels: Tensor = self.pixels(self.decoder(self.encoder(x)[1:]))
            highest = pixels.amax(dim=(2, 3), keepdim=True)
            whole = highest[:, :, 0, 0] + torch.log(torch.exp(pixels - highest).mean(dim=(2, 3)))
            return whole, pixels

    return LungNetwork()


def start_from(network: nn.Module, weights: Mapping[str, Tensor]) -> int:
    """Put the tensors of a classifier of the same name into the encoder, and let its first stages stay; give how many fitted."""
    own = network.state_dict()
    named = with_planes({f"encoder.model.{key.removeprefix('backbone.body.')}": value for key, value in weights.items()}, own)
    fitting = {key: value.to(own[key].dtype) for key, value in named.items() if key in own and own[key].shape == value.shape}
    network.load_state_dict(fitting, strict=False)
    if fitting:
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(not name.removeprefix("encoder.model.").startswith(IDLE))
    return len(fitting)
