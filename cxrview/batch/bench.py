"""How fast this machine scores, beside what its processor allows: measured on phantoms, in interleaved rounds."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from cxrview.batch.plan import Plan
from cxrview.batch.row import name_of
from cxrview.batch.score import ScoreJob, score_images
from cxrview.batch.supervisor import Supervisor, Task
from cxrview.batch.worker import cores, open_job
from cxrview.core.heatmap import heatmaps
from cxrview.core.image import ImageRef
from cxrview.core.prepare import prepare
from cxrview.core.results import ModelInput
from cxrview.engine.packages import Package
from cxrview.io.phantom_files import write_phantoms
from cxrview.io.read import read_pixels

SIDE_PX = 2000
FILES = 48
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Line:
    """One figure: what it is, its value with the unit, and what it is to be compared with."""

    name: str
    value: str
    beside: str = ""


@dataclass(frozen=True, slots=True)
class _Costs:
    """Processor seconds for one image, on one core."""

    decode: Mapping[str, float]
    prepare: float
    network: float

    @property
    def one_image(self) -> float:
        return statistics.mean(self.decode.values()) + self.prepare + self.network


def bench(package: Package, plan: Plan, *, files: int = FILES, side: int = SIDE_PX, rounds: int = ROUNDS) -> Iterator[Line]:
    """Measure, and give each figure as it is known.

    Args:
        package: the model.
        plan: engine, device and workers; heatmap folders in it are left alone.
        files: pictures in a round of scoring.
        side: of each picture, in pixels.
        rounds: every figure is the median of so many, taken in turn.
    """
    with tempfile.TemporaryDirectory(prefix="cxrview-bench-") as scratch:
        originals = _originals(Path(scratch), side)
        folder = _copies(originals, Path(scratch) / "many", files)
        quick = replace(plan, heatmaps="", has_thumbnails=False, has_lungs=False)
        job, choice = open_job(quick, package)
        try:
            yield Line("model", f"{package.manifest.id} {package.manifest.version}", f"{job.predictor.engine} on {job.predictor.device}")
            yield from _speed(job, originals, sorted(folder.iterdir()), rounds)
            yield from _heatmap_lines(job, next(iter(originals.values())), rounds)
        finally:
            choice.predictor.close()
        yield from _start(quick, package, next(iter(originals.values())))
        yield from _lungs(plan, package, sorted(folder.iterdir()))


def _originals(scratch: Path, side: int) -> dict[str, Path]:
    """Draw the phantom as the formats that films come in."""
    (png16,) = write_phantoms(scratch / "png", 1, 0, kind="png", size=(side, side))
    (dicom,) = write_phantoms(scratch / "dicom", 1, 0, kind="dicom", size=(side, side))
    deep = cv2.imread(str(png16), cv2.IMREAD_UNCHANGED)
    assert deep is not None
    shallow = (deep / max(1, int(deep.max()) // 255 + 1)).astype(np.uint8)
    jpeg, png = scratch / "film.jpg", scratch / "film.png"
    for path in (jpeg, png):
        cv2.imwrite(str(path), shallow)
    return {"JPEG": jpeg, "PNG": png, "DICOM": dicom}


def _copies(originals: Mapping[str, Path], folder: Path, files: int) -> Path:
    folder.mkdir()
    paths = list(originals.values())
    for number in range(files):
        original = paths[number % len(paths)]
        shutil.copy(original, folder / f"film-{number}{original.suffix}")
    return folder


def _speed(job: ScoreJob, originals: Mapping[str, Path], paths: Sequence[Path], rounds: int) -> Iterator[Line]:
    costs: list[_Costs] = []
    rates: list[float] = []
    for _ in range(rounds):
        costs.append(_measure(job, originals))
        begun = time.perf_counter()
        rows = sum(len(piece) for piece in score_images([ImageRef(path) for path in paths], job))
        rates.append(rows / (time.perf_counter() - begun))
    for kind in originals:
        yield Line(f"decode {kind}", _milliseconds(statistics.median(cost.decode[kind] for cost in costs)))
    yield Line("prepare", _milliseconds(statistics.median(cost.prepare for cost in costs)))
    yield Line("network", _milliseconds(statistics.median(cost.network for cost in costs)), "processor time of one image, one core")
    limits = [cores() / cost.one_image for cost in costs]
    shares = [rate / limit for rate, limit in zip(rates, limits, strict=True)]
    limit = f"{statistics.median(limits):.1f} images/s, {cores()} cores ÷ processor time of one image"
    yield Line("scoring", f"{statistics.median(rates):.1f} images/s", f"limit {limit}")
    yield Line("of the limit", f"{statistics.median(shares):.2f}", "1 is all that the processor can")


def _measure(job: ScoreJob, originals: Mapping[str, Path]) -> _Costs:
    """Take each step alone, on one thread."""
    spec = job.package.manifest.input
    decode = {kind: _cost(partial(read_pixels, ImageRef(path))) for kind, path in originals.items()}
    pixels = read_pixels(ImageRef(next(iter(originals.values()))))
    ready = prepare(pixels, spec)
    job.predictor.run(ready.tensor)
    return _Costs(decode, _cost(lambda: prepare(pixels, spec)), _cost(lambda: job.predictor.run(ready.tensor)))


def _cost(work: Callable[[], object], times: int = 5) -> float:
    """Give the median processor time of one call, of all threads of this process."""
    found = []
    for _ in range(times):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return statistics.median(found)


def _heatmap_lines(job: ScoreJob, path: Path, rounds: int) -> Iterator[Line]:
    head = job.package.head
    if head is None:
        yield Line("heatmaps", "this model has none from its forward pass")
        return
    ready: ModelInput = prepare(read_pixels(ImageRef(path)), job.package.manifest.input)
    (forward,) = job.predictor.run(ready.tensor)
    labels = job.package.manifest.labels
    network = _cost(lambda: job.predictor.run(ready.tensor), 5 * rounds)
    maps = _cost(lambda: [heatmaps(forward, head, labels) for _ in range(20)], rounds) / 20
    yield Line(f"heatmaps of all {len(labels)} labels", f"{100 * maps / network:.1f} %", "of the network's time, on top of it")


def _start(plan: Plan, package: Package, path: Path) -> Iterator[Line]:
    """Measure from nothing to the first row, as the command does it."""
    labels = tuple(label.id for label in package.manifest.labels)
    begun = time.perf_counter()
    with Supervisor(plan, name_of(package.manifest, package.sha256), labels) as supervisor:
        supervisor.ready()
        opened = time.perf_counter() - begun
        for result in supervisor.score([Task(1, ImageRef(path))]):
            if result is not None:
                break
        first = time.perf_counter() - begun
        memory = _memory_mb(supervisor.process_id)
    yield Line("start to first row", f"{first:.1f} s", f"model open after {opened:.1f} s")
    if memory:
        yield Line("memory of the process that scores", f"{memory:.0f} MB")


def _lungs(plan: Plan, package: Package, paths: Sequence[Path]) -> Iterator[Line]:
    """Measure what looking for the lungs costs, where it is done."""
    if not plan.has_lungs:
        return
    job, choice = open_job(replace(plan, heatmaps="", has_thumbnails=False), package)
    try:
        if job.lungs is None:
            return
        without = replace(job, lungs=None)
        refs = [ImageRef(path) for path in paths]
        times: dict[str, list[float]] = {"with": [], "without": []}
        for _ in range(ROUNDS):
            for name, each in (("without", without), ("with", job)):
                begun = time.perf_counter()
                for _rows in score_images(refs, each):
                    pass
                times[name].append(time.perf_counter() - begun)
        ratio = statistics.median(times["with"]) / statistics.median(times["without"])
        yield Line("with lungs", f"{ratio:.2f} × the time", "--no-lungs leaves them out")
    finally:
        choice.predictor.close()
        if job.lungs is not None:
            job.lungs.close()


def _memory_mb(process: int) -> float:
    """Give the resident memory of a process, where the system tells it as a file; 0 elsewhere."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms"
