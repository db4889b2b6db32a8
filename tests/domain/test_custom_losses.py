"""Custom losses: created once under their number, and usable by the runs of their session alone."""

import json
from typing import Any

import pytest

from mock_server.domain import custom_losses, operations, resumption, sessions
from mock_server.domain.clocks import EVERYBODY
from mock_server.domain.errors import Conflict, Gone, Invalid, NotFound
from mock_server.domain.operations import Accepted, Submission
from mock_server.domain.orders import CreateCustomLossOrder
from mock_server.store import Transaction
from tests.domain.world import ALICE, BOB, World, rows_in

INPUTS = [{"name": "logprobs", "rank": 1}]
GRAPH = {"format": 1, "nodes": [{"op": "output", "name": "output", "target": "output", "args": [None], "kwargs": {}}]}


def order(name: str = "mine") -> CreateCustomLossOrder:
    return CreateCustomLossOrder(name=name, inputs=INPUTS, graph=GRAPH)


def create(
    world: World,
    session: str,
    number: int = 0,
    tenant: str = ALICE,
    *,
    name: str = "mine",
    problem: str | None = None,
) -> Accepted:
    asked = order(name)
    submission = Submission(tenant, "create_custom_loss", session, None, asked.to_body())
    return world(custom_losses.create, submission, number, asked, problem)


def ended(world: World, operation_id: str, tenant: str = ALICE) -> operations.Outcome:
    def rule(tx: Transaction) -> operations.Outcome:
        return operations.outcome(tx, operations.found(tx, tenant, operation_id))

    return world(rule)


def loss_id(world: World, accepted: Accepted) -> str:
    outcome = ended(world, accepted.id)
    assert outcome.result is not None
    answer: dict[str, Any] = json.loads(outcome.result)
    assert answer["type"] == "create_custom_loss"
    return str(answer["loss_id"])


def test_a_loss_is_there_for_its_runs_as_soon_as_it_is_created(world: World) -> None:
    session = world.session()
    run = world.run(session)
    found = world(custom_losses.usable, ALICE, run, loss_id(world, create(world, session)))
    assert (found.name, found.inputs, found.graph) == ("mine", INPUTS, GRAPH)


def test_a_repeat_is_the_same_loss(world: World) -> None:
    session = world.session()
    first, repeat = create(world, session), create(world, session)
    assert (repeat.id, repeat.new) == (first.id, False)
    assert world(rows_in, "custom_loss") == 1


def test_a_number_stands_for_one_loss(world: World) -> None:
    session = world.session()
    create(world, session)
    with pytest.raises(Conflict):
        create(world, session, name="another")
    assert loss_id(world, create(world, session, 1, name="another")) != loss_id(world, create(world, session))


def test_a_graph_that_is_no_loss_ends_as_a_failure_of_its_user_and_leaves_nothing(world: World) -> None:
    session = world.session()
    accepted = create(world, session, problem="node 'x' is random")
    outcome = ended(world, accepted.id)
    assert (outcome.state, outcome.error, outcome.error_category) == ("failed", "node 'x' is random", "user")
    assert world(rows_in, "custom_loss") == 0
    assert not create(world, session, problem="node 'x' is random").new


def test_nothing_of_it_is_left_to_be_executed(world: World) -> None:
    create(world, world.session())
    assert not world(resumption.unfinished)


def test_two_sessions_number_their_losses_apart(world: World) -> None:
    one, other = (loss_id(world, create(world, world.session())) for _ in range(2))
    assert one != other


def test_a_loss_of_another_session_is_refused(world: World) -> None:
    made = loss_id(world, create(world, world.session()))
    run = world.run(world.session())
    with pytest.raises(Invalid, match="create the loss again in the run's session"):
        world(custom_losses.usable, ALICE, run, made)


def test_a_loss_of_another_tenant_does_not_exist(world: World) -> None:
    made = loss_id(world, create(world, world.session()))
    run = world.run(world.session(BOB), tenant=BOB)
    with pytest.raises(NotFound, match="does not exist"):
        world(custom_losses.usable, BOB, run, made)


def test_a_session_of_another_tenant_takes_no_loss(world: World) -> None:
    with pytest.raises(NotFound):
        create(world, world.session(), tenant=BOB)


def test_a_session_that_expired_takes_no_loss(world: World) -> None:
    session = world.session()
    world(sessions.expire, EVERYBODY, after=0)
    with pytest.raises(Gone):
        create(world, session)
