"""What a data directory holds when its server is gone, in a form in which two worlds can be compared."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

Ledger = dict[str, object]


def ledger(data: Path) -> Ledger:
    """Every operation with its outcome, every checkpoint with its content, every run with its progress; by names."""
    with closing(sqlite3.connect(data / "tinker.db")) as database:
        database.row_factory = sqlite3.Row
        assert database.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        samplers = _samplers(database)
        found: Ledger = {}
        for row in database.execute("SELECT * FROM operation"):
            result = _content(data, row["result"], row["result_file"])
            for sampler, alias in samplers.items():
                result = None if result is None else result.replace(f'"{sampler}"'.encode(), alias.encode())
            target = samplers.get(row["target"], row["target"])
            found[f"{row['kind']} {row['position']} of {target}"] = (row["state"], row["error"], _digest(result))
        for row in database.execute("SELECT * FROM checkpoint"):
            path = f"{row['training_run_id']}/{row['kind']}/{row['name']}"
            found[f"checkpoint {path}"] = _digest(_content(data, None, row["artifact"]))
        for row in database.execute("SELECT * FROM training_run"):
            found[f"run {row['id']}"] = (row["status"], row["optimizer_steps"])
        for row in database.execute("SELECT * FROM sampler"):
            found[samplers[row["id"]]] = _digest(_content(data, None, row["artifact"]))
    return found


def litter(data: Path) -> set[str]:
    """Files that no row points at, and rows whose files are gone."""
    with closing(sqlite3.connect(data / "tinker.db")) as database:
        known = {row[0] for row in database.execute("SELECT id FROM artifact")}
    return known ^ {path.name for path in (data / "artifacts").glob("??/*")}


def differences(one: Ledger, other: Ledger) -> list[str]:
    """Lines that say where the two are not the same; none where they are."""
    return [
        f"{name}: {one.get(name, 'absent')} / {other.get(name, 'absent')}"
        for name in sorted(one.keys() | other.keys())
        if one.get(name) != other.get(name)
    ]


def _samplers(database: sqlite3.Connection) -> dict[str, str]:
    """Samplers by id, named by their order: the SDK counts on with each attempt to make one, so their ids differ."""
    rows = database.execute("SELECT id, session_id FROM sampler ORDER BY session_id, number").fetchall()
    return {row["id"]: f"sampler {at} of all, of session {row['session_id']}" for at, row in enumerate(rows)}


def _content(data: Path, content: bytes | None, file: str | None) -> bytes | None:
    return content if file is None else (data / "artifacts" / file[:2] / file).read_bytes()


def _digest(content: bytes | None) -> str | None:
    return None if content is None else blake2b(content, digest_size=8).hexdigest()
