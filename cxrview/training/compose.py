"""From a data set and a way to train to the complete recipe that `cxrview train` is given."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import StrEnum
from typing import Any, get_type_hints

from cxrview.core.errors import RecipeError
from cxrview.core.manifest import Architecture, InputSpec, Task
from cxrview.engine.packages import Package, installed_packages
from cxrview.training.dataset import DataSet, data_recipe, notes_of
from cxrview.training.publish import id_of
from cxrview.training.recipe import (
    AugmentRecipe,
    FitRecipe,
    Recipe,
    load_recipe,
    recipe_document,
    recipe_from,
    recipe_names,
    with_changes,
)

NEGATIVES = frozenset({"normal", "clear", "healthy", "negative", "none", "no-finding", "no_finding", "control"})


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
    """Give name and title of the recipes that can be trained on any labels."""
    loaded = [(name, load_recipe(name)) for name in recipe_names()]
    return tuple((name, recipe.title) for name, recipe in loaded if recipe.task is not Task.HIERARCHICAL)


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


def compose(data_set: DataSet, plan: Plan, *, title: str = "") -> Recipe:
    """Make the complete recipe.

    Raises:
        RecipeError: a change names no field or has a wrong value; the model to start from is not there.
    """
    base = base_recipe(plan)
    data = data_recipe(data_set)
    task = _task(base.task, data_set)
    if task is Task.BINARY:
        positive = next((label for label in reversed(data_set.labels) if label not in NEGATIVES), data_set.labels[-1])
        negatives = {label: () for label in data_set.labels if label != positive}
        data = replace(data, labels=(positive,), names={positive: data_set.names[positive]}, label_map={positive: (positive,), **negatives})
    package = replace(base.package, notes=(*base.package.notes, *notes_of(data_set)))
    if title.strip():
        package = replace(package, id=id_of(title), title=title.strip())
    fit = replace(base.fit, seed=data_set.choices.seed)
    document = tomllib.loads(recipe_document(replace(base, task=task, data=data, package=package, fit=fit)))
    return recipe_from(with_changes(document, plan.changes), subject="the training")


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
    """List the fields that a person may change, section by section, with what they mean."""
    rows = [FieldRow("init", _toml(recipe.init), "Where the first weights come from: random, imagenet, bundled:ID or file:PATH.")]
    sections: Sequence[tuple[str, Any, type]] = (  # Any: records of four kinds
        ("fit", recipe.fit, FitRecipe),
        ("augment", recipe.augment, AugmentRecipe),
        ("input", recipe.input, InputSpec),
        ("architecture", recipe.architecture, Architecture),
    )
    for section, record, kind in sections:
        words = words_of(kind)
        rows += [
            FieldRow(name, _toml(getattr(record, each.name)), WORDS.get(name) or words.get(each.name, ""))
            for each in fields(kind)
            if not is_dataclass(get_type_hints(kind)[each.name])
            for name in (f"{section}.{each.name}",)
        ]
    return tuple(rows)


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
    return f'"{value}"' if isinstance(value, str) else str(value)
