"""The journal: what crossed the wire of late, tenant by tenant, and whether it was what somebody expects."""

from mock_server.journal.entry import Entry, entry_of
from mock_server.journal.journal import Journal, Surroundings
from mock_server.journal.showing import Format, export, shown
from mock_server.journal.wanted import Wanted, known_status, status_fits

__all__ = [
    "Entry",
    "Format",
    "Journal",
    "Surroundings",
    "Wanted",
    "entry_of",
    "export",
    "known_status",
    "shown",
    "status_fits",
]
