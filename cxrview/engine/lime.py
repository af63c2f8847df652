"""LIME: which patches of the picture speak for a label and which against, by the `lime` package; any engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from cxrview.core.errors import EngineUnavailable
from cxrview.core.image import read_only
from cxrview.core.manifest import InputSpec
from cxrview.core.prepare import normalise, to_channels
from cxrview.core.results import Heatmap, HeatmapTarget, ModelInput
from cxrview.core.scores import margins
from cxrview.engine import present
from cxrview.engine.base import Predictor
from cxrview.engine.packages import Package

TITLE = "LIME"
# Patches of about a rib space; so many pictures that the weights of a second run with another seed are the same to the eye.
PATCHES, COMPACTNESS = 60, 10
SAMPLES = 500
BATCH = 16
# The map is kept at this many model px a cell: patches have edges, and no finer detail.
CELL_PX = 4

Array = npt.NDArray[Any]  # Any: what the package passes around


def lime_heatmaps(
    predictor: Predictor,
    model_input: ModelInput,
    package: Package,
    indices: Sequence[int],
    *,
    target: HeatmapTarget = HeatmapTarget.LOGIT,
    samples: int = SAMPLES,
    seed: int = 0,
    check: Callable[[], None] = lambda: None,
) -> tuple[Heatmap, ...]:
    """Weigh the patches (SLIC superpixels) of a picture for the labels at `indices`, all from the same runs.

    Ribeiro, Singh and Guestrin, "Why should I trust you?", KDD 2016: patches are replaced by the picture's mean gray, by chance
    (`samples` pictures, the same for a seed), and a ridge regression near the picture tells what each was worth. Values are
    in logits, a patch's weight in each of its cells: positive speaks for the label, negative against.

    Raises:
        EngineUnavailable: the package is not installed.
    """
    spec, gray = package.manifest.input, model_input.gray

    def answers(pictures: Array) -> Array:
        check()
        batch = np.concatenate([_tensor(picture, spec) for picture in pictures])
        logits = [forward.logits.astype(np.float64) for forward in predictor.run(batch)]
        return np.stack([each if target is HeatmapTarget.LOGIT else margins(each) for each in logits])

    explanation = _explainer(seed).explain_instance(
        np.repeat(gray[:, :, None], 3, axis=2),
        answers,
        labels=tuple(indices),
        hide_color=int(gray.mean()),
        top_labels=None,
        num_samples=samples,
        batch_size=BATCH,
        segmentation_fn=_segmentation(),
        random_seed=seed,
    )
    return tuple(
        Heatmap(package.manifest.labels[index], _map(explanation.segments, dict(explanation.local_exp[index])), target, TITLE)
        for index in indices
    )


def _tensor(picture: Array, spec: InputSpec) -> Array:
    return normalise(to_channels(np.ascontiguousarray(picture[:, :, 0], np.uint8), spec), spec)


def _map(segments: Array, weights: dict[int, float]) -> npt.NDArray[np.float32]:
    table = np.array([weights.get(segment, 0.0) for segment in range(int(segments.max()) + 1)], np.float32)
    values = table[segments]
    size = max(1, values.shape[1] // CELL_PX), max(1, values.shape[0] // CELL_PX)
    return read_only(np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32))


def _explainer(seed: int) -> Any:  # Any: the package is untyped
    if reason := present.against_lime():
        raise EngineUnavailable(reason)
    from lime.lime_image import LimeImageExplainer

    class Quiet(LimeImageExplainer):  # type: ignore[misc]
        """Draws its samples as the package does, without its progress bar on a terminal that may not be there."""

        def data_labels(
            self,
            image: Array,
            fudged_image: Array,
            segments: Array,
            classifier_fn: Callable[[Array], Array],
            num_samples: int,
            batch_size: int,
        ) -> tuple[Array, Array]:
            count = int(np.unique(segments).size)
            data = self.random_state.randint(0, 2, num_samples * count).reshape((num_samples, count))
            data[0, :] = 1
            labels: list[Array] = []
            for start in range(0, num_samples, batch_size):
                keeps = data[start : start + batch_size].astype(bool)[:, segments]
                labels.extend(classifier_fn(np.where(keeps[..., None], image, fudged_image)))
            return data, np.array(labels)

    return Quiet(random_state=seed)


def _segmentation() -> Any:  # Any: the package is untyped
    from lime.wrappers.scikit_image import SegmentationAlgorithm

    return SegmentationAlgorithm("slic", n_segments=PATCHES, compactness=COMPACTNESS, start_label=0)
