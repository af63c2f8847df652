"""From a data set and a way to train to the complete recipe that `cxrview train` is given."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import StrEnum
from typing import Any

from cxrview.core.errors import RecipeError
from cxrview.core.manifest import UNREMARKABLE, Architecture, InputSpec, Task
from cxrview.engine.packages import Package, installed_packages
from cxrview.training.dataset import DataSet, data_recipe, notes_of
from cxrview.training.procedure import RangeTest, Search, Stage
from cxrview.training.publish import id_of
from cxrview.training.recipe import (
    AugmentRecipe,
    FitRecipe,
    PackageRecipe,
    Recipe,
    load_recipe,
    recipe_document,
    recipe_from,
    recipe_names,
    with_changes,
)

RANGE_STEPS = 60  # of the range test that can be asked for beside any recipe
ANY_OTHER = "any-finding"  # what the first network of a hierarchy calls everything but normal


class Route(StrEnum):
    """How much time a training may take, or whose recipe it follows."""

    MINUTES = "Minutes"
    HOUR = "An hour"
    THOROUGH = "Thorough"
    RECIPE = "A recipe"
    PACKAGE = "An installed model"


ROUTE_WORDS = {
    Route.MINUTES: "The bundled network stays as it is; only a new last layer learns your classes. At most ten minutes.",
    Route.HOUR: "The bundled network is tuned to your images. It stops after an hour, or when nothing gets better.",
    Route.THOROUGH: "As long as it takes: more epochs, more patience, stronger changes of the images.",
    Route.RECIPE: "A recipe that comes with the program, such as those of published systems.",
    Route.PACKAGE: "Starts from the weights of a model that is installed here.",
}
ROUTE_CHANGES: Mapping[Route, tuple[str, ...]] = {
    Route.MINUTES: ("fit.epochs=8", "fit.freeze_epochs=8", "fit.minutes=10", "fit.learning_rate=1e-3"),
    Route.HOUR: ("fit.minutes=60",),
    Route.THOROUGH: ("fit.epochs=80", "fit.patience=15", "augment.rotate_deg=10", "augment.noise=6", "augment.erase=0.2"),
    Route.RECIPE: (),
    Route.PACKAGE: (),
}
DEFAULT_RECIPE = "fine-tune"

# What the records themselves do not say.
WORDS = {
    "fit.epochs": "At most so many rounds through the training images.",
    "fit.batch": "Images in one step. More need more memory.",
    "fit.optimiser": "How weights are changed: adamw, adam or sgd.",
    "fit.learning_rate": "How far each step goes. Too large and nothing is learned; too small and it takes for ever.",
    "fit.weight_decay": "Pulls weights towards zero, against learning by heart.",
    "fit.schedule": "How the learning rate falls: cosine, or constant.",
    "fit.warmup_epochs": "So many epochs in which the learning rate rises.",
    "fit.loss": "cross-entropy, or focal, which looks harder at what is still wrong.",
    "fit.focal_gamma": "How much harder the focal loss looks; 0 is cross-entropy.",
    "fit.label_smoothing": "How unsure the truth is taken to be, 0 to 1: against overconfidence and wrong labels.",
    "fit.balance": "How images are drawn: none, label (every class as often), label+source (moreover no source speaks for a class alone).",
    "fit.monitor": "What decides the best epoch: auroc-within-source, auroc, or loss.",
    "fit.precision": "auto, float32 or bf16.",
    "fit.seed": "Another number gives another split, another order and another result.",
    "fit.patience": "Stop after so many epochs in which nothing got better; 0 for never.",
    "final_fit": "Train once more on training and validation images together, for as many epochs as were best.",
    "phases": "One after the other, each from the best weights before: name, frozen_layers, epochs, learning_rate, patience; [] for one.",
    "package.specificity": "Of the thresholds, chosen on the validation split.",
    "architecture.name": "The network.",
    "architecture.head": "pool or flatten: how the last map becomes a number.",
    "architecture.head_hidden": "Sizes of hidden layers before the answer.",
    "architecture.dropout": "Share of features left out by chance, against learning by heart.",
    "input.channels": "gray; gray3 (three times); gray+clahe+beasf.",
    "input.resize": "stretch to a square, or letterbox with bands.",
    "input.range_rule": "What becomes black and white.",
    "input.enhancement": "Steps that change the gray levels, in order.",
    "input.normalisation": "fixed mean and std, or per-image.",
    "input.lung_dilation": "How much the lung mask grows before it is used.",
    "input.lung_margin": "How much the lung box grows on each side.",
}


# On the pages Data, Split, Model and Publish.
DECIDED_ELSEWHERE = frozenset(f"package.{name}" for name in ("id", "title", "version", "licence", "intended_use", "notes"))


@dataclass(frozen=True, slots=True)
class FieldRow:
    """A field of a recipe: its dotted name, its value as TOML, and what it means."""

    name: str
    value: str
    words: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A way to train.

    Attributes:
        recipe: name of the recipe, for `Route.RECIPE`. package: id of the model, for `Route.PACKAGE`.
        changes: `section.key=value` on top, as on the command line.
    """

    route: Route = Route.MINUTES
    recipe: str = DEFAULT_RECIPE
    package: str = ""
    changes: tuple[str, ...] = ()


def offered_recipes() -> tuple[tuple[str, str], ...]:
    """Give name and title of the recipes of classifiers that come with the program."""
    return tuple((name, load_recipe(name).title) for name in recipe_names())


def offered_packages() -> tuple[Package, ...]:
    """Give the installed models that hold weights to start from."""
    return tuple(
        package
        for package in installed_packages()
        if package.manifest.architecture is not None
        and "weights.safetensors" in package.manifest.files
        and package.manifest.task in (Task.BINARY, Task.MULTICLASS, Task.MULTILABEL)
    )


def recipe_words(recipe: Recipe) -> str:
    """Tell what a recipe is, whose it is, what they reported, and what is different here."""
    published = recipe.published
    lines = [" ".join(recipe.description.split())]
    for word, texts in (
        ("By", (published.system,)),
        ("Their figures", published.figures),
        ("Different here", published.differences),
    ):
        told = [text.rstrip(".") for text in texts if text]
        if told:
            lines.append(f"{word}: {'; '.join(told)}.")
    return "\n".join(line for line in lines if line)


def stage_words(recipe: Recipe) -> str:
    """Tell how a hierarchy is laid out over the classes of the data; empty where it is none."""
    if not recipe.stages:
        return ""
    names = recipe.data.names
    first, others = recipe.stages[0].labels[0], recipe.stages[1].labels
    told = ", ".join(f"'{names.get(label, label)}'" for label in others)
    return f"Here: first '{names.get(first, first)}' against everything else, then {told} apart."


def replaced_words(recipe: Recipe) -> str:
    """Tell what of a recipe's own choice of images and labels the wizard's pages take the place of; empty when it makes none."""
    data = recipe.data
    names = ", ".join(data.names.get(label, label) for label in data.labels)
    told = [f"the classes {names}"] if names else []
    told += [f"only images whose {column} is {_either(values)}" for column, values in data.keep.items() if column != data.columns.role]
    told += [f"at most {count} images of {label}" for label, count in data.most.items()]
    told += [f"{column} {_either(values)} for the test only" for column, values in data.test_only.items() if column != data.columns.role]
    if not told:
        return ""
    return (
        f"Not taken from the recipe: {'; '.join(told)}; its shares of the split. Your classes, what you ticked and the split of the first "
        "pages take their place: to follow the authors, choose the same there."
    )


def _either(values: Sequence[str]) -> str:
    return " or ".join(value or "empty" for value in values)


def compose(data_set: DataSet, plan: Plan, *, title: str = "") -> Recipe:
    """Make the complete recipe.

    Raises:
        RecipeError: a change names no field or has a wrong value; the model to start from is not there.
    """
    base = base_recipe(plan)
    data = data_recipe(data_set)
    if base.stages:
        base = replace(base, stages=stages_for(data_set))
        data = replace(data, labels=tuple(label for stage in base.stages for label in stage.labels if label != ANY_OTHER))
    task = _task(base.task, data_set)
    if task is Task.BINARY:
        positive = next((label for label in reversed(data_set.labels) if label not in UNREMARKABLE), data_set.labels[-1])
        negatives = {label: () for label in data_set.labels if label != positive}
        data = replace(data, labels=(positive,), names={positive: data_set.names[positive]}, label_map={positive: (positive,), **negatives})
    package = replace(base.package, notes=(*base.package.notes, *notes_of(data_set)))
    if title.strip():
        package = replace(package, id=id_of(title), title=title.strip())
    fit = replace(base.fit, seed=data_set.choices.seed)
    document = tomllib.loads(recipe_document(replace(base, task=task, data=data, package=package, fit=fit)))
    return recipe_from(with_changes(document, plan.changes), subject="the training")


def stages_for(data_set: DataSet) -> tuple[Stage, ...]:
    """Lay out a hierarchy for these classes: normal against everything else, then everything else divided.

    Raises:
        RecipeError: there is no normal class and two others, or an image may have several labels.
    """
    normal = next((label for label in data_set.labels if label in UNREMARKABLE), "")
    others = tuple(label for label in data_set.labels if label != normal)
    if data_set.task is not Task.MULTICLASS or not normal or len(others) < 2:
        raise RecipeError(
            "This recipe first tells normal from everything else and then divides the rest: it needs a class called normal, at least "
            "two others, and one class for each image.",
            hint=f"The classes here are {', '.join(data_set.names.values())}; choose another recipe.",
        )
    return (
        Stage("normal-or-not", (normal, ANY_OTHER), label_map=dict.fromkeys(others, (ANY_OTHER,))),
        Stage("which-finding", others, splits=ANY_OTHER),
    )


def base_recipe(plan: Plan) -> Recipe:
    """Give the recipe a plan begins with, before it meets a data set."""
    if plan.route is Route.PACKAGE:
        package = next((each for each in offered_packages() if each.manifest.id == plan.package), None)
        if package is None or package.manifest.architecture is None:
            raise RecipeError(f"There is no installed model '{plan.package}' to start from.", hint="Choose another one.")
        base = load_recipe(DEFAULT_RECIPE)
        return replace(
            base,
            name=f"from {plan.package}",
            init=f"bundled:{plan.package}",
            input=package.manifest.input,
            architecture=package.manifest.architecture,
        )
    return load_recipe(plan.recipe if plan.route is Route.RECIPE else DEFAULT_RECIPE, ROUTE_CHANGES[plan.route])


def load_changed(plan: Plan) -> Recipe:
    """Give the recipe of a plan with its changes, before it meets a data set.

    Raises:
        RecipeError: a change names no field or has a wrong value.
    """
    document = tomllib.loads(recipe_document(base_recipe(plan)))
    return recipe_from(with_changes(document, plan.changes), subject="the training")


def field_rows(recipe: Recipe) -> tuple[FieldRow, ...]:
    """List the fields that a person may change, section by section, with what they mean.

    What the pages before decide (classes, split, names) is not among them.
    """
    rows = [
        FieldRow("init", _toml(recipe.init), "Where the first weights come from: random, imagenet, bundled:ID or file:PATH."),
        FieldRow("final_fit", _toml(recipe.final_fit), WORDS["final_fit"]),
    ]
    if not recipe.stages:
        rows.append(FieldRow("phases", _toml([_inline(phase) for phase in recipe.phases]), WORDS["phases"]))
    sections: Sequence[tuple[str, Any, type]] = (  # Any: records of several kinds
        ("fit", recipe.fit, FitRecipe),
        ("augment", recipe.augment, AugmentRecipe),
        ("input", recipe.input, InputSpec),
        ("architecture", recipe.architecture, Architecture),
        *(() if recipe.stages else (("range_test", recipe.range_test, RangeTest), ("search", recipe.search, Search))),
        ("package", recipe.package, PackageRecipe),
    )
    for section, record, kind in sections:
        rows += _rows_of(section, record, kind)
    return tuple(row for row in rows if row.name not in DECIDED_ELSEWHERE)


def _rows_of(section: str, record: Any, kind: type) -> list[FieldRow]:  # Any: a record of this kind
    """List the fields of a record, and those of records inside it."""
    words = words_of(kind)
    rows: list[FieldRow] = []
    for each in fields(kind):
        name, value = f"{section}.{each.name}", getattr(record, each.name)
        if is_dataclass(value) and not isinstance(value, type):
            rows += _rows_of(name, value, type(value))
        else:
            rows.append(FieldRow(name, _toml(value), WORDS.get(name) or words.get(each.name, "")))
    return rows


def _inline(record: Any) -> dict[str, object]:  # Any: a record
    """Give what a record says beyond its defaults."""
    return {each.name: getattr(record, each.name) for each in fields(record) if getattr(record, each.name) != each.default}


def words_of(kind: type) -> dict[str, str]:
    """Give what a record's docstring says of its attributes."""
    text = (kind.__doc__ or "").partition("Attributes:")[2]
    found: dict[str, str] = {}
    names: list[str] = []
    for line in text.splitlines():
        match = re.match(r"^ {8}([a-z_]+(?:, [a-z_]+)*): (.*)$", line)
        if match:
            names = match[1].split(", ")
            found.update(dict.fromkeys(names, match[2].strip()))
        elif line.strip() and names:
            found.update({name: f"{found[name]} {line.strip()}" for name in names})
    return {name: f"{words[0].upper()}{words[1:]}" for name, words in found.items() if words}


def _task(wanted: Task, data_set: DataSet) -> Task:
    """Take the recipe's task where the data allow it."""
    if wanted is Task.HIERARCHICAL:
        return wanted
    if data_set.task is Task.MULTILABEL:
        return Task.MULTILABEL
    if wanted is Task.BINARY and len(data_set.labels) == 2:
        return Task.BINARY
    return wanted if wanted is Task.MULTILABEL else Task.MULTICLASS


def _toml(value: object) -> str:
    """Write a value as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {_toml(item)}" for key, item in value.items()) + "}"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else f'"{name}"'
