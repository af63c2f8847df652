"""Is a lower precision good enough for a network? Measured on its validation images, so that the package can say so."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from cxrview.core.manifest import Manifest, PrecisionCheck
from cxrview.core.prepare import normalise
from cxrview.core.results import FloatArray
from cxrview.core.scores import probabilities
from cxrview.engine import present
from cxrview.engine.openvino import BFLOAT16, OpenVinoPredictor
from cxrview.engine.packages import Package
from cxrview.engine.selftest import VALIDATION_TOLERANCE

BATCH = 16


def check_precisions(
    package: Package,
    manifest: Manifest,
    pictures: npt.NDArray[np.uint8],
    logits: FloatArray,
    report: Callable[[str], None],
) -> tuple[PrecisionCheck, ...]:
    """Compare the probabilities in bfloat16 with those in float32 on the validation images; none where OpenVINO has no bfloat16 here.

    Args:
        package: the network, in a folder.
        manifest: the same, with its calibration.
        pictures: (N, C, H, W), the validation images as prepared before normalisation.
        logits: (N, L) of the same images in float32.
        report: told what came of it.
    """
    against = present.against_openvino_bfloat16()
    if against or not len(pictures):
        report(f"bf16 was not compared with float32 on the validation images: {against or 'there are none.'}")
        return ()
    predictor = OpenVinoPredictor(package, precision=BFLOAT16)
    try:
        found = [forward.logits for start in range(0, len(pictures), BATCH) for forward in predictor.run(_batch(pictures, start, manifest))]
    finally:
        predictor.close()
    pairs = zip(found, logits, strict=True)
    largest = max(float(np.abs(probabilities(one, manifest) - probabilities(two, manifest)).max()) for one, two in pairs)
    is_used = "it is used where it is faster" if largest <= VALIDATION_TOLERANCE else f"above {VALIDATION_TOLERANCE:g}, so it is not used"
    report(f"bf16 moves no probability of {len(pictures)} validation images by more than {largest:.4f}: {is_used}.")
    return (PrecisionCheck(BFLOAT16, largest if np.isfinite(largest) else 1.0, len(pictures)),)


def _batch(pictures: npt.NDArray[np.uint8], start: int, manifest: Manifest) -> FloatArray:
    batch: FloatArray = np.concatenate([normalise(channels, manifest.input) for channels in pictures[start : start + BATCH]])
    return batch
