"""The lungs and the gate that come with the program, as a classifier gets them."""

from __future__ import annotations

from cxrview.core.flags import Flag
from cxrview.core.gate import VIEW_AP, gate_words
from cxrview.core.manifest import Label
from cxrview.core.phantom import as_pixels, phantom
from cxrview.core.results import Finding
from cxrview.engine.lungs import open_lungs


def test_crops_come_from_the_reference_engine_so_that_scores_do_not_depend_on_the_machine() -> None:
    finder = open_lungs(threads=1)
    assert finder is not None
    try:
        assert (finder.predictor.engine, finder.predictor.device) == ("onnx", "cpu") or finder.predictor.device == "cuda"
        assert finder.gate is not None
        assert finder.gate.predictor.engine == "onnx"
        found = finder.find(as_pixels(phantom(1, size=(256, 256), view="non-chest")))
    finally:
        finder.close()
    assert Flag.LOOKS_NOT_CHEST in found.noticed


def finding(label: str, probability: float) -> Finding:
    return Finding(Label(label, label.title()), 0.0, probability, 0.5)


def test_the_gate_names_the_view_of_a_frontal_film_and_of_nothing_else() -> None:
    assert gate_words([finding("ap", 0.9), finding("lateral", 0.1)]) == (VIEW_AP,)
    assert gate_words([finding("ap", 0.4)]) == ()
    assert gate_words([finding("ap", 0.9), finding("turned", 0.9)]) == (Flag.LOOKS_TURNED, VIEW_AP)
    assert gate_words([finding("ap", 0.9), finding("lateral", 0.9)]) == (Flag.LOOKS_LATERAL,)
    assert gate_words([finding("ap", 0.9), finding("not_chest", 0.9)]) == (Flag.LOOKS_NOT_CHEST,)
