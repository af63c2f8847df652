"""Work spread over threads whose answers come back in the order of the questions."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")

# Pieces in flight for each worker: one at work, and enough waiting that a slow piece at the front starves nobody.
AHEAD = 8


def in_order(work: Callable[[Question], Answer], questions: Iterable[Question], *, workers: int) -> Generator[Answer]:
    """Give `work(question)` for each question, in order; a few pieces ahead are in flight, never all.

    When the consumer stops early, or is interrupted, pieces not yet begun are dropped and those at work are waited for.
    """
    pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="cxrview-batch")
    pending: deque[Future[Answer]] = deque()
    try:
        for question in questions:
            pending.append(pool.submit(work, question))
            if len(pending) >= workers * AHEAD:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
