"""Submissions as they go wrong: late, twice, at the same moment, impossible; and a server that is restarted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Final

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from contracts.oracle import Order
from contracts.server.behaviour.checks import (
    AT_ONCE,
    CONFLICT,
    FAILED,
    ONCE,
    ORDER,
    POLLS,
    RESTART,
    SAME_ID,
    USED,
    WOKEN,
)
from contracts.server.behaviour.runs import described
from contracts.server.behaviour.stage import ORDERS, PICKS, Stage, picked, step
from contracts.server.behaviour.wire import RATES
from contracts.server.behaviour.world import OWNER, NotNow
from contracts.server.tenant import answer_of

if TYPE_CHECKING:
    from contracts.exchange import Exchange
    from contracts.server.behaviour.runs import Hand


BEFORE: Final = 0.1
"""Seconds for a poll to arrive before what it waits for. Later it tells nothing, and does no harm."""

AFTER: Final = 10.0
"""Seconds within which that poll must be answered: less than it may wait in vain."""


class SubmissionRules(Stage):
    """Whatever must not change what a run becomes."""

    @rule(pick=PICKS, order=ORDERS)
    @step(ORDER)
    def hold_back(self, pick: int, order: Order) -> None:
        """Give an order its number and send it later."""
        hand = self.hand(pick)
        number = hand.take()
        hand.held[number] = order
        self.world.tell(f"{hand.label}.{number}, {described(order)}, is held back")

    @precondition(lambda self: any(hand.held for hand in self.runs.hands))
    @rule(pick=PICKS, which=PICKS, polled=st.booleans())
    @step(ORDER)
    def send_held(self, pick: int, which: int, polled: bool) -> None:
        """Send what was held back; `polled`: somebody waits already for the result of what comes behind it."""
        hand = picked([hand for hand in self.runs.hands if hand.held and not hand.unclear], pick)
        number = picked(sorted(hand.held), which)
        order = hand.held.pop(number)
        behind = self._freed_by(hand, number)
        if not polled or behind is None or not self.exploration.asks(WOKEN):
            self.send(hand, number, order)
            return
        self.world.tell(f"A poll for {hand.label}.{behind} waits")
        self.world.tenant(OWNER, 1)  # connected before the thread needs it
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(self.runs.result, hand, behind, 1, AFTER)
            wait([waiting], timeout=BEFORE)
            self.send(hand, number, order)
            with self.world.step(WOKEN):
                self.runs.judge(hand, behind, waiting.result())

    def _freed_by(self, hand: Hand, number: int) -> int | None:
        """The operation whose turn comes when this number is sent, beside its own."""
        run = self.world.oracle.runs[hand.id]
        last = number
        while last + 1 in run.log or last + 1 in run.used:
            last += 1
        waits = run.next_seq_id == number and last in run.log and (hand.id, last) in self.runs.request_ids
        return last if waits and last != number else None

    @precondition(lambda self: self.has_sent)
    @rule(pick=PICKS, which=PICKS, new_key=st.booleans(), polled=st.booleans())
    @step(SAME_ID, ONCE)
    def repeat(self, pick: int, which: int, new_key: bool, polled: bool) -> None:
        """Send again what was sent, as after a lost answer; `polled`: after its result was fetched."""
        hand = self.hand(pick)
        number = self._sent(hand, which)
        operation = self.runs.operation(hand, number)
        if polled and operation.outcome != "waiting":
            self.runs.judge(hand, number, self.runs.result(hand, number))
        if self.exploration.asks(ONCE):
            self.world.marks.add(ONCE)
        key = f"again-{self.world.number('repeats')}" if new_key else ""
        self.runs.submit(hand, number, operation.order, SAME_ID, key=key)

    @precondition(lambda self: self.has_sent)
    @rule(pick=PICKS, which=PICKS)
    @step(CONFLICT)
    def reuse_number(self, pick: int, which: int) -> None:
        """Send something else under a number that was used."""
        hand = self.hand(pick)
        number = self._sent(hand, which)
        used = self.runs.operation(hand, number).order
        step_or_batch = Order("optim_step", rate=RATES[1]), Order("forward_backward", datum="a")
        other = step_or_batch[used.kind == "optim_step"]
        self.world.marks.add(CONFLICT)
        self.runs.submit(hand, number, other, CONFLICT)

    def _sent(self, hand: Hand, which: int) -> int:
        log = self.world.oracle.runs[hand.id].log
        return picked([number for number in log if (hand.id, number) in self.runs.request_ids], which)

    @rule(pick=PICKS)
    @step(USED)
    def send_nonsense(self, pick: int) -> None:
        """Send what can't be read; its number is used up."""
        hand = self.hand(pick)
        self.world.marks.add(USED)
        self.runs.submit(hand, hand.take(), Order("optim_step", rate=RATES[0], flaw="form"), USED)

    @rule(pick=PICKS)
    @step(FAILED)
    def send_impossible(self, pick: int) -> None:
        """Send a batch with a token that there is not."""
        hand = self.hand(pick)
        self.world.marks.add(FAILED)
        self.runs.submit(hand, hand.take(), Order("forward_backward", datum="a", flaw="content"), FAILED)

    @rule(pick=PICKS, orders=st.lists(st.tuples(ORDERS, st.booleans()), min_size=2, max_size=3))
    @step(AT_ONCE)
    def send_at_once(self, pick: int, orders: list[tuple[Order, bool]]) -> None:
        """Send several orders at the same moment, some of them twice."""
        hand = self.hand(pick)
        world = self.world
        world.marks.add(AT_ONCE)
        sent: list[tuple[int, Order]] = []
        for order, twice in orders:
            sent += [(hand.take(), order)] * (2 if twice else 1)
        told = ", ".join(f"{number}: {described(order)}" for number, order in sent)
        world.tell(f"{hand.label} is sent at the same moment {told}")
        for connection in range(1, len(sent) + 1):
            world.tenant(OWNER, connection)  # connected before the threads need them
        with ThreadPoolExecutor(len(sent)) as pool:
            posted = [
                pool.submit(self.runs.post, hand, number, order, connection=connection)
                for connection, (number, order) in enumerate(sent, 1)
            ]
            answers: list[Exchange] = [each.result() for each in posted]
        for (number, order), answer in zip(sent, answers, strict=True):
            foretold = world.oracle.submit(OWNER, hand.id, number, order)
            self.runs.accept(hand, number, foretold, answer, AT_ONCE)

    @precondition(lambda self: self.has_sent)
    @rule(pick=PICKS, which=PICKS)
    @step(POLLS)
    def poll_together(self, pick: int, which: int) -> None:
        """Ask for one result from two connections at once, and then once more."""
        hand = self.hand(pick)
        log = self.world.oracle.runs[hand.id].log
        number = self._sent(hand, which)
        if log[number].outcome == "waiting":
            raise NotNow
        self.world.tell(f"Two poll for {hand.label}.{number}, and one once more")
        self.world.tenant(OWNER, 1)
        with ThreadPoolExecutor(2) as pool:
            both = [pool.submit(self.runs.result, hand, number, connection) for connection in (0, 1)]
            first, second = (each.result() for each in both)
        third = self.runs.result(hand, number)
        self.runs.judge(hand, number, first)
        if not answer_of(first).body == answer_of(second).body == answer_of(third).body:
            what = f"three polls for {hand.label}.{number} were not told the same"
            self.world.broken(POLLS, what, first, second, third)

    @precondition(lambda self: self.exploration.target.restart is not None)
    @rule()
    @step(RESTART)
    def restart(self) -> None:
        """Restart the server, with whatever is under way, and see what is left."""
        if not self.exploration.may_restart():
            raise NotNow
        self.world.tell("The server is restarted")
        self.world.restart()
        self.world.marks.add(RESTART)
        self.runs.settle(anew=True)
