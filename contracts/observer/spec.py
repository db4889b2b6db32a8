"""What the observer asks of the API's description; contracts/spec.py answers it from openapi.yaml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from contracts.meaning import digest

if TYPE_CHECKING:
    from contracts.exchange import Exchange


class Spec(Protocol):
    """The description, by exchange. Each list holds what is wrong, in words; it is empty where nothing is."""

    def documents_operation(self, exchange: Exchange) -> bool:
        """Whether its method and path are an operation."""
        ...

    def documents_status(self, exchange: Exchange) -> bool:
        """Whether its operation may be answered with this status; true for what is no operation."""
        ...

    def faults_of_request(self, exchange: Exchange) -> list[str]:
        """Where parameters or body are not as described."""
        ...

    def faults_of_response(self, exchange: Exchange) -> list[str]:
        """Where the answer's body is not as described for its status."""
        ...

    def meaning(self, exchange: Exchange) -> int:
        """Of what the request's body says: equal for two that differ in what means the same, such as null and absent.

        Holds within one process only.
        """
        ...


class NoSpec:
    """Judges no schema: the checks of order and repetition need none."""

    def documents_operation(self, exchange: Exchange) -> bool:
        del exchange
        return True

    def documents_status(self, exchange: Exchange) -> bool:
        del exchange
        return True

    def faults_of_request(self, exchange: Exchange) -> list[str]:
        del exchange
        return []

    def faults_of_response(self, exchange: Exchange) -> list[str]:
        del exchange
        return []

    def meaning(self, exchange: Exchange) -> int:
        return hash(exchange.request.body) if exchange.request.json is None else digest(exchange.request.json)
