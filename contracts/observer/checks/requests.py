"""What a client asks for, and in which form."""

from __future__ import annotations

from contracts.observer.case import HOLDS, Broken, Case, Found, observed, unless
from contracts.observer.facts import JSON, PROTOBUF
from contracts.observer.protobuf import fields
from contracts.observer.routes import KINDS, PREFIX


@observed("operation-is-documented", "C-OPERATION")
def operation_is_documented(case: Case) -> Found:
    """Only documented operations are asked for."""
    request = case.facts.request
    if not request.path.startswith(PREFIX) or case.signed:
        return None
    return unless(case.spec.documents_operation(case.exchange), f"{request.method} {request.path} is no operation")


@observed("request-fits-schema", "C-REQUEST-SCHEMA")
def request_fits_schema(case: Case) -> Found:
    """Parameters and bodies are as documented."""
    if not case.facts.request.whole or not case.spec.documents_operation(case.exchange):
        return None
    return "; ".join(case.spec.faults_of_request(case.exchange))


@observed("request-media-type", "C-MEDIA")
def request_media_type(case: Case) -> Found:
    """A body is what its Content-Type says."""
    request = case.facts.request
    if not request.body or not request.whole or case.facts.operation == "":
        return None
    if request.media_type == JSON:
        ok = request.json is not None or request.body.strip() == b"null"
        return unless(ok, "the body says that it is JSON and is none")
    if request.media_type == PROTOBUF:
        try:
            if all(field.end for field in fields(case.facts.content)):
                return HOLDS
        except ValueError as error:
            return Broken(f"the body says that it is protobuf and is none: {error}")
    return Broken(f"a body of type {request.media_type or 'nothing'}: JSON and protobuf are spoken here")


_PATHS = {
    "load_weights": "path",
    "create_sampling_session": "model_path",
    "weights_info": "tinker_path",
    "copy_weights": "source_path",
}


@observed("tinker-paths-have-three-parts", "C-PATHS", on=_PATHS)
def tinker_paths_have_three_parts(case: Case) -> Found:
    """A tinker path is tinker://run/kind/name, its kind a known one."""
    path = case.facts.body.get(_PATHS[case.facts.operation])
    if not isinstance(path, str):
        return None
    parts = path.removeprefix("tinker://").split("/")
    ok = path.startswith("tinker://") and len(parts) == 3 and all(parts) and parts[1] in KINDS
    return unless(ok, f"{path!r} is not tinker://run/kind/name, with one of {', '.join(sorted(KINDS))}")
