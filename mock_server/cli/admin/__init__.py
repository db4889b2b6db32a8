"""`tinker-mock admin`: the control plane of a running server, from the command line."""

from mock_server.cli.admin.clock import clock
from mock_server.cli.admin.fault import fault
from mock_server.cli.admin.journal import journal
from mock_server.cli.admin.scenarios import scenario
from mock_server.cli.admin.snapshot import snapshot
from mock_server.cli.admin.state import admin

__all__ = ["admin"]

for noun in (snapshot, fault, clock, journal, scenario):
    admin.add_typer(noun)
