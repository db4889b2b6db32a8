"""Rules: which calls they strike, and what is said of a wrong one."""

from __future__ import annotations

from typing import Any

import pytest

from mock_server.faults import FaultPlan, FaultRule, InvalidFault
from mock_server.faults.facts import Facts

HERE = {"phase": "before_handler", "effect": "reset"}


def struck(plan: FaultPlan, tenant: str | None = None, **said: Any) -> int:
    """By how many rules a call of optim_step is struck that says this of itself."""
    rules = plan.concerning("optim_step", tenant)
    matching = [rule for rule in rules if rule.matches(tenant, Facts(**said), lambda _noun, _tenant, name: name)]
    return sum(rule.strike() is not None for rule in matching)


@pytest.mark.parametrize(
    ("when", "calls"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"on": [2, 5]}, [2, 5]),
        ({"on": 3}, [3]),
        ({"first": 2}, [1, 2]),
        ({"every": 3}, [3, 6]),
        ({"probability": 1.0}, [1, 2, 3, 4, 5, 6]),
    ],
)
def test_a_rule_strikes_the_calls_that_it_names(when: dict[str, Any], calls: list[int]) -> None:
    plan = FaultPlan()
    plan.add(FaultRule.parse({**HERE, **when}))
    hit = [number for number in range(1, 7) if struck(plan)]
    assert hit == calls


def test_a_probability_strikes_the_same_calls_under_the_same_seed() -> None:
    def hit(seed: int) -> list[int]:
        plan = FaultPlan(seed)
        plan.add(FaultRule.parse({**HERE, "probability": 0.3}))
        return [struck(plan) for _ in range(200)]

    assert hit(1) == hit(1)
    assert hit(1) != hit(2)
    assert 30 < sum(hit(1)) < 90


def test_a_tenants_rule_leaves_others_alone() -> None:
    plan = FaultPlan()
    mine = plan.add(FaultRule.parse(HERE), tenant="a")
    assert not struck(plan, "b")
    assert struck(plan, "a")
    plan.clear("b")
    assert plan.active == [mine]
    assert plan.remove(mine.id)
    assert not plan.remove(mine.id)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"effect": "rest"}, "effect: 'rest' is unknown: did you mean reset?"),
        ({"effect": "qqq"}, "effect: 'qqq' is unknown: give one of .*reset"),
        ({"effect": 7}, "effect: give the effect's name"),
        ({"effect": {"status": {}}}, "effect.status.status: the field is missing"),
        ({"effect": {"status": {"status": 99}}}, "effect.status.status: .*greater than or equal to 200"),
        ({"effect": {"status": 503}}, "effect.status: Input should be a valid dictionary"),
        ({"effect": {"reset": {"hard": True}}}, "effect.reset.hard: there is no such field"),
        ({"effect": {"reset": {}, "close": {}}}, "one name"),
        ({"effect": "hang", "phase": "in_body"}, "hang has no phase in_body: give after_commit or before_handler"),
        ({"answered": 200}, "answered is not known in before_handler"),
        ({"when": "before"}, "when is for phase in_state, not for before_handler"),
        ({"on": [0]}, "on: calls are counted from 1"),
        ({"on": 1, "every": 2}, "on and every exclude each other"),
        ({"probability": 1.5}, "probability: Input should be less than or equal to 1"),
        ({"opration": "x"}, "opration: there is no such field"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_field(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidFault, match=message):
        FaultRule.parse({**HERE, **given})


def test_a_numbered_rule_draws_the_same_whatever_was_active_before_it() -> None:
    def hit(others: int) -> list[bool]:
        plan = FaultPlan(seed=3)
        for _ in range(others):
            plan.add(FaultRule.parse({**HERE, "operation": "asample"}))
        plan.add(FaultRule.parse({**HERE, "probability": 0.5}), number=1)
        return [bool(struck(plan)) for _ in range(50)]

    assert hit(0) == hit(5)
