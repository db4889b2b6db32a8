"""CSR, the encoding of mostly empty [rows, columns] tensors: the SDK chooses it for 2-D torch targets and weights."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mock_server.codec.allowance import MAX_EXPANDED_ELEMENTS, Allowance
from mock_server.codec.errors import Malformed, shown

Array = NDArray[Any]
Ints = NDArray[np.int64]


class SparseLayout(NamedTuple):
    """Which cells of a [rows, cols] tensor a CSR encoding lists, row by row.

    crow: [rows + 1], where each row's cells begin in cols.  cols: [cells], the column of each.
    """

    crow: Ints
    cols: Ints

    def rows(self) -> Ints:
        """The row of each listed cell, [cells]."""
        return np.repeat(np.arange(len(self.crow) - 1), np.diff(self.crow))


def densify(
    values: Array, shape: Sequence[int], layout: SparseLayout, field: str, allowance: Allowance, *, pad: int
) -> Array:
    """The array of this shape with values, [cells], where layout says and pad elsewhere."""
    if len(shape) != 2 or min(shape) < 0 or max(shape) > MAX_EXPANDED_ELEMENTS:
        raise Malformed(
            f"{field}.shape",
            f"is {shown(list(shape))}",
            f"a sparse tensor has [rows, columns], each at most {MAX_EXPANDED_ELEMENTS}",
        )
    rows, columns = shape
    _check_layout(layout, rows, columns, len(values), field)
    allowance.take(rows * columns, field)
    dense = np.full((rows, columns), pad, dtype=values.dtype)
    dense[layout.rows(), layout.cols] = values
    return dense


def _check_layout(layout: SparseLayout, rows: int, columns: int, cells: int, field: str) -> None:
    crow, cols = layout
    if len(crow) != rows + 1 or len(cols) != cells:
        raise Malformed(
            field,
            f"has {len(crow)} row pointers, {len(cols)} columns and {cells} values for {rows} rows",
            "send one pointer more than rows, and a column for each value",
        )
    if crow[0] != 0 or crow[-1] != cells or (crow[1:] < crow[:-1]).any():
        raise Malformed(
            f"{field}.crow_indices", f"is {shown(crow.tolist())}", f"it rises from 0 to {cells}, the number of values"
        )
    if cells and not (cols.min() >= 0 and cols.max() < columns):
        raise Malformed(f"{field}.col_indices", f"is {shown(cols.tolist())}", f"columns are 0 to {columns - 1}")
    starts_row = np.zeros(cells + 1, dtype=bool)
    starts_row[crow] = True
    if not ((cols[1:] > cols[:-1]) | starts_row[1:-1]).all():
        raise Malformed(
            f"{field}.col_indices", f"is {shown(cols.tolist())}", "columns rise within each row, each at most once"
        )
