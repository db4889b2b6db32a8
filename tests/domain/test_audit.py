"""The audit log tells what was done to a tenant's things, by whom, and nothing that was not done."""

from mock_server.domain import audit, checkpoints, sessions
from mock_server.domain.checkpoints import SaveOptions
from mock_server.domain.clocks import EVERYBODY
from tests.domain.world import ALICE, BOB, World


def events(world: World, tenant: str = ALICE, resource: str = "all") -> list[str]:
    return [entry.event for entry in world(audit.between, tenant, 0.0, 9e9, resource)]


def test_the_life_of_a_checkpoint_is_told(world: World) -> None:
    path = world.save(world.run(world.session()), "a")
    world(checkpoints.set_public, ALICE, path, public=True)
    world(checkpoints.set_public, ALICE, path, public=False)
    world(checkpoints.set_ttl, ALICE, path, 7200)
    world(checkpoints.delete, ALICE, path)
    assert events(world, resource="checkpoints") == [
        "checkpoint_create",
        "checkpoint_publish",
        "checkpoint_unpublish",
        "checkpoint_set_ttl",
        "checkpoint_delete",
    ]


def test_saying_it_twice_is_told_once(world: World) -> None:
    session = world.session()
    path = world.save(world.run(session), "a")
    for _ in range(2):
        world(checkpoints.set_public, ALICE, path, public=True)
        world(sessions.finish, ALICE, session, reason="success", detail=None)
        world(sessions.assign_project, ALICE, session, "p")
    told = events(world)
    assert [told.count(event) for event in ("checkpoint_publish", "session_finish", "project_assign_session")] == [
        1,
        1,
        1,
    ]


def test_the_owner_learns_who_sampled_a_published_checkpoint(world: World) -> None:
    path = world.save(world.run(world.session()), "a")
    world(checkpoints.set_public, ALICE, path, public=True)
    world.sampler(world.session(BOB), 1, path, tenant=BOB)
    read = world(audit.between, ALICE, 0.0, 9e9, "checkpoints")[-1]
    assert (read.event, read.details["actor"], read.details["purpose"], read.details["tinker_path"]) == (
        "checkpoint_read",
        "tml:user:bob",
        "sampling",
        str(path),
    )
    assert "checkpoint_read" not in events(world, BOB)


def test_what_time_ends_has_no_actor(world: World) -> None:
    session = world.session()
    run = world.run(session)
    world.save(run, "a", SaveOptions(ttl_seconds=10))
    world.save(run, "b", SaveOptions(ttl_seconds=10))
    world.now += 20
    world.save(run, "b")
    world(checkpoints.sweep, EVERYBODY)
    world(sessions.expire, EVERYBODY, after=0)
    ended = [entry for entry in world(audit.between, ALICE, 0.0, 9e9, "all") if entry.event.endswith("_expire")]
    assert [entry.event for entry in ended] == ["checkpoint_expire", "checkpoint_expire", "session_expire"]
    assert not any("actor" in entry.details for entry in ended)


def test_entries_are_found_by_their_day_and_resource(world: World) -> None:
    first = world.now
    session = world.session()
    world.now += 86400
    world(sessions.assign_project, ALICE, session, "p")
    assert [entry.event for entry in world(audit.between, ALICE, first, first + 86400, "all")] == ["session_create"]
    assert events(world, resource="projects") == ["project_assign_session"]
    assert events(world, resource="teams") == []
