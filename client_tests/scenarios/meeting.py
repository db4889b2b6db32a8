"""What Tinkex makes of a scenario: a client that sends what it sends and reads as it reads."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from client_tests.tinkex.tinkex import Tinkex

if TYPE_CHECKING:
    from collections.abc import Callable

    from client_tests.scenarios.playing import Played, Player


def meet(play: Player, scenario_id: str, program: Callable[[Tinkex], Any], **given: Any) -> tuple[Played, Tinkex]:
    """Play it with one ServiceClient, which is returned for what it noted. given: what else a Tinkex is made of."""
    met: list[Tinkex] = []

    def run(url: str, key: str) -> Any:
        client = Tinkex(url, key, **given)
        met.append(client)
        try:
            client.start()
            return program(client)
        finally:
            client.close()

    return play.here(scenario_id, run), met[0]


def train(client: Tinkex) -> list[float]:
    """The losses of three steps of a run whose numbers are the same for every tenant."""
    return client.train(client.new_model(seed=7), 3)


@cache
def undisturbed(play: Player) -> list[float]:
    """Those of `train` where nothing happens."""
    played, _ = meet(play, "nothing-happens", train)
    played.assert_kept()
    losses: list[float] = played.saw
    return losses
