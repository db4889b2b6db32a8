"""All that a tenant has: nothing is left out, nothing of others is touched."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import SQLModel

from mock_server.domain import tenant_rows
from mock_server.domain.errors import Invalid
from mock_server.store import Rows, StoredFile
from mock_server.store.tables import ARTIFACTS, CLOCKS, META
from tests.domain.world import ALICE, BOB, World, references, rows_in

ARTIFACT_COLUMNS = {"artifact", "snapshot", "body_file", "result_file"}


def test_every_table_of_a_tenants_is_known_with_its_artifacts() -> None:
    # A clock is no part of what a tenant has: time goes on, whatever becomes of that.
    others = {META.name, ARTIFACTS.name, CLOCKS.name}
    assert {table.name for table in tenant_rows.FILES} == set(SQLModel.metadata.tables) - others
    for table, columns in tenant_rows.FILES.items():
        assert set(columns) == {column.name for column in table.c} & ARTIFACT_COLUMNS


def furnish(world: World, tenant: str) -> str:
    """A session, a run, two checkpoints, a sampler that shares one's file, an operation with a body in a file."""
    session = world.session(tenant)
    run = world.run(session, tenant=tenant)
    first = world.save(run, "one", tenant=tenant)
    world.save(run, "two", tenant=tenant)
    world.sampler(session, 0, first, tenant=tenant)
    world.submit(run, 1, b"{}", tenant=tenant, in_file=True)
    return run


def test_erasing_a_tenant_leaves_others_and_no_file(world: World) -> None:
    furnish(world, BOB)
    before, files = world(tenant_rows.taken_down, BOB), world.files()
    furnish(world, ALICE)
    world(tenant_rows.erase, ALICE)
    assert world(tenant_rows.taken_down, BOB) == before
    assert world.files() == files
    assert all(not rows for rows in world(tenant_rows.taken_down, ALICE).values())


def test_what_was_taken_down_is_put_back_under_new_artifacts(world: World) -> None:
    furnish(world, ALICE)
    rows = world(tenant_rows.taken_down, ALICE)
    files = world(tenant_rows.files_of, rows)
    new = {name: world.artifacts.write(world.artifacts.read(name)) for name in files}
    counts = sorted(world(references).values())
    world(tenant_rows.erase, ALICE)
    world(tenant_rows.put_back, rows, new)
    again = world(tenant_rows.taken_down, ALICE)
    assert stripped(again) == stripped(rows)
    assert sorted(world(references).values()) == counts == [1, 1, 2]
    world.check_files()
    # Whatever the tenant does from here on, references add up.
    world(tenant_rows.erase, ALICE)
    assert world.files() == set()


def stripped(rows: Rows) -> dict[str, list[dict[str, Any]]]:
    """Without what is given anew: numbers and the names of artifacts."""
    return {
        table: [
            {name: value for name, value in row.items() if name not in {"number", *ARTIFACT_COLUMNS}} for row in each
        ]
        for table, each in rows.items()
    }


def test_a_row_that_points_at_nothing_is_erased_and_put_back_as_such(world: World) -> None:
    furnish(world, ALICE)
    lost = next(iter(world(references)))
    world(lambda tx: tx.connection.execute(ARTIFACTS.delete().where(ARTIFACTS.c.id == lost)))
    rows = world(tenant_rows.taken_down, ALICE)
    files = world(tenant_rows.files_of, rows)
    assert lost not in files
    world(tenant_rows.erase, ALICE)
    world(tenant_rows.put_back, rows, {name: StoredFile(f"new-{name}", 1, "d") for name in files})
    assert lost in set(tenant_rows.references(world(tenant_rows.taken_down, ALICE)))


def test_rows_of_another_tenant_or_another_version_are_refused(world: World) -> None:
    furnish(world, ALICE)
    rows = {table: [dict(row) for row in each] for table, each in world(tenant_rows.taken_down, ALICE).items()}
    tenant_rows.check_fit(rows, ALICE)
    with pytest.raises(Invalid, match="it is of another tenant: restore it with the key that it was saved with"):
        tenant_rows.check_fit(rows, BOB)
    with pytest.raises(Invalid, match="its rows of session are of another version of this server: they differ in tags"):
        tenant_rows.check_fit(
            {**rows, "session": [{k: v for k, v in row.items() if k != "tags"} for row in rows["session"]]}, ALICE
        )
    with pytest.raises(Invalid, match="it is of another version of this server: they differ in the tables sampler"):
        tenant_rows.check_fit({table: each for table, each in rows.items() if table != "sampler"}, ALICE)


def test_erasing_who_has_nothing_is_no_error(world: World) -> None:
    world(tenant_rows.erase, "nobody")
    assert world(rows_in, "tenant") == 0
