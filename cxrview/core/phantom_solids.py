"""Simple solids and the length of X-ray inside them, seen along one axis of the body.

Body coordinates are centimetres: x to the patient's left, y towards the feet, z to the front. A `Screen` looks along one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Points = npt.NDArray[np.float64]

FRONTAL_AXES: Points = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
LATERAL_AXES: Points = np.array([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])

# A tube that runs along the ray would be seen endless; ribs at the flank reach about this much of their thickness.
LONGEST_OBLIQUE_PATH = 2.2
PATCH_STEP_PX = 8


@dataclass(frozen=True, slots=True, eq=False)
class Screen:
    """A grid of parallel rays.

    Attributes:
        axes: rows are the body directions of the picture's right, the picture's down and the ray.
        left_cm, top_cm: body coordinates, along the first two axes, of the outer corner of the first pixel.
        cm_per_px: distance between rays.
    """

    axes: Points
    width: int
    height: int
    left_cm: float
    top_cm: float
    cm_per_px: float

    @property
    def across(self) -> FloatArray:
        """Positions of the columns, (1, width), cm."""
        return np.asarray(self.left_cm + self.cm_per_px * (np.arange(self.width) + 0.5), np.float32)[None, :]

    @property
    def down(self) -> FloatArray:
        """Positions of the rows, (height, 1), cm."""
        return np.asarray(self.top_cm + self.cm_per_px * (np.arange(self.height) + 0.5), np.float32)[:, None]

    @property
    def is_frontal(self) -> bool:
        """Tell whether the rays run from front to back."""
        return bool(self.axes[2, 2] != 0.0)

    def to_px(self, points: Points) -> Points:
        """Project body points (n, 3), cm, to picture points (n, 2), px."""
        flat = points @ self.axes[:2].T
        return (flat - (self.left_cm, self.top_cm)) / self.cm_per_px


@dataclass(frozen=True, slots=True, eq=False)
class Interval:
    """Where each ray is inside a solid, (height, width) cm along the ray; `start` = `end` where it misses."""

    start: FloatArray
    end: FloatArray

    @property
    def length(self) -> FloatArray:
        """Path inside the solid, cm."""
        return self.end - self.start


class Solid(Protocol):
    """A convex body that rays can cross."""

    def crossed_by(self, screen: Screen) -> Interval:
        """Give the part of each ray that lies inside."""


def rotation(*, roll_deg: float = 0.0, yaw_deg: float = 0.0, pitch_deg: float = 0.0) -> Points:
    """Make a rotation: roll in the frontal plane (x towards y), then yaw (x towards z), then pitch (y towards z)."""
    matrix = np.eye(3)
    for (first, second), degrees in (((0, 1), roll_deg), ((0, 2), yaw_deg), ((1, 2), pitch_deg)):
        cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        turn = np.eye(3)
        turn[first, first] = turn[second, second] = cosine
        turn[first, second], turn[second, first] = -sine, sine
        matrix = turn @ matrix
    return matrix


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """An ellipsoid; with `is_deep` its lower half goes on downwards as a cylinder (a diaphragm with the belly below it)."""

    center: tuple[float, float, float]
    radii: tuple[float, float, float]
    roll_deg: float = 0.0
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    is_deep: bool = False

    def crossed_by(self, screen: Screen) -> Interval:
        """Give the part of each ray that lies inside."""
        turn = rotation(roll_deg=self.roll_deg, yaw_deg=self.yaw_deg, pitch_deg=self.pitch_deg)
        form = turn @ np.diag(1.0 / np.square(self.radii)) @ turn.T
        q = screen.axes @ form @ screen.axes.T
        c = screen.axes @ np.array(self.center)
        h = screen.across - np.float32(c[0])
        v = screen.down - np.float32(c[1])
        if self.is_deep:
            v = np.minimum(v, np.float32(0.0))
        q = q.astype(np.float32)
        linear = q[0, 2] * h + q[1, 2] * v
        rest = q[0, 0] * h * h + 2 * q[0, 1] * h * v + q[1, 1] * v * v - np.float32(1.0)
        half = np.sqrt(np.maximum(linear * linear - q[2, 2] * rest, np.float32(0.0))) / q[2, 2]
        middle = np.float32(c[2]) - linear / q[2, 2]
        return Interval(middle - half, middle + half)


@dataclass(frozen=True, slots=True)
class Level:
    """One horizontal section of a `Barrel`, cm."""

    y: float
    half_width: float
    half_depth: float
    center_z: float = 0.0
    center_x: float = 0.0


@dataclass(frozen=True, slots=True)
class Barrel:
    """A stack of rounded sections |x/a|^p + |z/b|^p <= 1, smoothly joined; outside the first and last level there is nothing."""

    levels: tuple[Level, ...]
    roundness: float = 2.3

    def section(self, y: FloatArray | Points) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Give half width, half depth, middle z and middle x at heights `y`."""
        knots = np.array([(level.y, level.half_width, level.half_depth, level.center_z, level.center_x) for level in self.levels])
        inside = (y >= knots[0, 0]) & (y <= knots[-1, 0])
        half_width, half_depth, z, x = np.moveaxis(monotone(y, knots[:, 0], knots[:, 1:]), -1, 0)
        return np.where(inside, half_width, np.float32(0.0)), np.where(inside, half_depth, np.float32(0.0)), z, x

    def crossed_by(self, screen: Screen) -> Interval:
        """Give the part of each ray that lies inside."""
        half_width, half_depth, z, x = self.section(screen.down)
        if screen.is_frontal:
            reach, thickness, middle_across, middle_along = half_width, half_depth, x, z
        else:
            reach, thickness, middle_across, middle_along = half_depth, half_width, -z, x
        p = np.float32(self.roundness)
        ratio = np.abs(screen.across - middle_across) / np.maximum(reach, np.float32(1e-3))
        half = thickness * np.power(np.maximum(1 - np.power(np.minimum(ratio, 1), p), 0), 1 / p)
        return Interval(middle_along - half, middle_along + half)


def monotone(at: FloatArray | Points, x: Points, y: Points) -> FloatArray:
    """Interpolate through the knots with a cubic that does not overshoot (Fritsch and Carlson's slopes, harmonic mean).

    `y` (n, ...) may hold several curves; they stand last in the result, (*at.shape, ...).
    """
    step = np.diff(x)
    slope = np.diff(y, axis=0) / step.reshape(-1, *[1] * (y.ndim - 1))
    before, after = slope[:-1], slope[1:]
    with_turn = before * after <= 0
    inner = np.where(with_turn, 0.0, 2 * before * after / np.where(with_turn, 1.0, before + after))
    tangent = np.concatenate((slope[:1], inner, slope[-1:]))
    index = np.clip(np.searchsorted(x, at) - 1, 0, len(step) - 1)
    t = np.clip((at - x[index]) / step[index], 0.0, 1.0).reshape(*index.shape, *[1] * (y.ndim - 1))
    length = step[index].reshape(t.shape)
    rest = 1 - t
    value = (
        y[index] * (1 + 2 * t) * rest * rest
        + y[index + 1] * t * t * (3 - 2 * t)
        + length * (tangent[index] * t * rest * rest - tangent[index + 1] * t * t * rest)
    )
    return np.asarray(value, np.float32)


def union_length(intervals: Sequence[Interval], *, within: Interval | None = None) -> FloatArray:
    """Give the path inside any of the solids, cm, counting no stretch twice; only inside `within` when given.

    With starts and ends sorted each for itself, the holes of the union are the gaps from the i-th end to the next start.
    """
    starts = np.stack([interval.start for interval in intervals], axis=-1)
    ends = np.stack([interval.end for interval in intervals], axis=-1)
    if within is not None:
        low, high = within.start[..., None], within.end[..., None]
        np.clip(starts, low, high, out=starts)
        np.clip(ends, low, high, out=ends)
    starts.sort(axis=-1)
    ends.sort(axis=-1)
    holes = np.maximum(starts[..., 1:] - ends[..., :-1], 0).sum(axis=-1)
    return np.asarray(ends[..., -1] - starts[..., 0] - holes, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Tube:
    """A curved rod: `points` (n, 3) cm, `radius` (n,) cm across the ray, `depth` (n,) = thickness along the ray over 2 * radius."""

    points: Points
    radius: Points
    depth: Points


def rod(points: Points, radius: Points, *, depth: float = 1.0) -> Tube:
    """Make a tube of one roundness."""
    return Tube(points, radius, np.full(len(points), depth))


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """What a tube covers of the screen.

    Attributes:
        rows, columns: the patch of the screen that the arrays stand for.
        ratio: squared distance to the axis over the squared radius; 1 or more is outside.
        radius: cm, here.
        thickness: the path through the axis, cm.
    """

    rows: slice
    columns: slice
    ratio: FloatArray
    radius: FloatArray
    thickness: FloatArray

    def path(self, *, shell_cm: float = 0.0) -> FloatArray:
        """Give the path inside the tube, cm, or inside its core when it has a shell."""
        core = np.maximum(self.radius - np.float32(shell_cm), np.float32(1e-3))
        share = core / self.radius
        return np.asarray(self.thickness * share * np.sqrt(np.maximum(1 - self.ratio / (share * share), 0)), np.float32)


def trace(tube: Tube, screen: Screen) -> Trace | None:
    """Draw a tube piece by piece; None when it lies outside the screen. The cost grows with its length, not with the screen."""
    points = screen.to_px(tube.points)
    radius = tube.radius / screen.cm_per_px
    reach = float(radius.max()) + 1.0
    low = np.maximum(np.floor(points.min(axis=0) - reach).astype(int), 0)
    high = np.minimum(np.ceil(points.max(axis=0) + reach).astype(int), (screen.width, screen.height))
    if (high <= low).any():
        return None
    shape = (int(high[1] - low[1]), int(high[0] - low[0]))
    ratio = np.full(shape, 4.0, np.float32)
    wide = np.full(shape, radius.mean() * screen.cm_per_px, np.float32)
    thickness = np.zeros(shape, np.float32)
    local = points - low
    spans = np.diff(tube.points, axis=0)
    flat = np.linalg.norm(np.diff(points, axis=0), axis=1) * screen.cm_per_px
    oblique = np.minimum(np.linalg.norm(spans, axis=1) / np.maximum(flat, 1e-6), LONGEST_OBLIQUE_PATH)
    seen = Trace(slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0])), ratio, wide, thickness)
    for first in range(len(local) - 1):
        piece = slice(first, first + 2)
        _trace_piece(seen, local[piece], radius[piece], oblique[first] * tube.depth[piece], screen.cm_per_px)
    return seen


def _trace_piece(seen: Trace, ends: Points, radius: Points, depth: Points, cm_per_px: float) -> None:
    """Draw one straight piece; `ends` (2, 2) and `radius` (2,) in px of the patch."""
    reach = float(radius.max()) + 1.0
    x0, y0 = np.maximum(np.floor(ends.min(axis=0) - reach).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(ends.max(axis=0) + reach).astype(int), (seen.ratio.shape[1], seen.ratio.shape[0]))
    if x1 <= x0 or y1 <= y0:
        return
    (ax, ay), (bx, by) = ends
    dx, dy = np.float32(bx - ax), np.float32(by - ay)
    h = (np.arange(x0, x1, dtype=np.float32) + np.float32(0.5 - ax))[None, :]
    v = (np.arange(y0, y1, dtype=np.float32) + np.float32(0.5 - ay))[:, None]
    along = (h * dx + v * dy) / max(float(dx * dx + dy * dy), 1e-6)
    np.clip(along, 0, 1, out=along)
    off_h, off_v = h - along * dx, v - along * dy
    here = np.float32(radius[0]) + along * np.float32(radius[1] - radius[0])
    squared = (off_h * off_h + off_v * off_v) / (here * here)
    patch = (slice(y0, y1), slice(x0, x1))
    nearer = squared < seen.ratio[patch]
    here *= np.float32(cm_per_px)
    np.copyto(seen.ratio[patch], squared, where=nearer)
    np.copyto(seen.radius[patch], here, where=nearer)
    full = here * (np.float32(2 * depth[0]) + along * np.float32(2 * (depth[1] - depth[0])))
    np.copyto(seen.thickness[patch], full, where=nearer)


def union_of_tubes(tubes: Sequence[Tube], screen: Screen) -> FloatArray:
    """Give the longest path inside any of many thin tubes, (height, width) cm; much faster than a trace of each.

    All straight pieces that fit into patches of one size are drawn together.
    """
    path = np.zeros(screen.height * screen.width, np.float32)
    pieces = _pieces(tubes, screen)
    sides = np.ceil(np.maximum(np.ptp(pieces.x, axis=1), np.ptp(pieces.y, axis=1)) + 2 * pieces.radius.max(axis=1)).astype(int) + 2
    buckets = (sides + PATCH_STEP_PX - 1) // PATCH_STEP_PX
    for bucket in np.unique(buckets):
        _draw_pieces(path, pieces.only(buckets == bucket), int(bucket) * PATCH_STEP_PX, screen)
    return path.reshape(screen.height, screen.width)


@dataclass(frozen=True, slots=True, eq=False)
class _Pieces:
    """Straight pieces of tubes, (n, 2) each: both ends, px, the radius there, px, and the path through the axis, cm."""

    x: FloatArray
    y: FloatArray
    radius: FloatArray
    thickness: FloatArray

    def only(self, chosen: npt.NDArray[np.bool_]) -> _Pieces:
        return _Pieces(self.x[chosen], self.y[chosen], self.radius[chosen], self.thickness[chosen])


def _pieces(tubes: Sequence[Tube], screen: Screen) -> _Pieces:
    points = np.concatenate([tube.points for tube in tubes])
    radius = np.concatenate([tube.radius for tube in tubes])
    depth = np.concatenate([tube.depth for tube in tubes])
    # A piece runs from each point to the next, but not from the end of one tube to the start of another.
    last = np.cumsum([len(tube.points) for tube in tubes]) - 1
    first = np.delete(np.arange(len(points) - 1), last[:-1])
    flat = screen.to_px(points)
    step = points[first + 1] - points[first]
    drawn = np.linalg.norm(step @ screen.axes[:2].T, axis=1)
    oblique = np.minimum(np.linalg.norm(step, axis=1) / np.maximum(drawn, 1e-6), LONGEST_OBLIQUE_PATH)
    ends = np.stack([first, first + 1], axis=1)
    thickness = (2 * depth * radius)[ends] * oblique[:, None]
    parts = (flat[:, 0][ends], flat[:, 1][ends], radius[ends] / screen.cm_per_px, thickness)
    x, y, wide, thick = (np.asarray(part, np.float32) for part in parts)
    return _Pieces(x, y, wide, thick)


def _draw_pieces(path: FloatArray, pieces: _Pieces, side: int, screen: Screen) -> None:
    reach = pieces.radius.max(axis=1)
    left = np.floor(pieces.x.min(axis=1) - reach).astype(np.int32)
    top = np.floor(pieces.y.min(axis=1) - reach).astype(np.int32)
    step = np.arange(side, dtype=np.int32)
    columns, rows = left[:, None] + step, top[:, None] + step
    (ax, bx), (ay, by) = pieces.x.T[:, :, None], pieces.y.T[:, :, None]
    h = (columns + np.float32(0.5) - ax)[:, None, :]
    v = (rows + np.float32(0.5) - ay)[:, :, None]
    dx, dy = (bx - ax)[:, :, None], (by - ay)[:, :, None]
    along = np.clip((h * dx + v * dy) / np.maximum(dx * dx + dy * dy, np.float32(1e-6)), 0, 1)
    here, there = pieces.radius.T[:, :, None, None]
    radius = here + along * (there - here)
    chord = 1 - (np.square(h - along * dx) + np.square(v - along * dy)) / np.square(radius)
    is_hit = chord > 0
    is_hit &= ((columns >= 0) & (columns < screen.width))[:, None, :] & ((rows >= 0) & (rows < screen.height))[:, :, None]
    which, row, column = np.nonzero(is_hit)
    near, far = pieces.thickness[which].T
    length = np.sqrt(chord[is_hit]) * (near + along[is_hit] * (far - near))
    np.maximum.at(path, rows[which, row] * screen.width + columns[which, column], length)
