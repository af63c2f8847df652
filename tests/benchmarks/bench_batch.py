"""Scoring end to end beside the machine's limit and beside a plain loop: `python -m tests.benchmarks.bench_batch [--corpus DIR]`.

Medians of interleaved rounds. End to end is a whole batch from the list of files to its table, with its second process, its journal and its
threads, from the moment the model is open. The limit is cores ÷ (processor seconds to decode one file + processor seconds of the
network), each measured alone in the same run; preparing the network's input is not in it, and is told beside. On a machine that others
use, wall time measures them as well. The share by processor time does not: what one image should cost over what it did cost here.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import cycle
from pathlib import Path

import numpy as np

from cxrview.batch.bench import Costs, _originals, costs_of
from cxrview.batch.plan import Plan
from cxrview.batch.run import Batch, Request
from cxrview.batch.score import ScoreJob, score_images
from cxrview.batch.worker import cores, open_job
from cxrview.core.image import ImageRef
from cxrview.core.manifest import Architecture, PrecisionCheck
from cxrview.engine.openvino import has_bfloat16
from cxrview.engine.packages import Package, find_package
from cxrview.engine.torch import TorchPredictor
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


def whole(plan: Plan, package: Package, paths: Sequence[Path], scratch: Path) -> float:
    """Score by a whole batch; give the seconds from the open model to the finished table."""
    list_file, output = scratch / "files.txt", scratch / "scores.csv"
    list_file.write_text("".join(f"{path}\n" for path in paths), encoding="utf-8")
    with Batch(Request((), plan, output, list_file=str(list_file)), package) as batch:
        assert batch.ready
        begun = time.perf_counter()
        batch.list_files()
        for _ in batch.steps():
            pass
        counts = batch.finish()
        seconds = time.perf_counter() - begun
    assert counts.rows == len(paths)
    return seconds


def links(originals: Mapping[str, Path], folder: Path, files: int) -> list[Path]:
    """Give so many names to the pictures: what is measured is the processor and not the disk."""
    folder.mkdir()
    given = [folder / f"film-{number}{original.suffix}" for number, original in zip(range(files), cycle(originals.values()), strict=False)]
    for path, original in zip(given, cycle(originals.values()), strict=False):
        os.link(original, path)
    return sorted(given)


def threads(job: ScoreJob, paths: Sequence[Path]) -> None:
    for _ in score_images([ImageRef(path) for path in paths], job):
        pass


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and processor seconds of this process."""
    wall, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - used


def one_image(job: ScoreJob, paths: Sequence[Path]) -> Costs:
    """Take each step alone on one thread, over a dozen of the files."""
    return costs_of(job, {path.name: path for path in of_each_kind(paths, 12)})


def of_each_kind(paths: Sequence[Path], number: int) -> list[Path]:
    """Take about so many of the files, as many of each kind as there are."""
    by_kind = sorted(paths, key=lambda path: (path.suffix, path))
    return by_kind[:: max(1, len(paths) // number)]


def compare(name: str, package: Package, plans: dict[str, Plan], paths: Sequence[Path], asked: argparse.Namespace, scratch: Path) -> bool:
    loop = plain_loop(package)
    looped = of_each_kind(paths, asked.loop)
    jobs = {engine: open_job(plan, package)[0] for engine, plan in plans.items()}
    works: dict[str, Callable[[], object]] = {"plain loop": partial(loop, looped)}
    works |= {engine: partial(threads, job, paths) for engine, job in jobs.items()}
    rates: dict[str, list[float]] = {each: [] for each in (*works, *(f"{engine}, whole" for engine in plans))}
    used: dict[str, list[float]] = {each: [] for each in jobs}
    alone: dict[str, list[Costs]] = {each: [] for each in jobs}
    loop(looped[:2])
    for _ in range(asked.rounds):
        wall, _processor = timed(works["plain loop"])
        rates["plain loop"].append(len(looped) / wall)
        for engine, job in jobs.items():
            wall, processor = timed(works[engine])
            rates[engine].append(len(paths) / wall)
            used[engine].append(processor / len(paths))
            alone[engine].append(one_image(job, paths))
            rates[f"{engine}, whole"].append(len(paths) / whole(plans[engine], package, paths, scratch))
    for job in jobs.values():
        job.predictor.close()
    print(f"{name}: {len(paths)} files, {len(looped)} of them by the plain loop, {asked.rounds} interleaved rounds, {cores()} cores")
    is_good = True
    for each, found in rates.items():
        times = statistics.median(two / one for one, two in zip(rates["plain loop"], found, strict=True))
        line = f"  {each:16} {statistics.median(found):7.1f} images/s   {times:5.2f} x the plain loop"
        engine = each.partition(",")[0]
        if engine in jobs:
            limits = [cost.least for cost in alone[engine]]
            by_wall = statistics.median(least * rate / cores() for least, rate in zip(limits, found, strict=True))
            more = statistics.median((cost.least + cost.prepare) / cost.least for cost in alone[engine])
            line += f"   {by_wall:5.2f} of the limit, {by_wall * more:5.2f} with preparing in it"
            is_good &= by_wall >= LIMIT_AT_LEAST and times >= TIMES[name][engine != "onnx"]
        if each in alone:
            by_processor = statistics.median(cost.least / spent for cost, spent in zip(alone[each], used[each], strict=True))
            line += f", {by_processor:5.2f} by processor time"
        print(line)
    for engine, costs in alone.items():
        parts = {
            "decode": statistics.median(statistics.mean(cost.decode.values()) for cost in costs),
            "prepare": statistics.median(cost.prepare for cost in costs),
            "network": statistics.median(cost.network for cost in costs),
        }
        print(f"  {engine:16} alone, ms: " + ", ".join(f"{part} {1000 * value:.1f}" for part, value in parts.items()))
    return is_good


def main() -> int:
    """Print the tables; the exit status is 1 when a required ratio is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, help="a folder of real films")
    parser.add_argument("--count", type=int, default=300, help="files of the corpus")
    parser.add_argument("--mixed", type=int, default=150, help="files of 2000×2000 px, a third each JPEG, PNG and DICOM")
    parser.add_argument("--loop", type=int, default=150, help="files that the plain loop takes, of each kind as many as there are")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine", action="append", choices=("onnx", "openvino"), help="instead of all that pay here")
    parser.add_argument("--batch-size", type=int, default=0, help="images in one forward pass; 0 for what the program takes by itself")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        # Random weights have no validation images; what is measured is how fast bfloat16 is.
        told = (PrecisionCheck("bf16", 0.0, 0),)
        made = random_package(Path(scratch) / "package", Architecture("densenet121"), side=SIDE, labels=LABELS, precisions=told)
        package = find_package(str(made.folder))
        engines = asked.engine or ["onnx", *(["openvino"] if has_bfloat16() else [])]
        base = Plan(model=str(made.folder), has_lungs=False, batch_size=asked.batch_size)
        plans = {engine: replace(base, engine=engine) for engine in engines}
        is_good = True
        if asked.corpus:
            found = sorted(asked.corpus.glob("*.jpg"))
            films = found[:: max(1, len(found) // asked.count)][: asked.count]
            is_good &= compare("corpus", package, plans, films, asked, Path(scratch))
        if asked.mixed:
            films = links(_originals(Path(scratch), 2000), Path(scratch) / "many", asked.mixed)
            is_good &= compare("2000 px", package, plans, films, asked, Path(scratch))
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
