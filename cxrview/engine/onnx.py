"""The reference engine: ONNX Runtime, on the processor or on CUDA."""

from __future__ import annotations

import hashlib
import os
import platform
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from cxrview.core.errors import EngineUnavailable, PackageError
from cxrview.core.results import FloatArray, Forward
from cxrview.engine.base import Device, EngineName, forwards
from cxrview.engine.packages import Package, read_graph

if TYPE_CHECKING:
    import onnxruntime

_CPU_PROVIDER = "CPUExecutionProvider"
_CUDA_PROVIDER = "CUDAExecutionProvider"
_INPUT, _LOGITS, _FEATURES = "image", "logits", "features"
_ERRORS_ONLY = 3

# ONNX Runtime reports its use to its maker over the network, unasked, and begins while it is being imported. This file is its only
# importer, so that no import can come before this line.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"


class OnnxPredictor:
    """Runs `model.onnx`; one session serves any number of threads.

    Args:
        package: the model.
        device: `cpu` or `cuda`.
        threads: for one run; 0 for all cores.
        cache_dir: where the optimised graph is kept between starts; None for nowhere.
    """

    def __init__(self, package: Package, *, device: Device = Device.CPU, threads: int = 0, cache_dir: Path | None) -> None:
        graph = read_graph(package)
        try:
            self._session = _open_session(graph, device=device, threads=threads, cache_dir=cache_dir)
        except _runtime_errors() as error:
            raise PackageError("ONNX Runtime cannot open the network.", hint=_first_line(error), subject=str(package.folder)) from error
        if device is Device.CUDA and _CUDA_PROVIDER not in self._session.get_providers():
            raise EngineUnavailable(
                "ONNX Runtime could not start CUDA.", hint="Check the driver, CUDA and cuDNN; `cxrview doctor` lists them."
            )
        outputs = {each.name for each in self._session.get_outputs()}
        if _LOGITS not in outputs or [each.name for each in self._session.get_inputs()] != [_INPUT]:
            raise PackageError(f"the network must take `{_INPUT}` and give `{_LOGITS}`.", subject=str(package.folder))
        self._outputs = [_LOGITS, _FEATURES] if _FEATURES in outputs else [_LOGITS]

    @property
    def engine(self) -> str:
        """Always `onnx`."""
        return str(EngineName.ONNX)

    @property
    def device(self) -> str:
        """`cuda` where the session has its provider, else `cpu`."""
        return str(Device.CUDA if _CUDA_PROVIDER in self._session.get_providers() else Device.CPU)

    def run(self, batch: FloatArray) -> tuple[Forward, ...]:
        """Run (N, C, H, W) float32."""
        try:
            answers = self._session.run(self._outputs, {_INPUT: batch})
        except _runtime_errors() as error:
            raise PackageError("ONNX Runtime cannot run the network on this input.", hint=_first_line(error)) from error
        features = answers[1] if len(answers) > 1 and answers[1].ndim == 4 else None
        return forwards(answers[0], features)

    def close(self) -> None:
        """Let go of the session."""
        del self._session


def version() -> str:
    """Give the version of the runtime."""
    import onnxruntime

    return str(onnxruntime.__version__)


def has_cuda() -> bool:
    """Tell whether this ONNX Runtime was built with CUDA."""
    import onnxruntime

    return _CUDA_PROVIDER in onnxruntime.get_available_providers()


def _open_session(graph: bytes, *, device: Device, threads: int, cache_dir: Path | None) -> onnxruntime.InferenceSession:
    import onnxruntime

    if device is Device.CUDA:
        return onnxruntime.InferenceSession(graph, _options(threads), providers=[_CUDA_PROVIDER, _CPU_PROVIDER])
    if cache_dir is None:
        return onnxruntime.InferenceSession(graph, _options(threads), providers=[_CPU_PROVIDER])
    cached = _cached_path(graph, cache_dir)
    if cached.is_file():
        try:
            return _open_cached(cached, threads)
        except _runtime_errors():
            cached.unlink(missing_ok=True)  # cut short or from another build: made anew below
    return _optimise_into_cache(graph, cached, threads)


def _open_cached(cached: Path, threads: int) -> onnxruntime.InferenceSession:
    import onnxruntime

    options = _options(threads)
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(cached.read_bytes(), options, providers=[_CPU_PROVIDER])


def _optimise_into_cache(graph: bytes, cached: Path, threads: int) -> onnxruntime.InferenceSession:
    """Open the graph and leave its optimised form in the cache; a cache that cannot be written is no reason to fail."""
    import onnxruntime

    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        scratch = tempfile.TemporaryDirectory(dir=cached.parent, prefix=".optimising-")
    except OSError:
        return onnxruntime.InferenceSession(graph, _options(threads), providers=[_CPU_PROVIDER])
    with scratch as folder:
        options = _options(threads)
        options.optimized_model_filepath = str(Path(folder) / cached.name)
        session = onnxruntime.InferenceSession(graph, options, providers=[_CPU_PROVIDER])
        (Path(folder) / cached.name).replace(cached)
    return session


def _options(threads: int) -> onnxruntime.SessionOptions:
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # once more, for versions that do not know the variable above
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return options


def _cached_path(graph: bytes, cache_dir: Path) -> Path:
    """Name the optimised graph by all it depends on: the network, the runtime, and the instructions of this processor."""
    key = hashlib.sha256(hashlib.sha256(graph).digest() + f"{version()} {_processor()}".encode()).hexdigest()
    return cache_dir / "onnx" / f"{key[:32]}.onnx"


def _processor() -> str:
    about = f"{platform.system()} {platform.machine()} {platform.processor()} {os.environ.get('PROCESSOR_IDENTIFIER', '')}"
    listing = Path("/proc/cpuinfo")
    if not listing.is_file():
        return about
    lines = listing.read_text(errors="replace").splitlines()
    wanted = ("model name", "flags", "Features", "CPU part")
    return about + "".join(sorted({line for line in lines if line.startswith(wanted)}))


def _runtime_errors() -> tuple[type[Exception], ...]:
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    named = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoModel", "NotImplemented", "RuntimeException", "EPFail")
    return (*(getattr(state, name) for name in named), RuntimeError)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
