"""The tables. One class a noun of the API; every row of a tenant carries the tenant.

Times are seconds since the epoch, UTC, of the tenant's clock: SQLite has no time zones, and a float can't be naive.
"""

from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, LargeBinary, Table, text
from sqlmodel import Field, SQLModel

# 64 bits everywhere: PostgreSQL's INTEGER has 32. SQLite's own has 64, and only a key of that name numbers its rows.
Long: Final = BigInteger().with_variant(Integer(), "sqlite")

SCHEMA_VERSION = 2
"""Raised with every change below; `migrations.py` holds the steps between."""


def _only(condition: str) -> dict[str, Any]:
    """An index of the rows that satisfy the condition, on every database that can have one."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


class Meta(SQLModel, table=True):
    """Facts about the database itself: schema_version, seed, secret."""

    key: str = Field(primary_key=True)
    value: str


class Tenant(SQLModel, table=True):
    """One API key. Counters make list totals cost the same at ten rows and at a million."""

    id: str = Field(primary_key=True)
    created_at: float
    training_runs: int = 0
    checkpoints: int = 0
    sessions: int = 0
    """Ever made: none is deleted, and their ids come from this number."""
    key_deleted_at: float | None = None
    """Since then its key is refused."""
    hub_models: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """Repositories whose tokenizer our hub served to this tenant."""


class Clock(SQLModel, table=True):
    """The time of a tenant, where that isn't the machine's; of tenant "", that of all who have no row."""

    tenant: str = Field(primary_key=True)
    mode: str | None = None
    """real, manual or auto; None: as the server's default says."""
    ahead: float = 0.0
    """Seconds beyond the machine's time, where it passes like that."""
    stands_at: float | None = None
    """What it shows, where it stands."""


class Session(SQLModel, table=True):
    """What one ServiceClient opened."""

    __table_args__ = (
        Index("ix_session_tenant", "tenant", "number"),
        # Only those that can still fall silent, however many have ended.
        Index("ix_session_heartbeat", "heartbeat_at", **_only("ended_at IS NULL")),
    )

    number: int | None = Field(default=None, primary_key=True, sa_type=Long)
    id: str = Field(unique=True)
    tenant: str
    created_at: float
    heartbeat_at: float
    tags: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    user_metadata: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    display_name: str | None = None
    project_id: str | None = None
    sdk_version: str | None = None
    status: str = "active"
    """active, success, errored, interrupted, or expired."""
    status_detail: str | None = None
    ended_at: float | None = None


class TrainingRun(SQLModel, table=True):
    """A training run, which clients also call a model. Its weights are `snapshot` plus the operations after it."""

    __tablename__ = "training_run"
    __table_args__ = (
        Index("ix_training_run_tenant", "tenant", "number"),
        Index("ix_training_run_session", "session_id", "model_seq_id", unique=True),
    )

    number: int | None = Field(default=None, primary_key=True, sa_type=Long)
    id: str = Field(unique=True)
    tenant: str
    session_id: str
    model_seq_id: int = Field(sa_type=Long)
    base_model: str
    rank: int
    lora_seed: int = Field(sa_type=Long)
    train_mlp: bool = True
    train_attn: bool = True
    train_unembed: bool = True
    optimizer: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    prior_size: int | None = None
    """How many ids the prior covers, None for the whole vocabulary; fixed by the first operation with numbers."""
    prior_fixed: bool = False
    user_metadata: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    project_id: str | None = None
    status: str = "creating"
    """creating, active, failed (its creation did not succeed; a repeat may), or unloaded."""
    corrupted: bool = False
    created_at: float
    last_request_at: float
    snapshot: str | None = None
    """Artifact with the whole training state as of `snapshot_position`; None: a fresh adapter."""
    snapshot_optimizer: bool = True
    """False after load_weights without optimizer: the artifact's moments are not the run's."""
    snapshot_position: int = Field(default=-1, sa_type=Long)
    skipped_to: int = Field(default=-1, sa_type=Long)
    """Operations before this position that had not arrived by then will never run."""
    optimizer_steps: int = 0


class Checkpoint(SQLModel, table=True):
    """Saved weights with a tinker:// path. Repeats the run's description, so that it outlives the run."""

    __table_args__ = (
        Index("ix_checkpoint_path", "training_run_id", "kind", "name", unique=True),
        # With the expiry, so that a deep page skips expired rows without a look at the table.
        Index("ix_checkpoint_tenant", "tenant", "number", "expires_at"),
        Index("ix_checkpoint_run", "training_run_id", "number", "expires_at"),
        Index("ix_checkpoint_newest", "training_run_id", "kind", "number", "expires_at"),
        # What strangers may see.
        Index("ix_checkpoint_public", "training_run_id", "tenant", **_only("public")),
        Index("ix_checkpoint_expiry", "expires_at", **_only("expires_at IS NOT NULL")),
        Index("ix_checkpoint_overdue", "tenant", "expires_at", **_only("expires_at IS NOT NULL")),
        # What clients that do not know this kind are not told of, which their totals are less.
        Index("ix_checkpoint_external", "tenant", "kind", **_only("kind = 'external_weights'")),
    )

    number: int | None = Field(default=None, primary_key=True, sa_type=Long)
    tenant: str
    training_run_id: str
    kind: str
    """weights, sampler_weights or external_weights: the middle segment of its path."""
    name: str
    artifact: str
    size_bytes: int = Field(sa_type=Long)
    base_model: str
    rank: int
    lora_seed: int = Field(sa_type=Long)
    train_mlp: bool
    train_attn: bool
    train_unembed: bool
    optimizer: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    prior_size: int | None = None
    prior_fixed: bool = True
    user_metadata: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON, nullable=True))
    public: bool = False
    created_at: float
    expires_at: float | None = None


class Sampler(SQLModel, table=True):
    """A sampling session: the weights to sample from, as of one moment, or a base model."""

    __table_args__ = (
        Index("ix_sampler_tenant", "tenant", "number"),
        Index("ix_sampler_session", "session_id", "number"),
        # Tinkex numbers the samplers of its two calls with separate counters: the number alone is no key.
        Index("ix_sampler_origin", "session_id", "origin", "sampling_session_seq_id", unique=True),
    )

    number: int | None = Field(default=None, primary_key=True, sa_type=Long)
    id: str = Field(unique=True)
    tenant: str
    session_id: str
    origin: str
    """created (create_sampling_session) or saved (save_weights_for_sampler without a path)."""
    sampling_session_seq_id: int = Field(sa_type=Long)
    base_model: str
    model_path: str | None = None
    artifact: str | None = None
    prior_size: int | None = None
    prior_fixed: bool = False
    clients: int = 0
    """How many clones joined, each with a block of a billion seq_ids of its own."""
    created_at: float


class CustomLoss(SQLModel, table=True):
    """A loss function that a client wrote and uploaded. Never changed, so that a replay of a log meets the same one."""

    __tablename__ = "custom_loss"

    id: str = Field(primary_key=True)
    tenant: str
    session_id: str
    name: str
    inputs: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """[{name, rank}], logprobs first."""
    graph: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    """{format, nodes}: the function as torch.fx traced it."""
    created_at: float


class UsageHour(SQLModel, table=True):
    """What a session used of a base model within one hour, and how far that changed what it holds."""

    __tablename__ = "usage_hour"
    __table_args__ = (Index("ix_usage_session", "session_id"),)

    tenant: str = Field(primary_key=True)
    hour: int = Field(primary_key=True, sa_type=Long)
    """Its beginning."""
    session_id: str = Field(primary_key=True)
    base_model: str = Field(primary_key=True)
    trained_tokens: int = Field(default=0, sa_type=Long)
    prefilled_tokens: int = Field(default=0, sa_type=Long)
    sampled_tokens: int = Field(default=0, sa_type=Long)
    saved: int = Field(default=0, sa_type=Long)
    """Checkpoints."""
    held: int = Field(default=0, sa_type=Long)
    """How many checkpoints more, or fewer, there are at its end than at its beginning."""
    held_bytes: int = Field(default=0, sa_type=Long)
    """The same of their bytes."""
    held_byte_seconds: float = 0.0
    """What these bytes amount to until the hour's end: each times the seconds from its change to then."""


class AuditEntry(SQLModel, table=True):
    """Something that happened to what a tenant owns."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index("ix_audit_tenant", "tenant", "at", "number"),)

    number: int | None = Field(default=None, primary_key=True, sa_type=Long)
    tenant: str
    at: float
    event: str
    """<resource>_<action>."""
    details: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


class Operation(SQLModel, table=True):
    """An asynchronous call: what was asked, how far it is, and what came of it."""

    __table_args__ = (
        Index("ix_operation_target", "target", "position"),
        # Beginning with the state, though that is always the same: more to match makes it the planner's first choice.
        Index("ix_operation_unfinished", "state", "target", "position", **_only("state = 'queued'")),
        Index("ix_operation_finished", "finished_at", **_only("finished_at IS NOT NULL")),
    )

    id: str = Field(primary_key=True)
    tenant: str
    kind: str
    target: str
    """The training run or sampler that it belongs to."""
    seq_id: int | None = Field(default=None, sa_type=Long)
    position: int = Field(sa_type=Long)
    """Order of execution within the target; seq_id * 2**20, plus an offset for calls without a seq_id."""
    state: str = "queued"
    """queued, succeeded, failed, cancelled or expired."""
    body_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    body_type: str
    body: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    body_file: str | None = None
    result_type: str | None = None
    result: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    result_file: str | None = None
    error: str | None = None
    error_category: str | None = None
    created_at: float
    finished_at: float | None = None


class Artifact(SQLModel, table=True):
    """A file in the artifacts folder and how many rows point at it."""

    id: str = Field(primary_key=True)
    size_bytes: int = Field(sa_type=Long)
    digest: str
    """blake2b of the content: a damaged file is named as such, never read as weights."""
    refs: int = 1


def table_of(model: type[SQLModel]) -> Table:
    """The table itself, for statements that need no ORM."""
    table: Table = model.__table__  # type: ignore[attr-defined]  # SQLModel does not declare what it makes
    return table


META: Final = table_of(Meta)
TENANTS: Final = table_of(Tenant)
CLOCKS: Final = table_of(Clock)
SESSIONS: Final = table_of(Session)
RUNS: Final = table_of(TrainingRun)
CHECKPOINTS: Final = table_of(Checkpoint)
SAMPLERS: Final = table_of(Sampler)
CUSTOM_LOSSES: Final = table_of(CustomLoss)
OPERATIONS: Final = table_of(Operation)
USAGE: Final = table_of(UsageHour)
AUDIT: Final = table_of(AuditEntry)
ARTIFACTS: Final = table_of(Artifact)
