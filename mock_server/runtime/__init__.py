"""Operations in flight: ordered queues, the executor, who waits, and the clock."""

from mock_server.runtime.board import Pending
from mock_server.runtime.clock import Clock, pause
from mock_server.runtime.clocks import Clocks
from mock_server.runtime.interference import INTERFERENCE, Denial, Interference
from mock_server.runtime.runtime import Runtime
from mock_server.runtime.timing import Timing

__all__ = ["INTERFERENCE", "Clock", "Clocks", "Denial", "Interference", "Pending", "Runtime", "Timing", "pause"]
