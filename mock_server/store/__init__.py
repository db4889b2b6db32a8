"""What survives: tables, the database with its single writer, and artifact files.

Nothing outside this package knows which database it is.
"""

from mock_server.store.artifacts import Artifacts, DamagedArtifact, StoredFile
from mock_server.store.errors import StorageUnavailable, StoreError
from mock_server.store.prepared import Command, Query
from mock_server.store.snapshots import NoSnapshot, Rows, Snapshot, SnapshotError, Snapshots, Unreadable
from mock_server.store.store import Store
from mock_server.store.transaction import Transaction

__all__ = [
    "Artifacts",
    "Command",
    "DamagedArtifact",
    "NoSnapshot",
    "Query",
    "Rows",
    "Snapshot",
    "SnapshotError",
    "Snapshots",
    "StorageUnavailable",
    "Store",
    "StoreError",
    "StoredFile",
    "Transaction",
    "Unreadable",
]
