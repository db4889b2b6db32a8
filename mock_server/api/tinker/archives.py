"""Checkpoints as files: where to load them from, and the loading itself.

SDKs up to 0.35 and Tinkex ask for an archive; later SDKs export external weights and load their files one by one.
"""

from email.utils import formatdate
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from mock_server.api.call import Call, TenantCall
from mock_server.api.content_response import content_response
from mock_server.api.json_route import JsonRoute
from mock_server.api.tinker.answers import json_response, timestamp
from mock_server.api.tinker.checkpoints import ONE
from mock_server.api.tinker.prefix import PREFIX
from mock_server.api.tinker.signed import reader, refuse_others, signed_url
from mock_server.domain import checkpoints, signed_urls
from mock_server.domain.errors import Invalid, NotFound
from mock_server.domain.paths import CheckpointPath, kind_of
from mock_server.runtime.exports import Export, export

router = APIRouter(prefix=PREFIX, tags=["archives"], route_class=JsonRoute)

ARCHIVE = "archive.tar"
FILE = "/downloads/{run_id}/{kind}/{name}/{file}"


@router.get(f"{ONE}/archive", status_code=302)
async def get_archive_url(
    run_id: str, kind: str, name: str, call: TenantCall, redirect: Annotated[bool, Query()] = True
) -> Response:
    """A signed address of the checkpoint as a tar, which needs no key.

    302 is what every client takes that asks at all, `redirect=false` for who can't see a redirect before following it
    (`client_forms.BY_REQUEST`).
    """
    path = CheckpointPath(run_id, kind_of(kind), name)
    await call.write(checkpoints.handed_out, path)
    expires = _expiry(call)
    url = signed_url(call, _place(path, ARCHIVE), expires)
    answer = json_response({"url": url, "expires": timestamp(expires)})
    if redirect:
        answer.status_code = 302
        answer.headers["Location"] = url
    answer.headers["Expires"] = formatdate(expires, usegmt=True)
    return answer


@router.get(f"{ONE}/external_weights_urls")
async def get_external_weights_urls(run_id: str, kind: str, name: str, call: TenantCall) -> Response:
    """A signed address for each file of exported weights."""
    path = CheckpointPath(run_id, kind_of(kind), name)
    if path.kind != "external_weights":
        raise Invalid(
            f"{path} is no checkpoint of external weights: load it into a training run and call save_weights_external"
        )
    files = (await _export(call, path)).files
    await call.write(checkpoints.handed_out, path)
    expires = _expiry(call)
    urls = {file: signed_url(call, _place(path, file), expires) for file in files}
    return json_response({"urls": urls, "expires": timestamp(expires)})


@router.api_route(FILE, methods=["GET", "HEAD"])
async def download(run_id: str, kind: str, name: str, file: str, request: Request) -> Response:
    """A file of a checkpoint, or all of them as a tar. The address says who may; a key says nothing here."""
    call = Call(request, reader(request))
    path = CheckpointPath(run_id, kind_of(kind), name)
    exported = await _export(call, path)
    content = exported.archive() if file == ARCHIVE else exported.files.get(file)
    if content is None:
        raise NotFound(f"{path} has no file {file!r}: it has {', '.join(exported.files)}")
    return content_response(request, content, file)


refuse_others(router, FILE, {"GET", "HEAD"})


async def _export(call: Call, path: CheckpointPath) -> Export:
    runtime = call.runtime
    return await export(runtime.store, runtime.catalogue, call.tenant, path, call.settings.checkpoint_shapes)


def _expiry(call: Call) -> int:
    return int(call.now) + signed_urls.LIFETIME_SECONDS


def _place(path: CheckpointPath, file: str) -> str:
    return FILE.format(run_id=path.run_id, kind=path.kind, name=path.name, file=file)
