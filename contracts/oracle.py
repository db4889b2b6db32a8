"""What a right Tinker server does, as a pure model: told of each request, it foretells the answer.

It knows no numbers. It knows what they depend on: a run's weights are what was done to it, in the order of its
seq_ids, each thing once. Wherever two histories are equal the numbers must be, whatever disturbed one of them:
repetitions, disorder, refusals, a restart (for which the model has no word: it changes nothing).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, Literal

Event = tuple[str, str]
"""What happens to a run: ("batch", its datum), ("step", the learning rate), or a load without optimizer."""
FRESH_MOMENTS: Final[Event] = ("moments", "fresh")
Kind = Literal["forward", "forward_backward", "optim_step", "save_weights", "save_weights_for_sampler", "load_weights"]
SEGMENTS: Final[dict[Kind, str]] = {"save_weights": "weights", "save_weights_for_sampler": "sampler_weights"}


class Answer(Enum):
    """How a request is answered, and the statuses that say so. UNKNOWN is also what belongs to somebody else."""

    DONE = (200, 201, 202, 204)
    REPEATED = (200,)
    REFUSED = (400, 422)
    CONFLICT = (409,)
    UNKNOWN = (404, 400, 410)
    FORBIDDEN = (403, 404)
    GONE = (410,)


@dataclass(frozen=True)
class Origin:
    """What a run was made of. Equal origins and equal histories give equal weights."""

    base_model: str
    rank: int = 0
    seed: int = 0


@dataclass(frozen=True)
class State:
    """A run at one moment: where it came from, and all that happened since."""

    origin: Origin
    past: tuple[Event, ...] = ()

    def after(self, event: Event) -> State:
        return replace(self, past=(*self.past, event))

    def until(self, *last: str) -> State:
        """The same without what came behind the last of these events."""
        past = self.past
        while past and past[-1][0] not in last:
            past = past[:-1]
        return replace(self, past=past)

    @property
    def saved(self) -> State:
        """What a checkpoint keeps: no pending gradients."""
        return self.until("step", "moments")

    @property
    def weights(self) -> State:
        """What a forward pass depends on. An adapter that was never stepped is the base model itself."""
        stepped = self.until("step")
        return stepped if stepped.past else State(Origin(self.origin.base_model))


@dataclass(frozen=True)
class Order:
    """A numbered request to a run. name: of a save; empty: unnamed, as sampler `number` of its session.

    flaw: "form": no server can read it; "content": it can be read, and not be done.
    """

    kind: Kind
    datum: str = ""
    rate: str = ""
    name: str = ""
    number: int = -1
    path: str = ""
    optimizer: bool = False
    flaw: Literal["", "form", "content"] = ""


@dataclass
class Operation:
    """An order that was accepted. state: the run's when its turn came. made: the path or sampler that came of it."""

    order: Order
    outcome: Literal["waiting", "succeeded", "failed"] = "waiting"
    state: State | None = None
    made: str = ""


@dataclass
class Run:
    """A training run. used: numbers of refused requests, for which no turn will come."""

    id: str
    tenant: str
    session: str
    state: State
    next_seq_id: int = 1
    log: dict[int, Operation] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)


@dataclass
class Checkpoint:
    """state: what it holds. whole: with the optimizer's moments. expires_at: by the model's clock; None: never."""

    path: str
    tenant: str
    run: str
    state: State
    whole: bool
    public: bool = False
    expires_at: float | None = None


@dataclass
class Sampler:
    """Weights to sample from, as of one moment; they stay when their checkpoint goes."""

    id: str
    tenant: str
    session: str
    weights: State
    asked: dict[int, str] = field(default_factory=dict)


class Oracle:
    """Tell it each request, in the order in which the server gets them; it says what is answered.

    It executes an operation as soon as its turn has come. A server may be later: ask it for the result before
    anything is asked that depends on it.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.sessions: dict[str, tuple[str, bool]] = {}  # whose it is, and whether it lives
        self.runs: dict[str, Run] = {}
        self.checkpoints: dict[str, Checkpoint] = {}
        self.samplers: dict[str, Sampler] = {}

    def open_session(self, tenant: str, session: str) -> None:
        self.sessions[session] = (tenant, True)

    def heartbeat(self, tenant: str, session: str) -> Answer:
        lives = self._own(tenant, session) and self.sessions[session][1]
        return Answer.DONE if lives else Answer.GONE if self._own(tenant, session) else Answer.UNKNOWN

    def finish(self, tenant: str, session: str) -> Answer:
        if self._own(tenant, session):
            self.sessions[session] = (tenant, False)
        return Answer.DONE if self._own(tenant, session) else Answer.UNKNOWN

    def content(self, session: str) -> tuple[set[str], set[str]]:
        """The runs and the samplers of a session."""
        return {run.id for run in self.runs.values() if run.session == session}, {
            sampler.id for sampler in self.samplers.values() if sampler.session == session
        }

    def _own(self, tenant: str, session: str) -> bool:
        return session in self.sessions and self.sessions[session][0] == tenant

    # Runs and their operations.

    def create_run(self, tenant: str, session: str, number: int, start: State) -> Answer:
        run_id = f"{session}:train:{number}"
        if not self._own(tenant, session):
            return Answer.UNKNOWN
        if run_id in self.runs:
            return Answer.REPEATED
        self.runs[run_id] = Run(run_id, tenant, session, start)
        return Answer.DONE

    def restore_run(self, tenant: str, session: str, number: int, path: str, *, optimizer: bool) -> Answer:
        """A new run that goes on where a checkpoint stands."""
        if self.read(tenant, path) is not Answer.DONE:
            return Answer.UNKNOWN
        return self.create_run(tenant, session, number, self._loaded(path, optimizer=optimizer))

    def submit(self, tenant: str, run_id: str, seq_id: int, order: Order) -> Answer:
        """An operation under its number. One whose turn has not come waits, and is accepted all the same."""
        run = self.runs.get(run_id)
        if run is None or run.tenant != tenant:
            return Answer.UNKNOWN
        if seq_id in run.log:
            return Answer.REPEATED if run.log[seq_id].order == order else Answer.CONFLICT
        if order.flaw == "form":
            run.used.add(seq_id)
        else:
            run.log[seq_id] = Operation(order)
        while run.next_seq_id in run.log or run.next_seq_id in run.used:
            if run.next_seq_id in run.log:
                self._execute(run, run.log[run.next_seq_id])
            run.next_seq_id += 1
        return Answer.REFUSED if order.flaw == "form" else Answer.DONE

    def _execute(self, run: Run, operation: Operation) -> None:
        order = operation.order
        operation.state = run.state
        operation.outcome = "failed" if order.flaw else "succeeded"
        match order.kind:
            case _ if order.flaw:
                return
            case "forward_backward":
                run.state = run.state.after(("batch", order.datum))
            case "optim_step":
                run.state = run.state.after(("step", order.rate))
            case "save_weights" | "save_weights_for_sampler" if order.name:
                self._save(run, operation)
            case "save_weights_for_sampler":
                operation.made = sampler_id(run.session, order.number)
                self.samplers[operation.made] = Sampler(operation.made, run.tenant, run.session, run.state.weights)
            case "load_weights" if self.read(run.tenant, order.path) is Answer.DONE:
                run.state = self._loaded(order.path, optimizer=order.optimizer)
            case "load_weights":
                operation.outcome = "failed"

    def _save(self, run: Run, operation: Operation) -> None:
        kind = operation.order.kind
        path = operation.made = f"tinker://{run.id}/{SEGMENTS[kind]}/{operation.order.name}"
        if self._alive(path):
            operation.outcome = "failed"
        else:
            self.checkpoints[path] = Checkpoint(path, run.tenant, run.id, run.state.saved, kind == "save_weights")

    def _loaded(self, path: str, *, optimizer: bool) -> State:
        state = self.checkpoints[path].state
        return state if optimizer else state.after(FRESH_MOMENTS)

    # Checkpoints.

    def read(self, tenant: str, path: str) -> Answer:
        """Whatever only reads a checkpoint: loading it, sampling from it, describing it, its archive."""
        found = self._alive(path)
        return Answer.DONE if found is not None and (found.public or found.tenant == tenant) else Answer.UNKNOWN

    def change(self, tenant: str, path: str) -> Answer:
        """Whatever changes a checkpoint, as to who may."""
        found = self._alive(path)
        if found is not None and found.tenant == tenant:
            return Answer.DONE
        return Answer.UNKNOWN if found is None or not found.public else Answer.FORBIDDEN

    def publish(self, tenant: str, path: str, *, public: bool) -> Answer:
        if (answer := self.change(tenant, path)) is Answer.DONE:
            self.checkpoints[path].public = public
        return answer

    def set_ttl(self, tenant: str, path: str, seconds: float | None) -> Answer:
        if (answer := self.change(tenant, path)) is Answer.DONE:
            self.checkpoints[path].expires_at = None if seconds is None else self.now + seconds
        return answer

    def delete(self, tenant: str, path: str) -> Answer:
        if (answer := self.change(tenant, path)) is Answer.DONE:
            del self.checkpoints[path]
        return answer

    def listed(self, tenant: str, run_id: str | None = None) -> dict[str, Checkpoint]:
        """What a tenant's list of its checkpoints shows, or the list of one run: of another's only the published."""
        alive = [each for path, each in self.checkpoints.items() if self._alive(path)]
        seen = [each for each in alive if each.tenant == tenant or (each.public and run_id is not None)]
        return {each.path: each for each in seen if run_id in {None, each.run}}

    def _alive(self, path: str) -> Checkpoint | None:
        found = self.checkpoints.get(path)
        return None if found is None or (found.expires_at is not None and found.expires_at <= self.now) else found

    # Samplers.

    def create_sampler(self, tenant: str, session: str, number: int, base_model: str, path: str = "") -> Answer:
        """Of a checkpoint's weights, or of the base model."""
        if not self._own(tenant, session) or (path and self.read(tenant, path) is not Answer.DONE):
            return Answer.UNKNOWN
        made = sampler_id(session, number)
        known = made in self.samplers
        state = self.checkpoints[path].state if path else State(Origin(base_model))
        self.samplers.setdefault(made, Sampler(made, tenant, session, state.weights))
        return Answer.REPEATED if known else Answer.DONE

    def sample(self, tenant: str, sampler: str, seq_id: int, asked: str) -> Answer:
        """A sample under its number. Samples have no order."""
        found = self.samplers.get(sampler)
        if found is None or found.tenant != tenant:
            return Answer.UNKNOWN
        known = seq_id in found.asked
        same = found.asked.setdefault(seq_id, asked) == asked
        return Answer.DONE if not known else Answer.REPEATED if same else Answer.CONFLICT


def sampler_id(session: str, number: int) -> str:
    """What the model calls a sampler. What a server calls it, it tells."""
    return f"{session}:sample:{number}"
