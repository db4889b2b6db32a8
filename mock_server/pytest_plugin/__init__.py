"""The pytest plugin: a local Tinker server for all tests, and a tenant of it for each.

    def test_it_trains(tinker_mock):
        train(steps=3)  # finds the server by the variables that the fixture has set

It is loaded with pytest by its entry point, so whatever it needs it imports when a test asks for it.
"""

from __future__ import annotations

import os
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from mock_server.pytest_plugin.mock import TinkerMock
    from mock_server.pytest_plugin.own_server import OwnServer

MARKER: Final = "tinker_mock"
OPTIONS: Final = ("scenario", "settings")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("tinker-mock").addoption(
        "--tinker-mock-url",
        metavar="URL",
        help="Use the tinker-mock that runs at this address instead of starting one.",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "tinker_mock(scenario=None, settings=None): let the fixture tinker_mock play a scenario by its id, or give "
        "the test a server of its own with these settings.",
    )


@pytest.fixture(scope="session")
def tinker_mock_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the server that all tests share, those of other workers too."""
    given: str | None = request.config.getoption("--tinker-mock-url")
    if given:
        return given.rstrip("/")
    from mock_server.pytest_plugin.shared_server import shared_server

    worker = hasattr(request.config, "workerinput")
    base = tmp_path_factory.getbasetemp()
    return shared_server((base.parent if worker else base) / "tinker-mock", os.getppid() if worker else os.getpid())


@pytest.fixture
def tinker_mock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[TinkerMock]:
    """A tenant for this test, and the environment variables by which clients find it."""
    from mock_server.cli.client_environment import client_variables
    from mock_server.pytest_plugin.mock import TinkerMock

    options = _options(request.node)
    server = _own_server(request, options["settings"]) if "settings" in options else None
    url = request.getfixturevalue("tinker_mock_url") if server is None else server.url
    mock = TinkerMock(url, _key(request.node.nodeid, options.get("scenario")), server)
    for name, value in client_variables(mock.base_url, mock.api_key, os.environ).items():
        monkeypatch.setenv(name, value)
    request.node.stash[_MOCK] = mock
    yield mock
    if server is None:
        mock.leave()
    else:
        server.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show beside a failure what crossed the wire."""
    report = yield
    mock = item.stash.get(_MOCK, None)
    if mock is not None and report.when == "call" and report.failed:
        report.sections.append(("tinker-mock: what crossed the wire", mock.wire()))
    return report


def _own_server(request: pytest.FixtureRequest, settings: dict[str, object]) -> OwnServer:
    from mock_server.pytest_plugin.own_server import OwnServer

    return OwnServer(request.getfixturevalue("tmp_path_factory").mktemp("tinker-mock"), settings)


def _options(node: pytest.Item) -> dict[str, Any]:
    """Those of all markers on the test, the nearest going first."""
    options: dict[str, Any] = {}
    for mark in node.iter_markers(MARKER):
        unknown = sorted(set(mark.kwargs) - set(OPTIONS))
        if mark.args or unknown:
            said = f"{unknown[0]!r} is none of its options" if unknown else "it takes its options by name"
            pytest.fail(f"@pytest.mark.{MARKER}: {said}: give {' or '.join(OPTIONS)}", pytrace=False)
        options = {**mark.kwargs, **options}
    return options


_MOCK: Final = pytest.StashKey["TinkerMock"]()
_TURNS: Final[dict[str, int]] = {}
"""How often each test has run in this process: a test that is repeated begins with an empty tenant again."""


def _key(test: str, scenario: str | None) -> str:
    """The same key for the same test in every run, so that a scenario draws the same."""
    _TURNS[test] = _TURNS.get(test, 0) + 1
    digest = sha256(f"{test}/{_TURNS[test]}".encode()).hexdigest()[:16]
    return f"tml-scenario-{scenario}-{digest}" if scenario else f"tml-test-{digest}"
