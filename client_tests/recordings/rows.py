"""Every endpoint that the two wire documents list (SDK 0.38.0 with what older releases ask for, Tinkex 0.4.0), and the
real client that shows each: a tour of the newest SDK (test_rows.py), a test of its own, or recordings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from contracts.recorded import RECORDINGS, captures
from contracts.recorded.caller import PREFIX
from contracts.recorded.excuses import excuses

if TYPE_CHECKING:
    from contracts.recorded import Capture, Line

TOUR: Final = "tour"
ONE: Final = "/training_runs/{run}/checkpoints/{kind}/{name}"


@dataclass(frozen=True)
class Row:
    """An endpoint; where several calls share a path, with fields that the JSON body has or lacks.

    client: whose document lists it. by: TOUR, or `file::test`; empty: its recordings, where no environment of ours has
    a client that asks for it.
    """

    client: str
    method: str
    path: str
    by: str = ""
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()

    def __str__(self) -> str:
        fields = [f"with {name}" for name in self.has] + [f"without {name}" for name in self.lacks]
        return f"{self.method} {self.path}{' ' if fields else ''}{', '.join(fields)}"

    def is_asked_by(self, method: str, path: str, body: Any) -> bool:
        """Whether a request is of this row. path: with its prefix; body: its JSON, None for none."""
        given = {name for name, value in body.items() if value is not None} if isinstance(body, dict) else set()
        return (
            method == self.method
            and re.fullmatch(PREFIX + re.sub(r"\{\w+\}", "[^/]+", self.path), path) is not None
            and given.issuperset(self.has)
            and given.isdisjoint(self.lacks)
        )


def _rows(client: str, by: str, *listed: str) -> list[Row]:
    return [Row(client, method, path, by) for method, _, path in (row.partition(" ") for row in listed)]


_SDK: Final = (
    *_rows(
        "SDK",
        TOUR,
        "POST /client/config",
        "POST /client/dynamic_config",
        "POST /auth/token",
        "POST /create_session",
        "POST /session_heartbeat",
        "POST /sessions/{session}/finish",
        "POST /telemetry",
        "GET /get_server_capabilities",
        "GET /healthz",
        "POST /create_model",
        "POST /get_info",
        "POST /forward_backward",
        "POST /save_weights",
        "POST /save_weights_external",
        "POST /create_sampling_session",
        "GET /samplers/{sampler}",
        "POST /join_sampling_session",
        "POST /asample",
        "POST /retrieve_future",
        "POST /retrieve_futures",
        "GET /training_runs",
        "GET /training_runs/{run}",
        "GET /training_runs/{run}/checkpoints",
        "GET /checkpoints",
        f"DELETE {ONE}",
        f"POST {ONE}/publish",
        f"DELETE {ONE}/publish",
        f"PUT {ONE}/ttl",
        f"GET {ONE}/external_weights_urls",
        "POST /weights_info",
        "POST /copy_weights",
        "GET /sessions",
        "GET /sessions/{session}",
        "POST /sessions/search",
        "PUT /sessions/{session}/project",
        "GET /sessions/{session}/trace_export",
        "GET /audit",
        "GET /billing/usage/events",
        "GET /billing/usage/checkpoints/current",
        "GET /auth/apikey/me",
        "DELETE /auth/apikey/me",
    ),
    Row("SDK", "POST", "/optim_step", TOUR, has=("adam_params",)),
    Row("SDK", "POST", "/optim_step", TOUR, has=("optimizer_params",)),
    Row("SDK", "POST", "/save_weights_for_sampler", TOUR, has=("path",)),
    Row("SDK", "POST", "/save_weights_for_sampler", TOUR, has=("sampling_session_seq_id",), lacks=("path",)),
    Row("SDK", "POST", "/load_weights", TOUR, has=("model_id", "seq_id")),
    Row("SDK", "POST", "/load_weights", TOUR, has=("session_id", "model_seq_id"), lacks=("model_id",)),
    *_rows(
        "SDK",
        "client_tests/python_sdk/test_flags.py::test_a_sample_given_up_is_cancelled_on_the_server_if_the_flag_says_so",
        "POST /cancel_future",
    ),
    *_rows(
        "SDK",
        "client_tests/python_sdk/test_custom_loss.py::test_the_server_gives_the_numbers_that_the_sdk_would",
        "POST /create_custom_loss",
    ),
)

_OLDER: Final = (
    *_rows(
        "SDK before 0.25",
        "client_tests/versions/test_training.py::test_forward_has_the_loss_of_the_next_step_and_changes_nothing",
        "POST /forward",
    ),
    Row(
        "SDK before 0.25",
        "POST",
        "/forward_backward",
        "client_tests/versions/test_training.py::test_the_loss_falls",
        has=("forward_backward_input",),
    ),
    *_rows(
        "SDK before 0.36",
        "client_tests/versions/test_checkpoints.py::test_an_archive_is_downloaded_from_an_address_that_needs_no_key",
        f"GET {ONE}/archive",
    ),
    *_rows(
        "SDK before 0.26",
        "client_tests/python_sdk/test_unload.py::test_an_unloaded_model_takes_no_more_work_and_leaves_its_checkpoints",
        "POST /unload_model",
    ),
    *_rows(
        "SDK 0.26 to 0.28",
        "client_tests/cli/test_login_by_browser.py::test_a_login_brings_a_key_that_works_until_the_logout_deletes_it",
        "POST /auth/apikey",
    ),
    *_rows(
        "SDK before 0.6",
        "client_tests/versions/test_checkpoints.py::test_a_runs_checkpoints_are_listed_the_newest_first",
        "GET /models/{run}/checkpoints",
    ),
)

_TINKEX: Final = (
    *_rows(
        "Tinkex",
        "",
        "POST /create_session",
        "POST /session_heartbeat",
        "GET /healthz",
        "GET /get_server_capabilities",
        "POST /create_model",
        "POST /get_info",
        "POST /unload_model",
        "POST /forward_backward",
        "POST /forward",
        "POST /optim_step",
        "POST /save_weights",
        "POST /load_weights",
        "POST /create_sampling_session",
        "POST /asample",
        "POST /stream_sample",
        "POST /retrieve_future",
        "POST /telemetry",
        "GET /sessions",
        "GET /sessions/{session}",
        "GET /samplers/{sampler}",
        "GET /training_runs",
        "GET /training_runs/{run}",
        "GET /training_runs/{run}/checkpoints",
        "GET /checkpoints",
        "POST /weights_info",
        f"GET {ONE}/archive",
        f"POST {ONE}/publish",
        f"DELETE {ONE}/publish",
        f"PUT {ONE}/ttl",
        f"DELETE {ONE}",
    ),
    Row("Tinkex", "POST", "/save_weights_for_sampler", has=("path",)),
    Row("Tinkex", "POST", "/save_weights_for_sampler", has=("sampling_session_seq_id",), lacks=("path",)),
)

ROWS: Final = (*_SDK, *_OLDER, *_TINKEX)


@cache
def recorded_by(row: Row) -> tuple[str, ...]:
    """The clients whose recordings hold a request of the row that succeeded, and whose answer nothing excuses."""
    wanted = "tinkex" if row.client == "Tinkex" else "tinker"
    found: dict[str, None] = {}
    for recording in RECORDINGS:
        for capture in captures(recording):
            for line in capture.lines:
                if line.client.startswith(f"{wanted} ") and _shows(row, capture, line):
                    found[line.client] = None
    return tuple(found)


def _shows(row: Row, capture: Capture, line: Line) -> bool:
    return (
        line.status < 400
        and row.is_asked_by(line.method, line.path, line.body.json)
        and not any(
            excuse.where in {"status", "result"} and excuse.could_cover(capture.recording, capture.name, line)
            for excuse in excuses()
        )
    )
