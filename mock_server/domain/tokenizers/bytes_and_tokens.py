"""Text to ids and back in plain Python, the same as the served `tokenizer.json` does, without loading `tokenizers`."""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from mock_server.domain.tokenizers.families import FAMILIES, Family

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mock_server.domain.catalogue import CatalogueEntry

# The toy model's prior makes low ids likelier. Common bytes come first, so that an untrained model babbles letters
# that a terminal can show, not control characters and broken UTF-8.
_COMMON: Final = b" etaoinshrdlucmfwygpbvkxqjz\n.,-'\"?!:;()0123456789ETAOINSHRDLUCMFWYGPBVKXQJZ"
BYTE_OF_ID: Final = bytes(dict.fromkeys(_COMMON + bytes(range(32, 127)) + bytes(range(256))))
"""The byte of each id from 0 to 255: a permutation of all bytes."""

_ID_OF_BYTE: Final = bytes(BYTE_OF_ID.index(byte) for byte in range(256))


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The ids of one family's tokens and the bytes of each; id i beyond `len(pieces)` is not in the vocabulary."""

    family: Family
    pieces: tuple[bytes, ...]
    id_of_added: Mapping[str, int]
    added_or_text: re.Pattern[str]

    def piece(self, token: int) -> bytes:
        """The bytes of one token; none for an id that this tokenizer does not know."""
        return self.pieces[token] if 0 <= token < len(self.pieces) else b""

    def encode(self, text: str) -> list[int]:
        """The ids of a text, without a BOS in front. Lone surrogates become `?`."""
        ids: list[int] = []
        for part in self.added_or_text.split(text):
            added = self.id_of_added.get(part)
            if added is not None:
                ids.append(added)
            else:
                ids.extend(part.encode(errors="replace").translate(_ID_OF_BYTE))
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids, special tokens written out; unknown ids are left out, broken UTF-8 becomes U+FFFD."""
        return b"".join(map(self.piece, ids)).decode(errors="replace")


def family_of(entry: CatalogueEntry) -> Family:
    """The family that a base model's tokenizer belongs to."""
    return FAMILIES[entry.tokenizer]


def vocabulary_of(entry: CatalogueEntry) -> Vocabulary:
    """The vocabulary of a base model's served tokenizer."""
    return _vocabulary(entry.tokenizer)


@cache
def _vocabulary(family_name: str) -> Vocabulary:
    family = FAMILIES[family_name]
    # The longest of several that match wins, as in `tokenizers`.
    longest_first = sorted(family.added, key=len, reverse=True)
    return Vocabulary(
        family=family,
        pieces=tuple(bytes([byte]) for byte in BYTE_OF_ID) + tuple(text.encode() for text in family.added),
        id_of_added={text: 256 + index for index, text in enumerate(family.added)},
        added_or_text=re.compile(f"({'|'.join(map(re.escape, longest_first))})"),
    )


def tokenizer_size(entry: CatalogueEntry) -> int:
    """How many ids the served tokenizer has: ids 0 to this number, exclusive."""
    return len(vocabulary_of(entry).pieces)


def end_of_text(entry: CatalogueEntry) -> tuple[int, ...]:
    """The ids that end an answer in the served tokenizer; the first is its `eos_token_id`.

    For clients with the real tokenizer, see `CatalogueEntry.real_end_of_text`.
    """
    known = vocabulary_of(entry).id_of_added
    return tuple(known[text] for text in family_of(entry).end_of_text)


def encode(entry: CatalogueEntry, text: str) -> list[int]:
    """The ids of a text in the served tokenizer, without a BOS in front."""
    return vocabulary_of(entry).encode(text)


def decode(entry: CatalogueEntry, ids: Sequence[int]) -> str:
    """The text of ids in the served tokenizer; special tokens are written out, ids that it does not know left out."""
    return vocabulary_of(entry).decode(ids)


def texts(entry: CatalogueEntry, ids: Sequence[int]) -> list[str]:
    """What each id adds to the text of those before it; a character of several bytes comes with its last."""
    characters = getincrementaldecoder("utf-8")("replace")
    piece = vocabulary_of(entry).piece
    return [characters.decode(piece(token)) for token in ids]
