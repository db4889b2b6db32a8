"""The HTTP session that schemathesis sends through: every exchange is seen, and no answer is read for ever."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

import requests

from contracts.exchange import Exchange, Request, Response
from contracts.exchange import headers as header_map

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AGENT: Final = "tinker-mock-check"
LONGEST_ANSWER: Final = 16 * 1024 * 1024
"""Bytes; beyond it an answer is not read."""
_MARK: Final = "x-schemathesis-testcaseid"
_CHUNK: Final = 65536


class WatchedSession(requests.Session):
    """One pool of connections, without cookies. watch: told of every exchange when it has ended; set it before."""

    watch: Callable[[Exchange], None]

    def __init__(self, base_url: str) -> None:
        super().__init__()
        # Proxies of the environment, but not the passwords of ~/.netrc, which it would send as well.
        self.trust_env = False
        self.proxies.update(requests.utils.get_environ_proxies(base_url))
        self.last: Exchange | None = None
        self._base = base_url
        self._count = 0

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """The answer, redirects not followed, within the timeout in all."""
        seconds = float(kwargs.get("timeout") or 10.0)
        # Of no meaning to the server, and another one each time.
        request.headers.pop(_MARK, None)
        request.headers["User-Agent"] = AGENT
        began = monotonic()
        try:
            answer = super().send(request, **{**kwargs, "allow_redirects": False, "stream": True})
            _read(answer, began + seconds)
        except requests.RequestException:
            self._saw(request, None, began)
            raise
        self.cookies.clear()
        self._saw(request, answer, began)
        return answer

    def _saw(self, request: requests.PreparedRequest, answer: requests.Response | None, began: float) -> None:
        self._count += 1
        parts = urlsplit((request.url or "").removeprefix(self._base))
        body: Any = request.body or b""
        sent = Request(
            request.method or "",
            unquote(parts.path),
            parts.query,
            header_map({name: _text(value) for name, value in request.headers.items()}),
            body.encode() if isinstance(body, str) else body,
        )
        got = None
        if answer is not None:
            # requests has undone the encoding.
            said = [(name, value) for name, value in answer.headers.items() if name.lower() != "content-encoding"]
            got = Response(answer.status_code, header_map(said), answer.content)
        self.last = Exchange(self._count, sent, got, began, monotonic())
        self.watch(self.last)


def _read(answer: requests.Response, deadline: float) -> None:
    """Read the body, as it comes: the timeout of requests begins anew with every byte."""
    if answer.is_redirect:
        return  # requests has read it already
    try:
        body = b"".join(_pieces(answer, deadline))
    except requests.RequestException:
        answer.close()
        raise
    except Exception as error:
        # urllib3 and http.client have errors of their own for answers that break off or are garbage.
        answer.close()
        raise requests.ConnectionError(f"the answer broke off: {error!r}", request=answer.request) from error
    answer._content = body  # noqa: SLF001 - as reading `content` would leave it
    answer._content_consumed = True  # noqa: SLF001 - as above


def _pieces(answer: requests.Response, deadline: float) -> Iterator[bytes]:
    size = 0
    while piece := answer.raw.read1(_CHUNK, decode_content=True):
        yield piece
        size += len(piece)
        if monotonic() > deadline or size > LONGEST_ANSWER:
            raise requests.ReadTimeout(f"the answer has no end: {size} bytes so far", request=answer.request)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
