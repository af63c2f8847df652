"""What the window says of an answer: findings under the person's thresholds, whether to believe them, and what each layer shows; no Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cxrview.app.layers import Layer, Layers
from cxrview.app.state import AppState, ExplanationKey, LoadedPicture, NotExplained, Outcomes, ReadyModel
from cxrview.core.flags import Flag, flags_of
from cxrview.core.heatmap import GRAD_CAM, METHOD_NAMES, common_scale
from cxrview.core.results import Analysis, Finding, Heatmap
from cxrview.core.scores import top_finding, with_thresholds
from cxrview.core.trust import refusal

WITHHELD_TEXT = "The heatmaps are withheld with the scores."


# Whether to believe it.


def flags_shown(state: AppState) -> tuple[Flag, ...]:
    """Give the flags of the shown picture."""
    return flags_of(state.picture.pixels) if isinstance(state.picture, LoadedPicture) else ()


def refusal_of(state: AppState) -> str:
    """Say why the answer should not be believed, whether it is shown anyway or not; empty when nothing speaks against it."""
    if not isinstance(state.reading, Analysis) or not isinstance(state.picture, LoadedPicture):
        return ""
    return refusal(state.reading.in_distribution, flags_shown(state))


def is_withheld(state: AppState) -> bool:
    """Tell whether scores and heatmaps of the shown picture are kept back."""
    return state.current not in state.shown_anyway and bool(refusal_of(state))


def override_chosen(state: AppState) -> AppState:
    """Show scores and heatmaps of the shown picture although the window advises against believing them."""
    if state.current is None or not refusal_of(state):
        return state
    outcomes = dict(state.outcomes.by_ref)
    if state.current in outcomes:
        outcomes[state.current] = replace(outcomes[state.current], withheld="")
    return replace(state, shown_anyway=state.shown_anyway | {state.current}, outcomes=Outcomes(outcomes))


# Thresholds.


def findings_of(state: AppState) -> tuple[Finding, ...]:
    """Give the findings of the shown picture under the thresholds in use; none while they are withheld."""
    if not isinstance(state.reading, Analysis) or is_withheld(state):
        return ()
    return with_thresholds(state.reading.findings, state.thresholds)


def threshold_chosen(state: AppState, label_id: str, probability: float) -> AppState:
    """Move a label's threshold, 0 to 1; findings follow, no network runs."""
    moved = {**state.thresholds, label_id: min(1.0, max(0.0, probability))}
    return _with_thresholds(state, moved)


def thresholds_reset(state: AppState) -> AppState:
    """Go back to the thresholds of the package."""
    own = {} if not isinstance(state.model, ReadyModel) else {key: item.probability for key, item in state.model.thresholds.items()}
    return replace(_with_thresholds(state, own), thresholds={})


def _with_thresholds(state: AppState, thresholds: dict[str, float]) -> AppState:
    known = {
        ref: outcome if outcome.top is None else replace(outcome, top=with_thresholds((outcome.top,), thresholds)[0])
        for ref, outcome in state.outcomes.by_ref.items()
    }
    return replace(state, thresholds=thresholds, outcomes=Outcomes(known))


def prevalence_chosen(state: AppState, prevalence: float) -> AppState:
    """Set the prevalence for predictive values, 0 to 1."""
    return replace(state, prevalence=min(1.0, max(0.0, prevalence)))


# Layers.


@dataclass(frozen=True, slots=True)
class LayerView:
    """What a layer has to show: a map with its scale in logits, or words instead of it.

    Attributes:
        finding: of the label it explains; None without an answer.
        is_missing: the map can be made, and was not asked for yet for this image.
    """

    layer: Layer
    heatmap: Heatmap | None = None
    finding: Finding | None = None
    scale: float = 0.0
    words: str = ""
    is_missing: bool = False


def layer_views(state: AppState) -> tuple[LayerView, ...]:
    """Say what each layer shows, bottom to top; maps are gated by probability unless a label was asked for by name."""
    if not isinstance(state.reading, Analysis) or not isinstance(state.picture, LoadedPicture):
        return tuple(LayerView(layer) for layer in state.layers.items)
    if is_withheld(state):
        return tuple(LayerView(layer, words=WITHHELD_TEXT) for layer in state.layers.items)
    findings = findings_of(state)
    return tuple(_layer_view(state, state.reading, findings, layer) for layer in state.layers.items)


def selected_view(state: AppState) -> LayerView:
    """Say what the selected layer shows on the canvas: nothing when it is hidden."""
    layer = state.layers.current
    return layer_views(state)[state.layers.selected] if state.layers.is_visible and layer.is_visible else LayerView(layer)


def _layer_view(state: AppState, analysis: Analysis, findings: Sequence[Finding], layer: Layer) -> LayerView:
    asked = next((finding for finding in findings if finding.label.id == layer.label_id), None)
    finding = asked or top_finding(findings)
    if asked is None and not finding.is_positive:
        under = f"{finding.label.name} {finding.probability:.2f} is under its threshold {finding.threshold:.2f}"
        return LayerView(layer, None, finding, words=f"{under}, so its heatmap is not shown. Click a label to see it anyway.")
    made = _map_of(state, analysis, finding, layer)
    if not isinstance(made, Heatmap):
        return replace(made, finding=finding)
    if made.is_flat or not (layer.is_signed or (made.values > 0).any()):
        return LayerView(layer, None, finding, words=f"{finding.label.name}: flat map, nothing to show.")
    return LayerView(layer, made, finding, scale_of(state, analysis, made, layer))


def _map_of(state: AppState, analysis: Analysis, finding: Finding, layer: Layer) -> Heatmap | LayerView:
    if layer.method != GRAD_CAM:
        made = state.explanations.by_key.get(ExplanationKey(finding.label.id, layer.method))
        if made is None:
            return LayerView(layer, words=f"{method_name(layer.method)} is not made yet for this image.", is_missing=True)
        if isinstance(made, NotExplained):
            return LayerView(layer, words=made.reason or f"Making {method_name(layer.method)}…")
        return made
    if not analysis.heatmaps:
        return LayerView(layer, words="This model gives no heatmap.")
    found = next((item for item in analysis.heatmaps if item.label.id == finding.label.id), None)
    return found or LayerView(layer, words="This model gives no heatmap for this label.")


def scale_of(state: AppState, analysis: Analysis, heatmap: Heatmap, layer: Layer) -> float:
    """Give the value, in logits, of the last colour: of all maps by this method, or of this map alone."""
    if not state.layers.has_common_scale:
        return common_scale((heatmap,))
    if layer.method == GRAD_CAM:
        return common_scale(analysis.heatmaps)
    made = (item for key, item in state.explanations.by_key.items() if key.method == layer.method)
    return common_scale([item for item in made if isinstance(item, Heatmap)])


def method_name(method: str) -> str:
    """Name a method for people."""
    return METHOD_NAMES.get(method, _OTHER_METHODS.get(method, method))


_OTHER_METHODS = {
    "occlusion": "Occlusion",
    "gradcam++": "Grad-CAM++",
    "xgradcam": "XGrad-CAM",
    "layercam": "LayerCAM",
    "gradcam-elementwise": "Grad-CAM element-wise",
    "eigengradcam": "EigenGrad-CAM",
}


def label_asked(state: AppState, label_id: str) -> str:
    """Give the label to look at after a click: the same one again goes back to the top label."""
    return "" if state.layers.current.label_id == label_id else label_id


def layer_offered(state: AppState, label_id: str, method: str) -> Layer:
    """Give a new layer that looks like the selected one, for another label or method."""
    return replace(state.layers.current, label_id=label_id, method=method, is_visible=True)


def layers_with(state: AppState, layer: Layer) -> Layers:
    """Give the layers with one more."""
    return state.layers.added(layer)
