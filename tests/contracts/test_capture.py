"""Files of exchanges: what is written is read again, without keys; what is no exchange is named."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from contracts.capture import CaptureError, read, writer
from contracts.encoding import LIMIT, decoded
from contracts.exchange import DEEPEST, Exchange, Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECRET = "tml-very-secret"
JSON = {"content-type": "application/json"}
EXCHANGES = [
    Exchange(
        1,
        Request("POST", "/api/v1/optim_step", "", {"x-api-key": SECRET, **JSON}, b'{"seq_id": 1}'),
        Response(200, JSON, b'{"request_id": "r"}'),
        5.0,
        5.5,
    ),
    Exchange(
        2,
        Request("POST", "/api/v1/forward_backward", "", {"content-type": "application/x-protobuf"}, b"\x0a\x00\xff"),
        None,
        6.0,
        7.0,
    ),
    Exchange(
        3,
        Request("GET", "/api/v1/checkpoints", "limit=1&offset=0"),
        Response(200, {"content-type": "application/x-tar"}, b"\x00beginning", whole=False),
        8.0,
        9.0,
    ),
]


@pytest.mark.parametrize("name", ["a.har", "a.jsonl"])
def test_what_is_written_is_read_again(tmp_path: Path, name: str) -> None:
    file = writer(tmp_path / name)
    for exchange in EXCHANGES:
        file.write(exchange)
    file.close()
    found = list(read(tmp_path / name))
    assert SECRET not in (tmp_path / name).read_text()
    assert [(e.number, e.request.method, e.request.path, e.request.query) for e in found] == [
        (e.number, e.request.method, e.request.path, e.request.query) for e in EXCHANGES
    ]
    assert [json.dumps(e.request.json) if e.number == 1 else e.request.body for e in found] == [
        '{"seq_id": 1}',
        b"\x0a\x00\xff",
        b"",
    ]
    answers = [e.response for e in found]
    assert answers[0] is not None
    assert answers[0].json == {"request_id": "r"}
    assert answers[1] is None
    assert answers[2] is not None
    assert (answers[2].body, answers[2].whole) == (b"\x00beginning", False)
    assert [round(e.ended - e.started, 3) for e in found] == [0.5, 1.0, 1.0]
    assert round(found[2].started - found[0].started, 3) == 3.0


@pytest.mark.parametrize("name", ["a.har", "a.jsonl"])
@pytest.mark.parametrize("depth", [DEEPEST // 2, DEEPEST * 3, 985, 100_000])
def test_json_of_any_depth_is_read_again(tmp_path: Path, name: str, depth: int) -> None:
    body = b'{"jwt": 0, "a": ' + b"[" * depth + b"]" * depth + b"}"
    file = writer(tmp_path / name)
    file.write(Exchange(1, Request("POST", "/api/v1/optim_step", "", JSON, body), Response(200, JSON, body)))
    file.close()
    (found,) = read(tmp_path / name)
    assert found.response is not None
    assert found.request.body == found.response.body == body


@pytest.mark.parametrize("depth", [2, DEEPEST, DEEPEST + 1, 300])
def test_a_key_beside_deep_json_is_replaced(tmp_path: Path, depth: int) -> None:
    body = b'{"jwt": "' + SECRET.encode() + b'", "a": ' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"
    file = writer(tmp_path / "a.jsonl")
    file.write(Exchange(1, Request("POST", "/api/v1/auth/token"), Response(200, JSON, body)))
    file.close()
    line = json.loads((tmp_path / "a.jsonl").read_text())
    assert list(line["response"]["body"]) == ["json" if depth <= DEEPEST else "base64"]
    (found,) = read(tmp_path / "a.jsonl")
    assert found.response is not None
    assert SECRET.encode() not in found.response.body
    assert b'"jwt": "tml-not-recorded"' in found.response.body


def test_a_key_is_replaced_and_not_left_out(tmp_path: Path) -> None:
    file = writer(tmp_path / "a.jsonl")
    file.write(EXCHANGES[0])
    file.close()
    assert next(read(tmp_path / "a.jsonl")).request.headers["x-api-key"].startswith("tml-")


def test_an_archive_of_a_browser_is_read(tmp_path: Path) -> None:
    sent = {
        "method": "POST",
        "url": "https://host/services/x/api/v1/get_info?a=b",
        "headers": [{"name": "X-API-Key", "value": "tml-x"}],
        "postData": {"mimeType": "application/json", "text": '{"model_id": "m"}'},
    }
    answered = {"status": 200, "headers": [], "content": {"size": 2, "text": "{}", "mimeType": "application/json"}}
    entry = {"startedDateTime": "2026-01-01T00:00:00Z", "time": 250, "request": sent, "response": answered}
    path = tmp_path / "browser.har"
    path.write_text(json.dumps({"log": {"entries": [entry]}}))
    (found,) = read(path)
    assert str(found) == "#1 POST /api/v1/get_info?a=b -> 200"
    assert found.request.json == {"model_id": "m"}
    assert found.request.headers == {"x-api-key": "tml-x"}
    assert found.response is not None
    assert found.response.whole


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        ("a.jsonl", '{"method": "GET"}\n', "line 1"),
        ("a.jsonl", "\nnonsense\n", "line 2"),
        ("a.jsonl", "[]\n", "line 1"),
        pytest.param("a.jsonl", "[" * 100_000, "line 1", id="a line that is too deep"),
        ("a.har", "nonsense", "no HTTP archive"),
        pytest.param("a.har", "[" * 100_000, "no HTTP archive", id="an archive that is too deep"),
        ("a.har", '{"log": {"entries": [{}]}}', "entry 1"),
    ],
)
def test_what_is_no_exchange_is_named(tmp_path: Path, name: str, text: str, where: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(CaptureError, match=where):
        list(read(tmp_path / name))


def test_a_recorded_status_of_0_is_a_connection_that_was_cut(tmp_path: Path) -> None:
    line = {"method": "get", "path": "/api/v1/healthz", "request": {}, "response": {"status": 0}}
    (tmp_path / "a.jsonl").write_text(json.dumps(line))
    (found,) = read(tmp_path / "a.jsonl")
    assert found == replace(found, response=None)
    assert found.request.method == "GET"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_an_encoding_is_undone_within_bounds(encoding: str) -> None:
    import gzip
    import zlib

    import zstandard

    packers: dict[str, Callable[[bytes], bytes]] = {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
        "zstd": zstandard.ZstdCompressor().compress,
    }
    pack = packers[encoding]
    assert decoded(pack(b"hello"), encoding) == (b"hello", True)
    assert decoded(b"nonsense", encoding) == (b"", False)
    bomb, whole = decoded(pack(bytes(LIMIT + 1)), encoding)
    assert (len(bomb), whole) == (LIMIT, False)


def test_an_unknown_encoding_leaves_a_body_that_is_not_judged() -> None:
    assert decoded(b"x", "br") == (b"x", False)
    assert decoded(b"x", "") == (b"x", True)
