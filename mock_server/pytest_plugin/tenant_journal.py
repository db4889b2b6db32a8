"""What crossed the wire between a test's clients and its tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mock_server.admin_client import AdminClient


class TenantJournal:
    """The journal of this tenant. docs/journal.md describes an exchange and an expectation."""

    def __init__(self, client: AdminClient, api_key: str) -> None:
        self._client = client
        self._api_key = api_key

    def exchanges(
        self,
        operation: str | None = None,
        *,
        status: int | str | None = None,
        fault: str | None = None,
        bodies: bool = False,
        limit: int = 10_000,
    ) -> list[dict[str, Any]]:
        """The exchanges in the order of their requests, those of an operation, a status or a fault."""
        asked = {"operation": operation, "status": status, "fault": fault, "limit": limit}
        page = self._client.get("/journal", api_key=self._api_key, bodies=str(bodies).lower(), **asked)
        return list(page["exchanges"])

    def verify(self, *expectations: Mapping[str, Any], in_order: bool = False) -> None:
        """AssertionError, with the nearest exchanges, for expectations that are not met."""
        asked = {"expectations": list(expectations), "in_order": in_order, "api_key": self._api_key}
        verified = self._client.ask("POST", "/journal/verify", asked)
        if not verified["met"]:
            raise AssertionError(verified["text"])

    def export(self, path: Path, form: Literal["har", "jsonl"] = "jsonl") -> None:
        """Write it to a file, without keys."""
        path.write_bytes(self._client.raw("GET", "/journal/export", query={"api_key": self._api_key, "format": form}))

    def __str__(self) -> str:
        """A line for each exchange."""
        return "\n".join(_line(each) for each in self.exchanges())


def _line(exchange: Mapping[str, Any]) -> str:
    request, response = exchange["request"], exchange["response"]
    status = "in flight" if exchange["in_flight"] else "no answer" if response is None else response["status"]
    faults = f"  ({', '.join(exchange['faults'])})" if exchange["faults"] else ""
    return f"#{exchange['number']} {request['method']} {request['path']} -> {status}{faults}"
