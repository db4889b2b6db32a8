"""The names that a server gives (ids, paths, addresses), put in the place of those that another one gave."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

GIVEN: Final = frozenset(
    {
        "jwt",
        "loss_id",
        "model_id",
        "path",
        "request_id",
        "sample_sequence_ids",
        "sampler_id",
        "sampling_session_id",
        "session_id",
        "tinker_path",
        "url",
        "urls",
    }
)
"""The fields of answers whose texts are names that later requests hold."""


class Names:
    """Recorded names and what they are called here. The longest that fits a place counts."""

    def __init__(self, here: Mapping[str, str] | None = None) -> None:
        self._here = dict(here or {})
        self._pattern: re.Pattern[str] | None = None

    def learn(self, recorded: str, here: str) -> None:
        """Call it so from now on. What is called alike needs no entry, unless it had another."""
        if recorded and (recorded in self._here or recorded != here):
            self._here.pop(recorded, None)
            self._here[recorded] = here
            self._pattern = None

    def learn_from(self, recorded: Any, got: Any) -> None:
        """Learn what two answers to one request call the same thing."""
        for old, new in _pairs(recorded, got):
            self.learn(old, new)

    def addresses(self) -> list[tuple[str, str]]:
        """The URLs among them, the last learnt first."""
        return [(old, new) for old, new in reversed(self._here.items()) if old.startswith("http")]

    def text(self, recorded: str) -> str:
        if not self._here:
            return recorded
        if self._pattern is None:
            names = "|".join(re.escape(name) for name in sorted(self._here, key=len, reverse=True))
            # A name's end is no name: sess-1 is not the begin of sess-10.
            self._pattern = re.compile(rf"(?<![\w-])(?:{names})(?![\w-])")
        return self._pattern.sub(lambda found: self._here[found[0]], recorded)

    def path(self, recorded: str) -> str:
        """A URL's path, percent-encoded as its client does it."""
        if "%" in recorded:
            return quote(self.text(unquote(recorded)), safe="/")
        return self.text(recorded)

    def applied(self, value: Any) -> Any:
        """A JSON value with every name in it as it is called here."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.applied(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.applied(each) for each in value]
        return value


def _pairs(recorded: Any, got: Any, field: str = "") -> Iterator[tuple[str, str]]:
    """Texts of the two that stand for one thing."""
    if isinstance(recorded, dict) and isinstance(got, dict):
        if field == "urls":
            yield from _files(recorded, got)
            return
        for key, value in recorded.items():
            yield from _pairs(value, got.get(key), key)
    elif field not in GIVEN:
        return
    elif isinstance(recorded, list) and isinstance(got, list):
        for old, new in zip(recorded, got, strict=False):
            yield from _pairs(old, new, field)
    elif isinstance(recorded, str) and isinstance(got, str):
        yield recorded, got


def _files(recorded: dict[str, Any], got: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Addresses of files of one name, in whichever folder each server has it."""
    here = {name.rpartition("/")[2]: url for name, url in got.items()}
    for name, url in recorded.items():
        if name.rpartition("/")[2] in here:
            yield url, here[name.rpartition("/")[2]]
