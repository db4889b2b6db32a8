"""A download of a gigabyte is cut in its midst, and the server holds none of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from client_tests.harness.sdk import Sdk
    from client_tests.harness.server import Server

CUT: Final = 60_000_000
FLAT: Final = 24 << 20
"""Bytes that the server may grow by: less than half of what it sends."""


def peak(server: Server) -> int:
    """The most memory that the server's process has ever had, in bytes."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) << 10


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_a_gigabyte_is_reset_within_and_resumed(sdk: Sdk, server_with: Callable[..., Server]) -> None:
    def program(service_client: Any, kit: Any) -> str:
        trainer = service_client.create_lora_training_client("Qwen/Qwen3-32B", rank=32, seed=7)
        return str(kit.client(trainer).save_state("big").result().path)

    server = server_with(checkpoint_shapes="real")
    here = sdk.at(server.url)
    run, kind, name = here.run(program).removeprefix("tinker://").split("/")
    place = f"{server.url}/api/v1/training_runs/{run}/checkpoints/{kind}/{name}/archive"
    url = httpx.get(place, headers={"X-API-Key": here.key}).headers["location"]
    with httpx.stream("GET", url) as answer:  # so that what every download takes is there already
        next(answer.iter_raw(1 << 20))
    here.inject({"reset": {"after_bytes": CUT}}, "in_body", operation="download", run="$first", on=1)
    before, arrived = peak(server), list[int]()
    with httpx.stream("GET", url) as answer:
        assert int(answer.headers["content-length"]) > 1 << 30
        assert answer.headers["x-tinker-mock-fault"] == "reset"
        with pytest.raises(httpx.ReadError):
            arrived.extend(map(len, answer.iter_raw()))
    assert sum(arrived) == CUT
    assert peak(server) - before < FLAT
    with httpx.stream("GET", url, headers={"Range": f"bytes={CUT}-"}) as rest:
        assert (rest.status_code, len(next(rest.iter_raw(1 << 16)))) == (206, 1 << 16)
