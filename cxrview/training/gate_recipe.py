"""The recipe of a gate, as data in a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cattrs

from cxrview.core.errors import RecipeError
from cxrview.core.manifest import InputSpec
from cxrview.io.places import resource
from cxrview.training.recipe import PackageRecipe, with_changes

FOLDER = "resources/recipes/gate"
TASK = "gate"


@dataclass(frozen=True, slots=True)
class GateRecipe:
    """A whole recipe.

    Attributes:
        task: always `gate`.
        init: where the weights come from, as in the recipes of classifiers.
        architecture: a network with a pooled head.
        refused: share of frontal films of an unseen source that one question may refuse.
        test_fraction: of groups, frozen.
        penalty: inverse strength of the L2 penalty of each logistic regression (scikit-learn's C).
        children_below: years.
    """

    name: str
    title: str
    description: str
    task: str
    input: InputSpec
    init: str
    architecture: str = "efficientnet_lite0"
    refused: float = 0.01
    test_fraction: float = 0.25
    penalty: float = 0.01
    children_below: float = 13.0
    seed: int = 1
    package: PackageRecipe = field(default_factory=PackageRecipe)


def gate_recipe_names() -> tuple[str, ...]:
    """Name the recipes of gates that come with the program."""
    return tuple(sorted(path.stem for path in resource(FOLDER).glob("*.toml")))


def is_gate_recipe(name_or_path: str) -> bool:
    """Tell whether a name or a file is the recipe of a gate, by its task."""
    if name_or_path in gate_recipe_names():
        return True
    path = Path(name_or_path)
    try:
        return path.suffix == ".toml" and tomllib.loads(path.read_text(encoding="utf-8")).get("task") == TASK
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return False  # whoever reads it for good says what is wrong with it


def gate_recipe_text(name_or_path: str) -> str:
    """Give a recipe's TOML as it stands.

    Raises:
        RecipeError: there is no such recipe.
    """
    path = resource(FOLDER) / f"{name_or_path}.toml" if name_or_path in gate_recipe_names() else Path(name_or_path)
    if not path.is_file():
        raise RecipeError(
            f"There is no recipe '{name_or_path}' of a gate.", hint=f"Take {', '.join(gate_recipe_names())}, or a .toml file."
        )
    return path.read_text(encoding="utf-8")


def load_gate_recipe(name_or_path: str, overrides: Sequence[str] = ()) -> GateRecipe:
    """Read a recipe by name or from a file, with `section.key=value` changes on top.

    Raises:
        RecipeError: no such recipe, an unknown field, or a value of the wrong kind.
    """
    document = with_changes(tomllib.loads(gate_recipe_text(name_or_path)), overrides)
    try:
        return cattrs.Converter(forbid_extra_keys=True).structure(document, GateRecipe)
    except cattrs.errors.ClassValidationError as error:
        reasons = "; ".join(cattrs.transform_error(error, path="recipe"))
        raise RecipeError(f"The recipe is wrong: {reasons}.", hint="See `cxrview recipes gate`.", subject=name_or_path) from error
