"""Recordings as they lie in contracts/recordings: one exchange a line, grouped by who made them."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from contracts.recorded.messages import addressed_anew
from contracts.recorded.names import Names
from contracts.recorded.scene import Scene, scenes

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER: Final = Path(__file__).parents[1] / "recordings"
RECORDINGS: Final = ("tinker-0.38.0", "tinker-older", "tinkex-0.4.0")


@dataclass(frozen=True)
class Body:
    """json: a value; content: protobuf, of a request always a batch; neither: nothing, or bytes that were not kept."""

    json: Any = None
    content: bytes | None = None

    @classmethod
    def of(cls, recorded: Mapping[str, Any] | None) -> Body:
        if recorded is None:
            return cls()
        if "base64" in recorded:
            return cls(content=b64decode(recorded["base64"]))
        if "json" in recorded and not (isinstance(recorded["json"], dict) and "__bytes__" in recorded["json"]):
            return cls(json=recorded["json"])
        return cls()


@dataclass(frozen=True)
class Line:
    """A recorded exchange. path: as sent, percent-encoded where the client did so; query: without the `?`."""

    number: int
    client: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: Body
    status: int
    answer_headers: Mapping[str, str]
    answer: Body

    @property
    def request(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Capture:
    """What one client sent to one server in one go, and what that server had before."""

    recording: str
    name: str
    lines: tuple[Line, ...]
    scene: Scene

    def __str__(self) -> str:
        return f"{self.recording}: {self.name}"


@cache
def captures(recording: str) -> tuple[Capture, ...]:
    """The captures of a recording, in its order."""
    with (FOLDER / f"{recording}.jsonl").open() as file:
        raw = [json.loads(line) for line in file]
    found: list[Capture] = []
    for name, group in groupby(_named(raw), key=lambda pair: pair[0]):
        scene = scenes().get(recording, {}).get(name, Scene())
        meant = Names(scene.stands_for)
        found.append(Capture(recording, name, tuple(_line(meant.applied(line), meant) for _, line in group), scene))
    return tuple(found)


def _named(raw: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Each line with its capture's name. A program that only loads a signed URL belongs to the client before it."""
    named: list[tuple[str, dict[str, Any]]] = []
    seen: dict[str, int] = {}
    last = None
    for line in raw:
        given = f"{line['client']}, {line['capture']}" if "capture" in line else line["client"]
        if line["client"].startswith("Python-urllib") and last is not None:
            given = last
        if given != last:
            seen[given] = seen.get(given, 0) + 1
            last = given
        named.append((given if seen[given] == 1 else f"{given} ({seen[given]})", line))
    return named


def _line(raw: Mapping[str, Any], meant: Names) -> Line:
    request, response, query = raw["request"], raw["response"], raw["query"]
    body = Body.of(request["body"])
    if body.content is not None:
        body = Body(content=addressed_anew(body.content, meant.text))
    return Line(
        number=raw["n"],
        client=raw["client"],
        method=raw["method"],
        path=raw["path"],
        query=query if isinstance(query, str) else urlencode(query),
        headers=request["headers"],
        body=body,
        status=response["status"],
        answer_headers=response["headers"],
        answer=Body.of(response["body"]),
    )
