"""What a reader needs to know of the machine to judge the numbers; nothing that says whose it is."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

import psutil

_LIBRARIES = (
    "tinker",
    "fastapi",
    "starlette",
    "uvicorn",
    "uvloop",
    "httptools",
    "pydantic",
    "sqlmodel",
    "sqlalchemy",
    "numpy",
    "protobuf",
)


def facts() -> dict[str, object]:
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "load_before": round(psutil.getloadavg()[0], 2),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "libraries": {name: version(name) for name in _LIBRARIES},
    }
