"""A recipe: everything that decides a training run, as data in a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import cattrs
import tomli_w

from cxrview.core.errors import RecipeError
from cxrview.core.lung_input import needs_lungs
from cxrview.core.manifest import Architecture, InputSpec, Task
from cxrview.io.places import resource
from cxrview.training.label_ids import is_label_id
from cxrview.training.procedure import Phase, Published, RangeTest, Repeat, Search, Stage

Record = TypeVar("Record")

FOLDER = "resources/recipes"
SEARCHABLE = ("fit", "augment", "architecture")  # none of them changes the pictures or the split


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the columns of a table of images; an empty name means that there is no such column."""

    file: str = "file"
    label: str = "label"
    group: str = "group_id"
    patient: str = "patient_id"
    source: str = "source"
    view: str = "view"
    sex: str = "sex"
    age: str = "age"
    role: str = "role"
    licence: str = "licence_class"
    split: str = ""
    mask: str = "mask_file"


@dataclass(frozen=True, slots=True)
class DataRecipe:
    """Which images, and what their labels mean.

    Attributes:
        labels: outputs of the model, in order; empty means every label that the data has.
        names: display names by label id.
        label_map: label of the data to the output labels it makes positive; a label of the data that is not named here
            stands for itself if it is an output, and leaves the image out otherwise.
        unknown: label of the data to outputs it says nothing about (neither positive nor negative).
        keep: column to the values that take part; images with other values are left out.
        test_only: column to the values whose groups go to the test split and never to training.
        external: column to the values that are neither trained on nor tested on here, only reported as external.
        most: label of the data to the number of images it gives at most; they are taken in turn from its sources, by group.
        base_image: what gray histograms are matched to, where `input.enhancement` matches them: the path of a picture,
            beside the table or in the folder; empty for the mean of the training images.
        split_seed: of the split; 0 for `fit.seed`.
        folds, fold: with folds above 1, the test split is this one of so many equal parts by group, counted from 0.
        test_fraction, val_fraction: of groups in each (source, label) stratum.
        duplicate_distance: perceptual hashes that differ by at most so many of 256 bits are the same picture; -1 for no search.
    """

    columns: Columns = field(default_factory=Columns)
    labels: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    label_map: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unknown: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    keep: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    test_only: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    external: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    most: Mapping[str, int] = field(default_factory=dict)
    base_image: str = ""
    split_seed: int = 0
    folds: int = 0
    fold: int = 0
    test_fraction: float = 0.2
    val_fraction: float = 0.15
    duplicate_distance: int = 24


@dataclass(frozen=True, slots=True)
class AugmentRecipe:
    """Random changes that leave the anatomy valid; flips are off unless asked for.

    Attributes:
        rotate_deg: at most so many degrees to either side.
        translate: at most this fraction of the side.
        scale_low, scale_high: zoom.
        stretch: at most this relative change of the aspect ratio.
        brightness, contrast: relative jitter.
        gamma: the gray curve's exponent lies in 1/(1 + gamma) .. 1 + gamma.
        blur_px: largest sigma of a Gaussian blur, applied to half of the images.
        noise: largest standard deviation of Gaussian noise, in 0..255 gray levels.
        erase: probability that a rectangle of 2 to 10 % of the area is blanked.
        flip: probability of a left-right flip, which makes a heart on the wrong side.
    """

    rotate_deg: float = 10.0
    translate: float = 0.06
    scale_low: float = 0.9
    scale_high: float = 1.12
    stretch: float = 0.0
    brightness: float = 0.15
    contrast: float = 0.15
    gamma: float = 0.0
    blur_px: float = 0.0
    noise: float = 0.0
    erase: float = 0.0
    flip: float = 0.0


class Loss(StrEnum):
    """The loss on the logits."""

    CROSS_ENTROPY = "cross-entropy"
    FOCAL = "focal"


class Balance(StrEnum):
    """How images are drawn for a training epoch."""

    NONE = "none"
    LABEL = "label"
    LABEL_AND_SOURCE = "label+source"


class Monitor(StrEnum):
    """What decides the best epoch and early stopping."""

    AUROC_WITHIN_SOURCE = "auroc-within-source"
    AUROC = "auroc"
    LOSS = "loss"


class Precision(StrEnum):
    """Arithmetic of the forward and backward pass; `auto` takes bf16 where the processor is faster with it."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BF16 = "bf16"


@dataclass(frozen=True, slots=True)
class FitRecipe:
    """How the network learns.

    Attributes:
        epoch_images: images drawn in an epoch; 0 means as many as there are.
        freeze_epochs: so many epochs with the backbone frozen before everything is trained.
        frozen_layers: fraction of the backbone's parameters, from the input on, that stay frozen throughout.
        cross_source_weight: weight of a label's loss on images of a source that does not have both classes of this
            label, 1 for no difference; small values take the profit out of recognising the source.
        class_weights: weight positives and negatives of each label (or each class) so that both count the same.
        average: decay of the exponential moving average of the weights, which is what is kept; 0 for none.
        patience: stop after so many epochs without a better monitor; 0 for never.
        minutes: stop at the end of the first epoch that ends later than this; 0 for no limit.
        heat_outside: weight of the share of heat that lies outside the lungs, added to the loss; 0 for no difference. It
            needs a contract that asks for lungs and a pooled head of one dense layer.
        less_normal: so many times the logit of the label `normal` is taken from that of every other label once training is
            over, in the weights of a head of one dense layer; 0 for no change.
    """

    epochs: int = 40
    epoch_images: int = 0
    batch: int = 32
    optimiser: str = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    schedule: str = "cosine"
    warmup_epochs: float = 2.0
    freeze_epochs: int = 0
    frozen_layers: float = 0.0
    loss: Loss = Loss.CROSS_ENTROPY
    focal_gamma: float = 2.0
    label_smoothing: float = 0.0
    class_weights: bool = False
    balance: Balance = Balance.LABEL
    cross_source_weight: float = 1.0
    heat_outside: float = 0.0
    less_normal: float = 0.0
    average: float = 0.0
    monitor: Monitor = Monitor.AUROC
    patience: int = 12
    minutes: float = 0.0
    precision: Precision = Precision.AUTO
    seed: int = 1


@dataclass(frozen=True, slots=True)
class PackageRecipe:
    """What the finished package says of itself; `notes` are sentences for the limits in its card.

    Attributes:
        specificity: the thresholds reach it in every source of the validation split that has enough images, 0 to 1.
        sensitivity: they reach this instead, where it is above 0.
        is_audited: end with the shortcut audit, which runs the network over the test images several times more.
    """

    id: str = "my-model"
    title: str = "My model"
    version: str = "1.0.0"
    licence: str = "not stated"
    intended_use: str = "Research and education. Not for diagnosis."
    specificity: float = 0.90
    sensitivity: float = 0.0
    notes: tuple[str, ...] = ()
    is_audited: bool = True


@dataclass(frozen=True, slots=True)
class Recipe:
    """A whole recipe.

    Attributes:
        init: `random`, `file:PATH`, `bundled:ID` or `imagenet`; several with `|` between them: the first that is there.
        phases: one after the other; none for a single fit as `fit` says.
        final_fit: when the validation split has chosen everything, train once more on training and validation images,
            each phase for as many epochs as were best; calibration stays that of the network that did not see them.
        stages: the networks of a hierarchy, for the task `hierarchical`.
    """

    name: str
    title: str
    description: str
    input: InputSpec
    architecture: Architecture
    task: Task = Task.MULTILABEL
    init: str = "random"
    data: DataRecipe = field(default_factory=DataRecipe)
    augment: AugmentRecipe = field(default_factory=AugmentRecipe)
    fit: FitRecipe = field(default_factory=FitRecipe)
    package: PackageRecipe = field(default_factory=PackageRecipe)
    published: Published = field(default_factory=Published)
    phases: tuple[Phase, ...] = ()
    final_fit: bool = False
    search: Search = field(default_factory=Search)
    range_test: RangeTest = field(default_factory=RangeTest)
    repeat: Repeat = field(default_factory=Repeat)
    stages: tuple[Stage, ...] = ()


def recipe_names() -> tuple[str, ...]:
    """Name the recipes of classifiers that come with the program; those of lung networks have the task `segmentation`."""
    paths = resource(FOLDER).glob("*.toml")
    return tuple(sorted(path.stem for path in paths if '\ntask = "segmentation"\n' not in path.read_text(encoding="utf-8")))


def recipe_text(name: str) -> str:
    """Give a recipe's TOML as it stands.

    Raises:
        RecipeError: there is no such recipe.
    """
    return _path_of(name).read_text(encoding="utf-8")


def load_recipe(name_or_path: str, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe by name or from a file, with `section.key=value` changes on top (values as in TOML).

    Raises:
        RecipeError: no such recipe, not TOML, an unknown field, or a value of the wrong kind.
    """
    path = _path_of(name_or_path)
    document = _read_document(path)
    with_changes(document, overrides)
    return recipe_from(document, subject=path.name)


def _read_document(path: Path) -> dict[str, Any]:  # Any: the nested values of a TOML document
    """Read a recipe file on top of the one its `base` names, if it names one."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"This is not a TOML file: {error}.", subject=str(path)) from error
    base = document.pop("base", "")
    if not base:
        return document
    below = _path_of(str(base)) if str(base) in recipe_names() else None
    if below is None or below.resolve() == path.resolve():
        raise RecipeError(
            f"base names the recipe '{base}', which does not come with the program.", hint="See `cxrview recipes`.", subject=str(path)
        )
    return _laid_over(_read_document(below), document)


def _laid_over(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:  # Any: the nested values of a TOML document
    """Put one document on another: tables are joined field by field, everything else is replaced."""
    for key, value in above.items():
        is_table = isinstance(value, Mapping) and isinstance(below.get(key), dict) and key not in ("published", "search")
        below[key] = _laid_over(below[key], value) if is_table else value
    return below


def with_changes(document: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:  # Any: the nested values of a TOML document
    """Put `section.key=value` changes into a recipe's document, in place, and give it.

    Raises:
        RecipeError: a change is not of that form, or goes through something that is no section.
    """
    for override in overrides:
        _apply(document, override)
    return document


def recipe_from(document: Mapping[str, object], *, subject: str = "") -> Recipe:
    """Turn a parsed TOML document into a recipe; unknown fields are errors."""
    recipe = structured(document, Recipe, what="recipe", hint="See `cxrview recipes NAME` for a complete one.", subject=subject)
    _check(recipe, subject)
    return recipe


def structured(document: Mapping[str, object], kind: type[Record], *, what: str, hint: str, subject: str) -> Record:
    """Turn a parsed TOML document into a record.

    Raises:
        RecipeError: an unknown or missing field, or a value of the wrong kind, by name.
    """
    try:
        return cattrs.Converter(forbid_extra_keys=True).structure(document, kind)
    except cattrs.errors.ClassValidationError as error:
        reasons = "; ".join(cattrs.transform_error(error, path=what))
        raise RecipeError(f"The {what} is wrong: {reasons}.", hint=hint, subject=subject) from error


def recipe_document(recipe: Recipe) -> str:
    """Write a recipe as TOML that `load_recipe` reads back to the same record."""
    return tomli_w.dumps(_plain(asdict(recipe)))


def _plain(value: Any) -> Any:  # Any: the nested values of a TOML document
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, StrEnum) else value


def _path_of(name_or_path: str) -> Path:
    known = resource(FOLDER) / f"{name_or_path}.toml"
    if known.is_file() and known.parent == resource(FOLDER):
        return known
    path = Path(name_or_path)
    if path.suffix == ".toml" and path.is_file():
        return path
    raise RecipeError(f"There is no recipe '{name_or_path}'.", hint=f"Take one of {', '.join(recipe_names())}, or a .toml file.")


def _apply(document: dict[str, Any], override: str) -> None:  # Any: the nested values of a TOML document
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise RecipeError(f"'{override}' is not of the form key=value.", hint="For example --set fit.epochs=10.")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *sections, last = key.strip().split(".")
    place = document
    for section in sections:
        place = place.setdefault(section, {})
        if not isinstance(place, dict):
            raise RecipeError(f"'{key}' names no field: '{section}' holds a value.", hint="See `cxrview recipes NAME`.")
    place[last] = value


def _searched_sections(recipe: Recipe) -> set[str]:
    return {name.partition(".")[0] for name in recipe.search.grid}


def _can_hold_heat(recipe: Recipe) -> bool:
    return needs_lungs(recipe.input) and recipe.architecture.head == "pool" and not recipe.architecture.head_hidden


def _check(recipe: Recipe, subject: str) -> None:
    data, fit = recipe.data, recipe.fit
    fractions_fit = 0 <= data.test_fraction < 1 and 0 < data.val_fraction < 1 and data.test_fraction + data.val_fraction < 0.9
    problems = (
        (not fractions_fit, "test_fraction and val_fraction must leave at least a tenth for training"),
        (fit.epochs < 1 or fit.batch < 2, "epochs must be at least 1 and batch at least 2"),
        (
            fit.heat_outside > 0 and not _can_hold_heat(recipe),
            "heat_outside needs a lung crop or mask, and a pooled head of one dense layer",
        ),
        (fit.less_normal != 0 and bool(recipe.architecture.head_hidden), "less_normal needs a head of one dense layer"),
        (
            not all(map(is_label_id, data.labels)),
            "labels are of lower case letters, digits, '_' and '-'; data.names says how people read them",
        ),
        (fit.optimiser not in ("adamw", "adam", "sgd"), "optimiser must be adamw, adam or sgd"),
        (fit.schedule not in ("cosine", "constant"), "schedule must be cosine or constant"),
        (not 0 < fit.learning_rate < 10, "learning_rate must lie between 0 and 10"),
        (not 0 <= fit.average < 1, "average must be at least 0 and below 1"),
        (
            (recipe.task is Task.HIERARCHICAL) != bool(recipe.stages),
            "the task hierarchical needs stages, and no other task has them",
        ),
        (any(section not in SEARCHABLE for section in _searched_sections(recipe)), "search.grid can vary fit, augment and architecture"),
        (not 0 <= data.fold < max(1, data.folds), "fold must be at least 0 and below folds"),
        (recipe.repeat.folds == 1, "repeat.folds must be 0, or 2 and more"),
        (not 0 < recipe.range_test.low < recipe.range_test.high, "range_test.low must be above 0 and below range_test.high"),
        (len(recipe.input.mean) != recipe.input.channels.planes, "mean needs one number for each channel"),
        (len(recipe.input.std) != recipe.input.channels.planes, "std needs one number for each channel"),
    )
    for is_wrong, sentence in problems:
        if is_wrong:
            raise RecipeError(f"The recipe is wrong: {sentence}.", hint="See `cxrview recipes NAME` for a complete one.", subject=subject)
