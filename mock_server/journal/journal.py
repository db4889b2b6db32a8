"""The journal: what every tenant's clients said and heard of late, within bounds."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from heapq import merge
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from mock_server.faults.facts import whose
from mock_server.journal.contents import Contents
from mock_server.journal.entry import Entry
from mock_server.journal.ring import OVERHEAD, Record, Ring, head_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mock_server.journal.wanted import Wanted
    from mock_server.listening import Overheard

_KEYS_KNOWN: Final = 1024
"""Whose keys are remembered: to verify a token takes longer than all else that the journal does."""


@dataclass(frozen=True)
class Surroundings:
    """What the journal asks the server: which operation a method and a path mean, whose an X-API-Key is, the time of a
    tenant.
    """

    operation_of: Callable[[str, str], str | None]
    tenant_of: Callable[[str], str | None]
    now: Callable[[str | None], float]


class Journal:
    """Listens at the outermost layer. Keeps a ring of exchanges for each tenant, equal bodies once."""

    def __init__(self, surroundings: Surroundings, *, exchanges: int, size: int) -> None:
        """`exchanges`: how many of each tenant; `size`: bytes of all together, which the longest silent pay first."""
        self._server = surroundings
        self._most = exchanges
        self._size = size
        self._contents = Contents()
        self._rings: OrderedDict[str | None, Ring] = OrderedDict()
        self._silent: dict[str | None, int] = {}
        """The last numbers of tenants of whose exchanges none is left."""
        self._open: dict[Overheard, Record] = {}
        self._count = 0
        self._serial = 0
        self._keys: dict[str, str | None] = {}

    # Listening.

    def began(self, heard: Overheard) -> None:
        """Give the request its number: they count in the order in which they come."""
        scope = heard.scope
        method, path = scope["method"], scope["path"]
        tenant = whose(scope, self._tenant_of)
        ring = self._rings.get(tenant)
        if ring is None:
            ring = self._rings[tenant] = Ring(self._silent.pop(tenant, 0))
        self._rings.move_to_end(tenant)
        ring.last += 1
        self._serial += 1
        record = Record(
            ring.last,
            self._serial,
            self._server.now(tenant),
            tenant,
            self._server.operation_of(method, path),
            method,
            path,
            scope["query_string"].decode("latin-1"),
            head_of(scope["headers"]),
            heard,
        )
        ring.records.append(record)
        self._count += 1
        self._open[heard] = record
        if len(ring.records) > self._most:
            self._forget_oldest(ring)

    def ended(self, heard: Overheard) -> None:
        """Complete what began."""
        record = self._open.pop(heard)
        if not record.forgotten:
            record.complete(heard, self._contents)
            if self._contents.size + OVERHEAD * self._count > self._size:
                self._make_room()

    # Asking.

    def entries(self, wanted: Wanted) -> list[Entry]:
        """What is wanted, in the order in which the requests came."""
        found = [record for record in self._records(wanted.tenant) if wanted.fits(record)]
        return [_entry(record) for record in wanted.within_limit(found)]

    def last(self, tenant: str | None) -> int:
        """The number of the tenant's newest request; 0 where there was none."""
        ring = self._rings.get(tenant)
        return self._silent.get(tenant, 0) if ring is None else ring.last

    def clear(self, tenant: str | None = None) -> int:
        """Forget a tenant's exchanges, or everybody's, and number from 1 again; returns how many there were."""
        if tenant is None:
            self._silent.clear()
            return sum(self._forget_all(other) for other in list(self._rings))
        forgotten = self._forget_all(tenant) if tenant in self._rings else 0
        self._silent.pop(tenant, None)
        return forgotten

    def statistics(self) -> dict[str, int]:
        return {"exchanges": self._count, "bytes": self._contents.size + OVERHEAD * self._count}

    def _records(self, tenant: str | None) -> Iterator[Record]:
        if tenant is not None:
            ring = self._rings.get(tenant)
            yield from () if ring is None else ring.records
        else:
            rings: Iterable[Iterable[Record]] = [ring.records for ring in self._rings.values()]
            yield from merge(*rings, key=attrgetter("serial"))

    # Within.

    def _tenant_of(self, key: str) -> str | None:
        if key not in self._keys:
            if len(self._keys) >= _KEYS_KNOWN:
                self._keys.clear()
            self._keys[key] = self._server.tenant_of(key)
        return self._keys[key]

    def _make_room(self) -> None:
        while self._rings and self._contents.size + OVERHEAD * self._count > self._size:
            tenant, ring = next(iter(self._rings.items()))
            self._forget_oldest(ring)
            if not ring.records:
                self._silent[tenant] = self._rings.pop(tenant).last

    def _forget_all(self, tenant: str | None) -> int:
        ring = self._rings.pop(tenant)
        count = len(ring.records)
        while ring.records:
            self._forget_oldest(ring)
        return count

    def _forget_oldest(self, ring: Ring) -> None:
        ring.records.popleft().release(self._contents)
        self._count -= 1


def _entry(record: Record) -> Entry:
    return Entry(
        record.exchange(),
        record.operation,
        record.tenant,
        record.at,
        record.faults,
        record.verdicts,
        record.heard is not None,
    )
