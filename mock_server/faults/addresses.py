"""The signed addresses that an answer hands out, signed anew or wrongly."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from mock_server.faults.exchange import Missed

if TYPE_CHECKING:
    from collections.abc import Callable

    from mock_server.faults.exchange import Exchange


async def change_addresses(exchange: Exchange, how: Callable[[str, str, int], str]) -> None:
    """Replace every signed address in the answer, in its JSON and in Location. Missed where there is none."""
    answer, changed = exchange.answered, 0

    def anew(url: str) -> str:
        nonlocal changed
        parts = urlsplit(url)
        signed = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if not {"tenant", "expires", "signature"} <= signed.keys():
            return url
        changed += 1
        return f"{parts.scheme}://{parts.netloc}{how(unquote(parts.path), signed['tenant'], int(signed['expires']))}"

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: walk(each) for name, each in value.items()}
        return anew(value) if isinstance(value, str) else value

    if answer.media_type == "application/json":
        body = json.dumps(walk(json.loads(await answer.whole()))).encode()
        if changed:
            answer.put(body)
    if location := answer.header("location"):
        answer.set_header("location", anew(location))
    if not changed:
        raise Missed("the answer hands out no signed address")
