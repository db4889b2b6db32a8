"""Dials as they are turned: the server's by kind of operation, and before them those of single tenants."""

from collections.abc import Mapping

from mock_server.domain.dials import Dial

IMMEDIATE = Dial()


class Dials:
    """Those that the server was started with, until they are turned."""

    def __init__(self, dials: Mapping[str, Dial]) -> None:
        self._first = dict(dials)
        self._all = dict(dials)
        self._own: dict[str, dict[str, Dial]] = {}

    def of(self, tenant: str | None, kind: str) -> Dial:
        """What counts for a tenant's operations of that kind; for None, those of all who have no dials of their own."""
        if self._own and tenant is not None:
            dial = self._own.get(tenant, {}).get(kind)
            if dial is not None:
                return dial
        return self._all.get(kind, IMMEDIATE)

    def turn(self, tenant: str | None, kind: str, dial: Dial) -> None:
        """Turn one, of a tenant or of all who have none of their own."""
        dials = self._all if tenant is None else self._own.setdefault(tenant, {})
        dials[kind] = dial

    def forget(self, tenant: str | None) -> None:
        """Turn a tenant's back to those of all; without one, all back to what they were at the start."""
        if tenant is not None:
            self._own.pop(tenant, None)
        else:
            self._all = dict(self._first)
            self._own.clear()
