"""Chains of operations along the links of openapi.yaml: what one answers, the next is asked with."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from time import monotonic
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

import hypothesis
from hypothesis import strategies as st
from hypothesis.errors import Flaky, Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.core.transforms import UNRESOLVABLE
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.generation.hypothesis.reporting import ignore_hypothesis_output
from schemathesis.generation.stateful.state_machine import StepInput, StepOutput
from schemathesis.specs.openapi.stateful import collect_transitions, into_step_input

from contracts.server.shape.generation import BOTH, QUIET
from contracts.server.shape.memory import Memory
from contracts.server.shape.placing import IN_BODIES, SPENDERS, place, tame

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemathesis.core.transport import Response
    from schemathesis.specs.openapi.stateful.links import OpenApiLink

    from contracts.server.shape.description import Asked
    from contracts.server.shape.generation import AnyCase
    from contracts.server.shape.trial import Trials

ROOT: Final = "create_session"
BATCH: Final = 5
"""Chains drawn together: hypothesis ends a batch when a server's answers make it draw what it had not foreseen."""
EAGER: Final = 0.6
"""How often a submission is followed by the question for its result, without which the next ones find nothing."""


@dataclass
class Walk:
    """All chains of one run. reached: by operation how often it succeeded. met: how often it was asked."""

    operations: Sequence[Asked]
    trials: Trials
    base_model: str | None
    steps: int
    deadline: float
    chains: int = 0
    requests: int = 0
    met: Counter[str] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._by_label = {operation.generated.label: operation for operation in self.operations}
        self._links = collect_transitions([operation.generated for operation in self.operations])

    def go(self, count: int) -> None:
        """So many chains, fewer where the time is over before. The same seed draws the same."""
        root = next((each for each in self.operations if each.id == ROOT), None)
        if root is None:
            return
        for number in range(count):
            seed = crc32(f"{self.trials.target.seed} {number}".encode())

            @hypothesis.seed(seed)
            @hypothesis.settings(QUIET, max_examples=BATCH)
            @hypothesis.given(st.data())
            def chain(data: st.DataObject) -> None:
                # Drawn first, so that no two chains look to hypothesis like one that took another turn.
                self._chain(root, data, Random(data.draw(st.integers(0, 2**64))))  # noqa: S311 - no secret

            with ignore_hypothesis_output(), suppress(Flaky, Unsatisfiable):
                chain()
            if self.over or self.chains >= count:
                return

    @property
    def over(self) -> bool:
        """Whether nothing more is asked."""
        return monotonic() > self.deadline or self.trials.server_is_gone

    def links_of(self, operation: Asked, status: int) -> list[tuple[OpenApiLink, Asked]]:
        """Where an answer leads: each link with the operation that it means."""
        found = self._links.operations.get(operation.generated.label)
        outgoing = () if found is None else found.outgoing
        return [
            (link, self._by_label[link.target.label])
            for link in outgoing
            if link.status_code == str(status) and link.target.label in self._by_label
        ]

    def _chain(self, root: Asked, data: st.DataObject, draw: Random) -> None:
        if self.over:
            return
        self.chains += 1
        chain = _Chain(self, draw)
        first = root.generated.as_strategy(generation_mode=GenerationMode.POSITIVE)
        chain.step(root, StepInput.initial(data.draw(first)), None)
        for _ in range(self.steps - 1):
            chosen = chain.choose()
            if chosen is None or self.over:
                return
            link, target, output = chosen
            strategy = into_step_input(target=link.target, link=link, modes=BOTH)(output)
            chain.step(target, data.draw(strategy), link)


class _Chain:
    """One chain: one tenant, what it has come by, and every answer that leads on."""

    def __init__(self, walk: Walk, draw: Random) -> None:
        self._walk = walk
        self._draw = draw
        self._tenant = walk.trials.belongings()
        self._memory = Memory(walk.base_model)
        self._recorder = ScenarioRecorder(label="chain")
        self._ended: set[str] = set()
        """Ids of sessions and runs that are finished or unloaded, names of what was deleted."""
        self._open: list[tuple[OpenApiLink, Asked, StepOutput]] = []

    def choose(self) -> tuple[OpenApiLink, Asked, StepOutput] | None:
        """The next link: most often one to an operation that was asked seldom so far."""
        if not self._open:
            return None
        last = self._open[-1][2]
        results = [each for each in self._open if each[0].name == "result" and each[2] is last]
        if results and self._draw.random() < EAGER:
            return results[0]
        targets = {target: 0.1 if target.id in SPENDERS else 1.0 for _, target, _ in self._open}
        weights = [weight / (1 + self._walk.met[target.id]) ** 2 for target, weight in targets.items()]
        chosen = self._draw.choices(list(targets), weights)[0]
        return self._draw.choice([each for each in self._open if each[1] is chosen])

    def step(self, operation: Asked, chosen: StepInput, link: OpenApiLink | None) -> None:
        """Ask, judge, and remember what was answered."""
        trials, case = self._walk.trials, chosen.case
        if trials.is_silent(operation):
            return
        linked = set() if link is None else {*_names(link.body), *(each.name for each in link.parameters)}
        tame(operation.id, case)
        place(operation.id, case, self._memory, keep=linked)
        parent = None if chosen.transition is None else chosen.transition.parent_id
        self._recorder.record_case(
            case=case, parent_id=parent, transition=chosen.transition, is_transition_applied=chosen.is_applied
        )
        self._walk.met[operation.id] += 1
        self._walk.requests += 1
        transport = trials.transport(operation, self._tenant)
        response: Response | None = trials.sent(operation, case, transport)
        if response is None:
            self._recorder.forget_case(case_id=case.id)
            return
        self._recorder.record_response(case_id=case.id, response=response)
        exchange = transport["session"].last
        # What has ended may be refused in any way, valid or not; and an export may be encrypted, even to its server.
        texts = _texts(case)
        ended = bool(self._ended & set(texts)) or any("/external_weights/" in text for text in texts)
        trials.judge.answered(operation, case, response, exchange, transport, self._recorder, ended=ended)
        if 200 <= response.status_code < 300:
            self._walk.reached[operation.id] += 1
            self._memory.learn(operation.id, exchange.response.json)
            if operation.id in SPENDERS:
                self._ended.update(_texts(case))
        output = StepOutput(response, case)
        links = self._walk.links_of(operation, response.status_code)
        self._open += [(link, target, output) for link, target in links if _carries(link, output)]


def _carries(link: OpenApiLink, output: StepOutput) -> bool:
    """Whether the answer has all that the link takes of it; a result of another kind has it not."""
    transition = link.extract(output)
    taken = [each.value for values in transition.parameters.values() for each in values.values()]
    if transition.request_body is not None:
        taken.append(transition.request_body.value)
    return all(isinstance(each, Ok) and _is_whole(each.ok()) for each in taken)


def _is_whole(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_whole, value.values()))
    return value is not None and value is not UNRESOLVABLE


def _texts(case: AnyCase) -> list[str]:
    """The ids and names that a request stands on."""
    body = case.body if isinstance(case.body, dict) else {}
    values = [*case.path_parameters.values(), *(body.get(name) for name in (*IN_BODIES, "path"))]
    return [value for value in values if isinstance(value, str)]


def _names(body: Any) -> set[str]:
    return set(body) if isinstance(body, dict) else set()
