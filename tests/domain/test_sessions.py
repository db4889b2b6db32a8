"""Sessions: opened, kept alive, finished, expired, listed."""

import pytest

from mock_server.domain import sessions
from mock_server.domain.clocks import EVERYBODY
from mock_server.domain.errors import Gone, NotFound
from mock_server.domain.sessions import NewSession
from tests.domain.world import ALICE, BOB, SEED, World


def test_a_session_keeps_what_its_client_said(world: World) -> None:
    new = NewSession(["a"], {"run": 1}, "name", "project", "0.38.0")
    row = world(sessions.owned, ALICE, world(sessions.create, ALICE, new, SEED))
    assert (row.tags, row.user_metadata, row.display_name) == (["a"], {"run": 1}, "name")
    assert (row.project_id, row.sdk_version, row.status) == ("project", "0.38.0", "active")
    assert row.created_at == row.heartbeat_at == world.now


def test_ids_come_from_the_seed_and_never_repeat(world: World, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = World(tmp_path_factory.mktemp("other"))
    made = [world.session() for _ in range(5)] + [world.session(BOB)]
    again = [other.session() for _ in range(5)] + [other.session(BOB)]
    other.close()
    assert made == again
    assert len(set(made)) == 6
    assert world(sessions.create, ALICE, NewSession(), SEED + 1) not in made


def test_a_heartbeat_keeps_a_session_alive_and_silence_ends_it(world: World) -> None:
    alive, silent = world.session(), world.session()
    world.now += 100
    world(sessions.record_heartbeat, alive, world.now)
    assert world(sessions.expire, EVERYBODY, after=50) == 1
    world(sessions.check_alive, ALICE, alive)
    with pytest.raises(Gone, match="expired, since no heartbeat came"):
        world(sessions.check_alive, ALICE, silent)
    with pytest.raises(Gone):
        world(sessions.open_session, ALICE, silent)
    assert world(sessions.owned, ALICE, silent).ended_at == world.now
    assert world(sessions.expire, EVERYBODY, after=50) == 0


def test_a_session_lapses_alone_and_once_and_for_its_tenant_only(world: World) -> None:
    lapsed, other = world.session(), world.session()
    assert not world(sessions.lapse, BOB, lapsed)
    assert world(sessions.lapse, ALICE, lapsed)
    assert not world(sessions.lapse, ALICE, lapsed)
    assert world(sessions.owned, ALICE, lapsed).ended_at == world.now
    with pytest.raises(Gone, match="expired, since no heartbeat came"):
        world(sessions.check_alive, ALICE, lapsed)
    world(sessions.check_alive, ALICE, other)


def test_finishing_is_final_and_may_be_said_twice(world: World) -> None:
    session = world.session()
    world(sessions.finish, ALICE, session, reason="errored", detail="out of memory")
    world.now += 10
    world(sessions.finish, ALICE, session, reason="success", detail=None)
    row = world(sessions.owned, ALICE, session)
    assert (row.status, row.status_detail, row.ended_at) == ("errored", "out of memory", world.now - 10)
    with pytest.raises(Gone, match=r"is finished \(errored\)"):
        world(sessions.check_alive, ALICE, session)
    world.now += 1e6
    assert world(sessions.expire, EVERYBODY, after=0) == 0


def test_a_session_lists_what_was_made_in_it(world: World) -> None:
    session, other = world.session(), world.session()
    runs = [world.run(session, number) for number in (1, 2, 10)]
    world.run(other)
    samplers = [world.sampler(session, number) for number in (3, 1, 2)]
    content = world(sessions.content, ALICE, session)
    assert content.session.id == session
    assert content.training_run_ids == runs
    assert content.sampler_ids == samplers


def test_pages_show_the_newest_first_and_the_total(world: World) -> None:
    made = [world.session() for _ in range(7)]
    world.session(BOB)
    assert world(sessions.page, ALICE, limit=3, offset=0) == ([made[6], made[5], made[4]], 7)
    assert world(sessions.page, ALICE, limit=3, offset=5) == ([made[1], made[0]], 7)
    assert world(sessions.page, ALICE, limit=3, offset=7) == ([], 7)
    assert world(sessions.page, "nobody", limit=3, offset=0) == ([], 0)


def test_an_unknown_session_is_named_with_what_to_do(world: World) -> None:
    with pytest.raises(NotFound, match="session 'gone' does not exist: create one with create_session"):
        world(sessions.owned, ALICE, "gone")
