"""Tables for people, in Markdown and for the pages, and how numbers stand in them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from cxrview.evaluation.interval import Interval


@dataclass(frozen=True, slots=True)
class Table:
    """A table for people; every row has a cell for each column."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def table_to_markdown(table: Table, *, level: int = 2) -> str:
    """Write one table under its heading."""
    lines = [f"{'#' * level} {table.title}", "", table.note, "", _markdown_row(table.columns), "|" + "---|" * len(table.columns)]
    return "\n".join([*lines, *(_markdown_row(row) for row in table.rows)])


def number(value: float) -> str:
    """Give three decimals, or a dash for what is not defined."""
    return "–" if math.isnan(value) else f"{value:.3f}"


def signed(interval: Interval) -> str:
    """Give a difference with its sign."""
    if math.isnan(interval.value) or math.isnan(interval.low):
        return str(interval)
    return f"{interval.value:+.3f} ({interval.low:+.3f} to {interval.high:+.3f})"


def _markdown_row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
