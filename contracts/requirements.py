"""The requirements: what a server or a client MUST or SHOULD do, from requirements.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from contracts.documents import read_yaml

Keyword = Literal["MUST", "SHOULD"]
Side = Literal["server", "client"]

FORM: Final = "form"
PROFILES: Final = {
    FORM: "the form of every answer, whatever else a server claims",
    "core": "sessions, models, training steps in order, exactly once",
    "futures": "results: polling, long polls, failures as results",
    "sampling": "samplers, sampling, log-probabilities",
    "checkpoints": "saving, loading, restoring, publishing, time to live",
    "rest": "lists, runs, sessions, account and books",
    "archives": "archives, external weights, signed URLs",
    "security": "keys, tenants, hostile input",
    "client": "what a client sends",
}
"""What a server can be judged on, one by one, for it may claim only a part."""
SERVER_PROFILES: Final = tuple(name for name in PROFILES if name != "client")
"""Of these FORM is always judged."""


@dataclass(frozen=True)
class Requirement:
    """One sentence that must hold. source: where it is established. checks: who tests it."""

    id: str
    keyword: Keyword
    side: Side
    profile: str
    text: str
    source: str
    checks: tuple[str, ...]


@cache
def requirements() -> dict[str, Requirement]:
    """All requirements by id, in the file's order."""
    listed: list[dict[str, Any]] = read_yaml(Path(__file__).with_name("requirements.yaml"))
    return {each["id"]: Requirement(**{**each, "checks": tuple(each["checks"])}) for each in listed}
