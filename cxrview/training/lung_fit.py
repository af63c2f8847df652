"""The training loop of a lung network, with a checkpoint after each epoch."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cxrview.training.events import EventLog
from cxrview.training.fit import is_bf16_chosen
from cxrview.training.lung_recipe import LungFitRecipe
from cxrview.training.mask_examples import MaskPictures
from cxrview.training.recipe import Precision

if TYPE_CHECKING:
    from torch import Generator, Tensor, nn

SMOOTH_PX = 1.0
GRAY_MEAN, GRAY_STD = 0.5, 0.25


def fit_lungs(
    network: nn.Module,
    pictures: MaskPictures,
    labels: tuple[str, ...],
    fit: LungFitRecipe,
    members: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]],
    run: Path,
    *,
    resume: bool = False,
    report: Callable[[str], None] = lambda _: None,
) -> nn.Module:
    """Train on the first of `members` and watch the Dice of the second; give the averaged network.

    What is drawn and how it is changed depends on the seed and the epoch alone, so that a resumed run goes on as if it had not stopped.
    """
    import torch

    chosen, watched = members
    gray, masks = torch.from_numpy(pictures.gray), torch.from_numpy(pictures.masks)
    own = torch.tensor([labels.index(example.label) for example in pictures.examples])
    is_bf16 = is_bf16_chosen(Precision.AUTO, "cpu")
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    averaged = torch.optim.swa_utils.AveragedModel(network, avg_fn=partial(_blend, fit.average), use_buffers=True)
    optimiser = torch.optim.AdamW(network.parameters(), lr=fit.learning_rate, weight_decay=fit.weight_decay)
    steps = fit.epochs * (len(chosen) // fit.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, fit.learning_rate, total_steps=steps, pct_start=0.15)
    checkpoint = run / "checkpoints" / "last.pt"
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    state = {"network": network, "averaged": averaged, "optimiser": optimiser, "schedule": schedule}
    first = _restored(checkpoint, state) if resume else 0
    events = EventLog(run / "events.jsonl")
    for epoch in range(first, fit.epochs):
        started = time.monotonic()
        generator = torch.Generator().manual_seed(fit.seed * 100_003 + epoch)
        order = torch.from_numpy(chosen)[torch.randperm(len(chosen), generator=generator)]
        network.train()
        total = 0.0
        for start in range(0, len(order) - fit.batch + 1, fit.batch):
            index = order[start : start + fit.batch]
            x, wanted = _changed(gray[index], masks[index], fit, generator)
            with torch.autocast("cpu", torch.bfloat16, enabled=is_bf16):
                _, pixels = network(x.to(memory_format=torch.channels_last))
            loss = lung_loss(pixels.float(), wanted, own[index])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
            optimiser.step()
            schedule.step()
            averaged.update_parameters(network)
            total += float(loss.detach())
        dice = watched_dice(averaged.module, gray[watched], masks[watched], own[watched])
        _keep(checkpoint, state, epoch + 1)
        seconds = time.monotonic() - started
        mean_loss = total / max(1, len(order) // fit.batch)
        events.write("epoch", epoch=epoch + 1, epochs=fit.epochs, seconds=seconds, train_loss=mean_loss, monitor=dice)
        report(f"epoch {epoch + 1}/{fit.epochs}  loss {mean_loss:.4f}  dice {dice:.4f}  {seconds:.0f} s")
    trained: nn.Module = averaged.module
    return trained


def lung_loss(pixels: Tensor, wanted: Tensor, own: Tensor) -> Tensor:
    """Binary cross-entropy and soft Dice on each mask's own label; cross-entropy on the other label where both must agree.

    Args:
        pixels: logits (N, 2, h, w).
        wanted: the mask (N, h, w), 0 to 1.
        own: (N,) 0 for a mask of the inner label, 1 for one of the outer; the inner region lies in the outer.
    """
    import torch
    from torch.nn import functional

    rows = torch.arange(len(pixels))
    mine = pixels[rows, own]
    entropy = functional.binary_cross_entropy_with_logits(mine, wanted)
    chance = torch.sigmoid(mine)
    overlap = 2 * (chance * wanted).sum((1, 2)) + SMOOTH_PX
    dice = 1 - overlap / (chance.sum((1, 2)) + wanted.sum((1, 2)) + SMOOTH_PX)
    if pixels.shape[1] == 1:
        return entropy + dice.mean()
    other = pixels[rows, 1 - own]
    is_inner = (own == 0).view(-1, 1, 1)
    agrees = torch.where(is_inner, wanted > 0.99, wanted < 0.01).float()  # lung for the outer label; no lung for the inner one
    borrowed = functional.binary_cross_entropy_with_logits(other, is_inner.float().expand_as(other), reduction="none")
    return entropy + dice.mean() + 0.5 * (borrowed * agrees).sum() / agrees.sum().clamp_min(1)


def watched_dice(network: nn.Module, gray: Tensor, masks: Tensor, own: Tensor) -> float:
    """Give the mean Dice at the network's input size, before any clean-up."""
    import torch
    from torch.nn import functional

    network.eval()
    values: list[float] = []
    with torch.no_grad():
        for index in torch.split(torch.arange(len(gray)), 32):
            _, pixels = network(_normalised(gray[index].float()))
            mine = pixels[torch.arange(len(index)), own[index]].float()
            full = functional.interpolate(mine[:, None], size=masks.shape[1:], mode="bilinear", align_corners=False)[:, 0] > 0
            truth = masks[index] > 0
            both = (full & truth).sum((1, 2)).float()
            values += (2 * both / (full.sum((1, 2)) + truth.sum((1, 2))).clamp_min(1)).tolist()
    return float(np.mean(values))


def _blend(decay: float, average: Tensor, now: Tensor, _: Tensor | int) -> Tensor:
    """Move an averaged tensor a little towards the one in training; counters are taken as they are."""
    return average * decay + now * (1 - decay) if average.is_floating_point() else now


def _normalised(gray: Tensor) -> Tensor:
    return (gray[:, None] / 255.0 - GRAY_MEAN) / GRAY_STD


def _changed(gray: Tensor, masks: Tensor, fit: LungFitRecipe, generator: Generator) -> tuple[Tensor, Tensor]:
    """Move pictures and masks alike, then change the gray levels; x (N, 1, H, W) and masks (N, H/2, W/2)."""
    import torch
    from torch.nn import functional

    count, height, width = gray.shape

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(count, generator=generator) * (high - low) + low

    angle, zoom = (
        torch.deg2rad(uniform(-fit.rotate_deg, fit.rotate_deg)),
        1 / torch.exp(uniform(np.log(fit.scale_low), np.log(fit.scale_high))),
    )
    ratio = torch.exp(uniform(-fit.stretch, fit.stretch) / 2)
    matrix = torch.zeros(count, 2, 3)
    matrix[:, 0, 0], matrix[:, 0, 1] = torch.cos(angle) * zoom * ratio, -torch.sin(angle) * zoom
    matrix[:, 1, 0], matrix[:, 1, 1] = torch.sin(angle) * zoom, torch.cos(angle) * zoom / ratio
    matrix[:, 0, 2], matrix[:, 1, 2] = uniform(-2 * fit.translate, 2 * fit.translate), uniform(-2 * fit.translate, 2 * fit.translate)
    both = torch.stack([gray.float() / 255.0, masks.float()], dim=1)
    grid = functional.affine_grid(matrix, [count, 2, height, width], align_corners=False)
    moved = functional.grid_sample(both, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    x = moved[:, :1].clamp_min(0)
    exponent = torch.exp(uniform(-np.log1p(fit.gamma), np.log1p(fit.gamma))).view(-1, 1, 1, 1)
    contrast, shift = (
        uniform(1 - fit.contrast, 1 + fit.contrast).view(-1, 1, 1, 1),
        uniform(-fit.brightness, fit.brightness).view(-1, 1, 1, 1),
    )
    x = (x**exponent - 0.5) * contrast + 0.5 + shift
    if float(torch.rand(1, generator=generator)) < 0.5:
        x = _blurred(x, float(torch.rand(1, generator=generator)) * fit.blur_px)
    if fit.clouds > 0:
        x = torch.maximum(x, x + _clouds(count, (height, width), fit.clouds, generator))
    sigma = uniform(0, fit.noise / 255.0).view(-1, 1, 1, 1)
    x = (x + sigma * torch.randn(x.shape, generator=generator)).clamp(0, 1)
    return (x - GRAY_MEAN) / GRAY_STD, functional.avg_pool2d(moved[:, 1:], 2)[:, 0]


def _clouds(count: int, size: tuple[int, int], strength: float, generator: Generator) -> Tensor:
    """Give up to three soft bright clouds for about half of the pictures, (count, 1, H, W), 0 to `strength`."""
    import torch

    rows, columns = torch.meshgrid(torch.linspace(0, 1, size[0]), torch.linspace(0, 1, size[1]), indexing="ij")
    total = torch.zeros(count, *size)
    for _ in range(3):
        draw = torch.rand(count, 5, generator=generator).view(count, 5, 1, 1)
        width, height = 0.06 + 0.2 * draw[:, 2], 0.06 + 0.2 * draw[:, 3]
        distance = ((columns - draw[:, 0]) / width) ** 2 + ((rows - draw[:, 1]) / height) ** 2
        total = total + (draw[:, 4] - 0.4).clamp_min(0) / 0.6 * torch.exp(-0.5 * distance)
    chosen = (torch.rand(count, generator=generator) < 0.5).float().view(count, 1, 1)
    return (strength * chosen * total.clamp_max(1.0))[:, None]


def _blurred(x: Tensor, sigma: float) -> Tensor:
    import torch
    from torch.nn import functional

    if sigma < 0.2:
        return x
    radius = int(np.ceil(2 * sigma))
    line = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma) ** 2)
    line = line / line.sum()
    padded = functional.pad(x, (radius,) * 4, mode="reflect")
    return functional.conv2d(functional.conv2d(padded, line.view(1, 1, 1, -1)), line.view(1, 1, -1, 1))


def _keep(path: Path, state: dict[str, object], epoch: int) -> None:
    import torch

    partial = path.with_suffix(".partial")
    torch.save({name: part.state_dict() for name, part in state.items()} | {"epoch": epoch}, partial)  # type: ignore[attr-defined]
    partial.replace(path)


def _restored(path: Path, state: dict[str, object]) -> int:
    import torch

    if not path.is_file():
        return 0
    stored = torch.load(path, map_location="cpu", weights_only=True)
    for name, part in state.items():
        part.load_state_dict(stored[name])  # type: ignore[attr-defined]
    return int(stored["epoch"])
