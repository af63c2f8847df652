"""The window names the network of a package of several that a finding and a map come from."""

from __future__ import annotations

import numpy as np

from cxrview.app.answers import LayerView
from cxrview.app.layers import Layer
from cxrview.app.views.colour_bar import shown_method, unit_of
from cxrview.core.manifest import Label
from cxrview.core.results import Finding, Heatmap, HeatmapTarget

LABEL = Label("covid19", "COVID-19")


def view(method: str, network: str) -> LayerView:
    heatmap = Heatmap(LABEL, np.zeros((2, 2), np.float32), HeatmapTarget.LOGIT, "Grad-CAM", network)
    return LayerView(Layer(label_id=LABEL.id, method=method), heatmap, Finding(LABEL, 0.0, 0.5, 0.5, network), 1.0)


def test_the_colour_bar_names_the_method_and_the_network() -> None:
    assert shown_method(view("gradcam", "kind")) == "Grad-CAM, kind"
    assert shown_method(view("gradcam", "")) == "Grad-CAM"
    assert shown_method(view("lime", "")) == "LIME"
    assert unit_of(view("lime", "")) == "weight of a patch, logit"
