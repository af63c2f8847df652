"""What comes out of a model for one image."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cxrview.core.frame import Frame
from cxrview.core.image import Fact
from cxrview.core.manifest import Label

if TYPE_CHECKING:
    from cxrview.core.lungs import Lungs

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class ModelInput:
    """One prepared image.

    Attributes:
        tensor: (1, C, H, W) float32, normalised as the contract says.
        gray: (H, W) uint8, the picture the network sees before normalisation, for people and for caches.
        frame: model px to image px.
    """

    tensor: FloatArray
    gray: npt.NDArray[np.uint8]
    frame: Frame
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Forward:
    """One pass: `logits` (L,) float32; `features` (K, h, w) float32 after the last activation, None if the graph gives none.

    A composite package has its members' passes in `parts`, in their order; its own features are the first member's.
    """

    logits: FloatArray
    features: FloatArray | None
    parts: tuple[Forward, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One label's answer; `probability` is calibrated, 0 to 1; `network` names what it comes from in a composite package, else empty."""

    label: Label
    logit: float
    probability: float
    threshold: float
    network: str = ""

    @property
    def is_positive(self) -> bool:
        """Tell whether the probability reaches the threshold."""
        return self.probability >= self.threshold

    @property
    def is_raised(self) -> bool:
        """Tell whether it is positive and says that something was found; a positive `normal` is nothing to point at."""
        return self.is_positive and self.label.is_finding


class HeatmapTarget(StrEnum):
    """What the map explains: the logit itself, or this class against the rest (z_c - logsumexp of the others)."""

    LOGIT = "logit"
    ONE_AGAINST_REST = "one-against-rest"


@dataclass(frozen=True, slots=True, eq=False)
class Heatmap:
    """Where the evidence for a label lies.

    Attributes:
        values: (h, w) float32 at feature size, signed: contribution of each cell to the target, in logits. For a
            pooled-linear head the cells add up to the logit less its bias.
        method: as shown to people (`Grad-CAM`, `HiResCAM`, `occlusion`, ...); in a composite package with the network it explains.
        network: the member, or members, of a composite package that it explains; empty for a package of one network.
    """

    label: Label
    values: FloatArray
    target: HeatmapTarget
    method: str
    network: str = ""

    @property
    def is_flat(self) -> bool:
        """Tell whether there is nothing to show: no cell contributes visibly (all finite and within 1e-6 of one value)."""
        return not bool(np.isfinite(self.values).all()) or float(np.ptp(self.values)) < 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """Everything one model says of one image; `engine` and `device` are what really ran, `lungs` where they were looked for."""

    model_id: str
    model_version: str
    model_sha256: str
    engine: str
    device: str
    frame: Frame
    findings: tuple[Finding, ...]
    heatmaps: tuple[Heatmap, ...]
    flags: tuple[str, ...] = ()
    in_distribution: float | None = None
    lungs: Lungs | None = None
    facts: tuple[Fact, ...] = ()
