"""Tokenizers, with every version of the official SDK: they come from the server and know its clients' text."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from client_tests.harness.sdk import Runner, Sdk
from client_tests.versions.matrix import lives
from mock_server.cli.client_environment import client_variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from client_tests.harness.server import Server

TEXT = "The tide came in at seven."


@pytest.fixture(scope="module")
def offline_of(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Sdk]]:
    """The SDK of a version with all that `tinker-mock env` says, in a process of its own: the hub's address, with the
    tenant in it, is read only once.
    """
    with ExitStack() as stack:

        @cache
        def offline_of(version: str) -> Sdk:
            runner, key = Runner(version), f"tml-offline-{version}"
            stack.callback(runner.close)
            cache_home = {"XDG_CACHE_HOME": str(tmp_path_factory.mktemp(version))}
            return Sdk(runner, server.url, key, client_variables(server.url, key, cache_home))

        yield offline_of


@pytest.fixture
def offline(sdk: Sdk, offline_of: Callable[[str], Sdk]) -> Sdk:
    return offline_of(sdk.runner.version)


@lives("tokenizer")
def test_a_run_has_the_tokenizer_of_its_model(offline: Sdk) -> None:
    def program(service_client: Any, kit: Any, text: str) -> list[Any]:
        tokenizer = kit.trainer(service_client).get_tokenizer()
        ids = tokenizer.encode(text)
        return [tokenizer.decode(ids), len(ids), tokenizer.name_or_path]

    text, length, name = offline.run(program, text=TEXT)
    assert text == TEXT
    assert 0 < length <= len(TEXT)
    assert name == "Qwen/Qwen3-8B"


@lives("sampler_tokenizer")
def test_a_sampler_has_the_tokenizer_of_its_model(offline: Sdk) -> None:
    def program(service_client: Any, kit: Any, text: str) -> Any:
        sampler = kit.client(service_client.create_sampling_client(base_model="meta-llama/Llama-3.1-8B"))
        tokenizer = sampler.get_tokenizer()
        return tokenizer.decode(tokenizer.encode(text, add_special_tokens=False))

    assert offline.run(program, text=TEXT) == TEXT
