"""The server's part of a verdict: what crossed the wire, and what it holds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mock_server.faults.names import is_placeholder, resolved
from mock_server.journal import Wanted
from mock_server.scenarios.verdict.holdings import holdings
from mock_server.scenarios.verdict.point import Point, Verdict
from mock_server.scenarios.verdict.state import judge_state
from mock_server.scenarios.verdict.told import Told
from mock_server.scenarios.verdict.wire import judge_wire

if TYPE_CHECKING:
    from mock_server.journal import Journal
    from mock_server.runtime import Runtime
    from mock_server.scenarios.expectation import OnTheWire
    from mock_server.scenarios.stage import Playing


async def judge(playing: Playing, runtime: Runtime, journal: Journal) -> Verdict:
    """The verdict on a tenant's client so far. What is being answered still is not looked at."""
    entries = journal.entries(Wanted(playing.tenant, since=playing.since - 1))
    ended = sorted((entry for entry in entries if not entry.in_flight), key=lambda entry: entry.exchange.ended)
    expected = playing.scenario.expect
    expected_wire = [await _resolved(each, runtime, playing.tenant) for each in expected.wire]
    # A long journal takes seconds, in which others want to be answered.
    told, wire = await asyncio.to_thread(
        lambda: (Told.by(entry.exchange for entry in ended), judge_wire(expected_wire, ended))
    )
    state = judge_state(expected.state, await holdings(runtime, playing.tenant), told)
    forgotten = playing.since < (entries[0].number if entries else playing.since)
    points = [*wire, *state, *([_FORGOTTEN] if forgotten else [])]
    return Verdict(playing.scenario.id, tuple(points), tuple(each.struck for each in playing.rules))


async def _resolved(expected: OnTheWire, runtime: Runtime, tenant: str) -> OnTheWire:
    """The same with ids in place of `$first` and the like."""
    there = {
        noun: await runtime.store.read(resolved, noun, tenant, name)
        for noun in ("session", "run", "sampler")
        if (name := getattr(expected, noun)) is not None and is_placeholder(name)
    }
    # One that is not there is met by no exchange, as nothing has a name with a $ in it.
    return expected.model_copy(update={noun: name for noun, name in there.items() if name is not None})


_FORGOTTEN = Point(
    "wire",
    kept=False,
    expected="the journal holds all that the client said",
    seen="its oldest exchanges are gone: raise journal_exchanges or journal_bytes, and play it again",
)
