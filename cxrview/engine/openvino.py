"""The OpenVINO engine: the fastest on processors that calculate in bfloat16 or int8."""

from __future__ import annotations

import functools
import itertools
import math
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from cxrview.core.errors import PackageError
from cxrview.core.results import FloatArray, Forward
from cxrview.engine.base import Device, EngineName, forwards
from cxrview.engine.packages import Package, read_graph

FLOAT32 = "f32"
BFLOAT16 = "bf16"
_INPUT, _LOGITS, _FEATURES = "image", "logits", "features"
MOST_BYTES_OF_GRAPHS: Final = 2**30
"""What the networks of all threads may weigh together; more threads than that share some."""


class OpenVinoPredictor:
    """Runs `model.onnx`; each thread that calls `run` has its own request.

    Where each thread has its own cores it also has its own compiled network, unless they are too heavy: threads that share
    one queue for its streams, and wait although a core is idle.

    Args:
        package: the model.
        precision: `f32` or `bf16`.
        threads: for one run; 0 for all cores.
        workers: how many threads will call `run` at the same time.
        cache_dir: where the compiled network is kept between starts; None for nowhere.
    """

    def __init__(
        self, package: Package, *, precision: str = FLOAT32, threads: int = 0, workers: int = 1, cache_dir: Path | None = None
    ) -> None:
        graph = read_graph(package)
        networks = max(1, min(workers, MOST_BYTES_OF_GRAPHS // len(graph))) if threads else 1
        streams = math.ceil(workers / networks)
        options: dict[str, Any] = {  # a property may be a text, a number or a flag
            "INFERENCE_PRECISION_HINT": precision,
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": str(streams),
            "ENABLE_CPU_PINNING": False,  # several programs share the machine
        }
        if threads:
            options["INFERENCE_NUM_THREADS"] = threads * streams
        if cache_dir is not None and _can_write(cache_dir / "openvino" / precision):
            options["CACHE_DIR"] = str(cache_dir / "openvino" / precision)
        try:
            core = _runtime().Core()
            with ThreadPoolExecutor(networks, thread_name_prefix="cxrview-openvino") as pool:
                compiled = pool.map(lambda _: core.compile_model(_for_one_image(core.read_model(graph)), "CPU", options), range(networks))
                self._networks = list(compiled)
        except RuntimeError as error:
            raise PackageError("OpenVINO cannot open the network.", hint=_first_line(error), subject=str(package.folder)) from error
        self._precision = precision
        self._has_features = any(_FEATURES in output.get_names() for output in self._networks[0].outputs)
        self._own = threading.local()
        self._turns = itertools.count()

    @property
    def engine(self) -> str:
        """Always `openvino`."""
        return str(EngineName.OPENVINO)

    @property
    def device(self) -> str:
        """`cpu`, or `cpu bf16`."""
        return str(Device.CPU) if self._precision == FLOAT32 else f"{Device.CPU} {self._precision}"

    def run(self, batch: FloatArray) -> tuple[Forward, ...]:
        """Run (N, C, H, W) float32, image by image."""
        if not hasattr(self._own, "request"):
            self._own.request = self._networks[next(self._turns) % len(self._networks)].create_infer_request()
        return tuple(self._run_one(batch[number : number + 1]) for number in range(len(batch)))

    def _run_one(self, image: FloatArray) -> Forward:
        try:
            answers = self._own.request.infer({_INPUT: image}, share_inputs=True)
        except RuntimeError as error:
            raise PackageError("OpenVINO cannot run the network on this input.", hint=_first_line(error)) from error
        features = answers[_FEATURES].copy() if self._has_features and answers[_FEATURES].ndim == 4 else None
        (forward,) = forwards(answers[_LOGITS].copy(), features)
        return forward

    def close(self) -> None:
        """Let go of the network."""
        del self._networks, self._own


def version() -> str:
    """Give the version of the runtime."""
    return str(_runtime().__version__).partition("-")[0]


def has_bfloat16() -> bool:
    """Tell whether this processor calculates in bfloat16."""
    return "BF16" in _runtime().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@functools.cache
def _runtime() -> Any:
    """Import OpenVINO without its telemetry, which would otherwise report every import to Google Analytics, unasked.

    OpenVINO falls back to a stub when the package `openvino_telemetry` cannot be imported.
    """
    # WORKAROUND(https://github.com/openvinotoolkit/telemetry): there is no switch short of a file in the user's home.
    blocked: Any = None  # how Python says "not importable"
    sys.modules.setdefault("openvino_telemetry", blocked)
    import openvino

    return openvino


def _for_one_image(network: Any) -> Any:
    """Fix the batch at one image: measured, a network of known shape costs a quarter less, and company then saves nothing more."""
    shape = network.input(_INPUT).partial_shape
    shape[0] = 1
    network.reshape(shape)
    return network


def _can_write(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return True


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
