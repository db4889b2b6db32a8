"""Faults: what goes wrong on request, at a few named points around the server. No rule of the domain knows of any."""

from mock_server.faults.exchange import Missed
from mock_server.faults.layer import FaultLayer, Server
from mock_server.faults.plan import ActiveRule, FaultPlan
from mock_server.faults.rule import FaultRule, InvalidFault, corruption_of
from mock_server.faults.scene import Scene

__all__ = [
    "ActiveRule",
    "FaultLayer",
    "FaultPlan",
    "FaultRule",
    "InvalidFault",
    "Missed",
    "Scene",
    "Server",
    "corruption_of",
]
