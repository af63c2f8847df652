"""The map between the pixels of a model's input and the pixels of the image."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels: `left`, `top` inside, `right`, `bottom` outside."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Columns covered."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Rows covered."""
        return self.bottom - self.top


@dataclass(frozen=True, slots=True)
class Frame:
    """An axis-aligned affine map: image_px = scale * model_px + shift, for x and for y.

    Coordinates are continuous with (0, 0) at the outer corner of the first pixel, whose centre is (0.5, 0.5);
    so resizing is a pure scale and cropping a pure shift. A mirrored axis has a negative scale.
    """

    scale_x: float
    scale_y: float
    shift_x: float
    shift_y: float
    model_width: int
    model_height: int
    image_width: int
    image_height: int

    def to_image(self, x: float, y: float) -> tuple[float, float]:
        """Map a point from model px to image px."""
        return self.scale_x * x + self.shift_x, self.scale_y * y + self.shift_y

    def to_model(self, x: float, y: float) -> tuple[float, float]:
        """Map a point from image px to model px."""
        return (x - self.shift_x) / self.scale_x, (y - self.shift_y) / self.scale_y

    def model_box_in_image(self) -> Box:
        """Give the rectangle of the image, in image px, that the whole model input covers; may lie partly outside."""
        x0, y0 = self.to_image(0.0, 0.0)
        x1, y1 = self.to_image(self.model_width, self.model_height)
        return Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))

    def mirrored(self) -> Frame:
        """Give the map for the input flipped left to right."""
        return Frame(
            scale_x=-self.scale_x,
            scale_y=self.scale_y,
            shift_x=self.scale_x * self.model_width + self.shift_x,
            shift_y=self.shift_y,
            model_width=self.model_width,
            model_height=self.model_height,
            image_width=self.image_width,
            image_height=self.image_height,
        )

    def shrunk(self, longest_px: int) -> Frame:
        """Give the map to the same image scaled down until its longer side has at most this many px."""
        share = min(1.0, longest_px / max(self.image_width, self.image_height))
        width, height = max(1, round(self.image_width * share)), max(1, round(self.image_height * share))
        across, down = width / self.image_width, height / self.image_height
        return Frame(
            scale_x=self.scale_x * across,
            scale_y=self.scale_y * down,
            shift_x=self.shift_x * across,
            shift_y=self.shift_y * down,
            model_width=self.model_width,
            model_height=self.model_height,
            image_width=width,
            image_height=height,
        )


def frame_of_box(box: Box, *, model_size: tuple[int, int], image_size: tuple[int, int]) -> Frame:
    """Make the map under which the model input (width, height) covers exactly `box` of the image (width, height)."""
    return Frame(
        scale_x=box.width / model_size[0],
        scale_y=box.height / model_size[1],
        shift_x=box.left,
        shift_y=box.top,
        model_width=model_size[0],
        model_height=model_size[1],
        image_width=image_size[0],
        image_height=image_size[1],
    )
