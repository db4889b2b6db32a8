"""What can go wrong with stored data, in words for the person who runs the server."""


class StoreError(Exception):
    """The data directory can't be opened: in use, not writable, damaged, or of a newer version."""


class StorageUnavailable(Exception):
    """A write could not be made durable (disk full, disk gone). Nothing of it was kept; a retry may succeed."""
