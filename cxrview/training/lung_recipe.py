"""The recipe of a lung network, as data in a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cattrs

from cxrview.core.errors import RecipeError
from cxrview.core.manifest import InputSpec, Task
from cxrview.io.places import resource
from cxrview.training.recipe import PackageRecipe, with_changes

FOLDER = "resources/recipes/segmentation"


@dataclass(frozen=True, slots=True)
class MaskRecipe:
    """Which masks, and what each kind of them shows.

    Attributes:
        kinds: output label to how the `mask_kind` of its masks begins. The first label lies inside the second wherever both
            are given: a mask of the first teaches the second where lung is, a mask of the second teaches the first where it is not.
        names: display names by label.
        leave_out: column to values; rows with one of them take no part at all.
        test_only: column to values; the groups of rows with one of them are never learned from, and all their images are tested on.
        test_fraction, val_fraction: of the groups of each source.
    """

    kinds: Mapping[str, tuple[str, ...]]
    names: Mapping[str, str] = field(default_factory=dict)
    leave_out: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    test_only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    test_fraction: float = 0.15
    val_fraction: float = 0.10


@dataclass(frozen=True, slots=True)
class LungFitRecipe:
    """How the network learns.

    Attributes:
        average: decay of the exponential moving average of the weights, which is what is kept.
        rotate_deg, translate, scale_low, scale_high, stretch: random affine changes, as in the recipes of classifiers.
        gamma: the gray curve's exponent lies in 1/(1 + gamma) .. 1 + gamma.
        contrast, brightness: relative jitter.
        blur_px, noise: largest sigma of a blur, and of noise in gray levels.
        clouds: largest brightness, 0 to 1, of up to three soft clouds laid over half of the pictures, so that consolidated lung
            stays lung.
    """

    epochs: int = 24
    batch: int = 16
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.01
    average: float = 0.995
    rotate_deg: float = 15.0
    translate: float = 0.10
    scale_low: float = 0.75
    scale_high: float = 1.30
    stretch: float = 0.2
    gamma: float = 0.6
    contrast: float = 0.3
    brightness: float = 0.15
    blur_px: float = 2.0
    noise: float = 12.0
    clouds: float = 0.5
    seed: int = 1


@dataclass(frozen=True, slots=True)
class LungRecipe:
    """A whole recipe; `init` is `random`, `bundled:ID` or `file:PATH`: an EfficientNet-Lite0 whose first stages become the encoder."""

    name: str
    title: str
    description: str
    task: str
    input: InputSpec
    masks: MaskRecipe
    init: str = "random"
    fit: LungFitRecipe = field(default_factory=LungFitRecipe)
    package: PackageRecipe = field(default_factory=PackageRecipe)


def lung_recipe_names() -> tuple[str, ...]:
    """Name the recipes of lung networks that come with the program."""
    return tuple(sorted(path.stem for path in resource(FOLDER).glob("*.toml")))


def is_lung_recipe(name_or_path: str) -> bool:
    """Tell whether a name or a file is the recipe of a lung network, by its task."""
    if name_or_path in lung_recipe_names():
        return True
    path = Path(name_or_path)
    try:
        return path.suffix == ".toml" and tomllib.loads(path.read_text(encoding="utf-8")).get("task") == Task.SEGMENTATION
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return False  # whoever reads it for good says what is wrong with it


def lung_recipe_text(name_or_path: str) -> str:
    """Give a recipe's TOML as it stands.

    Raises:
        RecipeError: there is no such recipe.
    """
    path = resource(FOLDER) / f"{name_or_path}.toml" if name_or_path in lung_recipe_names() else Path(name_or_path)
    if not path.is_file():
        raise RecipeError(f"There is no lung recipe '{name_or_path}'.", hint=f"Take {', '.join(lung_recipe_names())}, or a .toml file.")
    return path.read_text(encoding="utf-8")


def load_lung_recipe(name_or_path: str, overrides: Sequence[str] = ()) -> LungRecipe:
    """Read a recipe by name or from a file, with `section.key=value` changes on top.

    Raises:
        RecipeError: no such recipe, an unknown field, or a value of the wrong kind.
    """
    document = with_changes(tomllib.loads(lung_recipe_text(name_or_path)), overrides)
    converter = cattrs.Converter(forbid_extra_keys=True)
    try:
        return converter.structure(document, LungRecipe)
    except cattrs.errors.ClassValidationError as error:
        reasons = "; ".join(cattrs.transform_error(error, path="recipe"))
        raise RecipeError(f"The recipe is wrong: {reasons}.", hint="See `cxrview recipes lungs`.", subject=name_or_path) from error
