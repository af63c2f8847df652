"""Which part of an image a canvas shows: pure arithmetic between image px and view px."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cxrview.core.image import Window

MIN_ZOOM = 0.02
MAX_ZOOM = 40.0
FIT_MARGIN_PX = 8
# One e-fold of width over this many view px: a drag across a third of a screen goes from soft to hard.
WIDTH_DRAG_PX = 260.0
# The centre moves by one window width over this many view px.
CENTER_DRAG_PX = 420.0
# A window narrower than this part of the modality unit shows nothing but noise.
MIN_WINDOW_WIDTH = 1.0


@dataclass(frozen=True, slots=True)
class Viewport:
    """A place in an image: `zoom` view px per image px, and the image point in the middle of the view.

    View px are device pixels, (0, 0) at the outer corner of the first one.
    """

    zoom: float
    center_x: float
    center_y: float

    def to_image(self, x: float, y: float, view_size: tuple[int, int]) -> tuple[float, float]:
        """Map a point from view px to image px; `view_size` is (width, height)."""
        return (x - view_size[0] / 2) / self.zoom + self.center_x, (y - view_size[1] / 2) / self.zoom + self.center_y

    def to_view(self, x: float, y: float, view_size: tuple[int, int]) -> tuple[float, float]:
        """Map a point from image px to view px; `view_size` is (width, height)."""
        return (x - self.center_x) * self.zoom + view_size[0] / 2, (y - self.center_y) * self.zoom + view_size[1] / 2


def fitted(image_size: tuple[int, int], view_size: tuple[int, int]) -> Viewport:
    """Give the largest viewport that shows the whole image with a small margin; sizes are (width, height)."""
    width, height = image_size
    room_x, room_y = (max(1, side - 2 * FIT_MARGIN_PX) for side in view_size)
    return Viewport(min(room_x / width, room_y / height), width / 2, height / 2)


def zoomed(viewport: Viewport, factor: float, anchor: tuple[float, float]) -> Viewport:
    """Zoom by a factor while the image point `anchor` (x, y) stays where it is in the view."""
    zoom = min(MAX_ZOOM, max(MIN_ZOOM, viewport.zoom * factor))
    kept = viewport.zoom / zoom
    x, y = anchor
    return Viewport(zoom, x - (x - viewport.center_x) * kept, y - (y - viewport.center_y) * kept)


def panned(viewport: Viewport, dx: float, dy: float, image_size: tuple[int, int]) -> Viewport:
    """Move the image by (dx, dy) view px; its edge never passes the middle of the view."""
    width, height = image_size
    x = min(float(width), max(0.0, viewport.center_x - dx / viewport.zoom))
    y = min(float(height), max(0.0, viewport.center_y - dy / viewport.zoom))
    return Viewport(viewport.zoom, x, y)


def actual_size(viewport: Viewport) -> Viewport:
    """Show one image px as one view px around the same middle."""
    return Viewport(1.0, viewport.center_x, viewport.center_y)


def dragged_window(window: Window, dx: float, dy: float, *, is_inverted: bool) -> Window:
    """Widen by a drag to the right, brighten by a drag upwards (negative dy), whatever the polarity on screen is."""
    width = max(MIN_WINDOW_WIDTH, window.width * math.exp(dx / WIDTH_DRAG_PX))
    step = dy * window.width / CENTER_DRAG_PX
    return Window(window.center + (-step if is_inverted else step), width, window.function)
