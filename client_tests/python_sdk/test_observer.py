"""The official SDK and this server, watched through a whole life of a program: neither breaks a rule."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest

from client_tests.harness.in_thread import served
from client_tests.harness.wire import Wire
from client_tests.recordings.test_rows import looking, training
from contracts.observer import Observer
from contracts.observer.described import Described
from contracts.proxy import Proxy
from contracts.recorded import RECORDINGS, captures, replay
from contracts.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from client_tests.harness.sdk import Sdk
    from client_tests.harness.server import Server
    from contracts.exchange import Exchange
    from contracts.recorded import Capture


@contextmanager
def watched(upstream: str) -> Iterator[tuple[str, Tally]]:
    """The address of a proxy in front of a server, and what it finds."""
    observer, tally = Observer(Described()), Tally()

    def seen(exchange: Exchange) -> None:
        tally.add(observer.see(exchange))

    proxy = Proxy(upstream, seen)
    with served(proxy, last=proxy.close) as url:
        yield url, tally


def failing(service_client: Any, tinker: Any, kit: Any) -> None:
    """What goes wrong in a program, and how it goes on."""
    trainer = kit.trainer(service_client)
    kit.raised(lambda: trainer.forward_backward([kit.datum()], "no_such_loss").result())
    kit.steps(trainer, 1)
    kit.raised(lambda: trainer.load_state("tinker://a:train:0/weights/none").result())
    kit.raised(lambda: kit.client(service_client.create_lora_training_client("no/such-model")))
    kit.steps(trainer, 1, [kit.datum()] * 3)


def test_neither_the_sdk_nor_the_server_breaks_a_rule(sdk: Sdk, server_with: Callable[..., Server]) -> None:
    flags = {"fwdbwd_max_chunk_len": 1, "sample_use_retrieve_futures": True, "proto_compress_fwdbwd": True}
    with watched(server_with(client_config=flags).url) as (url, tally):
        made = sdk.at(url).run(training, timeout=120)
        sdk.at(url).run(looking, timeout=120, made=made)
        sdk.at(url).run(failing, timeout=120)
        assert [line for line in tally.lines() if not line.endswith("0 MUST and 0 SHOULD failed")] == []
        assert tally.exchanges > 90
        assert sum(count.passed > 0 for count in tally.counts.values()) > 55


def through_trouble(service_client: Any, tinker: Any, kit: Any) -> None:
    """Train and sample while answers are lost and refused."""
    trainer = kit.trainer(service_client)
    kit.steps(trainer, 3, [kit.datum()] * 2)
    sampler = kit.client(trainer.save_weights_and_get_sampling_client())
    sampler.sample(kit.prompt(), 1, kit.greedy()).result()
    trainer.save_state("kept").result()


@pytest.mark.parametrize("rust", [True, False])
def test_the_sdk_breaks_no_rule_when_answers_are_lost_and_refused(
    sdk: Sdk, server_with: Callable[..., Server], rust: bool
) -> None:
    with (
        Wire(server_with(client_config={"use_pyqwest_transport": rust}).url) as wire,
        watched(wire.url) as (url, tally),
    ):
        wire.spoil("optim_step")
        wire.spoil("forward_backward", status=503, headers={"retry-after": "1"}, forwarded=False)
        wire.spoil("forward_backward", status=409, forwarded=False)
        wire.spoil("asample", status=429, forwarded=False)
        wire.spoil("save_weights", status=500)
        wire.spoil("retrieve_future", status=503, times=3)
        wire.spoil("create_model", status=503, headers={"retry-after-ms": "700"})
        sdk.at(url).run(through_trouble, timeout=120)
        assert not [spoil for spoil in wire._spoils if spoil.left]
    failed = [
        (finding.check, finding.evidence) for requirement, finding in tally.failures() if requirement.side == "client"
    ]
    assert failed == []
    assert {
        "lost-step-is-repeated",
        "retry-after-is-kept",
        "retries-back-off",
        "retry-count-rises",
    } <= tally.counts.keys()


@pytest.mark.parametrize("capture", [each for recording in RECORDINGS for each in captures(recording)], ids=str)
def test_the_server_breaks_no_rule_whatever_a_recorded_client_asks(
    capture: Capture, server_with: Callable[..., Server]
) -> None:
    with watched(server_with(gap_seconds=0.2).url) as (url, tally):
        replay(capture, url, f"tml-watched-{crc32(str(capture).encode())}")
    failed = [
        (finding.check, finding.evidence) for requirement, finding in tally.failures() if requirement.side == "server"
    ]
    assert failed == []
    assert tally.exchanges > 5


def test_a_server_that_watches_itself_finds_nothing_wrong_with_the_sdk(
    sdk: Sdk, server_with: Callable[..., Server]
) -> None:
    server = server_with(observe=True)
    sdk.at(server.url).run(failing, timeout=120)
    assert "not kept" not in server.log()
