"""The journal: asked, exported, forgotten."""

import asyncio
from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from mock_server.api.admin.administrator import PREFIX, administrator
from mock_server.api.admin.whose import KeyQuery, tenant_named
from mock_server.api.tinker.answers import no_content
from mock_server.domain.errors import Invalid, NotFound
from mock_server.faults.problems import unknown
from mock_server.journal import (
    Expectation,
    Format,
    InvalidExpectation,
    Journal,
    Wanted,
    check_names,
    export,
    known_status,
    shown,
    verify,
)

router = APIRouter(prefix=f"{PREFIX}/journal", dependencies=[Depends(administrator)], tags=["journal"])

_PAGE: Final = 100


class JournalPage(BaseModel):
    """exchanges: in the order in which their requests came."""

    exchanges: list[dict[str, Any]] = Field(description="As docs/journal.md describes one.")
    last_number: int = Field(description="Number of the tenant's newest request; 0 without an api_key.")


async def wanted(
    request: Request,
    api_key: KeyQuery = None,
    operation: Annotated[str | None, Query(description="operationId of openapi.yaml.")] = None,
    status: Annotated[
        str | None, Query(description="`503`, `5xx`, or `nothing`: the client never got all of an answer.")
    ] = None,
    fault: Annotated[str | None, Query(description="Name of a fault that struck it, or `any`.")] = None,
    since: Annotated[int | None, Query(ge=0, description="Only exchanges with a higher number.")] = None,
    limit: Annotated[
        int | None, Query(ge=1, description="The first so many behind `since`; without that, the last so many.")
    ] = None,
) -> Wanted:
    """What the query asks for; Invalid where it can find nothing."""
    known: frozenset[str] = request.app.state.operations
    if operation is not None and operation not in known:
        raise Invalid(f"operation: {unknown(operation, known)}")
    if status is not None and not known_status(status):
        raise Invalid(f"status is {status!r}: give one such as 503, a class such as 5xx, or nothing")
    return Wanted(tenant_named(api_key), operation, status, fault, since, limit)


WantedQuery = Annotated[Wanted, Depends(wanted)]


@router.get("")
async def list_journal(
    request: Request,
    wanted: WantedQuery,
    bodies: Annotated[bool, Query(description="Show the bodies, not only their sizes and hashes.")] = False,
) -> JournalPage:
    """What crossed the wire of late, at most `limit` exchanges, by default 100."""
    journal = journal_of(request)
    entries = journal.entries(replace(wanted, limit=wanted.limit or _PAGE))
    last = 0 if wanted.tenant is None else journal.last(wanted.tenant)
    # To hash and decode long bodies takes a while, in which others are to be answered.
    found = await asyncio.to_thread(lambda: [shown(entry, bodies=bodies) for entry in entries])
    return JournalPage(exchanges=found, last_number=last)


@router.get("/export")
async def export_journal(
    request: Request,
    wanted: WantedQuery,
    format: Annotated[Format, Query(description="One JSON object a line, or HAR 1.2.")] = "jsonl",  # noqa: A002
) -> Response:
    """The same as a file that `tinker-mock check exchanges` reads: bodies and all, but no key."""
    lines = export(journal_of(request).entries(wanted), format)
    media_type = "application/json" if format == "har" else "application/jsonl"
    named = {"content-disposition": f'attachment; filename="journal.{format}"'}
    return StreamingResponse(lines, media_type=media_type, headers=named)


class Verify(BaseModel):
    """api_key: whose exchanges; absent: everybody's. since: only those with a higher number."""

    model_config = ConfigDict(extra="forbid")

    expectations: list[Expectation] = Field(min_length=1)
    in_order: bool = Field(default=False, description="Each must have a match behind that of the one before it.")
    api_key: str | None = None
    since: int | None = Field(default=None, ge=0)


class Verified(BaseModel):
    """Which expectations are met, and what comes nearest to those that are not."""

    met: bool
    expectations: list[dict[str, Any]] = Field(description="As docs/journal.md describes one.")
    text: str = Field(description="The same for people.")


@router.post("/verify")
async def verify_journal(body: Verify, request: Request) -> Verified:
    """Hold the journal to expectations; those that are not met come with their near-misses."""
    try:
        check_names(body.expectations, request.app.state.operations)
    except InvalidExpectation as invalid:
        raise Invalid(str(invalid)) from invalid
    wanted = Wanted(tenant_named(body.api_key), since=body.since)
    entries = journal_of(request).entries(wanted)
    # As above, and as often as there are expectations.
    verification = await asyncio.to_thread(verify, entries, body.expectations, in_order=body.in_order)
    return Verified(**verification.as_json(), text=str(verification))


@router.delete("", status_code=204)
async def clear_journal(request: Request, api_key: KeyQuery = None) -> Response:
    """Forget the exchanges of a tenant, or of everybody, and number from 1 again."""
    journal_of(request).clear(tenant_named(api_key))
    return no_content()


def journal_of(request: Request) -> Journal:
    """The server's journal. NotFound where it keeps none."""
    journal: Journal | None = request.app.state.journal
    if journal is None:
        raise NotFound("this server keeps no journal: start it with TINKER_MOCK_JOURNAL=true")
    return journal
