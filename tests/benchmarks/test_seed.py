from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import NoResultFound
from sqlmodel import func, select

from benchmarks.seed import seed_checkpoints
from mock_server.store import Store, Transaction
from mock_server.store.tables import Artifact, Checkpoint, Tenant

if TYPE_CHECKING:
    from pathlib import Path


def save_one(tx: Transaction) -> None:
    tx.session.add(Tenant(id="tenant", created_at=1.0, checkpoints=1))
    tx.session.add(Artifact(id="file", size_bytes=3, digest="d"))
    tx.session.add(
        Checkpoint(
            tenant="tenant",
            training_run_id="run",
            kind="weights",
            name="saved",
            artifact="file",
            size_bytes=3,
            base_model="Qwen/Qwen3-8B",
            rank=32,
            lora_seed=7,
            train_mlp=True,
            train_attn=True,
            train_unembed=True,
            optimizer={"type": "adamw"},
            created_at=1.0,
        )
    )


def test_a_saved_checkpoint_is_copied_until_there_are_so_many(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    asyncio.run(store.write(save_one))
    store.close()

    seed_checkpoints(tmp_path, 12_000)  # more than one statement holds
    seed_checkpoints(tmp_path, 12_000)  # there are enough already

    store = Store.open(tmp_path)
    try:
        tenant = store.read_now(lambda tx: tx.session.get_one(Tenant, "tenant"))
        assert tenant.checkpoints == 12_000
        assert store.read_now(lambda tx: tx.session.get_one(Artifact, "file")).refs == 12_000
        assert store.read_now(lambda tx: tx.session.exec(select(func.count()).select_from(Checkpoint)).one()) == 12_000
    finally:
        store.close()


def test_a_directory_without_a_checkpoint_can_not_be_seeded(tmp_path: Path) -> None:
    with pytest.raises(NoResultFound):
        seed_checkpoints(tmp_path, 10)
