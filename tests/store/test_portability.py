"""Another database can take SQLite's place: nothing outside the store knows it, and the tables are plain SQL."""

import re
from pathlib import Path

import pytest
from sqlalchemy import BigInteger, Integer, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlmodel import SQLModel

import mock_server
from mock_server.store.tables import OPERATIONS, RUNS

PACKAGE = Path(mock_server.__file__).parent
OUTSIDE = sorted(path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] != "store")
SQLITE_ONLY = re.compile(
    r"import sqlite3|sqlite3\.|from sqlite3|\bPRAGMA\b|dialects[. ]|\browid\b|exec_driver_sql|INSERT OR |json_extract"
)
TABLES = list(SQLModel.metadata.sorted_tables)


def test_nothing_outside_the_store_speaks_sqlite() -> None:
    spoken = {str(path.relative_to(PACKAGE)): SQLITE_ONLY.findall(path.read_text()) for path in OUTSIDE}
    assert {path: words for path, words in spoken.items() if words} == {}
    assert SQLITE_ONLY.search((PACKAGE / "store" / "database.py").read_text())  # the net catches fish


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_can_be_made_on_postgresql(table: Table) -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    statement = str(CreateTable(table).compile(dialect=dialect))
    assert f"CREATE TABLE {dialect.identifier_preparer.format_table(table)}" in statement
    for index in table.indexes:
        assert f"INDEX {index.name}" in str(CreateIndex(index).compile(dialect=dialect))


def test_partial_indexes_are_partial_on_postgresql_too() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    [unfinished] = [index for index in OPERATIONS.indexes if index.name == "ix_operation_unfinished"]
    assert str(CreateIndex(unfinished).compile(dialect=dialect)).endswith("WHERE state = 'queued'")


def test_numbers_that_outgrow_32_bits_have_64_on_postgresql() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    small = {
        f"{table.name}.{column.name}"
        for table in TABLES
        for column in table.columns
        if isinstance(column.type, Integer)
        and not isinstance(column.type, BigInteger)
        and not isinstance(column.type.dialect_impl(dialect), BigInteger)
    }
    assert small == {
        "tenant.training_runs",
        "tenant.checkpoints",
        "tenant.sessions",
        "training_run.rank",
        "training_run.prior_size",
        "training_run.optimizer_steps",
        "checkpoint.rank",
        "checkpoint.prior_size",
        "sampler.prior_size",
        "sampler.clients",
        "artifact.refs",
    }
    assert "BIGSERIAL" in str(CreateTable(RUNS).compile(dialect=dialect))
