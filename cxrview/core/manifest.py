"""What a model package says of itself, and the pure function that parses it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from cxrview.core.conformal import ConformalRule

# 1: one network. 2: several networks in one folder; written for those packages only, so that an older program reads the others.
FORMAT, COMPOSITE_FORMAT = 1, 2


class Task(StrEnum):
    """How logits become probabilities.

    A `segmentation` model marks regions: its features are (L, h, w) logits of each label for each pixel, and its logits (L,)
    the log of the mean of their exponentials over the picture. A `gate` answers questions about the whole picture, each with its
    own sigmoid, before a classifier reads it.
    """

    BINARY = "binary"
    MULTICLASS = "multiclass"
    MULTILABEL = "multilabel"
    HIERARCHICAL = "hierarchical"
    SEGMENTATION = "segmentation"
    GATE = "gate"

    @property
    def is_classifier(self) -> bool:
        """Tell whether the model reads radiographs for people, rather than looking at them before another model does."""
        return self not in (Task.SEGMENTATION, Task.GATE)


class Channels(StrEnum):
    """What the channels of the input hold."""

    GRAY = "gray"
    GRAY3 = "gray3"
    GRAY_CLAHE_BEASF = "gray+clahe+beasf"

    @property
    def planes(self) -> int:
        """Number of channels."""
        return 1 if self is Channels.GRAY else 3


class ResizeRule(StrEnum):
    """How a rectangle becomes the model's rectangle."""

    STRETCH = "stretch"
    LETTERBOX = "letterbox"
    CROP = "crop"


class RangeRule(StrEnum):
    """Which gray values become 0 and 255."""

    PERCENTILE = "percentile"
    BIT_DEPTH = "bit-depth"
    WINDOW = "window"


class Enhancement(StrEnum):
    """What is done to the 8-bit gray image at model size, in order."""

    CLAHE = "clahe"
    BEASF = "beasf"
    HISTOGRAM_MATCH = "histogram-match"
    EQUALISE = "equalise"
    REMOVE_MARKS = "remove-marks"


class Normalisation(StrEnum):
    """How 0 to 1 becomes what the network eats: fixed mean and std, or each image's own."""

    FIXED = "fixed"
    PER_IMAGE = "per-image"


@dataclass(frozen=True, slots=True)
class InputSpec:
    """The input contract: everything `prepare` needs, so that training, viewer and batch do the same.

    Attributes:
        width, height: model px.
        via_px: shrink the longer side to this many px first, so that sources of different resolution look alike; 0 for no.
        border_crop: fraction of each side cut away before anything else, 0 to 0.25.
        lung_crop: crop to the box of a given lung mask, grown by `lung_margin` of its size on each side.
        lung_mask: blank everything outside a given lung mask, grown by `lung_dilation` of the model's shorter side.
        percentiles: low and high, for `RangeRule.PERCENTILE`.
        clahe_clip, clahe_tiles: OpenCV's clipLimit and tiles per side.
        beasf_gamma: slope of BEASF (COVID-CXNet), > 0.
        reference_histogram: 256 weights for histogram matching; empty when it is not used.
        mean, std: per channel, of values in 0 to 1.
    """

    width: int
    height: int
    channels: Channels = Channels.GRAY
    via_px: int = 0
    border_crop: float = 0.0
    resize: ResizeRule = ResizeRule.STRETCH
    lung_crop: bool = False
    lung_margin: float = 0.05
    lung_mask: bool = False
    lung_dilation: float = 0.03
    range_rule: RangeRule = RangeRule.PERCENTILE
    percentiles: tuple[float, float] = (0.5, 99.5)
    enhancement: tuple[Enhancement, ...] = ()
    clahe_clip: float = 2.0
    clahe_tiles: int = 8
    beasf_gamma: float = 1.5
    reference_histogram: tuple[float, ...] = ()
    normalisation: Normalisation = Normalisation.FIXED
    mean: tuple[float, ...] = (0.5,)
    std: tuple[float, ...] = (0.25,)


@dataclass(frozen=True, slots=True)
class Code:
    """A code for a label in a terminology."""

    scheme: str
    value: str
    meaning: str


# Ids of labels that say that nothing was found, as people name them.
UNREMARKABLE = frozenset({"normal", "clear", "healthy", "negative", "none", "no-finding", "no_finding", "control"})


@dataclass(frozen=True, slots=True)
class Label:
    """One output of a model; `id` is short, lower case, used in columns and options."""

    id: str
    name: str
    codes: tuple[Code, ...] = ()

    @property
    def is_finding(self) -> bool:
        """Tell whether it says that something was found."""
        return self.id.lower() not in UNREMARKABLE


class HeatmapKind(StrEnum):
    """How a heatmap of this model is made."""

    POOLED_LINEAR = "pooled-linear"
    POOLED_MLP = "pooled-mlp"
    FLATTEN_MLP = "flatten-mlp"
    GRADIENT = "gradient"
    OCCLUSION = "occlusion"
    MEMBERS = "members"
    NONE = "none"


class CalibrationMethod(StrEnum):
    """How a logit becomes a calibrated probability."""

    NONE = "none"
    TEMPERATURE = "temperature"
    PLATT = "platt"
    ISOTONIC = "isotonic"


@dataclass(frozen=True, slots=True)
class Calibration:
    """Platt: sigmoid(slope * logit + bias); temperature is slope = 1 / T with bias 0; isotonic: knots logit → probability.

    For a multiclass model `slope` (1 / T) multiplies all logits alike before the softmax and `bias` is added to this label's;
    isotonic knots apply to the label's margin over the rest, z - logsumexp of the others.

    `prevalence` is the share of positives, 0 to 1, among the images that the probability was fitted on; 0 where it is not known.
    """

    method: CalibrationMethod = CalibrationMethod.NONE
    slope: float = 1.0
    bias: float = 0.0
    knots_logit: tuple[float, ...] = ()
    knots_probability: tuple[float, ...] = ()
    prevalence: float = 0.0


@dataclass(frozen=True, slots=True)
class Threshold:
    """The probability from which a label counts as positive, and the operating point it stands for."""

    probability: float = 0.5
    operating_point: str = "not chosen; 0.5 by default"


@dataclass(frozen=True, slots=True)
class OperatingCurve:
    """How often a label is right at each threshold, on images that the weights did not learn from; empty where nobody measured.

    Attributes:
        probability: thresholds, rising, 0 to 1.
        sensitivity, specificity: at each of them, the mean over the sources of the images; the first falls, the second rises.
        lowest_sensitivity, lowest_specificity: at each of them, in the source where it is lowest; empty where nobody told.
        positives, negatives: how many images both rest on.
        cases: which images, in words.
    """

    probability: tuple[float, ...] = ()
    sensitivity: tuple[float, ...] = ()
    specificity: tuple[float, ...] = ()
    positives: int = 0
    negatives: int = 0
    cases: str = ""
    lowest_sensitivity: tuple[float, ...] = ()
    lowest_specificity: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class PrecisionCheck:
    """How far a lower precision moves the probabilities of the validation images from those in float32.

    Attributes:
        precision: as engines name it, such as `bf16`.
        largest: difference of any probability of any image, 0 to 1.
        images: how many were compared.
    """

    precision: str
    largest: float
    images: int


@dataclass(frozen=True, slots=True)
class TrainedOn:
    """One source that the weights learned from."""

    source: str
    images: int
    patients: int
    licence: str


@dataclass(frozen=True, slots=True)
class Architecture:
    """How to rebuild the network in torch: a name that `engine.nets` knows, and its options.

    Attributes:
        head: `pool` (global average pooling, then dense layers) or `flatten` (dense layers on all cells).
        head_hidden: sizes of the hidden dense layers, none for a linear head.
        dropout: before the last dense layer, 0 to 1.
    """

    name: str
    head: str = "pool"
    head_hidden: tuple[int, ...] = ()
    dropout: float = 0.0


class Combination(StrEnum):
    """How the networks of a composite package become one answer."""

    MEAN_LOGIT = "mean-logit"
    MEAN_PROBABILITY = "mean-probability"
    PRODUCT = "product"


@dataclass(frozen=True, slots=True)
class Member:
    """One network of a composite package: a complete package of its own in the folder `name`.

    Attributes:
        labels: for a product, the ids of its own labels in their order; empty for a mean, whose members have the package's labels.
        splits: for a product, the label of an earlier member whose probability this one divides; empty for the first.
        otherwise: for a product, the label that a member with a single logit means where its own label is not.
    """

    name: str
    labels: tuple[str, ...] = ()
    splits: str = ""
    otherwise: str = ""


@dataclass(frozen=True, slots=True)
class Composite:
    """How a package is made of several networks; all of them take the same input."""

    combine: Combination
    members: tuple[Member, ...]

    def path_to(self, label_id: str) -> tuple[tuple[Member, str], ...]:
        """Give the members of a product that decide a label, from the first down, each with its own outcome on the way."""
        for member in self.members:
            if label_id in (*member.labels, member.otherwise):
                return (*(self.path_to(member.splits) if member.splits else ()), (member, label_id))
        return ()

    def network_of(self, label_id: str) -> str:
        """Name the members that a label's probability comes from: `mean of a, b`, or `a × b` down the tree."""
        if self.combine is Combination.PRODUCT:
            return " × ".join(member.name for member, _ in self.path_to(label_id))
        return f"mean of {', '.join(member.name for member in self.members)}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """A parsed `model.toml`.

    Attributes:
        labels: in the order of the logits.
        calibration, thresholds: one for each label, in the same order.
        activations: between the layers of the head, for the mlp kinds (`relu`, `hardswish`, `gelu`, `silu`, `tanh`); one fewer than layers.
        operating_curve: one for each label, in the same order; empty when the package has none at all.
        split_sha256: hash of the split manifest the numbers in CARD.md were measured on.
        files: relative name to SHA-256, every file of the package but `model.toml` itself.
        graph: file name of the network; empty for a composite package, whose networks lie in the folders of its members.
        composite: None for a package of one network.
        conformal: bounds between which the answer is "don't know", one for each label in the same order; empty when there are none.
        precisions: what lower precisions were compared with float32 on the validation images; empty where nobody did.
    """

    id: str
    title: str
    version: str
    licence: str
    intended_use: str
    task: Task
    labels: tuple[Label, ...]
    input: InputSpec
    heatmap: HeatmapKind
    activations: tuple[str, ...]
    calibration: tuple[Calibration, ...]
    thresholds: tuple[Threshold, ...]
    trained_on: tuple[TrainedOn, ...]
    split_sha256: str
    files: dict[str, str] = field(hash=False)
    architecture: Architecture | None = None
    graph: str = "model.onnx"
    composite: Composite | None = None
    operating_curve: tuple[OperatingCurve, ...] = ()
    conformal: tuple[ConformalRule | None, ...] = ()
    precisions: tuple[PrecisionCheck, ...] = ()
