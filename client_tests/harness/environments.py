"""Environments of client libraries: versions exclude each other, so each lives in its own, made by make."""

from __future__ import annotations

import fcntl
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
VERSIONS: Final = tuple(
    sorted(
        (
            lock.stem.removeprefix("sdk-")
            for lock in (ROOT / "requirements" / "clients").glob("sdk-*.txt")
            if not lock.stem.endswith("-torch")
        ),
        key=lambda version: [int(part) for part in version.split(".")],
    )
)
"""The releases of the official SDK that have an environment, from the oldest to the newest."""
NEWEST: Final = VERSIONS[-1]


def sdk_interpreter(version: str) -> Path:
    """The Python of the environment with this version of the official SDK."""
    return interpreter(f"sdk-{version}")


@cache
def interpreter(name: str) -> Path:
    """The Python of the environment that requirements/clients/{name}.txt locks, made at the first need."""
    environment = ROOT / ".venvs" / name
    environment.parent.mkdir(exist_ok=True)
    # Test workers ask at the same time, and make begins by removing what is there. Each environment has a lock: to make
    # one takes half a minute, and no test has the time to wait for all of them.
    with (environment.parent / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = subprocess.run(
            ["make", f".venvs/{name}"], cwd=ROOT, capture_output=True, text=True, timeout=900, check=False
        )
    assert made.returncode == 0, made.stderr
    return environment / "bin" / "python"
