"""kill -9 at any moment: what was acknowledged is there, and rows and files fit each other."""

import random
import signal
import subprocess
import sys
from pathlib import Path

from sqlalchemy import select

from mock_server.store import Store, Transaction
from mock_server.store.tables import ARTIFACTS, META

WRITERS = 8
ROUNDS = 10

WORKER = """
import asyncio, os, sys
from pathlib import Path
from mock_server.store import Store, Transaction
from mock_server.store.tables import META

def step(tx, number, file, previous):
    tx.connection.execute(META.insert().values(key=f"note {number}", value=tx.add_artifact(file)))
    if previous is not None:
        tx.connection.execute(META.update().where(META.c.key == f"note {previous[0]}").values(value=""))
        tx.release_artifact(previous[1])

async def work(store, start):
    previous = None
    for number in range(start, start + 10**6):
        file = store.artifacts.write(b"%d" % number)
        await store.write(step, number, file, previous)
        os.write(1, b"%d\\n" % number)
        previous = number, file.id

async def main():
    store = Store.open(Path(sys.argv[1]), durability="process")
    round, writers = int(sys.argv[2]), int(sys.argv[3])
    await asyncio.gather(*(work(store, (round * writers + writer) * 10**6) for writer in range(writers)))

asyncio.run(main())
"""


def notes(tx: Transaction) -> dict[int, str]:
    """The artifact, or nothing, of each number."""
    rows = tx.connection.execute(select(META.c.key, META.c.value).where(META.c.key.like("note %")))
    return {int(key.removeprefix("note ")): value for key, value in rows}


def references(tx: Transaction) -> dict[str, int]:
    return {row.id: row.refs for row in tx.connection.execute(select(ARTIFACTS))}


def test_every_acknowledged_write_survives_and_every_row_has_its_file(tmp_path: Path) -> None:
    rng = random.Random(20)
    acknowledged: set[int] = set()
    for number in range(ROUNDS):
        with subprocess.Popen(
            [sys.executable, "-c", WORKER, tmp_path, str(number), str(WRITERS)], stdout=subprocess.PIPE
        ) as worker:
            assert worker.stdout is not None
            seen = [int(worker.stdout.readline()) for _ in range(rng.randrange(1, 200))]
            worker.send_signal(signal.SIGKILL)
            seen += [int(line) for line in worker.stdout if line.endswith(b"\n")]
        acknowledged.update(seen)
        store = Store.open(tmp_path, durability="process")
        found = store.read_now(notes)
        assert acknowledged <= found.keys()
        pointed_at = {artifact: number for number, artifact in found.items() if artifact}
        assert store.read_now(references) == dict.fromkeys(pointed_at, 1)
        files = {path.name for path in store.artifacts.folder.rglob("*") if path.is_file()}
        assert files == pointed_at.keys()
        for artifact, owner in pointed_at.items():
            assert store.read_now(Transaction.read_artifact, artifact) == b"%d" % owner
        store.close()
    assert len(acknowledged) > ROUNDS
