"""Imports point one way, and what a command does not need it does not import."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parent.parent
SERVER: Final = ROOT / "mock_server"

ARROWS: Final[dict[str, set[str]]] = {
    # Leaves: they know nothing of the rest.
    "toy_model": set(),
    "codec": {"toy_model"},
    "store": set(),
    "logs": set(),
    "head": set(),
    "core_yaml": set(),
    # The rules, what is in flight, the doors: each uses what stands above it here.
    "domain": {"store"},
    # What goes wrong on request: around the server, and known to none of it. What it corrupts are rows, files, numbers.
    "faults": {"codec", "domain", "head", "listening", "runtime", "store", "toy_model"},
    # Who starts a server, and who speaks with a running one, from outside it.
    "server_process": set(),
    "admin_client": set(),
    # Who watches the whole server from outside; the contract that it judges by knows nothing of us.
    "listening": set(),
    "observing": {"listening"},
    "journal": {"codec", "faults", "listening"},
    "runtime": {"domain", "store", "toy_model", "codec"},
    # What a tenant has before its client comes, made as a client would make it.
    "seeding": {"domain", "faults", "runtime"},
    # All that a tenant has, as a whole.
    "worlds": {"domain", "faults", "journal", "runtime", "seeding", "store"},
    # Incidents: faults with a story, and what is to be seen of them.
    "scenarios": {"core_yaml", "faults", "domain", "runtime", "store", "toy_model", "journal", "seeding", "worlds"},
    # A door meets rows and the store's errors as values to translate; what it may not do is query (see HOMES).
    "api": {
        *("runtime", "domain", "codec", "settings", "store"),
        *("faults", "head", "journal", "scenarios", "seeding", "worlds"),
    },
    # The parts are wired together, started, and told what to do.
    "settings": {"domain"},
    "app": {
        *("settings", "api", "runtime", "domain", "store", "codec", "toy_model"),
        *("faults", "journal", "listening", "observing", "scenarios", "worlds"),
    },
    "serving": {"settings", "store", "domain", "scenarios"},
    "cli": {
        *("app", "serving", "settings", "logs", "domain", "scenarios", "journal"),
        *("core_yaml", "server_process", "admin_client"),
    },
    "__main__": {"cli"},
    # Loaded by pytest, of which no other part knows.
    "pytest_plugin": {"server_process", "admin_client", "cli", "scenarios"},
}
"""Which part may import which others; each may import itself and the package's version."""

HOMES: Final[dict[str, set[str]]] = {
    "sqlite3": {"store"},
    # Not SQLite: the rules say their queries, the store alone knows what answers them.
    # A corruption changes what no rule would.
    "sqlalchemy": {"store", "domain", "runtime", "faults"},
    "fastapi": {"api", "app", "serving"},
    "starlette": {"api", "app", "faults", "head", "listening"},
    "uvicorn": {"serving"},
    "typer": {"cli"},
    "pydantic_settings": {"settings"},
    "pytest": {"pytest_plugin"},
}
"""Libraries that only these parts may know of."""

# What `import fastapi, uvicorn, sqlmodel, numpy` does not bring would come on top of the start.
HEAVY: Final = ("tokenizers", "safetensors", "google.protobuf", "zstandard", "transformers", "fsspec", "rich", "tinker")


def part_of(module: str) -> str:
    """`mock_server.store.tables` belongs to `store`; the package itself, which is only the version, to nothing."""
    return module.split(".")[1] if "." in module else ""


def imported_modules(path: Path) -> set[str]:
    modules = set()
    for node in ast.walk(ast.parse(path.read_text(), path.name)):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import hides which part it comes from"
            # `from mock_server import logs` imports a module, `from mock_server import __version__` none.
            modules |= {f"{node.module}.{alias.name}" for alias in node.names if node.module == "mock_server"}
            modules.add(str(node.module))
    return modules - {"mock_server.__version__"}


SOURCES: Final = sorted(SERVER.rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(SERVER)))
def test_imports_point_one_way(path: Path) -> None:
    if path == SERVER / "__init__.py":
        assert imported_modules(path) == set()
        return
    part = path.relative_to(SERVER).parts[0].removesuffix(".py")
    imported = imported_modules(path)
    ours = {part_of(module) for module in imported if module.split(".")[0] == "mock_server"} - {"", part}
    assert ours <= ARROWS[part], f"{part} may import {ARROWS[part]}"
    strangers = {module.split(".")[0] for module in imported} & HOMES.keys()
    assert {library for library in strangers if part not in HOMES[library]} == set()


def test_the_arrows_make_no_circle() -> None:
    done: set[str] = set()
    while remaining := ARROWS.keys() - done:
        ready = {part for part in remaining if ARROWS[part] <= done}
        assert ready, f"a circle among {remaining}"
        done |= ready


def test_the_contract_stands_alone() -> None:
    for path in (ROOT / "contracts").rglob("*.py"):
        assert not {module for module in imported_modules(path) if module.split(".")[0] == "mock_server"}, path


def loaded_by(statement: str) -> set[str]:
    script = f"{statement}\nimport sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_command_line_imports_nothing_of_the_server() -> None:
    loaded = loaded_by("import mock_server.cli, mock_server.cli.serve")
    assert not loaded & {
        "fastapi",
        "uvicorn",
        "sqlmodel",
        "numpy",
        "pydantic_settings",
        "rich",
        "asyncio",
        "ssl",
        *HEAVY,
    }


def test_the_server_imports_little_beyond_its_core() -> None:
    core = loaded_by("import fastapi, uvicorn, sqlmodel, numpy")
    loaded = loaded_by("import mock_server.serving, mock_server.app") - core
    assert not loaded & set(HEAVY)
    # The control plane comes when somebody asks for it.
    assert "mock_server.api.admin" not in loaded
