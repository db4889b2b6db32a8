"""What stands in for Tinkex here sends what the real one sent: the same headers, the same fields of the same types."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from client_tests.tinkex.download import archive_url
from client_tests.tinkex.recovery import restore
from client_tests.tinkex.tinkex import checkpoint_route
from contracts.recorded import captures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from client_tests.harness.wire import Wire
    from client_tests.tinkex.tinkex import Tinkex

THEIR_OWN: Final = {
    "x-api-key", "x-idempotency-key", "x-stainless-retry-count", "x-tinker-request-iteration", "x-tinker-request-type",
}  # fmt: skip
"""Headers whose values differ from request to request; of polls, not every type was recorded."""
NOT_RECORDED: Final = {
    "host", "connection", "content-length", "x-stainless-os", "x-stainless-arch", "x-stainless-runtime-version",
}  # fmt: skip


def endpoint(method: str, path: str) -> str:
    """A request's endpoint: names of sessions, runs and checkpoints are left out."""
    return f"{method} " + re.sub(
        r"(?<=sessions/|samplers/)[^/]+|(?<=training_runs/)[^/]+|(?<=weights/)[^/]+", "*", path
    )


def parts(value: Any, where: str = "") -> Iterator[tuple[str, frozenset[str] | str]]:
    """Of every object its fields, of every leaf its type; elements of a list stand at one place."""
    if isinstance(value, dict):
        yield where, frozenset(value)
        for name, inner in value.items():
            yield from parts(inner, f"{where}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from parts(inner, f"{where}[]")
    elif value is not None:  # null stands for whatever was not set
        yield where, type(value).__name__


def life(client: Tinkex) -> None:
    """Everything that the stand-in can send."""
    client.start()
    model = client.new_model()
    client.forward(model)()
    client.train(model)
    path = client.save(model, "ck-0001", ttl_seconds=3600)
    for optimizer in (False, True):
        client.load(model, path, optimizer=optimizer)
    sampled = client.save_for_sampler(model, "samp-1")["path"]
    client.save_for_sampler(model, number=0)
    sampler = client.sampler(model_path=sampled)
    client.sample(sampler)
    client.sample(sampler, prompt_logprobs=True)
    client.heartbeat()
    client.call("POST", "get_info", {"model_id": model, "type": "get_info"})
    archive_url(client, path)
    client.call("POST", f"{checkpoint_route(path)}/publish", {})
    client.call("PUT", f"{checkpoint_route(path)}/ttl", {"ttl_seconds": None})
    client.call("DELETE", f"{checkpoint_route(path)}/publish")
    restored = restore(client, path, optimizer=True)
    unloaded = client.call("POST", "unload_model", {"model_id": restored, "type": "unload_model"})
    client.poll(unloaded["request_id"], "UnloadModel")
    client.call("DELETE", checkpoint_route(path))


def test_it_sends_what_the_real_one_sent(tinkex: Tinkex, wire: Wire) -> None:
    recorded = [line for capture in captures("tinkex-0.4.0") for line in capture.lines]
    headers: dict[str, list[dict[str, str]]] = defaultdict(list)
    allowed: dict[tuple[str, str], set[frozenset[str] | str]] = defaultdict(set)
    for line in recorded:
        name = endpoint(line.method, line.path)
        headers[name].append(dict(line.headers))
        for where, found in parts(line.body.json):
            allowed[name, where].add(found)

    tinkex.url = wire.url
    life(tinkex)
    compared = set()
    for exchange in wire.exchanges:
        name = endpoint(exchange.method, exchange.path)
        compared.add(name)
        sent = {key: value for key, value in exchange.headers.items() if key not in NOT_RECORDED}
        same = [each for each in headers[name] if each.keys() == sent.keys()]
        assert same, (name, sorted(sent), [sorted(each) for each in headers[name][:1]])
        for key, value in sent.items():
            assert key in THEIR_OWN or value in {each[key] for each in same}, (name, key, value)
        if exchange.body:
            for where, found in parts(exchange.request):
                assert found in allowed[name, where], (name, where, found, allowed[name, where])
    assert len(compared) >= 18
