"""A program that uses the official SDK, as a process of its own: `python -m benchmarks.sdk_client`.

It reads one JSON command a line and prints one JSON result a line, so that its parent can put two servers under the
same load in turns without paying for the SDK's imports and connections each time.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from typing import Any

import numpy as np
import tinker
from tinker import types

from benchmarks.workload import BASE_MODEL, LEARNING_RATE, NEW_TOKENS, RANK, batch_tokens, prompt_tokens


class Program:
    """One ServiceClient and the training clients made from it, all with the SDK's defaults."""

    def __init__(self) -> None:
        self.service = tinker.ServiceClient()
        self.training: list[tinker.TrainingClient] = []
        self.saves = 0
        self.batch = [datum(tokens) for tokens in batch_tokens()]

    async def train(self, clients: int, seconds: float) -> dict[str, float]:
        """Steps of so many clients at once until the time is over: both calls sent, then both results awaited."""
        missing = clients - len(self.training)
        self.training += [await self.service.create_lora_training_client(BASE_MODEL, rank=RANK) for _ in range(missing)]
        latencies: list[float] = []
        deadline = time.perf_counter() + seconds

        async def steps(client: tinker.TrainingClient) -> None:
            while (started := time.perf_counter()) < deadline:
                await self._step(client)
                latencies.append(time.perf_counter() - started)

        start = time.perf_counter()
        await asyncio.gather(*(steps(client) for client in self.training[:clients]))
        return {"count": len(latencies), "elapsed_s": time.perf_counter() - start, **_percentiles(latencies)}

    async def save_and_load(self, times: int) -> dict[str, float]:
        """save_state, then a new training client from it with its optimizer, so many times in a row."""
        await self.train(1, 0.01)
        latencies = []
        for _ in range(times):
            self.saves += 1
            started = time.perf_counter()
            saved = await self.training[0].save_state(f"save-{self.saves}")
            await self.service.create_training_client_from_state_with_optimizer(saved.path)
            latencies.append(time.perf_counter() - started)
        return {"count": times, "elapsed_s": sum(latencies), **_percentiles(latencies)}

    async def sample(self, requests: int) -> dict[str, float]:
        """So many samples at once from the weights of the first client."""
        await self.train(1, 0.01)
        sampler = await self.training[0].save_weights_and_get_sampling_client()
        prompt = types.ModelInput.from_ints(prompt_tokens())
        parameters = types.SamplingParams(max_tokens=NEW_TOKENS, stop=[], temperature=1.0)
        latencies: list[float] = []

        async def one() -> None:
            started = time.perf_counter()
            answer = await sampler.sample(prompt, 1, parameters)
            assert len(answer.sequences[0].tokens) == NEW_TOKENS
            latencies.append(time.perf_counter() - started)

        await one()
        latencies.clear()
        start = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(requests)))
        return {"count": requests, "elapsed_s": time.perf_counter() - start, **_percentiles(latencies)}

    async def _step(self, client: tinker.TrainingClient) -> None:
        gradients = client.forward_backward(self.batch, "cross_entropy")
        update = client.optim_step(types.AdamParams(learning_rate=LEARNING_RATE))
        await gradients
        await update


def datum(tokens: list[int]) -> types.Datum:
    return types.Datum(
        model_input=types.ModelInput.from_ints(tokens[:-1]),
        loss_fn_inputs={
            "target_tokens": types.TensorData(data=tokens[1:], dtype="int64", shape=[len(tokens) - 1]),
            "weights": types.TensorData(data=[1.0] * (len(tokens) - 1), dtype="float32", shape=[len(tokens) - 1]),
        },
    )


def _percentiles(latencies: list[float]) -> dict[str, float]:
    p50, p99 = np.percentile(latencies, [50, 99]) * 1e3
    return {"p50_ms": float(p50), "p99_ms": float(p99)}


async def _obey(program: Program) -> None:
    while line := await asyncio.to_thread(sys.stdin.readline):
        command: dict[str, Any] = json.loads(line)
        cpu = time.process_time()
        result = await getattr(program, command.pop("do"))(**command)
        print(json.dumps(result | {"client_cpu_s": time.process_time() - cpu}), flush=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    asyncio.run(_obey(Program()))
