"""Plays a capture against a server and tells where its answers differ."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from contracts.recorded import messages
from contracts.recorded.caller import PREFIX, Caller, GivenUp, NoAnswer
from contracts.recorded.excuses import Excuse, sorted_out
from contracts.recorded.finding import Finding
from contracts.recorded.names import Names
from contracts.recorded.numbering import Numbering
from contracts.recorded.operations import Operations
from contracts.recorded.shape import differences
from contracts.recorded.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

    from contracts.exchange import Exchange
    from contracts.recorded.recording import Capture, Line
    from contracts.recorded.scene import LeftOut

POLL: Final = f"{PREFIX}/retrieve_future"
LEFT_TO_HTTP: Final = frozenset({"accept-encoding", "connection", "content-encoding", "content-length", "host"})
NO_DIFFERENCE: Final = (200, 204)
"""A method without a result may answer either: no client tells them apart."""


@dataclass(frozen=True)
class Replay:
    """What came of it: the differences that nothing excuses, and the exceptions that excused others."""

    findings: list[Finding]
    used: list[Excuse]


def replay(
    capture: Capture, base_url: str, key: str, seconds: float = 120, watch: Callable[[Exchange], None] | None = None
) -> Replay:
    """Send the capture's requests in their order, as the tenant of that key, and compare each answer.

    Names that the server gives (ids, paths, signed addresses) stand in the place of those recorded. The recorder left
    out what looked like something before, polls above all: an operation whose poll it left out is waited for before
    the next request that could see what it did, as its client did.

    Ends after so many seconds, or when the server stays silent, with a finding `given up` at the line that it came to.
    Raises nothing. `watch` is told of every exchange, the scene's own included.
    """
    with Caller(base_url, key, seconds, watch) as caller:
        return Replay(*sorted_out(_Player(capture, caller).play()))


class _Player:
    def __init__(self, capture: Capture, caller: Caller) -> None:
        self._capture = capture
        self._caller = caller
        self._names = Names()
        self._numbering = Numbering(capture.lines)
        self._stage = Stage(caller, self._names, capture.scene)
        self._operations = Operations(capture.lines)
        self._early: list[Line] = []
        """Polls of what can't end yet."""
        self._cursors: dict[int, int] = {}
        self._findings: list[Finding] = []

    def play(self) -> list[Finding]:
        lines = {line.number: line for line in self._capture.lines}
        line = self._capture.lines[0]
        try:
            self._stage.set_up()
            for line in self._capture.lines:
                for left_out in self._capture.scene.left_out:
                    if left_out.before == line.number:
                        self._play(_like(lines[left_out.like], left_out))
                self._play(line)
                early, self._early = self._early, []
                for poll in early:
                    self._play(poll)
            self._see(self._operations.left())
        except GivenUp as gave_up:
            self._found(line, "given up", "an answer", str(gave_up))
        except NoAnswer as none:
            # Nothing that follows could be told from this.
            self._found(line, "scene", "what its server had", str(none))
        return self._findings

    def _play(self, line: Line) -> None:
        polled = line.path == POLL
        if not polled:
            self._see(self._operations.left_to_see(before=line))
        self._stage.prepare(line.path, json.dumps(line.body.json))
        content = self._content(line)
        self._operations.sent(line)
        try:
            if polled and line.status == 200:
                request_id = str(json.loads(content or b"{}").get("request_id"))
                if self._operations.waits(request_id):
                    self._early.append(line)
                    return
                self._operations.seen(request_id)
                answer = self._caller.poll(content or b"", self._headers(line))
            else:
                answer = self._caller.send(line.method, self._url(line), self._headers(line), content)
        except NoAnswer as none:
            self._found(line, "answer", f"status {line.status}", str(none))
            return
        if line.method == "DELETE" and answer.is_success:
            self._stage.deleted(line.path)
        self._compare(line, answer)
        if answer.status_code == line.status:
            self._learn(line, answer)
        if _is_submission(line) and answer.is_success:
            promised = _json(answer)
            if isinstance(promised, dict) and "request_id" in promised:
                self._operations.accepted(str(promised["request_id"]), line)

    def _url(self, line: Line) -> str:
        path = self._names.path(line.path)
        if not line.path.startswith(PREFIX):
            # Signed addresses are recorded by their paths alone.
            path = next((url for old, url in self._names.addresses() if old.endswith(line.path)), path)
        return f"{path}?{line.query}" if line.query else path

    def _headers(self, line: Line) -> dict[str, str]:
        headers = {name: value for name, value in line.headers.items() if name not in LEFT_TO_HTTP}
        if "x-api-key" in headers:
            token = self._names.text(headers["x-api-key"])
            headers["x-api-key"] = token if token != headers["x-api-key"] else self._caller.key
        return headers

    def _content(self, line: Line) -> bytes | None:
        if line.body.content is not None:
            return messages.addressed_anew(line.body.content, self._names.text, self._numbering.of(line))
        if line.body.json is None:
            return None
        body = self._names.applied(line.body.json)
        if isinstance(body, dict):
            if "model_id" in body and body.get("seq_id") is not None:
                body["seq_id"] = self._numbering.of(line)
            if "prev_cursor" in body:
                body["prev_cursor"] = self._cursors.get(body["prev_cursor"], body["prev_cursor"])
        return json.dumps(body).encode()

    def _compare(self, line: Line, answer: httpx.Response) -> None:
        if answer.status_code != line.status and not {answer.status_code, line.status} <= set(NO_DIFFERENCE):
            self._found(line, "status", str(line.status), str(answer.status_code), answer.text[:300])
            return
        for header in ("location", "expires"):
            if header in line.answer_headers and header not in answer.headers:
                self._found(line, f"header {header}", line.answer_headers[header], "nothing")
        recorded_type, got_type = _media_type(line.answer_headers), _media_type(answer.headers)
        # Of a file, everybody says in his own way what it is.
        if line.path.startswith(PREFIX) and answer.content and recorded_type not in {"", got_type}:
            self._found(line, "header content-type", recorded_type, got_type or "nothing")
        elif line.answer.content is not None:
            self._compare_message(line, answer)
        elif line.answer.json is not None:
            self._differences(line, line.answer.json, _json(answer))

    def _compare_message(self, line: Line, answer: httpx.Response) -> None:
        kind = line.headers.get("x-tinker-request-type", "")
        try:
            got = messages.fields(answer.content, kind)
        except ValueError as error:
            self._found(line, "$", "a message", str(error))
            return
        self._differences(line, messages.fields(line.answer.content or b"", kind), got)

    def _differences(self, line: Line, recorded: Any, got: Any) -> None:
        for where, old, new in differences(recorded, got):
            self._found(line, where, old, new)

    def _learn(self, line: Line, answer: httpx.Response) -> None:
        if "location" in line.answer_headers and "location" in answer.headers:
            self._names.learn(line.answer_headers["location"], answer.headers["location"])
        got = _json(answer)
        self._names.learn_from(line.answer.json, got)
        if isinstance(line.answer.json, dict) and isinstance(got, dict) and "cursor" in line.answer.json:
            recorded, here = line.answer.json["cursor"], got.get("cursor")
            if isinstance(recorded, int) and isinstance(here, int):
                self._cursors[recorded] = here

    def _see(self, left: list[tuple[str, Line]]) -> None:
        """Wait for operations whose polls were left out; each must have succeeded."""
        for request_id, line in left:
            headers = self._headers(line) | {
                "content-type": "application/json",
                "accept": f"{messages.PROTOBUF}, application/json",
            }
            try:
                answer = self._caller.poll(json.dumps({"request_id": request_id}).encode(), headers)
            except NoAnswer as none:
                self._found(line, "result", "a success", str(none))
                continue
            result = _json(answer)
            if not answer.is_success or (isinstance(result, dict) and "error" in result):
                self._found(line, "result", "a success", "a failure", answer.text[:300])
            else:
                self._names.learn_from(self._capture.scene.results.get(line.number), result)

    def _found(self, line: Line, where: str, recorded: str, got: str, said: str = "") -> None:
        capture = self._capture
        self._findings.append(
            Finding(capture.recording, capture.name, line.number, line.request, where, recorded, got, said)
        )


def _like(line: Line, left_out: LeftOut) -> Line:
    """The request that was left out, made from the one that it was like."""
    changed = line
    if left_out.changes:
        changed = replace(changed, body=replace(line.body, json=line.body.json | left_out.changes))
    if left_out.answer:
        changed = replace(changed, answer=replace(line.answer, json=line.answer.json | left_out.answer))
    if left_out.location:
        changed = replace(changed, answer_headers={**line.answer_headers, "location": left_out.location})
    return changed


def _is_submission(line: Line) -> bool:
    return isinstance(line.answer.json, dict) and "request_id" in line.answer.json and line.path != POLL


def _media_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _json(answer: httpx.Response) -> Any:
    if "json" not in answer.headers.get("content-type", ""):
        return None
    try:
        return answer.json()
    except (ValueError, RecursionError):
        return None
