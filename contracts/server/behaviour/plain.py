"""The numbers that a history has when nothing disturbs it, learned from runs that do just that."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from contracts.oracle import FRESH_MOMENTS, Order, Origin, State
from contracts.server.behaviour.wire import DATA, RATES, Form, accepted, loss_of, place, request_of
from contracts.server.tenant import answer_of
from contracts.verdicts import Violation

if TYPE_CHECKING:
    from collections.abc import Callable

    from contracts.exchange import Exchange
    from contracts.server.tenant import Tenant

SMALLEST: Final = 1e-5
"""Relative difference of two losses that is always allowed."""
NOISE: Final = 1e-2
"""A server that differs from itself by more tells nothing by its numbers."""


class Plain:
    """A tenant of its own, and the losses that its runs told.

    form: how the server takes batches. exact: the relative difference within which two losses are equal.
    """

    def __init__(self, connect: Callable[[str], Tenant]) -> None:
        self._connect = connect
        self.tenant = connect("")
        self.base_model = ""
        self.form: Form = "protobuf"
        self.exact = SMALLEST
        self._session = ""
        self._runs = 0
        self._saved: list[str] = []
        self._losses: dict[tuple[State, str], float] = {}

    def begin(self) -> None:
        """Get to know the server. Violation: it does not do the least."""
        self.base_model = self.tenant.base_model()
        self._session = self.tenant.session()
        tried = self._submit(self._run(Origin(self.base_model, 8, 1)), 1, Order("forward", datum="a"))
        if not 200 <= answer_of(tried).status < 300:
            self.form = "json"

    def reconnect(self) -> None:
        """The server was restarted; whether it remembers anything is not for plain runs to find out."""
        self.tenant.close()
        self.tenant = self._connect(self.tenant.key)
        self._session = self.tenant.session()

    def close(self) -> None:
        """Leave nothing behind."""
        with suppress(Violation):
            for path in self._saved:
                self.tenant.send("DELETE", place(path))
            if self._session:
                self.tenant.post(f"/sessions/{self._session}/finish", reason={"type": "success"}, detail=None)
        self.tenant.close()

    def known(self, state: State, datum: str) -> float | None:
        """The loss, if it was measured already."""
        return self._losses.get((state.weights, datum))

    def loss(self, state: State, datum: str) -> float:
        """The loss of a datum in that state. Violation: the server does not get there."""
        weights = state.weights
        if (weights, datum) not in self._losses:
            self._losses |= {(weights, each): loss for each, loss in self.measured(weights).items()}
        return self._losses[weights, datum]

    def same(self, one: float, other: float) -> bool:
        """Whether two losses are equal, as exactly as this server knows its own."""
        return abs(one - other) <= self.exact * max(1.0, abs(one), abs(other))

    def others(self, state: State, datum: str) -> list[float]:
        """The losses of the datum in all other states that were measured."""
        weights = state.weights
        return [loss for (other, each), loss in self._losses.items() if each == datum and other != weights]

    def measured(self, state: State) -> dict[str, float]:
        """Every datum's loss, of a new run that is brought to this state."""
        run_id = self._run(state.origin)
        orders = [order for event in state.past for order in self._orders(run_id, event)]
        orders += [Order("forward", datum=each) for each in DATA]
        answers = [self._done(self._submit(run_id, number, order)) for number, order in enumerate(orders, 1)]
        return {datum: _loss(each) for datum, each in zip(DATA, answers[-len(DATA) :], strict=True)}

    def calibrate(self) -> float:
        """Measure one history in three runs, and see how far they differ, relatively; that decides what is equal."""
        past = (("batch", "a"), ("step", RATES[1]), ("batch", "b"), ("batch", "a"), ("step", RATES[1]))
        trained = State(Origin(self.base_model, 8, 1), past)
        losses = [self.measured(trained) for _ in range(3)]
        noise = max(abs(each[datum] / losses[0][datum] - 1) for each in losses for datum in DATA)
        self.exact = max(SMALLEST, 4 * noise)
        return noise

    def moved(self) -> tuple[float, float]:
        """The loss of a datum before and after a few steps."""
        fresh = State(Origin(self.base_model))
        past = (("batch", "a"), ("step", RATES[1])) * 3
        return self.loss(fresh, "a"), self.loss(State(Origin(self.base_model, 8, 1), past), "a")

    def _orders(self, run_id: str, event: tuple[str, str]) -> list[Order]:
        if event == FRESH_MOMENTS:
            # The run itself can forget its moments only by loading what it saved.
            self._runs += 1
            name = f"plain-{self._runs}"
            self._saved.append(f"tinker://{run_id}/weights/{name}")
            return [Order("save_weights", name=name), Order("load_weights", path=self._saved[-1])]
        kind, value = event
        return [Order("forward_backward", datum=value) if kind == "batch" else Order("optim_step", rate=value)]

    def _run(self, origin: Origin) -> str:
        self._runs += 1
        submitted = self.tenant.post("/create_model", **creation(self._session, self._runs, origin))
        return self.tenant.told(submitted, "model_id")

    def _submit(self, run_id: str, number: int, order: Order) -> Exchange:
        request = request_of(order, run_id, number, self.form)
        return self.tenant.send("POST", request.route, content=request.content, headers=request.headers)

    def _done(self, submitted: Exchange) -> Exchange:
        """The result of an order, which must be a success."""
        answer = self.tenant.poll(self.tenant.field(submitted, "request_id"), accept=accepted(self.form))
        value = self.tenant.ok(answer)
        if isinstance(value, dict) and "error" in value:
            raise Violation(f"an operation of a plain run failed: {str(value)[:200]}", submitted, answer)
        return answer


def _loss(answer: Exchange) -> float:
    try:
        return loss_of(answer)
    except (LookupError, TypeError, ValueError):
        raise Violation("the forward pass gave no loss:sum", answer) from None


def creation(session: str, number: int, origin: Origin) -> dict[str, object]:
    """The fields of create_model. seed: without it no two runs would be equal."""
    lora = {"rank": origin.rank or 8, "seed": origin.seed}
    return {"session_id": session, "model_seq_id": number, "base_model": origin.base_model, "lora_config": lora}
