"""All that one tenant has, as a whole: emptied, seeded, saved, restored. For the control plane, scenarios and tests."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from mock_server import __version__
from mock_server.domain import seed_notes, tenant_rows
from mock_server.domain.errors import Conflict, Invalid, NotFound
from mock_server.faults.problems import unknown
from mock_server.seeding import SeedData, Sown, seed_data, sow
from mock_server.store import NoSnapshot, Snapshot, SnapshotError, StorageUnavailable, StoredFile
from mock_server.store.snapshots import NAME

if TYPE_CHECKING:
    from pathlib import Path

    from mock_server.faults import FaultPlan
    from mock_server.journal import Journal
    from mock_server.runtime import Runtime
    from mock_server.store import Artifacts, Rows, Transaction, Unreadable

Seed = str | dict[str, Any]


@dataclass(frozen=True)
class Worlds:
    """Of one server. journal: None where it keeps none."""

    runtime: Runtime
    faults: FaultPlan
    journal: Journal | None
    _turns: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock), repr=False)
    """Who changes a tenant's world; one after another, since seed data are made bit by bit."""

    async def reset(
        self,
        tenant: str,
        to: Literal["seed", "empty", "snapshot"] = "seed",
        *,
        seed: Seed | None = None,
        snapshot: str | None = None,
    ) -> Sown:
        """Let the tenant begin anew: nothing of it is left, nor its faults, dials, journal and clock.

        It then has its seed data (`seed`, else those that it was last given, else nothing), nothing, or a snapshot's
        content, which leaves it its clock: what was saved has its times. Meant for when none of its clients is at work.
        Returns what was sown.
        """
        async with self._turns[tenant]:
            if to == "seed" and seed is None:
                seed = await self.runtime.store.read(seed_notes.noted, tenant)
            data = None if to != "seed" or seed is None else seed_data(seed)
            if to != "snapshot":
                await self.runtime.replace(tenant, tenant_rows.erase)
                await self.runtime.clocks.forget(tenant)
            elif snapshot is None:
                raise Invalid("snapshot is absent: name the one to go back to")
            else:
                await self._restore(tenant, snapshot)
            self.faults.clear(tenant)
            self.runtime.dials.forget(tenant)
            if self.journal is not None:
                self.journal.clear(tenant)
            return Sown() if seed is None or data is None else await self._sow(tenant, seed, data)

    async def sow(self, tenant: str, seed: Seed) -> Sown:
        """Give the tenant seed data, beside what it has. Raises InvalidSeedData."""
        data = seed_data(seed)
        async with self._turns[tenant]:
            return await self._sow(tenant, seed, data)

    # Snapshots.

    async def save(self, tenant: str, name: str, *, overwrite: bool = False) -> Snapshot:
        """Keep all that the tenant has at this moment, unfinished work included. Conflict where the name is taken."""
        if not NAME.fullmatch(name):
            raise Invalid(f"name is {name!r}: use 1 to 100 letters, digits and _.- beginning with a letter or a digit")
        store = self.runtime.store
        if not overwrite and store.snapshots.exists(tenant, name):
            raise Conflict(f"snapshot {name!r} exists: give another name, or overwrite: true")
        await self.runtime.settle()
        try:
            with store.snapshots.room() as room:
                rows, files = await store.write(_taken_down, tenant, room)
                count = sum(len(each) for each in rows.values())
                made = Snapshot(name, tenant, time.time(), __version__, count, len(files))
                await asyncio.to_thread(store.snapshots.write, made, rows, files, room)
        except OSError as error:
            raise StorageUnavailable(f"snapshot {name!r} can't be written: {error.strerror or error}") from error
        return made

    async def restore(self, tenant: str, name: str) -> Snapshot:
        """Exchange all that the tenant has for what it had when the snapshot was saved; its journal goes on."""
        async with self._turns[tenant]:
            return await self._restore(tenant, name)

    def snapshots(self, tenant: str) -> list[Snapshot | Unreadable]:
        """The tenant's, oldest first, behind them those that this server can't use."""
        return self.runtime.store.snapshots.all(tenant)

    def delete(self, tenant: str, name: str) -> None:
        """Remove a snapshot."""
        try:
            self.runtime.store.snapshots.delete(tenant, name)
        except NoSnapshot as error:
            raise self._unusable(tenant, name, error) from error

    # Within.

    async def _sow(self, tenant: str, given: Seed, data: SeedData) -> Sown:
        await self.runtime.store.write(seed_notes.note, tenant, given)
        return await sow(self.runtime, tenant, data)

    async def _restore(self, tenant: str, name: str) -> Snapshot:
        store = self.runtime.store
        try:
            with store.snapshots.room() as room:
                made, rows, kept = await asyncio.to_thread(store.snapshots.read, tenant, name, room)
                tenant_rows.check_fit(rows, tenant)
                files = await asyncio.to_thread(_stored, store.artifacts, kept, room)
        except (SnapshotError, Invalid) as error:
            raise self._unusable(tenant, name, error) from error
        except OSError as error:
            raise StorageUnavailable(f"snapshot {name!r} can't be restored: {error.strerror or error}") from error
        try:
            await self.runtime.replace(tenant, _exchange, rows, files)
        except Exception:
            for file in files.values():
                store.artifacts.remove(file.id)
            raise
        return made

    def _unusable(self, tenant: str, name: str, error: Exception) -> Invalid | NotFound:
        if isinstance(error, NoSnapshot):
            known = [each.name for each in self.snapshots(tenant)]
            return NotFound(f"snapshot {unknown(name, known)}" if known else "this tenant has no snapshot: save one")
        return Invalid(f"snapshot {name!r}: {error}")


def _taken_down(tx: Transaction, tenant: str, room: Path) -> tuple[Rows, dict[str, StoredFile]]:
    """The tenant's rows, and what is written down of their artifacts, whose files are in the room now."""
    rows = tenant_rows.taken_down(tx, tenant)
    files = tenant_rows.files_of(tx, rows)
    for name in files:
        tx.artifacts.link(name, room)
    return rows, files


def _stored(artifacts: Artifacts, kept: dict[str, StoredFile], room: Path) -> dict[str, StoredFile]:
    """New files with the content of old ones, each damaged or missing as it was, by the names of these."""
    found = {}
    for name, file in kept.items():
        path = room / name
        new = artifacts.write(path.read_bytes()).id if path.exists() else uuid4().hex
        found[name] = StoredFile(new, file.size_bytes, file.digest)
    return found


def _exchange(tx: Transaction, tenant: str, rows: Rows, files: dict[str, StoredFile]) -> None:
    tenant_rows.erase(tx, tenant)
    tenant_rows.put_back(tx, rows, files)
