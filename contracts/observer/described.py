"""openapi.yaml as the observer asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from contracts import spec as contract
from contracts.meaning import digest, meaning
from contracts.observer.facts import JSON

if TYPE_CHECKING:
    from contracts.exchange import Exchange, Request, Response
    from contracts.spec import Operation


class Described:
    """The Spec of the contract of this project."""

    def __init__(self) -> None:
        self._last: tuple[Exchange | None, Operation | None] = (None, None)

    def _operation(self, exchange: Exchange) -> Operation | None:
        # Asked several times for each exchange, and always for the one that is being judged.
        if self._last[0] is not exchange:
            self._last = exchange, contract.operation_of(exchange.request.method, exchange.request.path)
        return self._last[1]

    def documents_operation(self, exchange: Exchange) -> bool:
        return self._operation(exchange) is not None

    def documents_status(self, exchange: Exchange) -> bool:
        operation = self._operation(exchange)
        return operation is None or exchange.response is None or exchange.response.status in operation.statuses

    def faults_of_request(self, exchange: Exchange) -> list[str]:
        operation, request = self._operation(exchange), exchange.request
        if operation is None:
            return []
        faults = contract.validate_query(operation, request.query)
        # Whether a body must be there is the schema's to say where one was sent, and `required` where none was.
        if request.body or operation.raw.get("requestBody", {}).get("required"):
            faults += contract.validate_request(operation, request.media_type, _value(request))
        return faults

    def faults_of_response(self, exchange: Exchange) -> list[str]:
        operation, response = self._operation(exchange), exchange.response
        if operation is None or response is None:
            return []
        faults = contract.validate_headers(operation, response.status, response.headers)
        # 304 and the words of a redirect have no body that anybody reads.
        if response.body or not 300 <= response.status < 400:
            faults += contract.validate_response(operation, response.status, response.media_type, _value(response))
        return faults

    def meaning(self, exchange: Exchange) -> int:
        operation, request = contract.operation_of(exchange.request.method, exchange.request.path), exchange.request
        schema = {} if operation is None else operation.body.get(request.media_type, {})
        value = request.json if request.media_type == JSON and request.whole else None
        return hash(request.body) if value is None else digest(meaning(contract.spec(), schema, value))


def _value(message: Request | Response) -> Any:
    return message.json if message.media_type == JSON else message.body
