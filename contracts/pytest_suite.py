"""The server suite as pytest tests, one a check.

In a test file of whoever writes a server:

    from contracts.pytest_suite import contract_parts, contract_report, test_contract
    from contracts.server.target import Target

    @pytest.fixture(scope="session")
    def contract_target():
        return Target("http://127.0.0.1:8000", effort="short")

The server is judged once, when the first test asks; then each test tells of one check. A MUST that is not kept fails, a
SHOULD is an expected failure, and what could not be asked is skipped.
"""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from contracts.report.build import Circumstances, report_of
from contracts.server.known import known_checks
from contracts.server.suite import PARTS, judge
from contracts.tally import requirement_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from contracts.report.model import Report, ShownFailure
    from contracts.server.target import Target

__all__ = ["contract_parts", "contract_report", "test_contract"]


def server_checks() -> list[str]:
    """The ids of all checks of a server."""
    return sorted(id_ for id_ in known_checks() if requirement_of(id_).side == "server")


@pytest.fixture(scope="session")
def contract_parts() -> Iterable[str]:
    """What runs; all parts, unless a fixture of this name says otherwise."""
    return tuple(PARTS)


@pytest.fixture(scope="session")
def contract_report(contract_target: Target, contract_parts: Iterable[str]) -> Report:
    """What the suite found of the server that the fixture contract_target names."""
    started, began = datetime.now(UTC), monotonic()
    judgement = judge(contract_target, parts=contract_parts)
    assert judgement.answered, f"{contract_target.url} does not answer"
    return report_of(judgement, contract_target, Circumstances("pytest", started, monotonic() - began))


@pytest.mark.parametrize("check", server_checks())
def test_contract(check: str, contract_report: Report) -> None:
    """One check, over everything that was asked."""
    failures = [each for each in contract_report.failures if each.check == check]
    counted = [each for each in contract_report.checks if each.id == check]
    if not counted or not counted[0].passed + counted[0].failed:
        pytest.skip("not asked: another profile's, of another part, or no answer led there")
    if failures and failures[0].keyword == "MUST":
        pytest.fail(_told(failures), pytrace=False)
    if failures:
        pytest.xfail(_told(failures))


def _told(failures: list[ShownFailure]) -> str:
    first = failures[0]
    lines = [f"{first.keyword} {first.requirement}: {first.text}"]
    for each in failures:
        lines += [each.told, *(shown.curl for shown in each.exchanges[-1:])]
    return "\n".join(lines)
