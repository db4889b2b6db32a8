"""When two numbers of a server count as the same: machines that compute in parallel add in any order."""

from __future__ import annotations

from math import isclose
from typing import TYPE_CHECKING

from contracts.verdicts import Violation

if TYPE_CHECKING:
    from contracts.exchange import Exchange


def alike(one: float, other: float) -> bool:
    """Within a thousandth of each other. A step of the checks moves a loss by some hundredths at least."""
    return isclose(one, other, rel_tol=1e-3, abs_tol=1e-3)


def must_equal(what: str, found: float, due: float, *exchanges: Exchange) -> None:
    if not alike(found, due):
        raise Violation(f"{what} is {found:.6g} where {due:.6g} was due", *exchanges)


def must_differ(what: str, found: float, other: float, *exchanges: Exchange) -> None:
    if alike(found, other):
        raise Violation(f"{what} is {found:.6g} still", *exchanges)
