"""Makes seed data by the ways that clients' requests go: through the runtime and the rules of the domain."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from mock_server.domain import checkpoints, samplers, sessions
from mock_server.domain.dials import Dial
from mock_server.domain.operations import Body
from mock_server.domain.orders import CreateModelOrder, OptimStepOrder, Order, SaveOrder
from mock_server.domain.paths import CheckpointPath, checkpoint_name
from mock_server.domain.samplers import NewSampler
from mock_server.domain.sessions import NewSession
from mock_server.domain.training_runs import ADAMW, Adapter, NewRun
from mock_server.runtime import INTERFERENCE, Interference, Pending, Runtime
from mock_server.seeding.model import Action, InvalidSeedData, SeedData, SeedRun, SeedSampler, SeedSession

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKENS: Final = range(100, 124)
"""What is trained: each of them from those before it."""
ADAM: Final = {"learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.95, "eps": 1e-12, "weight_decay": 0.0}
_POLL_SECONDS: Final = 30.0


@dataclass(frozen=True)
class Sown:
    """What was made, in the order of its making. checkpoints: their paths."""

    sessions: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    checkpoints: list[str] = field(default_factory=list)
    samplers: list[str] = field(default_factory=list)


async def sow(runtime: Runtime, tenant: str, seed: SeedData) -> Sown:
    """Make all of it for the tenant, beside what it has. InvalidSeedData where a rule refuses it."""
    sown = Sown()
    # Whatever the dials say, nobody has to be waited for here.
    token = INTERFERENCE.set(Interference(dial=Dial()))
    try:
        for each in seed.sessions:
            await _session(runtime, tenant, each, sown)
    finally:
        INTERFERENCE.reset(token)
    return sown


async def _session(runtime: Runtime, tenant: str, session: SeedSession, sown: Sown) -> None:
    new = NewSession(list(session.tags), dict(session.user_metadata), None, session.project_id)
    session_id = await runtime.store.write(sessions.create, tenant, new, runtime.store.seed)
    sown.sessions.append(session_id)
    first = len(sown.checkpoints)
    for number, run in enumerate(session.runs):
        await _Sowing(runtime, tenant, session_id, number, run).all(sown)
    for number, sampler in enumerate(session.samplers):
        wanted = _sampler(sampler, session_id, number, sown.checkpoints[first:])
        sown.samplers.append((await runtime.store.write(samplers.create, tenant, wanted)).id)


def _sampler(sampler: SeedSampler, session_id: str, number: int, paths: list[str]) -> NewSampler:
    if sampler.of is None:
        return NewSampler(session_id, number, base_model=sampler.base_model)
    found = [path for path in paths if path.rpartition("/")[2] == sampler.of]
    if not found:
        raise InvalidSeedData(f"a sampler is of {sampler.of!r}, and no run of its session saves that")
    # Weights for samplers go before a training checkpoint of the same name.
    return NewSampler(session_id, number, model_path=min(found, key=lambda path: "/sampler_weights/" not in path))


class _Sowing:
    """One run."""

    def __init__(self, runtime: Runtime, tenant: str, session_id: str, number: int, run: SeedRun) -> None:
        self._runtime = runtime
        self._tenant = tenant
        self._session_id = session_id
        self._number = number
        self._run = run
        self._seq_ids: Iterator[int] = count(1)
        self._steps = 0
        self._paths: list[str] = []
        self._id = ""

    async def all(self, sown: Sown) -> None:
        entry = self._runtime.catalogue[self._run.base_model]
        if not entry.trainable:
            raise InvalidSeedData(f"base_model {entry.name!r} can't be trained")
        adapter = Adapter(rank=self._run.rank, seed=self._run.seed)
        new = NewRun(self._session_id, self._number, entry.name, adapter, dict(ADAMW), dict(self._run.user_metadata))
        lora = {
            "rank": adapter.rank,
            "seed": adapter.seed,
            "train_mlp": True,
            "train_attn": True,
            "train_unembed": True,
        }
        order = CreateModelOrder(base_model=entry.name, lora=lora, optimizer=dict(ADAMW))
        self._id, creation = await self._runtime.create_run(self._tenant, new, order, "create_model")
        await self._result(creation)
        sown.runs.append(self._id)
        for action in self._run.do:
            await self._act(action)
        sown.checkpoints.extend(self._paths)

    async def _act(self, action: Action) -> None:
        for _ in range(action.train or 0):
            await self._step()
            if action.save_each is not None:
                await self._save("save_weights", f"{action.save_each}-{self._steps:02}", None)
        if action.save is not None:
            await self._save("save_weights", action.save, action.ttl_seconds)
        if action.save_for_sampler is not None:
            await self._save("save_weights_for_sampler", action.save_for_sampler, action.ttl_seconds)
        if action.publish is not None:
            found = [path for path in self._paths if path.rpartition("/")[2] == action.publish]
            if not found:
                raise InvalidSeedData(f"publish is {action.publish!r}, and the run has saved nothing of that name")
            for path in found:
                parsed = CheckpointPath.parse(path)
                await self._runtime.store.write(checkpoints.set_public, self._tenant, parsed, public=True)

    async def _step(self) -> None:
        seq_id = next(self._seq_ids)
        batch = Body.of("application/json", json.dumps(_batch(self._id, seq_id)).encode())
        await self._result(await self._runtime.submit(self._tenant, self._id, "forward_backward", seq_id, batch))
        await self._submit("optim_step", OptimStepOrder(parameters=ADAM))
        self._steps += 1

    async def _save(self, kind: str, name: str, ttl_seconds: int | None) -> None:
        order = SaveOrder(name=checkpoint_name(name), ttl_seconds=ttl_seconds)
        self._paths.append((await self._submit(kind, order))["path"])

    async def _submit(self, kind: str, order: Order) -> Any:
        seq_id = next(self._seq_ids)
        operation = await self._runtime.submit(self._tenant, self._id, kind, seq_id, order.to_body())
        return json.loads(await self._result(operation))

    async def _result(self, operation: str) -> bytes:
        while isinstance(outcome := await self._runtime.poll(self._tenant, operation, _POLL_SECONDS), Pending):
            pass
        if outcome.state != "succeeded":
            raise InvalidSeedData(f"seed data can't be made: {outcome.error}")
        return outcome.result or b""


def _batch(run_id: str, seq_id: int) -> dict[str, Any]:
    """A forward_backward as clients send it in JSON."""
    size = len(TOKENS) - 1
    datum = {
        "model_input": {"chunks": [{"type": "encoded_text", "tokens": list(TOKENS[:-1])}]},
        "loss_fn_inputs": {
            "target_tokens": {"data": list(TOKENS[1:]), "dtype": "int64", "shape": [size]},
            "weights": {"data": [1.0] * size, "dtype": "float32", "shape": [size]},
        },
    }
    return {
        "model_id": run_id,
        "seq_id": seq_id,
        "forward_backward_input": {"data": [datum], "loss_fn": "cross_entropy"},
    }
