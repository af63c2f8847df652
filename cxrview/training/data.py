"""Pictures as torch data: augmented, drawn by chance for training, in order for validation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from cxrview.core.manifest import InputSpec
from cxrview.core.prepare import normalise
from cxrview.engine.torchvision_ops import make_importable
from cxrview.training.recipe import AugmentRecipe
from cxrview.training.targets import Targets

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor
    from torch.utils.data import DataLoader

Stack = npt.NDArray[np.uint8]


def augmenter(recipe: AugmentRecipe) -> Callable[..., Tensor]:
    """Make the random change of one picture, (C, H, W) uint8 to the same; it draws from torch's global generator.

    Given a mask too, (1, H, W) uint8, it moves the mask with the picture and gives both, one above the other.
    """
    make_importable()
    import torch
    from torchvision.transforms import v2

    affine = v2.RandomAffine(
        degrees=recipe.rotate_deg,
        translate=(recipe.translate, recipe.translate),
        scale=(recipe.scale_low, recipe.scale_high),
        interpolation=v2.InterpolationMode.BILINEAR,
    )
    jitter = v2.ColorJitter(brightness=recipe.brightness, contrast=recipe.contrast)
    erase = v2.RandomErasing(p=recipe.erase, scale=(0.02, 0.10), value=0)
    flip = v2.RandomHorizontalFlip(recipe.flip)

    def stretched(picture: Tensor) -> Tensor:
        height, width = picture.shape[-2:]
        ratio = float(torch.empty(1).uniform_(-recipe.stretch, recipe.stretch).exp())
        size = [max(8, round(height * ratio**0.5)), max(8, round(width / ratio**0.5))]
        changed: Tensor = v2.functional.center_crop(v2.functional.resize(picture, size, antialias=True), [height, width])
        return changed

    def blurred(picture: Tensor) -> Tensor:
        """Blur half of the pictures; OpenCV takes a twentieth of torchvision's time for it."""
        if recipe.blur_px <= 0 or float(torch.rand(1)) >= 0.5:
            return picture
        sigma = float(torch.empty(1).uniform_(0.1, max(recipe.blur_px, 0.11)))
        planes = [cv2.GaussianBlur(plane, (5, 5), sigma, borderType=cv2.BORDER_REFLECT_101) for plane in picture.numpy()]
        return torch.from_numpy(np.stack(planes))

    def toned(picture: Tensor) -> Tensor:
        values = picture.float() / 255.0
        if recipe.gamma > 0:
            log = float(np.log1p(recipe.gamma))
            values = values ** float(torch.empty(1).uniform_(-log, log).exp())
        if recipe.noise > 0:
            sigma = float(torch.rand(1)) * recipe.noise / 255.0
            values = values + sigma * torch.randn_like(values)
        return (values.clamp(0, 1) * 255.0).round().to(torch.uint8)

    def change(picture: Tensor, mask: Tensor | None = None) -> Tensor:
        channels = len(picture)
        moved = picture if mask is None else torch.cat([picture, mask])
        if recipe.stretch > 0:
            moved = stretched(moved)
        moved = affine(flip(moved))
        changed: Tensor = erase(toned(jitter(blurred(moved[:channels]))))
        return changed if mask is None else torch.cat([changed, moved[channels:]])

    return change


def training_batches(
    stack: Stack,
    targets: Targets,
    chances: npt.NDArray[np.float64],
    spec: InputSpec,
    augment: AugmentRecipe,
    *,
    batch: int,
    epoch_images: int,
    seed: int,
    lungs: Stack | None = None,
) -> DataLoader[tuple[Tensor, ...]]:
    """Make the training loader: (x, wanted, weight) batches of images drawn by `chances`.

    With `lungs`, (N, H, W) uint8 of 0 and 1, a fourth tensor (B, H, W), 0 to 1, says where they came to lie.

    What is drawn in an epoch, and how it is changed, depends on `seed` and the epoch's number alone, so that a resumed
    run goes on as if it had not stopped; set the number with `loader.batch_sampler.set_epoch`.
    """
    import torch
    from torch import Tensor
    from torch.utils.data import DataLoader, Dataset, Sampler

    change = augmenter(augment)

    class Drawn(Dataset[tuple[Tensor, ...]]):
        """Augmented pictures."""

        def __len__(self) -> int:
            return len(stack)

        def __getitem__(self, drawn: tuple[int, int]) -> tuple[Tensor, ...]:
            index, own_seed = drawn
            mask = None if lungs is None else torch.from_numpy(lungs[index][np.newaxis] * np.uint8(255))
            with torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(own_seed)  # torch.manual_seed formats a stack for CUDA at each call
                changed = change(torch.from_numpy(stack[index]), mask).numpy()
            channels = spec.channels.planes
            x = torch.from_numpy(normalise(changed[:channels], spec)[0])
            about = (torch.from_numpy(targets.wanted[index]), torch.from_numpy(targets.weight[index]))
            return (x, *about) if mask is None else (x, *about, torch.from_numpy(changed[channels] / np.float32(255.0)))

    class Draw(Sampler[list[tuple[int, int]]]):
        """Draws batches of indices, each with the seed of its change; an image is used up before it comes again."""

        def __init__(self) -> None:
            self._epoch = 0
            self.sampler = self  # where Lightning looks for `set_epoch` before it starts an epoch

        def set_epoch(self, epoch: int) -> None:
            self._epoch = epoch

        def __len__(self) -> int:
            return max(1, epoch_images // batch)

        def __iter__(self) -> Iterator[list[tuple[int, int]]]:
            random = np.random.default_rng([seed, self._epoch])
            order = _systematic(chances, len(self) * batch, random).tolist()
            seeds = random.integers(2**62, size=len(order)).tolist()
            drawn = list(zip(order, seeds, strict=True))
            for start in range(0, len(drawn), batch):
                yield drawn[start : start + batch]

    return DataLoader(Drawn(), batch_sampler=Draw())


def _systematic(chances: npt.NDArray[np.float64], count: int, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """Draw `count` indices with the given chances by systematic sampling: each comes floor or ceil of its expected times."""
    shuffled = random.permutation(len(chances))
    ends = np.cumsum(chances[shuffled])
    points = (np.arange(count) + random.random()) * (ends[-1] / count)
    drawn = shuffled[np.minimum(np.searchsorted(ends, points, side="right"), len(chances) - 1)]
    return random.permutation(drawn)


def validation_batches(stack: Stack, targets: Targets, spec: InputSpec, *, batch: int) -> DataLoader[tuple[Tensor, ...]]:
    """Make the loader of unchanged pictures in their order."""
    import torch
    from torch import Tensor
    from torch.utils.data import DataLoader, Dataset

    class Plain(Dataset[tuple[Tensor, ...]]):
        """Pictures as the viewer prepares them."""

        def __len__(self) -> int:
            return len(stack)

        def __getitem__(self, index: int) -> tuple[Tensor, ...]:
            x = torch.from_numpy(normalise(stack[index], spec)[0])
            return x, torch.from_numpy(targets.wanted[index]), torch.from_numpy(targets.weight[index])

    return DataLoader(Plain(), batch_size=batch)
