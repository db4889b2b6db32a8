"""The YAML file of base models: its fields, their defaults, and what is said of a bad one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from mock_server.domain.catalogue import BUILTIN_FILE, Catalogue, CatalogueEntry, InvalidCatalogue
from mock_server.domain.responders import DEFAULT_THOUGHT, Responder, answer_arithmetic, compiled, scripted
from mock_server.domain.tokenizers import ARCHITECTURES, FAMILIES

if TYPE_CHECKING:
    from collections.abc import Iterator

_Name = Annotated[str, StringConstraints(max_length=192, pattern=r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+){1,2}$")]
_Tokens = Annotated[int, Field(gt=0, lt=2**31)]
_TokenId = Annotated[int, Field(ge=0, lt=2**31)]
_AnySpec = TypeVar("_AnySpec", bound="_Spec")


class _Spec(BaseModel):
    # Strict: `trainable: "no"` is a text, and taking it for a truth would be worse than refusing it.
    model_config = ConfigDict(extra="forbid", strict=True)


class _ResponderSpec(_Spec):
    pattern: str | None = None
    answer: str | None = None
    builtin: Literal["arithmetic"] | None = None
    probability: Annotated[float, Field(ge=0, le=1)] = 1.0
    think: bool | None = None
    thought: str = DEFAULT_THOUGHT

    @field_validator("pattern")
    @classmethod
    def _usable(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            compiled(pattern)
        return pattern

    @model_validator(mode="after")
    def _is_one_rule(self) -> Self:
        self.responder()
        return self

    def responder(self) -> Responder:
        match self.pattern, self.answer, self.builtin:
            case str(pattern), str(answer), None:
                rule = scripted(pattern, answer)
            case None, None, "arithmetic":
                rule = answer_arithmetic
            case _:
                raise ValueError("give pattern and answer, or builtin: arithmetic")
        return Responder(rule, self.probability, self.think, self.thought)


class _ModelSpec(_Spec):
    name: _Name
    tokenizer: str
    arch: str = "llama"
    vocab_size: _Tokens | None = None
    real_end_of_text: list[_TokenId] | None = None
    max_context_length: _Tokens = 32768
    extended_context: list[_Tokens] = []
    trainable: bool = True
    sampleable: bool = True
    thinking: bool = False
    responders: list[_ResponderSpec] = []

    @field_validator("tokenizer")
    @classmethod
    def _is_a_family(cls, name: str) -> str:
        if name not in FAMILIES:
            raise ValueError(f"give one of {', '.join(FAMILIES)}")
        return name

    @field_validator("arch")
    @classmethod
    def _is_an_architecture(cls, name: str) -> str:
        if name not in ARCHITECTURES:
            raise ValueError(f"give one of {', '.join(ARCHITECTURES)}")
        return name

    @model_validator(mode="after")
    def _vocabulary_holds_the_tokenizer(self) -> Self:
        least = 256 + len(FAMILIES[self.tokenizer].added)
        if self.vocab_size is not None and self.vocab_size < least:
            raise ValueError(f"vocab_size {self.vocab_size} is too small: the tokenizer has {least} ids, give no less")
        return self

    def entries(self) -> Iterator[CatalogueEntry]:
        """The model, and one entry for each longer context, named as the official service names them."""
        family = FAMILIES[self.tokenizer]
        ends = family.real_end_of_text if self.real_end_of_text is None else tuple(self.real_end_of_text)
        entry = CatalogueEntry(
            name=self.name,
            tokenizer=self.tokenizer,
            arch=self.arch,
            vocab_size=self.vocab_size or family.vocab_size,
            max_context_length=self.max_context_length,
            real_end_of_text=ends,
            trainable=self.trainable,
            sampleable=self.sampleable,
            thinking=self.thinking,
            responders=tuple(spec.responder() for spec in self.responders),
        )
        yield entry
        for tokens in self.extended_context:
            yield replace(entry, name=f"{self.name}:peft:{tokens}", max_context_length=tokens)


class _FileSpec(_Spec):
    builtin: bool = True
    aliases: dict[_Name, str] = {}
    models: list[dict[str, Any]] = []  # checked one by one, after those of the same name have been put together


def read_catalogue(path: Path) -> Catalogue:
    """The catalogue of a file, on top of the built-in one unless it says `builtin: false`. Raises InvalidCatalogue."""
    file = _checked(_FileSpec, _yaml(path), f"{path}")
    models: dict[str, dict[str, Any]] = {}
    aliases: dict[str, str] = {}
    if file.builtin and path != BUILTIN_FILE:
        builtin = _FileSpec.model_validate(_yaml(BUILTIN_FILE))
        models = {model["name"]: model for model in builtin.models}
        aliases = builtin.aliases
    for number, model in enumerate(file.models, 1):
        name = model.get("name")
        if not isinstance(name, str):
            raise InvalidCatalogue(f"{path}, model {number}: name is {name!r}: give a name such as org/model.")
        models[name] = models.get(name, {}) | model
    specs = [_checked(_ModelSpec, model, f"{path}, model {name}") for name, model in models.items()]
    catalogue = Catalogue([entry for spec in specs for entry in spec.entries()], aliases | file.aliases)
    for alias, name in file.aliases.items():
        if name not in catalogue:
            raise InvalidCatalogue(f"{path}: aliases.{alias} is {name!r}: give the name of a model of the catalogue.")
    return catalogue


def _yaml(path: Path) -> object:
    # The parser in C takes a tenth of the time; PyYAML lacks it where it was built without libyaml.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 (both loaders are safe)
    except OSError as error:
        raise InvalidCatalogue(f"{path} cannot be read ({error.strerror}): give a file that can.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidCatalogue(f"{path} is not YAML: {error}") from error


def _checked(spec: type[_AnySpec], value: object, where: str) -> _AnySpec:
    try:
        return spec.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "the content"
        remedy = first["msg"].removeprefix("Value error, ")
        raise InvalidCatalogue(f"{where}: {field} is {first['input']!r}: {remedy}.") from error
