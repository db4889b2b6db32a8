"""Lists, submissions and sweeps cost the same at ten rows and at a million: each finds its rows by an index."""

import re
from collections.abc import Callable

import pytest

from mock_server.domain import checkpoints, operations, samplers, sessions, training_runs
from mock_server.domain.operations import Body, Outcome, Submission
from mock_server.domain.paths import CheckpointPath
from mock_server.domain.samplers import NewSampler
from mock_server.store import Transaction
from tests.domain.world import ALICE, MODEL, World

BODY = Body.of("application/json", b"{}")

RULES: dict[str, Callable[[Transaction], object]] = {
    "checkpoints.page": lambda tx: checkpoints.page(tx, ALICE, limit=20, offset=40),
    "checkpoints.of_run": lambda tx: checkpoints.of_run(tx, ALICE, "s:train:1", limit=20, offset=40),
    "checkpoints.readable": lambda tx: checkpoints.readable(tx, ALICE, CheckpointPath("s:train:1", "weights", "a")),
    "checkpoints.sweep": checkpoints.sweep,
    "training_runs.page": lambda tx: training_runs.page(tx, ALICE, project_id=None, limit=20, offset=40),
    "training_runs.page of a project": lambda tx: training_runs.page(tx, ALICE, project_id="p", limit=20, offset=40),
    "training_runs.summary": lambda tx: training_runs.summary(tx, ALICE, "s:train:1"),
    "training_runs.any_status": lambda tx: training_runs.any_status(tx, ALICE, "s:train:1"),
    "sessions.page": lambda tx: sessions.page(tx, ALICE, limit=20, offset=40),
    "sessions.content": lambda tx: sessions.content(tx, ALICE, "s"),
    "sessions.check_alive": lambda tx: sessions.check_alive(tx, ALICE, "s"),
    "sessions.record_heartbeat": lambda tx: sessions.record_heartbeat(tx, "s", 1.0),
    "sessions.expire": lambda tx: sessions.expire(tx, silent_since=1.0),
    "samplers.create": lambda tx: samplers.create(tx, ALICE, NewSampler("s", 77, MODEL)),
    "samplers.owned": lambda tx: samplers.owned(tx, ALICE, "s:sample:1"),
    "operations.submit": lambda tx: operations.submit(tx, Submission(ALICE, "forward", "s:train:1", 999, BODY)),
    "operations.submit without a number": lambda tx: operations.submit(
        tx, Submission(ALICE, "forward", "s:train:1", None, BODY)
    ),
    "operations.record": lambda tx: operations.record(tx, [Outcome("id", "failed", error="no")]),
    "operations.found": lambda tx: operations.found(tx, ALICE, "id"),
    "operations.unfinished": operations.unfinished,
    "operations.replayable": lambda tx: operations.replayable(tx, "s:train:1", after=5),
    "operations.ended_samples": lambda tx: operations.ended_samples(tx, "s:sample:1"),
    "operations.last_position": lambda tx: operations.last_position(tx, "s:train:1"),
    "operations.drop_bodies": lambda tx: operations.drop_bodies(tx, "s:train:1", after=0, through=9),
    "operations.expire": lambda tx: operations.expire(tx, finished_before=1.0),
}


def plans(world: World, rule: Callable[[Transaction], object]) -> list[str]:
    """The plan of each statement that the rule runs, whatever comes of the rule."""
    raw = world._connection.connection.driver_connection
    assert raw is not None
    statements: list[str] = []
    raw.set_trace_callback(statements.append)
    try:
        world(rule)
    except LookupError:
        raise
    except Exception as error:  # noqa: BLE001 - an empty world has nothing to find
        assert type(error).__module__ == "mock_server.domain.errors"  # noqa: PT017
    finally:
        raw.set_trace_callback(None)
    found = []
    for statement in statements:
        if statement.split()[0] in {"SELECT", "UPDATE", "DELETE"}:
            steps = raw.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
            found.append(f"{statement}\n" + "\n".join(step[3] for step in steps))
    return found


@pytest.mark.parametrize("name", RULES)
def test_every_statement_searches_an_index_and_sorts_nothing(world: World, name: str) -> None:
    session = world.session()
    world.save(world.run(session), "a")
    found = plans(world, RULES[name])
    assert found
    for plan in found:
        steps = plan.splitlines()
        # The index of unfinished operations holds nothing else, so all of it may be read.
        wrong = [step for step in steps if re.match("SCAN (?!.* INDEX ix_operation_unfinished)|.*TEMP B-TREE", step)]
        assert not wrong, plan
