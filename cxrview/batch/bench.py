"""How fast this machine scores, beside what its processor allows: measured on phantoms, in interleaved rounds."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from cxrview.batch.bench_beside import gradient_maps, torch_loop
from cxrview.batch.plan import Pictures, Plan
from cxrview.batch.row import name_of
from cxrview.batch.score import ScoreJob, score_images
from cxrview.batch.supervisor import Supervisor, Task
from cxrview.batch.worker import ONLY_ENGINE, WORKER_WORD, cores, open_job
from cxrview.core.errors import CxrError
from cxrview.core.heatmap import heatmaps
from cxrview.core.image import ImageRef
from cxrview.core.prepare import prepare
from cxrview.core.results import ModelInput
from cxrview.engine.packages import Package
from cxrview.io.phantom_files import write_phantoms
from cxrview.io.places import program_command
from cxrview.io.read import read_pixels

SIDE_PX = 2000
FILES = 48
ROUNDS = 3
MORE = 4
"""How many times as many pictures the process scores when its memory is looked at again."""


@dataclass(frozen=True, slots=True)
class Line:
    """One figure: what it is, its value with the unit, and what it is to be compared with."""

    name: str
    value: str
    beside: str = ""


@dataclass(frozen=True, slots=True)
class Costs:
    """Processor seconds for one image, on one core, each step alone; `looks` is what lungs and gate cost, 0 without them."""

    decode: Mapping[str, float]
    prepare: float
    network: float
    looks: float = 0.0

    @property
    def least(self) -> float:
        """Decoding and the networks: what nobody can do without."""
        return statistics.mean(self.decode.values()) + self.network + self.looks


@dataclass(frozen=True, slots=True)
class _Speed:
    """What was found for one way of scoring, a number for each round."""

    costs: tuple[Costs, ...]
    rates: tuple[float, ...]

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    @property
    def limit(self) -> float:
        return statistics.median(cores() / cost.least for cost in self.costs)

    @property
    def share(self) -> float:
        return statistics.median(rate * cost.least / cores() for rate, cost in zip(self.rates, self.costs, strict=True))

    def median(self, what: Callable[[Costs], float]) -> float:
        return statistics.median(what(cost) for cost in self.costs)


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
        paths = sorted(folder.iterdir())
        quick = replace(plan, heatmaps="", pictures=Pictures.NONE)
        job, choice = open_job(quick, package)
        alone = replace(job, lungs=None)
        try:
            yield Line("model", f"{package.manifest.id} {package.manifest.version}", f"{job.predictor.engine} on {job.predictor.device}")
            yield from _speed(job, alone, originals, paths, rounds)
            yield from _heatmap_lines(alone, next(iter(originals.values())), rounds)
        finally:
            choice.predictor.close()
            if job.lungs is not None:
                job.lungs.close()
        yield from _start(quick, folder)
        yield from _memory(quick, package, paths)


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


def _speed(job: ScoreJob, alone: ScoreJob, originals: Mapping[str, Path], paths: Sequence[Path], rounds: int) -> Iterator[Line]:
    """Score with the classifier alone, as it is asked for, and by the plain loop, in turn."""
    refs = [ImageRef(path) for path in paths]
    costs: dict[str, list[Costs]] = {"alone": [], "whole": []}
    rates: dict[str, list[float]] = {"alone": [], "whole": [], "loop": []}
    ways = {"alone": alone, "whole": job} if job.lungs is not None else {"alone": alone}
    loop = _loop_or_reason(job.package)
    for _ in range(rounds):
        for name, each in ways.items():
            costs[name].append(costs_of(each, originals))
            rates[name].append(_rate(refs, partial(_score, each, refs)))
        if not isinstance(loop, str):
            rates["loop"].append(_rate(refs, partial(loop, refs)))
    plain = _Speed(tuple(costs["alone"]), tuple(rates["alone"]))
    for kind in originals:
        yield Line(f"decode {kind}", _milliseconds(plain.median(lambda cost, kind=kind: cost.decode[kind])))  # type: ignore[misc]
    yield Line("prepare", _milliseconds(plain.median(lambda cost: cost.prepare)))
    yield Line("network", _milliseconds(plain.median(lambda cost: cost.network)), "processor time of one image, one core")
    yield from _speed_lines("scoring", plain)
    if isinstance(loop, str):
        yield Line("beside a plain loop", "not measured", loop)
    else:
        times = statistics.median(one / two for one, two in zip(rates["alone"], rates["loop"], strict=True))
        yield Line(
            "beside a plain loop",
            f"{times:.1f} ×",
            f"torch, one image at a time on all cores: {statistics.median(rates['loop']):.1f} images/s",
        )
    if job.lungs is not None:
        whole = _Speed(tuple(costs["whole"]), tuple(rates["whole"]))
        yield Line("lungs and gate", _milliseconds(whole.median(lambda cost: cost.looks)), "the networks that look before this one reads")
        yield from _speed_lines("with lungs and gate", whole)


def _speed_lines(name: str, speed: _Speed) -> Iterator[Line]:
    limit = f"limit {speed.limit:.1f} images/s, {cores()} cores ÷ processor time to decode one image and run its networks"
    yield Line(name, f"{speed.rate:.1f} images/s", limit)
    yield Line("of the limit", f"{speed.share:.2f}", "1 is all that the processor can")


def _score(job: ScoreJob, refs: Sequence[ImageRef]) -> None:
    for _rows in score_images(refs, job):
        pass


def _rate(refs: Sequence[ImageRef], work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return len(refs) / (time.perf_counter() - begun)


def _loop_or_reason(package: Package) -> Callable[[Sequence[ImageRef]], None] | str:
    try:
        return torch_loop(package)
    except CxrError as error:
        return f"{error.message} {error.hint}".strip()


def costs_of(job: ScoreJob, originals: Mapping[str, Path]) -> Costs:
    """Take each step alone, on one thread, the network with as many images at once as the job gives it; `originals` by format."""
    spec = job.package.manifest.input
    decode = {kind: _cost(partial(read_pixels, ImageRef(path))) for kind, path in originals.items()}
    pictures = [read_pixels(ImageRef(path)) for path in originals.values()]
    tensor = np.repeat(prepare(pictures[0], spec).tensor, job.batch_size, axis=0)
    job.predictor.run(tensor)
    return Costs(
        decode,
        statistics.mean(_cost(partial(prepare, pixels, spec)) for pixels in pictures),
        _cost(partial(job.predictor.run, tensor), 9) / job.batch_size,
        0.0 if job.lungs is None else statistics.mean(_cost(partial(job.lungs.find, pixels), 3) for pixels in pictures),
    )


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
        yield Line("heatmaps", "none", "this model has none from its forward pass")
        return
    ready: ModelInput = prepare(read_pixels(ImageRef(path)), job.package.manifest.input)
    (forward,) = job.predictor.run(ready.tensor)
    labels = job.package.manifest.labels
    network = _cost(lambda: job.predictor.run(ready.tensor), 5 * rounds)
    maps = _cost(lambda: [heatmaps(forward, head, labels) for _ in range(20)], rounds) / 20
    yield Line(f"heatmaps of all {len(labels)} labels", f"{100 * maps / network:.1f} %", "of the network's time, on top of it")
    try:
        package = gradient_maps(job.package, ready.tensor)
        times = _cost(package, rounds) / (network + maps)
    except CxrError as error:
        yield Line("beside the grad-cam package", "not measured", f"{error.message} {error.hint}".strip())
    else:
        yield Line("beside the grad-cam package", f"{times:.0f} ×", f"{len(labels)} heatmaps of one image, with the forward pass in both")


def _start(plan: Plan, folder: Path) -> Iterator[Line]:
    """Measure the command from nothing to its first row, beside a process that only loads the engine."""
    engine = ("--engine", plan.engine, "--device", plan.device)
    begun = time.perf_counter()
    subprocess.run([*program_command(), WORKER_WORD, ONLY_ENGINE, plan.engine], check=True, stdout=subprocess.DEVNULL)
    loaded = time.perf_counter() - begun
    begun = time.perf_counter()
    words = [
        *program_command(),
        "score",
        str(folder),
        "--model",
        plan.model,
        *engine,
        "--quiet",
        *([] if plan.has_lungs else ["--no-lungs"]),
    ]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, encoding="utf-8", errors="replace") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.readline()
        first = time.perf_counter() - begun
        process.terminate()
    yield Line("start to first row", f"{first:.1f} s", f"loading the engine alone {loaded:.1f} s, so {first - loaded:.1f} s over it")


def _memory(plan: Plan, package: Package, paths: Sequence[Path]) -> Iterator[Line]:
    """Look at the process that scores after some files and after several times as many."""
    labels = tuple(label.id for label in package.manifest.labels)
    found = []
    with Supervisor(plan, name_of(package.manifest, package.sha256), labels) as supervisor:
        for times in (1, MORE - 1):
            tasks = [Task(number, ImageRef(path)) for number, path in enumerate([*paths] * times, start=1)]
            for _result in supervisor.score(tasks):
                pass
            found.append(_memory_mb(supervisor.process_id))
    if found[0]:
        yield Line(
            "memory of the process that scores", f"{found[0]:.0f} MB", f"after {MORE} times as many files {found[1] / found[0]:.2f} × that"
        )


def _memory_mb(process: int) -> float:
    """Give the resident memory of a process, where the system tells it as a file; 0 elsewhere."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


def _milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms"
