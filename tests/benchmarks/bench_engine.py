"""Time of one network on every engine that is here, torch eager = 1: `python -m tests.benchmarks.bench_engine`.

Medians of interleaved runs in one process; a ratio above 1 is so many times faster than torch eager.
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cxrview.core.manifest import Architecture
from cxrview.core.results import FloatArray
from cxrview.engine.onnx import OnnxPredictor
from cxrview.engine.openvino import OpenVinoPredictor, has_bfloat16
from cxrview.engine.packages import Package
from cxrview.engine.torch import TorchPredictor
from tests.engine.conftest import random_package

SIDE = 224
LABELS = 14
# Required of ONNX Runtime against torch eager, and of OpenVINO against ONNX Runtime.
ONNX_AT_LEAST = 1.8
OPENVINO_AT_LEAST = 1.0

Run = Callable[[FloatArray], object]


def medians(runs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Time every run in turn, `rounds` times; give each one's median in seconds."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(each) for name, each in times.items()}


def engines(package: Package) -> dict[str, Run]:
    """Open the package on every engine and precision that is here."""
    runs: dict[str, Run] = {"torch eager": TorchPredictor(package).run, "ONNX Runtime": OnnxPredictor(package, cache_dir=None).run}
    if importlib.util.find_spec("openvino") is None:
        return runs
    runs["OpenVINO fp32"] = OpenVinoPredictor(package, precision="f32").run
    if has_bfloat16():
        runs["OpenVINO bf16"] = OpenVinoPredictor(package, precision="bf16").run
    if importlib.util.find_spec("nncf") is not None:
        runs["OpenVINO int8"] = quantised(package)
    return runs


def quantised(package: Package) -> Run:
    """Quantise the network to int8 on noise: right for its speed, not for its answers."""
    import logging

    import nncf
    import openvino

    logging.getLogger("nncf").setLevel(logging.ERROR)
    core = openvino.Core()
    random = np.random.default_rng(1)
    samples = [random.normal(0, 1, (1, 3, SIDE, SIDE)).astype(np.float32) for _ in range(8)]
    network = nncf.quantize(core.read_model(package.folder / package.manifest.graph), nncf.Dataset(samples), subset_size=len(samples))
    compiled = core.compile_model(
        network, "CPU", {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "bf16" if has_bfloat16() else "f32"}
    )
    request: Any = compiled.create_infer_request()
    return lambda batch: request.infer({"image": batch}, share_inputs=True)


def main() -> int:
    """Print the table; the exit status is 1 when a required ratio is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="densenet121")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 16])
    asked = parser.parse_args()
    is_good = True
    with tempfile.TemporaryDirectory() as folder:
        package = random_package(Path(folder) / "package", Architecture(asked.network), side=SIDE, labels=LABELS)
        runs = engines(package)
        print(f"{asked.network}, {SIDE} px, {asked.rounds} interleaved rounds; times faster than torch eager")
        for count in asked.batches:
            batch = np.random.default_rng(2).normal(0, 1, (count, 3, SIDE, SIDE)).astype(np.float32)
            rounds = asked.rounds if count > 1 else 3 * asked.rounds
            found = medians({name: functools.partial(run, batch) for name, run in runs.items()}, rounds)
            for name, seconds in found.items():
                print(f"  batch {count:2}  {name:14} {1000 * seconds:9.1f} ms  {found['torch eager'] / seconds:6.2f}x")
            is_good &= found["torch eager"] / found["ONNX Runtime"] >= ONNX_AT_LEAST
            is_good &= found["ONNX Runtime"] / min(each for name, each in found.items() if name != "torch eager") >= OPENVINO_AT_LEAST
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
