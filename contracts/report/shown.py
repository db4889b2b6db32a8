"""An exchange as a report shows it: no key in it, its bodies readable, and a curl line that repeats it."""

from __future__ import annotations

import json
import re
import shlex
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from contracts.exchange import Exchange, Request, Response

KEY: Final = "$TINKER_API_KEY"
LONGEST: Final = 4096
"""Characters of a body that are shown."""
LONGEST_EVIDENCE: Final = 1000
_TOKEN: Final = re.compile(r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*")
_LEFT_TO_CURL: Final = frozenset({"host", "content-length", "connection", "accept-encoding", "user-agent", "accept"})
_SAFE_IN_PATHS: Final = "/:@!$&'()*+,;=~%"


@dataclass(frozen=True)
class ShownBody:
    """kind: how `text` is written. size: bytes that there were. whole: whether `text` shows them all."""

    kind: Literal["none", "json", "text", "base64"]
    text: str
    size: int
    whole: bool


@dataclass(frozen=True)
class ShownExchange:
    """status: None where there was no answer. seconds: how long it took."""

    method: str
    url: str
    request_headers: Mapping[str, str]
    request_body: ShownBody
    status: int | None
    answer_headers: Mapping[str, str]
    answer_body: ShownBody
    seconds: float
    curl: str


class Shower:
    """Shows exchanges with a server. owns: whether a key is one that must not be told; others are part of a test."""

    def __init__(self, base_url: str, owns: Callable[[str], bool]) -> None:
        self._base = base_url
        self._owns = owns

    def exchange(self, exchange: Exchange) -> ShownExchange:
        """One exchange."""
        request, response = exchange.request, exchange.response
        key = request.headers.get("x-api-key", "")
        hide = _hiding(key if self._owns(key) else "")
        url = hide(self._url(request))
        headers = {name: hide(value) for name, value in request.headers.items()}
        return ShownExchange(
            request.method,
            url,
            headers,
            _body(request, hide),
            None if response is None else response.status,
            {} if response is None else {name: hide(value) for name, value in response.headers.items()},
            ShownBody("none", "", 0, whole=True) if response is None else _body(response, hide),
            round(max(0.0, exchange.ended - exchange.started), 3),
            hide(_curl(request, url, headers)),
        )

    def text(self, evidence: str) -> str:
        """Words of a check, which may quote an answer."""
        text = _TOKEN.sub("(a token)", evidence)
        return text if len(text) <= LONGEST_EVIDENCE else f"{text[: LONGEST_EVIDENCE - 3]}..."

    def _url(self, request: Request) -> str:
        query = f"?{request.query}" if request.query else ""
        if request.path.startswith("http"):
            return f"{request.path}{query}"
        return f"{self._base}{quote(request.path, safe=_SAFE_IN_PATHS)}{query}"


def _hiding(key: str) -> Callable[[str], str]:
    def hide(text: str) -> str:
        return _TOKEN.sub("(a token)", text.replace(key, KEY) if key else text)

    return hide


def _body(message: Request | Response, hide: Callable[[str], str]) -> ShownBody:
    body = message.body
    if not body:
        return ShownBody("none", "", 0, message.whole)
    value = message.json if message.whole else None
    if value is not None:
        kind: Literal["json", "text", "base64"] = "json"
        text = json.dumps(value, indent=2, ensure_ascii=False)
    else:
        try:
            kind, text = "text", body.decode("utf-8")
        except UnicodeDecodeError:
            kind, text = "base64", b64encode(body).decode()
    # Half a surrogate can stand in JSON and in no file.
    text = hide(text).encode("utf-8", "backslashreplace").decode("utf-8")
    return ShownBody(kind, text[:LONGEST], len(body), message.whole and len(text) <= LONGEST)


def _curl(request: Request, url: str, headers: Mapping[str, str]) -> str:
    """A line for a shell that has the key in its environment."""
    words = ["curl", "-sS", "-i"]
    if request.method == "HEAD":
        words.append("--head")
    elif request.method != ("POST" if request.body else "GET"):
        words += ["-X", shlex.quote(request.method)]
    words.append(shlex.quote(url))
    for name, value in headers.items():
        if name not in _LEFT_TO_CURL or (name == "accept" and value != "*/*"):
            header = f"{name}: {value}"
            words += ["-H", f'"{header}"' if value == KEY else shlex.quote(header)]
    if not request.body:
        return " ".join(words)
    if not request.whole:
        return f"{' '.join(words)} --data-binary @-  # the body is too long to stand here"
    try:
        text = request.body.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        encoded = b64encode(request.body).decode()
        return f"echo {encoded} | base64 -d | {' '.join(words)} --data-binary @-"
    return f"{' '.join(words)} --data-binary {shlex.quote(text)}"
