"""What the window says of an answer: findings under the person's thresholds, whether to believe them, and what each layer shows; no Qt."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from cxrview.app.layers import Layer, LayerKind, Layers
from cxrview.app.state import (
    AppState,
    ExplanationKey,
    Explanations,
    LoadedPicture,
    NotExplained,
    Outcomes,
    ReadyModel,
    RecalledAnalysis,
    known_flags,
)
from cxrview.core.conformal import Answer, ConformalRule, answer
from cxrview.core.flags import Flag, flags_of
from cxrview.core.gate import VIEW_AP
from cxrview.core.heatmap import GRAD_CAM, METHOD_NAMES, common_scale
from cxrview.core.operating import Aim, Worth, threshold_for, worth_at
from cxrview.core.results import Analysis, Finding, Heatmap
from cxrview.core.scores import leading_finding, with_thresholds
from cxrview.core.trust import refusal

if TYPE_CHECKING:
    from cxrview.core.frame import Frame
    from cxrview.core.lungs import Lungs

WITHHELD_TEXT = "The heatmaps are withheld with the scores."


# Whether to believe it.


def flags_shown(state: AppState) -> tuple[Flag, ...]:
    """Give the flags of the shown picture: of its file, and of its answer where there is one."""
    if not isinstance(state.picture, LoadedPicture):
        return ()
    found = known_flags(state.reading.flags) if isinstance(state.reading, Analysis) else ()
    of_file = flags_of(state.picture.pixels)
    return tuple(flag for flag in Flag if flag in of_file or flag in found)


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


def view_seen(analysis: Analysis) -> str:
    """Give the view that a network sees in the picture, `AP`; empty where none says so, which speaks for no other view."""
    if isinstance(analysis, RecalledAnalysis):
        return analysis.view
    return "AP" if analysis.lungs is not None and VIEW_AP in analysis.lungs.noticed else ""


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


def threshold_aimed(state: AppState, label_id: str, aim: Aim, wanted: float) -> AppState:
    """Move a label's threshold to where the package's curve reaches a sensitivity or specificity, 0 to 1; without a curve nothing moves."""
    curve = state.model.curves.get(label_id) if isinstance(state.model, ReadyModel) else None
    threshold = None if curve is None else threshold_for(curve, aim, wanted)
    return state if threshold is None else threshold_chosen(state, label_id, threshold)


def thresholds_aimed(state: AppState, aim: Aim, wanted: float) -> AppState:
    """Do so for every label that has a curve."""
    for label_id in state.model.curves if isinstance(state.model, ReadyModel) else ():
        state = threshold_aimed(state, label_id, aim, wanted)
    return state


def worth_of(state: AppState, finding: Finding) -> Worth | None:
    """Give what a label's threshold is worth where it stands now; None where the package has no curve of the label."""
    curve = state.model.curves.get(finding.label.id) if isinstance(state.model, ReadyModel) else None
    return None if curve is None else worth_at(curve, finding.threshold)


def bounds_of(state: AppState, finding: Finding) -> ConformalRule | None:
    """Give the bounds between which the answer for a label is "don't know"; None where the package has none."""
    return state.model.bounds.get(finding.label.id) if isinstance(state.model, ReadyModel) else None


def is_unknown(state: AppState, finding: Finding) -> bool:
    """Tell whether the answer for a label is "don't know", wherever the person's threshold stands."""
    bounds = bounds_of(state, finding)
    return bounds is not None and answer(bounds, finding.probability) is Answer.UNKNOWN


def unknown_text(state: AppState) -> str:
    """Say for which labels the answer is "don't know" and what that means; empty without such labels."""
    unknown = [finding for finding in findings_of(state) if is_unknown(state, finding)]
    rules = [rule for rule in (bounds_of(state, finding) for finding in unknown) if rule is not None]
    if not rules:
        return ""
    names = ", ".join(finding.label.name for finding in unknown)
    share = min(rule.coverage for rule in rules)
    return (
        f"{names}: don't know. So the model answers where a yes or no would be wrong too often: "
        f"of images like its own, {share:.0%} get the right answer or none."
    )


def finding_looked_at(state: AppState) -> Finding | None:
    """Give the finding of the label that is looked at: the selected map's, else the top label's; None while there are none."""
    findings = findings_of(state)
    if not findings:
        return None
    return next((item for item in findings if item.label.id == state.layers.current_map.label_id), leading_finding(findings))


def prevalence_chosen(state: AppState, prevalence: float) -> AppState:
    """Set the prevalence for predictive values, 0 to 1."""
    return replace(state, prevalence=min(1.0, max(0.0, prevalence)))


# Layers.


@dataclass(frozen=True, slots=True)
class LayerView:
    """What a layer has to show: a map with its scale in logits, or the lungs, or words instead of them.

    Attributes:
        finding: of the label it explains; None without an answer.
        is_missing: the map can be made, and was not asked for yet for this image.
        is_making: it is being made. lungs: of a layer that shows them.
    """

    layer: Layer
    heatmap: Heatmap | None = None
    finding: Finding | None = None
    scale: float = 0.0
    words: str = ""
    is_missing: bool = False
    is_making: bool = False
    lungs: Lungs | None = None


def layer_views(state: AppState) -> tuple[LayerView, ...]:
    """Say what each layer shows, bottom to top; maps are gated by probability unless a label was asked for by name."""
    if not isinstance(state.reading, Analysis) or not isinstance(state.picture, LoadedPicture):
        return tuple(LayerView(layer) for layer in state.layers.items)
    findings, analysis = findings_of(state), state.reading
    return tuple(_view_of(state, analysis, findings, layer) for layer in state.layers.items)


def _view_of(state: AppState, analysis: Analysis, findings: Sequence[Finding], layer: Layer) -> LayerView:
    if layer.kind is LayerKind.MARKS:
        return LayerView(layer)
    if layer.kind is LayerKind.LUNGS:
        return _lungs_view(state, analysis, layer)
    if is_withheld(state):  # the label that was asked for by name keeps its name; the top one is not told
        named = next((finding for finding in analysis.findings if finding.label.id == layer.label_id), None)
        return LayerView(layer, None, named, words=WITHHELD_TEXT)
    return _layer_view(state, analysis, findings, layer)


def _lungs_view(state: AppState, analysis: Analysis, layer: Layer) -> LayerView:
    if not isinstance(state.model, ReadyModel) or not state.model.has_lungs:
        return LayerView(layer, words="No lung network is installed, so nobody looked for the lungs.")
    if isinstance(analysis, RecalledAnalysis):
        return LayerView(layer, words="Looking for the lungs…" if layer.is_visible else "")
    if analysis.lungs is None or not analysis.lungs.is_found:
        return LayerView(layer, words="No lungs were found in this picture.")
    return LayerView(layer, lungs=analysis.lungs)


def wants_maps(state: AppState) -> bool:
    """Tell whether a layer is to show what an answer from the library lacks: a heatmap that comes with the score, or the lungs."""
    if not state.layers.is_visible:
        return False
    has_maps = not is_withheld(state)
    has_lungs = isinstance(state.model, ReadyModel) and state.model.has_lungs
    return any(
        item.is_visible and ((has_maps and item.is_map and item.method == GRAD_CAM) or (item.kind is LayerKind.LUNGS and has_lungs))
        for item in state.layers.items
    )


def heat_words(state: AppState) -> str:
    """Say how much of the shown heat lies in the lungs; empty where there is no heatmap or nobody found lungs."""
    view, analysis = selected_view(state), state.reading
    if view.heatmap is None or not isinstance(analysis, Analysis) or analysis.lungs is None or not analysis.lungs.is_found:
        return ""
    share = _heat_share(view.heatmap, analysis.frame, analysis.lungs)
    return "" if math.isnan(share) else f"{100 * share:.0f} % of this heat lies in the lungs."


# The window asks again at every change of a layer; records of arrays are told apart by identity.
@lru_cache(maxsize=64)
def _heat_share(heatmap: Heatmap, frame: Frame, lungs: Lungs) -> float:
    from cxrview.core.answer_flags import heat_share

    return heat_share(heatmap, frame, lungs)


def selected_view(state: AppState) -> LayerView:
    """Say what the selected heatmap, else the topmost, shows on the canvas: nothing when it is hidden."""
    layer = state.layers.current_map
    return layer_views(state)[state.layers.map_place] if state.layers.is_visible and layer.is_visible else LayerView(layer)


def _layer_view(state: AppState, analysis: Analysis, findings: Sequence[Finding], layer: Layer) -> LayerView:
    asked = next((finding for finding in findings if finding.label.id == layer.label_id), None)
    finding = asked or leading_finding(findings)
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
            return LayerView(layer, words=made.reason or f"Making {method_name(layer.method)}…", is_making=not made.reason)
        return made
    if isinstance(analysis, RecalledAnalysis):
        return LayerView(layer, words="Making the heatmap…" if layer.is_visible else "")
    if not analysis.heatmaps:
        return LayerView(layer, words="This model gives no heatmap.")
    found = next((item for item in analysis.heatmaps if item.label.id == finding.label.id), None)
    return found or LayerView(layer, words="This model gives no heatmap for this label.")


def scale_of(state: AppState, analysis: Analysis, heatmap: Heatmap, layer: Layer) -> float:
    """Give the value, in logits, of the last colour: of all maps by this method that are on the screen, or of this map alone."""
    if not state.layers.has_common_scale:
        return common_scale((heatmap,))
    scale = _own_scale(analysis, state.explanations, layer.method)
    return max((scale, *(_own_scale(reading, made, layer.method) for reading, made in _beside(state))))


def _own_scale(analysis: Analysis, explanations: Explanations, method: str) -> float:
    if method == GRAD_CAM:
        return common_scale(analysis.heatmaps)
    made = (item for key, item in explanations.by_key.items() if key.method == method)
    return common_scale([item for item in made if isinstance(item, Heatmap)])


def _beside(state: AppState) -> Iterator[tuple[Analysis, Explanations]]:
    """Give the answers and maps of the other places of the layout whose heatmaps may be seen."""
    for index, cell in enumerate(state.grid.cells):
        if index == state.grid.active or not isinstance(cell.reading, Analysis):
            continue
        if cell.current in state.shown_anyway or not refusal(cell.reading.in_distribution, known_flags(cell.reading.flags)):
            yield cell.reading, cell.explanations


def method_name(method: str) -> str:
    """Name a method for people."""
    return METHOD_NAMES.get(method, _OTHER_METHODS.get(method, method))


_OTHER_METHODS = {
    "occlusion": "Occlusion",
    "lime": "LIME",
    "gradcam++": "Grad-CAM++",
    "xgradcam": "XGrad-CAM",
    "layercam": "LayerCAM",
    "gradcam-elementwise": "Grad-CAM element-wise",
    "eigengradcam": "EigenGrad-CAM",
}


def label_asked(state: AppState, label_id: str) -> str:
    """Give the label to look at after a click: the same one again goes back to the top label."""
    return "" if state.layers.current_map.label_id == label_id else label_id


def layer_offered(state: AppState, label_id: str, method: str) -> Layer:
    """Give a new heatmap that looks like the selected one, for another label or method."""
    return replace(state.layers.current_map, label_id=label_id, method=method, is_visible=True)


def layers_with(state: AppState, layer: Layer) -> Layers:
    """Give the layers with one more."""
    return state.layers.added(layer)
