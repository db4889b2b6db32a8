"""The failure scenarios of Tinkex's own tests, against this server: what the client makes of them, and that the state
behind them is right. Rows that Tinkex refuses itself are sent all the same, since other clients may.
"""

from __future__ import annotations

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from client_tests.tinkex.download import DownloadFailed, archive_url, download
from client_tests.tinkex.streaming import stream
from client_tests.tinkex.tinkex import Tinkex, TinkexError, checkpoint_route

if TYPE_CHECKING:
    from pathlib import Path

    from client_tests.harness.server import Server
    from client_tests.harness.wire import Wire


def steps(client: Tinkex, model: str) -> int:
    """How many optimizer steps the run has made, by the number of the next one's operation: each was accepted once."""
    return len(client.train(model, 1))


@pytest.mark.tinkex("scenario 1", "scenario 2", "scenario 3", "scenario 9")
@pytest.mark.parametrize("status", [409, 500, 503, 408, 0])
@pytest.mark.parametrize("forwarded", [True, False], ids=["done", "not done"])
def test_a_lost_submission_is_repeated_and_done_once(
    spoilt: Tinkex, wire: Wire, status: int, *, forwarded: bool
) -> None:
    """The same seq_id and idempotency key; the numbers are those of a run that lost nothing."""
    model = spoilt.new_model()
    path = spoilt.save(model, "start")
    undisturbed = spoilt.train(model, 3)
    spoilt.load(model, path, optimizer=True)
    wire.spoil("optim_step", status=status, forwarded=forwarded)
    wire.spoil("forward_backward", status=status, forwarded=forwarded)
    assert spoilt.train(model, 3) == undisturbed
    again = wire.of("optim_step")
    (first, second) = [each for each in again if each.request["seq_id"] == again[3].request["seq_id"]]
    assert first.headers["x-idempotency-key"] == second.headers["x-idempotency-key"]
    assert spoilt.slept == [0.5, 0.5]


@pytest.mark.tinkex("scenario 2", "scenario 8")
def test_server_errors_without_end_surface_after_all_retries(spoilt: Tinkex, wire: Wire) -> None:
    model = spoilt.new_model()
    wire.spoil("optim_step", status=500, forwarded=False, times=3)
    with pytest.raises(TinkexError) as caught:
        spoilt.optim_step(model)
    assert (caught.value.kind, caught.value.category) == ("api_status", "server")
    assert len(wire.of("optim_step")) == spoilt.max_retries + 1
    # Its number was used up at the client and never came to the server: the run goes on behind the gap.
    assert steps(spoilt, model) == 1


@pytest.mark.tinkex("scenario 4")
@pytest.mark.parametrize(
    ("headers", "slept"),
    [
        ({"Retry-After": "3"}, 3.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"RETRY-AFTER": "Wed, 21 Oct 2026"}, 1.0),
        ({}, 1.0),
    ],
)
def test_a_rate_limit_is_waited_for(spoilt: Tinkex, wire: Wire, headers: dict[str, str], slept: float) -> None:
    model = spoilt.new_model()
    wire.spoil("optim_step", status=429, headers=headers, forwarded=False)
    assert spoilt.optim_step(model)()["type"] == "optim_step"
    assert spoilt.slept == [slept]


@pytest.mark.tinkex("scenario 5", "scenario 6")
@pytest.mark.parametrize(("status", "order", "requests"), [(503, "false", 1), (400, "true", 2)])
def test_the_header_decides_about_a_retry(spoilt: Tinkex, wire: Wire, status: int, order: str, requests: int) -> None:
    model = spoilt.new_model()
    wire.spoil("optim_step", status=status, headers={"x-should-retry": order}, forwarded=False)
    if order == "false":
        with pytest.raises(TinkexError):
            spoilt.optim_step(model)
    else:
        spoilt.optim_step(model)()
    assert len(wire.of("optim_step")) == requests


@pytest.mark.tinkex("scenario 7")
def test_a_refusal_is_not_repeated_and_says_whose_fault_it_is(tinkex: Tinkex) -> None:
    model = tinkex.new_model()
    with pytest.raises(TinkexError, match="learning_rate") as caught:
        tinkex.submit("optim_step", "OptimStep", model, {"adam_params": {"learning_rate": "fast"}})
    assert (caught.value.category, tinkex.slept) == ("user", [])
    assert caught.value.status in {400, 422}
    # The refused number is used up, and nothing waits for it.
    assert steps(tinkex, model) == 1


@pytest.mark.tinkex("scenario 10", "scenario 14")
def test_a_sample_is_not_repeated_by_the_http_layer(spoilt: Tinkex, wire: Wire) -> None:
    sampler = spoilt.sampler(base_model="Qwen/Qwen3-8B")
    wire.spoil("asample", status=500, forwarded=False)
    wire.spoil("asample", status=400, forwarded=False)
    for category in ("server", "user"):
        with pytest.raises(TinkexError) as caught:
            spoilt.sample(sampler, retry=False)
        assert caught.value.category == category
    assert len(wire.of("asample")) == 2
    assert spoilt.sample(sampler)["sequences"]


@pytest.mark.tinkex("scenario 11")
def test_a_retried_sample_takes_another_number_and_gets_its_own_result(spoilt: Tinkex, wire: Wire) -> None:
    """Retry-After counts nothing here. What the first attempt left at the server harms nobody."""
    sampler = spoilt.sampler(base_model="Qwen/Qwen3-8B")
    wire.spoil("asample", status=429, headers={"Retry-After": "20"}, forwarded=True)
    found = spoilt.sample(sampler)
    assert [each.request["seq_id"] for each in wire.of("asample")] == [0, 1]
    assert spoilt.slept == [1.0]
    assert spoilt.sample(sampler)["sequences"] == found["sequences"]


@pytest.mark.tinkex("scenario 13")
def test_a_limit_at_one_address_is_none_at_another(spoilt: Tinkex, tinkex: Tinkex, wire: Wire) -> None:
    wire.spoil("asample", status=429, forwarded=False, times=2)
    sampler = spoilt.sampler(base_model="Qwen/Qwen3-8B")
    spoilt.sample(sampler)
    tinkex.sample(tinkex.sampler(base_model="Qwen/Qwen3-8B"))
    assert (len(spoilt.slept), tinkex.slept) == (2, [])


@pytest.mark.tinkex("scenario 26", "scenario 27")
def test_unheard_heartbeats_end_no_session(spoilt: Tinkex, wire: Wire) -> None:
    wire.spoil("session_heartbeat", status=401, forwarded=False)
    wire.spoil("session_heartbeat", status=500, forwarded=False)
    assert [spoilt.heartbeat() for _ in range(3)] == [False, False, True]
    assert len(spoilt.train(spoilt.new_model())) == 1


@pytest.mark.tinkex("archive url", "scenario 29")
def test_an_archive_that_is_being_built_is_waited_for(spoilt: Tinkex, wire: Wire) -> None:
    path = spoilt.save(spoilt.new_model(), "ck")
    wire.spoil(f"{checkpoint_route(path)}/archive", status=503, forwarded=False, times=2)
    assert archive_url(spoilt, path).startswith("http://")
    assert spoilt.slept == [30.0, 30.0]


@pytest.mark.tinkex("scenario 30")
def test_what_belongs_to_others_can_not_be_deleted(tinkex: Tinkex, server: Server) -> None:
    path = tinkex.save(tinkex.new_model(), "mine")
    stranger = Tinkex(server.url, f"{tinkex.key}-stranger")
    with pytest.raises(TinkexError) as caught:
        stranger.call("DELETE", checkpoint_route(path))
    assert caught.value.status == 404
    tinkex.call("POST", f"{checkpoint_route(path)}/publish", {})
    with pytest.raises(TinkexError) as caught:
        stranger.call("DELETE", checkpoint_route(path))
    assert (caught.value.status, caught.value.category) == (403, "user")
    assert archive_url(stranger, path)
    stranger.close()


@pytest.mark.tinkex("need 12", "archive load", "archive unpack", "scenario 31")
def test_a_checkpoint_is_downloaded(tinkex: Tinkex, tmp_path: Path) -> None:
    path = tinkex.save(tinkex.new_model(), "ck")
    seen: list[tuple[int, int]] = []
    target = download(tinkex, path, tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert {"adapter_config.json", "adapter_model.safetensors"} <= {file.name for file in target.iterdir()}
    assert seen[-1][0] == seen[-1][1] > 0
    with pytest.raises(DownloadFailed, match="exists"):
        download(tinkex, path, tmp_path)
    assert download(tinkex, path, tmp_path, force=True) == target


@pytest.mark.tinkex("scenario 32")
def test_one_failed_delete_leaves_the_others_done(tinkex: Tinkex) -> None:
    model = tinkex.new_model()
    paths = [tinkex.save(model, name) for name in ("a", "b")]
    failed = []
    for path in (paths[0], paths[0].replace("/a", "/never"), paths[1]):
        try:
            tinkex.call("DELETE", checkpoint_route(path))
        except TinkexError as error:
            failed.append(error.status)
    assert failed == [404]
    assert tinkex.call("GET", "checkpoints?limit=100&offset=0")["checkpoints"] == []


@pytest.mark.tinkex("scenario 33")
def test_pages_end_where_the_total_says(tinkex: Tinkex) -> None:
    """An empty page before the total is reached would be asked for again for ever."""
    model = tinkex.new_model()
    for number in range(5):
        tinkex.save(model, f"ck-{number}")
    seen: list[str] = []
    while True:
        page = tinkex.call("GET", f"checkpoints?limit=2&offset={len(seen)}")
        assert page["checkpoints"]
        seen += [each["checkpoint_id"] for each in page["checkpoints"]]
        if len(seen) >= page["cursor"]["total_count"]:
            break
    assert sorted(seen) == [f"weights/ck-{number}" for number in range(5)]


@pytest.mark.tinkex("scenario 34", "scenario 35")
def test_what_tinkex_refuses_itself_the_server_refuses_too(tinkex: Tinkex) -> None:
    path = tinkex.save(tinkex.new_model(), "ck")
    for method, route, body, named in (
        ("GET", "training_runs?access_scope=everything", None, "access_scope"),
        ("PUT", f"{checkpoint_route(path)}/ttl", {"ttl_seconds": 0}, "ttl_seconds"),
        ("PUT", f"{checkpoint_route(path)}/ttl", {"ttl_seconds": -1}, "ttl_seconds"),
    ):
        with pytest.raises(TinkexError, match=named) as caught:
            tinkex.call(method, route, body)
        assert caught.value.category == "user"
    assert tinkex.call("PUT", f"{checkpoint_route(path)}/ttl", {"ttl_seconds": None}) == {}


@pytest.mark.tinkex("scenario 36")
def test_a_sample_is_streamed_token_by_token(tinkex: Tinkex) -> None:
    sampler = tinkex.sampler(base_model="Qwen/Qwen3-8B")
    lines = stream(tinkex, sampler, 0, max_tokens=3)
    tokens = [line for line in lines if "token_id" in line]
    assert [sorted(line) for line in tokens] == [["index", "logprob", "token", "token_id"]] * 3
    assert lines[-1]["finish_reason"] == "length"
    assert lines[-1]["total_tokens"] == 3
    with pytest.raises(TinkexError) as refused:
        stream(tinkex, sampler, 1, max_tokens=-1)
    assert refused.value.status in {400, 422}


@pytest.mark.tinkex("scenario 37")
def test_telemetry_is_repeated_and_then_given_up(spoilt: Tinkex, wire: Wire) -> None:
    wire.spoil("telemetry", status=500, forwarded=False, times=2)
    body = {"session_id": spoilt.session, "platform": "unix/linux", "sdk_version": "0.15.0", "events": []}
    with pytest.raises(TinkexError):
        spoilt.call("POST", "telemetry", body, retries=1)
    assert spoilt.call("POST", "telemetry", body, retries=1) == {"status": "accepted"}


@pytest.mark.tinkex("scenario 41")
def test_compressed_and_empty_answers_are_read(tinkex: Tinkex, spoilt: Tinkex, wire: Wire) -> None:
    path = tinkex.save(tinkex.new_model(), "ck")
    assert tinkex.call("DELETE", checkpoint_route(path)) == {}
    packed = gzip.compress(json.dumps({"sessions": ["a"]}).encode())
    wire.spoil("sessions", status=200, content=packed, headers={"content-encoding": "gzip"})
    assert spoilt.call("GET", "sessions") == {"sessions": ["a"]}
    wire.spoil("sessions", status=307, headers={"location": "http://elsewhere.test/"}, forwarded=False)
    assert spoilt.call("GET", "sessions")["url"] == "http://elsewhere.test/"


@pytest.mark.tinkex("scenario 42")
def test_twenty_callers_at_once_are_all_served(tinkex: Tinkex, server: Server) -> None:
    def life(number: int) -> Any:
        client = Tinkex(server.url, f"{tinkex.key}-{number}")
        client.start()
        losses = client.train(client.new_model(), 2)
        client.close()
        return len(losses), client.slept

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(life, range(20))) == [(2, [])] * 20
