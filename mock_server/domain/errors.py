"""Refusals: what a caller did or asked for that a rule does not allow. A door gives each its status."""

from typing import Literal

Category = Literal["user", "server", "unknown"]


class Refused(Exception):
    """A rule says no. The message names the field, the value and what to do."""


class Invalid(Refused):
    """The request can't be right, whatever the state."""


class NotFound(Refused):
    """No such thing, or none that this tenant may see: the two look alike on purpose."""


class Conflict(Refused):
    """The same name or number already stands for something else."""


class Gone(Refused):
    """It was there, and its time is over."""


class Forbidden(Refused):
    """Readable by this tenant, but not its own to change."""


class OperationFailed(Exception):
    """An operation's own end: a result that says no, instead of an HTTP error."""

    def __init__(self, message: str, category: Category = "user") -> None:
        super().__init__(message)
        self.category: Category = category
