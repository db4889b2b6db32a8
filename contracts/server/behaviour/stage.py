"""What all rules have: the world, how a step is taken, how something is picked, and how a sequence begins and ends."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar, Final, ParamSpec, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize

from contracts.oracle import Kind, Order, Origin
from contracts.server.behaviour.checks import EQUAL, FORWARD, ORDER, SOUND
from contracts.server.behaviour.runs import Hand, Runs
from contracts.server.behaviour.wire import DATA, RATES
from contracts.server.behaviour.world import OWNER, NotNow, World

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from contracts.server.behaviour.exploring import Exploration

P = ParamSpec("P")
T = TypeVar("T")
MOST_RUNS: Final = 4
PICKS: Final = st.integers(0, 23)
"""Which of what there is: the number is taken modulo their count, since what is drawn must not depend on answers."""
ORDERS: Final = st.sampled_from(
    [
        *(Order("forward_backward", datum=datum) for datum in DATA),
        *(Order("optim_step", rate=rate) for rate in RATES),
        Order("forward", datum="a"),
    ]
)
"""What a run can be sent at any time."""
SAVES: Final[tuple[Kind, ...]] = ("save_weights", "save_weights_for_sampler")
ALWAYS: Final = frozenset({SOUND, EQUAL})
"""Checks whose steps are taken although they failed: without them there is nothing to look at."""


def step(check: str, *others: str) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Let a rule be held to a check; once that has failed, and others that it shows, the rule does nothing any more."""

    def decorate(body: Callable[P, None]) -> Callable[P, None]:
        @wraps(body)
        def taken(*args: P.args, **drawn: P.kwargs) -> None:
            stage: Any = args[0]
            if not stage.world.ended and (check in ALWAYS or any(map(stage.exploration.asks, (check, *others)))):
                with stage.world.step(check):
                    body(*args, **drawn)

        return taken

    return decorate


def picked(things: Sequence[T], pick: int) -> T:
    """One of them. NotNow: there are none."""
    if not things:
        raise NotNow
    return things[pick % len(things)]


class Stage(RuleBasedStateMachine):
    """A sequence of steps: it begins with a session and a run, and ends with a look at all that was disturbed."""

    exploration: ClassVar[Exploration]

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.exploration)
        self.runs = Runs(self.world)

    @initialize(orders=st.lists(ORDERS, max_size=3), saved=st.lists(st.sampled_from(SAVES), max_size=1))
    @step(SOUND)
    def begin(self, orders: Sequence[Order] = (), saved: Sequence[Kind] = ()) -> None:
        """A session with a run, which may be trained and saved already: there is more to do to one that is."""
        self.open_session()
        self.runs.create(self.session(0), Origin(self.world.plain.base_model, 8, 1))
        self.send_all(self.hand(0), [*orders, *map(self.save_order, saved)], queued=False)

    def teardown(self) -> None:
        """Send what is missing, get all results, and compare every run that was disturbed with one that was not."""
        try:
            if not self.world.ended:
                self._end()
        finally:
            self.world.close()

    @step(SOUND)
    def _end(self) -> None:
        for hand in self.runs.hands:
            for number in sorted(hand.held, reverse=True):
                self.send(hand, number, hand.held.pop(number))
        self.runs.settle()
        if self.world.marks:
            for hand in self.runs.hands:
                self.look_at(hand)

    # What may be done now: by the model alone, so that what is drawn does not depend on answers.

    @property
    def has_room(self) -> bool:
        """Whether another run may be made."""
        return len(self.runs.hands) < MOST_RUNS

    @property
    def sessions(self) -> list[str]:
        """Those of the owner."""
        return [session for session, (owner, _) in self.world.oracle.sessions.items() if owner == OWNER]

    @property
    def has_sent(self) -> bool:
        """Whether a run was sent anything."""
        return any(run.log for run in self.world.oracle.runs.values())

    # What several rules do.

    def open_session(self) -> None:
        session = self.world.tenant().session()
        self.world.oracle.open_session(OWNER, session)
        self.world.tell("A session is opened")

    def session(self, pick: int) -> str:
        """One of the owner's that live."""
        lives = {session: lives for session, (_, lives) in self.world.oracle.sessions.items()}
        return picked([session for session in self.sessions if lives[session]], pick)

    def any_session(self, pick: int) -> str:
        """One of the owner's, finished or not."""
        return picked(self.sessions, pick)

    def hand(self, pick: int) -> Hand:
        """One of the runs of which all can be foretold."""
        return picked([hand for hand in self.runs.hands if not hand.unclear], pick)

    def send(self, hand: Hand, number: int, order: Order) -> None:
        """Send an order, which may be behind others that were sent before."""
        if any(sent > number for sent in self.world.oracle.runs[hand.id].log):
            self.world.marks.add(ORDER)
        self.world.queued = self.world.queued or self.runs.busy(hand)
        self.runs.submit(hand, number, order, SOUND)
        if order.kind == "forward":
            self.world.marks.add(FORWARD)

    def send_all(self, hand: Hand, orders: Sequence[Order], *, queued: bool) -> None:
        """Send orders, each under the next number; unless `queued`, each when the result of the one before is there."""
        for order in orders:
            self.send(hand, hand.take(), order)
            if not queued:
                self.runs.settle()

    def save_order(self, kind: Kind) -> Order:
        """A save under a name that was not used."""
        return Order(kind, name=f"c{self.world.number('checkpoints') + 1}")

    def look_at(self, hand: Hand) -> None:
        """Compare what a run tells now with what a plain run of the same history tells."""
        if hand.unclear or hand.held:
            return
        number = hand.take()
        self.runs.submit(hand, number, Order("forward", datum="a"), SOUND)
        self.runs.judge(hand, number, self.runs.result(hand, number), closely=True)
        self.world.marks.add(FORWARD)
