"""The heatmap layers of the canvas as records, bottom to top, and what a person may change about them; no Qt, no arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from cxrview.core.colour import DIVERGING, RAINBOW, SEQUENTIAL
from cxrview.core.heatmap import GRAD_CAM

MAX_LAYERS = 24
# Above this share of the scale there would be nothing left to see.
MAX_LEAST = 0.95


class LayerStyle(StrEnum):
    """How a layer is drawn."""

    WASH = "wash"
    CONTOURS = "contours"


@dataclass(frozen=True, slots=True)
class Layer:
    """One heatmap on the canvas.

    Attributes:
        label_id: of the label it explains; empty for the top label of each image.
        method: as `engine.explain` names it; `gradcam` comes with the score, others are made on request.
        opacity: 0 to 1.
        table: name of a colour table of `core.colour`.
        least: share of the scale under which nothing is drawn, 0 to 1.
        is_signed: evidence against the label is drawn too.
    """

    label_id: str = ""
    method: str = GRAD_CAM
    is_visible: bool = True
    opacity: float = 0.6
    table: str = SEQUENTIAL[0]
    least: float = 0.0
    style: LayerStyle = LayerStyle.WASH
    is_signed: bool = False


@dataclass(frozen=True, slots=True)
class Layers:
    """All layers, bottom to top; there is always one.

    Attributes:
        selected: position of the one whose colour bar is shown and whose controls are open.
        is_visible: whether any is drawn at all.
        has_common_scale: one scale for all maps of an image made by one method; else each map has its own.
    """

    items: tuple[Layer, ...] = (Layer(),)
    selected: int = 0
    is_visible: bool = True
    has_common_scale: bool = True

    @property
    def current(self) -> Layer:
        """The selected layer."""
        return self.items[self.selected]

    def toggled(self) -> Layers:
        """Show or hide all."""
        return replace(self, is_visible=not self.is_visible)

    def scaled(self, *, has_common_scale: bool) -> Layers:
        """Choose between one scale for all and one for each."""
        return replace(self, has_common_scale=has_common_scale)

    def choose(self, place: int) -> Layers:
        """Select the layer at this position."""
        return replace(self, selected=min(len(self.items) - 1, max(0, place)))

    def with_layer(self, place: int, layer: Layer) -> Layers:
        """Put a changed layer in place of the one there; numbers are kept in range."""
        sound = replace(layer, opacity=min(1.0, max(0.0, layer.opacity)), least=min(MAX_LEAST, max(0.0, layer.least)))
        return replace(self, items=(*self.items[:place], sound, *self.items[place + 1 :]))

    def with_current(self, layer: Layer) -> Layers:
        """Put a changed layer in place of the selected one."""
        return self.with_layer(self.selected, layer)

    def added(self, layer: Layer) -> Layers:
        """Lay one more on top and select it; one that is there already is only selected and shown."""
        there = next(
            (place for place, item in enumerate(self.items) if (item.label_id, item.method) == (layer.label_id, layer.method)), None
        )
        if there is not None:
            return replace(self.with_layer(there, replace(self.items[there], is_visible=True)), selected=there, is_visible=True)
        if len(self.items) >= MAX_LAYERS:
            return self
        return replace(self, items=(*self.items, layer), selected=len(self.items), is_visible=True)

    def removed(self, place: int) -> Layers:
        """Take a layer away; the last one stays."""
        if len(self.items) == 1:
            return self
        items = (*self.items[:place], *self.items[place + 1 :])
        selected = self.selected - 1 if place < self.selected else min(self.selected, len(items) - 1)
        return replace(self, items=items, selected=selected)

    def moved(self, place: int, target: int) -> Layers:
        """Lift a layer out and lay it down at another position; the selection goes with its layer."""
        order = [number for number in range(len(self.items)) if number != place]
        order.insert(min(len(order), max(0, target)), place)
        return replace(self, items=tuple(self.items[number] for number in order), selected=order.index(self.selected))

    def without_labels(self) -> Layers:
        """Go back to the top label alone, for another model."""
        return replace(self, items=(replace(self.items[0], label_id="", method=GRAD_CAM, is_visible=True),), selected=0)


def layer_colours() -> tuple[str, ...]:
    """Give the tables that suit a layer that is not signed; the rainbow last, for it is there on request only."""
    return (*SEQUENTIAL, RAINBOW)


def signed(layer: Layer, *, is_signed: bool) -> Layer:
    """Draw evidence against the label too, or not, with a table that fits."""
    if is_signed:
        return replace(layer, is_signed=True, table=DIVERGING)
    return replace(layer, is_signed=False, table=SEQUENTIAL[0] if layer.table == DIVERGING else layer.table)
