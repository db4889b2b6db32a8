"""The flags by which the server steers the SDK: each can be set, and both values of each work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest

from client_tests.harness.wire import Wire
from mock_server.codec import decode_header
from mock_server.domain.client_flags import CONFIG_FLAGS, DYNAMIC_CONFIG_FLAGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from client_tests.harness.sdk import Sdk
    from client_tests.harness.server import Server

OTHERWISE: Final = {
    "parallel_fwdbwd_chunks": False,
    "proto_compress_fwdbwd": True,
    "fwdbwd_max_chunk_len": 3,
    "fwdbwd_max_chunk_bytes_count": 4_000_000,
    "fwdbwd_dispatch_bytes_semaphore_size": 100,
    "sample_dispatch_bytes_semaphore_size": 10,
    "inflight_response_bytes_semaphore_size": 10,
    "billing_exception_max_pause_duration_sec": 60,
    "sample_no_retries": True,
    "sample_enable_stuck_detection": False,
    "sample_max_concurrent_requests": 1,
    "use_pyqwest_transport": False,
    "sample_use_retrieve_futures": True,
    "sample_join_sampling_session": True,
    "create_model_via_load_weights": True,
    "proto_write_fwdbwd": True,
    "fwd_via_fwdbwd": True,
}
"""Every flag at another value than its default, but for those with servers of their own below."""
ELSEWHERE: Final = {"pjwt_auth_enabled", "credential_default_source", "custom_loss_server_side"}
DYNAMIC_OTHERWISE: Final = {
    "refresh_interval_sec": 10,
    "sample_cancel_enabled": True,
    "sample_cancel_max_batch_size": 1,
}


@pytest.fixture
def otherwise(server_with: Callable[..., Server]) -> Server:
    return server_with(client_config=OTHERWISE, dynamic_config=DYNAMIC_OTHERWISE)


@pytest.fixture
def other_wire(otherwise: Server) -> Iterator[Wire]:
    with Wire(otherwise.url) as wire:
        yield wire


def live(service_client: Any, tinker: Any, kit: Any) -> dict[str, Any]:
    """Train on seven data, save, restore, sample ten times at once, unpickle a sampler."""
    import pickle

    training = kit.trainer(service_client)
    data = [kit.datum(range(start, start + 9)) for start in range(100, 170, 10)]
    losses = kit.steps(training, 3, data)
    path = training.save_state("one").result().path
    restored = service_client.create_training_client_from_state_with_optimizer(path).result()
    logprobs = kit.logprobs(restored.forward(data, "cross_entropy").result())
    sampler = restored.save_weights_and_get_sampling_client().result()
    copy = pickle.loads(pickle.dumps(sampler))
    parameters = tinker.SamplingParams(max_tokens=5, temperature=1.0, seed=3, stop=[])
    answers = [each.sample(kit.prompt(), 2, parameters) for each in (*[sampler] * 10, copy, copy)]
    sampled = [[list(sequence.tokens) for sequence in answer.result().sequences] for answer in answers]
    prompt = sampler.compute_logprobs(kit.prompt()).result()
    return {"losses": losses, "logprobs": logprobs, "sampled": sampled, "prompt": prompt}


def flat(values: list[Any]) -> list[float]:
    """The numbers of a nested list; the first token of a prompt has none."""
    return [n for each in values for n in (flat(each) if isinstance(each, list) else [each]) if n is not None]


def test_every_flag_is_tried_at_another_value() -> None:
    assert OTHERWISE.keys() | ELSEWHERE == CONFIG_FLAGS.keys()
    assert DYNAMIC_OTHERWISE.keys() == DYNAMIC_CONFIG_FLAGS.keys()
    assert all(CONFIG_FLAGS[name].default != value for name, value in OTHERWISE.items())
    assert all(DYNAMIC_CONFIG_FLAGS[name].default != value for name, value in DYNAMIC_OTHERWISE.items())


@pytest.mark.parametrize(
    ("path", "flags", "given"),
    [("client/config", CONFIG_FLAGS, OTHERWISE), ("client/dynamic_config", DYNAMIC_CONFIG_FLAGS, DYNAMIC_OTHERWISE)],
)
def test_the_settings_say_what_a_client_is_told(
    server: Server, otherwise: Server, key: str, path: str, flags: dict[str, Any], given: dict[str, Any]
) -> None:
    defaults = {name: flag.default for name, flag in flags.items()}
    for of, told in ((server, defaults), (otherwise, defaults | given)):
        answer = httpx.post(f"{of.url}/api/v1/{path}", json={"sdk_version": "0.38.0"}, headers={"X-API-Key": key})
        assert answer.json() == told


def test_a_program_gets_the_same_numbers_whatever_the_flags(sdk: Sdk, otherwise: Server) -> None:
    usual, other = sdk.run(live), sdk.at(otherwise.url).run(live)
    assert len({str(each) for each in usual["sampled"]}) == 1
    assert other["sampled"] == usual["sampled"]
    # Gradients of other chunks are added in another order, so these agree up to float32's rounding.
    for name in ("losses", "logprobs", "prompt"):
        assert flat(other[name]) == pytest.approx(flat(usual[name]), rel=1e-4)


def train_on_seven(service_client: Any, kit: Any) -> list[float]:
    training = kit.trainer(service_client)
    return kit.steps(training, 2, [kit.datum() for _ in range(7)])  # type: ignore[no-any-return]


def test_the_transport_is_the_one_that_the_flag_says(sdk: Sdk, wire: Wire, other_wire: Wire) -> None:
    for of, by_httpx in ((wire, False), (other_wire, True)):
        sdk.at(of.url).run(train_on_seven)
        # httpx says in so many words that it keeps a connection, pyqwest does not.
        assert {"connection" in exchange.headers for exchange in of.of("optim_step")} == {by_httpx}


def batches(wire: Wire) -> list[tuple[int, bool]]:
    """Of each forward_backward, in the order of arrival: its number, and whether it was compressed."""
    seen = []
    for exchange in wire.of("forward_backward"):
        from mock_server.codec import decompress

        encoding = exchange.headers.get("content-encoding", "")
        header = decode_header(decompress(exchange.body, encoding, 1 << 20), exchange.headers["content-type"])
        seen.append((header.seq_id or 0, encoding == "zstd"))
    return seen


def test_chunks_are_cut_ordered_and_compressed_as_the_flags_say(sdk: Sdk, wire: Wire, other_wire: Wire) -> None:
    losses = sdk.at(wire.url).run(train_on_seven)
    assert batches(wire) == [(1, False), (3, False)]
    assert sdk.at(other_wire.url).run(train_on_seven) == pytest.approx(losses, rel=1e-6)
    assert batches(other_wire) == [(1, True), (2, True), (3, True), (5, True), (6, True), (7, True)]


def test_chunks_are_cut_by_bytes_and_sent_out_of_order(sdk: Sdk, server_with: Callable[..., Server]) -> None:
    tight = server_with(client_config={"fwdbwd_max_chunk_bytes_count": 1, "proto_compress_fwdbwd": True})
    losses = sdk.run(train_on_seven)
    with Wire(tight.url) as wire:
        assert sdk.at(wire.url).run(train_on_seven) == pytest.approx(losses, rel=1e-6)
        first_step = batches(wire)[:7]
    assert first_step[-1] == (1, True)
    assert sorted(first_step) == [(seq_id, True) for seq_id in range(1, 8)]


def sample_many(service_client: Any, kit: Any) -> list[list[int]]:
    sampler = service_client.create_sampling_client(base_model=kit.BASE_MODEL).result()
    answers = [sampler.sample(kit.prompt(), 1, kit.greedy()) for _ in range(20)]
    return [list(answer.result().sequences[0].tokens) for answer in answers]


def test_samples_are_polled_one_by_one_or_for_a_whole_sampler(sdk: Sdk, wire: Wire, other_wire: Wire) -> None:
    tokens = sdk.at(wire.url).run(sample_many)
    assert wire.of("retrieve_futures") == []
    assert sdk.at(other_wire.url).run(sample_many) == tokens
    polls = other_wire.of("retrieve_futures")
    assert polls
    finished = [each["request_id"] for poll in polls for each in poll.result["completions"] if poll.status == 200]
    assert set(finished) == {exchange.result["request_id"] for exchange in other_wire.of("asample")}


def test_the_one_poller_learns_of_failures_too(sdk: Sdk, otherwise: Server) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        sampler = service_client.create_sampling_client(base_model=kit.BASE_MODEL).result()
        bad = sampler.sample(kit.prompt([1] * 40_000), 1, kit.greedy())
        good = sampler.sample(kit.prompt(), 1, kit.greedy())
        return [kit.raised(bad.result), len(good.result().sequences)]

    refused, good = sdk.at(otherwise.url).run(program)
    assert (refused["type"], refused["category"], good) == ("RequestFailedError", "user", 1)


def sample_from_copies(service_client: Any, kit: Any) -> list[list[int]]:
    import pickle

    sampler = service_client.create_sampling_client(base_model=kit.BASE_MODEL).result()
    copies = [pickle.loads(pickle.dumps(sampler)) for _ in range(3)]
    answers = [each.sample(kit.prompt(), 1, kit.greedy()) for each in (sampler, *copies)]
    return [list(answer.result().sequences[0].tokens) for answer in answers]


def test_copies_of_a_sampling_client_number_their_requests_apart(sdk: Sdk, wire: Wire, other_wire: Wire) -> None:
    tokens = sdk.at(wire.url).run(sample_from_copies)
    assert len({str(each) for each in tokens}) == 1
    numbers = {exchange.request["seq_id"] for exchange in wire.of("asample")}
    assert len(numbers) == 4
    assert wire.of("join_sampling_session") == []
    # A copy that does not ask draws one of a billion blocks of a billion.
    assert max(numbers) > 2**43

    assert sdk.at(other_wire.url).run(sample_from_copies) == tokens
    assert {e.request["seq_id"] // 10**9 for e in other_wire.of("asample")} == {0, 1, 2, 3}
    assert sorted(e.result["client_counter"] for e in other_wire.of("join_sampling_session")) == [1, 2, 3]


@pytest.mark.parametrize("enabled", [True, False])
def test_a_sample_given_up_is_cancelled_on_the_server_if_the_flag_says_so(
    sdk: Sdk, server_with: Callable[..., Server], key: str, *, enabled: bool
) -> None:
    def program(service_client: Any, kit: Any, enabled: bool) -> None:
        import time

        sampler = service_client.create_sampling_client(base_model=kit.BASE_MODEL).result()
        answer = sampler.sample(kit.prompt(), 1, kit.greedy())
        time.sleep(0.5)
        answer.cancel() if hasattr(answer, "cancel") else answer.future().cancel()
        time.sleep(0.5)

    slow = server_with(dials={"sample": "never"}, dynamic_config={"sample_cancel_enabled": enabled})
    with Wire(slow.url) as wire:
        sdk.at(wire.url).run(program, enabled=enabled)
        cancelled = wire.of("cancel_future")
        assert [exchange.status for exchange in cancelled] == ([204] if enabled else [])
        assert len(wire.of("asample")) == 1
