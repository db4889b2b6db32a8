"""One exchange as the journal tells it: what crossed the wire, and what the server knows beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mock_server.faults.facts import Facts, facts_of
from mock_server.journal.fields import fields_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contracts.exchange import Exchange


@dataclass(frozen=True)
class Entry:
    """operation: the operationId of openapi.yaml, None for what is none. tenant: None where no key says whose it is.

    at: when the request came, in seconds since the epoch of the server's clock; 0 where nobody knows.
    faults: the names of those that struck it. verdicts: what the observer found wrong, each a check and its evidence.
    in_flight: it is being answered still; without that, no response means that the client never got all of one.
    """

    exchange: Exchange
    operation: str | None = None
    tenant: str | None = None
    at: float = 0.0
    faults: tuple[str, ...] = ()
    verdicts: tuple[tuple[str, str], ...] = ()
    in_flight: bool = False

    def __str__(self) -> str:
        text = str(self.exchange)
        if self.in_flight:
            text = text.replace("-> no answer", "-> not answered yet")
        return f"{text} ({', '.join(self.faults)})" if self.faults else text

    @property
    def number(self) -> int:
        """Its place among its tenant's requests, from 1."""
        return self.exchange.number

    @property
    def status(self) -> int | None:
        return None if self.exchange.response is None else self.exchange.response.status

    @cached_property
    def facts(self) -> Facts:
        """The session, run, sampler or checkpoint that the request names, and its seq_id."""
        request = self.exchange.request
        return facts_of(request.path, dict(request.headers), request.body, self.operation)

    @cached_property
    def request_fields(self) -> Mapping[str, Any]:
        """The request's fields, of JSON or protobuf; empty where it has none, or was not kept to its end."""
        return fields_of(self.exchange.request, "ForwardBackwardRequest")

    @cached_property
    def answer_fields(self) -> Mapping[str, Any]:
        """The same of the answer."""
        return {} if self.exchange.response is None else fields_of(self.exchange.response)

    def noted(self) -> Exchange:
        """The exchange with all else as its notes, which files of exchanges keep."""
        notes: dict[str, Any] = {"operation": self.operation, "tenant": self.tenant, "at": self.at}
        notes |= {"faults": list(self.faults)} if self.faults else {}
        notes |= {"verdicts": [list(each) for each in self.verdicts]} if self.verdicts else {}
        notes |= {"in_flight": True} if self.in_flight else {}
        return replace(self.exchange, notes=notes)


def entry_of(exchange: Exchange) -> Entry:
    """The entry that an exchange of a file stands for. One without notes, of another recorder, says its operation."""
    notes = exchange.notes
    operation = notes["operation"] if "operation" in notes else _operation_of(exchange)
    return Entry(
        exchange,
        operation,
        notes.get("tenant"),
        float(notes.get("at") or 0),
        tuple(notes.get("faults") or ()),
        tuple((str(check), str(evidence)) for check, evidence in notes.get("verdicts") or ()),
        notes.get("in_flight") is True,
    )


def _operation_of(exchange: Exchange) -> str | None:
    from contracts.spec import operation_of  # noqa: PLC0415 - only for files of other recorders

    found = operation_of(exchange.request.method, exchange.request.path)
    return None if found is None else found.id
