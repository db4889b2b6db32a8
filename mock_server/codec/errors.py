"""The one error of this package."""

from reprlib import repr as _shortened
from typing import Any


class Malformed(ValueError):
    """Bytes that are not what the wire contract says.

    field: the path to the culprit, as a client would write it (`data[3].loss_fn_inputs.weights`).
    problem: what is wrong there, with the value.  remedy: what to send instead.
    """

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        super().__init__(field, problem, remedy)
        self.field = field
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.field} {self.problem}: {self.remedy}"


def shown(value: Any) -> str:
    """Value as an error message shows it: a few dozen characters, however long it is."""
    return _shortened(value)
