"""The runtime's one hook for what goes wrong on request: what is to happen to an operation beside its work.

Whoever wants an operation disturbed sets INTERFERENCE around its submission; the operation carries it from there.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from mock_server.domain.dials import Dial
from mock_server.domain.errors import Category, OperationFailed


@dataclass(frozen=True, slots=True)
class Interference:
    """dial: when its result may be seen, and what is told until then, in place of its kind's dial.

    failure: it is not executed but fails, with this message and category (user, server or unknown).
    """

    dial: Dial | None = None
    failure: tuple[str, Category] | None = None

    def act(self) -> None:
        """Fail the operation in place of its execution, if that is what was ordered."""
        if self.failure is not None:
            raise OperationFailed(*self.failure)


INTERFERENCE: Final[ContextVar[Interference | None]] = ContextVar("interference", default=None)
