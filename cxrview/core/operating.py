"""Read a label's operating curve: which threshold gives a wanted sensitivity or specificity, and what a threshold is worth."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from cxrview.core.manifest import Manifest, OperatingCurve

# A stored share may lie a hair under the round number it stands for.
ROUNDING = 1e-9


class Aim(StrEnum):
    """What a threshold is chosen by."""

    SENSITIVITY = "sensitivity"
    SPECIFICITY = "specificity"


@dataclass(frozen=True, slots=True)
class Worth:
    """What a threshold is worth on the images of a curve: mean sensitivity and specificity over their sources, 0 to 1, at least.

    Attributes:
        lowest: the same in the sources where each is lowest; None where the package does not tell.
    """

    sensitivity: float
    specificity: float
    lowest: Worth | None = None


def curves_of(manifest: Manifest) -> dict[str, OperatingCurve]:
    """Give the operating curves of a package by label id; labels without one are left out."""
    pairs = zip(manifest.labels, manifest.operating_curve, strict=False)
    return {label.id: curve for label, curve in pairs if curve.probability}


def threshold_for(curve: OperatingCurve, aim: Aim, wanted: float) -> float | None:
    """Give the threshold that reaches a share, 0 to 1, of one kind and loses least of the other; None where no stored one does."""
    if aim is Aim.SENSITIVITY:
        reaching = [place for place, share in enumerate(curve.sensitivity) if share >= wanted - ROUNDING]
        return curve.probability[reaching[-1]] if reaching else None
    reaching = [place for place, share in enumerate(curve.specificity) if share >= wanted - ROUNDING]
    return curve.probability[reaching[0]] if reaching else None


def worth_at(curve: OperatingCurve, threshold: float) -> Worth:
    """Give what a threshold is worth at least: between two stored ones the sensitivity of the higher, the specificity of the lower."""
    above, below = bisect_left(curve.probability, threshold), bisect_right(curve.probability, threshold) - 1
    lowest = Worth(_at(curve.lowest_sensitivity, above), _at(curve.lowest_specificity, below)) if curve.lowest_sensitivity else None
    return Worth(_at(curve.sensitivity, above), _at(curve.specificity, below), lowest)


def _at(shares: Sequence[float], place: int) -> float:
    return shares[place] if 0 <= place < len(shares) else 0.0
