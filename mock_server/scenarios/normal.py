"""What two plays of one recording may differ in, put out of the way: times and durations, and what is made of them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from mock_server.journal.fields import fields_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from contracts.exchange import Response

HEADERS: Final = ("content-type", "location", "retry-after", "retry-after-ms", "x-should-retry", "x-tinker-mock-fault")
"""Those that clients read; others tell when and by whom an answer was sent."""
_NORMAL: Final = (
    # A time, as answers write them.
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"), "<time>"),
    # A signed address: until when it holds, and the signature of that.
    (re.compile(r"(expires|signature)=[^&\"\s]+"), r"\1=<time>"),
    # A token holds the time of its issue.
    (re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+"), "<token>"),
    # Where the server happens to listen.
    (re.compile(r"https?://(127\.0\.0\.1|localhost|\[::1\]):\d+"), "<server>"),
)
_TIMES: Final = re.compile(r"(^|_)(seconds|ms|time|duration|expires|until)(_|$)")


def normal(text: str) -> str:
    """A text of an answer without what differs from play to play."""
    for pattern, stands_for in _NORMAL:
        text = pattern.sub(stands_for, text)
    return text


def difference(
    recorded: Response | None, got: Response | None, message: str | None = None
) -> tuple[str, str, str] | None:
    """(where, recorded, got) of the first difference that is none of times; None where there is none.

    message: what a protobuf is, where its content type does not say it.
    """
    if recorded is None or got is None:
        return None if recorded is got else ("answer", _shown(recorded), _shown(got))
    if recorded.status != got.status:
        return "status", str(recorded.status), f"{got.status} {got.body[:200]!r}"
    for name in HEADERS:
        old, new = (normal(answer.headers.get(name, "nothing")) for answer in (recorded, got))
        if old != new:
            return f"header {name}", old, new
    if recorded.body == got.body:
        return None
    fields = [_fields(answer, message) for answer in (recorded, got)]
    if fields[0] is None or fields[1] is None:
        return "body", f"{len(recorded.body)} bytes", f"{len(got.body)} other bytes"
    return next(_differences(fields[0], fields[1], ""), None)


def _shown(response: Response | None) -> str:
    return "none" if response is None else f"status {response.status}"


def _fields(response: Response, message: str | None) -> Any:
    """The JSON value or the protobuf's fields; None for what is neither."""
    if response.json is not None and response.media_type == "application/json":
        return response.json
    return dict(fields_of(response, message)) or None


def _differences(recorded: Any, got: Any, where: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(recorded, dict) and isinstance(got, dict):
        for name in [*recorded, *(name for name in got if name not in recorded)]:
            if not (_TIMES.search(name) and all(isinstance(each.get(name), int | float) for each in (recorded, got))):
                place = f"{where}.{name}" if where else name
                yield from _differences(recorded.get(name, "nothing"), got.get(name, "nothing"), place)
    elif isinstance(recorded, list) and isinstance(got, list) and len(recorded) == len(got):
        for index, (old, new) in enumerate(zip(recorded, got, strict=True)):
            yield from _differences(old, new, f"{where}.{index}")
    elif _plain(recorded) != _plain(got):
        yield where or "body", _plain(recorded)[:200], _plain(got)[:200]


def _plain(value: Any) -> str:
    return normal(value if isinstance(value, str) else json.dumps(value, default=repr))
