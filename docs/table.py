"""Tables of Markdown, as the pages have them that come from the code."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Its lines."""
    return [row(head), row(["---"] * len(head)), *map(row, rows)]


def row(cells: Iterable[str]) -> str:
    """One line; a line break within a cell would end it, a | begin another cell."""
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"
