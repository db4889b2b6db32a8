"""The Range header, as far as downloads and clients of a hub use it: one range of bytes."""

from __future__ import annotations

import re
from typing import Final

_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


class Unsatisfiable(Exception):
    """The range lies beyond the content: the answer is 416."""


def requested_range(header: str | None, length: int) -> tuple[int, int] | None:
    """The first and last byte asked for, both inclusive, of a content of that length.

    None where there is no header, or one that a server may ignore (several ranges, other units): all is sent then.
    Raises Unsatisfiable.
    """
    match = _RANGE.fullmatch(header or "")
    if match is None or match[0] == "bytes=-":
        return None
    first, last = match[1], match[2]
    if not first:
        start, end = max(0, length - int(last)), length - 1
    else:
        start, end = int(first), min(int(last), length - 1) if last else length - 1
        if last and int(last) < start:
            return None
    if start >= length:
        raise Unsatisfiable
    return start, end
