"""openapi.yaml as schemathesis takes it: with the judged server's model in its examples, no settings from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import schemathesis
from hypothesis import strategies as st
from schemathesis.core.result import Ok

from contracts.server.scope import profile_of
from contracts.server.shape.checks import CHECK_OF
from contracts.spec import operations, spec

if TYPE_CHECKING:
    from schemathesis.schemas import APIOperation, BaseSchema

    from contracts.spec import Operation

EXAMPLE_MODEL: Final = "Qwen/Qwen3-8B"
"""The model of openapi.yaml's examples and links."""
RECIPIENTS: Final = (
    "age1tcux93auna2g2nm9mmmd5pj597x5chlc7f0ymkc2zdgq9nly3d2st58hg0",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHpSwIMFRv5nYkemiDBVNnoqHkKSPi+C9uejw1FhWZDp",
)
"""Public keys of nobody, for the format that openapi.yaml calls age-recipient."""
_REFUSALS: Final = ["400", "401", "403", "404", "405", "406", "409", "410", "413", "415", "422", "429", "503"]
_NO_VERDICT: Final = ["2xx", "3xx", "401", "403", "404", "408", "409", "410", "413", "416", "429", "5xx"]
"""Statuses that say nothing of a request's form: who asks, what is there, how much there is."""


@dataclass(frozen=True, eq=False)
class Asked:
    """An operation as the contract has it, and as schemathesis does; equal to itself only, so that it can be a key."""

    id: str
    contract: Operation
    generated: APIOperation[Any, Any, Any, Any]


def described(base_url: str, base_model: str | None) -> BaseSchema:
    """The whole description. base_model: what the server trains; None leaves the examples as they are."""
    document = spec().document
    if base_model is not None:
        document = _replaced(document, EXAMPLE_MODEL, base_model)
    schemathesis.openapi.format("age-recipient", st.sampled_from(RECIPIENTS))
    return schemathesis.openapi.from_dict(dict(document), config=schemathesis.Config.from_dict(_settings(base_url)))


def asked(schema: BaseSchema, profiles: tuple[str, ...], *, keys_are_precious: bool) -> list[Asked]:
    """The operations of those profiles, in the file's order. keys_are_precious: leave out what would delete a key."""
    by_label = {operation.method + " " + operation.path: operation for operation in operations().values()}
    found = []
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result  # the description is valid: tests see to it
        generated = result.ok()
        contract = by_label[generated.label]
        if profile_of(contract) in profiles and not (keys_are_precious and contract.id == "delete_key"):
            found.append(Asked(contract.id, contract, generated))
    return found


def _settings(base_url: str) -> dict[str, Any]:
    checks: dict[str, Any] = {name: {"enabled": True} for name in CHECK_OF}
    checks["not_a_server_error"]["expected-statuses"] = ["2xx", "3xx", "4xx", "503"]
    checks["negative_data_rejection"]["expected-statuses"] = _REFUSALS
    checks["positive_data_acceptance"]["expected-statuses"] = _NO_VERDICT
    return {
        "base-url": base_url,
        "checks": {"enabled": False, **checks},
        "generation": {"database": "none", "allow-x00": True, "with-security-parameters": False},
        "cache": {"enabled": False},
        "max-redirects": 0,
    }


def _replaced(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {name: _replaced(each, old, new) for name, each in value.items()}
    if isinstance(value, list):
        return [_replaced(each, old, new) for each in value]
    return new if value == old else value
