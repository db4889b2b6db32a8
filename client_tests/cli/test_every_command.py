"""No command and no option of the newest `tinker` is without a test: a new one fails here until it has one."""

from __future__ import annotations

import ast
import json
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from client_tests.harness.environments import NEWEST, sdk_interpreter

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE: Final = Path(__file__).parent
SILENT: Final = {
    "auth login",
    "auth logout",
    "auth status",
    "checkpoint publish",
    "checkpoint set-ttl",
    "checkpoint unpublish",
    "version",
}
"""What `--format json` changes nothing of."""
FORMS: Final = {
    "run": {"table", "json"},
    "refused": set(),
    "table": {"table"},
    "json": {"json"},
    "shows": {"table", "json"},
}
"""The methods of Cli, and what a call of each shows."""

ENUMERATION: Final = """
import click, json
from tinker.cli.__main__ import main_cli

def commands(command, path, parent):
    context = click.Context(command, info_name=path[-1] if path else "tinker", parent=parent)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from commands(command.get_command(context, name), [*path, name], context)
    else:
        yield " ".join(path), [name for option in command.params for name in option.opts if name.startswith("--")]

print(json.dumps(dict(commands(main_cli, [], None))))
"""


@pytest.fixture(scope="module")
def commands() -> dict[str, list[str]]:
    """The options of every command, as the installed package declares them."""
    done = subprocess.run(
        [sdk_interpreter(NEWEST), "-c", ENUMERATION], capture_output=True, text=True, timeout=60, check=True
    )
    found: dict[str, list[str]] = json.loads(done.stdout)
    assert len(found) > 15
    return found


def calls() -> Iterator[tuple[str, list[str]]]:
    """The method and the literal arguments of every call of the command in the tests of this folder."""
    for file in HERE.glob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in FORMS:
                literals = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
                yield node.func.attr, [value for value in literals if isinstance(value, str)]


@pytest.fixture(scope="module")
def tried(commands: dict[str, list[str]]) -> dict[str, set[str]]:
    """What of each command the tests try: the options, and the forms of its output."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for method, arguments in calls():
        for name in (" ".join(arguments[:words]) for words in (1, 2)):
            if name in commands:
                found[name] |= FORMS[method] | {argument for argument in arguments if argument.startswith("--")}
    return found


def test_every_command_is_tried_in_every_form_that_it_has(
    commands: dict[str, list[str]], tried: dict[str, set[str]]
) -> None:
    missing = {name: {"table", "json"} - tried[name] for name in commands.keys() - SILENT}
    missing |= {name: {"table"} - tried[name] for name in SILENT}
    assert not {name: forms for name, forms in missing.items() if forms}
    assert commands.keys() >= SILENT


def test_every_option_is_tried(commands: dict[str, list[str]], tried: dict[str, set[str]]) -> None:
    assert not {name: left for name, options in commands.items() if (left := set(options) - tried[name])}
