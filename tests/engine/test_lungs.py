"""The lungs and the gate that come with the program, as a classifier gets them."""

from __future__ import annotations

from cxrview.core.flags import Flag
from cxrview.core.phantom import as_pixels, phantom
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
