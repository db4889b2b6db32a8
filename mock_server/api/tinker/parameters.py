"""Query parameters that several lists take."""

import re
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import AwareDatetime, BeforeValidator


def _in_digits(text: Any) -> Any:
    # pydantic would take "2\n" and "1_000" as well.
    if isinstance(text, str) and not re.fullmatch("[+-]?[0-9]+", text):
        raise ValueError("give a whole number, in digits")
    return text


Whole = Annotated[int, BeforeValidator(_in_digits)]
Limit = Annotated[Whole, Query(ge=0, le=1000)]
UnlimitedLimit = Annotated[Whole, Query(ge=0, lt=2**62)]
Offset = Annotated[Whole, Query(ge=0, lt=2**62)]
AccessScope = Annotated[
    Literal["owned", "accessible"], Query(description="owned, or accessible: also what others published")
]


def _no_number(text: Any) -> Any:
    if isinstance(text, str) and text.removeprefix("-").replace(".", "", 1).isdecimal():
        raise ValueError("give a date such as 2026-07-13, or a moment such as 2026-07-13T00:00:00Z")
    return text


# pydantic would take a number for seconds since 1970.
Day = Annotated[date, BeforeValidator(_no_number)]
Moment = Annotated[AwareDatetime, BeforeValidator(_no_number)]
