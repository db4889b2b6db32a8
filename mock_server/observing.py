"""The observer inside the server: judges each exchange as it crossed the wire, and logs what was wrong."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from contracts.exchange import Exchange, Request, Response, headers
from contracts.observer import Observer
from contracts.observer.described import Described
from contracts.tally import Tally, requirement_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mock_server.listening import Overheard

log = logging.getLogger(__name__)


class Verdicts:
    """Judges exchanges in the order of their ends, and logs each check the first time that it fails."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._observer = Observer(Described())
        self._count = 0
        self._numbers: dict[Overheard, int] = {}

    def began(self, heard: Overheard) -> None:
        """Number it: requests count in the order in which they come."""
        self._count += 1
        self._numbers[heard] = self._count

    def ended(self, heard: Overheard) -> None:
        """Judge it; what is wrong is noted on it, too."""
        findings = self._observer.see(_exchange(self._numbers.pop(heard), heard))
        heard.verdicts = [(finding.check, finding.evidence) for finding in findings if not finding.passed]
        for finding in self.tally.add(findings):
            requirement = requirement_of(finding.check)
            shown = "; ".join(map(str, finding.exchanges))
            log.warning(
                "%s %s not kept (%s): %s [%s: %s]",
                requirement.keyword,
                requirement.id,
                requirement.text,
                finding.evidence,
                finding.check,
                shown,
            )


def _exchange(number: int, heard: Overheard) -> Exchange:
    scope, asked = heard.scope, heard.asked
    query = scope["query_string"].decode("latin-1")
    request = Request(scope["method"], scope["path"], query, _named(scope["headers"]), asked.body, asked.whole)
    response = None
    if heard.start is not None and heard.answered:
        named = _named(heard.start.get("headers", ()))
        response = Response(heard.start["status"], named, heard.answer.body, heard.answer.whole)
    return Exchange(number, request, response, heard.started, heard.ended)


def _named(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw])
