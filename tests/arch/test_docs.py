"""The documents name everything a user can type, set or meet."""

from __future__ import annotations

import argparse
import dataclasses
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import pytest

from cxrview.batch.row import FIXED_COLUMNS, LABEL_COLUMNS
from cxrview.cli.command import parser_of
from cxrview.cli.commands import COMMANDS
from cxrview.core.flags import Flag
from cxrview.core.manifest import (
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
    RangeRule,
    ResizeRule,
    Task,
    Threshold,
    TrainedOn,
)
from cxrview.core.manifest_toml import manifest_document
from cxrview.engine.packages import CARD_NAME, GOLDEN_NAME, GUARD_NAME, HEAD_NAME, WEIGHTS_NAME, load_package
from cxrview.io.settings import Settings
from cxrview.training.procedure import Phase, Published, RangeTest, Repeat, Search, Stage
from cxrview.training.recipe import (
    AugmentRecipe,
    Balance,
    Columns,
    DataRecipe,
    FitRecipe,
    Loss,
    Monitor,
    PackageRecipe,
    Precision,
    Recipe,
    load_recipe,
)

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def code_words(name: str) -> set[str]:
    """The words a document sets in code: between backticks, or in an indented or fenced block."""
    text = (DOCS / name).read_text(encoding="utf-8")
    spans = re.findall(r"`([^`\n]+)`", text)
    blocks = [line for line in text.splitlines() if line.startswith("    ")]
    fenced = re.findall(r"^```.*?^```", text, flags=re.MULTILINE | re.DOTALL)
    joined = " ".join([*spans, *blocks, *fenced])
    return set(re.findall(r"[\w.+*<>-]+", joined))


def options(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        yield from (text for text in action.option_strings if text.startswith("--") and text != "--help")
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_and_option_is_described(command: object) -> None:
    known = code_words("commands.md")
    found = next(each for each in COMMANDS if each is command)
    assert found.name in known
    assert {option for option in options(parser_of(found)) if option not in known} == set()


def test_every_column_is_described_in_order() -> None:
    text = (DOCS / "columns.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`]+)` \|", text, flags=re.MULTILINE)
    assert rows[: len(FIXED_COLUMNS) + len(LABEL_COLUMNS)] == [*FIXED_COLUMNS, *(f"{prefix}<label>" for prefix in LABEL_COLUMNS)]


def test_every_flag_is_described() -> None:
    assert {str(flag) for flag in Flag} - code_words("columns.md") == set()


def test_every_manifest_field_is_described(fake_model: Path) -> None:
    known = code_words("model-package.md")
    written = {*_keys(manifest_document(load_package(fake_model).manifest))}
    records = (InputSpec, Code, Label, Calibration, Threshold, OperatingCurve, TrainedOn, Architecture, Composite, Member)
    declared = {field.name for record in records for field in dataclasses.fields(record)}
    top = {field.name for field in dataclasses.fields(Manifest)} - {"thresholds"}  # each stands with its label
    assert (written | declared | top) - known == set()


@pytest.mark.parametrize(
    "kind",
    [Task, Channels, ResizeRule, RangeRule, Enhancement, Normalisation, HeatmapKind, CalibrationMethod, Combination],
    ids=lambda kind: kind.__name__,
)
def test_every_choice_of_the_manifest_is_described(kind: type[StrEnum]) -> None:
    assert {str(choice) for choice in kind} - code_words("model-package.md") == set()


RECORDS_OF_A_RECIPE = (Recipe, DataRecipe, Columns, AugmentRecipe, FitRecipe, PackageRecipe, Architecture)
PARTS_OF_A_RECIPE = (Phase, Search, RangeTest, Repeat, Stage, Published)


@pytest.mark.parametrize("record", [*RECORDS_OF_A_RECIPE, *PARTS_OF_A_RECIPE], ids=lambda record: record.__name__)
def test_every_field_of_a_recipe_is_described(record: type) -> None:
    assert {field.name for field in dataclasses.fields(record)} - code_words("writing-a-recipe.md") == set()


@pytest.mark.parametrize("kind", [Loss, Balance, Monitor, Precision], ids=lambda kind: kind.__name__)
def test_every_choice_of_a_recipe_is_described(kind: type[StrEnum]) -> None:
    assert {str(choice) for choice in kind} - code_words("writing-a-recipe.md") == set()


@pytest.mark.parametrize("record", [DataRecipe, AugmentRecipe, FitRecipe, PackageRecipe], ids=lambda record: record.__name__)
def test_the_described_defaults_are_those_of_the_program(record: type) -> None:
    rows = re.findall(
        r"^\| (`[^|]+`) \|[^|]*\| ([^|]+) \|$", (DOCS / "writing-a-recipe.md").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    defaults = {field.name: field.default for field in dataclasses.fields(record)}
    compared = 0
    for names, values in rows:
        fields = re.findall(r"`(\w+)`", names)
        told = [value.strip(' `"') for value in values.split(", ")]
        if len(fields) == len(told) and set(fields) <= defaults.keys():
            numbers = [(name, value) for name, value in zip(fields, told, strict=True) if isinstance(defaults[name], int | float)]
            for name, value in numbers:
                assert value in {"true", "false"} or float(value) == defaults[name], name
                assert value not in {"true", "false"} or (value == "true") is defaults[name], name
            compared += len(numbers)
    assert compared > 1


def test_the_shown_recipe_is_one(tmp_path: Path) -> None:
    text = (DOCS / "writing-a-recipe.md").read_text(encoding="utf-8")
    block = re.search(r'(?:^    name = "mine".*\n)(?:^(?: {4}.*)?\n)+', text, flags=re.MULTILINE)
    assert block is not None
    (tmp_path / "mine.toml").write_text("\n".join(line[4:] for line in block[0].splitlines()), encoding="utf-8")
    recipe = load_recipe(str(tmp_path / "mine.toml"))
    assert recipe.data.labels == ("normal", "effusion")
    assert recipe.init == load_recipe("fine-tune").init


def test_every_file_of_a_package_is_described() -> None:
    assert {CARD_NAME, GOLDEN_NAME, GUARD_NAME, HEAD_NAME, WEIGHTS_NAME, "model.toml", "model.onnx"} - code_words(
        "model-package.md"
    ) == set()


def test_every_setting_is_described() -> None:
    assert {field.name for field in dataclasses.fields(Settings)} - code_words("settings.md") == set()


def test_every_environment_variable_is_described() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "cxrview").rglob("*.py"))
    used = set(re.findall(r"\bCXRVIEW_[A-Z]+\b", sources))
    assert used - code_words("settings.md") == set()


def test_links_between_documents_lead_somewhere() -> None:
    documents = [*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"]
    links = [(page, link) for page in documents for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))]
    assert [f"{page.name}: {link}" for page, link in links if not (page.parent / link).exists()] == []


def _keys(document: object) -> Iterator[str]:
    """Give the field names of a manifest document; below `files` the keys are file names."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield key
            if key != "files":
                yield from _keys(value)
    elif isinstance(document, list):
        for item in document:
            yield from _keys(item)


def test_every_decision_is_in_the_list() -> None:
    listed = (DOCS / "decisions" / "README.md").read_text(encoding="utf-8")
    records = sorted(path.name for path in (DOCS / "decisions").glob("*.md") if path.name != "README.md")
    assert [name for name in records if f"]({name})" not in listed] == []
    assert [name for name in records if not re.match(r"\d{4}-[a-z0-9-]+\.md", name)] == []
