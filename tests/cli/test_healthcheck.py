"""`tinker-mock healthcheck`: 0 or 1, within two seconds, whatever listens there."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.cli.server_process import tinker_mock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n" + b'{"status":"ok"}'
UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """One connection is accepted and given to answer, in a thread."""

    def accept() -> None:
        connection, _ = listener.accept()
        with connection:
            answer(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def drip(connection: socket.socket) -> None:
    """Send a byte now and then, so that no single read takes long."""
    try:
        for byte in OK:
            connection.send(bytes([byte]))
            time.sleep(0.3)
    except OSError:
        return


def stay_silent(connection: socket.socket) -> None:
    """Read until the other side gives up."""
    while connection.recv(4096):
        pass


@pytest.mark.parametrize(("answer", "code"), [(OK, 0), (UNAVAILABLE, 1), (b"SSH-2.0-OpenSSH_9.2\r\n", 1), (b"", 1)])
def test_only_a_success_is_healthy(answer: bytes, code: int) -> None:
    def once(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(answer)

    with listening(once) as port:
        done = tinker_mock("healthcheck", "--port", str(port), environment={"HTTP_PROXY": "http://127.0.0.1:1"})
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert (done.stdout == "ok\n") is (code == 0)


def test_nobody_there_is_unhealthy() -> None:
    done = tinker_mock("healthcheck", "--port", "1")
    assert done.returncode == 1
    assert done.stderr == "error: http://127.0.0.1:1/api/v1/healthz: [Errno 111] Connection refused\n"


@pytest.mark.parametrize("answer", [drip, stay_silent])
def test_it_waits_for_two_seconds_and_no_longer(answer: Callable[[socket.socket], None]) -> None:
    began = time.monotonic()
    with listening(answer) as port:
        done = tinker_mock("healthcheck", "--port", str(port))
    assert done.returncode == 1
    assert "no answer within 2 seconds" in done.stderr
    assert time.monotonic() - began < 4
