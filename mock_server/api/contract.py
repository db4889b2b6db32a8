"""The contract that this server keeps, where tools look for it."""

import asyncio
import json
from functools import cache

from fastapi import APIRouter
from starlette.responses import Response

router = APIRouter()


@router.get("/openapi.json", include_in_schema=False)
async def openapi() -> Response:
    """openapi.yaml as JSON. It tells nothing of anybody, so it needs no key."""
    return Response(await asyncio.to_thread(_document), media_type="application/json")


@cache
def _document() -> bytes:
    from contracts.spec import spec  # noqa: PLC0415 - reading YAML would make every start slower

    return json.dumps(spec().document, ensure_ascii=False, separators=(",", ":")).encode()
