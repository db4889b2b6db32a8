"""A run is found corrupted by polling, and a new one goes on from its last checkpoint."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from client_tests.harness.server import serving
from client_tests.harness.wire import Wire
from client_tests.tinkex.recovery import Recovery
from client_tests.tinkex.tinkex import Tinkex, TinkexError, checkpoint_route

if TYPE_CHECKING:
    from collections.abc import Iterator

FOUND = ["detected", "started", "checkpoint_selected"]


@dataclass(frozen=True)
class Broken:
    """A run whose snapshot was damaged on disk behind its last checkpoint, as the server found out; a client with a
    session of its own looks at it through a wire. expected: what the run's next losses were behind the checkpoint.
    """

    client: Tinkex
    wire: Wire
    run: str
    path: str
    expected: list[float]


@dataclass(frozen=True)
class Damaged:
    """A server and its tenant with two damaged runs: one with a checkpoint, one without."""

    url: str
    key: str
    with_checkpoint: str
    path: str
    expected: list[float]
    without: str
    seq: dict[str, Any]


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Damaged]:
    directory, key = tmp_path_factory.mktemp("damaged"), "tml-damaged"
    settings: dict[str, Any] = {"data_dir": directory, "snapshot_steps": 2}
    with serving(settings) as server:
        client = Tinkex(server.url, key)
        client.start()
        run, other = client.new_model(), client.new_model()
        client.train(run)
        path = client.save(run, "good")
        expected = client.train(run, 2)
        client.train(other)
        before = set(directory.glob("artifacts/??/*"))
        # Numbers 2 to 4 behind the save: at the second step a snapshot is taken.
        for each in (run, other):
            client.train(each, 4)
        client.close()
    for file in set(directory.glob("artifacts/??/*")) - before:
        file.write_bytes(file.read_bytes()[:100])
    with serving(settings) as server:
        again = Tinkex(server.url, key)
        again._seq = client._seq
        # The first operation that needs the state meets what is left of it.
        for each in (run, other):
            with pytest.raises(TinkexError, match="corrupted: restore a new run from its last checkpoint"):
                again.forward_backward(each)()
        again.close()
        yield Damaged(server.url, key, run, path, expected, other, client._seq)


@contextmanager
def looked_at(damaged: Damaged, run: str) -> Iterator[Broken]:
    with Wire(damaged.url) as wire:
        client = Tinkex(wire.url, damaged.key, max_retries=2)
        client.start()
        client._seq = damaged.seq
        yield Broken(client, wire, run, damaged.path, damaged.expected)
        client.close()


@pytest.fixture
def broken(damaged: Damaged) -> Iterator[Broken]:
    with looked_at(damaged, damaged.with_checkpoint) as broken:
        yield broken


@pytest.fixture
def lost(damaged: Damaged) -> Iterator[Broken]:
    """The same without any checkpoint."""
    with looked_at(damaged, damaged.without) as lost:
        yield lost


@pytest.mark.tinkex("recover", "run", "scenario 38")
def test_a_corrupted_run_is_recovered_and_goes_on_to_the_last_bit(broken: Broken) -> None:
    found = broken.client.call("GET", f"training_runs/{broken.run}")
    assert found["corrupted"] is True
    assert found["last_checkpoint"]["tinker_path"] == broken.path
    assert (found["base_model"], found["is_lora"], found["lora_rank"]) == ("Qwen/Qwen3-8B", True, 4)
    recovery = Recovery(broken.client)
    recovery.watch(broken.run)
    assert recovery.events == [*FOUND, "client_created", "completed"]
    assert recovery.recovered not in {None, broken.run}
    assert broken.client.train(str(recovery.recovered), 2) == broken.expected
    # Saved again, and under the new run.
    saved = broken.client.save(str(recovery.recovered), "good")
    assert saved == f"tinker://{recovery.recovered}/weights/good"
    watched_again = broken.client.call("GET", f"training_runs/{recovery.recovered}")
    assert (watched_again["corrupted"], watched_again["last_checkpoint"]["tinker_path"]) == (False, saved)


def test_a_healthy_run_is_left_alone(tinkex: Tinkex) -> None:
    recovery = Recovery(tinkex)
    recovery.watch(tinkex.new_model())
    assert recovery.events == []


def test_a_corrupted_run_refuses_work_at_once(broken: Broken) -> None:
    """Not with 409, which is retried."""
    with pytest.raises(TinkexError, match="is corrupted") as caught:
        broken.client.optim_step(broken.run)
    assert (caught.value.status, broken.client.slept) == (400, [])


@pytest.mark.tinkex("recover poll errors")
def test_errors_while_polling_only_delay_it(broken: Broken) -> None:
    broken.wire.spoil(f"training_runs/{broken.run}", status=404, forwarded=False, times=2)
    recovery = Recovery(broken.client)
    recovery.watch(broken.run)
    assert recovery.events == ["poll_error", "poll_error", *FOUND, "client_created", "completed"]


@pytest.mark.tinkex("recover once failed")
@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("weights_info", 404, {"message": "not now"}),
        ("create_model", 400, {"message": "not now"}),
        ("load_weights", 400, {"message": "not now"}),
        ("retrieve_future", 200, {"status": "failed", "error": {"message": "not now", "category": "user"}}),
    ],
)
def test_a_failed_restore_is_tried_again_under_the_same_number(
    broken: Broken, path: str, status: int, body: dict[str, Any]
) -> None:
    broken.wire.spoil(path, status=status, body=body, forwarded=path == "retrieve_future")
    recovery = Recovery(broken.client)
    recovery.watch(broken.run)
    assert recovery.events == [*FOUND, "failed", "client_created", "completed"]
    assert recovery.failure == "not now"
    numbers = [each.request["model_seq_id"] for each in broken.wire.of("create_model")]
    assert len(set(numbers)) == 1
    assert broken.client.train(str(recovery.recovered), 2) == broken.expected


@pytest.mark.tinkex("recover exhausted", "scenario 39")
def test_a_restore_that_always_fails_is_given_up(broken: Broken) -> None:
    recovery = Recovery(broken.client)
    recovery.watch(broken.run, checkpoint=f"tinker://{broken.run}/weights/never")
    assert recovery.events == [*FOUND, *["failed"] * 3, "exhausted"]
    assert "does not exist" in str(recovery.failure)
    assert broken.client.slept == [5.0, 10.0, 20.0]


@pytest.mark.tinkex("recover nothing")
def test_without_a_checkpoint_there_is_nothing_to_restore(lost: Broken) -> None:
    recovery = Recovery(lost.client)
    recovery.watch(lost.run)
    assert recovery.events == ["detected", "started", *["failed"] * 3, "exhausted"]
    assert recovery.failure == "missing_checkpoint"


@pytest.mark.tinkex("recover invisible")
def test_one_500_stays_unseen(broken: Broken) -> None:
    broken.wire.spoil("weights_info", status=500, forwarded=False)
    recovery = Recovery(broken.client)
    recovery.watch(broken.run)
    assert recovery.events == [*FOUND, "client_created", "completed"]
    assert broken.client.slept == [0.5]


@pytest.mark.tinkex("recover hang")
def test_a_load_that_fails_for_the_server_is_asked_for_again_and_again(broken: Broken) -> None:
    """Tinkex's own hang, seen as far as it goes: each poll finds the failure, which a healthy server never sends."""
    failed = {"status": "failed", "error": {"message": "broken", "category": "server"}}
    broken.wire.spoil("retrieve_future", status=200, body=failed, times=4)
    recovery = Recovery(broken.client)
    recovery.watch(broken.run)
    assert recovery.events == [*FOUND, "client_created", "completed"]
    assert broken.client.slept == [1.0, 2.0, 4.0, 8.0]


@pytest.mark.tinkex("paths")
def test_paths_are_taken_as_tinkex_takes_them(tinkex: Tinkex) -> None:
    model = tinkex.new_model()
    path = tinkex.save(model, "ck-0001")
    listed = tinkex.call("GET", f"training_runs/{model}/checkpoints")["checkpoints"]
    # By-id calls paste checkpoint_id into the URL.
    assert [each["checkpoint_id"] for each in listed] == ["weights/ck-0001"]
    assert checkpoint_route(path) == f"training_runs/{model}/checkpoints/weights/ck-0001"
    assert tinkex.call("POST", f"{checkpoint_route(path)}/publish", {}) == {}
    assert tinkex.call("DELETE", f"{checkpoint_route(path)}/publish") == {}
    with pytest.raises(TinkexError, match="Invalid checkpoint path"):
        checkpoint_route(path.replace("/weights/", "/external_weights/"))
