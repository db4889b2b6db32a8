"""Answers that come late, wrong, cut or not at all, as the official SDK takes them over either of its transports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from client_tests.harness.sdk import Sdk
    from client_tests.harness.server import Server

SUBMISSION: Final = {"operation": "forward_backward", "on": 1}
POLL: Final = {"operation": "retrieve_future", "polled": "forward", "on": 1}


def before(effect: Any) -> dict[str, Any]:
    return {**SUBMISSION, "phase": "before_handler", "effect": effect}


def lost(effect: Any) -> dict[str, Any]:
    return {**SUBMISSION, "phase": "after_commit", "effect": effect}


def submission(effect: Any) -> dict[str, Any]:
    return {**SUBMISSION, "phase": "in_body", "effect": effect}


def result(effect: Any) -> dict[str, Any]:
    return {**POLL, "phase": "in_body", "effect": effect, "answered": 200}


REPEATED: Final = {
    "reset": before("reset"),
    "empty reply": before("close"),
    "408": before({"status": {"status": 408}}),
    "409": before({"status": {"status": 409}}),
    "429 seconds": before({"status": {"status": 429, "retry_after": 0.1}}),
    "429 date": before({"status": {"status": 429, "retry_after": 1, "retry_after_as": "date"}}),
    "429 ms": before({"status": {"status": 429, "retry_after": 0.1, "retry_after_as": "milliseconds"}}),
    "500": before({"status": {"status": 500}}),
    "502 html": before({"status": {"status": 502, "text": "<html>Bad Gateway</html>"}}),
    "504 html": before({"status": {"status": 504, "text": "<html>Gateway Time-out</html>"}}),
    "lost by reset": lost("reset"),
    "lost by close": lost("close"),
    "lost by 500": lost({"status": {"status": 500}}),
    "lost by time-out": lost({"hang": {"seconds": 0.5}}),
    "truncated": submission({"truncate": {"bytes": 5}}),
    "reset within": submission({"reset": {"after_bytes": 5}}),
    "closed within": submission({"close": {"after_bytes": 5}}),
    "cut chunk": submission({"cut_chunk": {"bytes": 5}}),
    "result truncated": result({"truncate": {"bytes": 20}}),
}
"""The SDK repeats the request, and its user sees nothing of it."""

TAKEN: Final = {
    "latency": before({"latency": {"seconds": 0.2, "spread": "uniform"}}),
    "lognormal": before({"latency": {"seconds": 0.1, "spread": "lognormal"}}),
    "dribbled": submission({"dribble": {"bytes": 7, "seconds": 0.01}}),
}
"""It takes the answer as it comes."""

TOLD: Final = {
    "400": (before({"status": {"status": 400}}), "BadRequestError", "HTTP 400"),
    "410": (before({"status": {"status": 410}}), "APIStatusError", "HTTP 410"),
    "garbage": (submission("garbage"), "UnicodeDecodeError", ""),
    "invalid json": (submission("invalid_json"), "JSONDecodeError", ""),
    "short": (submission({"truncate": {"bytes": 5, "announced": False}}), "JSONDecodeError", "Unterminated"),
    "missing": (submission({"missing_field": {"field": "request_id"}}), "APIResponseValidationError", ""),
    "mistyped": (
        submission({"mistyped_field": {"field": "request_id", "value": 7}}),
        "APIResponseValidationError",
        "",
    ),
    "result invalid": (result("invalid_protobuf"), "ValueError", "Proto deserialization failed"),
    "result garbage": (result("garbage"), "ValueError", "Proto deserialization failed"),
    "result as json": ({**POLL, "phase": "before_handler", "effect": "accept"}, "ValueError", "JSON payload"),
}
"""Its user is told, by an error of this type and text."""

WRONG: Final = {
    "nan": result({"not_finite": {"field": "metrics.loss:sum"}}),
    "short": result({"wrong_length": {"field": "loss_fn_outputs.0.fields.logprobs.data"}}),
}
"""It hands on what came."""


def meet(service_client: Any, kit: Any, cases: dict[str, Any]) -> dict[str, Any]:
    """Of each fault: what came of a forward under it, and how often it was called, struck and struck in vain."""
    training = kit.trainer(service_client)
    seen = {}
    for name, rule in cases.items():
        fault = kit.control("POST", "faults", rule=rule)["id"]
        try:
            output = training.forward([kit.datum()], "cross_entropy").result(timeout=30)
            told = [str(output.metrics["loss:sum"]), len(output.loss_fn_outputs[0]["logprobs"].data)]
        except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
            told = [type(error).__name__, str(error)[:200]]
        (active,) = [each for each in kit.control("GET", "faults")["faults"] if each["id"] == fault]
        kit.control("DELETE", f"faults/{fault}")
        seen[name] = [told, active["calls"], active["struck"], active["missed"]]
    return seen


@pytest.mark.parametrize("pyqwest", [True, False], ids=["pyqwest", "httpx"])
def test_the_sdk_takes_or_repeats_or_tells(sdk: Sdk, server_with: Callable[..., Server], *, pyqwest: bool) -> None:
    sdk = sdk.at(server_with(client_config={"use_pyqwest_transport": pyqwest}, poll_seconds=1).url)
    told_rules = {name: rule for name, (rule, _, _) in TOLD.items()}
    wrong_rules = {f"wrong {name}": rule for name, rule in WRONG.items()}
    cases = {**TAKEN, **REPEATED, **told_rules, **wrong_rules}
    seen = sdk.run(meet, cases=cases, timeout=150)
    assert {tuple(struck) for _, _, *struck in seen.values()} == {(1, 0)}, seen
    true = seen["latency"][0]
    assert float(true[0]) > 100
    assert {name: seen[name] for name in TAKEN} == {name: [true, 1, 1, 0] for name in TAKEN}
    assert {name: seen[name] for name in REPEATED} == {name: [true, 2, 1, 0] for name in REPEATED}
    for name, (_, error, text) in TOLD.items():
        (kind, message), *_ = seen[name]
        assert (kind, text in message) == (error, True), name
    assert seen["wrong nan"][0] == ["nan", true[1]]
    assert seen["wrong short"][0] == [true[0], true[1] - 1]
