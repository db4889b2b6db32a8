"""The server that is judged, and how thoroughly."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal
from uuid import uuid4

from contracts.requirements import SERVER_PROFILES

if TYPE_CHECKING:
    from collections.abc import Iterator

Effort = Literal["short", "full"]
OWN_KEYS: Final = "tml-check-"
"""How the keys that the suite makes up begin."""


@dataclass(frozen=True)
class Target:
    """url: base URL, without a slash at the end. keys: those that the server takes; none: any `tml-` key.

    base_model: the model to train; None takes the first that the server lists. seed: of everything that is drawn.
    profiles: what the server claims to do. seconds: the longest that the whole suite may take.
    restart: a shell command that restarts the server and returns when it answers again; None: it is not restarted.
    clock: whether the server's clock may be moved, as tinker-mock's can by /__admin/clock.
    """

    url: str
    keys: tuple[str, ...] = ()
    base_model: str | None = None
    effort: Effort = "full"
    seed: int = 0
    profiles: tuple[str, ...] = SERVER_PROFILES
    seconds: float = 600.0
    restart: str | None = None
    clock: bool = False
    _turn: Iterator[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_turn", itertools.cycle(self.keys or ("",)))

    @property
    def takes_any_key(self) -> bool:
        """Whether each question may have tenants of its own, and so be asked beside others."""
        return not self.keys

    def key(self) -> str:
        """A key for the next tenant: a fresh one where the server takes any, else the given ones in turn."""
        return next(self._turn) or f"{OWN_KEYS}{uuid4().hex}"

    def owns(self, key: str) -> bool:
        """Whether a key is one of those that may be used, and not one that a check made up to be refused."""
        return key in self.keys or (self.takes_any_key and key.startswith(OWN_KEYS))
