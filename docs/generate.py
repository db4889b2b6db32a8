"""Write the pages that come from the code (`make docs`), or with --check say which are out of date."""

from __future__ import annotations

import json
import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer.main
from pydantic import ByteSize

from client_tests.harness.environments import VERSIONS
from client_tests.recordings.rows import ROWS, TOUR, recorded_by
from client_tests.versions.features import FEATURES
from docs.api_page import api_page
from docs.contract_page import contract_page
from docs.control_plane_page import control_plane_page
from docs.faults_page import faults_page
from docs.mutants_page import mutants_page
from docs.scenarios_page import scenarios_page
from docs.table import table
from mock_server.api.tinker.client_forms import BY_REQUEST, FORMS, NEWEST
from mock_server.cli import app
from mock_server.domain.client_flags import CONFIG_FLAGS, DYNAMIC_CONFIG_FLAGS, ClientFlag
from mock_server.scenarios.schema import schema
from mock_server.settings import Settings, variable_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from client_tests.versions.features import Feature

_ROOT: Final = Path(__file__).parents[1]
_GENERATED: Final = "<!-- Written by `make docs` from the code; edit that instead. -->\n"


def settings_page() -> str:
    """Every setting with its variable, its option, its default, and what it means."""
    options = _options_of_serve()
    rows = [
        (
            f"`{variable_of(name)}`",
            f"`{options[name]}`" if name in options else "",
            _shown_default(field.get_default(call_default_factory=True)),
            str(field.description),
        )
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(
        (
            "# Settings",
            _GENERATED,
            "Each setting is an environment variable; many are options of `tinker-mock serve` as well. An option goes",
            "before its variable, a variable before the default. A `TINKER_MOCK_` variable that is not listed here is",
            "an error, since a misspelt one would be ignored without a word. Sizes can have units (`64MiB`).",
            "",
            *table(("Variable", "Option", "Default", "Meaning"), rows),
            "",
            "## Flags of `client/config`",
            "",
            "The official SDK asks for these when it starts; a flag that is not set here is left to the client, which",
            "then takes the default below. Set them with `--config FLAG=VALUE` or `TINKER_MOCK_CLIENT_CONFIG`.",
            "",
            *_flags_table(CONFIG_FLAGS),
            "",
            "## Flags of `client/dynamic_config`",
            "",
            "Asked for again while a client runs. Set them with `TINKER_MOCK_DYNAMIC_CONFIG`.",
            "",
            *_flags_table(DYNAMIC_CONFIG_FLAGS),
            "",
        )
    )


def cli_page() -> str:
    """The help of every command, as the terminal shows it."""
    group: Any = typer.main.get_command(app)
    sections = ["# The command `tinker-mock`", _GENERATED, *_help_of(group, "tinker-mock")]
    sections += _commands_of(group, "tinker-mock", "##")
    return "\n".join(sections)


def _commands_of(group: Any, path: str, level: str) -> list[str]:
    """Each of its commands, those of groups within behind their group."""
    lines = []
    for name, command in getattr(group, "commands", {}).items():
        lines += [f"{level} `{path} {name}`", "", *_help_of(command, f"{path} {name}")]
        lines += _commands_of(command, f"{path} {name}", f"{level}#")
    return lines


def clients_forms_page() -> str:
    """Which client gets which form of an answer."""
    rows = [
        (
            forms.clients,
            "`{error: text, category}`"
            if forms.failure == "text"
            else "`{status, error: {message, category}, category}`",
            str(forms.not_ready),
            "yes" if forms.external else "no",
            ", ".join(f"`{flag}` {_shown_default(value)}" for flag, value in forms.flags.items()),
            forms.why,
        )
        for forms in FORMS
    ]
    newest = ".".join(map(str, NEWEST["sdk"]))
    return "\n".join(
        (
            "# One server, many clients",
            _GENERATED,
            "The form of an answer follows what the client says of itself in `User-Agent`",
            "(`AsyncTinker/Python 0.38.0`, `AsyncTinkex/Elixir 0.15.0`) or, where a proxy replaced that, in",
            "`x-stainless-runtime`; the meaning never does. The first line that fits counts. A version that is newer",
            f"than {newest}, or that can't be read, gets the newest forms, and the log one warning.",
            "",
            *table(("Client", "Failed operation", "Not ready", "Lists show `external`", "client/config", "Why"), rows),
            "",
            "What the request itself decides, or nobody:",
            "",
            *table(("Answer", "Form", "Why"), BY_REQUEST),
            "",
        )
    )


def readme() -> str:
    """The page as it stands, its table of clients written anew."""
    begin, end = "<!-- clients: written by `make docs` from client_tests/versions/features.py -->", "<!-- /clients -->"
    before, _, rest = (_ROOT / "README.md").read_text().partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise SystemExit(f"README.md has no place for the table of clients: give it the lines {begin} and {end}")
    return "\n".join((before + begin, "", clients_table(), "", end + after))


def clients_table() -> str:
    """Which features of the official SDK there are in which of its versions; all of them are tested."""

    def columns(feature: Feature) -> tuple[bool, ...]:
        return tuple(feature.is_in(version) for version in VERSIONS)

    # Features of the same versions share a row, those of most versions first.
    alike = groupby(sorted(FEATURES.values(), key=columns, reverse=True), columns)
    rows = [
        (", ".join(each.does for each in features), *("✓" if has else "" for has in column))
        for column, features in alike
    ]
    return "\n".join(table(("With `tinker`", *VERSIONS), rows))


def endpoints_page() -> str:
    """Every endpoint that clients ask for, and by which real client it is tried."""
    rows = []
    for row in ROWS:
        file, _, test = row.by.partition("::")
        live = f"[{test.removeprefix('test_').replace('_', ' ')}](../{file})" if test else ""
        if row.by == TOUR:
            live = "[the newest SDK's tour](../client_tests/recordings/test_rows.py)"
        recorded = ", ".join(client.rpartition(" ")[2] for client in recorded_by(row))
        rows.append((row.client, f"`{row}`", live, recorded))
    return "\n".join(
        (
            "# Endpoints and who tries them",
            _GENERATED,
            "What the clients ask for, below `/api/v1`. Each line is tried by a real client, which must take the",
            "answer, or by what such a client once sent ([contracts/recordings](../contracts/recordings)), which must",
            "get an answer of the recorded status and shape; most by both.",
            "",
            *table(("Client", "Endpoint", "Tried by a real client", "Recorded from its versions"), rows),
            "",
        )
    )


def scenario_schema() -> str:
    """By which editors complete and check scenario files."""
    return json.dumps(schema(), indent=1) + "\n"


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "docs/settings.md": settings_page,
    "docs/cli.md": cli_page,
    "docs/contract.md": contract_page,
    "docs/mutants.md": lambda: mutants_page(_GENERATED),
    "docs/control-plane.md": lambda: control_plane_page(_GENERATED),
    "docs/faults.md": lambda: faults_page(_GENERATED),
    "docs/clients-forms.md": clients_forms_page,
    "docs/api.md": lambda: api_page(_GENERATED),
    "docs/endpoints.md": endpoints_page,
    "docs/scenarios.md": lambda: scenarios_page(_GENERATED),
    "contracts/scenarios/schema.json": scenario_schema,
    "README.md": readme,
}


def main(arguments: list[str]) -> int:
    """Write the pages; with --check write nothing and return 1 if one differs."""
    stale = [name for name, page in PAGES.items() if not _is_current(_ROOT / name, page())]
    if "--check" in arguments:
        for name in stale:
            print(f"{name} is out of date: run `make docs`", file=sys.stderr)
        return int(bool(stale))
    for name in stale:
        (_ROOT / name).write_text(PAGES[name]())
    return 0


def _is_current(path: Path, text: str) -> bool:
    return path.exists() and path.read_text() == text


def _options_of_serve() -> dict[str, str]:
    group: Any = typer.main.get_command(app)
    return {parameter.name: parameter.opts[0] for parameter in group.commands["serve"].params}


def _help_of(command: Any, path: str) -> list[str]:
    # A fixed width: the terminal's own must not decide what the page says.
    context = command.make_context(path, [], resilient_parsing=True, terminal_width=100, max_content_width=100)
    return ["```text", command.get_help(context).rstrip(), "```", ""]


def _flags_table(flags: Mapping[str, ClientFlag]) -> list[str]:
    rows = [(f"`{name}`", _shown_default(flag.default), flag.effect) for name, flag in flags.items()]
    return table(("Flag", "Client's default", "Effect"), rows)


def _shown_default(value: object) -> str:
    match value:
        case None:
            return ""
        case dict() if not value:
            return ""
        case bool():
            return f"`{str(value).lower()}`"
        case ByteSize():
            return f"`{value.human_readable().replace('.0', '')}`"
        case float():
            return f"`{value:g}`"
        case _:
            return f"`{value}`"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
