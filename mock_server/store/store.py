"""The store: open it, write through its writer, read from it, close it."""

import fcntl
import os
import secrets
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from time import time
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DatabaseError

from mock_server.store.artifacts import Artifacts, sync_folder
from mock_server.store.database import open_engine, open_reader, snapshot
from mock_server.store.errors import StoreError
from mock_server.store.migrations import prepare_schema
from mock_server.store.snapshots import Snapshots
from mock_server.store.tables import ARTIFACTS, META
from mock_server.store.transaction import Transaction
from mock_server.store.writer import Writer

P = ParamSpec("P")
T = TypeVar("T")

LINGER_SECONDS = 0.2
"""How long a write without a caller waits for one that has: it can be computed again, and shares the fsync."""


class Store:
    """One data directory: `tinker.db`, `artifacts/`, and the lock of the server that uses it."""

    def __init__(
        self,
        engine: Engine,
        artifacts: Artifacts,
        clock: Callable[[str], float],
        seed: int,
        secret: bytes,
        resources: ExitStack,
    ) -> None:
        self.artifacts = artifacts
        self.snapshots = Snapshots(artifacts.folder.with_name("snapshots"))
        self.seed = seed
        """Every id and every random number of the server comes from it."""
        self.secret = secret
        """Signs tokens and URLs; drawn at random, since a seed may be known."""
        self._clock = clock
        self._reader = resources.enter_context(open_reader(engine))
        self._writer = Writer(engine, artifacts, clock, linger=LINGER_SECONDS)
        self._resources = resources.pop_all()

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        durability: str = "power",
        seed: int | None = None,
        clock: Callable[[str], float] = lambda _: time(),
    ) -> "Store":
        """Open or make the directory's store; StoreError says what stands in the way.

        clock: what the time is for a tenant.
        """
        with ExitStack() as resources:
            try:
                resources.callback(os.close, _lock(directory))
                engine = open_engine(directory / "tinker.db", durability=durability)
                resources.callback(engine.dispose)
                with engine.begin() as connection:
                    prepare_schema(connection)
                    kept_seed = _seed(connection, seed)
                    secret = bytes.fromhex(_kept(connection, "secret", secrets.token_hex(32)))
                    known = connection.execute(select(ARTIFACTS.c.id)).scalars().all()
                _check_writable(engine)
                artifacts = Artifacts(directory / "artifacts", sync=durability == "power")
                artifacts.folder.mkdir(exist_ok=True)
                artifacts.sweep(known)
                if durability == "power":
                    _sync_ancestry(directory)
                return cls(engine, artifacts, clock, kept_seed, secret, resources)
            except StoreError as error:
                raise StoreError(f"the data directory {directory} {error}") from error
            except OSError as error:
                raise StoreError(f"the data directory {directory} can't be written: {error.strerror}") from error
            except DatabaseError as error:
                raise StoreError(f"the data directory {directory} can't be opened: {error.orig}") from error

    async def write(self, rule: Callable[Concatenate[Transaction, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run the rule in a transaction; what it returns is durable when the caller gets it."""
        result: T = await self._writer.write(lambda transaction: rule(transaction, *args, **kwargs))
        return result

    def write_later(
        self, rule: Callable[Concatenate[Transaction, P], object], /, *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Run the rule soon, in order with all other writes, without waiting for it."""
        self._writer.write_later(lambda transaction: rule(transaction, *args, **kwargs))

    async def read(self, rule: Callable[Concatenate[Transaction, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a rule that only reads.

        SQLite answers an indexed read faster than a thread can be woken, so it runs right here; a database behind a
        network would run it in a pool, which is why callers await it.
        """
        return self.read_now(rule, *args, **kwargs)

    def read_now(self, rule: Callable[Concatenate[Transaction, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The same for code that can't await. Only on the event loop's thread: the reader is one connection."""
        with snapshot(self._reader):
            transaction = Transaction(self._reader, self.artifacts, self._clock)
            try:
                return rule(transaction, *args, **kwargs)
            finally:
                transaction.close()

    def close(self) -> None:
        """Write what is queued, then let go of the directory."""
        self._writer.close()
        self._resources.close()


def _lock(directory: Path) -> int:
    """Hold the directory for this process. The kernel lets go of it however the process ends, kill -9 included."""
    directory.mkdir(parents=True, exist_ok=True)
    lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(lock, 20, 0).decode(errors="replace").strip() or "unknown"
        os.close(lock)
        raise StoreError(
            f"is in use by another server (process {holder}): "
            "stop that one, or give this one a directory of its own with --data-dir"
        ) from error
    with suppress(OSError):  # the number is for people; on a full disk the lock holds all the same
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def _check_writable(engine: Engine) -> None:
    """Fail now, not at every write. Nothing is written: a full disk is no reason not to start."""
    with engine.connect() as connection:
        connection.execute(META.update().values(value=META.c.value))
        connection.rollback()


def _sync_ancestry(directory: Path) -> None:
    """What stands in a directory that a power cut forgets is lost with it, and any of these may be new."""
    for folder in (directory, *directory.absolute().parents):
        with suppress(PermissionError):  # one that we may not read was not made by us
            sync_folder(folder)


def _seed(connection: Connection, wanted: int | None) -> int:
    """The seed of this directory: given at its first start, or drawn then, and the same ever after."""
    kept = int(_kept(connection, "seed", str(secrets.randbits(63) if wanted is None else wanted)))
    if wanted not in (None, kept):
        raise StoreError(f"was made with seed {kept}, not {wanted}: leave --seed out, or use another --data-dir")
    return kept


def _kept(connection: Connection, key: str, first: str) -> str:
    """A fact about the directory: what it is, or `first` where it was none so far."""
    value: str | None = connection.execute(select(META.c.value).where(META.c.key == key)).scalar()
    if value is None:
        connection.execute(META.insert().values(key=key, value=first))
        return first
    return value
