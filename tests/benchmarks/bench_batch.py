"""Scoring end to end beside the machine's limit and beside a plain loop: `python -m tests.benchmarks.bench_batch [--corpus DIR]`.

Medians of interleaved rounds in one process. The limit is cores ÷ (processor seconds to decode and prepare one file + processor
seconds of the network), each measured alone in the same run. On a machine that others use, wall time measures them as well: the share
by processor time, what one image should cost over what it did cost, does not.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from cxrview.batch.bench import _copies, _cost, _originals
from cxrview.batch.plan import Plan
from cxrview.batch.score import ScoreJob, score_images
from cxrview.batch.worker import cores, open_job
from cxrview.core.image import ImageRef
from cxrview.core.manifest import Architecture
from cxrview.core.prepare import prepare
from cxrview.engine.openvino import has_bfloat16
from cxrview.engine.packages import Package, find_package
from cxrview.engine.torch import TorchPredictor
from cxrview.io.read import read_pixels
from tests.engine.conftest import random_package

SIDE = 224
LABELS = 14
LIMIT_AT_LEAST = 0.90
# Against the plain loop: with ONNX Runtime, with OpenVINO; on small films, and where decoding is most of the work.
TIMES = {"corpus": (2.0, 6.0), "2000 px": (2.0, 3.0)}


def plain_loop(package: Package) -> Callable[[Sequence[Path]], None]:
    """The loop that people write: one image at a time, torch eager on all cores, resized by torch."""
    import pydicom
    import torch
    from PIL import Image

    network = TorchPredictor(package).network

    def read(path: Path) -> np.ndarray:
        if path.suffix == ".dcm":
            return np.asarray(pydicom.dcmread(path).pixel_array, np.float32)
        values = np.asarray(Image.open(path).convert("RGB") if path.suffix != ".png" else Image.open(path), np.float32)
        return values.mean(axis=2) if values.ndim == 3 else values

    def run(paths: Sequence[Path]) -> None:
        for path in paths:
            values = read(path)
            scaled = (2 * (values / max(float(values.max()), 1.0)) - 1.0) * 1024
            tensor = torch.from_numpy(scaled)[None, None]
            small = torch.nn.functional.interpolate(tensor, (SIDE, SIDE), mode="bilinear", antialias=True).repeat(1, 3, 1, 1)
            with torch.no_grad():
                network(small)

    return run


def ours(job: ScoreJob, paths: Sequence[Path]) -> None:
    for _ in score_images([ImageRef(path) for path in paths], job):
        pass


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and processor seconds of this process."""
    wall, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - used


def one_image(job: ScoreJob, paths: Sequence[Path]) -> float:
    """Processor seconds of one image, each step alone on one thread."""
    spec = job.package.manifest.input
    step = max(1, len(paths) // 12)
    sample = [ImageRef(path) for path in paths[::step]]
    decode = statistics.mean(_cost(partial(read_pixels, ref), 3) for ref in sample)
    pixels = [read_pixels(ref) for ref in sample[:4]]
    ready = statistics.mean(_cost(partial(prepare, each, spec), 3) for each in pixels)
    tensor = prepare(pixels[0], spec).tensor
    return decode + ready + _cost(partial(job.predictor.run, tensor), 9)


def compare(name: str, package: Package, jobs: dict[str, ScoreJob], paths: Sequence[Path], rounds: int) -> bool:
    loop = plain_loop(package)
    walls: dict[str, list[float]] = {"plain loop": [], **{each: [] for each in jobs}}
    used: dict[str, list[float]] = {each: [] for each in walls}
    alone: dict[str, list[float]] = {each: [] for each in jobs}
    loop(paths[:2])
    for _ in range(rounds):
        for each, work in {"plain loop": partial(loop, paths), **{each: partial(ours, job, paths) for each, job in jobs.items()}}.items():
            wall, processor = timed(work)
            walls[each].append(wall)
            used[each].append(processor)
        for each, job in jobs.items():
            alone[each].append(one_image(job, paths))
    print(f"{name}: {len(paths)} files, {rounds} interleaved rounds, {cores()} cores")
    is_good = True
    for each in walls:
        rate = len(paths) / statistics.median(walls[each])
        times = statistics.median(one / two for one, two in zip(walls["plain loop"], walls[each], strict=True))
        line = f"  {each:16} {rate:7.1f} images/s   {times:5.2f} x the plain loop"
        if each in jobs:
            costs = alone[each]
            by_wall = statistics.median(cost * len(paths) / cores() / wall for cost, wall in zip(costs, walls[each], strict=True))
            by_processor = statistics.median(cost * len(paths) / spent for cost, spent in zip(costs, used[each], strict=True))
            line += f"   {by_wall:5.2f} of the limit by wall, {by_processor:5.2f} by processor time"
            is_good &= by_wall >= LIMIT_AT_LEAST and times >= TIMES[name][each != "onnx"]
        print(line)
    return is_good


def main() -> int:
    """Print the tables; the exit status is 1 when a required ratio is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, help="a folder of real films")
    parser.add_argument("--count", type=int, default=96, help="files of the corpus, and of the mix")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        made = random_package(Path(scratch) / "package", Architecture("densenet121"), side=SIDE, labels=LABELS)
        package = find_package(str(made.folder))
        engines = ["onnx", *(["openvino"] if has_bfloat16() else [])]
        base = Plan(model=str(made.folder), has_lungs=False)
        jobs = {engine: open_job(replace(base, engine=engine), package)[0] for engine in engines}
        is_good = True
        if asked.corpus:
            found = sorted(asked.corpus.glob("*.jpg"))
            is_good &= compare("corpus", package, jobs, found[:: max(1, len(found) // asked.count)][: asked.count], asked.rounds)
        mixed = _copies(_originals(Path(scratch), 2000), Path(scratch) / "many", asked.count // 2)
        is_good &= compare("2000 px", package, jobs, sorted(mixed.iterdir()), asked.rounds)
        for job in jobs.values():
            job.predictor.close()
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
