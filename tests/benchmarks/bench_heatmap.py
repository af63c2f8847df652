"""What all heatmaps of an image cost, against the forward pass and the grad-cam package: `python -m tests.benchmarks.bench_heatmap`.

Medians of interleaved runs in one process.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from cxrview.core.heatmap import heatmaps
from cxrview.core.manifest import Architecture
from cxrview.core.results import HeatmapTarget
from cxrview.engine.onnx import OnnxPredictor
from cxrview.engine.packages import Package
from cxrview.engine.torch import TorchPredictor
from cxrview.engine.torchvision_ops import make_importable
from tests.benchmarks.bench_engine import LABELS, SIDE, medians
from tests.engine.conftest import random_package

MAPS_AT_MOST = 1.05  # forward and all heatmaps, against the forward pass alone
PACKAGE_AT_LEAST = 40.0  # grad-cam for all classes, against forward and all heatmaps


def package_run(predictor: TorchPredictor, image: np.ndarray) -> Any:
    """Give a function that makes the maps of all classes with the grad-cam package."""
    make_importable()
    import torch
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    class LogitsOnly(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = predictor.network

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.network(x)[0]
            return logits

    cam = GradCAM(model=LogitsOnly(), target_layers=[predictor.network.get_submodule("backbone")])
    tensor = torch.tensor(image)
    return lambda: [cam(input_tensor=tensor, targets=[ClassifierOutputTarget(index)]) for index in range(LABELS)]


def compare(package: Package, rounds: int, *, with_package: bool) -> bool:
    """Print the times of one network; tell whether the required ratios hold."""
    predictor = OnnxPredictor(package, cache_dir=None)
    head = package.head
    if head is None:
        raise SystemExit("this network has no heatmaps by algebra")
    labels = package.manifest.labels
    image = np.random.default_rng(2).normal(0, 1, (1, 3, SIDE, SIDE)).astype(np.float32)
    (forward,) = predictor.run(image)
    found = medians(
        {
            "forward": lambda: predictor.run(image),
            "forward and all heatmaps": lambda: heatmaps(predictor.run(image)[0], head, labels),
            "all heatmaps, logit": lambda: heatmaps(forward, head, labels),
            "all heatmaps, one against rest": lambda: heatmaps(forward, head, labels, target=HeatmapTarget.ONE_AGAINST_REST),
        },
        rounds,
    )
    for name, seconds in found.items():
        print(f"  {name:32} {1000 * seconds:9.2f} ms  {seconds / found['forward']:8.3f} x forward")
    ratio = found["forward and all heatmaps"] / found["forward"]
    is_good = ratio <= MAPS_AT_MOST
    if with_package:
        ours = lambda: heatmaps(predictor.run(image)[0], head, labels)  # noqa: E731 - named for the table only
        both = medians({"ours": ours, "grad-cam": package_run(TorchPredictor(package), image)}, max(rounds // 8, 3))
        times = both["grad-cam"] / both["ours"]
        print(f"  {f'grad-cam, {LABELS} classes':32} {1000 * both['grad-cam']:9.2f} ms  {times:8.1f} x ours with its forward pass")
        is_good &= both["grad-cam"] / both["ours"] >= PACKAGE_AT_LEAST
    return is_good


def main() -> int:
    """Print the tables; the exit status is 1 when a required ratio is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=31)
    asked = parser.parse_args()
    is_good = True
    networks = {"densenet121": Architecture("densenet121"), "vgg16, flattened": Architecture("vgg16", head="flatten", head_hidden=(512,))}
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, architecture) in enumerate(networks.items()):
            package = random_package(Path(folder) / str(number), architecture, side=SIDE, labels=LABELS)
            print(f"{name}, {SIDE} px, {LABELS} classes")
            is_good &= compare(package, asked.rounds, with_package=number == 0)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
