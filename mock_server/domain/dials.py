"""Dials: when an operation that is done may be seen to be done, by kind of operation.

Real services take their time; programs that only ever met an immediate answer break there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, Literal, cast, get_args

OPERATION_KINDS: Final = (
    "create_model",
    "forward",
    "forward_backward",
    "optim_step",
    "save_weights",
    "save_weights_for_sampler",
    "save_weights_external",
    "load_weights",
    "unload_model",
    "sample",
    "create_custom_loss",
)
"""What a client can wait for, in the API's own words."""

QueueState = Literal["active", "paused_capacity", "paused_rate_limit"]


@dataclass(frozen=True, slots=True)
class Dial:
    """One setting of a dial. seconds counts for `after`, polls for `polls`; elsewhere both are 0.

    queue_state and reason are what a client is told while it waits; the SDK shows the two paused states to its user.
    """

    mode: Literal["immediate", "after", "polls", "manual", "never"] = "immediate"
    seconds: float = 0.0
    polls: int = 0
    queue_state: QueueState = "active"
    reason: str | None = None

    @classmethod
    def parse(cls, text: str) -> Dial:
        """Read `immediate`, `after:<seconds>`, `polls:<n>`, `manual` or `never`. ValueError says what is wrong.

        A queue state and its reason may follow: `after:2/paused_capacity/all GPUs are busy`.
        """
        setting, _, told = text.partition("/")
        state, _, reason = told.partition("/")
        if told and state not in get_args(QueueState):
            raise ValueError(f"{text!r} has queue state {state!r}: give one of {', '.join(get_args(QueueState))}.")
        dial = cls._parse_mode(setting)
        return replace(dial, queue_state=cast("QueueState", state), reason=reason or None) if told else dial

    @classmethod
    def _parse_mode(cls, text: str) -> Dial:
        mode, _, amount = text.partition(":")
        if mode in {"immediate", "manual", "never"} and not amount:
            return cls(cast("Literal['immediate', 'manual', 'never']", mode))
        if mode == "after" and (seconds := _seconds(amount)) is not None:
            return cls("after", seconds=seconds)
        if mode == "polls" and amount.isdecimal():
            return cls("polls", polls=int(amount))
        raise ValueError(f"{text!r} is no dial: give immediate, after:<seconds>, polls:<n>, manual or never.")

    def __str__(self) -> str:
        """The text that parse reads."""
        setting = {"after": f"after:{self.seconds:g}", "polls": f"polls:{self.polls}"}.get(self.mode, self.mode)
        if self.reason is not None:
            return f"{setting}/{self.queue_state}/{self.reason}"
        return setting if self.queue_state == "active" else f"{setting}/{self.queue_state}"


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
