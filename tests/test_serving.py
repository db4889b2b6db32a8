"""The address that a server calls its own."""

import socket

import pytest

from mock_server.serving import url_of


@pytest.mark.parametrize(
    ("family", "host", "shown"),
    [
        (socket.AF_INET, "127.0.0.1", "127.0.0.1"),
        (socket.AF_INET, "0.0.0.0", "127.0.0.1"),
        (socket.AF_INET6, "::1", "[::1]"),
        (socket.AF_INET6, "::", "[::1]"),
    ],
)
def test_it_is_one_that_a_client_here_can_go_to(family: socket.AddressFamily, host: str, shown: str) -> None:
    with socket.socket(family) as bound:  # and not listening: nobody can connect
        try:
            bound.bind((host, 0))
        except OSError as error:
            pytest.skip(f"this machine has no {host}: {error}")
        assert url_of(bound) == f"http://{shown}:{bound.getsockname()[1]}"
