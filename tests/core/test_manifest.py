"""The manifest of a package: everything it says survives the file, everything it should not say is refused by name."""

from __future__ import annotations

import copy
import tomllib
from dataclasses import fields, replace
from typing import Any

import pytest
import tomli_w

from cxrview.core.conformal import ConformalRule
from cxrview.core.errors import ManifestError
from cxrview.core.manifest import (
    Architecture,
    Calibration,
    CalibrationMethod,
    Channels,
    Code,
    Enhancement,
    HeatmapKind,
    InputSpec,
    Label,
    Manifest,
    Normalisation,
    OperatingCurve,
    PrecisionCheck,
    RangeRule,
    ResizeRule,
    Task,
    Threshold,
    TrainedOn,
)
from cxrview.core.manifest_toml import is_inside_name, manifest_document, parse_manifest

FULL = Manifest(
    id="cxr-test.1",
    title="A title — with “quotes”",
    version="2.0.1",
    licence="Apache-2.0",
    intended_use="Tests.",
    task=Task.MULTILABEL,
    labels=(Label("effusion", "Effusion", (Code("SCT", "60046008", "Pleural effusion"),)), Label("mass", "Mass")),
    input=InputSpec(
        width=96,
        height=64,
        channels=Channels.GRAY_CLAHE_BEASF,
        via_px=256,
        border_crop=0.05,
        resize=ResizeRule.LETTERBOX,
        lung_crop=True,
        lung_margin=0.1,
        lung_mask=True,
        lung_dilation=0.05,
        range_rule=RangeRule.WINDOW,
        percentiles=(1.0, 99.0),
        enhancement=(Enhancement.CLAHE, Enhancement.HISTOGRAM_MATCH),
        clahe_clip=3.0,
        clahe_tiles=4,
        beasf_gamma=1.2,
        reference_histogram=(1.0,) * 256,
        normalisation=Normalisation.PER_IMAGE,
        mean=(0.4, 0.5, 0.6),
        std=(0.2, 0.3, 0.1),
    ),
    heatmap=HeatmapKind.POOLED_MLP,
    activations=("hardswish",),
    calibration=(
        Calibration(CalibrationMethod.PLATT, slope=0.7, bias=-0.2),
        Calibration(CalibrationMethod.ISOTONIC, knots_logit=(-1.0, 0.0, 2.0), knots_probability=(0.1, 0.1, 0.9), prevalence=0.3),
    ),
    thresholds=(Threshold(0.3, "Youden"), Threshold(0.6, "specificity 0.90")),
    trained_on=(TrainedOn("shenzhen", 662, 662, "CC0"),),
    split_sha256="ab" * 32,
    files={"nets/model.onnx": "0" * 64, "CARD.md": "f" * 64},
    architecture=Architecture("densenet121", head="pool", head_hidden=(10,), dropout=0.2),
    graph="nets/model.onnx",
    operating_curve=(
        OperatingCurve((0.1, 0.3, 0.9), (1.0, 0.8, 0.1), (0.2, 0.7, 1.0), 40, 60, "val split", (0.9, 0.6, 0.0), (0.1, 0.5, 0.9)),
        OperatingCurve(),
    ),
    conformal=(ConformalRule(0.2, 0.7, 0.9, 40, 60), None),
    precisions=(PrecisionCheck("bf16", 0.004, 100),),
)


def document() -> dict[str, Any]:
    return copy.deepcopy(manifest_document(FULL))


def test_every_field_of_a_manifest_survives_the_file() -> None:
    assert parse_manifest(tomllib.loads(tomli_w.dumps(manifest_document(FULL)))) == FULL


@pytest.mark.parametrize(
    "record", [FULL.input, FULL.architecture, FULL.calibration[1], FULL.labels[0], FULL.trained_on[0], FULL.operating_curve[0]]
)
def test_the_full_example_leaves_no_field_at_its_default(record: object) -> None:
    for each in fields(record):  # type: ignore[arg-type]
        if (type(record), each.name) not in {(Architecture, "head"), (Calibration, "slope"), (Calibration, "bias")}:
            assert getattr(record, each.name) != each.default


def test_absent_optional_fields_take_the_defaults_of_the_records() -> None:
    short = {key: value for key, value in document().items() if key not in {"architecture", "trained_on", "split_sha256", "precisions"}}
    short["outputs"] = {"heatmap": "none"}
    short["files"] = {"model.onnx": "0" * 64}
    short["labels"] = [{"id": "a", "name": "A"}]
    short["input"] = {"width": 32, "height": 32}
    manifest = parse_manifest(short)
    assert manifest.input == InputSpec(width=32, height=32)
    assert manifest.calibration == (Calibration(),)
    assert manifest.thresholds == (Threshold(),)
    assert manifest.architecture is None
    assert manifest.operating_curve == ()
    assert manifest.conformal == ()
    assert manifest.precisions == ()


def places_of_tables(table: dict[str, Any], way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [way]
    for key, value in table.items():
        if isinstance(value, dict) and key != "files":
            found += places_of_tables(value, (*way, key))
        if isinstance(value, list) and value and isinstance(value[0], dict):
            found += places_of_tables(value[0], (*way, key, 0))
    return found


@pytest.mark.parametrize("way", places_of_tables(manifest_document(FULL)), ids=str)
def test_an_unknown_field_is_refused_by_its_name_in_every_table(way: tuple[Any, ...]) -> None:
    broken = document()
    table: Any = broken
    for step in way:
        table = table[step]
    table["colour_of_the_moon"] = 1
    with pytest.raises(ManifestError, match="colour_of_the_moon"):
        parse_manifest(broken)


@pytest.mark.parametrize(
    "name", ["format", "id", "title", "version", "licence", "intended_use", "task", "labels", "input", "outputs", "files"]
)
def test_a_missing_field_is_named(name: str) -> None:
    broken = document()
    del broken[name]
    with pytest.raises(ManifestError, match=f"'{name}' is missing"):
        parse_manifest(broken)


WRONG: dict[str, tuple[tuple[Any, ...], Any, str]] = {
    "newer format": (("format",), 3, "format 3"),
    "format of several networks without any": (("format",), 2, "'composite' is missing"),
    "id with a slash": (("id",), "../evil", "id '../evil'"),
    "text for a number": (("input", "width"), "96", "input.width"),
    "true for a number": (("input", "width"), True, "input.width"),
    "number for a flag": (("input", "lung_crop"), 1, "true or false"),
    "negative size": (("input", "height"), -64, "input.height"),
    "huge size": (("input", "height"), 10**6, "input.height"),
    "not a number": (("input", "beasf_gamma"), float("nan"), "beasf_gamma"),
    "unknown word": (("input", "channels"), "rainbow", "known are gray, gray3"),
    "unknown enhancement": (("input", "enhancement"), ["sharpen"], "sharpen"),
    "one mean for three channels": (("input", "mean"), [0.5], "input.mean must hold 3 numbers"),
    "std of zero": (("input", "std"), [0.1, 0.0, 0.1], "input.std"),
    "falling percentiles": (("input", "percentiles"), [99.0, 1.0], "percentiles"),
    "three percentiles": (("input", "percentiles"), [1.0, 2.0, 3.0], "percentiles"),
    "border of a half": (("input", "border_crop"), 0.5, "border_crop"),
    "half a histogram": (("input", "reference_histogram"), [1.0] * 128, "reference_histogram"),
    "empty histogram": (("input", "reference_histogram"), [0.0] * 256, "not all 0"),
    "no reference histogram": (("input", "reference_histogram"), [], "reference_histogram is empty"),
    "same label twice": (("labels", 1, "id"), "effusion", "same id"),
    "label id with a space": (("labels", 1, "id"), "big mass", "big mass"),
    "threshold above one": (("labels", 0, "threshold", "probability"), 1.5, "threshold.probability"),
    "slope of zero": (("labels", 0, "calibration", "slope"), 0.0, "slope"),
    "knots that fall": (("labels", 1, "calibration", "knots_logit"), [0.0, -1.0, 2.0], "knots_logit must rise"),
    "probabilities that fall": (("labels", 1, "calibration", "knots_probability"), [0.5, 0.1, 0.9], "must not fall"),
    "probabilities above one": (("labels", 1, "calibration", "knots_probability"), [0.5, 0.6, 1.9], "between 0 and 1"),
    "too few knots": (("labels", 1, "calibration", "knots_logit"), [0.0], "as many knots_logit"),
    "prevalence of everybody": (("labels", 0, "calibration", "prevalence"), 1.0, "calibration.prevalence"),
    "bound above one": (("labels", 0, "conformal", "positive_from"), 1.1, "conformal must hold"),
    "difference above one": (("precisions", 0, "largest"), 1.2, "largest difference of 'bf16'"),
    "curve of unequal lengths": (("labels", 0, "operating_curve", "sensitivity"), [1.0, 0.5], "as many sensitivity"),
    "curve that turns back": (("labels", 0, "operating_curve", "probability"), [0.1, 0.9, 0.3], "probability must rise"),
    "sensitivity that rises": (("labels", 0, "operating_curve", "sensitivity"), [0.1, 0.8, 1.0], "sensitivity must not rise"),
    "specificity that falls": (("labels", 0, "operating_curve", "specificity"), [1.0, 0.7, 0.2], "specificity must not fall"),
    "share above one": (("labels", 0, "operating_curve", "specificity"), [0.2, 0.7, 1.2], "between 0 and 1"),
    "half of the lowest": (("labels", 0, "operating_curve", "lowest_sensitivity"), [], "or none"),
    "lowest that rises": (("labels", 0, "operating_curve", "lowest_sensitivity"), [0.1, 0.2, 0.3], "lowest_sensitivity must not rise"),
    "curve of nobody": (("labels", 0, "operating_curve", "negatives"), 0, "how many positives and negatives"),
    "unknown activation": (("outputs", "activations"), ["sine"], "sine"),
    "mlp without activations": (("outputs", "activations"), [], "activations is empty"),
    "linear with activations": (("outputs", "heatmap"), "pooled-linear", "must be empty"),
    "graph not in files": (("outputs", "graph"), "other.onnx", "lacks the graph"),
    "hash that is none": (("files", "CARD.md"), "12345", "SHA-256"),
    "two labels for binary": (("task",), "binary", "one label"),
    "labels as a table": (("labels",), {"id": "a"}, "a list"),
    "label as a text": (("labels", 0), "effusion", "a table"),
    "text in a list of numbers": (("input", "mean"), ["a", "b", "c"], "a finite number"),
    "number for a text": (("title",), 5, "'title' must be a text"),
    "number in a list of texts": (("outputs", "activations"), [1], "a list of texts"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_value_is_refused_with_a_sentence_that_names_it(case: str) -> None:
    way, value, sentence = WRONG[case]
    broken = document()
    table: Any = broken
    for step in way[:-1]:
        table = table[step]
    table[way[-1]] = value
    with pytest.raises(ManifestError, match=sentence.replace(".", r"\.")):
        parse_manifest(broken)


def test_a_package_without_architecture_is_written_without_one() -> None:
    bare = replace(FULL, architecture=None)
    assert "architecture" not in manifest_document(bare)
    assert parse_manifest(manifest_document(bare)) == bare


def test_multiclass_wants_two_labels_and_one_slope() -> None:
    broken = document() | {"task": "multiclass"}
    with pytest.raises(ManifestError, match="one calibration slope"):
        parse_manifest(broken)
    broken["labels"] = broken["labels"][:1]
    with pytest.raises(ManifestError, match="at least 2 labels"):
        parse_manifest(broken)


def test_a_hierarchy_of_one_network_is_refused() -> None:
    with pytest.raises(ManifestError, match="'hierarchical', which needs format 2"):
        parse_manifest(document() | {"task": "hierarchical"})


@pytest.mark.parametrize("name", ["../model.onnx", "/etc/passwd", "a/../../b", "C:\\model.onnx", "c:model", "a//b", "./a", "", ".", "a\0b"])
def test_names_that_may_lead_out_of_the_folder_are_refused(name: str) -> None:
    assert not is_inside_name(name)
    with pytest.raises(ManifestError, match="does not lie inside"):
        parse_manifest(manifest_document(replace(FULL, files={**FULL.files, name: "0" * 64})))


@pytest.mark.parametrize("name", ["model.onnx", "nets/model.onnx", "a.b-c_d"])
def test_plain_names_lie_inside(name: str) -> None:
    assert is_inside_name(name)
