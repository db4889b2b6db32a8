"""A runtime on a data directory, and the few calls that a training program makes of it."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mock_server.domain import sessions, training_runs
from mock_server.domain.catalogue import Catalogue
from mock_server.domain.clocks import EVERYBODY
from mock_server.domain.dials import Dial
from mock_server.domain.operations import Body, Outcome
from mock_server.domain.orders import (
    CreateModelOrder,
    LoadOrder,
    OptimStepOrder,
    Order,
    SampleOrder,
    SamplingParameters,
    SaveOrder,
)
from mock_server.domain.sessions import NewSession
from mock_server.domain.training_runs import Adapter, NewRun
from mock_server.runtime import Clocks, Pending, Runtime, Timing
from mock_server.runtime.timeline import Mode
from mock_server.store import Store

TENANT = "tenant"
MODEL = "Qwen/Qwen3-8B"
TEXT = list(range(40, 72))


@dataclass
class World:
    """One life of a server, without HTTP."""

    runtime: Runtime
    session: str = ""

    async def advance(self, seconds: float) -> None:
        """Let so much time pass for everybody, and all happen that it brings about."""
        await self.runtime.clocks.advance(EVERYBODY, seconds=seconds)

    async def open_session(self) -> str:
        self.session = await self.runtime.store.write(sessions.create, TENANT, NewSession(), self.runtime.store.seed)
        return self.session

    def new_run(self, number: int = 0, rank: int = 4) -> tuple[NewRun, CreateModelOrder]:
        order = CreateModelOrder(base_model=MODEL, lora={"rank": rank}, optimizer={"type": "adamw"})
        return NewRun(self.session, number, MODEL, Adapter(rank=rank, seed=7)), order

    async def create_run(self, number: int = 0, rank: int = 4) -> str:
        run_id, request_id = await self.runtime.create_run(TENANT, *self.new_run(number, rank), "create_model")
        await self.result(request_id)
        return run_id

    async def submit(self, run_id: str, kind: str, seq_id: int, order: Order) -> str:
        return await self.runtime.submit(TENANT, run_id, kind, seq_id, order.to_body())

    async def forward_backward(self, run_id: str, seq_id: int, tokens: Sequence[int] = TEXT) -> str:
        body = Body.of("application/json", batch(run_id, seq_id, tokens))
        return await self.runtime.submit(TENANT, run_id, "forward_backward", seq_id, body)

    async def optim_step(self, run_id: str, seq_id: int) -> str:
        return await self.submit(run_id, "optim_step", seq_id, OptimStepOrder(parameters={"learning_rate": 1e-3}))

    async def step(self, run_id: str, seq_id: int, tokens: Sequence[int] = TEXT) -> list[str]:
        """forward_backward and optim_step under seq_id and the next."""
        return [await self.forward_backward(run_id, seq_id, tokens), await self.optim_step(run_id, seq_id + 1)]

    async def save(self, run_id: str, seq_id: int, name: str, **options: Any) -> str:
        return await self.submit(run_id, "save_weights", seq_id, SaveOrder(name=name, **options))

    async def load(self, run_id: str, seq_id: int, path: str, *, optimizer: bool = True) -> str:
        return await self.submit(run_id, "load_weights", seq_id, LoadOrder(path=path, optimizer=optimizer))

    async def sample(
        self, sampler_id: str, seq_id: int, prompt: Sequence[int] = tuple(TEXT[:5]), **parameters: Any
    ) -> str:
        order = SampleOrder(
            prompt=[{"type": "encoded_text", "tokens": list(prompt)}], parameters=SamplingParameters(**parameters)
        )
        return (await self.runtime.sample(TENANT, sampler_id, seq_id, order))[0]

    async def save_for_sampler(self, run_id: str, seq_id: int, number: int) -> str:
        """The id of the sampler that it makes."""
        request = await self.submit(run_id, "save_weights_for_sampler", seq_id, SaveOrder(sampler_number=number))
        return str((await self.answer(request))["sampling_session_id"])

    async def outcome(self, request_id: str, tenant: str = TENANT) -> Outcome:
        outcome = await self.runtime.poll(tenant, request_id, 20)
        assert not isinstance(outcome, Pending), "no answer within 20 s"
        return outcome

    async def result(self, request_id: str) -> bytes:
        outcome = await self.outcome(request_id)
        assert outcome.state == "succeeded", outcome.error
        assert outcome.result is not None
        return outcome.result

    async def answer(self, request_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(await self.result(request_id))
        return answer


@asynccontextmanager
async def world(
    directory: Path, *, dials: Mapping[str, str] | None = None, clock: Mode = "real", **timing: Any
) -> AsyncIterator[World]:
    """One life of a server on the directory, stopped cleanly at the end."""
    clocks = Clocks(clock)
    store = Store.open(directory, durability="process", seed=11, clock=clocks.now)
    parsed = {kind: Dial.parse(text) for kind, text in (dials or {}).items()}
    runtime = Runtime(store, Catalogue.default(), clocks, Timing(**timing), parsed)
    await runtime.start()
    try:
        yield World(runtime)
    finally:
        runtime.release_polls()
        await runtime.stop()
        store.close()


async def until(condition: Callable[[], object]) -> None:
    """Return when it holds; the test's own timeout ends what never does."""
    while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
        await asyncio.sleep(0.005)


async def weights_of(here: World, run_id: str, seq_id: int, name: str) -> bytes:
    """The run's whole state, saved and read back."""
    await here.answer(await here.save(run_id, seq_id, name))
    run = await here.runtime.store.read(training_runs.owned, TENANT, run_id)
    assert run.snapshot is not None
    return here.runtime.store.artifacts.read(run.snapshot)


def crash_image(directory: Path, image: Path) -> Path:
    """What a killed server would leave on the disk at this moment."""
    # The database's log first: a row whose file is copied later has its file, and not the other way round.
    image.mkdir()
    for name in ("tinker.db", "tinker.db-wal"):
        if (directory / name).exists():
            shutil.copy(directory / name, image / name)
    if (directory / "artifacts").exists():
        # A file that is being written has no row yet, and may be gone before it is copied.
        shutil.copytree(directory / "artifacts", image / "artifacts", ignore=shutil.ignore_patterns("*.tmp"))
    return image


def batch(run_id: str, seq_id: int, tokens: Sequence[int], loss_fn: str = "cross_entropy") -> bytes:
    """A forward_backward body as SDKs up to 0.24 send it."""
    inputs = {
        "target_tokens": {"data": list(tokens[1:]), "dtype": "int64", "shape": [len(tokens) - 1]},
        "weights": {"data": [1.0] * (len(tokens) - 1), "dtype": "float32", "shape": [len(tokens) - 1]},
    }
    chunk = {"type": "encoded_text", "tokens": list(tokens[:-1])}
    datum = {"model_input": {"chunks": [chunk]}, "loss_fn_inputs": inputs}
    body = {
        "model_id": run_id,
        "seq_id": seq_id,
        "forward_backward_input": {"data": [datum], "loss_fn": loss_fn},
    }
    return json.dumps(body).encode()
