"""The parts of a recipe that say how a training goes beyond one fit: phases, search, range test, repeats, stages; and who published it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Published:
    """Where a recipe comes from, for people.

    Attributes:
        system: its name and authors.
        reference: where it was published.
        settings: what the authors did.
        figures: what they reported.
        differences: what we do otherwise, and why.
    """

    system: str = ""
    reference: str = ""
    settings: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Phase:
    """One stretch of a training, from the weights that the one before chose; what is not said is as in `fit`.

    Attributes:
        frozen_layers: fraction of the backbone's parameters, from the input on, that stay frozen; 1 trains the head alone.
        epochs: at most so many; 0 for those of `fit`.
        learning_rate: 0 for that of `fit`.
        patience: -1 for that of `fit`.
    """

    name: str
    frozen_layers: float = 0.0
    epochs: int = 0
    learning_rate: float = 0.0
    patience: int = -1


@dataclass(frozen=True, slots=True)
class Search:
    """A grid search before the training; the best `fit.monitor` on the validation split wins.

    Attributes:
        grid: field of the recipe to the values tried; fields of `fit`, `augment` and `architecture`.
        epochs: at most so many for each try; 0 for those of the phase.
        phases: a try runs so many of the first phases.
    """

    grid: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)  # Any: a value of any field
    epochs: int = 0
    phases: int = 1


@dataclass(frozen=True, slots=True)
class RangeTest:
    """A learning-rate range test before the training: the rate rises exponentially from step to step, and the loss is watched.

    Attributes:
        steps: batches; 0 for no test.
        low, high: the first and the last learning rate.
        decides: train with the rate that the test suggests, instead of `fit.learning_rate`.
    """

    steps: int = 0
    low: float = 1e-7
    high: float = 1.0
    decides: bool = False


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same training several times, for an interval around each figure.

    Attributes:
        folds: k of a k-fold cross-validation by group; 0 for none.
        seeds: so many trainings on one split, from seeds that follow `fit.seed`; 0 or 1 for one.
    """

    folds: int = 0
    seeds: int = 0

    @property
    def count(self) -> int:
        """Number of trainings."""
        return self.folds or max(1, self.seeds)


@dataclass(frozen=True, slots=True)
class Stage:
    """One network of a hierarchy; its answer is multiplied with those before it.

    Attributes:
        name: of the network in the package.
        labels: what it tells apart.
        splits: the label of an earlier stage that this one divides; empty for the first stage.
        label_map: label of the data to the stage's labels it makes positive; a label that is not named here and is not
            one of the stage's takes no part in it.
    """

    name: str
    labels: tuple[str, ...]
    splits: str = ""
    label_map: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
