"""The journal: what crossed the wire of late, tenant by tenant, and whether it was what somebody expects."""

from mock_server.journal.entry import Entry, entry_of
from mock_server.journal.expectation import Count, Expectation, InvalidExpectation, check_names, expectations_of
from mock_server.journal.journal import Journal, Surroundings
from mock_server.journal.showing import Format, export, shown
from mock_server.journal.verification import Checked, NearMiss, Verification, verify
from mock_server.journal.wanted import Wanted, known_status, status_fits

__all__ = [
    "Checked",
    "Count",
    "Entry",
    "Expectation",
    "Format",
    "InvalidExpectation",
    "Journal",
    "NearMiss",
    "Surroundings",
    "Verification",
    "Wanted",
    "check_names",
    "entry_of",
    "expectations_of",
    "export",
    "known_status",
    "shown",
    "status_fits",
    "verify",
]
