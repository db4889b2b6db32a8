"""The flags by which a server steers the official SDK: `POST /client/config` and `/client/dynamic_config`.

Every flag is optional on the wire: a client that is not told one takes the default below (SDK 0.38.0).
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_TYPE_NAMES: Final = {bool: "true or false", int: "a whole number", str: "text"}

FlagValue = bool | int | str
"""What a flag can be told: a flag keeps the type of its default."""


@dataclass(frozen=True, slots=True)
class ClientFlag:
    """One flag: what a client that is not told otherwise does, and what the flag changes."""

    default: FlagValue
    effect: str


CONFIG_FLAGS: Final[Mapping[str, ClientFlag]] = {
    "pjwt_auth_enabled": ClientFlag(default=False, effect="The client trades its key for a JWT; enables whoami."),
    "credential_default_source": ClientFlag("api_key", "`credential_cmd` makes it run TINKER_CREDENTIAL_CMD."),
    "parallel_fwdbwd_chunks": ClientFlag(default=True, effect="Chunks 2..n of a batch are posted before chunk 1."),
    "proto_compress_fwdbwd": ClientFlag(default=False, effect="Bodies of forward_backward are zstd frames."),
    "fwdbwd_max_chunk_len": ClientFlag(1024, "Datums a chunk."),
    "fwdbwd_max_chunk_bytes_count": ClientFlag(5_000_000, "Estimated bytes a chunk."),
    "fwdbwd_dispatch_bytes_semaphore_size": ClientFlag(50_000_000, "Bytes of requests in flight."),
    "sample_dispatch_bytes_semaphore_size": ClientFlag(10 * 2**20, "Bytes of prompts in flight, 10 a token."),
    "inflight_response_bytes_semaphore_size": ClientFlag(50 * 2**20, "Bytes of announced answers in flight."),
    "billing_exception_max_pause_duration_sec": ClientFlag(3600, "Seconds that a 402 pauses the client at most."),
    "sample_no_retries": ClientFlag(default=False, effect="Samples bypass the client's retry handler."),
    "sample_enable_stuck_detection": ClientFlag(default=True, effect="Two hours without progress are an error."),
    "sample_max_concurrent_requests": ClientFlag(2000, "Samples in flight per sampling client."),
    "use_pyqwest_transport": ClientFlag(default=True, effect="The Rust transport; false is plain httpx."),
    "sample_use_retrieve_futures": ClientFlag(default=False, effect="One poller per sampling session."),
    "custom_loss_server_side": ClientFlag(default=False, effect="Custom losses are uploaded."),
    "sample_join_sampling_session": ClientFlag(default=False, effect="Copied samplers ask for their number range."),
    # Read by releases before 0.38 only; newer ones ignore what they do not know.
    "create_model_via_load_weights": ClientFlag(default=False, effect="0.24.1 to 0.36: restore by one load_weights."),
    "proto_write_fwdbwd": ClientFlag(default=False, effect="Some 0.2x: protobuf bodies of forward_backward."),
    "fwd_via_fwdbwd": ClientFlag(default=False, effect="Some 0.2x: forward is a forward_backward."),
}

DYNAMIC_CONFIG_FLAGS: Final[Mapping[str, ClientFlag]] = {
    "refresh_interval_sec": ClientFlag(300, "Seconds between two looks at this configuration, 10 at least."),
    "sample_cancel_enabled": ClientFlag(default=False, effect="A cancelled sample is cancelled on the server too."),
    "sample_cancel_max_batch_size": ClientFlag(64, "Cancelled samples per request."),
}


def checked_flags(given: Mapping[str, object], flags: Mapping[str, ClientFlag]) -> dict[str, FlagValue]:
    """The given values, each of its flag's type. ValueError names the flag, the value, and what is possible."""
    return {name: _checked(name, value, flags) for name, value in given.items()}


def _checked(name: str, value: object, flags: Mapping[str, ClientFlag]) -> FlagValue:
    if name not in flags:
        near = get_close_matches(name, flags, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(flags))}."
        raise ValueError(f"{name!r} is no flag of the client: {hint}")
    wanted = type(flags[name].default)
    if isinstance(value, str) and wanted is not str:
        value = _from_text(value)
    # A bool is an int to Python, but not to the client's strict validation.
    if isinstance(value, bool | int | str) and type(value) is wanted:
        return value
    raise ValueError(f"{name} is {value!r}: give {_TYPE_NAMES[wanted]}.")


def _from_text(text: str) -> FlagValue:
    """Command lines and environment variables carry text: `true`, `false` and whole numbers mean themselves."""
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    return int(text) if text.lstrip("-").isdecimal() else text
