"""Whether a scenario went as it says that it goes with a good client, and by which evidence."""

from mock_server.scenarios.verdict.client import Ending, judge_client
from mock_server.scenarios.verdict.point import Point, Verdict
from mock_server.scenarios.verdict.state import Holdings, judge_state
from mock_server.scenarios.verdict.told import Told

__all__ = ["Ending", "Holdings", "Point", "Told", "Verdict", "judge_client", "judge_state"]
