"""Work over threads: answers in order, few pieces in flight, a clean end."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from cxrview.batch.ordered import AHEAD, in_order


def test_answers_come_in_the_order_of_the_questions() -> None:
    gates = [threading.Event() for _ in range(4)]

    def wait_for_the_next(number: int) -> int:
        if number < 3:
            assert gates[number + 1].wait(10)  # later questions end first
        gates[number].set()
        return number

    assert list(in_order(wait_for_the_next, range(4), workers=4)) == [0, 1, 2, 3]


def test_questions_are_taken_only_a_little_ahead() -> None:
    taken: list[int] = []

    def questions() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    answers = in_order(lambda number: number, questions(), workers=2)
    next(answers)
    assert len(taken) <= 2 * AHEAD
    answers.close()


def test_stopping_early_drops_what_has_not_begun() -> None:
    begun: list[int] = []
    answers = in_order(lambda number: begun.append(number) or number, range(1000), workers=1)  # type: ignore[func-returns-value]
    next(answers)
    answers.close()
    assert len(begun) <= AHEAD


def test_an_error_reaches_the_caller() -> None:
    with pytest.raises(ZeroDivisionError):
        list(in_order(lambda number: 1 // number, [1, 0, 1], workers=2))
