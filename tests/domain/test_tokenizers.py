from __future__ import annotations

import hashlib
import json
import struct
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tokenizers import Tokenizer

from mock_server.domain.catalogue import Catalogue, CatalogueEntry
from mock_server.domain.tokenizers import (
    FAMILIES,
    decode,
    encode,
    end_of_text,
    family_of,
    repository_of,
    stop_matcher,
    tiny_model,
    tokenizer_size,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

QWEN = Catalogue.default()["Qwen/Qwen3-8B"]
EVERY_FAMILY = list({entry.tokenizer: entry for entry in Catalogue.default()}.values())
EVERY_ARCHITECTURE = list({entry.arch: entry for entry in Catalogue.default()}.values())
TEXTS = [
    "",
    "Hello, wörld! 🎉\n\n日本語 \x00\t\x7f",
    "<think>\n2+2</think><|im_start|>user<|im_end|><|eot_id|><｜User｜><|channel|>",  # noqa: RUF001
    "<|im_start|<|im_start|>|> <th<think>ink>",
    "e\u0301 \u00e9 \ufb01",  # nothing is normalised: decode gives back what was encoded
]


def served(entry: CatalogueEntry) -> Tokenizer:
    return Tokenizer.from_str(repository_of(entry).files["tokenizer.json"].content.decode())


@pytest.mark.parametrize("entry", EVERY_FAMILY, ids=lambda entry: entry.tokenizer)
class TestEveryFamily:
    def test_our_ids_are_those_of_the_served_tokenizer(self, entry: CatalogueEntry) -> None:
        tokenizer = served(entry)
        for text in TEXTS:
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            assert encode(entry, text) == ids
            assert decode(entry, ids) == text
            assert tokenizer.decode(ids, skip_special_tokens=False) == text

    def test_broken_utf8_decodes_alike(self, entry: CatalogueEntry) -> None:
        ids = encode(entry, "aé日🎉")
        tokenizer = served(entry)
        for cut in range(len(ids)):
            assert decode(entry, ids[cut:]) == tokenizer.decode(ids[cut:], skip_special_tokens=False)

    def test_every_token_of_the_family_is_a_single_id(self, entry: CatalogueEntry) -> None:
        tokenizer = served(entry)
        for text in family_of(entry).added:
            assert tokenizer.encode(text, add_special_tokens=False).ids == [tokenizer.token_to_id(text)]
        assert (
            tokenizer_size(entry)
            == tokenizer.get_vocab_size(with_added_tokens=True)
            == 256 + len(family_of(entry).added)
        )

    def test_skipping_special_tokens_leaves_the_plain_ones(self, entry: CatalogueEntry) -> None:
        family = family_of(entry)
        ids = encode(entry, "".join(family.added) + "x")
        assert served(entry).decode(ids, skip_special_tokens=True) == "".join(family.plain) + "x"

    def test_end_of_text_is_what_its_files_say(self, entry: CatalogueEntry) -> None:
        files = repository_of(entry).files
        config = json.loads(files["tokenizer_config.json"].content)
        generation = json.loads(files["generation_config.json"].content)
        assert generation["eos_token_id"] == list(end_of_text(entry))
        assert served(entry).token_to_id(config["eos_token"]) == end_of_text(entry)[0]
        assert json.loads(files["config.json"].content).get("vocab_size", tokenizer_size(entry)) == tokenizer_size(
            entry
        )

    def test_named_tokens_exist(self, entry: CatalogueEntry) -> None:
        family = family_of(entry)
        assert len(set(family.added)) == len(family.added)
        for token in (*family.end_of_text, family.bos, family.pad):
            assert token is None or token in family.special


def test_every_family_is_offered_by_some_model() -> None:
    assert {entry.tokenizer for entry in EVERY_FAMILY} == set(FAMILIES)


@pytest.mark.parametrize(
    ("name", "first"), [("meta-llama/Llama-3.1-8B", "<|begin_of_text|>"), ("deepseek-ai/DeepSeek-V3.1", None)]
)
def test_encoding_begins_with_bos_where_the_real_tokenizer_does(name: str, first: str | None) -> None:
    entry = Catalogue.default()[name]
    ids = served(entry).encode("hi").ids
    assert decode(entry, ids[:1]) == (first or family_of(entry).bos)
    assert ids[1:] == encode(entry, "hi")
    assert served(QWEN).encode("hi").ids == encode(QWEN, "hi")


def test_common_letters_have_low_ids() -> None:
    """So that an untrained model, for which low ids are likelier, prints letters rather than control characters."""
    assert decode(QWEN, range(64)).isprintable() or decode(QWEN, range(64)).replace("\n", "").isprintable()
    assert decode(QWEN, [0, 1, 2]) == " et"


def test_ids_that_the_tokenizer_does_not_know_decode_to_nothing() -> None:
    assert decode(QWEN, [*encode(QWEN, "a"), 100_000, -1, *encode(QWEN, "b")]) == "ab"


def matches_at(stops: Sequence[str], ids: Sequence[int]) -> int | None:
    """How many ids were sampled when a matcher, asked after each, first said stop."""
    stopped = stop_matcher(QWEN, stops)
    return next((count for count in range(len(ids) + 1) if stopped(ids[:count])), None)


@pytest.mark.parametrize(
    ("stops", "text", "sampled"),
    [
        (["\n\nUser:"], "Hi\n\nUser: more", "Hi\n\nUser:"),
        (["]\n"], "[1, 2]\n[3]", "[1, 2]\n"),
        (["zzz", "b"], "abc", "ab"),
        (["🎉"], "a🎉b", "a🎉"),
        (["</think>"], "<think>x</think>y", "<think>x</think>"),
        (["<|im_end|>"], "x<|im_end|>y", "x<|im_end|>"),
        (["_end|"], "x<|im_end|>y", "x<|im_end|>"),  # a stop may begin and end inside a token
        (["x<|im"], "x<|im_end|>y", "x<|im_end|>"),
        (["User", "\n\nUser:"], "\n\nUser:", "\n\nUser"),
        (["no"], "yes", None),
        ([""], "yes", None),
        ([], "yes", None),
    ],
)
def test_a_string_stop_matches_as_soon_as_the_text_contains_it(
    stops: list[str], text: str, sampled: str | None
) -> None:
    expected = None if sampled is None else len(encode(QWEN, sampled))
    assert matches_at(stops, encode(QWEN, text)) == expected


def test_a_stop_is_found_across_ids_without_text() -> None:
    unknown = 100_000
    ids = [*encode(QWEN, "a"), unknown, unknown, *encode(QWEN, "b"), unknown]
    assert matches_at(["ab"], ids) == 4


def test_a_stop_matcher_looks_at_the_tail_only() -> None:
    class Counted(list[int]):
        looked = 0

        def __getitem__(self, index: Any) -> Any:
            self.looked += 1 if isinstance(index, int) else len(range(*index.indices(len(self))))
            return super().__getitem__(index)

    ids = Counted(encode(QWEN, "x" * 10_000))
    assert not stop_matcher(QWEN, ["\n\nUser:"])(ids)
    assert ids.looked < 20


@pytest.mark.parametrize("entry", EVERY_ARCHITECTURE, ids=lambda entry: entry.arch)
def test_a_tiny_models_file_is_small_and_holds_what_its_header_says(entry: CatalogueEntry) -> None:
    content = repository_of(entry).files["model.safetensors"].content
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + length])
    header.pop("__metadata__")
    assert len(content) < 1_000_000
    assert {name: tuple(tensor["shape"]) for name, tensor in header.items()} == dict(tiny_model(entry).shapes)
    assert header["lm_head.weight"]["shape"][0] == tokenizer_size(entry)


def test_values_are_small_finite_and_differ_between_models() -> None:
    entries = [QWEN, Catalogue.default()["Qwen/Qwen3-32B"]]
    a, b = (repository_of(entry).files["model.safetensors"].content for entry in entries)
    assert len(a) == len(b)
    assert a != b
    values = [
        value for (value,) in struct.iter_unpack("<f", b"".join(b"\0\0" + a[i : i + 2] for i in range(-2000, -64, 2)))
    ]
    assert max(map(abs, values)) <= 1


def test_the_same_name_gives_the_same_bytes_in_another_process() -> None:
    program = (
        "from mock_server.domain.catalogue import Catalogue;"
        "from mock_server.domain.tokenizers import repository_of;"
        "print(repository_of(Catalogue.default()['Qwen/Qwen3-8B']).commit)"
    )
    commit = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
    repository = repository_of(QWEN)
    assert repository.commit == commit
    assert len(commit) == 40
    for file in repository.files.values():
        assert file.digest == hashlib.sha256(file.content).hexdigest()
