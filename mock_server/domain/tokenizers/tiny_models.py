"""The tiny base models that the hub serves: real architectures and tensor names, a hundred thousand numbers or two.

With them `AutoConfig`, counting parameters by safetensors headers, and merging or exporting an adapter work end to end.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from hashlib import shake_256
from typing import TYPE_CHECKING, Any, Final

from mock_server.domain.tokenizers.architectures import ARCHITECTURES
from mock_server.domain.tokenizers.bytes_and_tokens import end_of_text, tokenizer_size, vocabulary_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mock_server.domain.catalogue import CatalogueEntry


@dataclass(frozen=True, slots=True)
class TinyModel:
    """config: of `config.json`.  shapes: of every tensor of `model.safetensors`, by name; all are bfloat16."""

    name: str
    config: Mapping[str, Any]
    shapes: Mapping[str, tuple[int, ...]]

    def weights(self) -> bytes:
        """`model.safetensors`, below 1 MB: norms are ones, the rest is within ±0.05 and depends on the names only."""
        header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
        parts = []
        end = 0
        for name, shape in sorted(self.shapes.items()):
            data = self._tensor(name, math.prod(shape))
            header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [end, end + len(data)]}
            parts.append(data)
            end += len(data)
        described = json.dumps(header).encode()
        described += b" " * (-len(described) % 8)  # readers map tensors into memory, aligned
        return b"".join([len(described).to_bytes(8, "little"), described, *parts])

    def _tensor(self, name: str, count: int) -> bytes:
        if name.endswith(("norm.weight", "norm1.weight", "norm2.weight", "norm_f.weight")):
            return _ONE * count
        noise = shake_256(f"{self.name} {name}".encode()).digest(count)
        return b"".join(map(_VALUES.__getitem__, noise))


_ONE: Final = b"\x80\x3f"
# What each byte of noise stands for: a bfloat16 is the upper half of a float32.
_VALUES: Final = [struct.pack("<f", (byte - 127.5) / 127.5 * 0.05)[2:] for byte in range(256)]


def tiny_model(entry: CatalogueEntry) -> TinyModel:
    """The tiny model of a base model; its vocabulary is the served tokenizer's, so it is smaller than the real one."""
    architecture, shapes = ARCHITECTURES[entry.arch](tokenizer_size(entry))
    vocabulary = {
        "vocab_size": tokenizer_size(entry),
        "max_position_embeddings": entry.max_context_length,
        **special_ids(entry),
        "eos_token_id": end_of_text(entry)[0],
    }
    text = architecture.get("text_config", architecture)
    text |= vocabulary
    return TinyModel(entry.repository, {**architecture, "dtype": "bfloat16"}, shapes)


def special_ids(entry: CatalogueEntry) -> dict[str, int]:
    """`bos_token_id` and `pad_token_id` of the served tokenizer, where it has them."""
    known = vocabulary_of(entry)
    named = {"bos_token_id": known.family.bos, "pad_token_id": known.family.pad}
    return {field: known.id_of_added[text] for field, text in named.items() if text is not None}
