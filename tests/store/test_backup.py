"""The backup that docs/durability.md describes, run as it stands there while a server writes."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

from mock_server.store import Store, Transaction
from tests.store.notes import note, notes

PAGE = Path(__file__).parents[2] / "docs" / "durability.md"


def add(tx: Transaction, store: Store, number: int) -> None:
    note(tx, f"{number:03}", tx.add_artifact(store.artifacts.write(b"%d" % number)))


async def test_the_documented_backup_holds_everything_acknowledged(store: Store, tmp_path: Path) -> None:
    [script] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    for number in range(50):
        await store.write(add, store, number)
    copy = tmp_path / "copy"
    command = [sys.executable, "-c", script, store.artifacts.folder.parent, copy]
    copying = asyncio.create_task(asyncio.to_thread(subprocess.run, command, check=True))
    later = 50
    while not copying.done():
        await store.write(add, store, later)
        later += 1
    await copying
    restored = Store.open(copy)
    try:
        found = restored.read_now(notes)
        assert found[:50] == [f"{number:03}" for number in range(50)]
        for key in found:
            artifact = restored.read_now(value_of, key)
            assert restored.read_now(Transaction.read_artifact, artifact) == str(int(key)).encode()
        assert restored.seed == store.seed
        assert restored.secret == store.secret
    finally:
        restored.close()


def value_of(tx: Transaction, key: str) -> str:
    return str(tx.connection.exec_driver_sql("SELECT value FROM meta WHERE key = ?", (f"note {key}",)).scalar_one())
