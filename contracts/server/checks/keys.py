"""Keys: without one nobody comes in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from contracts.server.tenant import answer_of
from contracts.spec import operations
from contracts.verdicts import Violation, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contracts.exchange import Exchange
    from contracts.server.asking import Asker
    from contracts.server.tenant import Tenant

_NO_KEYS: Final = (
    "not-a-key",
    "tml-",
    "Bearer tml-abc",
    # A token without a signature, and one whose signature is nobody's.
    "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIiwiZXhwIjo5OTk5OTk5OTk5fQ.",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIiwiZXhwIjo5OTk5OTk5OTk5fQ.AAAA",
)


def _everywhere(tenant: Tenant, key: str) -> Iterator[Exchange]:
    """Every operation that needs a key, asked with this one ("" is none). The ids in its path are of nothing."""
    for operation in operations().values():
        if operation.secured:
            path = re.sub(r"\{[^}]*\}", "x", operation.path.removeprefix("/api/v1"))
            yield tenant.send(operation.method, path, {} if operation.body else None, headers={"x-api-key": key})


@check("no-key-no-entry", requirement="KEY-401", kind="security")
def no_key_no_entry(asker: Asker) -> None:
    """Every documented operation is refused with 401 where no key comes with it."""
    tenant = asker.tenant()
    for answer in _everywhere(tenant, ""):
        tenant.refused(answer, 401)


@check("wrong-key-no-entry", requirement="KEY-WRONG-401", kind="security")
def wrong_key_no_entry(asker: Asker) -> None:
    """What is no key, and a token that nobody signed, is refused with 401; the first of them everywhere."""
    tenant = asker.tenant()
    for key in _NO_KEYS:
        tenant.refused(tenant.send("GET", "/training_runs", headers={"x-api-key": key}), 401)
        tenant.refused(tenant.send("POST", "/create_session", {"tags": []}, headers={"x-api-key": key}), 401)
    for answer in _everywhere(tenant, _NO_KEYS[0]):
        tenant.refused(answer, 401)


@check("key-stands-in-no-error", requirement="KEY-SECRET", kind="security")
def key_stands_in_no_error(asker: Asker) -> None:
    """No refusal repeats the key, or what came in its place."""
    tenant = asker.tenant()
    for answer in (
        tenant.post("/get_info", model_id="never-made:train:0"),
        tenant.post("/create_session", tags=5),
        tenant.get("/no_such_path"),
    ):
        tenant.refused(answer, 404, 400, 422)
        _without(tenant.key, answer)
    secret = "not-a-key-but-perhaps-a-password"  # noqa: S105 - it opens nothing
    refused = tenant.send("GET", "/training_runs", headers={"x-api-key": secret})
    tenant.refused(refused, 401)
    _without(secret, refused)


def _without(secret: str, answer: Exchange) -> None:
    response = answer_of(answer)
    if secret.encode() in response.body or any(secret in value for value in response.headers.values()):
        raise Violation("the answer holds what X-API-Key held", answer)
