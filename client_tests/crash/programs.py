"""Training programs whose every number is written down. Imported by the SDK's own interpreter.

Each works in rounds until it is told that it is enough, or for a given number of rounds, so that an undisturbed world
can repeat what a disturbed one did.
"""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kit  # type: ignore[import-not-found]  # the harness's, by its bare name
from tinker import types

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


class Diary:
    """What came back, in order: labels with values or their digests. Tells when the program is at work and how long
    it goes on.
    """

    def __init__(self, ready: str, enough: str, rounds: int | None) -> None:
        self.entries: list[tuple[str, Any]] = []
        self._ready, self._enough, self._rounds = Path(ready), Path(enough), rounds
        self.round = 0

    def rounds(self) -> Iterator[int]:
        # From here on the server may die: the session exists, whose id would be another after a lost answer.
        self._ready.touch()
        while (not self._enough.exists()) if self._rounds is None else self.round < self._rounds:
            yield self.round
            self.round += 1

    def note(self, label: str, value: Any) -> None:
        self.entries.append((f"{self.round} {label}", value))

    def batch(self, label: str, future: Any) -> None:
        output = future.result()
        logprobs = [list(each["logprobs"].data) for each in output.loss_fn_outputs]
        self.note(label, [output.metrics["loss:sum"], _digest(logprobs)])

    def step(self, label: str, future: Any) -> None:
        self.note(label, sorted((future.result().metrics or {}).items()))

    def samples(self, label: str, futures: Sequence[Any]) -> None:
        for future in futures:
            sequences = future.result().sequences
            self.note(label, [[list(each.tokens), _digest(list(each.logprobs or []))] for each in sequences])


def pipelined(service: Any, diary: Diary) -> None:
    """Submissions several ahead; saves and loads, with the optimizer and without, between them."""
    run = kit.trainer(service)
    saved = []
    for number in diary.rounds():
        futures = []
        for step in range(3):
            tokens = [(number * 7 + step * 3 + at) % 97 + 100 for at in range(20)]
            futures.append((diary.batch, "backward", run.forward_backward([kit.datum(tokens)] * 3, "cross_entropy")))
            futures.append((diary.batch, "second", run.forward_backward([kit.datum(tokens[5:])], "cross_entropy")))
            futures.append((diary.step, "step", run.optim_step(kit.adam())))
            futures.append((diary.batch, "forward", run.forward([kit.datum(tokens)], "cross_entropy")))
        save = run.save_state(f"state-{number}")
        after = run.forward_backward([kit.datum()], "cross_entropy")
        for write, label, future in futures:
            write(label, future)
        saved.append(save.result().path)
        diary.note("saved", saved[-1])
        if number % 3 == 1:
            run.load_state_with_optimizer(saved[-2]).result()
        if number % 3 == 2:
            run.load_state(saved[-1]).result()
        diary.batch("after", after)
    run.save_state("end").result()


def many_chunks(service: Any, diary: Diary) -> None:
    """Batches of more than 1,024 examples: chunks 2 and 3 are posted before chunk 1, and polled first."""
    run = kit.trainer(service, rank=8)
    for number in diary.rounds():
        data = [kit.datum([(number + at) % 89 + 100, at % 83 + 100, at % 79 + 100]) for at in range(2100)]
        backward = run.forward_backward(data, "cross_entropy")
        step = run.optim_step(kit.adam())
        forward = run.forward(data[:1030], "cross_entropy")
        another = run.forward_backward(data[500:1600], "cross_entropy")
        second = run.optim_step(kit.adam())
        diary.batch("backward", backward)
        diary.step("step", step)
        diary.batch("forward", forward)
        diary.batch("another", another)
        diary.step("second", second)
        if number % 2:
            diary.note("sampler", run.save_weights_for_sampler(f"sampler-{number}").result().path)
    run.save_state("end").result()


def sampling(service: Any, diary: Diary) -> None:
    """A sampler of each step's weights, asked with seeds and without, and used on while training goes on."""
    run = kit.trainer(service)
    before = None
    for number in diary.rounds():
        backward = run.forward_backward([kit.datum()] * 4, "cross_entropy")
        step = run.optim_step(kit.adam(3e-3))
        save = run.save_weights_for_sampler(f"sampler-{number}")
        ahead = run.forward_backward([kit.datum()], "cross_entropy")
        sampler = service.create_sampling_client(save.result().path).result()
        for each in filter(None, (sampler, before)):
            seeded = types.SamplingParams(max_tokens=12, temperature=0.9, seed=7, stop=[])
            free = types.SamplingParams(max_tokens=12, temperature=0.9, stop=[])
            prompt = kit.prompt()
            futures = [each.sample(prompt, 2, seeded), *(each.sample(prompt, 2, free) for _ in range(6))]
            logprobs = each.compute_logprobs(prompt)
            diary.samples("sample", futures)
            diary.note("logprobs", _digest(list(logprobs.result())))
        before = sampler
        diary.batch("backward", backward)
        diary.step("step", step)
        diary.batch("ahead", ahead)
    run.save_state("end").result()


def many_runs(service: Any, diary: Diary) -> None:
    """Runs that are created while the server dies, fresh ones and from checkpoints, at work at the same time."""
    runs = [kit.trainer(service, rank=2)]
    for number in diary.rounds():
        if number == 0:
            runs.append(kit.trainer(service, rank=16))
        futures = []
        for at, run in enumerate(runs):
            data = [kit.datum([(at * 11 + number + each) % 90 + 100 for each in range(16)])] * 2
            futures.append((diary.batch, f"backward {at}", run.forward_backward(data, "cross_entropy")))
            futures.append((diary.step, f"step {at}", run.optim_step(kit.adam())))
        # Only with seeds: the SDK counts this sampler on with each attempt to send the save, and without a seed a
        # sample depends on who is asked.
        sampler = runs[0].save_weights_and_get_sampling_client().result()
        diary.samples("sample", [sampler.sample(kit.prompt(), 2, types.SamplingParams(max_tokens=6, seed=5, stop=[]))])
        for write, label, future in futures:
            write(label, future)
        if number % 2 == 0:
            path = runs[number % len(runs)].save_state(f"branch-{number}").result().path
            create = (
                service.create_training_client_from_state_with_optimizer
                if number % 4
                else service.create_training_client_from_state
            )
            runs = [*runs[-3:], create(path).result()]
    for run in runs:
        run.save_state("end").result()


PROGRAMS: dict[str, Callable[[Any, Diary], None]] = {
    "pipelined": pipelined,
    "many_chunks": many_chunks,
    "sampling": sampling,
    "many_runs": many_runs,
}


def run(service: Any, name: str, ready: str, enough: str, rounds: int | None) -> dict[str, Any]:
    """Run the program of that name; returns how many rounds it made and what it wrote down."""
    diary = Diary(ready, enough, rounds)
    PROGRAMS[name](service, diary)
    return {"rounds": diary.round, "entries": diary.entries}


def _digest(numbers: object) -> str:
    """Every bit of a float shows in its repr."""
    return blake2b(repr(numbers).encode(), digest_size=8).hexdigest()
