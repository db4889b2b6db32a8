"""The files of one repository of our hub: the tokenizer, the configuration and the tiny base model of a base model.

The same name gives the same bytes, in every process and on every machine: clients cache by their hash.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from mock_server.domain.tokenizers.bytes_and_tokens import BYTE_OF_ID, end_of_text, family_of
from mock_server.domain.tokenizers.tiny_models import special_ids, tiny_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mock_server.domain.catalogue import CatalogueEntry
    from mock_server.domain.tokenizers.families import Family


@dataclass(frozen=True, slots=True)
class RepositoryFile:
    """A file and the SHA-256 of its content, in hexadecimal digits."""

    content: bytes
    digest: str


@dataclass(frozen=True, slots=True)
class Repository:
    """The files by name, and the 40 hexadecimal digits that stand for their commit: a hash of all of them."""

    files: Mapping[str, RepositoryFile]
    commit: str


@lru_cache(maxsize=32)
def repository_of(entry: CatalogueEntry) -> Repository:
    """The repository of a base model; the first call takes some 20 ms and loads `tokenizers`, further models 5 ms."""
    model = tiny_model(entry)
    contents = {
        "config.json": _json(model.config),
        "generation_config.json": _json(_generation_config(entry)),
        "model.safetensors": model.weights(),
        "tokenizer.json": _tokenizer(family_of(entry)),
        "tokenizer_config.json": _json(_tokenizer_config(entry)),
    }
    if "vision_config" in model.config:
        contents["preprocessor_config.json"] = _json(_image_processor(model.config["vision_config"]))
    files = {name: RepositoryFile(content, sha256(content).hexdigest()) for name, content in contents.items()}
    listing = "".join(f"{name} {file.digest}\n" for name, file in files.items())
    return Repository(files, sha256(listing.encode()).hexdigest()[:40])


def _tokenizer(family: Family) -> bytes:
    """Byte-level BPE without merges: every byte a token, the family's own tokens after them."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors  # noqa: PLC0415

    tokenizer = Tokenizer(models.BPE(vocab={_LETTERS[byte]: id_ for id_, byte in enumerate(BYTE_OF_ID)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, normalized=False, special=True) for text in family.special])
    tokenizer.add_tokens([AddedToken(text, normalized=False, special=False) for text in family.plain])
    if family.adds_bos and family.bos is not None:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{family.bos} $A",
            pair=f"{family.bos} $A {family.bos}:1 $B:1",
            special_tokens=[(family.bos, tokenizer.token_to_id(family.bos))],
        )
    return str(tokenizer.to_str(pretty=False)).encode()


def _byte_letters() -> list[str]:
    """The letter that byte-level tokenizers write for each byte: itself where printable, else one from U+0100 on."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


_LETTERS: Final = _byte_letters()


def _tokenizer_config(entry: CatalogueEntry) -> dict[str, Any]:
    family = family_of(entry)
    config: dict[str, Any] = {
        # transformers builds Qwen2Tokenizer and the like from their own merges; this class takes tokenizer.json as is.
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": entry.max_context_length,
        "clean_up_tokenization_spaces": False,
        "bos_token": family.bos,
        "eos_token": family.end_of_text[0],
        "pad_token": family.pad,
        "chat_template": family.chat_template,
    }
    return {name: value for name, value in config.items() if value is not None}


def _generation_config(entry: CatalogueEntry) -> dict[str, Any]:
    return {"do_sample": True, "eos_token_id": list(end_of_text(entry)), **special_ids(entry)}


def _image_processor(vision: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "image_processor_type": "Qwen2VLImageProcessorFast",
        "patch_size": vision["patch_size"],
        "temporal_patch_size": vision["temporal_patch_size"],
        "merge_size": vision["spatial_merge_size"],
        "size": {"shortest_edge": 65536, "longest_edge": 16777216},
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()
