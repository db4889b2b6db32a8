"""The curl line under a failure sends the same request again, whatever its bytes."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from contracts.exchange import Exchange, Request
from contracts.report.shown import LONGEST, Shower

if TYPE_CHECKING:
    from pathlib import Path

# In the place of curl: tells the words and the bytes that it was given.
CURL = r"""#!/bin/sh
exec python3 -c '
import json, sys
body = sys.stdin.buffer.read().decode("latin-1") if "@-" in sys.argv else None
print(json.dumps({"words": sys.argv[1:], "stdin": body}))
' "$@"
"""


@pytest.fixture
def run(tmp_path: Path) -> Any:
    fake = tmp_path / "curl"
    fake.write_text(CURL)
    fake.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TINKER_API_KEY": "tml-mine"}

    def line(text: str) -> Any:
        done = subprocess.run(["sh", "-c", text], env=environment, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    return line


def curl(method: str, path: str, body: bytes = b"", query: str = "", **headers: str) -> str:
    request = Request(method, path, query, {name.replace("_", "-"): value for name, value in headers.items()}, body)
    return Shower("http://h:1", lambda key: key == "tml-own").exchange(Exchange(1, request, None)).curl


def test_json_goes_as_it_was(run: Any) -> None:
    body = b'{"name": "it\'s $HOME `x` \\"y\\""}'
    words = run(curl("POST", "/api/v1/telemetry", body, x_api_key="tml-own", content_type="application/json"))["words"]
    assert words == [
        *("-sS", "-i", "http://h:1/api/v1/telemetry"),
        *("-H", "x-api-key: tml-mine", "-H", "content-type: application/json"),
        *("--data-binary", body.decode()),
    ]


def test_bytes_go_through_a_pipe(run: Any) -> None:
    done = run(curl("POST", "/api/v1/forward", b"\xff\x00\n\x01", x_api_key="tml-own"))
    assert done["words"][-2:] == ["--data-binary", "@-"]
    assert done["stdin"] == "\xff\x00\n\x01"


def test_methods_paths_and_keys_of_a_test_stay(run: Any) -> None:
    words = run(curl("PUT", "/api/v1/sessions/a b'c/project", b"{}", x_api_key="tml-wrong"))["words"]
    assert words[:5] == ["-sS", "-i", "-X", "PUT", "http://h:1/api/v1/sessions/a%20b'c/project"]
    assert "x-api-key: tml-wrong" in words
    assert run(curl("DELETE", "/api/v1/x", query="a=b&c=d"))["words"][2:] == [
        "-X",
        "DELETE",
        "http://h:1/api/v1/x?a=b&c=d",
    ]
    assert run(curl("HEAD", "/api/v1/x"))["words"][2] == "--head"


def test_long_bodies_are_cut_where_they_are_shown_only(run: Any) -> None:
    request = Request("POST", "/api/v1/telemetry", "", {}, b"x" * (LONGEST + 1))
    shown = Shower("http://h", lambda _: False).exchange(Exchange(1, request, None))
    assert (len(shown.request_body.text), shown.request_body.size, shown.request_body.whole) == (
        LONGEST,
        LONGEST + 1,
        False,
    )
    assert run(shown.curl)["words"][-1] == "x" * (LONGEST + 1)
