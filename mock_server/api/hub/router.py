"""The Hugging Face hub protocol, as far as tokenizers, configurations and safetensors headers need it: GET and HEAD.

A client whose `HF_ENDPOINT` is `http://host:port/hf/<tenant>` finds every base model of the catalogue here. The address
carries the tenant, because clients of a hub send no key of ours. A file or repository that is not there is a 404 with
`X-Error-Code`, which the client takes for an answer; a 5xx it would retry five times with growing pauses.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Depends, Header, HTTPException, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from mock_server.api.byte_range import Unsatisfiable, requested_range
from mock_server.api.hub.first_served import FirstServed
from mock_server.domain.catalogue import UnknownModel
from mock_server.domain.tokenizers import repository_of

if TYPE_CHECKING:
    from mock_server.api.hub.first_served import OnServed
    from mock_server.domain.catalogue import Catalogue
    from mock_server.domain.tokenizers import Repository

_TENANT: Final = re.compile(r"[a-z0-9]{1,64}", re.ASCII)
# SDK 0.38 pins Kimi's tokenizers to commits of the real hub: any commit is answered with the one there is.
_REVISION: Final = re.compile(r"main|[0-9a-f]{40}", re.ASCII)


def create_hub_router(catalogue: Catalogue, on_served: OnServed) -> APIRouter:
    """The router for `/hf/{tenant}`.

    on_served: told when a tenant first asks for the `tokenizer.json` of a repository, see FirstServed.
    """
    hub = _Hub(catalogue, FirstServed(on_served))
    router = APIRouter(prefix="/hf/{tenant}", dependencies=[Depends(_tenant)], include_in_schema=False)
    model, files = "/api/models/{org}/{model}", "/{org}/{model}/resolve/{revision}/{name:path}"
    for path, endpoint in (
        (model, hub.describe),
        (f"{model}/revision/{{revision}}", hub.describe),
        (f"{model}/tree/{{revision}}", hub.list_files),
        (f"{model}/tree/{{revision}}/{{folder:path}}", hub.list_folder),
        (files, hub.resolve),
    ):
        router.add_api_route(path, endpoint, methods=["GET", "HEAD"])
    return router


class _Hub:
    """The endpoints. Repositories are those of the catalogue; their files have no folders."""

    def __init__(self, catalogue: Catalogue, first_served: FirstServed) -> None:
        self._catalogue = catalogue
        self._first_served = first_served

    async def describe(self, tenant: str, org: str, model: str, revision: str = "main") -> Response:
        """What `huggingface_hub.model_info` reads; `sha` is the revision that newer clients ask for from then on.

        A client with a warm cache asks for this and the list of files, and for no file.
        """
        repository = await self._repository(org, model, revision)
        await self._first_served.tell(tenant, f"{org}/{model}")
        return JSONResponse(
            {
                "_id": repository.commit[:24],
                "id": f"{org}/{model}",
                "modelId": f"{org}/{model}",
                "author": org,
                "sha": repository.commit,
                "private": False,
                "gated": False,
                "disabled": False,
                "library_name": "transformers",
                "tags": ["transformers", "safetensors"],
                "siblings": [{"rfilename": name} for name in repository.files],
            }
        )

    async def list_files(self, tenant: str, org: str, model: str, revision: str) -> Response:
        repository = await self._repository(org, model, revision)
        await self._first_served.tell(tenant, f"{org}/{model}")
        return JSONResponse(
            [
                {"type": "file", "path": name, "size": len(file.content), "oid": file.digest[:40]}
                for name, file in repository.files.items()
            ]
        )

    async def list_folder(self, org: str, model: str, revision: str, folder: str) -> Response:
        repository = await self._repository(org, model, revision)
        raise _missing("EntryNotFound", f"{folder} is no folder of {org}/{model}.", repository)

    async def resolve(
        self,
        *,
        tenant: str,
        org: str,
        model: str,
        revision: str,
        name: str,
        byte_range: Annotated[str | None, Header(alias="range")] = None,
    ) -> Response:
        """A file, or the part of it that the Range header names; without X-Repo-Commit and ETag clients give up."""
        repository = await self._repository(org, model, revision)
        file = repository.files.get(name)
        if file is None:
            raise _missing("EntryNotFound", f"{org}/{model} has no file {name}.", repository)
        if name == "tokenizer.json":
            await self._first_served.tell(tenant, f"{org}/{model}")
        headers = {"X-Repo-Commit": repository.commit, "ETag": f'"{file.digest}"', "Accept-Ranges": "bytes"}
        media_type = "application/json" if name.endswith(".json") else "application/octet-stream"
        length = len(file.content)
        try:
            span = requested_range(byte_range, length)
        except Unsatisfiable:
            return Response(status_code=416, headers={"Content-Range": f"bytes */{length}"})
        if span is None:
            return Response(file.content, 200, headers, media_type)
        first, last = span
        headers["Content-Range"] = f"bytes {first}-{last}/{length}"
        return Response(file.content[first : last + 1], 206, headers, media_type)

    async def _repository(self, org: str, model: str, revision: str) -> Repository:
        try:
            entry = self._catalogue.of_repository(f"{org}/{model}")
        except UnknownModel as error:
            raise _missing("RepoNotFound", f"{error}") from error
        if _REVISION.fullmatch(revision) is None:
            raise _missing("RevisionNotFound", f"{org}/{model} has no revision {revision}: ask for main.")
        # The first one of a model computes for some milliseconds.
        return await run_in_threadpool(repository_of, entry)


def _tenant(tenant: str) -> None:
    if _TENANT.fullmatch(tenant) is None:
        raise _missing("RepoNotFound", f"{tenant} is no tenant: `tinker-mock env` prints the HF_ENDPOINT to use.")


def _missing(code: str, message: str, repository: Repository | None = None) -> HTTPException:
    # The message repeats what was asked for, which may hold what no header can.
    headers = {"X-Error-Code": code, "X-Error-Message": ascii(message)[1:-1]}
    if repository is not None:
        headers["X-Repo-Commit"] = repository.commit  # with it clients remember that the file does not exist
    return HTTPException(404, message, headers)
