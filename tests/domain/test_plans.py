"""Lists, submissions and sweeps cost the same at ten rows and at a million: each finds its rows by an index."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import Table, select

from mock_server.domain import (
    audit,
    checkpoints,
    forgetting,
    operations,
    resumption,
    samplers,
    session_search,
    sessions,
    traces,
    training_runs,
    usage,
)
from mock_server.domain.clocks import EVERYBODY
from mock_server.domain.operations import Body, Outcome, Submission
from mock_server.domain.paths import CheckpointPath
from mock_server.domain.samplers import NewSampler
from mock_server.domain.session_search import Search
from mock_server.domain.usage import Account, Usage
from mock_server.store import Transaction
from mock_server.store.tables import CHECKPOINTS, OPERATIONS, RUNS, SESSIONS
from tests.domain.world import ALICE, MODEL, World

BODY = Body.of("application/json", b"{}")

RULES: dict[str, Callable[[Transaction], object]] = {
    "checkpoints.page": lambda tx: checkpoints.page(tx, ALICE, limit=20, offset=40),
    "checkpoints.page without external": lambda tx: checkpoints.page(tx, ALICE, limit=20, offset=40, external=False),
    "checkpoints.of_run": lambda tx: checkpoints.of_run(tx, ALICE, "s:train:1", limit=20, offset=40),
    "checkpoints.of_run without external": lambda tx: checkpoints.of_run(
        tx, ALICE, "s:train:1", limit=20, offset=40, external=False
    ),
    "checkpoints.readable": lambda tx: checkpoints.readable(tx, ALICE, CheckpointPath("s:train:1", "weights", "a")),
    "checkpoints.sweep": lambda tx: checkpoints.sweep(tx, EVERYBODY),
    "checkpoints.sweep of one": lambda tx: checkpoints.sweep(tx, ALICE),
    "training_runs.page": lambda tx: training_runs.page(tx, ALICE, project_id=None, limit=20, offset=40),
    "training_runs.page of a project": lambda tx: training_runs.page(tx, ALICE, project_id="p", limit=20, offset=40),
    "training_runs.summary": lambda tx: training_runs.summary(tx, ALICE, "s:train:1"),
    "training_runs.any_status": lambda tx: training_runs.any_status(tx, ALICE, "s:train:1"),
    "sessions.page": lambda tx: sessions.page(tx, ALICE, limit=20, offset=40),
    "sessions.content": lambda tx: sessions.content(tx, ALICE, "s"),
    "sessions.check_alive": lambda tx: sessions.check_alive(tx, ALICE, "s"),
    "sessions.record_heartbeat": lambda tx: sessions.record_heartbeat(tx, "s", 1.0),
    "sessions.expire": lambda tx: sessions.expire(tx, EVERYBODY, after=1.0),
    "sessions.expire of one": lambda tx: sessions.expire(tx, ALICE, after=1.0),
    "sessions.lapse": lambda tx: sessions.lapse(tx, ALICE, "s"),
    "samplers.create": lambda tx: samplers.create(tx, ALICE, NewSampler("s", 77, MODEL)),
    "samplers.owned": lambda tx: samplers.owned(tx, ALICE, "s:sample:1"),
    "samplers.page": lambda tx: samplers.page(tx, ALICE, limit=20, offset=40),
    "sessions.assign_project": lambda tx: sessions.assign_project(tx, ALICE, "s", "p"),
    "session_search.search": lambda tx: session_search.search(tx, ALICE, Search(), limit=20, after=None),
    "audit.between": lambda tx: audit.between(tx, ALICE, 0.0, 9e9, "all"),
    "usage.add": lambda tx: usage.add(tx, [Usage(Account(ALICE, "s", MODEL), trained=1)]),
    "usage.held_by_session": lambda tx: usage.held_by_session(tx, "s"),
    "traces.page": lambda tx: traces.page(tx, "s:train:1", -1),
    "operations.submit": lambda tx: operations.submit(tx, Submission(ALICE, "forward", "s:train:1", 999, BODY)),
    "operations.submit without a number": lambda tx: operations.submit(
        tx, Submission(ALICE, "forward", "s:train:1", None, BODY)
    ),
    "operations.record": lambda tx: operations.record(tx, [Outcome("id", "failed", error="no")], [1.0]),
    "operations.found": lambda tx: operations.found(tx, ALICE, "id"),
    "resumption.unfinished": resumption.unfinished,
    "resumption.replayable": lambda tx: resumption.replayable(tx, "s:train:1", after=5),
    "resumption.ended_samples": lambda tx: resumption.ended_samples(tx, "s:sample:1"),
    "resumption.last_position": lambda tx: resumption.last_position(tx, "s:train:1"),
    "forgetting.drop_bodies": lambda tx: forgetting.drop_bodies(tx, "s:train:1", after=0, through=9),
    "forgetting.expire": lambda tx: forgetting.expire(tx, EVERYBODY, after=1.0),
    "forgetting.expire of one": lambda tx: forgetting.expire(tx, ALICE, after=1.0),
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
        wrong = [step for step in steps if re.match("SCAN|.*TEMP B-TREE", step)]
        assert not wrong, plan


def crowd(world: World, count: int) -> None:
    """So many of everything, most of it long over, beside one tenant's living run."""
    session = world.session()
    run = world.run(session)
    world.save(run, "a")
    world.save(run, "a", kind="sampler_weights")

    def copies(table: Table, change: Callable[[int], dict[str, object]]) -> Callable[[Transaction], None]:
        def rule(tx: Transaction) -> None:
            row = dict(tx.connection.execute(select(table)).mappings().first() or {})
            row.pop("number", None)
            tx.connection.execute(table.insert(), [row | change(number) for number in range(count)])

        return rule

    ended = world.submit(run, 1)
    world.record(Outcome(ended.id, "succeeded", "text/plain", b""))
    world(copies(SESSIONS, lambda number: {"id": f"s{number}", "ended_at": 1.0, "heartbeat_at": 1.0}))
    world(copies(RUNS, lambda number: {"id": f"r{number}", "model_seq_id": 100 + number}))
    world(copies(CHECKPOINTS, lambda number: {"name": f"c{number}", "expires_at": None if number % 2 else 2e9}))
    world(copies(OPERATIONS, lambda number: {"id": f"o{number}", "position": 2**21 + number, "finished_at": 1e9}))


def effort(world: World, rule: Callable[[Transaction], object]) -> int:
    """How many instructions the database's machine runs for it."""
    raw = world._connection.connection.driver_connection
    assert raw is not None
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    raw.set_progress_handler(step, 1)
    try:
        world(rule)
    finally:
        raw.set_progress_handler(None, 1)
    return count


def test_the_effort_does_not_grow_with_the_rows(tmp_path_factory: pytest.TempPathFactory) -> None:
    few, many = World(tmp_path_factory.mktemp("few")), World(tmp_path_factory.mktemp("many"))
    crowd(few, 40)
    crowd(many, 2000)
    session = few(sessions.page, ALICE, limit=1, offset=40)[0][0]
    run = f"{session}:train:1"
    rules: dict[str, Callable[[Transaction], object]] = {
        "page": lambda tx: checkpoints.page(tx, ALICE, limit=20, offset=5),
        "page without external": lambda tx: checkpoints.page(tx, ALICE, limit=20, offset=5, external=False),
        "readable": lambda tx: checkpoints.readable(tx, ALICE, CheckpointPath(run, "weights", "a")),
        "summary": lambda tx: training_runs.summary(tx, ALICE, run),
        "runs": lambda tx: training_runs.page(tx, ALICE, project_id=None, limit=20, offset=5),
        "sessions": lambda tx: sessions.page(tx, ALICE, limit=20, offset=5),
        "silent sessions": lambda tx: sessions.expire(tx, EVERYBODY, after=1e6 - 2.0),
        "submit": lambda tx: operations.submit(tx, Submission(ALICE, "forward", run, 5, BODY)),
        "submit without a number": lambda tx: operations.submit(tx, Submission(ALICE, "forward", run, None, BODY)),
        "unfinished": resumption.unfinished,
        "last position": lambda tx: resumption.last_position(tx, run),
        "expire": lambda tx: forgetting.expire(tx, EVERYBODY, after=1e6 - 2.0),
        "sweep": lambda tx: checkpoints.sweep(tx, EVERYBODY),
        "sweep of one": lambda tx: checkpoints.sweep(tx, ALICE),
    }
    efforts = {name: (effort(few, rule), effort(many, rule)) for name, rule in rules.items()}
    few.close()
    many.close()
    assert {name: both for name, both in efforts.items() if both[1] > 1.2 * both[0] + 20} == {}
