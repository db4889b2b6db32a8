"""The parts of an asample body that are more than plain JSON: prompts and target ids."""

from collections.abc import Mapping, Sequence
from typing import Any

from mock_server.codec.allowance import Allowance
from mock_server.codec.chunks import json_ids
from mock_server.codec.errors import Malformed
from mock_server.codec.sparse import Ints, SparseLayout
from mock_server.codec.tensors import from_json

NOTHING_ASKED = -1
"""The target id of a cell that asks for no logprob."""


def prompt_ids(chunks: Sequence[Mapping[str, Any]]) -> Ints:
    """The ids of `prompt.chunks`, [positions]; media positions are ids from chunks.MEDIA_ID_BASE on."""
    return json_ids(chunks, "prompt.chunks", Allowance())


def target_prompt_ids(tensor: Mapping[str, Any], positions: int) -> tuple[Ints, SparseLayout | None]:
    """The ids of `target_prompt_logprobs` and, where it is sparse, its layout, which the answer repeats.

    positions: length of the prompt.
    Returns [positions - 1, K]: row i asks about position i + 1, a cell of NOTHING_ASKED asks nothing.
    """
    field = "target_prompt_logprobs"
    ids, layout = from_json(tensor, field, Allowance(), pad=NOTHING_ASKED)
    if ids.dtype.kind != "i":
        raise Malformed(f"{field}.dtype", "is 'float32'", "target ids are 'int64'")
    if ids.ndim != 2 or len(ids) != positions - 1:
        raise Malformed(
            f"{field}.shape", f"is {list(ids.shape)}", f"the prompt of {positions} positions takes [{positions - 1}, K]"
        )
    return ids, layout
