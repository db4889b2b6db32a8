"""A catalogue entry as the toy model knows it."""

from mock_server.domain.catalogue import CatalogueEntry
from mock_server.domain.tokenizers import end_of_text
from mock_server.toy_model import BaseModel


def base_model(entry: CatalogueEntry, prior_size: int | None) -> BaseModel:
    """The base model, its prior on all ids, or on the `prior_size` ids of the tokenizer that our hub serves."""
    return BaseModel(
        name=entry.name,
        vocab_size=entry.vocab_size,
        prior_size=prior_size,
        end_of_text=entry.real_end_of_text if prior_size is None else end_of_text(entry),
    )
