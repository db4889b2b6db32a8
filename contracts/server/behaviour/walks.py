"""Sequences that are always taken first, so that no verdict depends on what is drawn: each comes to a few checks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from contracts.oracle import Order
from contracts.server.behaviour import checks
from contracts.server.behaviour.checkpoint_rules import WAYS_TO_READ
from contracts.server.behaviour.exploring import Broken
from contracts.server.behaviour.machine import Machine, machine
from contracts.server.behaviour.stranger_rules import CHANGES, CHECKPOINT_CHANGES, LISTS, LOOKS
from contracts.server.behaviour.wire import DRAWS, RATES

if TYPE_CHECKING:
    from collections.abc import Callable

    from contracts.server.behaviour.exploring import Exploration

    Step = Callable[[Machine], None]


@dataclass(frozen=True)
class Walk:
    """checks: those that it comes to, and that are known by it."""

    checks: tuple[str, ...]
    steps: tuple[Step, ...]


def _walk(come_to: tuple[str, ...], *steps: Step) -> Walk:
    return Walk(come_to, steps)


A: Final = Order("forward_backward", datum="a")
B: Final = Order("forward_backward", datum="b")
STEP: Final = Order("optim_step", rate=RATES[1])
SMALL: Final = Order("optim_step", rate=RATES[0])
FORWARD: Final = Order("forward", datum="a")


def _do(rule: str, pick: int = 0, **drawn: Any) -> Step:
    """One rule, with what would be drawn for it."""
    return lambda taken: getattr(taken, rule)(pick=pick, **drawn)


def _train(*orders: Order, pick: int = 0, queued: bool = False) -> Step:
    return lambda taken: taken.train(pick=pick, orders=list(orders), queued=queued)


def _save(*, whole: bool) -> Step:
    return lambda taken: taken.save(pick=0, whole=whole, queued=False)


def _sample(*picks: int) -> tuple[Step, ...]:
    return tuple(_do("sample", pick, how=how) for pick in picks for how in DRAWS)


def _once(rule: str) -> Step:
    return lambda taken: getattr(taken, rule)()


_LOOK: Final = _do("look")
_LIST: Final = _do("list_all")
_READ: Final = tuple(_do("stranger_reads", way=way) for way in WAYS_TO_READ)

WALKS: Final = (
    _walk(
        (checks.EQUAL, checks.SOUND, checks.MADE_ONCE),
        _train(A, STEP, B, SMALL),
        _do("create_again"),
        _do("create_run", rank=4, seed=2),
        _train(B, STEP, pick=1),
        _LOOK,
        _do("look", 1),
    ),
    _walk((checks.FORWARD,), _train(A, FORWARD, STEP, FORWARD, STEP), _LOOK),
    _walk((checks.ORDER,), _train(A, STEP, B, A, STEP, B, SMALL, queued=True), _LOOK),
    _walk(
        (checks.ORDER, checks.WOKEN),
        _train(A),
        _do("hold_back", order=STEP),
        _train(B),
        _do("send_held", which=0, polled=True),
        _do("hold_back", order=A),
        _train(STEP),
        _do("hold_back", order=B),
        _train(SMALL),
        _do("send_held", which=1, polled=False),
        _do("send_held", which=0, polled=True),
        _LOOK,
    ),
    _walk(
        (checks.ONCE, checks.SAME_ID),
        _train(A, STEP, B),
        *(_do("repeat", which=which, new_key=new, polled=which == 1) for which in (1, 0, 2) for new in (True, False)),
        _train(STEP),
        _LOOK,
    ),
    _walk(
        (checks.AT_ONCE, checks.POLLS),
        _train(A),
        _do("send_at_once", orders=[(STEP, True), (B, False), (SMALL, True)]),
        _do("poll_together", which=1),
        _LOOK,
    ),
    _walk(
        (checks.CONFLICT,),
        _train(A, STEP, B),
        _do("reuse_number", which=1),
        _do("reuse_number", which=0),
        _train(STEP),
        _LOOK,
    ),
    _walk(
        (checks.USED,),
        _train(A),
        _do("send_nonsense"),
        _train(STEP),
        _do("send_nonsense"),
        _train(B),
        _LOOK,
    ),
    _walk(
        (checks.FAILED, checks.POLLS),
        _train(A),
        _do("send_impossible"),
        _train(STEP),
        _LOOK,
        _do("poll_together", which=1),
    ),
    _walk(
        (checks.MOMENT, checks.RESTORED, checks.SOUND),
        _train(A, STEP, B, SMALL, A),
        _save(whole=True),
        _train(STEP, B, STEP),
        _save(whole=True),
        _do("restore", which=0, optimizer=True),
        _do("look", 1),
        _train(B, STEP, pick=1),
        _do("look", 1),
        _do("load", which=0, optimizer=True),
        _LOOK,
    ),
    _walk(
        (checks.MOMENT, checks.RESTORED),
        _train(A, STEP, B, SMALL),
        _save(whole=True),
        _do("restore", which=0, optimizer=False),
        _train(B, STEP, pick=1),
        _do("look", 1),
        _train(A, STEP),
        _do("load", which=0, optimizer=False),
        _train(A, STEP),
        _LOOK,
    ),
    _walk(
        (checks.ONCE, checks.SAME_ID),
        _train(A, STEP),
        _save(whole=True),
        _train(B, STEP),
        _do("load", which=0, optimizer=True),
        _train(A, SMALL),
        _do("repeat", which=5, new_key=True, polled=False),
        _do("repeat", which=2, new_key=True, polled=False),
        _LOOK,
    ),
    _walk(
        (checks.NAME,),
        _train(A, STEP),
        _save(whole=True),
        _train(B, STEP),
        _do("save_again"),
        _do("restore", which=0, optimizer=True),
        _do("look", 1),
    ),
    _walk(
        (checks.LISTS, checks.LIFETIME, checks.DELETED, checks.PUBLIC),
        _save(whole=True),
        _save(whole=False),
        _LIST,
        *(step for public in (True, False) for step in (_do("publish", public=public), _LIST)),
        *(step for lives in (True, False) for step in (_do("set_lifetime", lives=lives), _LIST)),
        _do("delete"),
        _LIST,
        *(_do("use_deleted", way=way) for way in WAYS_TO_READ),
    ),
    _walk(
        (checks.EXPIRED,),
        _save(whole=True),
        _save(whole=False),
        _do("set_lifetime", lives=True),
        _do("pass_time"),
        _LIST,
    ),
    _walk(
        (checks.PUBLIC, checks.HIDDEN, checks.WRITES),
        _train(A, STEP),
        _save(whole=True),
        *_READ,
        _do("publish", public=True),
        *_READ,
        *(_do("stranger_changes_checkpoint", way=way) for way in CHECKPOINT_CHANGES),
        _do("publish", public=False),
        *_READ,
        *(_do("stranger_changes_checkpoint", way=way) for way in CHECKPOINT_CHANGES),
    ),
    _walk(
        (checks.SAMPLER, checks.ALIKE, checks.CANCEL),
        _do("create_sampler", which=None),
        _train(A, STEP),
        _save(whole=False),
        _do("save_unnamed", queued=False),
        _do("create_sampler", which=0),
        _train(A, STEP),
        _save(whole=False),
        _do("save_unnamed", queued=False),
        *_sample(0, 1, 2, 3),
        _do("delete"),
        *_sample(2),
        _do("sample_again"),
        _do("cancel"),
        *_sample(0),
    ),
    _walk(
        (checks.ALIVE, checks.CONTENT),
        _once("open_another"),
        _do("beat", 0),
        _do("beat", 1),
        _do("finish", 0),
        _do("beat", 1),
        _do("beat", 0),
        _do("save_unnamed", queued=False),
        _do("describe"),
    ),
    _walk(
        (checks.HIDDEN, checks.WRITES, checks.RESULTS, checks.OWN_LISTS),
        _train(A, STEP),
        _save(whole=True),
        _do("create_sampler", which=0),
        *(_do("stranger_looks", what=what) for what in LOOKS),
        *(_do("stranger_works", what=what) for what in CHANGES),
        _do("stranger_polls", 1),
        *(lambda taken, route=route: taken.stranger_lists(route=route) for route in LISTS),
        _LOOK,
    ),
    _walk(
        (checks.RESTART,),
        _train(A, STEP, B),
        _save(whole=True),
        _do("save_unnamed", queued=False),
        _do("publish", public=True),
        *_sample(0),
        _train(SMALL, A),
        _once("restart"),
        _train(STEP),
        _LOOK,
        _LIST,
        _do("describe"),
        *_sample(0),
        _do("restore", which=0, optimizer=True),
        _do("look", 1),
    ),
)
"""Each with one thing that disturbs, so that its checks are known by it."""


def walk(exploration: Exploration) -> None:
    """Take them all; one that breaks a check is taken again, without what that is about."""
    for each in WALKS:
        exploration.restarts = 0
        wanted = exploration.wanted or frozenset(each.checks)
        while any(check in wanted and exploration.asks(check) for check in each.checks):
            if not _breaks(exploration, each.steps):
                break
            exploration.conclude()


def _breaks(exploration: Exploration, steps: tuple[Step, ...]) -> bool:
    taken = machine(exploration)()
    try:
        taken.begin()
        for step in steps:
            step(taken)
        taken.teardown()
    except Broken:
        return True
    finally:
        taken.world.close()
    return False
