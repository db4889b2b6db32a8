"""A scenario as a person reads it on a terminal."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mock_server.faults import FaultRule
    from mock_server.scenarios.scenario import Scenario

_WIDTH = 100


def lines(scenario: Scenario) -> Iterator[str]:
    """All that the file says, with the requirements in words."""
    from contracts.requirements import requirements  # noqa: PLC0415 - only who shows scenarios reads the file

    yield from (scenario.id, _wrapped(scenario.title), "")
    if scenario.incident is not None:
        yield f"incident     {scenario.incident}"
    yield f"source       {', '.join(scenario.source)}"
    yield from ("", _wrapped(f"The server: {scenario.happens}"), _wrapped(f"A good client: {scenario.good_client}"), "")
    yield f"seed         {scenario.seed}"
    yield f"clock        {scenario.clock}"
    for name in ("client_config", "dynamic_config"):
        flags = ", ".join(f"{flag}={_plain(value)}" for flag, value in getattr(scenario, name).items())
        if flags:
            yield f"{name:<13}{flags}"
    if scenario.given.seed_data is not None:
        yield f"seed data    {scenario.given.seed_data}"
    yield from _listed("faults", map(rule_in_words, scenario.faults))
    yield from _listed("on the wire", map(str, scenario.expect.wire))
    yield from _listed("in the state", map(str, scenario.expect.state))
    yield from _listed("client", [str(scenario.expect.client)])
    named = (requirements()[each] for each in scenario.requirements)
    yield from _listed("requirements", (f"{each.id} ({each.keyword}, {each.side}): {each.text}" for each in named))


def rule_in_words(rule: FaultRule) -> str:
    """`optim_step, on 2: reset, after_commit`."""
    given = rule.model_dump(exclude_unset=True, exclude={"operation", "phase", "effect"})
    where = [" or ".join(rule.operation) if rule.operation else "every operation"]
    where += [name if value is True else f"{name} {_plain(value)}" for name, value in given.items()]
    effect = rule.effect if isinstance(rule.effect, str) else _plain(rule.effect)
    return f"{', '.join(where)}: {effect}, {rule.phase}"


def _plain(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case dict():
            return ", ".join(f"{name} {_plain(each)}" for name, each in value.items())
        case list():
            return ", ".join(map(_plain, value))
    return str(value)


def _listed(title: str, items: Any) -> Iterator[str]:
    for number, item in enumerate(items):
        yield _wrapped(item, f"{'' if number else title:<13}")


def _wrapped(text: str, first: str = "") -> str:
    return fill(" ".join(text.split()), _WIDTH, initial_indent=first, subsequent_indent=" " * len(first))
