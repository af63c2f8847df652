"""Synthetic radiographs drawn by physics, for the demo, the tests and the self-test inputs of models; they are not data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
import numpy.typing as npt

from cxrview.core.frame import Box
from cxrview.core.image import Fact, ImageInfo, Pixels, Spacing, SpacingKind, StoredArray, read_only
from cxrview.core.phantom_chest import LUNG_DENSITY, SOFT_PER_CM, Layers, cross_chest, make_anatomy
from cxrview.core.phantom_other import draw_blank, draw_hand, draw_noise, draw_text_page
from cxrview.core.phantom_solids import FRONTAL_AXES, LATERAL_AXES, FloatArray, Screen

Bools = npt.NDArray[np.bool_]

# Width and height in cm that always fit on the picture.
FIELD_CM = (36.0, 36.5)
# Height of the middle of the picture below the top of the lungs.
MIDDLE_Y_CM = 13.9
# X-ray quanta per square mm in the open beam; gives the noise of an ordinary chest film (about 2.5 uGy behind the patient).
QUANTA_PER_MM2 = 9.0e5
# Scattered over all detected radiation behind the grid, before it is blurred, and how far it spreads.
SCATTER_SHARE = 0.2
SCATTER_SPREAD_CM = 4.0
# Presentation: how much of the large structures is held back, as vendors' processing does, and the curve from -log to gray.
EQUALISED_SHARE = 0.30
EQUALISED_OVER_CM = 2.6
DETAIL_GAIN = 0.9
DETAIL_CM = 0.5
CURVE_MIDDLE = 2.05
CURVE_WIDTH = 0.72
CURVE_FOOT = 0.12


class View(StrEnum):
    """What is on the picture; `NON_CHEST` is one of those below it, by seed."""

    PA = "PA"
    AP = "AP"
    LATERAL = "lateral"
    NON_CHEST = "non-chest"
    HAND = "hand"
    TEXT = "text"
    NOISE = "noise"
    BLANK = "blank"

    @property
    def is_chest(self) -> bool:
        """Tell whether it is a chest from any side."""
        return self in (View.PA, View.AP, View.LATERAL)


@dataclass(frozen=True, slots=True)
class Opacity:
    """Something dense in the lung, seen as a bright spot.

    Attributes:
        x, y: middle, as fractions of the picture's width and height.
        radius: as a fraction of the picture's width.
        density: 0 (lung) to 1 (solid tissue) at its middle.
        is_patchy: a ragged cloud, as in pneumonia; otherwise a ball, as a nodule.
    """

    x: float
    y: float
    radius: float
    density: float = 1.0
    is_patchy: bool = False

    def box(self, size: tuple[int, int]) -> Box:
        """Give the rectangle that holds all of it, px, for a picture of this width and height."""
        x, y, radius = self.x * size[0], self.y * size[1], self.radius * size[0]
        return Box(max(x - radius, 0.0), max(y - radius, 0.0), min(x + radius, float(size[0])), min(y + radius, float(size[1])))


@dataclass(frozen=True, slots=True, eq=False)
class Phantom:
    """A drawn radiograph.

    Attributes:
        values: (rows, columns), bright = dense, 0 to 2**bits - 1; uint8 for 8 bits, else uint16.
        view: what was drawn; never `NON_CHEST`.
        lung_mask: True where lung is seen and neither heart nor diaphragm; all False where there is no chest.
        opacities, boxes: what was put into the lungs, and where, image px.
        opacity_mask: True where an opacity changes the picture.
        marker: the text that was burned in.
        spacing_mm: between pixel centres, at the detector.
    """

    values: StoredArray
    bits: int
    seed: int
    view: View
    lung_mask: Bools
    opacities: tuple[Opacity, ...]
    boxes: tuple[Box, ...]
    opacity_mask: Bools
    marker: str
    spacing_mm: float

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, px."""
        return self.values.shape[1], self.values.shape[0]


def phantom(
    seed: int,
    *,
    size: tuple[int, int] = (1024, 1024),
    bits: int = 12,
    view: View | str = View.PA,
    opacities: int | Sequence[Opacity] = 0,
    marker: str = "",
    border: float = 0.0,
) -> Phantom:
    """Draw a radiograph, the same for the same arguments.

    Args:
        seed: chooses the patient, the noise and where counted opacities lie, each independently of the other arguments.
        size: width and height, px, each at least 16.
        bits: 8 to 16.
        view: one of `View`, or its text.
        opacities: how many to put at random places in the lungs, or exactly which.
        marker: the first word is burned in beside the shoulder (`L` on the patient's left, `R` on the right), the rest below, small.
        border: share of each side that a black collimator covers, 0 to 0.25.

    Raises:
        ValueError: an argument is outside its range.
    """
    _check(size, bits, border)
    view = _settled(View(view), seed)
    screen = _screen(size, view, seed)
    layers = _expose(screen, view, seed)
    placed = _placed(opacities, layers, screen, seed) if isinstance(opacities, int) else tuple(opacities)
    extra = _opacity_attenuation(placed, layers, screen, seed)
    gray = _developed(layers.attenuation + extra, screen, _stream(seed, "noise")) if view.is_chest else layers.attenuation
    _burn_marker(gray, marker, border)
    _collimate(gray, border)
    return Phantom(
        values=_stored(gray, bits),
        bits=bits,
        seed=seed,
        view=view,
        lung_mask=read_only(layers.is_lung),
        opacities=placed,
        boxes=tuple(opacity.box(size) for opacity in placed),
        opacity_mask=read_only(extra > SOFT_PER_CM * 0.05),
        marker=marker.strip(),
        spacing_mm=screen.cm_per_px * 10,
    )


def as_pixels(drawn: Phantom, *, is_inverted: bool = False, info: ImageInfo | None = None) -> Pixels:
    """Give the phantom as if it had been read from a file; inverted ones store dense as low and say so, so that they look the same."""
    top = 2**drawn.bits - 1
    values = read_only((top - drawn.values).astype(drawn.values.dtype)) if is_inverted else drawn.values
    return Pixels(
        values=values,
        bits=drawn.bits,
        is_inverted=is_inverted,
        spacing=Spacing(drawn.spacing_mm, drawn.spacing_mm, SpacingKind.AT_DETECTOR),
        info=info or ImageInfo(format="phantom", modality="DX", view=drawn.view.value if drawn.view.is_chest else ""),
        facts=(Fact("phantom", f"drawn, not data (seed {drawn.seed})"),),
    )


def _check(size: tuple[int, int], bits: int, border: float) -> None:
    if min(size) < 16:
        raise ValueError(f"size {size} is too small to draw on; each side needs at least 16 pixels")
    if not 8 <= bits <= 16:
        raise ValueError(f"{bits} bits; phantoms have 8 to 16")
    if not 0 <= border <= 0.25:
        raise ValueError(f"border {border}; it may cover 0 to 0.25 of each side")


def _stream(seed: int, purpose: str) -> np.random.Generator:
    """Give independent random numbers for each purpose, so that one choice does not disturb another."""
    return np.random.default_rng([seed, *purpose.encode()])


def _settled(view: View, seed: int) -> View:
    if view is not View.NON_CHEST:
        return view
    choices = (View.HAND, View.TEXT, View.NOISE, View.BLANK)
    return choices[int(_stream(seed, "view").integers(len(choices)))]


def _screen(size: tuple[int, int], view: View, seed: int) -> Screen:
    """Choose the rays: the patient stands a little off the middle, larger or smaller."""
    rng = _stream(seed, "position")
    width, height = size
    cm_per_px = max(FIELD_CM[0] / width, FIELD_CM[1] / height) * float(np.clip(rng.normal(1.0, 0.03), 0.94, 1.07))
    x, y = rng.normal(0.0, 0.5, 2).clip(-1.2, 1.2)
    axes = LATERAL_AXES if view is View.LATERAL else FRONTAL_AXES
    return Screen(axes, width, height, float(x) - width * cm_per_px / 2, MIDDLE_Y_CM + float(y) - height * cm_per_px / 2, cm_per_px)


def _expose(screen: Screen, view: View, seed: int) -> Layers:
    """Give the attenuation of a chest, or the finished gray of anything else."""
    rng = _stream(seed, "patient")
    if view.is_chest:
        anatomy = make_anatomy(rng, is_supine=view is View.AP)
        return _leaning(cross_chest(anatomy, screen, rng), screen, rng)
    empty = np.zeros((screen.height, screen.width), np.float32)
    if view is View.HAND:
        gray = draw_hand(screen, rng)
    else:
        gray = {View.TEXT: draw_text_page, View.NOISE: draw_noise, View.BLANK: draw_blank}[view]((screen.width, screen.height), rng)
    return Layers(gray, empty, empty > 0)


def _leaning(layers: Layers, screen: Screen, rng: np.random.Generator) -> Layers:
    """Let the patient lean a little to one side, the one seen from the side a little forwards."""
    middle = (screen.width / 2 - 0.5, screen.height / 2 - 0.5)
    lean = float(np.clip(rng.normal(0, 1.2), -3, 3)) - (0.0 if screen.is_frontal else 4.0)
    turn = cv2.getRotationMatrix2D(middle, lean, 1.0)
    size = (screen.width, screen.height)
    attenuation, air = (
        np.asarray(cv2.warpAffine(layer, turn, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)
        for layer in (layers.attenuation, layers.air_cm)
    )
    mask = cv2.warpAffine(layers.is_lung.astype(np.uint8), turn, size, flags=cv2.INTER_NEAREST)
    return Layers(attenuation, air, mask > 0)


def _placed(count: int, layers: Layers, screen: Screen, seed: int) -> tuple[Opacity, ...]:
    """Choose places well inside the lungs; none where there is no lung."""
    rng = _stream(seed, "places")
    inside = cv2.distanceTransform(np.pad(layers.is_lung.astype(np.uint8), 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    rows, columns = np.nonzero(inside > 0.4 * float(inside.max()) if inside.max() > 0 else layers.is_lung)
    if not len(rows):
        return ()
    found = []
    for _ in range(count):
        pick = int(rng.integers(len(rows)))
        found.append(
            Opacity(
                x=float((columns[pick] + 0.5) / screen.width),
                y=float((rows[pick] + 0.5) / screen.height),
                radius=float(rng.uniform(1.2, 3.2) / screen.cm_per_px / screen.width),
                density=float(rng.uniform(0.6, 1.0)),
                is_patchy=bool(rng.random() < 0.6),
            )
        )
    return tuple(found)


def _opacity_attenuation(opacities: tuple[Opacity, ...], layers: Layers, screen: Screen, seed: int) -> FloatArray:
    """Fill lung with tissue: never more than there is lung along the ray."""
    filled = np.zeros_like(layers.air_cm)
    rng = _stream(seed, "clouds")
    for opacity in opacities:
        box = opacity.box((screen.width, screen.height))
        x0, y0 = int(np.ceil(box.left)), int(np.ceil(box.top))
        x1, y1 = int(np.floor(box.right)), int(np.floor(box.bottom))
        if x1 <= x0 or y1 <= y0:
            continue
        filled[y0:y1, x0:x1] += _ball(opacity, (x0, y0, x1, y1), screen, rng)
    return np.minimum(filled, layers.air_cm) * np.float32(SOFT_PER_CM * (1 - LUNG_DENSITY))


def _ball(opacity: Opacity, patch: tuple[int, int, int, int], screen: Screen, rng: np.random.Generator) -> FloatArray:
    x0, y0, x1, y1 = patch
    radius = opacity.radius * screen.width
    h = (np.arange(x0, x1) + 0.5 - opacity.x * screen.width)[None, :] / radius
    v = (np.arange(y0, y1) + 0.5 - opacity.y * screen.height)[:, None] / radius
    chord = 2 * np.sqrt(np.maximum(1 - h * h - v * v, 0)) * opacity.density
    if opacity.is_patchy:
        cells = rng.random((7, 7), dtype=np.float32)
        cloud = cv2.resize(cells, (x1 - x0, y1 - y0), interpolation=cv2.INTER_CUBIC).clip(0, 1)
        chord = chord * chord / 2 * (0.25 + cloud)
    return np.asarray(chord * radius * screen.cm_per_px, np.float32)


def _developed(attenuation: FloatArray, screen: Screen, rng: np.random.Generator) -> FloatArray:
    """Detect the beam with scatter and noise, take its logarithm, and render it as a film, 0 to 1."""
    primary = np.exp(-attenuation)
    detected = primary * np.float32(1 - SCATTER_SHARE) + _blurred(primary, SCATTER_SPREAD_CM / screen.cm_per_px) * np.float32(SCATTER_SHARE)
    quanta = QUANTA_PER_MM2 * (10 * screen.cm_per_px) ** 2
    noise = rng.standard_normal(detected.shape, dtype=np.float32)
    detected += noise * np.sqrt(detected * np.float32(1 / quanta))
    log = -np.log(np.maximum(detected, np.float32(1e-4)))
    coarse = _blurred(log, EQUALISED_OVER_CM / screen.cm_per_px)
    fine = log - _blurred(log, DETAIL_CM / screen.cm_per_px)
    shown = log - np.float32(EQUALISED_SHARE) * (coarse - np.float32(CURVE_MIDDLE)) + np.float32(DETAIL_GAIN) * fine
    curve = 1 / (1 + np.exp((np.float32(CURVE_MIDDLE) - shown) / np.float32(CURVE_WIDTH)))
    return np.asarray((curve - np.float32(CURVE_FOOT)) / np.float32(1 - CURVE_FOOT), np.float32)


def _blurred(layer: FloatArray, sigma_px: float) -> FloatArray:
    """Blur widely at little cost: shrink, blur, enlarge."""
    factor = max(int(sigma_px / 3), 1)
    small_size = (max(layer.shape[1] // factor, 1), max(layer.shape[0] // factor, 1))
    small = cv2.resize(layer, small_size, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), max(sigma_px / factor, 0.3), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(small, (layer.shape[1], layer.shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)


def _burn_marker(gray: FloatArray, marker: str, border: float) -> None:
    """Write the side letter as lead does, white, and the rest small at the lower edge, all inside the collimator."""
    letter, _, rest = marker.strip().partition(" ")
    height, width = gray.shape
    scale = min(width, height) / 1024
    if letter:
        x = 0.05 + border if letter.upper().startswith("R") else 0.89 - border
        _write(gray, letter, (x * width, (0.14 + border) * height), 2.2 * scale)
    if rest:
        _write(gray, rest, ((0.03 + border) * width, (0.97 - border) * height), 0.8 * scale)


def _write(gray: FloatArray, text: str, at: tuple[float, float], scale: float) -> None:
    drawn = np.zeros(gray.shape, np.uint8)
    thickness = max(round(2.6 * scale), 1)
    cv2.putText(drawn, text, (round(at[0]), round(at[1])), cv2.FONT_HERSHEY_DUPLEX, scale, 255, thickness, cv2.LINE_AA)
    np.maximum(gray, drawn * np.float32(0.98 / 255), out=gray)


def _collimate(gray: FloatArray, border: float) -> None:
    height, width = gray.shape
    top, left = round(border * height), round(border * width)
    if top or left:
        inside = gray[top : height - top, left : width - left].copy()
        gray[:] = 0
        gray[top : height - top, left : width - left] = inside


def _stored(gray: FloatArray, bits: int) -> StoredArray:
    top = np.float32(2**bits - 1)
    codes = np.clip(np.rint(gray * top), 0, top)
    return read_only(codes.astype(np.uint8)) if bits == 8 else read_only(codes.astype(np.uint16))
