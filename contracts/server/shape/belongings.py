"""What a tenant of generated requests has, made when it is first needed, so that requests reach further than a 404."""

from __future__ import annotations

from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Final

from contracts.server.runs import Run
from contracts.server.samplers import Sampler
from contracts.server.tenant import Tenant
from contracts.verdicts import Violation

if TYPE_CHECKING:
    from collections.abc import Callable

    from contracts.exchange import Exchange
    from contracts.server.target import Target

LONGEST_MAKING: Final = 10.0
"""Seconds to make one thing in."""
ATTEMPTS: Final = 2
"""A server that fails so often to make a thing is not asked for it again."""
FAR: Final = 1_000_000
"""No generated request has such numbers."""

_numbers = count(1)


class Workshop:
    """Makes belongings for any number of tenants, and knows what this server can't make."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._failed: dict[str, int] = {}
        self._lock = Lock()

    def gave_up(self, what: str) -> bool:
        """Whether it is in vain to try once more."""
        return self._failed.get(what, 0) >= ATTEMPTS

    def failed(self, what: str) -> None:
        """Remember it."""
        with self._lock:
            self._failed[what] = self._failed.get(what, 0) + 1

    @property
    def in_vain(self) -> list[str]:
        """What this server could not make."""
        return sorted(what for what in self._failed if self.gave_up(what))


class Belongings:
    """Of one key. Each thing is made once, by the reference client, and named by its id or path."""

    def __init__(self, workshop: Workshop, key: str, watch: Callable[[Exchange], None]) -> None:
        self.key = key
        self.watch = watch
        self.spent = False
        """Whether something was done to them that would trouble whoever has them next."""
        self._workshop = workshop
        self._made: dict[str, str | None] = {}
        self._run: Run | None = None
        self._makers: dict[str, Callable[[Tenant], str]] = {
            "base_model": Tenant.base_model,
            "session": Tenant.session,
            "run": self._make_run,
            "sampler": lambda tenant: Sampler.new(tenant, session_id=self._needed("session"), number=next(_numbers)).id,
            "sample": self._make_sample,
            "request": lambda tenant: tenant.field(self._run_of(tenant).optim_step(), "request_id"),
            "weights": lambda tenant: self._run_of(tenant).save(f"w{next(_numbers)}"),
            "sampler_weights": lambda tenant: self._run_of(tenant).save(f"s{next(_numbers)}", kind="sampler_weights"),
            "external_weights": lambda tenant: self._run_of(tenant).save(f"x{next(_numbers)}", kind="external_weights"),
        }

    def get(self, what: str) -> str | None:
        """The id or path of a thing; None where this server makes none."""
        if what not in self._made:
            self._made[what] = self._make(what)
        return self._made[what]

    def next_seq_id(self) -> int:
        """The next number of the run."""
        return 1 if self._run is None else self._run.next_seq_id()

    def _make(self, what: str) -> str | None:
        if self._workshop.gave_up(what):
            return None
        tenant = Tenant(self._workshop.target, self.watch, seconds=LONGEST_MAKING, key=self.key)
        try:
            return self._makers[what](tenant)
        except (Violation, LookupError, TypeError, ValueError, AttributeError):
            # Whether it must be possible is for others to say.
            self._workshop.failed(what)
            return None
        finally:
            tenant.close()

    def _make_sample(self, tenant: Tenant) -> str:
        asked = Sampler(tenant, self._needed("sampler")).ask([10, 11], seq_id=FAR + next(_numbers))
        return tenant.field(asked, "request_id")

    def _make_run(self, tenant: Tenant) -> str:
        self._run = Run.new(tenant, self._needed("session"), model_seq_id=next(_numbers))
        return self._run.id

    def _run_of(self, tenant: Tenant) -> Run:
        """The run, over this connection."""
        self._needed("run")
        assert self._run is not None  # made with its name
        self._run.tenant = tenant
        return self._run

    def _needed(self, what: str) -> str:
        made = self.get(what)
        if made is None:
            raise Violation(f"there is no {what}")
        return made
