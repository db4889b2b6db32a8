"""Expected failures: what is listed is accepted, what is listed and passes is stale, what there is not is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contracts.exchange import Exchange, Request, Response
from contracts.server.expected import ExpectedError, read_expected
from contracts.tally import Tally
from contracts.verdicts import Finding

if TYPE_CHECKING:
    from pathlib import Path


def failed(path: str) -> Finding:
    exchange = Exchange(1, Request("GET", f"/api/v1/{path}"), Response(500))
    return Finding("no-internal-error", passed=False, evidence="answered 500", exchanges=(exchange,))


def test_a_line_covers_a_check_or_one_operation_of_it(tmp_path: Path) -> None:
    file = tmp_path / "known.txt"
    file.write_text(
        "# What is known.\n\nno-internal-error list_sessions  # being mended\nno-internal-error healthz\n"
        "error-has-a-body\njson-is-strict\nno-internal-error get_info\n"
    )
    tally = Tally()
    tally.count(failed("sessions"))
    tally.count(failed("checkpoints"))
    tally.count(Finding("no-internal-error", passed=True), "healthz")
    tally.count(Finding("error-has-a-body", passed=True), "healthz")
    expected = read_expected(file)
    failures = tally.counts["no-internal-error"].failures.values()
    covered = {failure.operation: expected.covers("no-internal-error", failure) for failure in failures}
    assert covered == {"list_sessions": True, "list_user_checkpoints": False}
    # What was never asked, a check or an operation, is no reason to take a line out.
    assert [str(each) for each in expected.stale(tally)] == [
        "line 4: no-internal-error healthz",
        "line 5: error-has-a-body",
    ]
    assert expected.entries[0].why == "being mended"


def test_what_there_is_not_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "known.txt"
    file.write_text("no-internal-eror\njson-is-strict helthz\njson-is-strict healthz twice\nzzzz\n")
    with pytest.raises(ExpectedError) as raised:
        read_expected(file)
    problems = str(raised.value).split("\n")
    assert problems[0].endswith("line 1: there is no check 'no-internal-eror': did you mean no-internal-error?")
    assert problems[1].endswith("line 2: there is no operation 'helthz': did you mean healthz?")
    assert problems[2].endswith("line 3: give a check, and at most one operation, before the #")
    assert problems[3].endswith("line 4: there is no check 'zzzz': docs/contract.md and docs/api.md list them.")


@pytest.mark.parametrize("content", [None, b"\xff"])
def test_a_file_that_can_not_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "known.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ExpectedError, match=r"known\.txt"):
        read_expected(file)
