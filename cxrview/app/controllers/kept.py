"""Answers and heatmaps that are kept in memory up to a budget, the ones not asked for longest dropped first; any thread may call."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable

from cxrview.core.results import Analysis, Heatmap

# What an answer takes beside its arrays.
BASE_BYTES = 4096
BYTES_PER_MB = 1_000_000
# However small they are: who opens thousands of pictures finds the program as large as after the first hundreds.
MOST_ITEMS = 500


class Kept:
    """A bounded memory of answers and of heatmaps made on request."""

    def __init__(self, budget_mb: int) -> None:
        """Keep up to this many megabytes; 0 keeps nothing."""
        self._lock = threading.Lock()
        self._items: OrderedDict[Hashable, tuple[object, int]] = OrderedDict()
        self._bytes = 0
        self._budget = budget_mb * BYTES_PER_MB

    @property
    def size_bytes(self) -> int:
        """What is kept now."""
        return self._bytes

    def resize(self, budget_mb: int) -> None:
        """Keep up to this many megabytes from now on."""
        with self._lock:
            self._budget = budget_mb * BYTES_PER_MB
            self._drop()

    def analysis(self, key: Hashable) -> Analysis | None:
        """Give the answer under a key, if it is still there."""
        found = self._get(key)
        return found if isinstance(found, Analysis) else None

    def keep_analysis(self, key: Hashable, analysis: Analysis) -> None:
        """Keep an answer with its heatmaps."""
        self._keep(key, analysis, bytes_of(analysis))

    def heatmap(self, key: Hashable) -> Heatmap | None:
        """Give the heatmap under a key, if it is still there."""
        found = self._get(key)
        return found if isinstance(found, Heatmap) else None

    def keep_heatmap(self, key: Hashable, heatmap: Heatmap) -> None:
        """Keep a heatmap that was made on request."""
        self._keep(key, heatmap, BASE_BYTES + heatmap.values.nbytes)

    def _get(self, key: Hashable) -> object:
        with self._lock:
            if key not in self._items:
                return None
            self._items.move_to_end(key)
            return self._items[key][0]

    def _keep(self, key: Hashable, item: object, size: int) -> None:
        with self._lock:
            self._bytes -= self._items.pop(key, (None, 0))[1]
            self._items[key] = (item, size)
            self._bytes += size
            self._drop()

    def _drop(self) -> None:
        while self._items and (self._bytes > self._budget or len(self._items) > MOST_ITEMS):
            _key, (_item, size) = self._items.popitem(last=False)
            self._bytes -= size


def bytes_of(analysis: Analysis) -> int:
    """Give what an answer takes in memory, about."""
    lungs = analysis.lungs
    of_lungs = 0 if lungs is None else lungs.probability.nbytes + lungs.mask.nbytes + sum(line.nbytes for line in lungs.outlines)
    return BASE_BYTES + of_lungs + sum(each.values.nbytes for each in analysis.heatmaps)
