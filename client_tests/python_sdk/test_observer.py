"""The official SDK and this server, watched through a whole life of a program: neither breaks a rule."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from client_tests.harness.in_thread import AsgiThread
from client_tests.recordings.test_rows import looking, training
from contracts.observer import Observer
from contracts.observer.described import Described
from contracts.proxy import Proxy
from contracts.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from client_tests.harness.sdk import Sdk
    from client_tests.harness.server import Server
    from contracts.exchange import Exchange


@contextmanager
def watched(upstream: str) -> Iterator[tuple[str, Tally]]:
    """The address of a proxy in front of a server, and what it finds."""
    observer, tally = Observer(Described()), Tally()

    def seen(exchange: Exchange) -> None:
        tally.add(observer.see(exchange))

    proxy = Proxy(upstream, seen)
    thread = AsgiThread(proxy)
    try:
        yield thread.start(), tally
    finally:
        thread.stop(proxy.close)


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


def test_a_server_that_watches_itself_finds_nothing_wrong_with_the_sdk(
    sdk: Sdk, server_with: Callable[..., Server]
) -> None:
    server = server_with(observe=True)
    sdk.at(server.url).run(failing, timeout=120)
    assert "not kept" not in server.log()
