"""What holds for all tests: numpy's threads, and how workers share the tests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from mock_server.cli.serve import one_thread_per_product

if TYPE_CHECKING:
    from xdist.remote import Producer  # type: ignore[import-untyped]


# As in the server. Two workers with two threads each spend twenty times the processor time, waiting for one another.
one_thread_per_product(os.environ)


class ByWhatTheyStart(LoadScopeScheduling):  # type: ignore[misc]
    """Real clients and their servers take seconds to start, so a file of client_tests stays with one worker; of the
    versions' files it is all that one SDK does. The largest of these come first, single unit tests fill the end.

    Not xdist's `loadgroup`: its groups stand in a test's `_nodeid`, which pytest 9 does not read any more.
    """

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        if file.startswith("client_tests/versions/"):
            return test.rpartition("[")[2]
        return file if file.startswith("client_tests/") else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: clients back off and servers start, and a core would be idle meanwhile."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByWhatTheyStart:
    return ByWhatTheyStart(config, log)
