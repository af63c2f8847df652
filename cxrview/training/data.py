"""Pictures as torch data: augmented, drawn by chance for training, in order for validation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cxrview.core.manifest import InputSpec
from cxrview.core.prepare import normalise
from cxrview.training.augment import augmented
from cxrview.training.recipe import AugmentRecipe
from cxrview.training.targets import Targets

if TYPE_CHECKING:
    from torch import Tensor
    from torch.utils.data import DataLoader

Stack = npt.NDArray[np.uint8]


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

    class Drawn(Dataset[tuple[Tensor, ...]]):
        """Augmented pictures."""

        def __len__(self) -> int:
            return len(stack)

        def __getitem__(self, drawn: tuple[int, int]) -> tuple[Tensor, ...]:
            index, own_seed = drawn
            mask = None if lungs is None else lungs[index] * np.uint8(255)
            changed = augmented(stack[index], augment, np.random.default_rng(own_seed), mask=mask)
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
