from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mock_server.domain.catalogue import Catalogue, InvalidCatalogue, UnknownModel
from mock_server.domain.tokenizers import ARCHITECTURES, FAMILIES

PAGE = (Path(__file__).parents[2] / "docs" / "tokenizers.md").read_text(encoding="utf-8")


def written(folder: Path, text: str) -> Path:
    path = folder / "models.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_default_offers_what_official_programs_name() -> None:
    offered = {entry.name for entry in Catalogue.default()}
    assert offered >= {
        "Qwen/Qwen3-8B",
        "Qwen/Qwen3-4B-Instruct-2507",
        "Qwen/Qwen3-30B-A3B",
        "Qwen/Qwen3-8B-Base",
        "meta-llama/Llama-3.1-8B",
        "meta-llama/Llama-3.1-8B-Instruct",
        "meta-llama/Llama-3.2-1B",
        "meta-llama/Llama-3.2-3B",
        "meta-llama/Llama-3.3-70B-Instruct",
        "openai/gpt-oss-20b",
        "openai/gpt-oss-120b",
        "deepseek-ai/DeepSeek-V3.1",
        "deepseek-ai/DeepSeek-V3.1-Base",
    }


@pytest.mark.parametrize(
    ("name", "vocab_size", "real_end_of_text", "thinking"),
    [
        ("Qwen/Qwen3-8B", 151936, (151645, 151643), True),
        ("Qwen/Qwen3-4B-Instruct-2507", 151936, (151645, 151643), False),
        ("Qwen/Qwen3-8B-Base", 151936, (151643,), False),
        ("meta-llama/Llama-3.1-8B", 128256, (128009, 128001, 128008), False),
        ("Qwen/Qwen3.5-4B", 248320, (248046, 248044), True),
        ("openai/gpt-oss-20b", 201088, (200002, 199999, 200012), True),
        ("deepseek-ai/DeepSeek-V3.1-Base", 129280, (1,), False),
    ],
)
def test_an_entry_has_the_real_models_numbers(
    name: str, vocab_size: int, real_end_of_text: tuple[int, ...], thinking: bool
) -> None:
    entry = Catalogue.default()[name]
    assert (entry.vocab_size, entry.real_end_of_text, entry.thinking) == (vocab_size, real_end_of_text, thinking)


def test_an_extended_context_is_a_model_of_its_own_with_the_same_repository() -> None:
    long = Catalogue.default()["openai/gpt-oss-120b:peft:131072"]
    assert (long.max_context_length, long.repository) == (131072, "openai/gpt-oss-120b")
    assert Catalogue.default()["openai/gpt-oss-120b"].max_context_length == 32768


def test_an_unknown_model_is_answered_with_those_nearest_to_it() -> None:
    with pytest.raises(UnknownModel, match="base_model 'Qwen/Qwen3-9B' is not in the catalogue: did you") as said:
        Catalogue.default()["Qwen/Qwen3-9B"]
    assert "'Qwen/Qwen3-8B'" in f"{said.value}"


def test_a_name_like_no_other_is_answered_briefly() -> None:
    with pytest.raises(UnknownModel, match="it has models such as 'Qwen/") as refusal:
        Catalogue.default()["#" * 100_000]
    assert len(f"{refusal.value}") < 500


def test_every_llama_3_shares_the_repository_that_the_sdk_asks_for() -> None:
    entry = Catalogue.default().of_repository("thinkingmachineslabinc/meta-llama-3-instruct-tokenizer")
    assert entry.tokenizer == "llama3"


def test_a_file_adds_a_model_with_defaults_from_its_tokenizer(tmp_path: Path) -> None:
    path = written(tmp_path, "models: [{name: acme/Tiny-1B, tokenizer: qwen3-base}]")
    catalogue = Catalogue.load(path)
    entry = catalogue["acme/Tiny-1B"]
    assert (entry.vocab_size, entry.real_end_of_text, entry.arch) == (151936, (151643,), "llama")
    assert (entry.trainable, entry.sampleable, entry.max_context_length) == (True, True, 32768)
    assert len(catalogue) == len(Catalogue.default()) + 1


def test_a_file_changes_only_the_fields_of_a_built_in_model_that_it_gives(tmp_path: Path) -> None:
    path = written(tmp_path, "models: [{name: Qwen/Qwen3.5-4B, trainable: false, responders: [{builtin: arithmetic}]}]")
    entry = Catalogue.load(path)["Qwen/Qwen3.5-4B"]
    assert not entry.trainable
    assert len(entry.responders) == 1
    assert (entry.vocab_size, entry.max_context_length, entry.thinking) == (248320, 65536, True)
    assert len(Catalogue.load(path)) == len(Catalogue.default())


def test_builtin_false_leaves_only_the_files_own(tmp_path: Path) -> None:
    path = written(
        tmp_path, "builtin: false\naliases: {acme/alias: acme/Tiny}\nmodels: [{name: acme/Tiny, tokenizer: plain}]"
    )
    catalogue = Catalogue.load(path)
    assert [entry.name for entry in catalogue] == ["acme/Tiny"]
    assert catalogue.of_repository("acme/alias") is catalogue["acme/Tiny"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("models: [{tokenizer: qwen3}]", "model 1: name is None: give a name"),
        ("models: [{name: a/b}]", "model a/b: tokenizer is {'name': 'a/b'}: Field required"),
        ("models: [{name: a/b, tokenizer: qwen9}]", "model a/b: tokenizer is 'qwen9': give one of llama3, qwen3"),
        ("models: [{name: a/b, tokenizer: qwen3, arch: rnn}]", "model a/b: arch is 'rnn': give one of llama"),
        ("models: [{name: a/b, tokenizer: qwen3, vocab_size: -1}]", "vocab_size is -1: Input should be greater than 0"),
        ("models: [{name: a/b, tokenizer: qwen3, vocab_size: 200}]", "vocab_size 200 is too small: .* has 270 ids"),
        ("models: [{name: a/b, tokenizer: qwen3, trainable: 'no'}]", "trainable is 'no': .* valid boolean"),
        ("models: [{name: a/b, tokenizer: qwen3, color: red}]", "color is 'red': Extra inputs are not permitted"),
        ("models: [{name: ../b, tokenizer: qwen3, responders: [{}]}]", r"responders.0 is {}: give pattern and answer"),
        (
            "models: [{name: a/b, tokenizer: qwen3, responders: [{pattern: '(', answer: x}]}]",
            r"responders.0.pattern is '\(': not a regular expression",
        ),
        (
            "models: [{name: a/b, tokenizer: qwen3, responders: [{pattern: x, answer: '\\2'}]}]",
            r"responders.0 is .*: the answer .* uses a group that the pattern lacks",
        ),
        (
            "models: [{name: a/b, tokenizer: qwen3, responders: [{builtin: arithmetic, probability: 2}]}]",
            "responders.0.probability is 2: Input should be less than or equal to 1",
        ),
        ("aliases: {a/b: c/d}", "aliases.a/b is 'c/d': give the name of a model"),
        ("models: 7", "models is 7: Input should be a valid list"),
        ("[]", "the content is .*: Input should be a valid dictionary"),
        ("models: [", "is not YAML"),
    ],
)
def test_a_bad_file_is_refused_with_its_place_and_a_remedy(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(InvalidCatalogue, match=said) as refusal:
        Catalogue.load(path)
    assert f"{refusal.value}".startswith(f"{path}")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidCatalogue, match=r"none\.yaml cannot be read \(No such file or directory\)"):
        Catalogue.load(tmp_path / "none.yaml")


@pytest.mark.parametrize("example", re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL), ids=["models", "answers"])
def test_the_examples_of_the_page_can_be_loaded(tmp_path: Path, example: str) -> None:
    assert Catalogue.load(written(tmp_path, example))["Qwen/Qwen3-8B"].responders


def test_the_page_names_every_family_and_architecture() -> None:
    for family in FAMILIES:
        assert f"`{family}`" in PAGE
    for architecture in ARCHITECTURES:
        assert re.search(rf"\b{architecture}\b", PAGE)


def test_importing_the_catalogue_loads_neither_yaml_nor_tokenizers() -> None:
    program = (
        "import sys, mock_server.domain.catalogue as c;"
        "heavy = {'yaml', 'tokenizers', 'safetensors', 'numpy', 'pydantic'};"
        "print(sorted(heavy & set(sys.modules)));"
        "c.Catalogue.default();"
        "print(sorted((heavy - {'yaml', 'pydantic'}) & set(sys.modules)))"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert printed.split("\n")[:2] == ["[]", "[]"]
