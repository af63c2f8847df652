"""Turn the document of a `model.toml` into a Manifest and back; what it does not know, it refuses by name."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from enum import StrEnum
from itertools import pairwise
from pathlib import PurePosixPath
from typing import TypeVar

from cxrview.core.activation import ACTIVATIONS
from cxrview.core.conformal import ConformalRule
from cxrview.core.errors import ManifestError
from cxrview.core.manifest import (
    COMPOSITE_FORMAT,
    FORMAT,
    Architecture,
    Calibration,
    CalibrationMethod,
    Channels,
    Code,
    Combination,
    Composite,
    Enhancement,
    HeatmapKind,
    InputSpec,
    Label,
    Manifest,
    Member,
    Normalisation,
    OperatingCurve,
    PrecisionCheck,
    RangeRule,
    ResizeRule,
    Task,
    Threshold,
    TrainedOn,
)

Choice = TypeVar("Choice", bound=StrEnum)

MANIFEST_NAME = "model.toml"
MLP_KINDS = (HeatmapKind.POOLED_MLP, HeatmapKind.FLATTEN_MLP)

# More pixels than any published chest network takes; a larger number is a slip of the pen or an attack on memory.
MAX_SIDE_PX = 4096
_PACKAGE_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_LABEL_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def parse_manifest(document: Mapping[str, object]) -> Manifest:
    """Parse the document that `tomllib` made of a `model.toml`.

    Raises:
        ManifestError: an unknown, missing or impossible field, named as it stands in the file.
    """
    table = _Table(document)
    version = table.integer("format")
    if version not in (FORMAT, COMPOSITE_FORMAT):
        raise ManifestError(
            f"the package has format {version}, this program reads formats {FORMAT} and {COMPOSITE_FORMAT}.", hint="Update cxrview."
        )
    composite = _composite(table.table("composite")) if version == COMPOSITE_FORMAT else None
    outputs = table.table("outputs")
    architecture = table.table("architecture") if table.has("architecture") else None
    label_tables = table.tables("labels")
    manifest = Manifest(
        id=table.text("id"),
        title=table.text("title"),
        version=table.text("version"),
        licence=table.text("licence"),
        intended_use=table.text("intended_use"),
        task=table.choice("task", Task),
        labels=tuple(_label(each) for each in label_tables),
        input=_input_spec(table.table("input")),
        heatmap=outputs.choice("heatmap", HeatmapKind),
        activations=outputs.texts("activations", ()),
        calibration=tuple(_calibration(each.optional_table("calibration")) for each in label_tables),
        thresholds=tuple(_threshold(each.optional_table("threshold")) for each in label_tables),
        trained_on=tuple(_trained_on(each) for each in table.tables("trained_on", is_optional=True)),
        split_sha256=table.text("split_sha256", ""),
        files=_files(table.table("files")),
        architecture=None if architecture is None else _architecture(architecture),
        graph=outputs.text("graph", "model.onnx") if composite is None else "",
        composite=composite,
        operating_curve=_curves(label_tables),
        conformal=_conformal(label_tables),
        precisions=tuple(_precision(each) for each in table.tables("precisions", is_optional=True)),
    )
    for each in (table, outputs, architecture, *label_tables):
        if each is not None:
            each.refuse_unknown()
    _check(manifest)
    return manifest


def manifest_document(manifest: Manifest) -> dict[str, object]:
    """Give the document that `tomli_w` writes; `parse_manifest` reads it back to an equal record."""
    composite = manifest.composite
    document: dict[str, object] = {
        "format": FORMAT if composite is None else COMPOSITE_FORMAT,
        "id": manifest.id,
        "title": manifest.title,
        "version": manifest.version,
        "licence": manifest.licence,
        "intended_use": manifest.intended_use,
        "task": str(manifest.task),
        "split_sha256": manifest.split_sha256,
        "outputs": {"heatmap": str(manifest.heatmap), "activations": list(manifest.activations)},
        "input": _plain(asdict(manifest.input)),
        "labels": [
            {
                "id": label.id,
                "name": label.name,
                "codes": [asdict(code) for code in label.codes],
                "calibration": _plain(asdict(calibration)),
                "threshold": asdict(threshold),
                **({"operating_curve": _plain(asdict(curve))} if curve.probability else {}),
                **({"conformal": asdict(rule)} if rule is not None else {}),
            }
            for label, calibration, threshold, curve, rule in zip(
                manifest.labels,
                manifest.calibration,
                manifest.thresholds,
                manifest.operating_curve or (OperatingCurve(),) * len(manifest.labels),
                manifest.conformal or (None,) * len(manifest.labels),
                strict=True,
            )
        ],
        "trained_on": [asdict(source) for source in manifest.trained_on],
        "files": dict(sorted(manifest.files.items())),
    }
    if manifest.precisions:
        document["precisions"] = [asdict(each) for each in manifest.precisions]
    if manifest.architecture is not None:
        document["architecture"] = _plain(asdict(manifest.architecture))
    if composite is None:
        document["outputs"] = {"graph": manifest.graph, "heatmap": str(manifest.heatmap), "activations": list(manifest.activations)}
    else:
        document["composite"] = {"combine": str(composite.combine), "members": [_plain(asdict(each)) for each in composite.members]}
    return document


def is_inside_name(name: str) -> bool:
    """Tell whether a name from a package can only mean a file inside that package."""
    path = PurePosixPath(name)
    is_plain = bool(name) and "\\" not in name and ":" not in name and "\0" not in name
    return is_plain and not path.is_absolute() and ".." not in path.parts and str(path) == name and name != "."


def _plain(values: Mapping[str, object]) -> dict[str, object]:
    return {
        key: [str(item) if isinstance(item, StrEnum) else item for item in value] if isinstance(value, tuple) else value
        for key, value in values.items()
    }


def _composite(table: _Table) -> Composite:
    composite = Composite(
        combine=table.choice("combine", Combination),
        members=tuple(_member(each) for each in table.tables("members")),
    )
    table.refuse_unknown()
    return composite


def _member(table: _Table) -> Member:
    member = Member(
        name=table.text("name"),
        labels=table.texts("labels", ()),
        splits=table.text("splits", ""),
        otherwise=table.text("otherwise", ""),
    )
    table.refuse_unknown()
    return member


def _label(table: _Table) -> Label:
    return Label(
        id=table.text("id"),
        name=table.text("name"),
        codes=tuple(_code(each) for each in table.tables("codes", is_optional=True)),
    )


def _code(table: _Table) -> Code:
    code = Code(scheme=table.text("scheme"), value=table.text("value"), meaning=table.text("meaning"))
    table.refuse_unknown()
    return code


def _calibration(table: _Table) -> Calibration:
    calibration = Calibration(
        method=table.choice("method", CalibrationMethod, CalibrationMethod.NONE),
        slope=table.number("slope", 1.0),
        bias=table.number("bias", 0.0),
        knots_logit=table.numbers("knots_logit", ()),
        knots_probability=table.numbers("knots_probability", ()),
        prevalence=table.number("prevalence", 0.0),
    )
    table.refuse_unknown()
    return calibration


def _threshold(table: _Table) -> Threshold:
    default = Threshold()
    threshold = Threshold(
        probability=table.number("probability", default.probability),
        operating_point=table.text("operating_point", default.operating_point),
    )
    table.refuse_unknown()
    return threshold


def _curves(label_tables: Sequence[_Table]) -> tuple[OperatingCurve, ...]:
    """Give a curve for each label, or none at all where no label has one."""
    curves = tuple(_curve(each.optional_table("operating_curve")) for each in label_tables)
    return curves if any(curve.probability for curve in curves) else ()


def _curve(table: _Table) -> OperatingCurve:
    curve = OperatingCurve(
        probability=table.numbers("probability", ()),
        sensitivity=table.numbers("sensitivity", ()),
        specificity=table.numbers("specificity", ()),
        positives=table.integer("positives", 0),
        negatives=table.integer("negatives", 0),
        cases=table.text("cases", ""),
        lowest_sensitivity=table.numbers("lowest_sensitivity", ()),
        lowest_specificity=table.numbers("lowest_specificity", ()),
    )
    table.refuse_unknown()
    return curve


def _conformal(label_tables: Sequence[_Table]) -> tuple[ConformalRule | None, ...]:
    """Give the bounds of each label, or none at all where no label has any."""
    rules = tuple(_conformal_rule(each.table("conformal")) if each.has("conformal") else None for each in label_tables)
    return rules if any(rule is not None for rule in rules) else ()


def _conformal_rule(table: _Table) -> ConformalRule:
    rule = ConformalRule(
        positive_from=table.number("positive_from"),
        negative_to=table.number("negative_to"),
        coverage=table.number("coverage"),
        positives=table.integer("positives"),
        negatives=table.integer("negatives"),
    )
    table.refuse_unknown()
    return rule


def _precision(table: _Table) -> PrecisionCheck:
    check = PrecisionCheck(precision=table.text("precision"), largest=table.number("largest"), images=table.integer("images"))
    table.refuse_unknown()
    return check


def _trained_on(table: _Table) -> TrainedOn:
    source = TrainedOn(
        source=table.text("source"), images=table.integer("images"), patients=table.integer("patients"), licence=table.text("licence")
    )
    table.refuse_unknown()
    return source


def _architecture(table: _Table) -> Architecture:
    default = Architecture(name="")
    return Architecture(
        name=table.text("name"),
        head=table.text("head", default.head),
        head_hidden=table.integers("head_hidden", default.head_hidden),
        dropout=table.number("dropout", default.dropout),
    )


def _files(table: _Table) -> dict[str, str]:
    files = {name: table.text(name) for name in table.names}
    for name, sha256 in files.items():
        if not is_inside_name(name):
            raise ManifestError(f"files names '{name}', which does not lie inside the package folder.")
        if not _SHA256.fullmatch(sha256):
            raise ManifestError(f"files.'{name}' is not a SHA-256 in lower-case hexadecimal.")
    return files


def _input_spec(table: _Table) -> InputSpec:
    default = InputSpec(width=1, height=1)
    spec = InputSpec(
        width=table.integer("width"),
        height=table.integer("height"),
        channels=table.choice("channels", Channels, default.channels),
        via_px=table.integer("via_px", default.via_px),
        border_crop=table.number("border_crop", default.border_crop),
        resize=table.choice("resize", ResizeRule, default.resize),
        lung_crop=table.flag("lung_crop", is_default=default.lung_crop),
        lung_margin=table.number("lung_margin", default.lung_margin),
        lung_mask=table.flag("lung_mask", is_default=default.lung_mask),
        lung_dilation=table.number("lung_dilation", default.lung_dilation),
        range_rule=table.choice("range_rule", RangeRule, default.range_rule),
        percentiles=_pair(table.numbers("percentiles", default.percentiles)),
        enhancement=tuple(_choice("input.enhancement", each, Enhancement) for each in table.texts("enhancement", ())),
        clahe_clip=table.number("clahe_clip", default.clahe_clip),
        clahe_tiles=table.integer("clahe_tiles", default.clahe_tiles),
        beasf_gamma=table.number("beasf_gamma", default.beasf_gamma),
        reference_histogram=table.numbers("reference_histogram", ()),
        normalisation=table.choice("normalisation", Normalisation, default.normalisation),
        mean=table.numbers("mean", default.mean),
        std=table.numbers("std", default.std),
    )
    table.refuse_unknown()
    return spec


def _pair(values: tuple[float, ...]) -> tuple[float, float]:
    if len(values) != 2:
        raise ManifestError(f"input.percentiles must hold two numbers, not {len(values)}.")
    return values[0], values[1]


def _check(manifest: Manifest) -> None:
    _demand(bool(_PACKAGE_ID.fullmatch(manifest.id)), f"id '{manifest.id}' must be lower case letters, digits, '.', '_' and '-'.")
    _check_labels(manifest)
    _check_composite(manifest)
    _check_input(manifest.input)
    for label, calibration, threshold in zip(manifest.labels, manifest.calibration, manifest.thresholds, strict=True):
        _check_calibration(label.id, calibration)
        _demand(0.0 <= threshold.probability <= 1.0, f"label '{label.id}': threshold.probability must be between 0 and 1.")
    for label, curve in zip(manifest.labels, manifest.operating_curve, strict=False):
        _check_curve(label.id, curve)
    for label, rule in zip(manifest.labels, manifest.conformal, strict=False):
        _check_conformal(label.id, rule)
    for check in manifest.precisions:
        _demand(0.0 <= check.largest <= 1.0, f"precisions: the largest difference of '{check.precision}' must be between 0 and 1.")
    if manifest.task in (Task.MULTICLASS, Task.HIERARCHICAL):
        slopes = {calibration.slope for calibration in manifest.calibration}
        _demand(len(slopes) == 1, f"a {manifest.task} model has one calibration slope for all labels.")
    _check_outputs(manifest)


def _check_labels(manifest: Manifest) -> None:
    ids = [label.id for label in manifest.labels]
    for label_id in ids:
        _demand(bool(_LABEL_ID.fullmatch(label_id)), f"label id '{label_id}' must be lower case letters, digits, '_' and '-'.")
    _demand(len(set(ids)) == len(ids), "two labels have the same id.")
    if manifest.task is Task.BINARY:
        _demand(len(ids) == 1, f"a binary model has one label, this one has {len(ids)}.")
    least = 2 if manifest.task in (Task.MULTICLASS, Task.HIERARCHICAL) else 1
    _demand(len(ids) >= least, f"a {manifest.task} model has at least {least} label{'s' if least > 1 else ''}, this one has {len(ids)}.")


def _check_input(spec: InputSpec) -> None:
    for name, side in (("width", spec.width), ("height", spec.height)):
        _demand(1 <= side <= MAX_SIDE_PX, f"input.{name} must be between 1 and {MAX_SIDE_PX}.")
    _demand(0 <= spec.via_px <= MAX_SIDE_PX, f"input.via_px must be between 0 and {MAX_SIDE_PX}.")
    _demand(0.0 <= spec.border_crop <= 0.25, "input.border_crop must be between 0 and 0.25.")
    _demand(0.0 <= spec.lung_margin <= 1.0, "input.lung_margin must be between 0 and 1.")
    _demand(0.0 <= spec.lung_dilation <= 0.25, "input.lung_dilation must be between 0 and 0.25.")
    low, high = spec.percentiles
    _demand(0.0 <= low < high <= 100.0, "input.percentiles must rise and lie between 0 and 100.")
    _demand(spec.clahe_clip > 0.0, "input.clahe_clip must be above 0.")
    _demand(1 <= spec.clahe_tiles <= 64, "input.clahe_tiles must be between 1 and 64.")
    _demand(spec.beasf_gamma > 0.0, "input.beasf_gamma must be above 0.")
    _demand(len(spec.reference_histogram) in (0, 256), "input.reference_histogram must be empty or hold 256 weights.")
    if spec.reference_histogram:
        is_weights = min(spec.reference_histogram) >= 0.0 and sum(spec.reference_histogram) > 0.0
        _demand(is_weights, "input.reference_histogram must hold weights of 0 and more, not all 0.")
    needs_histogram = Enhancement.HISTOGRAM_MATCH in spec.enhancement
    _demand(
        not needs_histogram or bool(spec.reference_histogram),
        "input.enhancement matches histograms, but input.reference_histogram is empty.",
    )
    planes = spec.channels.planes
    _demand(len(spec.mean) == planes, f"input.mean must hold {planes} number{'s' if planes > 1 else ''}, one for each channel.")
    _demand(len(spec.std) == planes, f"input.std must hold {planes} number{'s' if planes > 1 else ''}, one for each channel.")
    _demand(min(spec.std) > 0.0, "input.std must be above 0.")


def _check_calibration(label_id: str, calibration: Calibration) -> None:
    where = f"label '{label_id}': calibration"
    _demand(calibration.slope > 0.0, f"{where}.slope must be above 0.")
    _demand(0.0 <= calibration.prevalence < 1.0, f"{where}.prevalence must be 0, for not known, or between 0 and 1.")
    if calibration.method is not CalibrationMethod.ISOTONIC:
        return
    logits, values = calibration.knots_logit, calibration.knots_probability
    _demand(len(logits) == len(values) and len(logits) >= 2, f"{where} needs as many knots_logit as knots_probability, two at least.")
    _demand(all(a < b for a, b in pairwise(logits)), f"{where}.knots_logit must rise.")
    _demand(all(a <= b for a, b in pairwise(values)), f"{where}.knots_probability must not fall.")
    _demand(values[0] >= 0.0 and values[-1] <= 1.0, f"{where}.knots_probability must lie between 0 and 1.")


def _check_conformal(label_id: str, rule: ConformalRule | None) -> None:
    if rule is not None:
        shares = (rule.positive_from, rule.negative_to, rule.coverage)
        _demand(min(shares) >= 0.0 and max(shares) <= 1.0, f"label '{label_id}': conformal must hold numbers between 0 and 1.")


def _check_curve(label_id: str, curve: OperatingCurve) -> None:
    where = f"label '{label_id}': operating_curve"
    points, found, spared = curve.probability, curve.sensitivity, curve.specificity
    _demand(len(points) == len(found) == len(spared), f"{where} needs as many sensitivity and specificity as probability.")
    lowest = (curve.lowest_sensitivity, curve.lowest_specificity)
    has_lowest = {len(each) for each in lowest} in ({0}, {len(points)})
    _demand(has_lowest, f"{where} needs as many lowest_sensitivity and lowest_specificity as probability, or none.")
    if not points:
        return
    shares = (*points, *found, *spared, *lowest[0], *lowest[1])
    _demand(min(shares) >= 0.0 and max(shares) <= 1.0, f"{where} must hold numbers between 0 and 1.")
    _demand(all(a < b for a, b in pairwise(points)), f"{where}.probability must rise.")
    for name, falling in (("sensitivity", found), ("lowest_sensitivity", lowest[0])):
        _demand(all(a >= b for a, b in pairwise(falling)), f"{where}.{name} must not rise.")
    for name, rising in (("specificity", spared), ("lowest_specificity", lowest[1])):
        _demand(all(a <= b for a, b in pairwise(rising)), f"{where}.{name} must not fall.")
    _demand(curve.positives > 0 and curve.negatives > 0, f"{where} must say how many positives and negatives it rests on.")


def _check_outputs(manifest: Manifest) -> None:
    for activation in manifest.activations:
        _demand(activation in ACTIVATIONS, f"outputs.activations has '{activation}'; known are {', '.join(ACTIVATIONS)}.")
    if manifest.heatmap is HeatmapKind.POOLED_MLP:
        _demand(bool(manifest.activations), "outputs.activations is empty, but the heatmap kind is pooled-mlp.")
    if manifest.heatmap not in MLP_KINDS:
        _demand(not manifest.activations, f"outputs.activations must be empty for the heatmap kind {manifest.heatmap}.")
    is_single = manifest.composite is None
    _demand(not is_single or manifest.graph in manifest.files, f"files lacks the graph '{manifest.graph}'.")
    is_of_members = manifest.heatmap is HeatmapKind.MEMBERS
    _demand(not (is_single and is_of_members), "outputs.heatmap is 'members', which a package of one network has not.")


def _check_tree(composite: Composite, labels: Sequence[str]) -> None:
    """Check that each member divides a label that is still whole, and that the package's labels are what is left in the end."""
    whole: list[str] = []
    for place, member in enumerate(composite.members):
        where = f"member '{member.name}'"
        parts = [*member.labels, member.otherwise] if member.otherwise else [*member.labels]
        is_first = place == 0
        _demand(is_first == (not member.splits), "every member but the first must say which label it splits.")
        _demand(is_first or member.splits in whole, f"{where} splits '{member.splits}', which no earlier member leaves whole.")
        _demand(len(parts) >= 2, f"{where} needs two labels at least, or one and what it is `otherwise`.")
        _demand(not member.otherwise or len(member.labels) == 1, f"{where}: `otherwise` is for a member with one label.")
        whole = [label for label in whole if label != member.splits] + parts
    _demand(len(set(whole)) == len(whole), "two members give the same label.")
    _demand(set(whole) == set(labels), f"the members give {', '.join(whole)}; the package's labels are {', '.join(labels)}.")


def _check_composite(manifest: Manifest) -> None:
    is_hierarchical, composite = manifest.task is Task.HIERARCHICAL, manifest.composite
    if composite is None:
        _demand(not is_hierarchical, f"task is 'hierarchical', which needs format {COMPOSITE_FORMAT} and its members.")
        return
    names = [member.name for member in composite.members]
    for name in names:
        _demand(bool(_LABEL_ID.fullmatch(name)), f"member '{name}' must be lower case letters, digits, '_' and '-'.")
    _demand(len(names) >= 2, f"composite.members must name two networks at least, not {len(names)}.")
    _demand(len(set(names)) == len(names), "two members have the same name.")
    is_product = composite.combine is Combination.PRODUCT
    _demand(is_product == is_hierarchical, "composite.combine is 'product' for the task 'hierarchical', and for no other.")
    if is_product:
        _check_tree(composite, [label.id for label in manifest.labels])
    for member in composite.members:
        is_plain = not (member.labels or member.splits or member.otherwise)
        _demand(is_product or is_plain, f"member '{member.name}' of a mean has a name and nothing else.")
    _demand(
        manifest.heatmap in (HeatmapKind.MEMBERS, HeatmapKind.OCCLUSION, HeatmapKind.NONE),
        "outputs.heatmap of a composite package is 'members', 'occlusion' or 'none'.",
    )
    _demand(manifest.architecture is None, "a composite package has no architecture of its own; its members have.")


def _demand(is_met: bool, sentence: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not is_met:
        raise ManifestError(sentence)


def _choice(where: str, value: str, kind: type[Choice]) -> Choice:
    try:
        return kind(value)
    except ValueError:
        raise ManifestError(f"{where} is '{value}'; known are {', '.join(kind)}.") from None


class _Table:
    """Takes fields from a TOML table, each checked for its type, and remembers which were asked for."""

    def __init__(self, document: Mapping[str, object], where: str = "") -> None:
        self._document = document
        self._where = where
        self._known: set[str] = set()

    @property
    def names(self) -> tuple[str, ...]:
        """The names present."""
        return tuple(self._document)

    def has(self, name: str) -> bool:
        """Tell whether the field is present."""
        return name in self._document

    def refuse_unknown(self) -> None:
        """Raise for the first field that nobody asked for."""
        for name in self._document:
            if name not in self._known:
                raise ManifestError(f"unknown field '{self._path(name)}'.", hint="Was the package made by a newer program?")

    def text(self, name: str, default: str | None = None) -> str:
        """Take a string."""
        value = self._take(name, default)
        if not isinstance(value, str):
            raise self._wrong(name, "a text")
        return value

    def integer(self, name: str, default: int | None = None) -> int:
        """Take an integer of 0 and more."""
        return self._integer(name, self._take(name, default))

    def number(self, name: str, default: float | None = None) -> float:
        """Take a finite number."""
        return self._number(name, self._take(name, default))

    def flag(self, name: str, *, is_default: bool) -> bool:
        """Take true or false."""
        value = self._take(name, is_default)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def choice(self, name: str, kind: type[Choice], default: Choice | None = None) -> Choice:
        """Take one word of an enumeration."""
        return _choice(self._path(name), self.text(name, default), kind)

    def numbers(self, name: str, default: Sequence[float] | None = None) -> tuple[float, ...]:
        """Take a list of finite numbers."""
        return tuple(self._number(name, each) for each in self._list(name, default))

    def integers(self, name: str, default: Sequence[int] | None = None) -> tuple[int, ...]:
        """Take a list of integers of 0 and more."""
        return tuple(self._integer(name, each) for each in self._list(name, default))

    def texts(self, name: str, default: Sequence[str] | None = None) -> tuple[str, ...]:
        """Take a list of strings."""
        values: list[str] = []
        for each in self._list(name, default):
            if not isinstance(each, str):
                raise self._wrong(name, "a list of texts")
            values.append(each)
        return tuple(values)

    def table(self, name: str) -> _Table:
        """Take a table."""
        return self._table(name, self._take(name, None))

    def optional_table(self, name: str) -> _Table:
        """Take a table, empty when it is absent."""
        return self._table(name, self._take(name, {}))

    def tables(self, name: str, *, is_optional: bool = False) -> tuple[_Table, ...]:
        """Take a list of tables."""
        items = self._list(name, () if is_optional else None)
        return tuple(self._table(f"{name}[{index}]", item) for index, item in enumerate(items))

    def _take(self, name: str, default: object) -> object:
        self._known.add(name)
        if name in self._document:
            return self._document[name]
        if default is None:
            raise ManifestError(f"field '{self._path(name)}' is missing.")
        return default

    def _list(self, name: str, default: Sequence[object] | None) -> Sequence[object]:
        value = self._take(name, default)
        if not isinstance(value, list | tuple):
            raise self._wrong(name, "a list")
        return value

    def _table(self, name: str, value: object) -> _Table:
        if not isinstance(value, Mapping):
            raise self._wrong(name, "a table")
        return _Table(value, self._path(name))

    def _integer(self, name: str, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self._wrong(name, "a whole number of 0 or more")
        return value

    def _number(self, name: str, value: object) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise self._wrong(name, "a finite number")
        return float(value)

    def _wrong(self, name: str, wanted: str) -> ManifestError:
        return ManifestError(f"field '{self._path(name)}' must be {wanted}.")

    def _path(self, name: str) -> str:
        return f"{self._where}.{name}" if self._where else name
