"""A judgement of a server that answers what would hurt a careless report."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from contracts.exchange import Exchange, Request, Response
from contracts.report.build import Circumstances, report_of
from contracts.report.model import Report
from contracts.server.expected import Expectation, Expected
from contracts.server.judgement import Judgement, Part
from contracts.server.known import known_checks
from contracts.server.target import Target
from contracts.verdicts import Finding

KEY: Final = "tml-check-0123456789abcdef"
EVIL: Final = '</pre></style><script>alert("x")</script><img src=x onerror=alert(1)>'
STARTED: Final = datetime(2026, 7, 13, tzinfo=UTC)
JWT: Final = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1In0.c2lnbmF0dXJl"


def exchange(body: bytes = b'{"tags": []}', *, answer: bytes | None = None, key: str = KEY) -> Exchange:
    """One whose answer holds markup, control characters, the key and a token."""
    said = f'{{"detail": "{key} {JWT}", "evil": "x"}}'.encode() if answer is None else answer
    headers = {"x-api-key": key, "content-type": "application/json"}
    request = Request("POST", "/api/v1/create_session", f"name={EVIL}", headers, body)
    return Exchange(7, request, Response(500, {"content-type": "text/html", "x-evil": EVIL}, said), 1.0, 1.25)


def judgement() -> Judgement:
    """A MUST and a SHOULD broken, one check passed, one part left behind."""
    known_checks()
    found = Judgement()
    found.parts.append(Part("checks", 1.5, "left behind", exchanges=3, notes=[EVIL]))
    found.tally.exchanges = 3
    for check, evidence, shown in (
        ("no-internal-error", f"answered 500: {EVIL}\x00", (exchange(), exchange(answer=EVIL.encode()))),
        ("no-internal-error", "answered 501", (exchange(b"\xff\x00\x01"),)),
        ("error-says-what", "no message", ()),
        ("heartbeat-is-answered", "404", (exchange(key="tml-wrong"),)),
    ):
        found.found(Finding(check, passed=False, evidence=evidence, exchanges=shown))
    for _ in range(5):
        found.found(Finding("no-internal-error", passed=False, evidence="answered 501", exchanges=(exchange(),)))
    found.found(Finding("error-has-a-body", passed=True))
    return found


EXPECTED: Final = Expected(
    (Expectation("heartbeat-is-answered", "", "", 1), Expectation("error-has-a-body", "", "", 2))
)


def report() -> Report:
    """Of all that."""
    circumstances = Circumstances("tinker-mock 0", STARTED, 12.34, ("--seed", "3"))
    return report_of(judgement(), Target("http://h", seed=3), circumstances, EXPECTED)
