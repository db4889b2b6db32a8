"""An archive of realistic size leaves the server's memory and disk as they were, and outlives address and server.

ARCHIVE_GIGABYTES=10 is the long profile: with -s it tells what it measured.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import httpx
import pytest

from client_tests.crash.victim import Victim
from client_tests.harness.environments import NEWEST
from client_tests.harness.sdk import Runner, Sdk
from mock_server.domain.signed_urls import LIFETIME_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GIGABYTES: Final = int(os.environ.get("ARCHIVE_GIGABYTES", "0"))
BIG: Final = ("Qwen/Qwen3-8B", 32) if GIGABYTES == 0 else ("Qwen/Qwen3-235B-A22B-Instruct-2507", 64)
"""A base model and a rank whose adapter fills an archive: 0.4 GB, or 15."""
LEAST_BYTES: Final = max(GIGABYTES << 30, 300 << 20)
PIECE: Final = 1 << 20
FLAT_BYTES: Final = 8 << 20
"""What the server may grow by while it sends: some pieces and the buffers of a socket."""
BEGINNING: Final = 8
"""Pieces of a transfer that has begun: most of it, far more than the buffers of sockets hold, is still to be made."""

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc"),
    pytest.mark.timeout(120 + 60 * GIGABYTES),
]


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Victim]:
    with Victim(tmp_path, {"checkpoint_shapes": "real"}) as victim:
        yield victim


@dataclass(frozen=True)
class Archive:
    """A checkpoint's archive, and who may ask for its address."""

    victim: Victim
    place: str
    key: str

    def address(self) -> str:
        """A signed one, good for 15 minutes."""
        answer = httpx.get(f"{self.victim.url}/api/v1/{self.place}/archive", headers={"X-API-Key": self.key})
        return str(answer.headers["location"])

    def expire(self, address: str) -> None:
        """Move its owner's clock on, until nobody can begin with the address any more."""
        past = {"seconds": LIFETIME_SECONDS + 1, "api_key": self.key}
        httpx.post(f"{self.victim.url}/__admin/clock/advance", json=past, timeout=60).raise_for_status()
        refused = httpx.get(address, headers={"Range": "bytes=0-0"})
        assert (refused.status_code, "expired" in refused.json()["detail"]) == (403, True)


@pytest.fixture
def archive(victim: Victim, runner_of: Callable[[str], Runner]) -> Archive:
    """Of a trained run."""

    def program(service_client: Any, kit: Any, base_model: str, rank: int) -> str:
        trainer = service_client.create_lora_training_client(base_model, rank=rank, seed=7)
        kit.steps(trainer, 2)
        return str(trainer.save_state("big").result().path)

    sdk = Sdk(runner_of(NEWEST), victim.url, f"tml-big-{uuid4().hex}")
    run, kind, name = sdk.run(program, base_model=BIG[0], rank=BIG[1]).removeprefix("tinker://").split("/")
    return Archive(victim, f"training_runs/{run}/checkpoints/{kind}/{name}", sdk.key)


@dataclass
class Transfer:
    """What has come of an archive, and what its server had in memory meanwhile (resident bytes)."""

    digest: Any = field(default_factory=sha256)
    bytes: int = 0
    size: int = 0
    tag: str = ""
    levels: list[int] = field(default_factory=list)

    def load(
        self, victim: Victim, url: str, *, cut_at: int | None = None, begun: Callable[[str], None] | None = None
    ) -> None:
        """Load what is left. At `cut_at` bytes the server dies; after some pieces `begun` is told the address."""
        headers = {"Range": f"bytes={self.bytes}-", "If-Range": self.tag} if self.bytes else {}
        with httpx.stream("GET", url, headers=headers, timeout=60) as answer:
            assert answer.status_code == (206 if self.bytes else 200)
            self.tag = answer.headers["etag"]
            self.size = self.size or int(answer.headers["content-length"])
            assert int(answer.headers["content-length"]) == self.size - self.bytes
            for number, piece in enumerate(answer.iter_raw(PIECE)):
                self.digest.update(piece)
                self.bytes += len(piece)
                if begun is not None and number == BEGINNING:
                    begun(url)
                if number % 64 == 0 and cut_at is None:
                    self.levels.append(resident_bytes(victim.pid))
                if cut_at is not None and self.bytes > cut_at:
                    victim.kill()
                    cut_at = None


def resident_bytes(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) << 10


def bytes_below(folder: Path) -> int:
    return sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())


def test_a_big_archive_takes_no_memory_and_no_disk_and_survives_its_address_and_its_server(
    victim: Victim, archive: Archive
) -> None:
    whole, resumed = Transfer(), Transfer()
    before = bytes_below(victim.data)
    address = archive.address()
    began = monotonic()
    whole.load(victim, address, begun=archive.expire)
    seconds = monotonic() - began
    assert whole.bytes == whole.size > LEAST_BYTES
    assert max(whole.levels[1:]) - whole.levels[1] < FLAT_BYTES, whole.levels
    assert bytes_below(victim.data) - before < FLAT_BYTES

    with pytest.raises(httpx.TransportError):
        resumed.load(victim, archive.address(), cut_at=whole.size // 3)
    assert whole.size // 3 < resumed.bytes < whole.size
    cut = resumed.bytes
    victim.start()
    victim.wait()
    assert httpx.get(address, headers={"Range": f"bytes={cut}-"}).status_code == 403
    resumed.load(victim, archive.address())
    assert (resumed.bytes, resumed.digest.digest()) == (whole.bytes, whole.digest.digest())
    assert max(resumed.levels[1:]) - resumed.levels[1] < FLAT_BYTES, resumed.levels

    memory = [f"{level / 1e6:.1f}" for level in (whole.levels[1], max(whole.levels), max(resumed.levels))]
    print(
        f"\n{whole.size / 1e9:.2f} GB in {seconds:.1f} s ({whole.size / seconds / 1e6:.0f} MB/s), resumed at "
        f"{cut / 1e9:.2f} GB after SIGKILL; server's memory in MB at the beginning, at most, and at most after "
        f"the resumption: {', '.join(memory)}; data directory {bytes_below(victim.data) / 1e6:.1f} MB"
    )
