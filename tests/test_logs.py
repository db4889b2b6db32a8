"""The log, in its two forms, as it arrives on standard error."""

import json
import logging
import subprocess
import sys
from pathlib import Path

from mock_server.logs import JsonLines

SAY = """
import logging, sys
from mock_server import logs
logs.configure(sys.argv[1], sys.argv[2])
log = logging.getLogger("mock_server.part")
log.debug("a detail")
log.info("an event of %s", "note", extra={"tenant": "t1"})
logging.getLogger("uvicorn.error").info("about uvicorn itself")
"""


def said(level: str, form: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", SAY, level, form],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_text_is_for_people() -> None:
    (line,) = said("info", "text")
    assert line.endswith(" INFO mock_server.part: an event of note")


def test_json_is_one_object_a_line_with_the_facts_beside_the_message() -> None:
    detail, event = (json.loads(line) for line in said("debug", "json"))
    assert (detail["level"], detail["message"]) == ("debug", "a detail")
    assert event["tenant"] == "t1"
    assert event["logger"] == "mock_server.part"
    assert event["time"].endswith("+00:00")


def test_a_traceback_stays_on_its_line() -> None:
    try:
        int("a bug")
    except ValueError:
        record = logging.makeLogRecord({"msg": "failed", "levelno": logging.ERROR, "exc_info": sys.exc_info()})
    line = JsonLines().format(record)
    assert "\n" not in line
    assert "ValueError: invalid literal for int() with base 10: 'a bug'" in json.loads(line)["exception"]
