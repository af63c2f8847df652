"""Layers are added, moved and changed without anything being computed."""

from __future__ import annotations

from cxrview.app.layers import LUNGS_LAYER, MARKS_LAYER, MAX_LAYERS, MAX_LEAST, Layer, LayerKind, Layers, signed, window_layers

THREE = Layers((Layer(), Layer("a"), Layer("b")), selected=1)


def ids(layers: Layers) -> list[str]:
    return [layer.label_id for layer in layers.items]


def test_a_new_layer_lies_on_top_and_is_selected() -> None:
    layers = THREE.added(Layer("c"))
    assert ids(layers) == ["", "a", "b", "c"]
    assert layers.current.label_id == "c"


def test_a_layer_that_is_there_is_shown_and_not_doubled() -> None:
    hidden = THREE.with_layer(2, Layer("b", is_visible=False)).toggled()
    layers = hidden.added(Layer("b"))
    assert ids(layers) == ids(THREE)
    assert (layers.selected, layers.current.is_visible, layers.is_visible) == (2, True, True)
    assert len(THREE.added(Layer("b", "occlusion")).items) == 4


def test_there_is_an_end_to_adding() -> None:
    layers = Layers()
    for number in range(MAX_LAYERS + 5):
        layers = layers.added(Layer(f"label-{number}"))
    assert len(layers.items) == MAX_LAYERS


def test_one_layer_always_stays() -> None:
    assert Layers().removed(0) == Layers()
    assert ids(THREE.removed(1)) == ["", "b"]
    assert THREE.removed(0).current.label_id == "a"
    assert THREE.choose(2).removed(2).current.label_id == "a"


def test_the_selection_goes_with_its_layer_when_it_is_moved() -> None:
    moved = THREE.moved(1, 2)
    assert ids(moved) == ["", "b", "a"]
    assert moved.current.label_id == "a"
    assert ids(THREE.moved(0, 99)) == ["a", "b", ""]
    assert THREE.moved(0, 99).current.label_id == "a"
    assert THREE.choose(99).selected == 2


def test_numbers_stay_in_range() -> None:
    layer = THREE.with_current(Layer("a", opacity=7.0, least=2.0)).current
    assert (layer.opacity, layer.least) == (1.0, MAX_LEAST)


def test_signed_maps_get_a_diverging_table_and_give_it_back() -> None:
    assert signed(Layer(), is_signed=True).table == "diverging"
    assert signed(signed(Layer(), is_signed=True), is_signed=False).table == "inferno"
    assert signed(Layer(table="jet"), is_signed=False).table == "jet"


def test_another_model_leaves_the_top_label_alone() -> None:
    layers = THREE.with_layer(0, Layer("x", "occlusion", opacity=0.3)).without_labels()
    assert layers.items == (Layer(opacity=0.3),)
    assert layers.selected == 0


def test_the_window_begins_with_a_heatmap_the_lungs_and_marks_on_top() -> None:
    layers = window_layers(Layer(opacity=0.4))
    assert [item.kind for item in layers.items] == [LayerKind.HEATMAP, LayerKind.LUNGS, LayerKind.MARKS]
    assert layers.current.opacity == 0.4


def test_lungs_and_marks_stay_and_new_heatmaps_lie_below_them() -> None:
    layers = window_layers(Layer()).added(Layer("a"))
    assert [item.kind for item in layers.items] == [LayerKind.HEATMAP, LayerKind.HEATMAP, LayerKind.LUNGS, LayerKind.MARKS]
    assert layers.current.label_id == "a"
    assert [layers.can_remove(place) for place in range(4)] == [True, True, False, False]
    assert layers.removed(2) is layers
    assert not layers.removed(1).can_remove(0)
    assert layers.without_labels() == window_layers(Layer())


def test_labels_are_chosen_for_the_selected_heatmap_else_for_the_topmost() -> None:
    layers = Layers((Layer("a"), LUNGS_LAYER, Layer("b"), MARKS_LAYER))
    assert layers.current_map.label_id == "a"
    assert layers.choose(1).current_map.label_id == "b"
    assert layers.choose(3).map_place == 2
    assert layers.first_map.label_id == "a"


def test_marks_are_drawn_as_their_layer_says_and_always_where_there_is_none() -> None:
    layers = window_layers(Layer())
    assert layers.marks_opacity == 1.0
    hidden = layers.with_layer(2, Layer(is_visible=False, opacity=1.0, kind=LayerKind.MARKS))
    assert hidden.marks_opacity == 0.0
    assert hidden.with_marks_shown().marks_opacity == 1.0
    assert Layers().marks_opacity == 1.0
    assert Layers().with_marks_shown() == Layers()
    assert layers.toggled().marks_opacity == 1.0
