"""As much of a model hub as an upload asks for: it takes every file in the commit itself and remembers it."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from client_tests.harness.in_thread import AsgiThread

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from starlette.types import Receive, Scope, Send


@dataclass
class Commit:
    """What one upload brought. path: where it was sent to; query: the parameters of that address."""

    path: str
    query: str
    summary: str = ""
    files: dict[str, bytes] = field(default_factory=dict)


class Hub:
    """A hub that everybody is logged in to."""

    def __init__(self) -> None:
        self.commits: list[Commit] = []
        self.repositories: list[dict[str, Any]] = []
        self._thread = AsgiThread(self._app)
        self.url = ""

    def __enter__(self) -> Self:
        self.url = self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._thread.stop()

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        status, answer = self._answer(scope["path"], scope["query_string"].decode(), body)
        content = json.dumps(answer).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content if scope["method"] != "HEAD" else b""})

    def _answer(self, path: str, query: str, body: bytes) -> tuple[int, dict[str, Any]]:
        if path == "/api/whoami-v2":
            return 200, {"type": "user", "name": "tester", "orgs": [], "auth": {}}
        if path == "/api/repos/create":
            self.repositories.append(wanted := json.loads(body))
            owner = wanted.get("organization") or "tester"
            return 200, {"url": f"{self.url}/{owner}/{wanted['name']}", "id": f"{owner}/{wanted['name']}"}
        if path == "/api/validate-yaml":
            return 200, {"warnings": [], "errors": []}
        if "/preupload/" in path:
            named = [file["path"] for file in json.loads(body)["files"]]
            return 200, {"files": [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in named]}
        if "/commit/" in path:
            self._keep(Commit(path, query), body)
            repository = f"{self.url}/tester/any"
            return 200, {
                "commitUrl": f"{repository}/commit/{'0' * 40}",
                "commitOid": "0" * 40,
                "pullRequestUrl": f"{repository}/discussions/1",
            }
        return 404, {"error": f"{path} is not there"}

    def _keep(self, commit: Commit, body: bytes) -> None:
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "header":
                commit.summary = line["value"]["summary"]
            else:
                commit.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
        self.commits.append(commit)
