"""The checks of generated requests: by name what schemathesis finds, and what counts here as the same."""

from __future__ import annotations

from typing import Final

from contracts.verdicts import CHECKS, Check


def _check(id_: str, requirement: str, title: str) -> str:
    CHECKS.register(Check(id_, requirement, "shape", title))
    return id_


ANSWERED: Final = _check("every-request-is-answered", "ERR-ANSWERED", "Every generated request gets an answer in time.")
NO_500: Final = _check(
    "no-request-breaks-it", "ERR-NO-500", "No generated request is answered with a 5xx but 503, which says: try again."
)

CHECK_OF: Final = {
    "not_a_server_error": NO_500,
    "status_code_conformance": _check(
        "any-answer-has-a-known-status", "FORM-STATUS", "Whatever is asked, the status is documented for its operation."
    ),
    "content_type_conformance": _check(
        "any-answer-has-a-known-type", "FORM-MEDIA", "Whatever is asked, the media type is documented for its status."
    ),
    "response_headers_conformance": _check(
        "any-answer-has-its-headers", "FORM-HEADERS", "Whatever is asked, the documented headers are there."
    ),
    "response_schema_conformance": _check(
        "any-answer-fits-its-schema", "FORM-SCHEMA", "Whatever is asked, the body fits the schema of its status."
    ),
    "negative_data_rejection": _check(
        "invalid-is-refused", "FORM-INVALID", "A request that the schema does not allow is refused with a 4xx."
    ),
    "positive_data_acceptance": _check(
        "valid-is-accepted", "FORM-VALID", "A request that the schema allows is not refused for its form."
    ),
    "ignored_auth": _check(
        "no-answer-without-a-key", "KEY-401", "What a key was answered is refused without it, and with a wrong one."
    ),
    "unsupported_method": _check(
        "other-methods-are-refused", "FORM-METHOD", "A method that a path does not have is answered with 405 and Allow."
    ),
    "use_after_free": _check(
        "deleted-is-not-served", "CKP-DELETED", "What was deleted in a chain of requests is not there afterwards."
    ),
}
"""By the name of schemathesis' check. Its others say nothing of this API, which has no required headers, makes nothing
by a POST to where it is read, and never answers OPTIONS."""
