"""A database with the rules around it and nothing else: no server, no writer, a clock that the test moves."""

from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import func, select
from sqlmodel import SQLModel

from mock_server.domain import checkpoints, operations, samplers, sessions, training_runs
from mock_server.domain.checkpoints import SaveOptions
from mock_server.domain.operations import Accepted, Body, Outcome, Submission
from mock_server.domain.paths import CheckpointPath, kind_of
from mock_server.domain.samplers import NewSampler
from mock_server.domain.sessions import NewSession
from mock_server.domain.training_runs import Adapter, NewRun
from mock_server.store import Artifacts, Transaction
from mock_server.store.database import open_engine
from mock_server.store.tables import ARTIFACTS, RUNS

P = ParamSpec("P")
T = TypeVar("T")

ALICE, BOB = "alice", "bob"
MODEL = "test/model"
SEED = 5


class World:
    """Runs rules one by one, each in a transaction of its own."""

    def __init__(self, directory: Path) -> None:
        self.engine = open_engine(directory / "world.db", durability="process")
        self.artifacts = Artifacts(directory / "artifacts", sync=False)
        self.now = 1_000_000.0
        with self.engine.begin() as connection:
            SQLModel.metadata.create_all(connection)
        self._connection = self.engine.connect()

    def __call__(self, rule: Callable[Concatenate[Transaction, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run the rule as the store's writer does: all of it, then its hooks; or nothing, and its error."""
        tx = Transaction(self._connection, self.artifacts, lambda _: self.now)
        with self._connection.begin():
            try:
                result = rule(tx, *args, **kwargs)
                tx.flush()
            finally:
                tx.close()
        for hook in tx.hooks:
            hook()
        return result

    def close(self) -> None:
        self._connection.close()
        self.engine.dispose()

    # What most tests begin with.

    def session(self, tenant: str = ALICE, **said: str) -> str:
        return self(sessions.create, tenant, NewSession(**said), SEED)  # type: ignore[arg-type]

    def run(self, session: str, number: int = 1, tenant: str = ALICE, adapter: Adapter | None = None) -> str:
        """A run that is ready to train."""
        new = NewRun(session, number, MODEL, adapter or Adapter(rank=8))
        run_id = self(training_runs.create, tenant, new, SEED).id
        self(set_status, run_id, "active")
        return run_id

    def save(
        self, run_id: str, name: str, options: SaveOptions | None = None, *, tenant: str = ALICE, kind: str = "weights"
    ) -> CheckpointPath:
        path = CheckpointPath(run_id, kind_of(kind), name)
        file = self.artifacts.write(f"{path} at {self.now}".encode())

        def rule(tx: Transaction) -> None:
            checkpoints.save(tx, training_runs.owned(tx, tenant, run_id), path, file, options or SaveOptions())

        try:
            self(rule)
        except Exception:
            self.artifacts.remove(file.id)
            raise
        return path

    def sampler(self, session: str, number: int, path: CheckpointPath | None = None, tenant: str = ALICE) -> str:
        base, weights = (MODEL, None) if path is None else (None, str(path))
        return self(samplers.create, tenant, NewSampler(session, number, base, weights)).id

    def submit(
        self,
        target: str,
        seq_id: int | None,
        content: bytes = b"{}",
        *,
        tenant: str = ALICE,
        kind: str = "forward_backward",
        in_file: bool = False,
    ) -> Accepted:
        file = self.artifacts.write(content) if in_file else None
        body = Body.of("application/json", content, file)
        return self(operations.submit, Submission(tenant, kind, target, seq_id, body))

    def record(self, *outcomes: Outcome) -> None:
        """So operations end, now."""
        self(operations.record, outcomes, [self.now] * len(outcomes))

    def names(self, tenant: str = ALICE) -> list[str]:
        """The names of the tenant's checkpoints as its list shows them."""
        return [row.name for row in self(checkpoints.page, tenant, limit=1000, offset=0)[0]]

    def files(self) -> set[str]:
        return {path.name for path in self.artifacts.folder.rglob("*") if path.is_file()}

    def check_files(self) -> None:
        """Every artifact has a file, and every file an artifact."""
        assert self.files() == set(self(references))


def set_status(tx: Transaction, run_id: str, status: str) -> None:
    tx.connection.execute(RUNS.update().where(RUNS.c.id == run_id).values(status=status))


def references(tx: Transaction) -> dict[str, int]:
    """How many rows each artifact says point at it."""
    return {row.id: row.refs for row in tx.connection.execute(select(ARTIFACTS))}


def rows_in(tx: Transaction, table: str) -> int:
    return int(tx.connection.execute(select(func.count()).select_from(SQLModel.metadata.tables[table])).scalar_one())
