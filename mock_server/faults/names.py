"""Names that a scenario gives to what is not there yet when it is written: `$first`, `$2`, `$last`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from mock_server.domain.errors import Invalid
from mock_server.domain.paths import SCHEME, CheckpointPath
from mock_server.store.tables import CHECKPOINTS, OPERATIONS, RUNS, SAMPLERS, SESSIONS, Checkpoint

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Table

    from mock_server.store import Transaction

_PLACEHOLDER: Final = re.compile(r"\$(first|last|[1-9]\d{0,5})")
_TABLES: Final[dict[str, Table]] = {
    "session": SESSIONS,
    "run": RUNS,
    "sampler": SAMPLERS,
    "checkpoint": CHECKPOINTS,
}


def is_placeholder(name: str) -> bool:
    return _PLACEHOLDER.fullmatch(name) is not None


def resolved(tx: Transaction, noun: str, tenant: str | None, name: str) -> str | None:
    """The id, or a checkpoint's path, of the tenant's first, n-th or last of that noun, in the order of their making.

    None while there is none. A name that is no placeholder stands for itself.
    """
    found = _PLACEHOLDER.fullmatch(name)
    if found is None:
        return name
    table, which = _TABLES[noun], found[1]
    newest = which == "last"
    order = table.c.number.desc() if newest else table.c.number
    offset = 0 if which in {"first", "last"} else int(which) - 1
    wanted = select(table).where(table.c.tenant == tenant).order_by(order).limit(1).offset(offset)
    row = tx.connection.execute(wanted).one_or_none()
    return None if row is None else _name_of(noun, row)


def asked(tx: Transaction, request_id: str) -> Any:
    """The kind, the target and the seq_id of an operation; None where there is none of that id."""
    columns = OPERATIONS.c
    wanted = select(columns.kind, columns.target, columns.seq_id).where(columns.id == request_id)
    return tx.connection.execute(wanted).one_or_none()


def checkpoint_at(tx: Transaction, tenant: str, path: str) -> Checkpoint | None:
    """The tenant's checkpoint at a tinker:// path, expired or not."""
    try:
        place = CheckpointPath.parse(path)
    except Invalid:
        return None
    columns = CHECKPOINTS.c
    at = (columns.training_run_id == place.run_id, columns.kind == place.kind, columns.name == place.name)
    return _newest(tx, tenant, *at)


def checkpoint_named(tx: Transaction, tenant: str, name: str) -> Checkpoint | None:
    """The tenant's newest checkpoint of that name, whichever run and kind it is of."""
    return _newest(tx, tenant, CHECKPOINTS.c.name == name)


def newest_checkpoint(tx: Transaction, tenant: str, run_id: str | None) -> Checkpoint | None:
    """The newest checkpoint of a run, or of all that the tenant has."""
    return _newest(tx, tenant, *([] if run_id is None else [CHECKPOINTS.c.training_run_id == run_id]))


def _newest(tx: Transaction, tenant: str, *conditions: ColumnElement[bool]) -> Checkpoint | None:
    wanted = select(Checkpoint).where(CHECKPOINTS.c.tenant == tenant, *conditions)
    return tx.session.execute(wanted.order_by(CHECKPOINTS.c.number.desc()).limit(1)).scalar_one_or_none()


def _name_of(noun: str, row: Any) -> str:
    return f"{SCHEME}{row.training_run_id}/{row.kind}/{row.name}" if noun == "checkpoint" else str(row.id)
