"""Which operations a server claims, by the profiles that it is judged on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.requirements import PROFILES, requirements
from contracts.spec import operation_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from contracts.spec import Operation


def profile_of(operation: Operation) -> str:
    """The profile that an operation belongs to: the furthest from the core of those whose requirements speak of it."""
    named = {requirements()[each].profile for each in operation.requirements} - {"security"}
    return max(named or {"rest"}, key=list(PROFILES).index)


def claims(request: str, profiles: Collection[str]) -> bool:
    """Whether a request (`GET /api/v1/...`) is one of those profiles'; what is no operation is a signed download."""
    method, _, path = request.partition(" ")
    operation = operation_of(method, path)
    return ("archives" if operation is None else profile_of(operation)) in profiles
