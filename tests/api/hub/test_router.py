from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from fastapi import FastAPI

from mock_server.api.hub.router import create_hub_router
from mock_server.domain.catalogue import Catalogue, CatalogueEntry
from mock_server.domain.tokenizers import repository_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.asyncio

QWEN = "Qwen/Qwen3-8B"
REPOSITORY = repository_of(Catalogue.default()[QWEN])
TOKENIZER = f"/hf/abc/{QWEN}/resolve/main/tokenizer.json"


class Noted(list[tuple[str, str]]):
    """What the router said it served; fails as often as told before it notes anything."""

    failures = 0

    async def __call__(self, tenant: str, repository: str) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError("the disk is full")
        self.append((tenant, repository))


@pytest.fixture
def noted() -> Noted:
    return Noted()


@pytest.fixture
async def client(noted: Noted) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(create_hub_router(Catalogue.default(), noted))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://hub") as client:
        yield client


@pytest.mark.parametrize("revision", ["main", REPOSITORY.commit, "612681931a8c906ddb349f8ad0f582cb552189cd"])
@pytest.mark.parametrize("name", list(REPOSITORY.files))
async def test_a_file_comes_with_the_headers_without_which_clients_give_up(
    client: httpx.AsyncClient, revision: str, name: str
) -> None:
    answer = await client.get(f"/hf/abc/{QWEN}/resolve/{revision}/{name}")
    file = REPOSITORY.files[name]
    assert (answer.status_code, answer.content) == (200, file.content)
    assert answer.headers["x-repo-commit"] == REPOSITORY.commit
    assert answer.headers["etag"] == f'"{file.digest}"'
    head = await client.head(f"/hf/abc/{QWEN}/resolve/{revision}/{name}")
    assert head.status_code == 200
    assert int(head.headers["content-length"]) == len(file.content)
    assert head.headers["etag"] == answer.headers["etag"]


async def test_a_range_is_answered_with_its_bytes_and_place(client: httpx.AsyncClient) -> None:
    content = REPOSITORY.files["model.safetensors"].content
    address = f"/hf/abc/{QWEN}/resolve/main/model.safetensors"
    answer = await client.get(address, headers={"Range": "bytes=8-107"})
    assert (answer.status_code, answer.content) == (206, content[8:108])
    assert answer.headers["content-range"] == f"bytes 8-107/{len(content)}"
    assert answer.headers["content-length"] == "100"
    assert answer.headers["x-repo-commit"] == REPOSITORY.commit
    beyond = await client.get(address, headers={"Range": f"bytes={len(content)}-"})
    assert beyond.status_code == 416
    assert beyond.headers["content-range"] == f"bytes */{len(content)}"


@pytest.mark.parametrize("suffix", ["", "/revision/main", f"/revision/{REPOSITORY.commit}"])
async def test_a_model_is_described_with_its_commit_and_files(client: httpx.AsyncClient, suffix: str) -> None:
    described = (await client.get(f"/hf/abc/api/models/{QWEN}{suffix}")).json()
    assert described["id"] == QWEN
    assert described["sha"] == REPOSITORY.commit
    assert {sibling["rfilename"] for sibling in described["siblings"]} == set(REPOSITORY.files)


async def test_a_tree_lists_files_with_their_sizes(client: httpx.AsyncClient) -> None:
    tree = (await client.get(f"/hf/abc/api/models/{QWEN}/tree/main?recursive=true&expand=false")).json()
    sizes = {item["path"]: item["size"] for item in tree if item["type"] == "file"}
    assert sizes == {name: len(file.content) for name, file in REPOSITORY.files.items()}


@pytest.mark.parametrize("entry", Catalogue.default(), ids=lambda entry: entry.name)
async def test_every_base_model_has_a_repository(client: httpx.AsyncClient, entry: CatalogueEntry) -> None:
    answer = await client.head(f"/hf/abc/{entry.repository}/resolve/main/tokenizer.json")
    assert answer.status_code == 200


async def test_the_llama_repository_of_the_sdk_is_an_alias(client: httpx.AsyncClient) -> None:
    alias = "thinkingmachineslabinc/meta-llama-3-instruct-tokenizer"
    answer = await client.get(f"/hf/abc/{alias}/resolve/main/tokenizer.json")
    assert "<|eot_id|>" in answer.text
    assert (await client.get(f"/hf/abc/api/models/{alias}")).json()["id"] == alias


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (f"/hf/abc/{QWEN}/resolve/main/vocab.json", "EntryNotFound"),
        (f"/hf/abc/{QWEN}/resolve/main/folder/日%0D.json", "EntryNotFound"),
        (f"/hf/abc/api/models/{QWEN}/tree/main/additional_chat_templates?recursive=false", "EntryNotFound"),
        ("/hf/abc/Qwen/Qwen3-9B/resolve/main/config.json", "RepoNotFound"),
        ("/hf/abc/api/models/Qwen/日本", "RepoNotFound"),
        (f"/hf/abc/{QWEN}/resolve/v2/config.json", "RevisionNotFound"),
        (f"/hf/abc/api/models/{QWEN}/revision/%00", "RevisionNotFound"),
        (f"/hf/ABC/{QWEN}/resolve/main/tokenizer.json", "RepoNotFound"),
        (f"/hf/{'a' * 65}/{QWEN}/resolve/main/tokenizer.json", "RepoNotFound"),
        (f"/hf/a.b/{QWEN}/resolve/main/tokenizer.json", "RepoNotFound"),
        ("/hf/abc/api/agent-harnesses", None),
        ("/hf/abc/api/datasets/openai/gsm8k", None),
        ("/hf/abc/gpt2/resolve/main/config.json", None),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_what_is_not_there_is_a_404_that_says_what(
    client: httpx.AsyncClient, noted: Noted, method: str, path: str, code: str | None
) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == 404
    assert answer.headers.get("x-error-code") == code
    assert noted == []


async def test_a_missing_file_tells_the_commit_so_that_clients_remember(client: httpx.AsyncClient) -> None:
    answer = await client.head(f"/hf/abc/{QWEN}/resolve/main/vocab.json")
    assert answer.headers["x-repo-commit"] == REPOSITORY.commit


async def test_the_first_tokenizer_of_each_tenant_and_repository_is_noted_once(
    client: httpx.AsyncClient, noted: Noted
) -> None:
    await client.get(f"/hf/abc/{QWEN}/resolve/main/tokenizer_config.json")
    assert noted == []
    await client.head(TOKENIZER)
    await client.get(TOKENIZER)
    await client.get(TOKENIZER.replace("abc", "def"))
    await client.get(TOKENIZER.replace(QWEN, "Qwen/Qwen3-8B-Base"))
    assert noted == [("abc", QWEN), ("def", QWEN), ("abc", "Qwen/Qwen3-8B-Base")]


async def test_a_tokenizer_that_could_not_be_noted_is_served_and_noted_the_next_time(
    client: httpx.AsyncClient, noted: Noted
) -> None:
    noted.failures = 1
    assert (await client.get(TOKENIZER)).status_code == 200
    assert noted == []
    await client.get(TOKENIZER)
    assert noted == [("abc", QWEN)]


@pytest.mark.parametrize("path", [f"/hf/abc/api/models/{QWEN}", f"/hf/abc/api/models/{QWEN}/tree/main?recursive=true"])
async def test_a_client_with_a_warm_cache_which_asks_for_no_file_is_noted_too(
    client: httpx.AsyncClient, noted: Noted, path: str
) -> None:
    assert (await client.get(path)).status_code == 200
    assert noted == [("abc", QWEN)]


async def test_nothing_can_be_written(client: httpx.AsyncClient) -> None:
    assert (await client.post(f"/hf/abc/api/models/{QWEN}")).status_code == 405
