"""The list by patient as rows: who is folded is one row, who is not shows studies and images; nothing is made per row. No Qt."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Set
from dataclasses import dataclass
from enum import StrEnum

from cxrview.app.browser import Listing
from cxrview.library.order import Group


class NodeKind(StrEnum):
    """What a row stands for."""

    PATIENT = "patient"
    STUDY = "study"
    IMAGE = "image"
    LONE_IMAGE = "lone image"
    """The only image of its patient: one row for both."""


@dataclass(frozen=True, slots=True)
class Node:
    """One row.

    Attributes:
        place: of its first image in the listing.
        images: how many lie below it; 1 for an image.
        patient: id. number: of the patient in the list, from 1.
        studies: how many a patient has in the list.
    """

    kind: NodeKind
    place: int
    images: int
    patient: int
    number: int
    studies: int = 1
    is_unfolded: bool = False

    @property
    def depth(self) -> int:
        """How far the row is moved in."""
        return {NodeKind.STUDY: 1, NodeKind.IMAGE: 2}.get(self.kind, 0)

    @property
    def is_image(self) -> bool:
        """Tell whether the row is one image."""
        return self.kind in (NodeKind.IMAGE, NodeKind.LONE_IMAGE)

    @property
    def places(self) -> range:
        """Places of its images in the listing."""
        return range(self.place, self.place + self.images)


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """The rows of an unfolded patient."""

    start: int
    group: int
    nodes: tuple[Node, ...]


class Outline:
    """The rows of a grouped listing."""

    def __init__(self, listing: Listing, unfolded: Set[int] = frozenset()) -> None:
        self._groups = listing.groups
        self._blocks: list[_Block] = []
        extra = 0
        for index in _unfolded_places(listing, unfolded):
            nodes = tuple(_nodes(self._groups[index], index))
            self._blocks.append(_Block(index + extra, index, nodes))
            extra += len(nodes) - 1
        self._starts = [block.start for block in self._blocks]
        self._listing = listing
        self._count = len(self._groups) + extra

    def __len__(self) -> int:
        """How many rows there are."""
        return self._count

    def __getitem__(self, row: int) -> Node:
        """Give what stands in a row."""
        at = bisect_right(self._starts, row) - 1
        if at < 0:
            return _folded(self._groups[row], row)
        block = self._blocks[at]
        inside = row - block.start
        if inside < len(block.nodes):
            return block.nodes[inside]
        index = block.group + 1 + inside - len(block.nodes)
        return _folded(self._groups[index], index)

    def row_of(self, place: int) -> int:
        """Give the row of an image, or of its patient who is folded; -1 when it is not listed."""
        index = _group_index(self._listing, place)
        if index < 0:
            return -1
        row = index
        for block in self._blocks:
            if block.group == index:
                inside = next(at for at, node in enumerate(block.nodes) if node.kind is NodeKind.IMAGE and node.place == place)
                return row + inside
            if block.group > index:
                break
            row += len(block.nodes) - 1
        return row


def _unfolded_places(listing: Listing, unfolded: Set[int]) -> list[int]:
    if not unfolded:
        return []
    return [index for index, group in enumerate(listing.groups) if group.patient in unfolded and group.stop - group.start > 1]


def _folded(group: Group, index: int) -> Node:
    images = group.stop - group.start
    kind = NodeKind.LONE_IMAGE if images == 1 else NodeKind.PATIENT
    return Node(kind, group.start, images, group.patient, index + 1, len(group.studies))


def _nodes(group: Group, index: int) -> list[Node]:
    number, patient = index + 1, group.patient
    made = [Node(NodeKind.PATIENT, group.start, group.stop - group.start, patient, number, len(group.studies), is_unfolded=True)]
    for start, stop in zip(group.studies, (*group.studies[1:], group.stop), strict=True):
        made.append(Node(NodeKind.STUDY, start, stop - start, patient, number))
        made += [Node(NodeKind.IMAGE, place, 1, patient, number) for place in range(start, stop)]
    return made


def _group_index(listing: Listing, place: int) -> int:
    if place < 0 or not listing.groups or place >= listing.groups[-1].stop:
        return -1
    return bisect_right(listing.groups, place, key=lambda group: group.start) - 1
