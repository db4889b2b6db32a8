"""The base models that this server offers, by name."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mock_server.domain.responders import Responder

BUILTIN_FILE: Final = Path(__file__).with_name("catalogue.yaml")


_LONGEST_NAME: Final = 192  # what a message repeats of a name that somebody made up


class UnknownModel(Exception):
    """A base model that the catalogue does not have. Its text names the model and those nearest to it."""


class InvalidCatalogue(ValueError):
    """A catalogue file that cannot be used. Its text names the file, the entry, the field, the value and the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEntry:
    """One base model.

    tokenizer: the family of the tokenizer that our hub serves.  arch: the architecture of its tiny model.
    vocab_size: of the real model; every id below it is valid input.  max_context_length: in tokens.
    real_end_of_text: ids that end an answer for a client with the real tokenizer; empty where they are not known.
    thinking: whether scripted answers begin with a thought unless their rule says otherwise.
    """

    name: str
    tokenizer: str
    arch: str
    vocab_size: int
    max_context_length: int
    real_end_of_text: tuple[int, ...] = ()
    trainable: bool = True
    sampleable: bool = True
    thinking: bool = False
    responders: tuple[Responder, ...] = ()

    @property
    def repository(self) -> str:
        """The hub's repository: the name without a variant such as `:peft:131072`, as the SDK cuts it."""
        return self.name.partition(":")[0]


class Catalogue:
    """The base models by name, in the file's order, and the repositories that the hub serves for them."""

    def __init__(self, entries: Iterable[CatalogueEntry], aliases: Mapping[str, str] | None = None) -> None:
        """aliases: further repositories of the hub, each with the name of the model whose tokenizer it holds."""
        self._entries = {entry.name: entry for entry in entries}
        self._aliases = dict(aliases or {})

    @staticmethod
    @cache
    def default() -> Catalogue:
        """The built-in catalogue, read once per process."""
        return Catalogue.load(BUILTIN_FILE)

    @staticmethod
    def load(path: Path) -> Catalogue:
        """The built-in models and those of a YAML file (docs/tokenizers.md). Raises InvalidCatalogue."""
        # Imported here, because YAML and pydantic take longer than all else that importers of this module want.
        from mock_server.domain.catalogue_file import read_catalogue  # noqa: PLC0415

        return read_catalogue(path)

    def __getitem__(self, name: str) -> CatalogueEntry:
        """The base model of that name. Raises UnknownModel."""
        if name in self._entries:
            return self._entries[name]
        asked = name[:_LONGEST_NAME]
        near = get_close_matches(asked, self._entries, n=3)
        some = "did you mean" if near else "it has models such as"
        names = " or ".join(map(repr, near or list(self._entries)[:3]))
        raise UnknownModel(f"base_model {asked!r} is not in the catalogue: {some} {names}{'?' if near else '.'}")

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[CatalogueEntry]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def of_repository(self, repository: str) -> CatalogueEntry:
        """The base model whose tokenizer a repository of the hub holds. Raises UnknownModel."""
        return self[self._aliases.get(repository, repository)]
