"""The owner's runs: made, sent orders, and their results held to the model."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from contracts.oracle import Answer, Operation, Order, Origin, State
from contracts.server.behaviour.checks import (
    CONFLICT,
    DELETED,
    EQUAL,
    FAILED,
    MOMENT,
    NAME,
    RESTORED,
    SAME_ID,
    SOUND,
    USED,
)
from contracts.server.behaviour.plain import creation
from contracts.server.behaviour.wire import accepted, loss_of, request_of
from contracts.server.behaviour.world import OWNER
from contracts.server.tenant import answer_of
from contracts.verdicts import Violation

if TYPE_CHECKING:
    from contracts.exchange import Exchange
    from contracts.server.behaviour.world import World

GAP_SECONDS: Final = 2.5
"""A server may give a gap up; of a run that had one for longer than this nothing is foretold any more."""


@dataclass
class Hand:
    """A run in its client's hands. origin: None for one that was restored. held: orders numbered and not sent yet.

    restored: the weights that were loaded last. unclear: nothing is foretold of it any more.
    """

    id: str
    label: str
    origin: Origin | None
    next_seq_id: int = 1
    held: dict[int, Order] = field(default_factory=dict)
    gap_since: float | None = None
    restored: State | None = None
    unclear: bool = False

    def take(self) -> int:
        """The next number."""
        self.next_seq_id += 1
        return self.next_seq_id - 1


class Runs:
    """request_ids: by run and seq_id, as the server gave them; that of a creation stands under 0.

    sampler_ids: what the server calls a sampler, by what the model calls it.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._oracle = world.oracle
        self.hands: list[Hand] = []
        self.request_ids: dict[tuple[str, int], str] = {}
        self.sampler_ids: dict[str, str] = {}
        self._settled: set[tuple[str, int]] = set()

    def operation(self, hand: Hand, number: int) -> Operation:
        """What the model knows of it."""
        return self._oracle.runs[hand.id].log[number]

    def busy(self, hand: Hand) -> bool:
        """Whether something was sent whose result is not there yet."""
        return any((hand.id, number) not in self._settled for number in self._oracle.runs[hand.id].log)

    # Making.

    def create(self, session: str, origin: Origin) -> None:
        """A fresh run."""
        hand, number = self._new(session, origin)
        self._oracle.create_run(OWNER, session, number, State(origin))
        self._world.tell(f"{hand.label} is created, rank {origin.rank}, seed {origin.seed}")
        self._created(hand, self._world.tenant().post("/create_model", **creation(session, number, origin)), SOUND)

    def restore(self, session: str, path: str, *, optimizer: bool) -> None:
        """A run that begins with a checkpoint."""
        hand, number = self._new(session, None)
        self._oracle.restore_run(OWNER, session, number, path, optimizer=optimizer)
        self._world.tell(f"{hand.label} is created from {named(path)}{'' if optimizer else ' without its optimizer'}")
        self._world.marks.add(MOMENT)
        hand.restored = self._oracle.runs[hand.id].state.weights
        fields = {"session_id": session, "model_seq_id": number, "path": path, "optimizer": optimizer}
        self._created(hand, self._world.tenant().post("/load_weights", **fields), MOMENT)

    def _new(self, session: str, origin: Origin | None) -> tuple[Hand, int]:
        number = self._world.number(f"runs of {session}")
        hand = Hand(f"{session}:train:{number}", f"run {len(self.hands) + 1}", origin)
        self.hands.append(hand)
        return hand, number

    def _created(self, hand: Hand, submitted: Exchange, check: str) -> None:
        tenant = self._world.tenant()
        self.request_ids[hand.id, 0] = tenant.field(submitted, "request_id")
        result = tenant.result(submitted, within=self._world.exploration.budget.patience)
        if result.get("model_id", hand.id) != hand.id:
            what = f"{hand.label} is called {result['model_id']!r} where {hand.id!r} was due"
            self._world.broken(check, what, submitted, *tenant.last)

    # Sending.

    def submit(self, hand: Hand, number: int, order: Order, check: str, *, key: str = "") -> None:
        """Send an order under the next number, a later one, or one that was sent before. key: for idempotency."""
        self._watch_gap(hand)
        answer = self._oracle.submit(OWNER, hand.id, number, order)
        again = " again" if answer is Answer.REPEATED else ""
        self._world.tell(f"{hand.label} is sent {number}{again}: {described(order)}")
        self.accept(hand, number, answer, self.post(hand, number, order, key=key), check)
        self._watch_gap(hand)

    def post(
        self, hand: Hand, number: int, order: Order, *, who: str = OWNER, connection: int = 0, key: str = ""
    ) -> Exchange:
        """Send an order, and nothing else."""
        request = request_of(order, hand.id, number, self._world.plain.form)
        headers = request.headers | {"x-idempotency-key": key or f"{hand.id}/{number}"}
        return self._world.tenant(who, connection).send("POST", request.route, content=request.content, headers=headers)

    def accept(self, hand: Hand, number: int, answer: Answer, exchange: Exchange, check: str) -> None:
        """Hold the immediate answer to what the model says of it."""
        world, key, name = self._world, (hand.id, number), f"{hand.label}.{number}"
        status = answer_of(exchange).status
        match answer:
            case Answer.DONE if 400 <= status < 500 and self._fails(hand, number):
                self._settled.add(key)  # what can't be done may be refused at once
            case Answer.DONE if not 200 <= status < 300:
                what = f"{name} was answered with {status} where 2xx was due"
                world.broken(world.suspect(check), what, exchange)
            case Answer.DONE:
                self.request_ids[key] = world.tenant().field(exchange, "request_id")
            case Answer.REPEATED:
                same = world.tenant().field(exchange, "request_id") == self.request_ids[key]
                if not same and world.exploration.asks(SAME_ID):  # else the numbers tell more
                    world.broken(SAME_ID, f"the repeat of {name} has another request id", exchange)
            case _:
                named = {Answer.CONFLICT: CONFLICT, Answer.REFUSED: USED}
                world.expect(answer, exchange, named.get(answer, check))

    def _fails(self, hand: Hand, number: int) -> bool:
        operation = self.operation(hand, number)
        return operation.outcome == "failed" or operation.order.flaw != ""

    def _watch_gap(self, hand: Hand) -> None:
        now = monotonic()
        if hand.gap_since is not None and now - hand.gap_since > GAP_SECONDS:
            hand.unclear = True
        waits = any(each.outcome == "waiting" for each in self._oracle.runs[hand.id].log.values())
        hand.gap_since = (hand.gap_since or now) if waits else None

    # Results.

    def settle(self, *, anew: bool = False) -> None:
        """Get the result of all whose turn has come, so that server and model are equally far. anew: also those had."""
        for hand in self.hands:
            for number, operation in self._oracle.runs[hand.id].log.items():
                due = operation.outcome != "waiting" and not hand.unclear and (hand.id, number) in self.request_ids
                if due and (anew or (hand.id, number) not in self._settled):
                    self.judge(hand, number, self.result(hand, number))

    def result(self, hand: Hand, number: int, connection: int = 0, within: float | None = None) -> Exchange:
        """The final answer for an operation that was accepted."""
        return self.final(self.request_ids[hand.id, number], connection, within)

    def final(self, request_id: str, connection: int = 0, within: float | None = None) -> Exchange:
        """The final answer for a request id. within: seconds; None: those of the budget."""
        world = self._world
        within = within or world.exploration.budget.patience
        return world.tenant(OWNER, connection).poll(request_id, accept=accepted(world.plain.form), within=within)

    def judge(self, hand: Hand, number: int, answer: Exchange, *, closely: bool = False) -> None:
        """Hold a result to the model. closely: compare its number though a plain run must be made for that."""
        world, operation = self._world, self.operation(hand, number)
        name = f"{hand.label}.{number} ({described(operation.order)})"
        if not 200 <= answer_of(answer).status < 300:
            what = f"the result of {name} is an answer with {answer_of(answer).status}"
            world.broken(world.suspect(_about(operation)), what, answer)
        value: Any = answer_of(answer).json
        failed = isinstance(value, dict) and "error" in value
        if failed != (operation.outcome == "failed"):
            told = f"failed ({str(value['error'])[:200]})" if failed else "succeeded"
            what = f"{name} {told} where it had to {'succeed' if failed else 'fail'}"
            about = _about(operation)
            world.broken(world.suspect(about) if about == SOUND else about, what, answer)
        self._settled.add((hand.id, number))
        order = operation.order
        if failed:
            if value.get("category") != "user":
                world.broken(_about(operation), f"{name} failed with category {value.get('category')!r}", answer)
        elif order.datum:
            if world.exploration.readable:
                self._compare(hand, operation, answer, name, closely=closely)
        elif order.name:
            if value["path"] != operation.made:
                world.broken(SOUND, f"{name} has the path {value['path']!r}, not {operation.made!r}", answer)
        elif order.number >= 0:
            self.sampler_ids[operation.made] = str(value["sampling_session_id"])

    def _compare(self, hand: Hand, operation: Operation, answer: Exchange, name: str, *, closely: bool) -> None:
        world, state, datum = self._world, operation.state, operation.order.datum
        assert state is not None  # its turn has come
        told = loss_of(answer)
        try:
            due = world.plain.loss(state, datum) if closely else world.plain.known(state, datum)
        except Violation as violation:
            world.broken(SOUND, f"a plain run does not get there: {violation.evidence}", *violation.exchanges)
        if due is None:
            return
        moved_on = hand.restored is not None and state.weights != hand.restored
        if not world.plain.same(told, due):
            check = world.suspect(EQUAL)
            check = RESTORED if check == MOMENT and moved_on else check
            what = f"{name} has the loss {told:.7g} where a run of the same history, undisturbed, has {due:.7g}"
            world.broken(check, what, answer)
        shown = world.marks - {MOMENT} if hand.restored is None or moved_on else world.marks
        world.exploration.held.update([*shown, *([RESTORED] if moved_on else [])])


def _about(operation: Operation) -> str:
    """The check that is about how an operation ends."""
    if operation.order.flaw:
        return FAILED
    if operation.outcome == "failed":
        return NAME if operation.order.name else DELETED
    return SOUND


def named(path: str) -> str:
    """A checkpoint's name."""
    return path.rpartition("/")[2]


def described(order: Order) -> str:
    """An order in few words."""
    what = order.datum or order.rate or order.name or named(order.path) or f"sampler {order.number}"
    flaw = {"": "", "form": ", unreadable", "content": ", with an impossible token"}[order.flaw]
    fresh = " without its optimizer" if order.path and not order.optimizer else ""
    return f"{order.kind}({what}{fresh}{flaw})"
