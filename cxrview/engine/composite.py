"""Run, explain and write packages of several networks: ensembles and hierarchies, on any engine that runs their members."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from cxrview.core.composite import check_members, combined, mean_heatmap, renamed
from cxrview.core.errors import ExplanationUnavailable, PackageError
from cxrview.core.heatmap import heatmaps
from cxrview.core.manifest import (
    Calibration,
    Combination,
    Composite,
    HeatmapKind,
    Label,
    Manifest,
    Member,
    OperatingCurve,
    Task,
    Threshold,
    TrainedOn,
)
from cxrview.core.results import FloatArray, Forward, Heatmap, HeatmapTarget
from cxrview.engine.base import Predictor, stacked_logits
from cxrview.engine.packages import Golden, Package, write_composite_files

# From a member's place and the labels of its own to its maps of them, in their order.
Explain = Callable[[int, Sequence[str]], Sequence[Heatmap]]


class CompositePredictor:
    """Runs every member on the same input and combines their answers; threads as for its members.

    Args:
        package: a composite package.
        members: an open predictor for each member, in their order; closed with this one.
    """

    def __init__(self, package: Package, members: Sequence[Predictor]) -> None:
        self._package = package
        self.members = tuple(members)

    @property
    def engine(self) -> str:
        """The engine that all members run on."""
        return self.members[0].engine

    @property
    def device(self) -> str:
        """The device that all members run on."""
        return self.members[0].device

    def run(self, batch: FloatArray) -> tuple[Forward, ...]:
        """Run (N, C, H, W) float32 through every member; the members' own passes stand in `Forward.parts`."""
        manifests = [member.manifest for member in self._package.members]
        answers = zip(*(member.run(batch) for member in self.members), strict=True)
        return tuple(combined(self._package.manifest, manifests, parts) for parts in answers)

    def close(self) -> None:
        """Let go of all members."""
        for member in self.members:
            member.close()


def open_with(package: Package, opened: Callable[[Package], Predictor]) -> Predictor:
    """Open a package of one network or of several with a function that opens one network."""
    if package.manifest.composite is None:
        return opened(package)
    members: list[Predictor] = []
    try:
        for member in package.members:
            members.append(opened(member))  # noqa: PERF401 - those already open must be closed when the next one fails
    except BaseException:
        for predictor in members:
            predictor.close()
        raise
    return CompositePredictor(package, members)


def member_heatmaps(package: Package, forward: Forward, *, target: HeatmapTarget, only: Sequence[int] | None = None) -> tuple[Heatmap, ...]:
    """Make the maps of a composite package's labels from the features of its members, without another pass; none if one has no head."""
    if not forward.parts or any(member.head is None for member in package.members):
        return ()

    def explain(place: int, labels: Sequence[str]) -> Sequence[Heatmap]:
        member = package.members[place]
        if member.head is None:
            raise ExplanationUnavailable("a member has no head.")
        wanted = [_place_of(member.manifest, label) for label in labels]
        return heatmaps(forward.parts[place], member.head, member.manifest.labels, target=target, only=wanted)

    chosen = range(len(package.manifest.labels)) if only is None else only
    return explained(package, [package.manifest.labels[index] for index in chosen], explain)


def explained(package: Package, labels: Sequence[Label], explain: Explain, *, network: str = "") -> tuple[Heatmap, ...]:
    """Put the members' maps together: their mean for an ensemble, the last deciding member's for a hierarchy; each says whose it is.

    Args:
        package: a composite package.
        labels: of the package.
        explain: makes a member's maps.
        network: explain this member alone; for a hierarchy it must be on the way to every label asked for.
    """
    composite = _composite(package)
    names = [member.name for member in composite.members]
    if network and network not in names:
        raise ExplanationUnavailable(f"the model has no network '{network}'.", hint=f"It has {', '.join(names)}.")
    if composite.combine is Combination.PRODUCT:
        return tuple(_on_path(composite, names, label, explain, network) for label in labels)
    ids = [label.id for label in labels]
    if network:
        pairs = zip(labels, explain(names.index(network), ids), strict=True)
        return tuple(renamed(each, label, network) for label, each in pairs)
    by_member = [explain(place, ids) for place in range(len(names))]
    mean_of = f"mean of {', '.join(names)}"
    return tuple(mean_heatmap(label, maps, mean_of) for label, maps in zip(labels, zip(*by_member, strict=True), strict=True))


def write_composite(
    folder: Path,
    members: Mapping[str, Package],
    *,
    combine: Combination,
    card: str,
    model_id: str,
    title: str,
    version: str,
    intended_use: str,
    licence: str = "",
    splits: Mapping[str, str] | None = None,
    otherwise: Mapping[str, str] | None = None,
    labels: Sequence[Label] = (),
    calibration: Sequence[Calibration] = (),
    thresholds: Sequence[Threshold] = (),
    operating_curve: Sequence[OperatingCurve] = (),
    split_sha256: str = "",
    is_replacing: bool = False,
) -> Package:
    """Write several packages of one network as one package, run its golden inputs, and read it back.

    Args:
        folder: where it goes; it appears whole or not at all.
        members: name to package, in order; for a product the first decides first.
        combine: how their answers become one.
        card: Markdown.
        model_id: of the whole.
        title: of the whole.
        version: of the whole.
        intended_use: of the whole.
        licence: of the weights; by default the members', joined.
        splits: for a product, member name to the label of an earlier member that it divides.
        otherwise: for a product, name of a member with one logit to the label that it means where its own is not.
        labels: of the whole, in the order wanted; by default those the members leave, in their order.
        calibration: one for each label; by default none.
        thresholds: one for each label; by default 0.5.
        operating_curve: one for each label, or none at all.
        split_sha256: of the split that the card's numbers were measured on.
        is_replacing: take the place of an existing folder.

    Raises:
        ManifestError: the members do not fit together.
        PackageError: fewer than two members, or the folder exists.
    """
    if len(members) < 2:
        raise PackageError("a composite package needs two networks at least.", subject=str(folder))
    splits, otherwise, own = splits or {}, otherwise or {}, list(members.values())
    is_product = combine is Combination.PRODUCT
    parts = tuple(
        Member(name, tuple(label.id for label in package.manifest.labels), splits.get(name, ""), otherwise.get(name, ""))
        if is_product
        else Member(name)
        for name, package in members.items()
    )
    shown = tuple(labels) or _labels_left(parts, own, is_product=is_product)
    manifest = Manifest(
        id=model_id,
        title=title,
        version=version,
        licence=licence or ", ".join(dict.fromkeys(each.manifest.licence for each in own)),
        intended_use=intended_use,
        task=Task.HIERARCHICAL if is_product else own[0].manifest.task,
        labels=shown,
        input=own[0].manifest.input,
        heatmap=HeatmapKind.OCCLUSION if any(each.head is None for each in own) else HeatmapKind.MEMBERS,
        activations=(),
        calibration=tuple(calibration) or (Calibration(),) * len(shown),
        thresholds=tuple(thresholds) or (Threshold(),) * len(shown),
        trained_on=_sources(own),
        split_sha256=split_sha256,
        files={},
        graph="",
        composite=Composite(combine, parts),
        operating_curve=tuple(operating_curve),
    )
    check_members(manifest, [each.manifest for each in own])
    return write_composite_files(folder, manifest, own, golden=_golden(manifest, own), card=card, is_replacing=is_replacing)


def _on_path(composite: Composite, names: Sequence[str], label: Label, explain: Explain, network: str) -> Heatmap:
    path = composite.path_to(label.id)
    member, outcome = next((step for step in path if step[0].name == network), path[-1])
    if network and member.name != network:
        way = " × ".join(step.name for step, _ in path)
        raise ExplanationUnavailable(f"the network '{network}' has no part in '{label.id}', which is {way}.")
    is_negated = outcome == member.otherwise
    (heatmap,) = explain(names.index(member.name), [member.labels[0] if is_negated else outcome])
    return renamed(heatmap, label, member.name, is_negated=is_negated)


def _labels_left(parts: Sequence[Member], own: Sequence[Package], *, is_product: bool) -> tuple[Label, ...]:
    if not is_product:
        return own[0].manifest.labels
    known = {label.id: label for package in own for label in package.manifest.labels}
    left: list[str] = []
    for part in parts:
        outcomes = [*([part.otherwise] if part.otherwise else []), *part.labels]
        at = left.index(part.splits) if part.splits in left else len(left)
        left[at : at + 1] = outcomes
    return tuple(known.get(label, Label(label, label.replace("_", " ").capitalize())) for label in left)


def _sources(own: Sequence[Package]) -> tuple[TrainedOn, ...]:
    """Join what the members learned from; of a source that several name, the one with the most images."""
    largest: dict[str, TrainedOn] = {}
    for source in (each for package in own for each in package.manifest.trained_on):
        if source.source not in largest or source.images > largest[source.source].images:
            largest[source.source] = source
    return tuple(largest[name] for name in sorted(largest))


def _golden(manifest: Manifest, own: Sequence[Package]) -> Golden:
    """Run the first member's golden inputs through the reference engine."""
    from cxrview.engine.onnx import OnnxPredictor

    inputs = own[0].golden.inputs
    answers: list[tuple[Forward, ...]] = []
    for package in own:
        predictor = OnnxPredictor(package, threads=0, cache_dir=None)
        try:
            answers.append(predictor.run(inputs))
        finally:
            predictor.close()
    whole = [combined(manifest, [each.manifest for each in own], parts) for parts in zip(*answers, strict=True)]
    return Golden(inputs=inputs, logits=np.ascontiguousarray(stacked_logits(whole)))


def _composite(package: Package) -> Composite:
    if package.manifest.composite is None:
        raise ExplanationUnavailable("this model is of one network.", subject=package.manifest.id)
    return package.manifest.composite


def _place_of(manifest: Manifest, label_id: str) -> int:
    return [label.id for label in manifest.labels].index(label_id)
