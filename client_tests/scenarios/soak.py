"""The whole catalogue again and again, every scenario with a seed of its own: nothing hangs, no task is left behind.

`make soak` plays it 200 times; RUNS in the environment says otherwise. The client is as quick and as careless as it
gets: it gives everything up after a moment, so that whatever the server still holds for it must end by itself.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, Self

import httpx

from client_tests.harness.in_thread import AsgiThread
from client_tests.scenarios.playing import library
from mock_server.app import create_app
from mock_server.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI

_AT_ONCE: Final = 24
_GIVES_UP_SECONDS: Final = 2.0
_LIFE_SECONDS: Final = 60.0
_SETTLED_SECONDS: Final = 60.0
_DAY: Final = 86_400.0
_DATUM: Final = {
    "model_input": {"chunks": [{"type": "encoded_text", "tokens": [1, 2, 3]}]},
    "loss_fn_inputs": {
        "target_tokens": {"data": [2, 3, 4], "dtype": "int64", "shape": [3]},
        "weights": {"data": [1.0] * 3, "dtype": "float32", "shape": [3]},
    },
}


class Unwell(AssertionError):
    """What came of a run: clients that hung, mistakes of the server's own, tasks that were left behind; a line each."""


class Soak:
    """One server, and runs of the whole catalogue against it."""

    def __init__(self, directory: Path) -> None:
        settings = Settings(data_dir=directory, durability="process", poll_seconds=0.2, gap_seconds=0.2, seed=1)
        self._app: FastAPI = create_app(settings)
        self._thread = AsgiThread(self._app, lifespan=True)

    def __enter__(self) -> Self:
        self.url = self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._thread.stop()

    def run(self, number: int) -> None:
        """Play every scenario once, many at a time. Raises Unwell, when all were looked at."""
        asyncio.run(self._run(Random(number)))

    async def _run(self, random: Random) -> None:
        async with httpx.AsyncClient(base_url=f"{self.url}/__admin", timeout=60) as admin:
            tasks = len(await self._named())
            lives = []
            for scenario_id in library().ids:
                seed, key = random.getrandbits(62), f"tml-soak-{random.getrandbits(64):x}"
                begun = await admin.post("/scenarios", json={"scenario": scenario_id, "api_key": key, "seed": seed})
                assert begun.status_code == 201, begun.text
                lives.append((scenario_id, key))
            turns = asyncio.Semaphore(_AT_ONCE)
            ended = await asyncio.gather(*(self._lived(turns, key) for _, key in lives))
            wrong = [f"{life[0]}: its client hung" for life, well in zip(lives, ended, strict=True) if not well]
            for scenario_id, key in lives:
                wrong += [f"{scenario_id}: {what}" for what in await _seen_off(admin, key)]
            health = (await admin.get("/health")).json()
            if (health["status"], health["faults"]) != ("ok", 0):
                wrong.append(f"the server's health is {health}")
        left = await self._left(tasks)
        if len(left) > tasks:
            wrong.append(f"{len(left)} tasks in the server, {tasks} before: {left}")
        if wrong:
            raise Unwell("\n".join(wrong))

    async def _lived(self, turns: asyncio.Semaphore, key: str) -> bool:
        """Whether the client came to its end."""
        async with turns:
            try:
                await asyncio.wait_for(_life(self.url, key), _LIFE_SECONDS)
            except TimeoutError:
                return False
            return True

    async def _left(self, before: int) -> list[str]:
        """The server's tasks, when they are as few as before, or after a while."""
        for _ in range(int(_SETTLED_SECONDS * 10)):
            left = await self._named()
            if len(left) <= before:
                break
            await asyncio.sleep(0.1)
        return left

    async def _named(self) -> list[str]:
        async def names() -> list[str]:
            return [repr(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()]

        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(names(), self._thread.loop))


async def _seen_off(admin: httpx.AsyncClient, key: str) -> list[str]:
    """End a tenant's scenario; what was wrong with the server there."""
    # Whatever waits for time to pass has waited long enough.
    await admin.post("/clock/advance", json={"seconds": _DAY, "api_key": key})
    verdict = await admin.get("/scenarios/verdict", params={"api_key": key})
    refused = await admin.get("/journal", params={"api_key": key, "status": "500"})
    await admin.delete("/scenarios", params={"api_key": key})
    own = [each for each in refused.json()["exchanges"] if not each["faults"]]
    wrong = [f"it has no verdict: {verdict.text}"] if verdict.status_code != 200 else []
    return [*wrong, *(f"the server's own mistake: {each}" for each in own)]


async def _life(url: str, key: str) -> None:
    """A session, a model, some steps, a checkpoint and a sample; whatever fails is passed over."""
    headers = {"x-api-key": key}
    # verify: to read the certificates of the world takes longer than all that is asked here.
    async with httpx.AsyncClient(
        base_url=f"{url}/api/v1", headers=headers, timeout=_GIVES_UP_SECONDS, verify=False
    ) as client:

        async def ask(to: str, /, **body: Any) -> dict[str, Any]:
            with suppress(httpx.HTTPError, ValueError):
                found = (await client.post(f"/{to}", json=body)).json()
                return found if isinstance(found, dict) else {}
            return {}

        async def result(to: str, /, **body: Any) -> dict[str, Any]:
            submitted = await ask(to, **body)
            for _ in range(3):
                found = await ask("retrieve_future", request_id=submitted.get("request_id", "none"))
                if found.get("type") != "try_again":
                    return found
            return {}

        await ask("client/config", sdk_version="0.38.0")
        session = (await ask("create_session", tags=[], sdk_version="0.38.0")).get("session_id", "none")
        model = {"session_id": session, "model_seq_id": 0, "base_model": "Qwen/Qwen3-8B", "lora_config": {"rank": 4}}
        run = f"{session}:train:0"
        await result("create_model", **model)
        batch = {"forward_backward_input": {"data": [_DATUM], "loss_fn": "cross_entropy"}}
        for seq_id in (1, 3, 5):
            await result("forward_backward", model_id=run, seq_id=seq_id, **batch)
            await result("optim_step", model_id=run, seq_id=seq_id + 1, adam_params={"learning_rate": 1e-3})
        await ask("session_heartbeat", session_id=session)
        saved = await result("save_weights", model_id=run, seq_id=7, path="soaked")
        await result("load_weights", model_id=run, seq_id=8, path=saved.get("path", "none"), optimizer=True)
        sampler = await ask(
            "create_sampling_session", session_id=session, sampling_session_seq_id=0, base_model="Qwen/Qwen3-8B"
        )
        prompt = {"chunks": [{"type": "encoded_text", "tokens": [1, 2, 3]}]}
        drawn = {"prompt": prompt, "num_samples": 1, "sampling_params": {"max_tokens": 2}}
        await result("asample", sampling_session_id=sampler.get("sampling_session_id", "none"), seq_id=0, **drawn)
        with suppress(httpx.HTTPError):
            await client.get("/checkpoints")
            await client.get(f"/training_runs/{run}")
            await client.get(f"/training_runs/{run}/checkpoints/weights/soaked/archive", follow_redirects=True)
            await client.delete(f"/training_runs/{run}/checkpoints/weights/soaked")


def main() -> None:
    runs = int(os.environ.get("RUNS", "200"))
    with TemporaryDirectory() as directory, Soak(Path(directory)) as soak:
        for number in range(runs):
            soak.run(number)
            print(f"run {number + 1} of {runs}: {len(library().ids)} scenarios, the server is well", file=sys.stderr)


if __name__ == "__main__":
    main()
