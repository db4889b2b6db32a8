"""Corruptions by rule: each at the moment that its rule names, before or after what a call asks for is executed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, Literal

from mock_server.domain.errors import OperationFailed, Refused
from mock_server.faults.exchange import Missed
from mock_server.faults.rule import SUBMITTING
from mock_server.faults.scene import Corruption, Scene
from mock_server.store import DamagedArtifact

if TYPE_CHECKING:
    from mock_server.domain.operations import Outcome
    from mock_server.faults.exchange import Exchange
    from mock_server.faults.plan import Strike
    from mock_server.runtime.board import LiveOperation

log = logging.getLogger(__name__)

_IN_TURN: Final = frozenset(SUBMITTING) - {"asample", "stream_sample"}


async def corrupt(exchange: Exchange, strikes: list[Strike], when: Literal["before", "after"]) -> None:
    """Let the corruptions act that are due at this moment of the exchange.

    Called before the handler and after it. What belongs into the turn of the operation that the request submits is
    ordered before the handler, whether it acts before the operation or after it: the operation carries both along.
    """
    for strike in strikes:
        if strike.phase != "in_state":
            continue
        effect = strike.rule.effect
        assert isinstance(effect, Corruption)
        if effect.in_turn and exchange.operation in _IN_TURN:
            if when == "before":
                exchange.touched(effect.name, silent=strike.rule.rule.silent)
                _order(exchange, strike, effect)
        elif strike.rule.rule.when == when:
            exchange.touched(effect.name, silent=strike.rule.rule.silent)
            await _act(strike, effect, Scene(exchange.runtime, exchange.tenant or "", exchange.facts, strike.random))


def _order(exchange: Exchange, strike: Strike, effect: Corruption) -> None:
    """Have it act in the operation's turn."""
    runtime, tenant, facts = exchange.runtime, exchange.tenant or "", exchange.facts

    async def before(operation: LiveOperation) -> None:
        await _act(strike, effect, Scene(runtime, tenant, facts, strike.random, operation.target))

    async def after(operation: LiveOperation, outcome: Outcome) -> Outcome:
        await before(operation)
        return outcome

    if strike.rule.rule.when == "before":
        exchange.interfere_before(before)
    else:
        exchange.interfere_after(after)


async def _act(strike: Strike, effect: Corruption, scene: Scene) -> None:
    try:
        await effect.corrupt(scene)
    except (Missed, Refused, OperationFailed, DamagedArtifact) as missed:
        strike.rule.missed += 1
        log.warning("fault %d, %s, found nothing to corrupt: %s", strike.rule.id, effect.name, missed)
