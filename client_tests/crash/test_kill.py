"""Killed with SIGKILL again and again while real clients train, the server gives the numbers of an undisturbed one."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final

import pytest

from client_tests.crash.killer import kill_often
from client_tests.crash.ledger import differences, ledger, litter
from client_tests.crash.victim import Victim
from client_tests.harness.environments import NEWEST
from client_tests.harness.sdk import Runner, Sdk

if TYPE_CHECKING:
    from collections.abc import Iterator

KILLS: Final = int(os.environ.get("CRASH_KILLS", "5"))
CRASH_SEED: Final = int(os.environ.get("CRASH_SEED", "1"))
NAMES: Final = ("pipelined", "many_chunks", "sampling", "many_runs")
SECONDS_PER_KILL: Final = 20


@pytest.fixture(scope="module")
def runners() -> Iterator[dict[str, Runner]]:
    """A process for each client."""
    found = {name: Runner(NEWEST) for name in NAMES}
    yield found
    for runner in found.values():
        runner.close()


def program(service_client: Any, tinker: Any, folder: str, arguments: list[Any]) -> dict[str, Any]:
    import sys

    if folder not in sys.path:
        sys.path.append(folder)
    import programs  # type: ignore[import-not-found]

    return programs.run(service_client, *arguments)  # type: ignore[no-any-return]


class World:
    """A server with the clients that train on it, each as a tenant of its own."""

    def __init__(self, victim: Victim, runners: dict[str, Runner], directory: Path) -> None:
        self._victim, self._runners, self._directory = victim, runners, directory
        self._pool = ThreadPoolExecutor(len(NAMES))
        self._running: dict[str, Any] = {}

    def begin(self, name: str, rounds: int | None) -> None:
        """Start a client and return when it is at work."""
        sdk = Sdk(self._runners[name], self._victim.url, f"tml-crash-{name}")
        ready = self._directory / f"{name}.ready"
        self._running[name] = self._pool.submit(
            sdk.run,
            program,
            timeout=60 + SECONDS_PER_KILL * KILLS,
            folder=str(Path(__file__).parent),
            arguments=[name, str(ready), str(self._directory / "enough"), rounds],
        )
        deadline = monotonic() + 60
        while not ready.exists():
            assert monotonic() < deadline, f"{name} did not come to work: {self._victim.log()}"
            if self._running[name].done():
                self._running[name].result()
            sleep(0.01)

    def end(self) -> dict[str, dict[str, Any]]:
        """Let them finish the rounds that they are at; returns what each wrote down."""
        (self._directory / "enough").touch()
        return {name: running.result() for name, running in self._running.items()}


# Each kill costs the clients their back-off, and there are two worlds to live through.
@pytest.mark.timeout(120 + 2 * SECONDS_PER_KILL * KILLS)
def test_killed_at_any_moment_it_gives_the_numbers_of_an_undisturbed_server(
    tmp_path: Path, runners: dict[str, Runner]
) -> None:
    directories = {name: tmp_path / name for name in ("killed", "undisturbed")}
    for directory in directories.values():
        directory.mkdir()
    names = Random(CRASH_SEED).sample(NAMES, len(NAMES))

    # Long bodies live in files and snapshots come often: more for a kill to hit.
    with Victim(directories["killed"], {"snapshot_steps": 3, "inline_bytes": 2048}) as victim:
        world = World(victim, runners, directories["killed"])
        for name in names[:2]:
            world.begin(name, None)
        # Which transport a client uses is for the server to say, when the client comes.
        victim.kill()
        victim.start(client_config="use_pyqwest_transport=false")
        victim.wait()
        for name in names[2:]:
            world.begin(name, None)
        victim.kill()
        victim.start()
        history = kill_often(victim, KILLS - 2, CRASH_SEED)
        killed = world.end()
        victim.stop()
        assert "Traceback" not in victim.log()
        assert not litter(victim.data)
    rounds = {name: diary["rounds"] for name, diary in killed.items()}
    assert all(rounds.values()), f"not every client got something done: {rounds}; killed while {history}"

    with Victim(directories["undisturbed"]) as victim:
        world = World(victim, runners, directories["undisturbed"])
        for name in names:
            world.begin(name, rounds[name])
        undisturbed = world.end()
        victim.stop()

    for name in names:
        for entry, expected in zip(killed[name]["entries"], undisturbed[name]["entries"], strict=True):
            assert entry == expected, f"{name}: what came back differs"
    found = differences(ledger(directories["killed"] / "data"), ledger(directories["undisturbed"] / "data"))
    assert not found, "\n".join(found[:20])
