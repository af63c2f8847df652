"""Which part of an image a canvas shows: pure arithmetic between image px and view px."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

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
class Orientation:
    """How a picture lies in the view: mirrored left to right first, then turned clockwise by quarter turns, 0 to 3."""

    quarter_turns: int = 0
    is_mirrored: bool = False

    @property
    def is_sideways(self) -> bool:
        """Tell whether rows of the picture run up and down."""
        return self.quarter_turns % 2 == 1

    def turned(self, quarter_turns: int) -> Orientation:
        """Turn what is seen clockwise, or back with a negative number."""
        return Orientation((self.quarter_turns + quarter_turns) % 4, self.is_mirrored)

    def flipped_sideways(self) -> Orientation:
        """Swap left and right of what is seen."""
        return Orientation(-self.quarter_turns % 4, not self.is_mirrored)

    def flipped_over(self) -> Orientation:
        """Swap top and bottom of what is seen."""
        return Orientation((2 - self.quarter_turns) % 4, not self.is_mirrored)

    def to_view(self, dx: float, dy: float) -> tuple[float, float]:
        """Turn a step in the image into the same step as it is seen."""
        x, y = (-dx if self.is_mirrored else dx), dy
        for _turn in range(self.quarter_turns):
            x, y = -y, x
        return x, y

    def to_image(self, dx: float, dy: float) -> tuple[float, float]:
        """Turn a step as it is seen into the same step in the image."""
        x, y = dx, dy
        for _turn in range(self.quarter_turns):
            x, y = y, -x
        return (-x if self.is_mirrored else x), y


UPRIGHT = Orientation()


@dataclass(frozen=True, slots=True)
class Viewport:
    """A place in an image: `zoom` view px per image px, the image point in the middle of the view, and how the image lies.

    View px are device pixels, (0, 0) at the outer corner of the first one.
    """

    zoom: float
    center_x: float
    center_y: float
    orientation: Orientation = UPRIGHT

    def to_image(self, x: float, y: float, view_size: tuple[int, int]) -> tuple[float, float]:
        """Map a point from view px to image px; `view_size` is (width, height)."""
        dx, dy = self.orientation.to_image((x - view_size[0] / 2) / self.zoom, (y - view_size[1] / 2) / self.zoom)
        return dx + self.center_x, dy + self.center_y

    def to_view(self, x: float, y: float, view_size: tuple[int, int]) -> tuple[float, float]:
        """Map a point from image px to view px; `view_size` is (width, height)."""
        dx, dy = self.orientation.to_view((x - self.center_x) * self.zoom, (y - self.center_y) * self.zoom)
        return dx + view_size[0] / 2, dy + view_size[1] / 2


def fitted(image_size: tuple[int, int], view_size: tuple[int, int], orientation: Orientation = UPRIGHT) -> Viewport:
    """Give the largest viewport that shows the whole image with a small margin; sizes are (width, height)."""
    width, height = image_size
    seen_width, seen_height = (height, width) if orientation.is_sideways else (width, height)
    room_x, room_y = (max(1, side - 2 * FIT_MARGIN_PX) for side in view_size)
    return Viewport(min(room_x / seen_width, room_y / seen_height), width / 2, height / 2, orientation)


def zoomed(viewport: Viewport, factor: float, anchor: tuple[float, float]) -> Viewport:
    """Zoom by a factor while the image point `anchor` (x, y) stays where it is in the view."""
    zoom = min(MAX_ZOOM, max(MIN_ZOOM, viewport.zoom * factor))
    kept = viewport.zoom / zoom
    x, y = anchor
    return replace(viewport, zoom=zoom, center_x=x - (x - viewport.center_x) * kept, center_y=y - (y - viewport.center_y) * kept)


def panned(viewport: Viewport, dx: float, dy: float, image_size: tuple[int, int]) -> Viewport:
    """Move the image by (dx, dy) view px; its edge never passes the middle of the view."""
    width, height = image_size
    image_dx, image_dy = viewport.orientation.to_image(dx / viewport.zoom, dy / viewport.zoom)
    x = min(float(width), max(0.0, viewport.center_x - image_dx))
    y = min(float(height), max(0.0, viewport.center_y - image_dy))
    return replace(viewport, center_x=x, center_y=y)


def actual_size(viewport: Viewport) -> Viewport:
    """Show one image px as one view px around the same middle."""
    return replace(viewport, zoom=1.0)


def dragged_window(window: Window, dx: float, dy: float, *, is_inverted: bool) -> Window:
    """Widen by a drag to the right, brighten by a drag upwards (negative dy), whatever the polarity on screen is."""
    width = max(MIN_WINDOW_WIDTH, window.width * math.exp(dx / WIDTH_DRAG_PX))
    step = dy * window.width / CENTER_DRAG_PX
    return Window(window.center + (-step if is_inverted else step), width, window.function)
