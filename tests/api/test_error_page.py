"""docs/errors.md names each status with its code as the server uses it, and no other."""

from __future__ import annotations

import json
import re
from pathlib import Path

from mock_server.api.errors import CODES, LONGEST_MESSAGE, STATUS, error_response

PAGE = (Path(__file__).parents[2] / "docs" / "errors.md").read_text()


def test_the_table_has_every_status_and_code() -> None:
    documented = [(int(status), code) for status, code in re.findall(r"^\| (\d{3}) \| `(\w+)` \|", PAGE, re.MULTILINE)]
    assert documented == sorted(
        set(STATUS.values()) | set(CODES.items()) | {(500, "internal_error")}, key=documented.index
    )


def test_the_example_is_an_answer_of_the_server() -> None:
    example = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    shown = json.loads(example[1])
    assert json.loads(bytes(error_response(404, "not_found", shown["message"]).body)) == shown


def test_no_status_for_a_wrong_request_is_one_that_clients_repeat() -> None:
    repeated = {status for status, _ in STATUS.values()} & {402, 408, 409, 425, 429, *range(500, 600)}
    # A number used twice, and a full disk: both can be mended while the client repeats.
    assert repeated == {409, 503}


def test_a_long_message_keeps_both_its_ends() -> None:
    message = f"name {'x' * 5000}: give a shorter one"
    told = json.loads(bytes(error_response(400, "invalid_request", message).body))["detail"]
    assert len(told) <= LONGEST_MESSAGE + len(" ... ")
    assert told.startswith("name x")
    assert told.endswith("give a shorter one")
