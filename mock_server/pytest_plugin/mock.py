"""What a test holds: its tenant of the server, and all that it can do to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mock_server.admin_client import AdminClient, AdminError
from mock_server.pytest_plugin.tenant_admin import TenantAdmin
from mock_server.pytest_plugin.tenant_clock import TenantClock
from mock_server.pytest_plugin.tenant_journal import TenantJournal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mock_server.pytest_plugin.own_server import OwnServer


@dataclass(frozen=True)
class Fault:
    """A fault that a test has injected, and that strikes until the test ends or lifts it."""

    id: int
    _client: AdminClient

    @property
    def calls(self) -> int:
        """How many calls it has matched so far."""
        return int(self._described()["calls"])

    @property
    def struck(self) -> int:
        """How many of them it has hit."""
        return int(self._described()["struck"])

    def lift(self) -> None:
        """Let it strike no more."""
        self._client.ask("DELETE", f"/faults/{self.id}")

    def _described(self) -> dict[str, Any]:
        every: list[dict[str, Any]] = self._client.get("/faults")["faults"]
        return next(each for each in every if each["id"] == self.id)


class TinkerMock:
    """base_url, api_key: where a client finds this test's tenant; the environment says the same.

    server: the server's process, where the test has one of its own; None where it shares one.
    """

    def __init__(self, base_url: str, api_key: str, server: OwnServer | None = None) -> None:
        self.base_url = base_url
        self.api_key = api_key
        self.server = server
        self._client = AdminClient(base_url)

    def inject(
        self,
        effect: str,
        *,
        phase: str,
        operation: str | Sequence[str] | None = None,
        occurrence: int | Sequence[int] | None = None,
        first: int | None = None,
        every: int | None = None,
        probability: float | None = None,
        run: str | None = None,
        seq_id: int | Sequence[int] | None = None,
        silent: bool = False,
        seed: int | None = None,
        **parameters: object,
    ) -> Fault:
        """Let a fault of docs/faults.md strike this tenant's calls of the operation (all of them without occurrence).

        parameters: of the effect, such as `status=503`. Raises AdminError, which names what is wrong.
        """
        places = {"operation": operation, "run": run, "seq_id": seq_id}
        counts = {"on": occurrence, "first": first, "every": every, "probability": probability}
        rule = {name: _listed(value) for name, value in (places | counts).items() if value is not None}
        rule |= {"phase": phase, "effect": {effect: parameters or True}, "silent": silent}
        added = self._client.ask("POST", "/faults", {"rule": rule, "api_key": self.api_key, "seed": seed})
        return Fault(added["id"], self._client)

    @cached_property
    def clock(self) -> TenantClock:
        """The time of this tenant."""
        return TenantClock(self._client, self.api_key)

    @cached_property
    def journal(self) -> TenantJournal:
        """What crossed the wire."""
        return TenantJournal(self._client, self.api_key)

    @cached_property
    def admin(self) -> TenantAdmin:
        """What the server knows of this tenant, and could be made to know."""
        return TenantAdmin(self._client, self.api_key)

    def assert_kept(self) -> None:
        """AssertionError, with the evidence, where a client did not do what the scenario says of a good one."""
        from mock_server.scenarios.verdict import Verdict  # noqa: PLC0415 - few tests play one

        verdict = Verdict.of_json(self._client.get("/scenarios/verdict", api_key=self.api_key))
        if not verdict.kept:
            raise AssertionError("\n".join(verdict.lines()))

    def wire(self) -> str:
        """The journal for a report: a server that the test has killed tells nothing more."""
        try:
            return str(self.journal)
        except AdminError as error:
            return str(error)

    def leave(self) -> None:
        """Lift this tenant's faults: what its client still sends on the way out meets none."""
        self._client.ask("DELETE", "/faults", query={"api_key": self.api_key})


def _listed(value: object) -> object:
    return list(value) if isinstance(value, tuple | range) else value
