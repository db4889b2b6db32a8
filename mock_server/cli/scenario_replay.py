"""`tinker-mock scenario replay`: what a client sent is sent again, and every answer is to be the same."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from mock_server.cli.client_environment import KeyOption
from mock_server.cli.failure import FAILED, USAGE, fail
from mock_server.cli.own_server import own_server
from mock_server.cli.scenario import options_of_play
from mock_server.domain.tenants import LOCAL_KEY, tenant_of

if TYPE_CHECKING:
    from contracts.exchange import Exchange
    from mock_server.admin_client import AdminClient
    from mock_server.scenarios.replaying import Difference

PLAYED: Final = "played"
"""The note on the first exchange of a journal that can be replayed: the scenario, the seed, the tokenizers served."""


def replay_scenario(
    *,
    journal: Annotated[
        Path, typer.Argument(metavar="JOURNAL", exists=True, dir_okay=False, help="What --keep-journal wrote.")
    ],
    key: KeyOption = LOCAL_KEY,
) -> None:
    """Send the requests of a journal that `scenario run` kept to a fresh server, and compare the answers.

    Exits with 0 if all are the same but for times, durations and what is made of them (signatures, tokens); else shows
    the first that is not. Requests go out in the order in which they came, each when everything has been answered that
    its client had waited for.
    """
    if find_spec("httpx") is None:
        fail("a replay needs httpx: install tinker-mock[contract].", USAGE)
    import asyncio  # noqa: PLC0415 - only who replays needs all this

    from mock_server.admin_client import AdminClient, AdminError  # noqa: PLC0415 - as above

    exchanges, played = _read(journal, key)
    with own_server(options_of_play(played["seed"])) as url:
        admin = AdminClient(url)
        try:
            begun = {"scenario": played["scenario"], "api_key": key, "seed": played["seed"]}
            admin.ask("POST", "/scenarios", begun)
            found = asyncio.run(_replayed(exchanges, url, key, admin, played.get("tokenizers") or []))
        except AdminError as error:
            fail(error)
    if found is not None:
        typer.echo(found)
        raise typer.Exit(FAILED)
    typer.echo(f"{len(exchanges)} exchanges: all answers are as recorded")


def _read(journal: Path, key: str) -> tuple[list[Exchange], dict[str, Any]]:
    from contracts.capture import CaptureError, read  # noqa: PLC0415 - only who replays needs it

    try:
        exchanges = sorted(read(journal), key=lambda exchange: exchange.number)
    except (CaptureError, OSError) as error:
        fail(error, USAGE)
    played = exchanges[0].notes.get(PLAYED) if exchanges else None
    if not isinstance(played, dict):
        fail(
            f"{journal} does not say which scenario it is of: give a file that `scenario run --keep-journal` wrote",
            USAGE,
        )
    if exchanges[0].notes.get("tenant") != tenant_of(key):
        # Ids come from the key: under another one no answer would be the same.
        fail(f"{journal} was recorded under another key: give that with --key", USAGE)
    ended = [exchange for exchange in exchanges if not exchange.notes.get("in_flight")]
    cut = next((exchange for exchange in ended if not exchange.request.whole), None)
    if cut is not None:
        fail(f"{journal} holds only the beginning of {cut}: a body of more than 4 MiB can't be sent again", USAGE)
    return ended, played


async def _replayed(
    exchanges: list[Exchange], url: str, key: str, admin: AdminClient, tokenizers: list[str]
) -> Difference | None:
    import httpx  # noqa: PLC0415 - an extra that not everybody has

    from mock_server.scenarios.replaying import replay  # noqa: PLC0415 - only who replays needs it

    def arrived() -> int:
        return int(admin.get("/journal", api_key=key, limit=1)["last_number"])

    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, trust_env=False, limits=limits) as client:
        # Which ids a model knows depends on whether its client has our tokenizer, whose requests no journal holds.
        for repository in tokenizers:
            await client.head(f"/hf/{tenant_of(key)}/{repository}/resolve/main/tokenizer.json")
        return await replay(exchanges, client, key, arrived)
