"""Operations in flight: ordered queues, the executor, who waits, and the clock."""

from mock_server.runtime.board import Pending
from mock_server.runtime.clock import Clock, RealClock
from mock_server.runtime.interference import INTERFERENCE, Denial, Interference
from mock_server.runtime.runtime import Runtime
from mock_server.runtime.timing import Timing

__all__ = ["INTERFERENCE", "Clock", "Denial", "Interference", "Pending", "RealClock", "Runtime", "Timing"]
