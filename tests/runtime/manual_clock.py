"""A clock that moves only when a test says so, without a server around it."""

from mock_server.runtime.clocks import Clocks
from mock_server.runtime.timeline import Timeline


class ManualClock(Timeline):
    """Stands at `now` until it is advanced."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        super().__init__("manual", stands_at=now)

    def advance(self, seconds: float) -> None:
        """Call back, in order, whatever falls due meanwhile."""
        self.move_to(self.now() + seconds)

    @property
    def clocks(self) -> Clocks:
        """Clocks by which this is everybody's."""
        clocks = Clocks()
        clocks._shared = self
        return clocks
