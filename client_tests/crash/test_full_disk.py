"""A disk without room: clients are told so in words, nothing acknowledged is lost, and with room training goes on."""

from __future__ import annotations

from threading import Timer
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from client_tests.crash.small_disk import Disk, small_disk
from client_tests.crash.test_acknowledged import KEY, MODEL, TOKENS, Client
from client_tests.crash.victim import Victim
from client_tests.harness.environments import NEWEST
from client_tests.harness.sdk import Runner, Sdk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGE = {"rank": 32, "seed": 7}
"""An adapter whose checkpoint takes more room than the requests of these tests."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    with small_disk(folder) as disk:
        yield disk


@pytest.fixture
def victim(tmp_path: Path, disk: Disk) -> Iterator[Victim]:
    # Long bodies and results in the database, so that only checkpoints are files.
    with Victim(tmp_path / "disk", {"inline_bytes": 1 << 20}) as victim:
        yield victim


@pytest.fixture
def client(victim: Victim) -> Client:
    client = Client(victim, lambda: None)
    created = client.submit(
        "create_model", session_id=client.session, model_seq_id=0, base_model=MODEL, lora_config=LARGE
    )
    client.run = client.result(created)["model_id"]
    return client


def step(client: Client, seq_id: int) -> list[str]:
    adam = {"learning_rate": 1e-3}
    return [
        client.backward(seq_id, TOKENS),
        client.submit("optim_step", model_id=client.run, seq_id=seq_id + 1, adam_params=adam),
    ]


def saved(client: Client, seq_id: int, name: str) -> str:
    return client.submit("save_weights", model_id=client.run, seq_id=seq_id, path=name)


def fill_up(client: Client, seq_id: int) -> tuple[list[str], int, httpx.HTTPStatusError]:
    """Submit batches until one is refused: the requests that were accepted, the next seq_id, and the refusal."""
    accepted: list[str] = []
    for number in range(seq_id, seq_id + 200):
        try:
            accepted.append(client.backward(number, TOKENS))
        except httpx.HTTPStatusError as refused:
            return accepted, number, refused
    raise AssertionError("the disk never became full")


def test_a_save_without_room_fails_in_words_and_works_when_there_is_room(
    victim: Victim, client: Client, disk: Disk
) -> None:
    for request in step(client, 1):
        client.result(request)
    disk.fill(victim.pid, leave=200_000)
    failed = client.outcome(saved(client, 3, "state"))
    assert disk.full in failed["error"]
    assert failed["category"] == "server"
    disk.free(victim.pid)
    client.result(saved(client, 4, "state"))


@pytest.mark.parametrize("killed", [False, True], ids=["waited out", "killed while full"])
def test_a_full_disk_refuses_with_503_and_loses_nothing_that_it_acknowledged(
    victim: Victim, client: Client, disk: Disk, *, killed: bool
) -> None:
    results = [client.result(request) for request in step(client, 1)]
    disk.fill(victim.pid, leave=0)
    accepted, seq_id, refused = fill_up(client, 3)
    assert refused.response.status_code == 503
    assert refused.response.headers["Retry-After"]
    answer = refused.response.json()
    assert "the database can't be written" in answer["detail"]
    assert answer["retryable"]
    if killed:
        victim.kill()
        disk.free(0)
        victim.start()
        victim.wait()
    else:
        for request in accepted:
            client.result(request)  # what was accepted is done, and told, without a byte of room
        disk.free(victim.pid)
    results += [client.result(request) for request in accepted]
    results += [client.result(request) for request in step(client, seq_id)]
    client.result(saved(client, seq_id + 2, "end"))
    victim.restart()
    undisturbed = step(client, 1) + [client.backward(number, TOKENS) for number in range(3, seq_id)]
    undisturbed += step(client, seq_id)
    assert [client.result(request) for request in undisturbed] == results, "repeated, they are the same requests"


def test_the_sdk_waits_out_a_full_disk_by_itself(victim: Victim, disk: Disk) -> None:
    def program(service_client: Any, kit: Any) -> list[float]:
        return kit.steps(kit.trainer(service_client), 100)  # type: ignore[no-any-return]

    runner = Runner(NEWEST)
    try:
        sdk = Sdk(runner, victim.url, KEY)
        undisturbed = sdk.run(program)
        timers = [Timer(0.3, disk.fill, (victim.pid,), {"leave": 0}), Timer(2, disk.free, (victim.pid,))]
        for timer in timers:
            timer.start()
        disturbed = sdk.as_tenant(f"{KEY}-2").run(program)
        for timer in timers:
            timer.join()
        assert disturbed == undisturbed
        assert "can't be written" in victim.log(), "the disk was full while it trained"
    finally:
        runner.close()
