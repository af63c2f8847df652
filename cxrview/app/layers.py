"""The heatmap layers of the canvas as records, bottom to top, and what a person may change about them; no Qt, no arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from cxrview.core.colour import DIVERGING, RAINBOW, SEQUENTIAL
from cxrview.core.heatmap import GRAD_CAM

MAX_LAYERS = 24
# Above this share of the scale there would be nothing left to see.
MAX_LEAST = 0.95


class LayerKind(StrEnum):
    """What a layer shows."""

    HEATMAP = "heatmap"
    LUNGS = "lungs"
    MARKS = "marks"


class LayerStyle(StrEnum):
    """How a layer is drawn."""

    WASH = "wash"
    CONTOURS = "contours"


@dataclass(frozen=True, slots=True)
class Layer:
    """One heatmap on the canvas, or the outline of the lungs, or what a person has drawn; those two have opacity only.

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
    kind: LayerKind = LayerKind.HEATMAP

    @property
    def is_map(self) -> bool:
        """Tell whether it is a heatmap."""
        return self.kind is LayerKind.HEATMAP


LUNGS_LAYER = Layer(is_visible=False, opacity=0.9, kind=LayerKind.LUNGS)
MARKS_LAYER = Layer(opacity=1.0, kind=LayerKind.MARKS)


@dataclass(frozen=True, slots=True)
class Layers:
    """All layers, bottom to top; one heatmap is always there, lungs and marks are there once or not at all.

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

    @property
    def map_place(self) -> int:
        """Position of the heatmap that labels and methods are chosen for: the selected one, else the topmost."""
        return self.selected if self.current.is_map else max(place for place, item in enumerate(self.items) if item.is_map)

    @property
    def current_map(self) -> Layer:
        """The heatmap that labels and methods are chosen for."""
        return self.items[self.map_place]

    @property
    def first_map(self) -> Layer:
        """The heatmap at the bottom, which is always there."""
        return next(item for item in self.items if item.is_map)

    def of_kind(self, kind: LayerKind) -> Layer | None:
        """Give the topmost layer of a kind."""
        return next((item for item in reversed(self.items) if item.kind is kind), None)

    @property
    def marks_opacity(self) -> float:
        """How opaque marks are drawn, 0 when they are hidden; fully where there is no layer for them."""
        layer = self.of_kind(LayerKind.MARKS)
        return 1.0 if layer is None else layer.opacity * layer.is_visible

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

    def with_marks_shown(self) -> Layers:
        """Show what a person draws: nobody draws what is not seen."""
        places = [place for place, item in enumerate(self.items) if item.kind is LayerKind.MARKS and not item.is_visible]
        return self.with_layer(places[0], replace(self.items[places[0]], is_visible=True)) if places else self

    def added(self, layer: Layer) -> Layers:
        """Lay one more on top of the heatmaps and select it; one that is there already is only selected and shown."""
        wanted = (layer.label_id, layer.method)
        there = next((place for place, item in enumerate(self.items) if item.is_map and (item.label_id, item.method) == wanted), None)
        if there is not None:
            return replace(self.with_layer(there, replace(self.items[there], is_visible=True)), selected=there, is_visible=True)
        if len(self.items) >= MAX_LAYERS:
            return self
        top = 1 + max(place for place, item in enumerate(self.items) if item.is_map)
        return replace(self, items=(*self.items[:top], layer, *self.items[top:]), selected=top, is_visible=True)

    def removed(self, place: int) -> Layers:
        """Take a heatmap away; the last one stays, and so do lungs and marks."""
        if not self.can_remove(place):
            return self
        items = (*self.items[:place], *self.items[place + 1 :])
        selected = self.selected - 1 if place < self.selected else min(self.selected, len(items) - 1)
        return replace(self, items=items, selected=selected)

    def can_remove(self, place: int) -> bool:
        """Tell whether this layer can be taken away."""
        return self.items[place].is_map and sum(item.is_map for item in self.items) > 1

    def moved(self, place: int, target: int) -> Layers:
        """Lift a layer out and lay it down at another position; the selection goes with its layer."""
        order = [number for number in range(len(self.items)) if number != place]
        order.insert(min(len(order), max(0, target)), place)
        return replace(self, items=tuple(self.items[number] for number in order), selected=order.index(self.selected))

    def without_labels(self) -> Layers:
        """Go back to the top label as the only heatmap, for another model."""
        first = next(place for place, item in enumerate(self.items) if item.is_map)
        top_label = replace(self.items[first], label_id="", method=GRAD_CAM, is_visible=True)
        items = tuple(top_label if place == first else item for place, item in enumerate(self.items) if place == first or not item.is_map)
        return replace(self, items=items, selected=items.index(top_label))


def window_layers(first: Layer) -> Layers:
    """Give the layers that the window begins with: a heatmap, the lungs, and what a person draws on top."""
    return Layers((first, LUNGS_LAYER, MARKS_LAYER))


def layer_colours() -> tuple[str, ...]:
    """Give the tables that suit a layer that is not signed; the rainbow last, for it is there on request only."""
    return (*SEQUENTIAL, RAINBOW)


def signed(layer: Layer, *, is_signed: bool) -> Layer:
    """Draw evidence against the label too, or not, with a table that fits."""
    if is_signed:
        return replace(layer, is_signed=True, table=DIVERGING)
    return replace(layer, is_signed=False, table=SEQUENTIAL[0] if layer.table == DIVERGING else layer.table)
