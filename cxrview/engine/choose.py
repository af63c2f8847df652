"""Which engines are here, which one is used for a model, and why: in sentences that the window and `doctor` show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol, TypeVar

from cxrview.core.errors import CxrError, EngineUnavailable, PackageError, UsageError
from cxrview.engine import present
from cxrview.engine.base import Device, EngineName, Predictor
from cxrview.engine.composite import open_with
from cxrview.engine.fake import FakePredictor
from cxrview.engine.packages import Package
from cxrview.engine.selftest import PROBABILITY_TOLERANCE, probability_difference, reference_difference, validation_objection
from cxrview.io.places import places

Word = TypeVar("Word", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """One engine on one device of this machine.

    Attributes:
        name, device: as in result rows; the device names the precision where it is not float32.
        version: of the runtime; empty when it is not installed.
        reason: why it is not available and what to install; empty when it is.
    """

    name: str
    device: str
    is_available: bool
    version: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The engine that is used, and the sentences that say how it came to that."""

    predictor: Predictor
    reasons: tuple[str, ...]


class Opener(Protocol):
    """Opens a package: `open_predictor` here, or one that lets it run elsewhere."""

    def __call__(self, package: Package, *, engine: str, device: str, threads: int, workers: int) -> Choice:
        """Open it as `open_predictor` does."""


@dataclass(frozen=True, slots=True)
class _Options:
    threads: int
    workers: int
    cache_dir: Path


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A way to run a model: is it here, and how is it opened."""

    name: EngineName
    device: Device
    shown_device: str
    distribution: str
    reason_against: Callable[[], str]
    open: Callable[[Package, _Options], Predictor]
    is_automatic: bool = True

    @property
    def title(self) -> str:
        """As people read it."""
        return f"{self.name} on {self.shown_device}"

    @property
    def precision(self) -> str:
        """Named where it is not float32; else empty."""
        return self.shown_device.partition(" ")[2]


def survey() -> tuple[EngineStatus, ...]:
    """Look at every engine and device, without opening a model; those that `auto` tries stand in its order."""
    return tuple(_status(each) for each in _CANDIDATES if each.name is not EngineName.FAKE)


def open_predictor(
    package: Package,
    *,
    engine: str = "auto",
    device: str = "auto",
    threads: int = 0,
    workers: int = 1,
    is_to_be_measured: bool = False,
) -> Choice:
    """Open the fastest engine that is here, was asked for, and passes the package's self-test.

    Args:
        package: the model.
        engine: `auto`, `onnx`, `openvino`, `torch`; `fake` for the fake model.
        device: `auto`, `cpu`, `cuda`.
        threads: for one run; 0 for all cores.
        workers: how many threads will call `run` at the same time.
        is_to_be_measured: also take a precision of which nobody has told what it does to the validation images, to find out.

    Raises:
        EngineUnavailable: what was asked for by name is not here.
        PackageError: the reference engine cannot run the model, or fails its self-test.
        UsageError: no engine or device has that name.
    """
    wanted_engine, wanted_device = _word(engine, EngineName, "engine"), _word(device, Device, "device")
    options = _Options(threads=threads, workers=workers, cache_dir=places().cache_dir)
    reasons = [f"Asked for: engine {wanted_engine}, device {wanted_device}."]
    failures: list[CxrError] = []
    for candidate in _matching(wanted_engine, wanted_device):
        try:
            predictor, agreement = _open(candidate, package, options, is_to_be_measured=is_to_be_measured)
        except CxrError as error:
            failures.append(error)
            reasons.append(f"Not {candidate.title}: {error.message} {error.hint}".rstrip())
            continue
        return Choice(predictor, (*reasons, f"Using {candidate.title}: {agreement}"))
    raise _refusal(wanted_engine, wanted_device, failures)


def load_runtime(engine: str) -> None:
    """Import what an engine runs on, and nothing else; `auto` looks at what it would look at.

    Raises:
        EngineUnavailable: what was asked for by name is not here.
        UsageError: no engine has that name.
    """
    wanted = _word(engine, EngineName, "engine")
    if wanted in (EngineName.AUTO, EngineName.ONNX):
        from cxrview.engine import onnx

        onnx.version()
    if wanted in (EngineName.AUTO, EngineName.OPENVINO) and not present.against_openvino_float32():
        from cxrview.engine import openvino

        openvino.version()
    if wanted is EngineName.TORCH:
        from cxrview.engine import torch

        torch.version()


def _open(candidate: _Candidate, package: Package, options: _Options, *, is_to_be_measured: bool) -> tuple[Predictor, str]:
    """Open a candidate and run the self-test; give it with a sentence on how well it agrees."""
    against = candidate.reason_against()
    if against:
        raise EngineUnavailable(against)
    objection = validation_objection(package, candidate.precision) if candidate.precision else ""
    if objection and not is_to_be_measured:
        raise PackageError(objection, subject=str(package.folder))
    predictor = open_with(package, lambda each: candidate.open(each, options))
    try:
        if _is_reference(candidate):
            difference = reference_difference(package, predictor)
            return predictor, f"it is the reference; its logits differ by {difference:.1g} from the golden ones."
        difference = probability_difference(package, predictor)
        if not difference <= PROBABILITY_TOLERANCE:
            sentence = f"its probabilities differ by {difference:.2g} from the reference on the golden inputs"
            raise PackageError(f"{sentence}; {PROBABILITY_TOLERANCE:g} is allowed.", subject=str(package.folder))
    except CxrError:
        predictor.close()
        raise
    return predictor, f"its probabilities differ by {difference:.1g} from the reference on the golden inputs."


def _is_reference(candidate: _Candidate) -> bool:
    return candidate.name is EngineName.ONNX and candidate.device is Device.CPU


def _matching(engine: EngineName, device: Device) -> tuple[_Candidate, ...]:
    return tuple(
        each
        for each in _CANDIDATES
        if (each.is_automatic if engine is EngineName.AUTO else each.name is engine) and device in (Device.AUTO, each.device)
    )


def _refusal(engine: EngineName, device: Device, failures: list[CxrError]) -> CxrError:
    """Say why nothing could be opened: a broken model is the model's fault, a missing runtime is not."""
    broken = [each for each in failures if isinstance(each, PackageError)]
    if broken:
        return broken[-1]
    asked = " on ".join(str(each) for each in (engine, device) if each != "auto") or "an engine"
    why = "; ".join(dict.fromkeys(each.message.rstrip(".") for each in failures)) or "there is no such combination"
    hint = next((each.hint for each in failures if each.hint), "") or "See `cxrview doctor`, or leave the choice to auto."
    return EngineUnavailable(f"{asked} was asked for and is not available here: {why}.", hint=hint)


def _word(value: str, kind: type[Word], what: str) -> Word:
    try:
        return kind(value.lower())
    except ValueError:
        raise UsageError(f"there is no {what} '{value}'.", hint=f"Choose one of {', '.join(kind)}.") from None


def _status(candidate: _Candidate) -> EngineStatus:
    against = candidate.reason_against()
    return EngineStatus(
        name=str(candidate.name),
        device=candidate.shown_device,
        is_available=not against,
        version=present.installed_version(candidate.distribution),
        reason=against,
    )


def _open_onnx(device: Device) -> Callable[[Package, _Options], Predictor]:
    def opened(package: Package, options: _Options) -> Predictor:
        from cxrview.engine.onnx import OnnxPredictor

        return OnnxPredictor(package, device=device, threads=options.threads, cache_dir=options.cache_dir)

    return opened


def _open_openvino(precision: str) -> Callable[[Package, _Options], Predictor]:
    def opened(package: Package, options: _Options) -> Predictor:
        from cxrview.engine.openvino import OpenVinoPredictor

        return OpenVinoPredictor(
            package, precision=precision, threads=options.threads, workers=options.workers, cache_dir=options.cache_dir
        )

    return opened


def _open_torch(device: Device) -> Callable[[Package, _Options], Predictor]:
    def opened(package: Package, options: _Options) -> Predictor:
        from cxrview.engine.torch import TorchPredictor

        return TorchPredictor(package, device=device, threads=options.threads)

    return opened


# Fastest first. On a processor neither torch nor OpenVINO in float32 is faster than the reference, so nobody gets them unasked.
_CANDIDATES = (
    _Candidate(EngineName.ONNX, Device.CUDA, "cuda", "onnxruntime", present.against_onnx_cuda, _open_onnx(Device.CUDA)),
    _Candidate(EngineName.TORCH, Device.CUDA, "cuda", "torch", present.against_torch_cuda, _open_torch(Device.CUDA)),
    _Candidate(EngineName.OPENVINO, Device.CPU, "cpu bf16", "openvino", present.against_openvino_bfloat16, _open_openvino("bf16")),
    _Candidate(EngineName.ONNX, Device.CPU, "cpu", "onnxruntime", present.against_onnx_cpu, _open_onnx(Device.CPU)),
    _Candidate(
        EngineName.OPENVINO, Device.CPU, "cpu", "openvino", present.against_openvino_float32, _open_openvino("f32"), is_automatic=False
    ),
    _Candidate(EngineName.TORCH, Device.CPU, "cpu", "torch", present.against_torch_cpu, _open_torch(Device.CPU), is_automatic=False),
    _Candidate(EngineName.FAKE, Device.CPU, "cpu", "cxrview", lambda: "", lambda package, _: FakePredictor(package), is_automatic=False),
)
