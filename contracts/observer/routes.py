"""What a method and a path ask for, by the name that the checks use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PREFIX: Final = "/api/v1/"
TRAINING: Final = frozenset(
    {
        "forward",
        "forward_backward",
        "optim_step",
        "save_weights",
        "save_weights_for_sampler",
        "save_weights_external",
        "load_weights",
    }
)
"""Operations that a run numbers."""
SAVES: Final = frozenset({"save_weights", "save_weights_for_sampler", "save_weights_external"})
TENSORS: Final = frozenset({"forward", "forward_backward", "asample"})
"""Operations whose results hold tensors, and so come as protobuf."""
SUBMISSIONS: Final = TRAINING | {"create_model", "asample"}
"""Operations that are answered with a request id."""
POLLS: Final = frozenset({"retrieve_future", "retrieve_futures"})
KINDS: Final = frozenset({"weights", "sampler_weights", "external_weights"})

_OF_CHECKPOINT: Final = {
    ("DELETE", ""): "delete_checkpoint",
    ("POST", "publish"): "publish",
    ("DELETE", "publish"): "unpublish",
    ("PUT", "ttl"): "set_ttl",
    ("GET", "archive"): "archive",
    ("GET", "external_weights_urls"): "external_weights_urls",
}
_OF_SESSION: Final = {
    ("POST", "finish"): "finish_session",
    ("PUT", "project"): "assign_project",
    ("GET", "trace_export"): "trace_export",
}


@dataclass(frozen=True, slots=True)
class Route:
    """operation: empty where the path is none of the API's. checkpoint: its tinker path, session: its id."""

    operation: str = ""
    run: str = ""
    checkpoint: str = ""
    session: str = ""


def route(method: str, path: str) -> Route:  # noqa: C901 - a list of forms, not of decisions
    """Take a path apart."""
    if not path.startswith(PREFIX):
        return Route()
    match path[len(PREFIX) :].split("/"):
        case [name]:
            listed = {"training_runs": "list_training_runs", "checkpoints": "list_user_checkpoints"}
            return Route(listed.get(name, "list_sessions" if name == "sessions" else name))
        case ["client" | "auth" | "sessions" as noun, name] if noun != "sessions" or name == "search":
            return Route(f"{noun}/{name}")
        case ["sessions", session]:
            return Route("get_session", session=session)
        case ["sessions", session, what]:
            return Route(_OF_SESSION.get((method, what), ""), session=session)
        case ["samplers", _]:
            return Route("get_sampler")
        case ["training_runs", run]:
            return Route("get_training_run", run)
        case ["training_runs", run, "checkpoints"] | ["models", run, "checkpoints"]:
            return Route("list_checkpoints", run)
        case ["training_runs", run, "checkpoints", kind, name, *rest] if len(rest) < 2:
            operation = _OF_CHECKPOINT.get((method, "".join(rest)), "")
            return Route(operation, run, f"tinker://{run}/{kind}/{name}")
        case ["billing", *_] as parts:
            return Route("/".join(parts))
        case ["auth", "apikey", "me"]:
            return Route("auth/apikey/me")
    # Files and strangers: below the API's prefix, but nothing that the checks know by name.
    return Route("other")
