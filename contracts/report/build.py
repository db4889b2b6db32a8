"""Makes the report of a judgement."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from contracts.report.model import (
    ProfileScore,
    Report,
    Score,
    ShownCheck,
    ShownFailure,
    ShownPart,
    ShownRequirement,
    Stale,
)
from contracts.report.shown import Shower
from contracts.requirements import PROFILES, requirements
from contracts.server.expected import Expected
from contracts.server.known import known_checks
from contracts.verdicts import CHECKS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from contracts.report.model import Outcome, Verdict
    from contracts.requirements import Keyword, Requirement
    from contracts.server.judgement import Judgement
    from contracts.server.target import Target
    from contracts.tally import Failure, Tally


@dataclass(frozen=True)
class Circumstances:
    """Of a run. tool: name and version of who judges. options: of the command line, as far as they matter."""

    tool: str
    started: datetime
    seconds: float
    options: tuple[str, ...] = field(default=())


def report_of(
    judgement: Judgement, target: Target, circumstances: Circumstances, expected: Expected | None = None
) -> Report:
    """What was found, in the order in which a person reads it: what failed first, a MUST before a SHOULD."""
    expected = expected or Expected()
    tally = judgement.tally
    shown = tuple(_requirements(target, tally))
    stale = tuple(Stale(each.check, each.operation, each.line) for each in expected.stale(tally))
    failures = tuple(_failures(tally, expected, Shower(target.url, target.owns)))
    return Report(
        tool=circumstances.tool,
        url=target.url,
        started=circumstances.started.isoformat(timespec="seconds"),
        seconds=round(circumstances.seconds, 1),
        effort=target.effort,
        seed=target.seed,
        profiles=target.profiles,
        verdict=_verdict(judgement, failures, stale),
        exchanges=tally.exchanges,
        scores=tuple(_score(profile, shown) for profile in target.profiles),
        failures=failures,
        stale=stale,
        requirements=shown,
        checks=tuple(_checks(target, tally)),
        parts=tuple(
            ShownPart(part.name, round(part.seconds, 1), part.ended, part.crashed, part.exchanges, tuple(part.notes))
            for part in judgement.parts
        ),
        repeat=shlex.join(["tinker-mock", "check", "server", target.url, *circumstances.options]),
    )


def _verdict(judgement: Judgement, failures: tuple[ShownFailure, ...], stale: tuple[Stale, ...]) -> Verdict:
    if stale or any(each.keyword == "MUST" and not each.expected for each in failures):
        return "broken"
    return "incomplete" if any(part.crashed for part in judgement.parts) else "kept"


def _failures(tally: Tally, expected: Expected, shower: Shower) -> Iterator[ShownFailure]:
    order = {id_: number for number, id_ in enumerate(requirements())}
    profiles = list(PROFILES)

    def place(pair: tuple[Requirement, str]) -> tuple[str, int, int]:
        return pair[0].keyword, profiles.index(pair[0].profile), order[pair[0].id]

    for requirement, check in sorted(tally.failed(), key=place):
        for failure in tally.counts[check].failures.values():
            yield _failure(requirement, check, failure, expected, shower)


def _failure(
    requirement: Requirement, check: str, failure: Failure, expected: Expected, shower: Shower
) -> ShownFailure:
    return ShownFailure(
        check=check,
        title=CHECKS[check].title,
        requirement=requirement.id,
        keyword=requirement.keyword,
        profile=requirement.profile,
        text=requirement.text,
        source=requirement.source,
        operation=failure.operation,
        evidence=shower.text(failure.finding.evidence),
        count=failure.count,
        expected=expected.covers(check, failure),
        exchanges=tuple(shower.exchange(exchange) for exchange in failure.finding.exchanges),
    )


def _checks(target: Target, tally: Tally) -> Iterator[ShownCheck]:
    for id_ in sorted(known_checks()):
        check = CHECKS[id_]
        requirement = requirements()[check.requirement]
        if requirement.side == "server" and requirement.profile in target.profiles:
            count = tally.counts.get(id_)
            passed, failed = (count.passed, count.failed) if count is not None else (0, 0)
            yield ShownCheck(id_, check.title, check.kind, requirement.id, passed, failed)


def _requirements(target: Target, tally: Tally) -> Iterator[ShownRequirement]:
    for each in requirements().values():
        if each.side == "server" and each.profile in target.profiles:
            yield ShownRequirement(
                each.id, each.keyword, each.profile, each.text, each.source, each.checks, _outcome(each, tally)
            )


def _outcome(requirement: Requirement, tally: Tally) -> Outcome:
    counts = [tally.counts[check] for check in requirement.checks if check in tally.counts]
    if any(count.failed for count in counts):
        return "broken"
    return "kept" if counts else "untested"


def _score(profile: str, shown: tuple[ShownRequirement, ...]) -> ProfileScore:
    def of(keyword: Keyword) -> Score:
        outcomes = [each.outcome for each in shown if (each.profile, each.keyword) == (profile, keyword)]
        return Score(outcomes.count("kept"), outcomes.count("broken"), outcomes.count("untested"))

    return ProfileScore(profile, PROFILES[profile], of("MUST"), of("SHOULD"))
