"""What each tenant used, hour by hour: tokens, saves, and the bytes that it holds.

The same transaction writes the use and what it was used for, so a crash neither loses nor doubles it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import Any, Final, NamedTuple

from sqlalchemy import bindparam, func, select

from mock_server.domain import ids
from mock_server.domain.errors import Invalid
from mock_server.store import Command, Query, Transaction
from mock_server.store.tables import SESSIONS, USAGE, Checkpoint, UsageHour

HOUR: Final = 3600
GIGABYTE: Final = 10**9
LONGEST_WINDOW: Final = 14 * 24 * HOUR

_COUNTERS: Final = (
    "trained_tokens", "prefilled_tokens", "sampled_tokens", "saved", "held", "held_bytes", "held_byte_seconds",
)  # fmt: skip
_NOTHING: Final[dict[str, float]] = dict.fromkeys(_COUNTERS, 0)
_MINE: Final = USAGE.c.tenant == bindparam("tenant")
_ADD: Final = Command(
    USAGE.update()
    .where(
        _MINE,
        USAGE.c.hour == bindparam("in_hour"),
        USAGE.c.session_id == bindparam("session"),
        USAGE.c.base_model == bindparam("model"),
    )
    .values({name: USAGE.c[name] + bindparam(f"more_{name}") for name in _COUNTERS})
)
_BEGIN: Final = Command(USAGE.insert().values({column: bindparam(column.name) for column in USAGE.c}))
_HOURS: Final = Query[UsageHour](
    select(USAGE)
    .where(_MINE, USAGE.c.hour >= bindparam("first"), USAGE.c.hour < bindparam("end"))
    .order_by(USAGE.c.hour)
)
_HELD_BEFORE: Final = Query[Any](
    select(USAGE.c.base_model, func.sum(USAGE.c.held_bytes).label("size"))
    .where(_MINE, USAGE.c.hour < bindparam("first"))
    .group_by(USAGE.c.base_model)
)
_HELD: Final = select(
    USAGE.c.session_id, func.sum(USAGE.c.held).label("checkpoints"), func.sum(USAGE.c.held_bytes).label("size")
).group_by(USAGE.c.session_id)
_HELD_BY_ALL: Final = Query[Any](_HELD.where(_MINE))
_HELD_BY_ONE: Final = Query[Any](_HELD.where(USAGE.c.session_id == bindparam("session")))
_SESSIONS: Final = Query[Any](
    select(SESSIONS.c.id, SESSIONS.c.project_id, SESSIONS.c.user_metadata).where(SESSIONS.c.id == bindparam("session"))
)


class Account(NamedTuple):
    """Whose use it is: the session that asked for it, and the base model that did it."""

    tenant: str
    session_id: str
    base_model: str


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens of one operation: of its training data, of its prompt, of its answers."""

    account: Account
    trained: int = 0
    prefilled: int = 0
    sampled: int = 0


@dataclass(frozen=True)
class Event:
    """One kind of use in one hour. `quantity` is tokens, checkpoints, or, for storage, gigabyte-hours."""

    hour: int
    kind: str
    quantity: float
    base_model: str
    session_id: str | None = None


class Held(NamedTuple):
    """Checkpoints that there are now, and their bytes."""

    checkpoints: int
    size: int


@dataclass(frozen=True)
class Report:
    """Events, by hour and then by falling quantity, and the sessions that they name: (project, user_metadata)."""

    events: list[Event]
    sessions: dict[str, tuple[str | None, dict[str, Any]]]


# Writing it down.


def add(tx: Transaction, used: Iterable[Usage]) -> None:
    """Count the tokens of operations that ended now."""
    sums: defaultdict[Account, list[int]] = defaultdict(lambda: [0, 0, 0])
    for each in used:
        total = sums[each.account]
        total[0] += each.trained
        total[1] += each.prefilled
        total[2] += each.sampled
    for account, (trained, prefilled, sampled) in sums.items():
        tokens = {"trained_tokens": trained, "prefilled_tokens": prefilled, "sampled_tokens": sampled}
        _count(tx, account, tx.now(account.tenant), **tokens)


def saved(tx: Transaction, checkpoint: Checkpoint) -> None:
    """There is one more checkpoint."""
    _count(tx, _account(checkpoint), tx.now(checkpoint.tenant), saved=1, held=1, held_bytes=checkpoint.size_bytes)


def removed(tx: Transaction, checkpoint: Checkpoint) -> None:
    """There is one less, since it was deleted, or since it expired, which may have been a while ago."""
    now = tx.now(checkpoint.tenant)
    gone_at = now if checkpoint.expires_at is None else min(now, checkpoint.expires_at)
    _count(tx, _account(checkpoint), gone_at, held=-1, held_bytes=-checkpoint.size_bytes)


def _account(checkpoint: Checkpoint) -> Account:
    return Account(checkpoint.tenant, ids.session_of(checkpoint.training_run_id), checkpoint.base_model)


def _count(tx: Transaction, account: Account, at: float, **more: int) -> None:
    hour = int(at // HOUR) * HOUR
    counters = {**_NOTHING, **more, "held_byte_seconds": more.get("held_bytes", 0) * (hour + HOUR - at)}
    key = {"tenant": account.tenant, "session": account.session_id, "model": account.base_model, "in_hour": hour}
    if not tx.run(_ADD, **key, **{f"more_{name}": value for name, value in counters.items()}):
        tenant, session_id, base_model = account
        tx.run(_BEGIN, tenant=tenant, hour=hour, session_id=session_id, base_model=base_model, **counters)


# Asking.


def report(tx: Transaction, tenant: str, *, starting_on: float, ending_before: float) -> Report:
    """What was used from one full hour up to another. The caller has let go of what expired."""
    first, end = _window(starting_on, ending_before, tx.now(tenant))
    rows = tx.rows(_HOURS, tenant=tenant, first=first, end=end)
    events = [event for row in rows for event in _of(row)]
    events += _storage(tx, tenant, rows, first, min(end, ceil(tx.now(tenant))))
    events.sort(key=lambda event: (event.hour, -event.quantity, event.kind, event.session_id or ""))
    sessions = {}
    for session_id in dict.fromkeys(event.session_id for event in events):
        for row in tx.rows(_SESSIONS, session=session_id) if session_id is not None else ():
            sessions[row.id] = (row.project_id, row.user_metadata)
    return Report(events, sessions)


def held_by_project(tx: Transaction, tenant: str) -> dict[str | None, Held]:
    """What the tenant holds now, by the projects that its sessions belong to."""
    held: dict[str | None, Held] = {}
    for of, more in tx.rows(_HELD_BY_ALL, tenant=tenant):
        project_id = tx.rows(_SESSIONS, session=of.session_id)[0].project_id
        count, size = held.get(project_id, Held(0, 0))
        held[project_id] = Held(count + more.checkpoints, size + more.size)
    return {project_id: each for project_id, each in held.items() if each.checkpoints}


def held_by_session(tx: Transaction, session_id: str) -> Held:
    """What was saved in a session and is there still."""
    for _, held in tx.rows(_HELD_BY_ONE, session=session_id):
        return Held(held.checkpoints, held.size)
    return Held(0, 0)


def _of(row: UsageHour) -> Iterator[Event]:
    for kind, quantity in (
        ("training", row.trained_tokens),
        ("sampling_prefill", row.prefilled_tokens),
        ("sampling_sample", row.sampled_tokens),
        ("checkpoint", row.saved),
    ):
        if quantity:
            yield Event(row.hour, kind, quantity, row.base_model, row.session_id)


def _storage(tx: Transaction, tenant: str, rows: Sequence[UsageHour], first: int, end: int) -> Iterator[Event]:
    """Gigabyte-hours of each hour and base model, up to now within the hour that it is now."""
    size: defaultdict[str, int] = defaultdict(int)
    for of, held in tx.rows(_HELD_BEFORE, tenant=tenant, first=first):
        size[of.base_model] += held.size
    changes: defaultdict[int, list[UsageHour]] = defaultdict(list)
    for row in rows:
        changes[row.hour].append(row)
    for hour in range(first, end, HOUR):
        byte_seconds: defaultdict[str, float] = defaultdict(float)
        for base_model, bytes_before in size.items():
            byte_seconds[base_model] += bytes_before * HOUR
        for row in changes[hour]:
            byte_seconds[row.base_model] += row.held_byte_seconds
            size[row.base_model] += row.held_bytes
        still_to_come = max(0.0, hour + HOUR - tx.now(tenant))
        for base_model, amount in byte_seconds.items():
            gigabyte_hours = (amount - size[base_model] * still_to_come) / HOUR / GIGABYTE
            if gigabyte_hours > 1e-15:  # what rounding leaves of nothing
                yield Event(hour, "storage", gigabyte_hours, base_model)


def _window(starting_on: float, ending_before: float, now: float) -> tuple[int, int]:
    for name, value in (("starting_on", starting_on), ("ending_before", ending_before)):
        if value % HOUR:
            raise Invalid(f"{name} is {_utc(value)}, within an hour: give a full hour, such as 2026-07-13T00:00:00Z")
    if starting_on > now:
        raise Invalid(f"starting_on is {_utc(starting_on)}, in the future: give a full hour that has begun")
    if not 0 < ending_before - starting_on <= LONGEST_WINDOW:
        raise Invalid(
            f"ending_before is {_utc(ending_before)}, which is not within 14 days behind starting_on, "
            f"{_utc(starting_on)}: ask for a window of 1 hour to 14 days"
        )
    return int(starting_on), int(ending_before)


def _utc(moment: float) -> str:
    try:
        return datetime.fromtimestamp(moment, UTC).isoformat()
    except (ValueError, OverflowError):  # an offset from UTC can lead there
        return "outside the years 1 to 9999"
