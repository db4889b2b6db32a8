"""Plays a scenario with a real client and tells what came of it.

Every play is a tenant of its own at a server that all share, and the SDK's interpreter is the one of all other tests: a
scenario costs what its client does, and no process.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from client_tests.harness.sdk import ProgramFailed, Sdk
from contracts.capture import exchange_of
from mock_server.admin_client import AdminClient
from mock_server.journal import entry_of
from mock_server.scenarios import Library, catalogue
from mock_server.scenarios.stage import KEY_PREFIX
from mock_server.scenarios.verdict import Ending, Verdict, judge_client

if TYPE_CHECKING:
    from collections.abc import Callable

    from client_tests.harness.sdk import Runner
    from mock_server.journal import Entry
    from mock_server.scenarios.scenario import Scenario


@cache
def library() -> Library:
    """The scenarios that come with the server."""
    return Library(catalogue())


@dataclass(frozen=True)
class Played:
    """saw: what the program returned; None where it failed. output: its traceback, where it failed.

    admin: of the server, to ask for more; it takes the key as api_key.
    """

    scenario: Scenario
    key: str
    saw: Any
    output: str
    verdict: Verdict
    admin: AdminClient

    def assert_kept(self, *struck: int) -> None:
        """All is as the scenario says, and its faults struck so often."""
        assert self.verdict.kept, "\n".join((*self.verdict.lines(), self.output))
        assert self.verdict.struck == struck, self.verdict.struck

    def failed(self) -> dict[str, str]:
        """What was expected and not kept, with what was seen instead."""
        return {point.expected: point.seen for point in self.verdict.points if not point.kept}

    def calls(self, operation: str) -> list[Entry]:
        """What crossed the wire of this operation, in the order in which the requests came."""
        lines = self.admin.raw("GET", "/journal/export", query={"api_key": self.key, "operation": operation})
        return [entry_of(exchange_of(json.loads(line), number)) for number, line in enumerate(lines.splitlines(), 1)]

    def statuses(self, operation: str) -> list[int | None]:
        """How its requests were answered, in the order in which they came; None: the client got no whole answer."""
        return [call.status for call in self.calls(operation)]

    def runs(self) -> list[dict[str, Any]]:
        """The tenant's runs as the server has them."""
        found: list[dict[str, Any]] = self.admin.get("/runs", api_key=self.key)["runs"]
        return found


def train(service_client: Any, kit: Any, steps: int) -> list[float]:
    """A program of the SDK: the losses before so many steps of a small run."""
    return kit.steps(kit.trainer(service_client), steps)  # type: ignore[no-any-return]


def train_and_look(service_client: Any, kit: Any) -> list[float]:
    """Another: three steps, and the loss that they led to."""
    training = kit.trainer(service_client)
    losses = kit.steps(training, 3)
    losses.append(training.forward([kit.datum()], "cross_entropy").result().metrics["loss:sum"])
    return losses  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Player:
    """Plays scenarios at one server."""

    url: str
    runner: Runner

    def sdk(self, scenario_id: str, program: Callable[..., Any], *, timeout: float = 60, **arguments: Any) -> Played:
        """Play it with the official SDK, whose program is as Sdk.run takes them. What it raises is its end."""
        key = _key(scenario_id)
        try:
            saw, output = Sdk(self.runner, self.url, key).run(program, timeout=timeout, **arguments), ""
        except ProgramFailed as failed:
            saw, output = None, str(failed)
        return self._judged(scenario_id, key, saw, output)

    def undisturbed(self, program: Callable[..., Any], **arguments: Any) -> Played:
        """The same where nothing happens; played once, for its numbers are those of every tenant."""
        return _undisturbed(self, program, **arguments)

    def here(self, scenario_id: str, program: Callable[[str, str], Any]) -> Played:
        """Play it with a client in this process, which is given the server's URL and the key."""
        key = _key(scenario_id)
        try:
            saw, output = program(self.url, key), ""
        except Exception as failed:  # noqa: BLE001 - whatever ends it, the scenario says whether that is well
            saw, output = None, f"{type(failed).__name__}: {failed}"
        return self._judged(scenario_id, key, saw, output)

    def _judged(self, scenario_id: str, key: str, saw: Any, output: str) -> Played:
        scenario, admin = library()[scenario_id], AdminClient(self.url)
        verdict = Verdict.of_json(admin.get("/scenarios/verdict", api_key=key))
        ending = Ending(1 if output else 0, output)
        verdict = verdict.with_point(judge_client(scenario.expect.client, ending))
        return Played(scenario, key, saw, output, verdict, admin)


@cache
def _undisturbed(player: Player, program: Callable[..., Any], **arguments: Any) -> Played:
    played = player.sdk("nothing-happens", program, **arguments)
    played.assert_kept()
    return played


def _key(scenario_id: str) -> str:
    return f"{KEY_PREFIX}{scenario_id}-{uuid4().hex[:12]}"
