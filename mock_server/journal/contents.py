"""Bytes that are kept once however often they come: equal bodies of exchanges."""

from __future__ import annotations

from typing import Final

SMALL: Final = 256
"""Up to so many bytes it would take more to find an equal one than to keep another."""


class Contents:
    """What is kept, with how many users each has. size: bytes of all of it."""

    def __init__(self) -> None:
        self._kept: dict[bytes, _Shared] = {}
        self.size = 0

    def keep(self, content: bytes) -> bytes:
        """One more user of this content; returns the copy that all its users share."""
        if len(content) <= SMALL:
            self.size += len(content)
            return content
        shared = self._kept.get(content)
        if shared is None:
            shared = self._kept[content] = _Shared(content)
            self.size += len(content)
        shared.users += 1
        return shared.content

    def drop(self, content: bytes) -> None:
        """One user less; it goes with the last one."""
        if len(content) <= SMALL:
            self.size -= len(content)
            return
        shared = self._kept[content]
        shared.users -= 1
        if not shared.users:
            del self._kept[content]
            self.size -= len(content)


class _Shared:
    __slots__ = ("content", "users")

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.users = 0
