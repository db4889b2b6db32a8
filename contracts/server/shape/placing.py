"""Puts what a tenant has into a generated request, and keeps the request from costing minutes."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Collection, MutableMapping

    from contracts.server.shape.generation import AnyCase
    from contracts.server.shape.memory import Known

IN_PATHS: Final = {"session_id": "session", "run_id": "run", "sampler_id": "sampler"}
IN_BODIES: Final = {
    "session_id": "session",
    "model_id": "run",
    "sampling_session_id": "sampler",
    "request_id": "request",
    "base_model": "base_model",
    "tinker_path": "weights",
    "source_path": "weights",
    "model_path": "sampler_weights",
}
OF_OPERATIONS: Final = {"load_weights": {"path": "weights"}, "cancel_future": {"request_id": "sample"}}
COUNTED: Final = 1 << 20
"""No client of a test counts so far."""
TINKER_PATH: Final = re.compile(r"tinker://[^/]+/(weights|sampler_weights|external_weights)/[^/]+")
SPENDERS: Final = frozenset({"unload_model", "finish_session", "delete_checkpoint", "delete_key"})
"""Operations that take away what they succeed with."""

VALID_SAMPLES: Final = 4096
MOST_SAMPLES: Final = 3
MOST_TOKENS: Final = 8
LONGEST_POLL: Final = 0.2


def place(operation: str, case: AnyCase, known: Known, keep: Collection[str] = ()) -> bool:
    """Put ids and paths of the tenant in the place of generated ones of the same form; whether there were any.

    What makes a request invalid stays: a value that is no text, a path that is none. A run's seq_ids follow on one
    another, as clients count them, but for those that nobody would count to: they stay, and cost the run. keep: names
    of what has its value from elsewhere.
    """
    # Generated requests share what they are made of.
    case.path_parameters = dict(case.path_parameters)
    case.body = deepcopy(case.body)
    placed = False
    for name, what in IN_PATHS.items():
        if name not in keep and isinstance(case.path_parameters.get(name), str):
            placed |= _put(case.path_parameters, name, known.get(what))
    kind = case.path_parameters.get("kind")
    if (
        "name" not in keep
        and kind in {"weights", "sampler_weights", "external_weights"}
        and isinstance(case.path_parameters.get("name"), str)
    ):
        path = known.get(str(kind))
        placed |= _put(case.path_parameters, "name", None if path is None else path.rpartition("/")[2])
    body = case.body
    if not isinstance(body, dict):
        return placed
    names = IN_BODIES | OF_OPERATIONS.get(operation, {})
    for name, what in names.items():
        value = body.get(name)
        if name not in keep and isinstance(value, str) and ("path" not in name or TINKER_PATH.fullmatch(value)):
            placed |= _put(body, name, known.get(what))
    target = body.get("target")
    if "target" not in keep and isinstance(target, dict) and isinstance(target.get("sampling_session_id"), str):
        placed |= _put(target, "sampling_session_id", known.get("sampler"))
    number = body.get("seq_id")
    if (
        (placed or keep)
        and isinstance(body.get("model_id"), str)
        and isinstance(number, int)
        and not isinstance(number, bool)
    ):
        if 0 <= number < COUNTED:
            body["seq_id"] = known.next_seq_id()
        else:
            known.spent = True
    return placed


def tame(operation: str, case: AnyCase) -> None:
    """Make a valid request cheap that would be valid and dear: long samples, many of them, long polls."""
    if not isinstance(case.body, dict):
        return
    body = case.body = deepcopy(case.body)
    if operation in {"asample", "stream_sample"}:
        _limit(body, "num_samples", MOST_SAMPLES, valid=VALID_SAMPLES)
        parameters = body.get("sampling_params")
        if parameters is None:
            body["sampling_params"] = {"max_tokens": MOST_TOKENS}
        elif isinstance(parameters, dict):
            if parameters.get("max_tokens") is None:
                parameters["max_tokens"] = MOST_TOKENS
            _limit(parameters, "max_tokens", MOST_TOKENS)
    if operation == "retrieve_futures":
        if body.get("timeout") is None:
            body["timeout"] = LONGEST_POLL
        _limit(body, "timeout", LONGEST_POLL)


def _limit(values: MutableMapping[str, Any], name: str, most: float, *, valid: float = float("inf")) -> None:
    """What is beyond `valid` is to be refused, and so stays."""
    value = values.get(name)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and most < value <= valid:
        values[name] = most


def _put(values: MutableMapping[str, Any], name: str, value: str | None) -> bool:
    if value is None:
        return False
    values[name] = value
    return True
