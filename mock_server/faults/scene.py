"""Where a corruption acts: on a server, among one tenant's things, and with what happened just before."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from mock_server.domain.paths import SCHEME
from mock_server.faults.exchange import Missed
from mock_server.faults.names import checkpoint_at, checkpoint_named, newest_checkpoint, resolved
from mock_server.faults.registry import Effect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from random import Random

    from mock_server.faults.facts import Facts
    from mock_server.runtime import Runtime
    from mock_server.runtime.run_worker import RunWorker
    from mock_server.store.tables import Checkpoint


@dataclass(frozen=True)
class Scene:
    """facts: of the call that brought the corruption about; none where somebody asked for it by itself.

    turn: the run whose operation has its turn at the moment, so that nothing else touches it.
    random: the same for the same seed, rule and call.
    """

    runtime: Runtime
    tenant: str
    facts: Facts
    random: Random
    turn: str | None = None

    @asynccontextmanager
    async def run(self, named: str | None) -> AsyncIterator[RunWorker]:
        """The named training run between two operations, by default that of the call. Missed where there is none."""
        run_id = self._named("run", named, self.facts.run)
        if run_id == self.turn:
            yield await self.runtime.in_turn(self.tenant, run_id)
        else:
            async with self.runtime.at_rest(self.tenant, run_id) as worker:
                yield worker

    def checkpoint(self, named: str | None) -> Checkpoint:
        """The named checkpoint, by default that of the call, or else its run's newest. Missed where there is none."""
        store = self.runtime.store
        path = named or self.facts.checkpoint
        if path is None:
            found = store.read_now(newest_checkpoint, self.tenant, self.facts.run)
        elif path.startswith("$"):
            path = self._named("checkpoint", path, None)
            found = store.read_now(checkpoint_at, self.tenant, path)
        elif path.startswith(SCHEME):
            found = store.read_now(checkpoint_at, self.tenant, path)
        else:
            found = store.read_now(checkpoint_named, self.tenant, path)
        if found is None:
            raise Missed(f"the tenant has no checkpoint {path}" if path else "the tenant has no checkpoint")
        return found

    def session(self, named: str | None) -> str:
        """The id of the named session, by default that of the call. Missed where none is named."""
        return self._named("session", named, self.facts.session)

    def _named(self, noun: str, named: str | None, default: str | None) -> str:
        if named is None and default is None:
            raise Missed(f"it names no {noun}, and the call is about none: name one, such as {noun}: $last")
        name = named or default or ""
        found = self.runtime.store.read_now(resolved, noun, self.tenant, name)
        if found is None:
            raise Missed(f"the tenant has no {noun} {name}")
        return found


class Corruption(Effect):
    """An effect on what is stored."""

    in_turn: ClassVar[bool] = True
    """Whether it must act in the turn of the operation that the call submits, if that changes a run; else it acts when
    the call was answered."""

    async def corrupt(self, scene: Scene) -> None:
        """Act. Raises Missed where there is nothing to act on."""
        raise NotImplementedError


RUN = Field(default=None, description="The training run, or $first, $2, $last; by default that of the call.")
CHECKPOINT = Field(
    default=None,
    description="Its path or name, or $first, $2, $last; by default that of the call, or its run's newest.",
)
SESSION = Field(default=None, description="The session, or $first, $2, $last; by default that of the call.")
