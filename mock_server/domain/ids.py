"""Ids, all derived from the server's seed and from counters, so that a replay meets the same ones.

Clients predict some of them: a run is `{session}:train:{model_seq_id}` (the SDK computes it itself when it creates a
run from a checkpoint), a sampler `{session}:sample:{n}`.
"""

from hashlib import blake2b
from uuid import UUID

POSITIONS_PER_SEQ_ID = 1 << 20
"""Room between two seq_ids for operations that carry none."""
END_OF_POSITIONS = (1 << 63) - 1
"""Behind every position: they are 64 bits in the database."""


def session_id(seed: int, tenant: str, number: int) -> str:
    return _uuid(f"session/{seed}/{tenant}/{number}")


def training_run_id(session: str, model_seq_id: int) -> str:
    return f"{session}:train:{model_seq_id}"


def sampler_id(session: str, number: int) -> str:
    return f"{session}:sample:{number}"


def session_of(target: str) -> str:
    """The session that a training run or a sampler was made in, from its id."""
    return target.partition(":")[0]


def custom_loss_id(session: str, number: int) -> str:
    return f"{session}:loss:{number}"


def copies_of(tenant: str) -> str:
    """What a tenant's copying belongs to: no session is given for all of it."""
    return f"copies/{tenant}"


def operation_id(target: str, key: str | int) -> str:
    """The request id of the operation that `target` knows as `key`, its seq_id: a repeat names the same operation."""
    return _uuid(f"operation/{target}/{key}")


def sequence_id(operation: str, index: int) -> str:
    """The id of one sampled sequence, which later training data may cite as its provenance."""
    return _uuid(f"sequence/{operation}/{index}")


def derived_seed(seed: int, purpose: str) -> int:
    """A random seed of 63 bits for one purpose, the same whenever it is asked for."""
    return int.from_bytes(blake2b(f"{seed}/{purpose}".encode(), digest_size=8).digest(), "little") >> 1


def _uuid(text: str) -> str:
    return str(UUID(bytes=blake2b(text.encode(), digest_size=16).digest(), version=4))
