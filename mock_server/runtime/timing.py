"""How long things wait."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """How long things wait, in seconds of the tenant's clock, and how much log a run may have."""

    poll_seconds: float = 30.0
    gap_seconds: float = 5.0
    result_ttl_seconds: float = 86_400.0
    session_timeout_seconds: float = 86_400.0
    snapshot_steps: int = 100
    snapshot_bytes: int = 64 << 20
    inline_bytes: int = 64 << 10
