"""Scripted answers of base models."""

from mock_server.domain.responders.arithmetic import answer_arithmetic
from mock_server.domain.responders.patterns import LONGEST_PATTERN, LONGEST_TEXT, compiled
from mock_server.domain.responders.rules import (
    DEFAULT_THOUGHT,
    FIRMEST,
    Responder,
    ScriptedAnswer,
    as_next_token,
    respond,
    scripted,
)

__all__ = [
    "DEFAULT_THOUGHT",
    "FIRMEST",
    "LONGEST_PATTERN",
    "LONGEST_TEXT",
    "Responder",
    "ScriptedAnswer",
    "answer_arithmetic",
    "as_next_token",
    "compiled",
    "respond",
    "scripted",
]
