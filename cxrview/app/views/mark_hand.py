"""The hand that draws and moves marks: turns presses, moves and releases into a mark; it paints nothing and keeps nothing but the draft."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cxrview.core.marks import Grip, Mark, MarkKind, Point, length_px, moved

DRAFT_NUMBER = 1_000_000


@dataclass(frozen=True, slots=True)
class Held:
    """A mark in the hand: as it was, which part is held, and where it was taken."""

    mark: Mark
    grip: Grip
    taken_at: Point


class MarkHand:
    """Follows one drawing or moving.

    Marks of two points are dragged. Those of more are dragged for the first two, then go on: an angle's last point follows the
    mouse until a click, a cardiothoracic ratio takes a second drag.
    """

    def __init__(self) -> None:
        self.draft: Mark | None = None
        """The mark as it looks now, drawn or moved; None when the hand is empty."""
        self._held: Held | None = None
        self._is_settled = False

    @property
    def is_moving(self) -> bool:
        """Tell whether a mark that is already kept is in the hand."""
        return self._held is not None

    def drop(self) -> None:
        """Let go of everything unfinished."""
        self.draft = self._held = None
        self._is_settled = False

    def press(self, tool: MarkKind, place: Point) -> None:
        """Begin a mark, or go on with one that wants more points."""
        if self.draft is None or self.draft.kind is not tool:
            self.draft = Mark(DRAFT_NUMBER, tool, (place,) if tool.points == 1 else (place, place))
        elif self._is_settled:
            self.draft = replace(self.draft, points=(*self.draft.points, place, place))
        self._is_settled = False
        self.move(place)

    def take(self, mark: Mark, grip: Grip, place: Point) -> None:
        """Take hold of a mark that is already kept."""
        self._held, self.draft = Held(mark, grip, place), mark

    def move(self, place: Point) -> None:
        """Carry the last point, or what is held, to a place."""
        if self._held is not None:
            held = self._held
            self.draft = moved(held.mark, held.grip.point, place.x - held.taken_at.x, place.y - held.taken_at.y)
        elif self.draft is not None and not self._is_settled:
            self.draft = replace(self.draft, points=(*self.draft.points[:-1], place))

    def release(self, place: Point, slip_px: float) -> Mark | None:
        """Give the mark when it is complete; what is shorter than `slip_px`, image px, was a slip and is dropped."""
        self.move(place)
        draft, held = self.draft, self._held
        if draft is None:
            return None
        if held is not None:
            self.drop()
            return draft if draft != held.mark else None
        if draft.kind.points > 1 and length_px(draft.points[-2], draft.points[-1]) < slip_px:
            self._forget_slip(draft)
            return None
        if len(draft.points) == draft.kind.points:
            self.drop()
            return draft
        self._is_settled = draft.kind is MarkKind.CARDIOTHORACIC
        if not self._is_settled:
            self.draft = replace(draft, points=(*draft.points, place))
        return None

    def _forget_slip(self, draft: Mark) -> None:
        """Go back to what was there before the slip; the last point of an angle simply goes on."""
        if draft.kind is MarkKind.CARDIOTHORACIC and len(draft.points) == draft.kind.points:
            self.draft, self._is_settled = replace(draft, points=draft.points[:2]), True
        elif draft.kind is not MarkKind.ANGLE or len(draft.points) < draft.kind.points:
            self.drop()
