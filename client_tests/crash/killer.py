"""When the server dies: moments drawn from a seed, in all phases of its life."""

from __future__ import annotations

from random import Random
from time import monotonic, sleep
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from client_tests.crash.victim import Victim


def kill_often(victim: Victim, kills: int, seed: int) -> list[str]:
    """Kill it so many times and leave it running; returns what it was doing each time."""
    draw = Random(seed)
    history: list[str] = []
    while len(history) < kills:
        victim.wait()
        # Time to get something done: a server that only ever dies proves nothing.
        match draw.choices(["work", "write", "answer"], [6, 3, 1])[0]:
            case "work":
                sleep(draw.uniform(0.2, 3.0))
                history.append("working")
            case "write":
                sleep(draw.uniform(0.2, 1.0))
                history.append(_until_a_file_appears(victim))
            case "answer":
                history.append("just answering again")
        victim.kill()
        victim.start()
        # Some of the next ones do not live to answer: they die while they import, recover, or open the port.
        while len(history) < kills and draw.random() < 0.3:
            sleep(draw.uniform(0.0, 1.2))
            victim.kill()
            history.append("starting")
            victim.start()
    victim.wait()
    return history


def _until_a_file_appears(victim: Victim) -> str:
    """Wait for the middle of a save or a snapshot: its file is there, its row is not."""
    folder = victim.data / "artifacts"
    before = {path.name for path in folder.glob("??/*")}
    deadline = monotonic() + 3
    while monotonic() < deadline:
        if any(path.name not in before for path in folder.glob("??/*")):
            return "writing a file"
    return "working"
