"""Query parameters that several lists take."""

from typing import Annotated, Literal

from fastapi import Query

Limit = Annotated[int, Query(ge=0, le=1000)]
Offset = Annotated[int, Query(ge=0, lt=2**62)]
AccessScope = Annotated[
    Literal["owned", "accessible"], Query(description="owned, or accessible: also what others published")
]
