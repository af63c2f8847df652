"""The learning-rate range test: the rate rises exponentially from batch to batch while the loss is watched (Smith 2017)."""

from __future__ import annotations

import csv
import itertools
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxrview.training.chart import Line, line_chart
from cxrview.training.phases import assemble, phase_fit

if TYPE_CHECKING:
    from cxrview.training.run import Plan

SMOOTHING = 0.85  # of the exponential mean of the loss
DIVERGED = 4.0  # times the least smoothed loss: nothing is learned beyond
WINDOW = 5  # steps to each side over which the slope is measured


@dataclass(frozen=True, slots=True)
class RangeResult:
    """What a range test saw: the rates in rising order, the smoothed losses, and the rate to train with."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    suggestion: float


def run_range_test(plan: Plan, run: Path, *, report: Callable[[str], None] = lambda _: None) -> RangeResult:
    """Test the learning rate of the recipe's first phase on a network of its own, which is thrown away.

    Writes `report/range-test.csv`, `.json` and `.svg`. It runs on the processor in float32, so that the same plan gives the same curve.
    """
    import torch

    from cxrview.training.initial import initial_network
    from cxrview.training.task import freeze

    recipe, test = plan.recipe, plan.recipe.range_test
    report(f"Range test: {test.steps} steps with a rising learning rate.")
    fit = phase_fit(recipe.phases[0], recipe.fit) if recipe.phases else recipe.fit
    network = initial_network(recipe, plan.labels)
    learner: Any  # Any: torch types every attribute of a module as a tensor or a module
    learner, (batches, _) = assemble(plan, network, fit, plan.members("train"))
    network.train()
    freeze(network, fit, epoch=0)
    optimiser = learner.optimiser()
    growth = (test.high / test.low) ** (1 / max(1, test.steps - 1))
    rates: list[float] = []
    losses: list[float] = []
    smooth = 0.0
    torch.manual_seed(fit.seed)
    for step, batch in enumerate(itertools.islice(itertools.chain.from_iterable(itertools.repeat(batches)), test.steps)):
        rates.append(test.low * growth**step)
        for group in optimiser.param_groups:
            group["lr"] = rates[-1]
        value = learner.loss_of(batch)
        optimiser.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        smooth = SMOOTHING * smooth + (1 - SMOOTHING) * float(value.detach())
        losses.append(smooth / (1 - SMOOTHING ** (step + 1)))
        if not math.isfinite(losses[-1]) or losses[-1] > DIVERGED * min(losses):
            break
    result = RangeResult(tuple(rates), tuple(losses), suggest(rates, losses))
    _write(result, run / "report")
    report(f"Range test: the loss falls most steeply at a learning rate of {result.suggestion:.2g}.")
    return result


def read_range_test(run: Path) -> RangeResult | None:
    """Read the range test of a run; None when there was none, or it is not finished."""
    folder = run / "report"
    try:
        with (folder / "range-test.csv").open(encoding="utf-8", newline="") as stream:
            rows = [(float(row["learning_rate"]), float(row["smoothed_loss"])) for row in csv.DictReader(stream)]
        suggestion = float(json.loads((folder / "range-test.json").read_text(encoding="utf-8"))["suggestion"])
    except (OSError, ValueError, KeyError):
        return None
    return RangeResult(tuple(rate for rate, _loss in rows), tuple(loss for _rate, loss in rows), suggestion)


def suggest(rates: Sequence[float], losses: Sequence[float]) -> float:
    """Choose the rate at which the smoothed loss falls most steeply over the rate's logarithm, before its least value."""
    finite = [number for number, loss in enumerate(losses) if math.isfinite(loss)]
    least = min(finite, key=lambda number: losses[number], default=0)
    inside = range(WINDOW, max(WINDOW + 1, least - WINDOW + 1))
    best = min(inside, key=lambda number: _slope(rates, losses, number), default=0)
    return rates[min(best, len(rates) - 1)]


def _slope(rates: Sequence[float], losses: Sequence[float], number: int) -> float:
    low, high = max(0, number - WINDOW), min(len(rates) - 1, number + WINDOW)
    return (losses[high] - losses[low]) / max(math.log(rates[high] / rates[low]), 1e-9) if high > low else 0.0


def _write(result: RangeResult, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "range-test.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("learning_rate", "smoothed_loss"))
        writer.writerows((f"{rate:.6g}", f"{loss:.6g}") for rate, loss in zip(result.rates, result.losses, strict=True))
    (folder / "range-test.json").write_text(json.dumps({"suggestion": result.suggestion}), encoding="utf-8")
    chart = line_chart(
        [Line("smoothed loss", result.rates, result.losses)],
        title=f"Learning-rate range test; steepest at {result.suggestion:.2g}",
        x_title="learning rate",
        y_title="loss",
        is_log=True,
        mark=result.suggestion,
    )
    (folder / "range-test.svg").write_text(chart, encoding="utf-8")
