"""Layers are added, moved and changed without anything being computed."""

from __future__ import annotations

from cxrview.app.layers import MAX_LAYERS, MAX_LEAST, Layer, Layers, signed

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
