"""Statements on the hot path: compiled once, then run by the driver alone.

SQLAlchemy spends some 40 microseconds on each execution of a statement, the database two to ten, and a training step
or a list runs several. What a rule says stays SQLAlchemy's language, so no rule knows which database this is.
"""

from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Dialect, Select
from sqlalchemy.sql.dml import UpdateBase

R = TypeVar("R")
Parameters = Mapping[str, Any]
Convert = Callable[[Any], Any]


class Command:
    """An insert, update or delete whose bindparams are given by name. Python-side column defaults do not apply."""

    def __init__(self, statement: UpdateBase) -> None:
        self._statement = statement
        self._plan: _Plan | None = None

    def run(self, connection: Connection, rows: Iterable[Parameters]) -> int:
        """Execute it for each row of parameters; returns how many rows of the table that changed."""
        plan = self._plan
        if plan is None:
            plan = self._plan = _Plan(self._statement, connection.dialect)
        cursor = connection.connection.cursor()
        cursor.executemany(plan.text, [plan.arguments(row) for row in rows])
        return int(cursor.rowcount)

    def run_each(self, connection: Connection, rows: Iterable[Parameters]) -> list[int]:
        """The same, telling for each row of parameters how many rows it changed."""
        plan = self._plan
        if plan is None:
            plan = self._plan = _Plan(self._statement, connection.dialect)
        cursor = connection.connection.cursor()
        return [int(cursor.execute(plan.text, plan.arguments(row)).rowcount) for row in rows]


class Query(Generic[R]):
    """A select whose bindparams are given by name.

    A row of one table comes as a record: immutable, with an attribute a column. A row of several tables comes as a
    tuple of records, None for one that an outer join did not find; computed columns beside a table's are a record of
    their own. `Query[Checkpoint]` says which attributes its records have; they are no ORM objects.
    """

    def __init__(self, statement: Select[Any]) -> None:
        self._statement = statement
        self._plan: _Plan | None = None
        self._read: Callable[[tuple[Any, ...]], Any] = tuple

    def rows(self, connection: Connection, parameters: Parameters) -> list[R]:
        plan = self._plan
        if plan is None:
            self._read = _reader(list(self._statement.selected_columns), connection.dialect)
            plan = self._plan = _Plan(self._statement, connection.dialect)
        cursor = connection.connection.cursor()
        cursor.execute(plan.text, plan.arguments(parameters))
        read = self._read
        return [read(row) for row in cursor.fetchall()]


class _Plan:
    """A statement in the database's language, and how its parameters go into it."""

    def __init__(self, statement: Select[Any] | UpdateBase, dialect: Dialect) -> None:
        compiled: Any = statement.compile(dialect=dialect)
        self.text = str(compiled)
        binds = [compiled.binds[name] for name in compiled.positiontup]
        self._constants = {bind.key: bind.value for bind in binds if not bind.required}
        self._binds = [(bind.key, bind.type.dialect_impl(dialect).bind_processor(dialect)) for bind in binds]

    def arguments(self, given: Parameters) -> tuple[Any, ...]:
        if self._constants:
            given = {**self._constants, **given}
        return tuple([given[name] if convert is None else convert(given[name]) for name, convert in self._binds])


def _reader(columns: list[ColumnElement[Any]], dialect: Dialect) -> Callable[[tuple[Any, ...]], Any]:
    """What makes records of a row: one for each run of columns of the same table."""
    parts: list[tuple[slice, Callable[[tuple[Any, ...]], Any]]] = []
    start = 0
    for _, group in groupby(columns, key=lambda column: getattr(column, "table", None)):
        part = list(group)
        parts.append((slice(start, start + len(part)), _record(part, dialect)))
        start += len(part)
    if len(parts) == 1:
        return parts[0][1]

    def read(row: tuple[Any, ...]) -> tuple[Any, ...]:
        # The first column is the primary key: without it there was nothing to join.
        return tuple([None if row[part.start] is None else make(row[part]) for part, make in parts])

    return read


def _record(columns: list[ColumnElement[Any]], dialect: Dialect) -> Callable[[tuple[Any, ...]], Any]:
    names = [str(getattr(column, "name", column.key)) for column in columns]
    record: Any = namedtuple("Record", names)  # type: ignore[misc]  # noqa: PYI024 - its fields are the statement's
    make: Callable[[tuple[Any, ...]], Any] = record._make
    processors = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
    conversions: list[tuple[int, Convert]] = [(at, convert) for at, convert in enumerate(processors) if convert]
    if not conversions:
        return make

    def read(row: tuple[Any, ...]) -> Any:
        values = list(row)
        for at, convert in conversions:
            values[at] = convert(values[at])
        return record(*values)

    return read
