"""`tinker-mock scenario`: documented incidents, made to happen again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mock_server.cli.failure import USAGE, fail

if TYPE_CHECKING:
    from mock_server.scenarios import Library
    from mock_server.scenarios.scenario import Scenario

FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--scenarios",
        metavar="DIR",
        envvar="TINKER_MOCK_SCENARIOS_DIR",
        exists=True,
        file_okay=False,
        help="A folder of scenario files of your own, besides those that come with this.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")]
NameArgument = Annotated[str, typer.Argument(metavar="ID", help="Id of a scenario, or path of its file (.yaml).")]

scenario = typer.Typer(
    help="Documented incidents, made to happen again.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@scenario.command("list")
def list_scenarios(*, folder: FolderOption = None, as_json: JsonOption = False) -> None:
    """List all scenarios: id and title."""
    from mock_server.scenarios import InvalidScenario  # noqa: PLC0415 - reading them takes longer than most commands

    try:
        found = list(library_of(folder))
    except InvalidScenario as invalid:
        fail(invalid, USAGE)
    if as_json:
        shown = [each.model_dump(include={"id", "title", "incident", "source", "requirements"}) for each in found]
        typer.echo(json.dumps(shown, indent=1))
        return
    width = max(len(each.id) for each in found)
    for each in found:
        typer.echo(f"{each.id:<{width}}  {each.title}")


@scenario.command()
def show(*, name: NameArgument, folder: FolderOption = None, as_json: JsonOption = False) -> None:
    """Show a scenario: what happens, what a good client does, and how that is told."""
    from mock_server.scenarios import showing  # noqa: PLC0415 - as above

    found = scenario_called(name, folder)
    if as_json:
        typer.echo(found.model_dump_json(indent=1, exclude_unset=True))
        return
    for line in showing.lines(found):
        typer.echo(line)


@scenario.command()
def new(
    *,
    scenario_id: Annotated[str, typer.Argument(metavar="ID", help="Words with hyphens between.")],
    directory: Annotated[
        Path, typer.Option("--directory", file_okay=False, help="Where to write it.", show_default=False)
    ] = Path(),
) -> None:
    """Write a scenario file of your own to begin with, valid as it is, and print its path."""
    from mock_server.scenarios import InvalidScenario, catalogue  # noqa: PLC0415 - as above
    from mock_server.scenarios.reading import scenario_of_text  # noqa: PLC0415
    from mock_server.scenarios.skeleton import skeleton  # noqa: PLC0415

    path = directory / f"{scenario_id}.yaml"
    text = skeleton(scenario_id, str(path), str(catalogue() / "schema.json"))
    try:
        scenario_of_text(text, str(path))
    except InvalidScenario:
        fail(
            f"{scenario_id!r} is no id: give words of a-z and 0-9 with hyphens between, 100 characters at most.", USAGE
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        fail(f"{path} is there already: give another ID, or another --directory.")
    except OSError as error:
        fail(f"can't write {path}: {error.strerror}.")
    typer.echo(path)


def library_of(folder: Path | None) -> Library:
    """All scenarios, those of the user's folder among them."""
    from mock_server.scenarios import Library, catalogue  # noqa: PLC0415 - as above

    return Library(*([folder] if folder is not None else []), catalogue())


def scenario_called(name: str, folder: Path | None) -> Scenario:
    """The scenario of this id or file; ends the command where there is none, or it is wrong."""
    from mock_server.scenarios import NoScenario  # noqa: PLC0415 - as above

    try:
        return library_of(folder).find(name)
    except NoScenario as none:
        fail(none, USAGE)


def options_of_play(seed: int) -> list[str]:
    """Of the server for one play: the same for a replay, since its seed makes its ids."""
    return ["--ephemeral", "--seed", str(seed), "--log-level", "warning"]
