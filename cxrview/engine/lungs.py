"""Find the lungs with an installed lung network, through whichever engine runs here."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cxrview.core.errors import PackageError
from cxrview.core.image import Pixels
from cxrview.core.lungs import Lungs, lungs_of
from cxrview.core.manifest import Task
from cxrview.core.prepare import prepare
from cxrview.engine.base import Predictor
from cxrview.engine.choose import Opener, open_predictor
from cxrview.engine.gate import Gate, open_gate
from cxrview.engine.packages import Package, find_package, installed_packages

LUNGS_ID = "lungs"
WITH_HEART_ID = "lungs_heart"


@dataclass(frozen=True, slots=True, eq=False)
class LungFinder:
    """A lung network, open; `find` may be called from several threads at once.

    Attributes:
        label: which of the package's labels is taken for the lungs.
        gate: looks at the whole picture first, where one is installed.
    """

    package: Package
    predictor: Predictor
    label: int = 0
    gate: Gate | None = None

    def find(self, pixels: Pixels) -> Lungs:
        """Find the lungs of one image.

        Raises:
            UnsuitableImage: the picture is too small, or holds a single gray level.
            PackageError: the network gives no map.
        """
        model_input = prepare(pixels, self.package.manifest.input)
        (forward,) = self.predictor.run(model_input.tensor)
        if forward.features is None:
            raise PackageError("the lung network gives no map of the lungs.", subject=self.package.manifest.id)
        lungs = lungs_of(forward.features[self.label], model_input.frame)
        return lungs if self.gate is None else replace(lungs, noticed=self.gate.noticed(pixels))

    def close(self) -> None:
        """Let go of the runtime."""
        self.predictor.close()
        if self.gate is not None:
            self.gate.close()


def lungs_package() -> Package | None:
    """Give the installed lung network, the one with the id `lungs` first; None if there is none."""
    found = [each for each in installed_packages() if each.manifest.task is Task.SEGMENTATION]
    named = [each for each in found if each.manifest.id == LUNGS_ID]
    return next(iter(named + [each for each in found if each.manifest.labels[0].id == LUNGS_ID]), None)


def open_lungs(
    *,
    engine: str = "onnx",
    device: str = "auto",
    threads: int = 0,
    workers: int = 1,
    with_heart: bool = True,
    has_gate: bool = True,
    opener: Opener = open_predictor,
) -> LungFinder | None:
    """Open the installed lung network, checked like any model; None when none is installed.

    It runs in the reference engine unless another is named: a classifier that is cropped to the lungs would else give other
    scores on machines whose faster engine rounds, for a crop may be a pixel narrower.

    Args:
        engine: as for `open_predictor`.
        device: as for `open_predictor`.
        threads: for one run; 0 for all cores.
        workers: how many threads will call `find` at the same time.
        with_heart: take the lung behind the heart and the diaphragm for lung too, where the network knows it; disease can lie there.
        has_gate: let the installed gate look at each picture too.
        opener: opens both.

    Raises:
        PackageError: it is damaged, or fails its self-test.
        EngineUnavailable: the engine asked for by name is not here.
    """
    package = lungs_package()
    if package is None:
        return None
    checked = find_package(package.folder)
    choice = opener(checked, engine=engine, device=device, threads=threads, workers=workers)
    labels = [label.id for label in checked.manifest.labels]
    label = labels.index(WITH_HEART_ID) if with_heart and WITH_HEART_ID in labels else 0
    gate = open_gate(engine=engine, device=device, threads=threads, workers=workers, opener=opener) if has_gate else None
    return LungFinder(checked, choice.predictor, label, gate)
