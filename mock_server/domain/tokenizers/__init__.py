"""The tokenizers and tiny base models that the hub serves, and text <-> ids in them."""

from mock_server.domain.tokenizers.architectures import ARCHITECTURES
from mock_server.domain.tokenizers.bytes_and_tokens import decode, encode, end_of_text, family_of, texts, tokenizer_size
from mock_server.domain.tokenizers.families import FAMILIES, Family
from mock_server.domain.tokenizers.repository import Repository, RepositoryFile, repository_of
from mock_server.domain.tokenizers.stops import stop_matcher
from mock_server.domain.tokenizers.tiny_models import TinyModel, tiny_model

__all__ = [
    "ARCHITECTURES",
    "FAMILIES",
    "Family",
    "Repository",
    "RepositoryFile",
    "TinyModel",
    "decode",
    "encode",
    "end_of_text",
    "family_of",
    "repository_of",
    "stop_matcher",
    "texts",
    "tiny_model",
    "tokenizer_size",
]
