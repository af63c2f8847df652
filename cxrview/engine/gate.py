"""Ask the installed gate what a picture is before a classifier reads it."""

from __future__ import annotations

from dataclasses import dataclass

from cxrview.core.flags import Flag
from cxrview.core.gate import gate_flags, gate_words
from cxrview.core.image import Pixels
from cxrview.core.manifest import Task
from cxrview.core.prepare import prepare
from cxrview.core.results import Finding
from cxrview.core.scores import findings
from cxrview.engine.base import Predictor
from cxrview.engine.choose import Opener, open_predictor
from cxrview.engine.packages import Package, find_package, installed_packages

GATE_ID = "gate"


@dataclass(frozen=True, slots=True, eq=False)
class Gate:
    """A gate, open; it may be asked from several threads at once."""

    package: Package
    predictor: Predictor

    def answers(self, pixels: Pixels) -> tuple[Finding, ...]:
        """Give an answer to every question.

        Raises:
            UnsuitableImage: the picture is too small, or holds a single gray level.
        """
        (forward,) = self.predictor.run(prepare(pixels, self.package.manifest.input).tensor)
        return findings(forward.logits, self.package.manifest)

    def look(self, pixels: Pixels) -> tuple[Flag, ...]:
        """Give the flags that the answers raise.

        Raises:
            UnsuitableImage: the picture is too small, or holds a single gray level.
        """
        return gate_flags(self.answers(pixels))

    def noticed(self, pixels: Pixels) -> tuple[str, ...]:
        """Give the flags and the word for the view, as `core.gate.gate_words` names them.

        Raises:
            UnsuitableImage: the picture is too small, or holds a single gray level.
        """
        return gate_words(self.answers(pixels))

    def close(self) -> None:
        """Let go of the runtime."""
        self.predictor.close()


def gate_package() -> Package | None:
    """Give the installed gate, the one with the id `gate` first; None if there is none."""
    found = [each for each in installed_packages() if each.manifest.task is Task.GATE]
    return next(iter(sorted(found, key=lambda each: each.manifest.id != GATE_ID)), None)


def open_gate(
    *, engine: str = "onnx", device: str = "auto", threads: int = 0, workers: int = 1, opener: Opener = open_predictor
) -> Gate | None:
    """Open the installed gate, checked like any model; None when none is installed. It runs in the reference engine by default.

    Args:
        engine: as for `open_predictor`.
        device: as for `open_predictor`.
        threads: for one run; 0 for all cores.
        workers: how many threads will ask at the same time.
        opener: opens it.

    Raises:
        PackageError: it is damaged, or fails its self-test.
        EngineUnavailable: the engine asked for by name is not here.
    """
    package = gate_package()
    if package is None:
        return None
    checked = find_package(package.folder)
    return Gate(checked, opener(checked, engine=engine, device=device, threads=threads, workers=workers).predictor)
