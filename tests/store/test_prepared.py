"""Prepared statements give what SQLAlchemy would: types, joins, constants, counts."""

from typing import Any, Final

import pytest
from sqlalchemy import bindparam, func, literal_column, select

from mock_server.store import Command, Query, Store, Transaction
from mock_server.store.tables import CHECKPOINTS, SESSIONS, TENANTS, Checkpoint, Session, Tenant

ADD: Final = Command(
    TENANTS.insert().values(
        id=bindparam("id"),
        created_at=bindparam("at"),
        training_runs=literal_column("0"),
        checkpoints=3,
        sessions=0,
        hub_models=bindparam("models"),
    )
)
RENAME: Final = Command(TENANTS.update().where(TENANTS.c.id == bindparam("old")).values(id=bindparam("new_id")))
ALL: Final = Query[Tenant](select(TENANTS).order_by(TENANTS.c.id).limit(bindparam("limit")))
WITH_THREE: Final = Query[Tenant](
    select(TENANTS.c.id).where(TENANTS.c.id == bindparam("id"), TENANTS.c.checkpoints == 3)
)
JOINED: Final = Query[tuple[Tenant, Session | None, Any]](
    select(TENANTS, SESSIONS.c.number, SESSIONS.c.tags, func.length(TENANTS.c.id).label("letters"))
    .select_from(TENANTS.outerjoin(SESSIONS, SESSIONS.c.tenant == TENANTS.c.id))
    .order_by(TENANTS.c.id)
)


def add(tx: Transaction, *names: str) -> int:
    return tx.run_many(ADD, [{"id": name, "at": 1.5, "models": [name]} for name in names])


async def test_values_come_back_with_their_types(store: Store) -> None:
    assert await store.write(add, "b", "a") == 2
    first, second = store.read_now(lambda tx: tx.rows(ALL, limit=5))
    assert (first.id, first.created_at, first.checkpoints, first.hub_models) == ("a", 1.5, 3, ["a"])
    assert second.id == "b"
    assert store.read_now(lambda tx: [row.id for row in tx.rows(ALL, limit=1)]) == ["a"]


async def test_booleans_and_nothing_are_themselves(store: Store) -> None:
    saved = Checkpoint(
        tenant="t", training_run_id="r", kind="weights", name="n", artifact="a", size_bytes=2**40, base_model="m",
        rank=1, lora_seed=2**63 - 1, train_mlp=False, train_attn=True, train_unembed=True, optimizer={"type": "adamw"},
        created_at=1.5,
    )  # fmt: skip
    await store.write(lambda tx: tx.session.add(saved))
    row = store.read_now(lambda tx: tx.row(Query[Checkpoint](select(CHECKPOINTS))))
    assert row is not None
    assert (row.public, row.train_mlp, row.train_attn) == (False, False, True)
    assert (row.expires_at, row.user_metadata, row.optimizer) == (None, None, {"type": "adamw"})
    assert (row.size_bytes, row.lora_seed) == (2**40, 2**63 - 1)


async def test_what_a_join_did_not_find_is_none(store: Store) -> None:
    def rule(tx: Transaction) -> None:
        add(tx, "lonely", "busy")
        tx.session.add(Session(id="s", tenant="busy", created_at=1, heartbeat_at=1, tags=["t"]))

    await store.write(rule)
    (busy, session, computed), (lonely, nothing, _) = store.read_now(lambda tx: tx.rows(JOINED))
    assert session is not None
    assert (busy.id, session.tags, computed.letters) == ("busy", ["t"], 4)
    assert (lonely.id, nothing) == ("lonely", None)


async def test_a_command_says_how_many_rows_it_changed(store: Store) -> None:
    await store.write(add, "a")
    assert await store.write(lambda tx: tx.run(RENAME, old="a", new_id="c")) == 1
    assert await store.write(lambda tx: tx.run(RENAME, old="a", new_id="c")) == 0
    assert await store.write(lambda tx: tx.run_many(RENAME, [])) == 0
    found = store.read_now(lambda tx: tx.row(WITH_THREE, id="c"))
    assert found is not None
    assert store.read_now(lambda tx: tx.row(WITH_THREE, id="a")) is None


def test_a_forgotten_parameter_is_named(store: Store) -> None:
    with pytest.raises(KeyError, match="limit"):
        store.read_now(lambda tx: tx.rows(ALL))
    assert store.read_now(lambda tx: tx.rows(ALL, limit=1)) == []


def test_a_record_can_not_be_changed(store: Store) -> None:
    row = store.read_now(lambda tx: tx.row(Query[Any](select(literal_column("1").label("one")))))
    assert row is not None
    with pytest.raises(AttributeError):
        row.one = 2
