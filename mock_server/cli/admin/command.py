"""What all commands of `tinker-mock admin` share: where the server is, and how its answers are shown."""

from __future__ import annotations

import json
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar, get_type_hints

import typer

from mock_server.cli.failure import FAILED, USAGE, fail
from mock_server.cli.where import DEFAULT_URL, base_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mock_server.admin_client import AdminClient, AdminError

UrlOption = Annotated[
    str,
    typer.Option("--url", envvar="TINKER_BASE_URL", help="Base URL of the server."),
]
TokenOption = Annotated[
    str | None,
    typer.Option("--admin-token", envvar="TINKER_MOCK_ADMIN_TOKEN", help="The server's admin_token, if it has one."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write the answer as JSON, for programs.")]
KeyOption = Annotated[str, typer.Option("--key", envvar="TINKER_API_KEY", help="API key of the tenant, or its id.")]
WhoseOption = Annotated[
    str | None, typer.Option("--key", help="API key of the tenant, or its id.  [default: everybody]")
]

_Answer = TypeVar("_Answer")


class Server:
    """The control plane of the server that the options name. A refusal ends the command."""

    def __init__(self, url: str, token: str | None, *, as_json: bool) -> None:
        # urllib's request machinery takes longer to import than `--help` may take.
        from mock_server.admin_client import AdminClient  # noqa: PLC0415

        self.as_json = as_json
        self._client: AdminClient = AdminClient(base_url(url), token)

    def get(self, path: str, **query: object) -> Any:
        return self._answered(self._client.get, path, **query)

    def ask(self, method: str, path: str, body: object = None, query: dict[str, object] | None = None) -> Any:
        """The JSON of the answer, None where it has no body."""
        return self._answered(self._client.ask, method, path, body, query)

    def raw(self, method: str, path: str, body: object = None, query: dict[str, object] | None = None) -> bytes:
        """The answer as it is."""
        return self._answered(self._client.raw, method, path, body, query)

    def _answered(self, ask: Callable[..., _Answer], *asked: Any, **query: object) -> _Answer:
        from mock_server.admin_client import AdminError  # noqa: PLC0415 - as above

        try:
            return ask(*asked, **query)
        except AdminError as error:
            _refused(error)

    def show(self, answer: Any, lines: Iterable[str]) -> None:
        """Print the answer for programs or, by these lines, for people."""
        if self.as_json:
            typer.echo(json.dumps(answer, indent=1))
            return
        for line in lines:
            typer.echo(line)


def _refused(error: AdminError) -> NoReturn:
    if error.status == 401:
        fail("the server has an admin_token, and this is not it: give it with --admin-token.", USAGE)
    fail(error, FAILED if error.status is None else USAGE)


def group(name: str, help: str) -> typer.Typer:  # noqa: A002 - typer's word
    return typer.Typer(name=name, help=help, no_args_is_help=True, add_completion=False, rich_markup_mode=None)


def admin_command(app: typer.Typer, name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command whose first parameter is the Server, made of the options that it gets in its place."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        def command(*, url: str, token: str | None, as_json: bool, **given: Any) -> None:
            function(Server(url, token, as_json=as_json), **given)

        parameters = list(signature(function).parameters.values())
        hints = get_type_hints(function, include_extras=True)
        own: list[tuple[str, Any, Any]] = [
            *((each.name, hints[each.name], each.default) for each in parameters[1:]),
            ("url", UrlOption, DEFAULT_URL),
            ("token", TokenOption, None),
            ("as_json", JsonOption, False),
        ]
        command.__signature__ = signature(command).replace(  # type: ignore[attr-defined]
            parameters=[
                Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=hint) for name, hint, default in own
            ]
        )
        command.__annotations__ = {name: hint for name, hint, _ in own}
        command.__doc__ = function.__doc__
        app.command(name)(command)
        return function

    return register


def table(head: Sequence[str], rows: Sequence[Sequence[object]], nothing: str) -> list[str]:
    """Lines in columns; the sentence `nothing` where there is no row."""
    if not rows:
        return [nothing]
    cells = [head, *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def _cell(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(str, value)) or "-"
        case dict():
            return ", ".join(f"{count} {name}" for name, count in value.items()) or "-"
        case _:
            return str(value)


def given_value(text: str, option: str) -> Any:
    """A value that was typed as YAML, of which JSON is a part."""
    import yaml  # noqa: PLC0415 - only where somebody types one

    from mock_server.core_yaml import CoreLoader  # noqa: PLC0415 - as above

    try:
        return yaml.load(text, CoreLoader)  # noqa: S506 - a safe one
    except yaml.YAMLError as error:
        fail(f"{option} {text!r} is no YAML: {' '.join(str(error).split())}", USAGE)
