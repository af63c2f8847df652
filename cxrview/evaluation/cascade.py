"""Does a heatmap look the same when the network has forgotten what it learned? Weights put in disorder from the answer down."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cxrview.core.results import FloatArray, Heatmap
from cxrview.engine.analyse import heatmaps_of
from cxrview.engine.base import Predictor
from cxrview.engine.composite import open_with
from cxrview.engine.disorder import disordered
from cxrview.engine.onnx import OnnxPredictor
from cxrview.engine.packages import Package
from cxrview.evaluation.rank_correlation import rank_correlation

# How much of the network, counted from its answer, is in disorder at each stage; the head always is.
PARTS = (0.25, 0.5, 0.75, 1.0)
SEEDS = (0, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Cascade:
    """A package with more and more of its weights in disorder, open; `stages` has the copies of each of `PARTS`."""

    stages: tuple[tuple[tuple[Package, Predictor], ...], ...]


@contextmanager
def open_cascade(package: Package) -> Iterator[Cascade]:
    """Make and open the disordered copies of a package; they are gone afterwards."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cxrview-")))

        def opened(part: float, seed: int) -> tuple[Package, Predictor]:
            copy = disordered(package, part, folder / f"{part}-{seed}", seed=seed)
            predictor = open_with(copy, lambda each: OnnxPredictor(each, threads=1, cache_dir=None))
            stack.callback(predictor.close)
            return copy, predictor

        yield Cascade(tuple(tuple(opened(part, seed) for seed in SEEDS) for part in PARTS))


def cascading_likeness(cascade: Cascade, tensor: FloatArray, own: Heatmap, place: int) -> tuple[float, ...]:
    """Tell how alike a label's map stays at each stage: absolute rank correlation, 0 to 1, mean over two disorders.

    The cascading randomisation of Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018. Near 1 at the last stage, the map
    shows the picture's edges, not what the network learned. A map that has become flat is unlike every other.

    Args:
        cascade: of the package that made the map.
        tensor: the prepared picture, (1, C, H, W).
        own: the map with the weights as they are.
        place: of the label.
    """

    def likeness(package: Package, predictor: Predictor) -> float:
        (forward,) = predictor.run(tensor)
        maps = heatmaps_of(package, forward)
        return abs(rank_correlation(own.values, maps[place].values)) if maps and np.isfinite(maps[place].values).all() else 0.0

    return tuple(float(np.mean([likeness(*copy) for copy in copies])) for copies in cascade.stages)
