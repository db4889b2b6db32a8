"""Which exchanges somebody asks the journal for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from mock_server.faults.registry import EFFECTS

if TYPE_CHECKING:
    from collections.abc import Collection

_STATUS: Final = re.compile(r"[1-5](\d\d|xx)")
NO_ANSWER: Final = "nothing"
ANY_FAULT: Final = "any"
KNOWN_FAULTS: Final = frozenset({*EFFECTS, ANY_FAULT})
"""What `fault_fits` understands."""

E = TypeVar("E")


class _Noted(Protocol):
    """What a filter looks at."""

    @property
    def number(self) -> int: ...
    @property
    def operation(self) -> str | None: ...
    @property
    def status(self) -> int | None: ...
    @property
    def faults(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Wanted:
    """tenant: whose; None: everybody's. status: as for `status_fits`. fault: as for `fault_fits`.

    since: only those with a higher number. limit: the first so many behind `since`, else the last so many.
    """

    tenant: str | None = None
    operation: str | None = None
    status: str | None = None
    fault: str | None = None
    since: int | None = None
    limit: int | None = None

    def fits(self, record: _Noted) -> bool:
        """Whether all that is asked for is so."""
        return (
            (self.since is None or record.number > self.since)
            and (self.operation is None or record.operation == self.operation)
            and (self.status is None or status_fits(self.status, record.status))
            and (self.fault is None or fault_fits(self.fault, record.faults))
        )

    def within_limit(self, found: list[E]) -> list[E]:
        if self.limit is None:
            return found
        return found[: self.limit] if self.since is not None else found[max(len(found) - self.limit, 0) :]


def known_status(status: str) -> bool:
    """Whether `status_fits` understands it."""
    return status == NO_ANSWER or _STATUS.fullmatch(status) is not None


def status_fits(wanted: str, status: int | None) -> bool:
    """`503`, `5xx` or `nothing`: the client never got all of an answer."""
    if status is None or wanted == NO_ANSWER:
        return status is None and wanted == NO_ANSWER
    return wanted == str(status) or wanted == f"{status // 100}xx"


def fault_fits(wanted: str, struck: Collection[str]) -> bool:
    """Whether one of that name is among those that struck, or with `any` whichever."""
    return wanted in struck or (wanted == ANY_FAULT and bool(struck))
