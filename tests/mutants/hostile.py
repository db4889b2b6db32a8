"""Servers that hostile input breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_server.api.body_limit import BodyLimit
from tests.mutants.surgery import Answer, answers, mutant, replaced

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

ANY = "(GET|POST|PUT|DELETE) .*"


@answers(ANY, killed_by="paths-lead-nowhere-else")
def dots_lead_out(answer: Answer) -> None:
    """Serves files by path, and follows dots out of its folder."""
    if "../" in answer.path and answer.path.endswith("etc/passwd"):
        answer.status, answer.body = 200, b"root:x:0:0:root:/root:/bin/sh"


@answers(ANY, killed_by="open-doors-lead-nowhere-else")
def open_door_leads_in(answer: Answer) -> None:
    """Asks for no key behind the path of the health check."""
    if "healthz/.." in answer.path:
        answer.status, answer.json = 200, {"training_runs": []}


@answers("POST /forward_backward", killed_by="bomb-is-defused")
def bomb_accepted(answer: Answer) -> None:
    """Takes a compressed body whatever it grows to."""
    if answer.asked.startswith(b"\x28\xb5\x2f\xfd"):
        answer.status, answer.json = 200, {"request_id": "r", "model_id": "a:train:0"}


@mutant(killed_by="endless-body-is-refused")
def any_length() -> None:
    """Waits for a body to its end, however long that says that it is."""

    async def without_limit(self: BodyLimit, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    replaced(BodyLimit, "__call__", without_limit)


@answers("POST /.*", killed_by="deep-json-is-refused")
def depth_is_a_bug(answer: Answer) -> None:
    """Fails inside on JSON that is nested too deep."""
    if answer.asked.count(b"[") > 10_000:
        answer.status = 500


@answers("POST /.*", killed_by="odd-headers-do-no-harm")
def odd_keys_are_bugs(answer: Answer) -> None:
    """Fails inside on a header that is not ASCII."""
    if not answer.key.isascii():
        answer.status = 500
