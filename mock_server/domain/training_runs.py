"""Training runs, which clients also call models: created, described, listed, unloaded."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    FromClause,
    ScalarSelect,
    Select,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    true,
)

from mock_server.domain import accounts, ids
from mock_server.domain.errors import Invalid, NotFound
from mock_server.domain.sessions import open_session
from mock_server.store import Query, Transaction
from mock_server.store.tables import CHECKPOINTS, RUNS, Checkpoint, Sampler, TrainingRun

MAX_RANK = 512
ADAMW = {"type": "adamw"}
OPTIMIZERS = ("adamw", "dimuon")


@dataclass(frozen=True)
class Adapter:
    """What a run trains: a LoRA of `rank` on parts of the model. `seed` None: drawn from the server's seed."""

    rank: int = 32
    seed: int | None = None
    train_mlp: bool = True
    train_attn: bool = True
    train_unembed: bool = True


@dataclass(frozen=True)
class NewRun:
    """What a client says of the run that it creates."""

    session_id: str
    model_seq_id: int
    base_model: str
    adapter: Adapter = Adapter()
    optimizer: dict[str, Any] = field(default_factory=lambda: dict(ADAMW))
    user_metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RunSummary:
    """A run with its newest training and sampler checkpoint."""

    run: TrainingRun
    last_checkpoint: Checkpoint | None
    last_sampler_checkpoint: Checkpoint | None
    is_own: bool = True


def check_optimizer(config: dict[str, Any]) -> None:
    """Refuse an optimizer that no run can have."""
    if config["type"] not in OPTIMIZERS:
        raise Invalid(f"optimizer_config.type is {config['type']!r}: give one of {', '.join(OPTIMIZERS)}")
    if config.get("version", 1) != 1:
        raise Invalid(f"optimizer_config.version is {config['version']}: {config['type']} has version 1 only")


def create(tx: Transaction, tenant: str, new: NewRun, seed: int) -> TrainingRun:
    """A row for a run that is being created, or the one that a first attempt left.

    (session_id, model_seq_id) names a run: a repeat finds it, and one whose creation failed is begun anew.
    """
    session = open_session(tx, tenant, new.session_id)
    if not 1 <= new.adapter.rank <= MAX_RANK:
        raise Invalid(f"lora_config.rank is {new.adapter.rank}: give 1 to {MAX_RANK}")
    if not (new.adapter.train_mlp or new.adapter.train_attn or new.adapter.train_unembed):
        raise Invalid("lora_config trains nothing: set one of train_mlp, train_attn and train_unembed")
    run_id = ids.training_run_id(session.id, new.model_seq_id)
    run = _row(tx, run_id)
    if run is not None and run.status != "failed":
        return run
    if run is None:
        accounts.count(tx, tenant, training_runs=1)
        run = TrainingRun(
            id=run_id, tenant=tenant, session_id=session.id, model_seq_id=new.model_seq_id, base_model=new.base_model,
            rank=new.adapter.rank, lora_seed=0, created_at=tx.now(tenant), last_request_at=tx.now(tenant),
        )  # fmt: skip
    run.status = "creating"
    run.base_model = new.base_model
    run.project_id = session.project_id
    run.rank = new.adapter.rank
    run.lora_seed = ids.derived_seed(seed, f"lora/{run_id}") if new.adapter.seed is None else new.adapter.seed
    run.train_mlp = new.adapter.train_mlp
    run.train_attn = new.adapter.train_attn
    run.train_unembed = new.adapter.train_unembed
    run.optimizer = new.optimizer
    run.user_metadata = new.user_metadata
    run.last_request_at = tx.now(tenant)
    tx.session.add(run)
    tx.session.flush()
    return run


def owned(tx: Transaction, tenant: str, run_id: str) -> TrainingRun:
    """The tenant's run of that id."""
    run = any_status(tx, tenant, run_id)
    if run.status in {"creating", "failed"}:
        raise NotFound(unknown(run_id))
    return run


def any_status(tx: Transaction, tenant: str, run_id: str) -> TrainingRun:
    """The same, also while it is being created or when that failed."""
    run = _row(tx, run_id)
    if run is None or run.tenant != tenant:
        raise NotFound(unknown(run_id))
    return run


def is_owner(tx: Transaction, tenant: str, run_id: str) -> bool:
    run = tx.row(_OWNER, run=run_id)
    return run is not None and run.tenant == tenant


def last_number(tx: Transaction) -> int:
    """The number of the newest run of all; 0 without any. They are numbered in the order of their creation."""
    return tx.rows(_LAST_NUMBER)[0].number or 0


def unknown(run_id: str) -> str:
    return f"training run {run_id!r} does not exist: create it first, or check the id"


def fix_prior(tx: Transaction, row: TrainingRun | Sampler, tenant: str, served_size: int | None) -> None:
    """Settle, at the first operation with numbers, which ids the model's prior lives on, and never again.

    A program creates its client first and asks for the tokenizer next, so it can't be settled at creation; and the
    numbers must come out the same when the log is executed again.
    """
    if not row.prior_fixed:
        row.prior_size = served_size if accounts.uses_our_tokenizers(tx, tenant) else None
        row.prior_fixed = True
        tx.session.add(row)


def check_usable(run: TrainingRun) -> None:
    """Whether operations may still be submitted to it."""
    if run.status == "unloaded":
        raise Invalid(f"training run {run.id!r} was unloaded: create a new one, or load one of its checkpoints")
    if run.corrupted:
        # Not 409: the SDK would ask again for five minutes.
        raise Invalid(f"training run {run.id!r} is corrupted: restore a new run from its last checkpoint")


def _row(tx: Transaction, run_id: str) -> TrainingRun | None:
    return tx.session.execute(_ROW, {"run": run_id}).scalar_one_or_none()


def summary(tx: Transaction, tenant: str, run_id: str, *, accessible: bool = False) -> RunSummary:
    """One run as its owner sees it; with `accessible`, also a stranger's, as far as that has published checkpoints."""
    found = tx.row(_ONE, tenant=tenant, run=run_id, now=tx.now(tenant))
    if found is None and accessible:
        found = tx.row(_ONE_ACCESSIBLE, tenant=tenant, run=run_id, now=tx.now(tenant))
    if found is None:
        raise NotFound(unknown(run_id))
    return _seen_by(tenant, found)


def page(
    tx: Transaction, tenant: str, *, project_id: str | None, limit: int, offset: int, accessible: bool = False
) -> tuple[Sequence[RunSummary], int]:
    """Runs of the tenant, newest first, and how many there are in all.

    `accessible`: strangers' runs with published checkpoints too. A project has only its owner's.
    """
    place = {"tenant": tenant, "limit": limit, "offset": offset, "now": tx.now(tenant)}
    if project_id is None and accessible:
        found = tx.rows(_ACCESSIBLE_PAGE, **place)
        total: int = tx.rows(_ACCESSIBLE_TOTAL, tenant=tenant, now=tx.now(tenant))[0].total
    elif project_id is None:
        found, total = tx.rows(_PAGE, **place), accounts.totals(tx, tenant).training_runs
    else:
        found = tx.rows(_PROJECT_PAGE, project=project_id, **place)
        total = tx.rows(_PROJECT_TOTAL, project=project_id, tenant=tenant)[0].total
    return [_seen_by(tenant, row) for row in found], total


def _seen_by(tenant: str, row: "_Summary") -> RunSummary:
    return RunSummary(*row, is_own=row[0].tenant == tenant)


def listed(table: FromClause) -> list[ColumnElement[Any]]:
    """The columns that lists read: without the optimizer, whose JSON would double the cost of a page."""
    return [column for column in table.c if column.name != "optimizer"]


def _newest(kind: str, *, accessible: bool) -> ScalarSelect[Any]:
    """The number of a run's newest checkpoint of a kind that has not expired and that the tenant may see."""
    checkpoint = CHECKPOINTS.alias()
    unexpired = or_(checkpoint.c.expires_at.is_(None), checkpoint.c.expires_at > bindparam("now"))
    visible = or_(checkpoint.c.tenant == bindparam("tenant"), checkpoint.c.public) if accessible else true()
    return (
        select(checkpoint.c.number)
        .where(checkpoint.c.training_run_id == RUNS.c.id, checkpoint.c.kind == kind, unexpired, visible)
        .order_by(checkpoint.c.number.desc())
        .limit(literal_column("1"))
        .correlate(RUNS)
        .scalar_subquery()
    )


# One statement reads a page, whatever the number of its runs and of their checkpoints.
_Summary = tuple[TrainingRun, Checkpoint | None, Checkpoint | None]
_training, _sampler = CHECKPOINTS.alias("training"), CHECKPOINTS.alias("sampler")


def _summaries(which: ColumnElement[bool], *, accessible: bool = False) -> Select[Any]:
    training, sampler = (_newest(kind, accessible=accessible) for kind in ("weights", "sampler_weights"))
    return (
        select(*listed(RUNS), *listed(_training), *listed(_sampler))
        .select_from(
            RUNS.outerjoin(_training, _training.c.number == training).outerjoin(_sampler, _sampler.c.number == sampler)
        )
        .where(which)
    )


def _page(summaries: Select[Any]) -> Query[_Summary]:
    newest_first = summaries.order_by(RUNS.c.number.desc())
    return Query(newest_first.limit(bindparam("limit")).offset(bindparam("offset")))


def _total(which: ColumnElement[bool]) -> Query[Any]:
    return Query(select(func.count().label("total")).select_from(RUNS).where(which))


_THIS: Final = RUNS.c.id == bindparam("run")
_MINE: Final = RUNS.c.tenant == bindparam("tenant")
_IN_PROJECT: Final = _MINE & (RUNS.c.project_id == bindparam("project"))
_PUBLISHED: Final = RUNS.c.id.in_(
    select(CHECKPOINTS.c.training_run_id).where(
        CHECKPOINTS.c.public,
        or_(CHECKPOINTS.c.expires_at.is_(None), CHECKPOINTS.c.expires_at > bindparam("now")),
    )
)
_ONE: Final = Query[_Summary](_summaries(_MINE & _THIS))
_PAGE: Final = _page(_summaries(_MINE))
_PROJECT_PAGE: Final = _page(_summaries(_IN_PROJECT))
_PROJECT_TOTAL: Final = _total(_IN_PROJECT)
_ONE_ACCESSIBLE: Final = Query[_Summary](_summaries(_PUBLISHED & _THIS, accessible=True))
_ACCESSIBLE_PAGE: Final = _page(_summaries(_MINE | _PUBLISHED, accessible=True))
_ACCESSIBLE_TOTAL: Final = _total(_MINE | _PUBLISHED)
_OWNER: Final = Query[TrainingRun](select(RUNS.c.tenant).where(_THIS))
_LAST_NUMBER: Final = Query[Any](select(func.max(RUNS.c.number).label("number")))
_ROW: Final = select(TrainingRun).where(_THIS)
