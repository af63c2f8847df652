"""The self-test at load: a package's golden inputs must give its golden answers, on the engine that is about to be used."""

from __future__ import annotations

import numpy as np

from cxrview.core.errors import PackageError
from cxrview.core.scores import probabilities
from cxrview.engine.base import Predictor, stacked_logits
from cxrview.engine.packages import Package

# The reference engine on another processor differs in the last bits only: sums are taken in another order.
LOGIT_TOLERANCE = 1e-3
# docs/decisions/0002-engine-tolerance.md: other engines and precisions must agree with the reference in every probability.
PROBABILITY_TOLERANCE = 0.005
# On the validation images, of which a package holds the largest difference and not the pictures, a lower precision may take this much.
VALIDATION_TOLERANCE = 0.01


def reference_difference(package: Package, predictor: Predictor) -> float:
    """Give the largest difference between this engine's logits and the golden ones.

    Raises:
        PackageError: it is above `LOGIT_TOLERANCE`, or not finite.
    """
    logits = stacked_logits(predictor.run(package.golden.inputs))
    difference = _largest(logits, package.golden.logits)
    if not difference <= LOGIT_TOLERANCE:
        where = f"{predictor.engine} on {predictor.device}"
        raise PackageError(
            f"the self-test failed: the logits of {where} differ by {difference:.2g} from the golden ones.",
            hint=f"At most {LOGIT_TOLERANCE:g} is rounding; get the package again.",
            subject=str(package.folder),
        )
    return difference


def probability_difference(package: Package, predictor: Predictor) -> float:
    """Give the largest difference between this engine's probabilities and the reference's on the golden inputs; infinite if not finite."""
    logits = stacked_logits(predictor.run(package.golden.inputs))
    if logits.shape != package.golden.logits.shape:
        return float("inf")
    pairs = zip(logits, package.golden.logits, strict=True)
    return max(_largest(probabilities(one, package.manifest), probabilities(two, package.manifest)) for one, two in pairs)


def validation_objection(package: Package, precision: str) -> str:
    """Say what speaks against a precision by what was measured on the package's validation images; empty when nothing does.

    Golden inputs do not tell: a network that differed by 0.006 on its phantoms differed by 0.12 on a radiograph.
    """
    for each in package.members or (package,):
        check = next((check for check in each.manifest.precisions if check.precision == precision), None)
        if check is None:
            return f"nobody has compared {precision} with float32 on the validation images of {each.manifest.id}."
        if not check.largest <= VALIDATION_TOLERANCE:
            return (
                f"on {check.images} validation images a probability in {precision} differed by {check.largest:.2g} from float32; "
                f"{VALIDATION_TOLERANCE:g} is allowed."
            )
    return ""


def _largest(
    values: np.ndarray[tuple[int, ...], np.dtype[np.floating]], wanted: np.ndarray[tuple[int, ...], np.dtype[np.floating]]
) -> float:
    if values.shape != wanted.shape or not np.isfinite(values).all():
        return float("inf")
    return float(np.abs(values - wanted).max())
