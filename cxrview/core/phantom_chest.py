"""The anatomy of a chest in simple solids, varied by a random generator, and its attenuation along the rays of a screen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from cxrview.core.phantom_solids import (
    Barrel,
    Ellipsoid,
    FloatArray,
    Level,
    Points,
    Screen,
    Solid,
    Trace,
    Tube,
    monotone,
    rod,
    trace,
    union_length,
    union_of_tubes,
)

# Linear attenuation at about 75 keV, 1/cm (NIST XCOM, rounded): water-like tissue, and what bone has above it.
SOFT_PER_CM = 0.19
CORTEX_EXTRA_PER_CM = 0.42
MARROW_EXTRA_PER_CM = 0.085
# Density of inflated lung over that of tissue.
LUNG_DENSITY = 0.27
# Vessels and texture fade out where less lung than this lies along the ray.
LUNG_FADES_BELOW_CM = 4.0

# What has no fine detail is computed on a grid of at most so many pixels a side, then enlarged.
SOFT_PX = 360
TUBE_PX = 720
BONE_PX = 1152
RIB_POINTS = 22


@dataclass(frozen=True, slots=True, eq=False)
class Bone:
    """A rod of marrow in a shell of cortex, `shell_cm` thick; `strength` scales both."""

    tube: Tube
    shell_cm: float
    strength: float = 1.0


@dataclass(frozen=True, slots=True)
class Vertebra:
    """One vertebra; sizes of its body in cm."""

    center: tuple[float, float, float]
    half_width: float
    half_height: float
    half_depth: float


@dataclass(frozen=True, slots=True, eq=False)
class Plate:
    """A thin flat bone seen from the front: outline (n, 2) x, y cm, smoothed by `rounding_cm`, and its thickness."""

    outline: Points
    thickness_cm: float
    rounding_cm: float


@dataclass(frozen=True, slots=True, eq=False)
class Anatomy:
    """One patient.

    Attributes:
        body: soft solids, whose union is the patient without the arms.
        hanging_arms, raised_arms: soft solids, seen from the front and from the side.
        cavity: what the lungs would fill if nothing else were in the chest.
        organs: soft solids that take room from the lungs.
        domes: the two halves of the diaphragm, also taking room.
        airways, gas: hollow, inside the body.
        vessels: blood inside the lungs.
    """

    body: tuple[Solid, ...]
    hanging_arms: tuple[Solid, ...]
    raised_arms: tuple[Solid, ...]
    cavity: Barrel
    organs: tuple[Solid, ...]
    domes: tuple[Ellipsoid, ...]
    airways: tuple[Tube, ...]
    gas: tuple[Ellipsoid, ...]
    vessels: tuple[Tube, ...]
    bones: tuple[Bone, ...]
    arm_bones: tuple[Bone, ...]
    spine: tuple[Vertebra, ...]
    plates: tuple[Plate, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """A chest on a screen: `attenuation` (-log of the primary beam), `air_cm` of lung along each ray, `is_lung` where only lung is seen."""

    attenuation: FloatArray
    air_cm: FloatArray
    is_lung: npt.NDArray[np.bool_]


def make_anatomy(rng: np.random.Generator, *, is_supine: bool = False) -> Anatomy:
    """Draw one patient; supine ones breathe in less and have wider hearts, higher shoulders and scapulae over the lungs."""
    breath = float(rng.normal(0.0, 0.7)) - (2.2 if is_supine else 0.0)
    heart = float(np.clip(rng.normal(1.0, 0.07), 0.86, 1.2)) * (1.12 if is_supine else 1.0)
    girth = float(np.clip(rng.normal(1.0, 0.05), 0.9, 1.12))
    fat_cm = float(rng.uniform(0.0, 1.6))
    has_breasts = bool(rng.random() < 0.5)
    cavity = _cavity(girth)
    return Anatomy(
        body=tuple(_body(cavity, fat_cm, has_breasts=has_breasts)),
        hanging_arms=tuple(_hanging_arms(rng)),
        raised_arms=tuple(_raised_arms(rng)),
        cavity=cavity,
        organs=tuple(_organs(heart, rng)),
        domes=_domes(breath, rng),
        airways=_airways(rng),
        gas=_gas(breath, rng),
        vessels=tuple(_vessels(rng)),
        bones=tuple(_bones(cavity, rng)),
        arm_bones=(*_clavicles(rng, lift_cm=1.6 if is_supine else 0.0), *_arms(rng)),
        spine=tuple(_spine(rng)),
        plates=tuple(_scapulae(rng, is_supine=is_supine)),
    )


def _cavity(girth: float) -> Barrel:
    table = (
        (0.0, 4.6, 0.0, -2.6),
        (0.5, 6.0, 1.8, -2.5),
        (1.2, 7.1, 3.3, -2.3),
        (2.5, 8.5, 5.0, -2.0),
        (4.5, 10.1, 6.6, -1.5),
        (8.0, 11.9, 8.3, -0.8),
        (12.0, 13.2, 9.4, -0.3),
        (17.0, 14.1, 10.1, 0.0),
        (22.0, 14.6, 10.2, 0.0),
        (27.0, 14.7, 9.9, -0.2),
        (36.0, 14.6, 9.4, -0.4),
        (50.0, 14.6, 9.4, -0.4),
    )
    return Barrel(tuple(Level(y, a * girth, b * girth, z) for y, a, b, z in table))


def _body(cavity: Barrel, fat_cm: float, *, has_breasts: bool) -> Iterator[Solid]:
    """Give the trunk, neck and breasts."""
    trunk = [
        Level(level.y, level.half_width + 2.0 + fat_cm, level.half_depth + 2.2 + fat_cm / 2, level.center_z - 0.7)
        for level in cavity.levels
        if level.y > 8
    ]
    widest = trunk[0].half_width
    neckline = Level(-2.5, 5.0, 3.0, -1.5), Level(0.0, 9.0, 5.6, -1.8), Level(4.0, widest - 0.4, 8.2 + fat_cm / 2, -1.4)
    yield Barrel((*neckline, Level(8.0, widest, 10.4, -1.0), *trunk), roundness=2.4)
    yield Barrel((Level(-30.0, 5.6, 5.8, -0.5), Level(-4.0, 5.8, 6.0, -0.8), Level(-1.0, 6.6, 6.0, -1.5), Level(5.0, 9.0, 0.5, -1.5)), 2.0)
    if has_breasts:
        for side in (-1, 1):
            yield Ellipsoid((side * 7.8, 16.0, 7.4), (6.3, 8.8, 4.0 + fat_cm), roll_deg=side * 14, pitch_deg=26)


def _hanging_arms(rng: np.random.Generator) -> Iterator[Solid]:
    """Give shoulders, arms and the folds of muscle before and behind the armpit."""
    droop = float(rng.uniform(-0.6, 1.0))
    for side in (-1, 1):
        yield Ellipsoid((side * 8.6, 2.2 + droop / 2, -2.2), (10.5, 3.4, 5.0), roll_deg=side * 19)
        yield Ellipsoid((side * 16.5, 6.4 + droop, -1.2), (6.0, 5.4, 5.4), roll_deg=side * 35)
        yield Ellipsoid((side * 21.5, 13.5 + droop, -1.5), (4.4, 13.0, 4.8), roll_deg=-side * 24)
        yield Ellipsoid((side * 14.6, 10.0, -1.6), (3.6, 8.0, 6.5), roll_deg=side * 6)


def _raised_arms(rng: np.random.Generator) -> Iterator[Solid]:
    """Give shoulders and arms lifted over the head, out of the way of the side view."""
    for side in (-1, 1):
        lean = float(rng.normal(0, 4)) + 32
        yield Ellipsoid((side * 12.0, -5.5, 2.0), (3.0, 14.0, 7.0), pitch_deg=lean)
        yield Ellipsoid((side * 10.5, 0.5, -5.0), (3.5, 9.0, 3.6), pitch_deg=20)


def _organs(heart: float, rng: np.random.Generator) -> Iterator[Solid]:
    """Give the mediastinum, the heart and the great vessels."""
    wide = float(rng.uniform(0.92, 1.08))
    column = (
        (-3.0, 6.2, 6.0, -2.0),
        (0.0, 4.3, 5.8, -2.6),
        (1.2, 3.4, 6.0, -2.2),
        (3.0, 2.9, 6.6, -2.0),
        (6.0, 2.5, 7.2, -1.8),
        (10.0, 2.3, 7.8, -1.6),
        (18.0, 2.2, 8.2, -1.6),
        (50.0, 2.4, 8.4, -1.6),
    )
    yield Barrel(tuple(Level(y, a * wide, b, z, 0.1) for y, a, b, z in column), roundness=1.8)
    shift = float(rng.normal(0.0, 0.25))
    roll = float(rng.normal(30, 4))
    yield Ellipsoid((2.6 + shift, 19.2, 2.6), (7.3 * heart, 5.3 * heart, 5.2 * heart), roll_deg=roll, yaw_deg=20, pitch_deg=8)
    yield Ellipsoid((-1.0 + shift, 17.2, 1.6), (3.6 * heart, 5.6 * heart, 4.2 * heart), roll_deg=-6)
    yield Ellipsoid((2.2 + shift, 14.8, 1.4), (3.2 * heart, 5.4, 3.8), roll_deg=-16)
    yield Ellipsoid((2.2, 11.2, 0.6), (1.9, 2.6, 2.2), roll_deg=-14)
    yield Ellipsoid((1.9 * wide, float(rng.normal(7.6, 0.35)), -1.6), (1.75, 1.85, 3.6))
    yield Ellipsoid((-1.5, 9.0, 0.6), (1.7 * wide, 6.5, 1.7), roll_deg=2)
    yield Ellipsoid((1.7, 15.0, -5.4), (1.35, 11.0, 1.35), roll_deg=2.5)
    for side, y in ((-1, 12.6), (1, 11.7)):
        yield Ellipsoid((side * 3.2, y, -0.6), (1.7, 1.5, 1.4), roll_deg=side * 30)


def _domes(breath: float, rng: np.random.Generator) -> tuple[Ellipsoid, ...]:
    height = 8.6
    right = 21.6 + breath + float(rng.normal(0.0, 0.3))
    left = right + float(rng.normal(1.2, 0.3))
    return (
        Ellipsoid((-7.2, right + height, 0.9), (8.3, height, 9.9), is_deep=True),
        Ellipsoid((7.4, left + height, 0.9), (8.2, height, 9.8), is_deep=True),
    )


def _gas(breath: float, rng: np.random.Generator) -> tuple[Ellipsoid, ...]:
    size = float(rng.uniform(0.0, 1.0))
    stomach = Ellipsoid((6.4 + size, 25.4 + breath + size, 2.0), (1.6 + 1.4 * size, 0.9 + 0.8 * size, 1.2), roll_deg=14)
    return (stomach,)


def _airways(rng: np.random.Generator) -> tuple[Tube, ...]:
    lean = float(rng.normal(-0.25, 0.15))
    trachea = np.array([(0.0, -14, 0.5), (0.0, -4, 0.0), (lean / 2, 2, -1.2), (lean, 6, -2.2), (lean, 9.6, -2.9)])
    right = np.array([(lean, 9.4, -2.9), (-1.7, 11.0, -3.1), (-3.2, 12.8, -3.3), (-4.2, 15.0, -3.6)])
    left = np.array([(lean, 9.4, -2.9), (2.2, 11.2, -3.2), (4.2, 12.4, -3.6), (5.2, 14.4, -4.0)])
    return (
        rod(trachea, np.array([0.85, 0.85, 0.88, 0.9, 0.85])),
        rod(right, np.array([0.7, 0.66, 0.55, 0.35])),
        rod(left, np.array([0.68, 0.6, 0.5, 0.3])),
    )


def _vessels(rng: np.random.Generator) -> Iterator[Tube]:
    """Give two trees of blood vessels that grow out of the hila and thin out towards the pleura."""
    for side, y in ((-1, 12.4), (1, 11.5)):
        hilum = np.array([side * 3.6, y, -0.8])
        for degrees in (-68, -45, -22, 2, 22, 40, 55, 68, 80):
            angle = np.radians(degrees + rng.normal(0, 6))
            lean = float(rng.normal(0.0, 0.45))
            heading = np.array([side * np.cos(angle), np.sin(angle), lean])
            start = hilum + np.array([side * rng.uniform(0, 0.8), np.sin(angle) * rng.uniform(0.6, 2.4), 0.0])
            width = (0.46 if degrees < 0 else 0.62) * rng.uniform(0.75, 1.25)
            yield from _branches(start, heading / np.linalg.norm(heading), float(width), rng)


def _branches(start: Points, heading: Points, radius: float, rng: np.random.Generator) -> Iterator[Tube]:
    points, radii = [start], [radius]
    while radius > 0.08 and len(points) < 9:
        heading = heading + rng.normal(0.0, 0.16, 3)
        heading /= np.linalg.norm(heading)
        points.append(points[-1] + heading * rng.uniform(0.9, 1.5))
        radius *= float(rng.uniform(0.78, 0.93))
        radii.append(radius)
        if radius > 0.13 and rng.random() < 0.55:
            away = heading + rng.normal(0.0, 0.5, 3)
            yield from _branches(points[-1], away / np.linalg.norm(away), radius * 0.72, rng)
    yield rod(np.array(points), np.array(radii))


def _bones(cavity: Barrel, rng: np.random.Generator) -> Iterator[Bone]:
    yield from _ribs(cavity, rng)
    sternum = np.array([(0.0, 3.8, 5.4), (0.0, 8.0, 8.1), (0.0, 14.0, 9.9), (0.0, 20.0, 10.8)])
    yield Bone(rod(sternum, np.array([1.6, 1.2, 1.3, 0.8]), depth=0.55), shell_cm=0.12, strength=0.8)


def _ribs(cavity: Barrel, rng: np.random.Generator) -> Iterator[Bone]:
    """Give twelve pairs: from the spine back and out, around the flank, and steeply down to the front."""
    drops = (3.4, 5.4, 7.0, 8.2, 9.2, 9.9, 10.4, 10.2, 9.8, 9.6, 12.0, 13.0)
    front_x = (2.6, 3.6, 4.2, 4.9, 5.7, 6.8, 8.2, 10.0, 12.6)
    steep = float(rng.normal(1.0, 0.07))
    for number, drop in enumerate(drops):
        top = -0.2 + 2.12 * number + 0.035 * number**2
        for side in (-1, 1):
            height = top + float(rng.normal(0.0, 0.06))
            rise = drop * steep * float(rng.normal(1.0, 0.02))
            yield Bone(_rib(cavity, number, side, height, rise, front_x), shell_cm=0.11, strength=0.8 if number > 9 else 1.0)


def _rib(cavity: Barrel, number: int, side: int, top: float, drop: float, front_x: tuple[float, ...]) -> Tube:
    half_width, half_depth, middle_z, _ = (float(v[0]) for v in cavity.section(np.array([top + drop * 0.5])))
    width, depth = half_width + 0.15, half_depth + 0.1
    last = np.pi - np.arcsin(front_x[number] / width) if number < len(front_x) else (1.9, 1.45, 0.95)[number - len(front_x)]
    angle = np.linspace(np.arcsin(min(1.9 / width, 0.9)), last, RIB_POINTS)
    y = top + drop * (1 - np.cos(angle)) / 2 - 0.5 * np.sin(np.minimum(2 * angle, np.pi)) * (number > 0)
    # The back of the chest bulges beside the spine: a rounder curve there than in front.
    z = middle_z - depth * np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** np.where(np.cos(angle) > 0, 0.8, 1.0)
    x = side * width * np.sin(angle) ** 0.9
    y_here = np.clip(y, 0.3, None)
    limit = cavity.section(y_here)[0] + 0.2
    x = np.clip(x, -limit, limit)
    thick = np.interp(np.linspace(0, 1, RIB_POINTS), (0.0, 0.12, 0.5, 0.8, 1.0), (0.46, 0.58, 0.60, 0.66, 0.74))
    # In front the rib turns into cartilage, which hardly shows.
    thin = 0.62 * np.interp(np.linspace(0, 1, RIB_POINTS), (0.0, 0.55, 0.9, 1.0), (1.0, 1.0, 0.62, 0.1))
    return Tube(np.stack([x, y, z], axis=1), thick * (1.1 if number == 0 else 1.0), thin)


def _clavicles(rng: np.random.Generator, *, lift_cm: float) -> Iterator[Bone]:
    tilt = float(rng.normal(0.0, 0.5))
    for side in (-1, 1):
        rise = float(rng.normal(0.0, 0.15)) + tilt - lift_cm
        x = np.array([1.6, 3.2, 5.4, 8.0, 10.8, 13.2, 15.0, 15.8])
        y = np.array([4.3, 3.9, 3.5, 2.9, 2.2, 1.6, 1.7, 2.0]) + rise * np.linspace(0.2, 1.0, 8)
        z = np.array([5.5, 6.2, 6.4, 5.4, 3.4, 1.6, 0.8, 0.6])
        radius = np.array([0.95, 0.78, 0.62, 0.54, 0.54, 0.62, 0.78, 0.6])
        at = np.linspace(0.0, 7.0, 28)
        knots = np.arange(8.0)
        points = np.stack([side * monotone(at, knots, x), monotone(at, knots, y), monotone(at, knots, z)], axis=1).astype(np.float64)
        yield Bone(rod(points, np.interp(at, knots, radius), depth=0.8), shell_cm=0.16)


def _arms(rng: np.random.Generator) -> Iterator[Bone]:
    lower = float(rng.uniform(-0.4, 0.8))
    for side in (-1, 1):
        head = np.array([(side * 17.0, 4.4 + lower, 0.0), (side * 17.3, 4.9 + lower, 0.0)])
        yield Bone(rod(head, np.array([2.2, 2.2]), depth=0.7), shell_cm=0.05, strength=0.5)
        shaft = np.array([(side * 17.8, 6.0 + lower, 0.0), (side * 19.2, 9.5 + lower, 0.0), (side * 22.5, 18.0 + lower, 0.0)])
        yield Bone(rod(shaft, np.array([1.9, 1.2, 1.1]), depth=0.8), shell_cm=0.3, strength=0.6)


def _spine(rng: np.random.Generator) -> Iterator[Vertebra]:
    bend = float(rng.normal(0.0, 0.25))
    for number in range(-4, 17):
        y = 0.4 + 2.12 * number + 0.035 * number * abs(number)
        growth = float(np.clip(number / 12, -0.3, 1.2))
        # The dorsal kyphosis: deepest behind the middle of the chest.
        z = -5.6 - 2.2 * np.sin(np.clip((number + 2) / 14, 0, 1) * np.pi) + 0.12 * max(number - 11, 0)
        yield Vertebra((bend * np.sin(number / 3), y, float(z)), 1.45 + 0.42 * growth, 0.84 + 0.28 * growth, 1.25 + 0.4 * growth)


def _scapulae(rng: np.random.Generator, *, is_supine: bool) -> Iterator[Plate]:
    inward = 1.8 if is_supine else 0.0
    for side in (-1, 1):
        shift = float(rng.normal(0.0, 0.3)) - inward
        blade = [(10.9, 3.8), (15.2, 4.6), (15.6, 6.2), (14.8, 8.0), (14.0, 11.5), (13.1, 14.6), (12.4, 14.8), (11.7, 11.0), (11.1, 7.0)]
        yield Plate(np.array([(side * (x + shift), y) for x, y in blade]), thickness_cm=0.45, rounding_cm=0.35)
        edge = [(15.4, 6.0), (14.9, 8.2), (14.1, 11.6), (13.2, 14.7), (12.7, 14.4), (13.5, 11.3), (14.2, 8.0), (14.6, 6.0)]
        yield Plate(np.array([(side * (x + shift), y) for x, y in edge]), thickness_cm=0.6, rounding_cm=0.12)
        acromion = [(11.2, 4.2), (14.0, 2.9), (16.4, 1.9), (17.6, 2.3), (17.4, 3.2), (15.4, 3.5), (12.8, 4.6)]
        yield Plate(np.array([(side * (x + shift), y) for x, y in acromion]), thickness_cm=0.7, rounding_cm=0.2)
        coracoid = [(13.4, 4.0), (14.8, 3.5), (15.2, 4.2), (14.2, 4.9)]
        yield Plate(np.array([(side * (x + shift), y) for x, y in coracoid]), thickness_cm=0.9, rounding_cm=0.2)


def cross_chest(anatomy: Anatomy, screen: Screen, rng: np.random.Generator) -> Layers:
    """Add up everything along each ray; `rng` draws the fine texture of lung and muscle."""
    soft, air, is_lung = _cross_soft(anatomy, _shrunk(screen, SOFT_PX))
    size = (screen.width, screen.height)
    bone_screen = _shrunk(screen, BONE_PX)
    bone_size = (bone_screen.width, bone_screen.height)
    detail = _cross_bones(anatomy, bone_screen)
    share = np.clip(cv2.resize(air, bone_size, interpolation=cv2.INTER_LINEAR) / LUNG_FADES_BELOW_CM, 0.0, 1.0)
    tube_screen = _shrunk(screen, TUBE_PX)
    blood = _enlarged(union_of_tubes(anatomy.vessels, tube_screen), bone_size)
    detail += blood * share * np.float32(SOFT_PER_CM * (1 - LUNG_DENSITY))
    breath = _enlarged(union_of_tubes(anatomy.airways, tube_screen), bone_size)
    detail -= breath * np.float32(SOFT_PER_CM)
    detail += _texture(bone_screen, rng) * (0.012 + 0.02 * share)
    sharp = np.asarray(cv2.GaussianBlur(detail, (0, 0), 0.035 / bone_screen.cm_per_px + 0.3), np.float32)
    attenuation = _enlarged(soft, size) + _enlarged(sharp, size)
    mask = cv2.resize(is_lung.astype(np.uint8), size, interpolation=cv2.INTER_LINEAR) > 0
    return Layers(np.maximum(attenuation, 0), _enlarged(air, size), mask)


def _shrunk(screen: Screen, limit: int) -> Screen:
    factor = max(screen.width, screen.height) / limit
    if factor <= 1:
        return screen
    width, height = max(round(screen.width / factor), 1), max(round(screen.height / factor), 1)
    return Screen(screen.axes, width, height, screen.left_cm, screen.top_cm, screen.cm_per_px * screen.width / width)


def _enlarged(layer: FloatArray, size: tuple[int, int]) -> FloatArray:
    if (layer.shape[1], layer.shape[0]) == size:
        return layer
    return np.asarray(cv2.resize(layer, size, interpolation=cv2.INTER_CUBIC), np.float32)


def _cross_soft(anatomy: Anatomy, screen: Screen) -> tuple[FloatArray, FloatArray, npt.NDArray[np.bool_]]:
    cavity = anatomy.cavity.crossed_by(screen)
    organs = [organ.crossed_by(screen) for organ in anatomy.organs]
    domes = [dome.crossed_by(screen) for dome in anatomy.domes]
    air = np.maximum(cavity.length - union_length([*organs, *domes], within=cavity), 0)
    arms = anatomy.hanging_arms if screen.is_frontal else anatomy.raised_arms
    body = union_length([solid.crossed_by(screen) for solid in (*anatomy.body, *arms)])
    body = np.maximum(body, cavity.length)
    gas = sum((bubble.crossed_by(screen).length for bubble in anatomy.gas), np.float32(0.0))
    tissue = np.maximum(body - np.float32(1 - LUNG_DENSITY) * air - gas, 0)
    hidden = np.maximum.reduce([part.length for part in ((*organs, *domes) if screen.is_frontal else domes)])
    is_lung = (air > 1.2) & (hidden < 0.05)
    # The heart beats and the chest breathes while the exposure lasts.
    soft = cv2.GaussianBlur(tissue * np.float32(SOFT_PER_CM), (0, 0), 0.05 / screen.cm_per_px + 0.3)
    return np.asarray(soft, np.float32), np.asarray(air, np.float32), is_lung


def _cross_bones(anatomy: Anatomy, screen: Screen) -> FloatArray:
    extra = np.zeros((screen.height, screen.width), np.float32)
    for bone in (*anatomy.bones, *anatomy.arm_bones) if screen.is_frontal else anatomy.bones:
        seen = trace(bone.tube, screen)
        if seen is not None:
            extra[seen.rows, seen.columns] += np.float32(bone.strength) * _bone_extra(seen, bone.shell_cm)
    for vertebra in anatomy.spine:
        _add_vertebra(extra, vertebra, screen)
    if screen.is_frontal:
        for plate in anatomy.plates:
            _add_plate(extra, plate, screen)
    return extra


def _bone_extra(seen: Trace, shell_cm: float) -> FloatArray:
    core = seen.path(shell_cm=shell_cm)
    return (seen.path() - core) * np.float32(CORTEX_EXTRA_PER_CM) + core * np.float32(MARROW_EXTRA_PER_CM)


def _add_vertebra(extra: FloatArray, vertebra: Vertebra, screen: Screen) -> None:
    """Add a body with end plates, pedicles and the process behind it."""
    center = np.array(vertebra.center)
    h0, v0 = screen.axes[:2] @ center
    h, v = screen.across - np.float32(h0), screen.down - np.float32(v0)
    reach = 4.6
    columns = np.flatnonzero(np.abs(h[0]) < reach)
    rows = np.flatnonzero(np.abs(v[:, 0]) < 2.4)
    if not len(columns) or not len(rows):
        return
    patch = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
    h, v = h[:, patch[1]], v[patch[0]]
    half, along = (vertebra.half_width, vertebra.half_depth) if screen.is_frontal else (vertebra.half_depth, vertebra.half_width)
    waist = half * (0.9 + 0.1 * np.square(v / vertebra.half_height))
    body = np.sqrt(np.maximum(1 - np.power(np.abs(h) / waist, 6) - np.power(np.abs(v) / vertebra.half_height, 8), 0))
    plate = body * np.exp(-np.square((np.abs(v) - vertebra.half_height * 0.92) / 0.09))
    total = body * np.float32(2 * along * MARROW_EXTRA_PER_CM * (0.55 if screen.is_frontal else 1.0)) + plate * np.float32(0.12)
    for x, y, width, height, rim in _processes(vertebra, is_frontal=screen.is_frontal):
        ring = np.sqrt(np.square((h - x) / width) + np.square((v - y) / height))
        total = total + np.float32(rim) * np.exp(-np.square((ring - 0.8) / 0.3)) + np.float32(rim * 0.3) * (ring < 0.8)
    extra[patch] += np.asarray(total, np.float32)


def _processes(vertebra: Vertebra, *, is_frontal: bool) -> tuple[tuple[float, float, float, float, float], ...]:
    """Give ovals seen beside the body: middle, radii, and strength of the rim."""
    half, height = vertebra.half_width, vertebra.half_height
    if not is_frontal:
        back = vertebra.half_depth
        return ((back + 0.7, -0.2 * height, 0.55, 0.4, 0.10), (back + 1.9, 0.7 * height, 1.2, 0.35, 0.12))
    pedicles = tuple((side * half * 0.66, -0.25 * height, 0.3, 0.42, 0.10) for side in (-1, 1))
    transverse = tuple((side * (half + 0.75), -0.35 * height, 0.85, 0.32, 0.06) for side in (-1, 1))
    return (*pedicles, *transverse, (0.0, 0.55 * height, 0.2, 0.6, 0.10))


def _add_plate(extra: FloatArray, plate: Plate, screen: Screen) -> None:
    points = screen.to_px(np.column_stack([plate.outline, np.zeros(len(plate.outline))]))
    drawn = np.zeros(extra.shape, np.uint8)
    fraction_bits = 4
    cv2.fillPoly(drawn, [np.round((points - 0.5) * 2**fraction_bits).astype(np.int32)], 255, cv2.LINE_AA, fraction_bits)
    margin = 4 * plate.rounding_cm / screen.cm_per_px + 2
    x0, y0 = np.maximum(np.floor(points.min(axis=0) - margin).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(points.max(axis=0) + margin).astype(int), (screen.width, screen.height))
    if x1 <= x0 or y1 <= y0:
        return
    patch = drawn[y0:y1, x0:x1].astype(np.float32) / np.float32(255)
    soft = cv2.GaussianBlur(patch, (0, 0), plate.rounding_cm / screen.cm_per_px + 0.3)
    rim = np.maximum(patch - soft, 0)
    extra[y0:y1, x0:x1] += np.float32(plate.thickness_cm) * (np.float32(MARROW_EXTRA_PER_CM) * soft + np.float32(CORTEX_EXTRA_PER_CM) * rim)


def _texture(screen: Screen, rng: np.random.Generator) -> FloatArray:
    """Make fine structure of unit spread: fields of noise smoothed to 1, 2 and 5 mm."""
    total = np.zeros((screen.height, screen.width), np.float32)
    for grain_cm, weight in ((0.1, 0.5), (0.22, 0.7), (0.55, 0.6)):
        cell = max(grain_cm / screen.cm_per_px, 1.0)
        coarse = rng.standard_normal((int(screen.height / cell) + 3, int(screen.width / cell) + 3), dtype=np.float32)
        total += np.float32(weight) * cv2.resize(coarse, (screen.width, screen.height), interpolation=cv2.INTER_CUBIC)
    return total
