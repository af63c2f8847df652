"""A list of images in order, fit to step through at any length: refs are made when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import overload

from cxrview.core.image import ImageRef
from cxrview.library.search import path_of, stored_path

Key = tuple[int, int, int, str, str, int]
"""Id, patient, study, path as it stands in the index, archive member, frame."""


class Refs(Sequence[ImageRef]):
    """The refs of a list, made one by one."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self._keys = keys

    def __len__(self) -> int:
        """How many there are."""
        return len(self._keys)

    @overload
    def __getitem__(self, place: int) -> ImageRef: ...

    @overload
    def __getitem__(self, place: slice) -> Refs: ...

    def __getitem__(self, place: int | slice) -> ImageRef | Refs:
        """Give the ref at a place, or a shorter list."""
        if isinstance(place, slice):
            return Refs(self._keys[place])
        _id, _patient, _study, path, member, frame = self._keys[place]
        return ImageRef(path_of(path), member, frame)


class Places(Mapping[ImageRef, int]):
    """Where each ref stands."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self._keys = keys

    @cached_property
    def _by_name(self) -> dict[tuple[str, str, int], int]:
        return {key[3:]: place for place, key in enumerate(self._keys)}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._keys)

    def __iter__(self) -> Iterator[ImageRef]:
        """Give the refs in order."""
        return iter(Refs(self._keys))

    def __getitem__(self, ref: ImageRef) -> int:
        """Give the place of a ref, from 0.

        Raises:
            KeyError: it is not in the list.
        """
        return self._by_name[stored_path(ref.path), ref.member, ref.frame]

    def prepare(self) -> None:
        """Make the table now, on a worker thread, and not when the first place is asked for."""
        len(self._by_name)


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """A patient's images in a grouped list: places `start` to `stop`, and where each study begins."""

    patient: int
    start: int
    stop: int
    studies: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """Which images a query gave, in order.

    Attributes:
        refs: the images. places: where each stands. ids: in the index.
        groups: of a grouped list, its patients in order; else empty.
        patients: how many different ones there are.
    """

    refs: Sequence[ImageRef] = ()
    places: Mapping[ImageRef, int] = field(default_factory=dict)
    ids: Sequence[int] = ()
    groups: Sequence[Group] = ()
    patients: int = 0


def order_of(keys: Sequence[Key], *, is_grouped: bool = False) -> Order:
    """Make the list from rows of the index; grouped, a patient and a study stand where their first image stands."""
    if is_grouped:
        keys, groups = _grouped(keys)
    else:
        groups = ()
    places = Places(keys)
    places.prepare()
    patients = len(groups) if is_grouped else len({key[1] for key in keys})
    return Order(Refs(keys), places, tuple(key[0] for key in keys), groups, patients)


def _grouped(keys: Sequence[Key]) -> tuple[Sequence[Key], tuple[Group, ...]]:
    by_patient: dict[int, dict[int, list[Key]]] = {}
    for key in keys:
        by_patient.setdefault(key[1], {}).setdefault(key[2], []).append(key)
    ordered: list[Key] = []
    groups = []
    for patient, by_study in by_patient.items():
        start, studies = len(ordered), []
        for images in by_study.values():
            studies.append(len(ordered))
            ordered += images
        groups.append(Group(patient, start, len(ordered), tuple(studies)))
    return ordered, tuple(groups)
