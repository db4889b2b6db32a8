"""The real `transformers` and `huggingface_hub`, in a process of their own, against a server of this door only."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from fastapi import FastAPI

from mock_server.api.hub.router import create_hub_router
from mock_server.domain.catalogue import Catalogue
from mock_server.domain.tokenizers import encode, end_of_text, tiny_model

if TYPE_CHECKING:
    from collections.abc import Iterator

MODELS = {
    "Qwen/Qwen3-8B": "Qwen/Qwen3-8B",
    "thinkingmachineslabinc/meta-llama-3-instruct-tokenizer": "meta-llama/Llama-3.1-8B-Instruct",
    "Qwen/Qwen3-30B-A3B-Base": "Qwen/Qwen3-30B-A3B-Base",
    "Qwen/Qwen3.5-4B": "Qwen/Qwen3.5-4B",
    "deepseek-ai/DeepSeek-V3.1": "deepseek-ai/DeepSeek-V3.1",
    "openai/gpt-oss-20b": "openai/gpt-oss-20b",
    "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16": "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16",
}
TEXT = "Hello, wörld! 🎉\n\n日本語 <think>x</think>"
CONVERSATION = [{"role": "user", "content": "hi"}]
# As SDK 0.38 loads Kimi's tokenizer: from a commit of the real hub, with code that comes along.
PINNED = {"trust_remote_code": True, "revision": "612681931a8c906ddb349f8ad0f582cb552189cd"}

CLIENT = """
import json, struct, sys
import huggingface_hub
from transformers import AutoConfig, AutoTokenizer
text, conversation, pinned, models = json.loads(sys.argv[1])
seen = {}
for name in models:
    tokenizer = AutoTokenizer.from_pretrained(name, fast=True)
    config = AutoConfig.from_pretrained(name)
    try:
        chat = tokenizer.apply_chat_template(conversation, add_generation_prompt=True, tokenize=False)
    except ImportError:
        chat = None  # no jinja2 here
    seen[name] = {
        "ids": tokenizer.encode(text, add_special_tokens=False),
        "text": tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)),
        "first": tokenizer.encode("")[:1],
        "bos": tokenizer.bos_token_id,
        "eos": tokenizer.eos_token_id,
        "size": len(tokenizer),
        "model_max_length": tokenizer.model_max_length,
        "chat": chat,
        "model_type": config.model_type,
        "hidden_size": config.get_text_config().hidden_size,
    }
AutoTokenizer.from_pretrained("moonshotai/Kimi-K2-Thinking", fast=True, **pinned)
try:
    huggingface_hub.hf_hub_download("Qwen/Qwen3-8B", "none.txt")
except huggingface_hub.errors.EntryNotFoundError as error:
    seen["missing file"] = type(error).__name__
try:
    huggingface_hub.model_info("Qwen/Qwen3-9B")
except huggingface_hub.errors.RepositoryNotFoundError as error:
    seen["missing repository"] = type(error).__name__
with huggingface_hub.HfFileSystem().open("Qwen/Qwen3-8B@main/model.safetensors", "rb", block_size=64) as file:
    length = struct.unpack("<Q", file.read(8))[0]
    seen["header"] = json.loads(file.read(length))
print(json.dumps(seen))
"""


class Door(uvicorn.Server):
    """A server of this door alone, on a port that the system picks."""

    def __init__(self) -> None:
        self.served: list[tuple[str, str]] = []
        self.lines: list[tuple[str, int]] = []
        app = FastAPI()
        app.include_router(create_hub_router(Catalogue.default(), self._note))
        super().__init__(uvicorn.Config(self._logged(app), port=0, log_level="warning", lifespan="off"))

    async def _note(self, tenant: str, repository: str) -> None:
        self.served.append((tenant, repository))

    def _logged(self, app: FastAPI) -> Any:
        async def logged(scope: Any, receive: Any, send: Any) -> None:
            async def noting(message: Any) -> None:
                if message["type"] == "http.response.start":
                    self.lines.append((scope["method"], message["status"]))
                await send(message)

            await app(scope, receive, noting)

        return logged

    @property
    def address(self) -> str:
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        return f"http://{host}:{port}/hf/abc"


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    server = Door()
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
        assert thread.is_alive()
    yield server
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def seen(door: Door, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("hf")
    arguments = json.dumps([TEXT, CONVERSATION, PINNED, list(MODELS)])
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS_"))}
    environment |= {"HF_ENDPOINT": door.address, "HF_HOME": f"{home}", "HF_HUB_DISABLE_XET": "1", "NO_PROXY": "*"}
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize(("repository", "model"), MODELS.items(), ids=lambda name: name)
def test_auto_tokenizer_and_auto_config_load(seen: dict[str, Any], repository: str, model: str) -> None:
    entry, loaded = Catalogue.default()[model], seen[repository]
    assert loaded["text"] == TEXT
    assert loaded["ids"] == encode(entry, TEXT)
    assert loaded["eos"] == end_of_text(entry)[0]
    assert loaded["model_max_length"] == entry.max_context_length
    assert loaded["model_type"] == entry.arch
    assert loaded["hidden_size"] == 64
    adds_bos = entry.tokenizer in {"llama3", "deepseek"}
    assert loaded["first"] == ([loaded["bos"]] if adds_bos else [])


@pytest.mark.parametrize(
    ("repository", "chat"),
    [
        ("Qwen/Qwen3-8B", "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"),
        ("Qwen/Qwen3.5-4B", "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n<think>\n"),
        ("deepseek-ai/DeepSeek-V3.1", "<｜begin▁of▁sentence｜><｜User｜>hi<｜Assistant｜></think>"),  # noqa: RUF001
        ("openai/gpt-oss-20b", "<|start|>user<|message|>hi<|end|><|start|>assistant"),
    ],
)
def test_a_conversation_is_written_as_the_model_expects(seen: dict[str, Any], repository: str, chat: str) -> None:
    assert seen[repository]["chat"] == chat


def test_what_is_missing_is_the_error_that_programs_catch(seen: dict[str, Any]) -> None:
    assert seen["missing file"] == "RemoteEntryNotFoundError"
    assert seen["missing repository"] == "RepositoryNotFoundError"


def test_a_safetensors_header_is_read_by_range(seen: dict[str, Any], door: Door) -> None:
    header = seen["header"]
    shapes = tiny_model(Catalogue.default()["Qwen/Qwen3-8B"]).shapes
    assert {name: tuple(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__"} == dict(shapes)
    assert ("GET", 206) in door.lines


def test_each_repository_is_noted_once_and_nothing_went_wrong(seen: dict[str, Any], door: Door) -> None:
    assert seen
    assert sorted(door.served) == sorted(("abc", name) for name in [*MODELS, "moonshotai/Kimi-K2-Thinking"])
    assert {status for _, status in door.lines} == {200, 206, 404}
    assert {method for method, _ in door.lines} == {"GET", "HEAD"}


def test_the_command_of_the_page_prints_what_the_page_says(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "tokenizers.md").read_text(encoding="utf-8")
    command, printed = (re.search(rf"```{kind}\n(.*?)```", page, re.DOTALL) for kind in ("sh", "text"))
    assert command is not None
    assert printed is not None
    shim = tmp_path / "tinker-mock"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m mock_server "$@"\n')
    shim.chmod(0o755)
    environment = os.environ | {
        "PATH": os.pathsep.join([f"{tmp_path}", f"{Path(sys.executable).parent}", os.environ["PATH"]]),
        "XDG_CACHE_HOME": f"{tmp_path / 'cache'}",
    }
    done = subprocess.run(
        ["sh", "-c", command[1]], env=environment, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.stdout == printed[1], done.stderr
