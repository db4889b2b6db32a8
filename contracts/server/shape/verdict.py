"""What schemathesis says of an answer, one check after the other, as findings of ours."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.generation.meta import CoveragePhaseData, CoverageScenario
from schemathesis.specs.openapi import checks as theirs

from contracts.server.shape.checks import ANSWERED, CHECK_OF
from contracts.verdicts import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from schemathesis.checks import CheckFunction
    from schemathesis.core.transport import Response
    from schemathesis.engine.recorder import ScenarioRecorder

    from contracts.exchange import Exchange
    from contracts.server.judgement import Judgement
    from contracts.server.shape.description import Asked
    from contracts.server.shape.exclusions import Exclusions
    from contracts.server.shape.generation import AnyCase

LONGEST_EVIDENCE: Final = 500
_OF_ANSWERS: Final[tuple[CheckFunction, ...]] = (
    not_a_server_error,
    theirs.status_code_conformance,
    theirs.content_type_conformance,
    theirs.response_headers_conformance,
    theirs.response_schema_conformance,
)


class Judge:
    """Judges answers to generated requests. Safe to be asked by several threads."""

    def __init__(self, judgement: Judgement, exclusions: Exclusions) -> None:
        self._judgement = judgement
        self._exclusions = exclusions
        self._with_key: set[str] = set()
        """Operations that were shown to refuse who has no key; each is asked once."""
        self._lock = Lock()

    def answered(
        self,
        operation: Asked,
        case: AnyCase,
        response: Response,
        exchange: Exchange,
        transport: Mapping[str, Any],
        recorder: ScenarioRecorder | None = None,
        *,
        ended: bool = False,
    ) -> None:
        """Every check that has a say. transport: what the request was sent with, for those who send it once more.

        recorder: of the chain that the request belongs to. ended: whether it is about something that has ended.
        """
        self._passed(ANSWERED, operation)
        for check in self._due(operation, case, response, recorder):
            if ended and check is theirs.positive_data_acceptance:
                continue
            try:
                case.validate_response(
                    response,
                    checks=[check],
                    headers=dict(transport["headers"]),
                    transport_kwargs=dict(transport),
                    recorder=recorder,
                )
            except FailureGroup as group:
                for failure in group.exceptions:
                    self._failed(CHECK_OF[check.__name__], operation, _told(failure, response.status_code), exchange)
            else:
                self._passed(CHECK_OF[check.__name__], operation)

    def unanswered(self, operation: Asked, reason: str, exchange: Exchange | None) -> None:
        """There was no answer."""
        self._failed(ANSWERED, operation, reason, exchange)

    def _due(
        self, operation: Asked, case: AnyCase, response: Response, recorder: ScenarioRecorder | None
    ) -> Iterator[CheckFunction]:
        """The checks that have something to say, so that no other passes by saying nothing."""
        yield from _OF_ANSWERS
        meta = case.meta
        if meta is not None and _is_about_methods(case):
            yield theirs.unsupported_method
            return
        if meta is not None:
            yield (
                theirs.negative_data_rejection if meta.generation.mode.is_negative else theirs.positive_data_acceptance
            )
        if operation.contract.secured and 200 <= response.status_code < 300 and self._is_first(operation.id):
            yield theirs.ignored_auth
        if recorder is not None and any(each.method == "DELETE" for each in recorder.find_all_cases()):
            yield theirs.use_after_free

    def _is_first(self, operation: str) -> bool:
        with self._lock:
            first = operation not in self._with_key
            self._with_key.add(operation)
        return first

    def _passed(self, check: str, operation: Asked) -> None:
        self._judgement.found(Finding(check, passed=True, operation=operation.id))

    def _failed(self, check: str, operation: Asked, evidence: str, exchange: Exchange | None) -> None:
        if self._exclusions.cover(check, operation.id, exchange):
            return
        shown = () if exchange is None else (exchange,)
        self._judgement.found(Finding(check, passed=False, evidence=evidence, exchanges=shown, operation=operation.id))


def _is_about_methods(case: AnyCase) -> bool:
    data = None if case.meta is None else case.meta.phase.data
    return isinstance(data, CoveragePhaseData) and data.scenario is CoverageScenario.UNSPECIFIED_HTTP_METHOD


def _told(failure: BaseException, status: int) -> str:
    """A failure in one line."""
    text = (
        f"{failure.title}: {failure.message or f'answered {status}'}" if isinstance(failure, Failure) else str(failure)
    )
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_EVIDENCE else f"{line[: LONGEST_EVIDENCE - 3]}..."
