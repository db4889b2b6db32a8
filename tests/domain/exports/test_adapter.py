from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mock_server.domain.catalogue import Catalogue, CatalogueEntry
from mock_server.domain.exports import ADAPTER_MODEL, Part, adapter_files
from mock_server.domain.tokenizers import tiny_model
from tests.domain.exports.adapters import ALL_PARTS, ENTRIES, QWEN, RANK, config, model_file, tensors, trained

LAYER = "base_model.model.model.layers"
HEAD = "base_model.model.model.unembed_tokens"


def test_names_and_shapes_are_those_of_the_real_service() -> None:
    found = {name: tensor.shape for name, tensor in tensors(QWEN, trained()).items()}
    hidden, mlp = 64, 128
    sizes = {
        "self_attn.q_proj": (hidden, 64),
        "self_attn.k_proj": (hidden, 32),
        "self_attn.v_proj": (hidden, 32),
        "self_attn.o_proj": (64, hidden),
        "mlp.gate_proj": (hidden, mlp),
        "mlp.up_proj": (hidden, mlp),
        "mlp.down_proj": (mlp, hidden),
    }
    expected = {}
    for layer in range(2):
        for name, (inputs, outputs) in sizes.items():
            expected[f"{LAYER}.{layer}.{name}.lora_A.weight"] = (RANK, inputs)
            expected[f"{LAYER}.{layer}.{name}.lora_B.weight"] = (outputs, RANK)
    vocabulary = tiny_model(QWEN).config["vocab_size"]
    expected[f"{HEAD}.lora_A.weight"] = (RANK, hidden)
    expected[f"{HEAD}.lora_B.weight"] = (vocabulary, RANK)
    assert found == expected


def test_experts_are_stacked_and_share_the_side_of_the_hidden_size() -> None:
    found = tensors(ENTRIES["qwen3_moe"], trained())
    experts, hidden, mlp = 4, 64, 32
    for way in ("w1", "w3"):
        assert found[f"{LAYER}.0.mlp.experts.{way}.lora_A.weight"].shape == (1, RANK, hidden)
        assert found[f"{LAYER}.0.mlp.experts.{way}.lora_B.weight"].shape == (experts, mlp, RANK)
    assert found[f"{LAYER}.0.mlp.experts.w2.lora_A.weight"].shape == (experts, RANK, mlp)
    assert found[f"{LAYER}.0.mlp.experts.w2.lora_B.weight"].shape == (1, hidden, RANK)


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_every_pair_merges_into_a_weight_of_the_model_that_our_hub_serves(entry: CatalogueEntry) -> None:
    found = tensors(entry, trained())
    merged = set()
    for name in (name for name in found if ".lora_A." in name):
        a, b = found[name], found[name.replace("lora_A", "lora_B")]
        delta = b @ a  # with one for all experts on one side, numpy repeats it as a merge does
        module = name.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
        weight, shape = target_in_model(entry, module)
        if shape is None:  # a part of a fused weight, stacked or joined: its size is what the next test adds up
            continue
        merged.add(weight)
        assert delta.shape == shape, (name, weight)
    assert merged, "no target is a weight of its own"


def target_in_model(entry: CatalogueEntry, module: str) -> tuple[str, tuple[int, ...] | None]:
    """The weight that a merge adds a module's product to, renamed as programs do it, and its shape."""
    shapes = tiny_model(entry).shapes
    name = module.replace("model.unembed_tokens", "lm_head")
    if any(weight.startswith("model.language_model.") for weight in shapes):
        name = re.sub(r"^model\.", "model.language_model.", name)
    if entry.arch == "gpt_oss":
        name = name.replace(".attn.", ".self_attn.")
    if entry.arch == "nemotron_h" and name.endswith((".gate_proj", ".x_proj")):
        return name, None
    if re.search(r"\.in_proj_[qkv]$", name):
        return name, None
    if ".experts." not in name:
        return name, shapes[f"{name}.weight"]
    ways = {"w1": "gate_proj", "w3": "up_proj", "w2": "down_proj"}
    if entry.arch == "nemotron_h":
        ways = {"w1": "up_proj", "w2": "down_proj"}
    prefix, way = name.rsplit(".", 1)
    stacked = shapes.get(f"{prefix}.gate_up_proj")
    if stacked is None:
        one = shapes[f"{prefix}.0.{ways[way]}.weight"]
        count = sum(
            re.fullmatch(re.escape(prefix) + rf"\.\d+\.{ways[way]}\.weight", weight) is not None for weight in shapes
        )
        return name, (count, *one)
    if way != "w2":
        return name, None
    experts, *sides = shapes[f"{prefix}.down_proj"]
    # gpt-oss keeps [in, out], all others [out, in].
    return name, (experts, *(reversed(sides) if entry.arch == "gpt_oss" else sides))


def test_projections_that_the_model_joins_have_its_size_together() -> None:
    found = tensors(ENTRIES["qwen3_5"], trained())
    rows = [len(found[f"{LAYER}.0.linear_attn.in_proj_{each}.lora_B.weight"]) for each in "qkv"]
    joined = tiny_model(ENTRIES["qwen3_5"]).shapes["model.language_model.layers.0.linear_attn.in_proj_qkv.weight"]
    assert sum(rows) == joined[0]
    experts = tensors(ENTRIES["gpt_oss"], trained())
    ways_in = [experts[f"{LAYER}.0.mlp.experts.{way}.lora_B.weight"].shape for way in ("w1", "w3")]
    count, hidden, both = tiny_model(ENTRIES["gpt_oss"]).shapes["model.layers.0.mlp.experts.gate_up_proj"]
    assert ways_in == [(count, both // 2, RANK)] * 2
    assert experts[f"{LAYER}.0.mlp.experts.w1.lora_A.weight"].shape == (1, RANK, hidden)


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_what_is_not_trained_has_no_keys(entry: CatalogueEntry) -> None:
    whole = set(tensors(entry, trained()))
    by_part: dict[Part, set[str]] = {part: set(tensors(entry, trained(frozenset({part})))) for part in ALL_PARTS}
    assert all(by_part.values())
    assert set().union(*by_part.values()) == whole
    assert not any(one & other for one, other in combinations(by_part.values(), 2))
    assert by_part["unembed"] == {f"{HEAD}.lora_A.weight", f"{HEAD}.lora_B.weight"}
    assert all("attn" in name or ".mixer." in name for name in by_part["attn"])
    assert all(".mlp." in name or ".mixer." in name for name in by_part["mlp"])


def test_nothing_trained_is_a_file_without_tensors() -> None:
    weights = replace(trained(frozenset()), a=np.zeros(0, np.float32))
    assert tensors(QWEN, weights) == {}
    assert config(QWEN, weights)["target_modules"] == []


def test_an_untrained_run_is_the_identity() -> None:
    weights = replace(trained(), b=np.zeros(100, np.float32))
    found = tensors(QWEN, weights)
    assert not any(tensor.any() for name, tensor in found.items() if "lora_B" in name)
    assert all(tensor.any() for name, tensor in found.items() if "lora_A" in name)


def test_equal_weights_give_equal_bytes() -> None:
    assert model_file(QWEN, trained()) == model_file(QWEN, trained())


@settings(max_examples=30, deadline=None)
@given(
    side=st.sampled_from(["a", "b"]),
    at=st.integers(0, 2999),
    parts=st.sampled_from([ALL_PARTS, frozenset[Part]({"unembed"}), frozenset[Part]({"attn"})]),
)
def test_each_weight_changes_some_tensor_of_its_side(side: str, at: int, parts: frozenset[Part]) -> None:
    weights = trained(parts)
    changed = replace(weights, **{side: getattr(weights, side).copy()})
    getattr(changed, side)[at] += 1.0
    before, after = tensors(QWEN, weights), tensors(QWEN, changed)
    different = {name for name in before if not np.array_equal(before[name], after[name])}
    assert different
    assert all(f"lora_{side.upper()}" in name for name in different)


def test_the_smallest_change_of_a_weight_changes_the_file() -> None:
    weights = trained(frozenset({"unembed"}))
    b = weights.b.copy()
    b[-1] = np.nextafter(b[-1], np.float32(9))
    assert model_file(QWEN, weights) != model_file(QWEN, replace(weights, b=b))


def test_the_configuration_says_what_a_merge_asks_for() -> None:
    assert config(QWEN, trained()) | {"target_modules": None} == {
        "base_model_name_or_path": "Qwen/Qwen3-8B",
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "init_lora_weights": True,
        "lora_alpha": 32,
        "lora_dropout": 0.0,
        "modules_to_save": None,
        "peft_type": "LORA",
        "r": RANK,
        "target_modules": None,
        "task_type": "CAUSAL_LM",
    }
    attention = config(QWEN, trained(frozenset({"attn"})))
    assert attention["target_modules"] == ["k_proj", "o_proj", "q_proj", "v_proj"]
    assert config(QWEN, trained(frozenset({"unembed"})))["target_modules"] == ["lm_head"]


def test_a_variant_of_a_model_names_the_repository_that_holds_it() -> None:
    variant = next(entry for entry in Catalogue.default() if ":" in entry.name)
    assert config(variant, trained())["base_model_name_or_path"] == variant.name.partition(":")[0]


def test_a_tiny_file_stays_below_a_megabyte() -> None:
    for entry in ENTRIES.values():
        assert adapter_files(entry, replace(trained(), rank=32), "tiny")[ADAPTER_MODEL].size < 1 << 20, entry.name


@pytest.mark.parametrize("entry", Catalogue.default(), ids=lambda entry: entry.name)
def test_real_shapes_have_real_sizes(entry: CatalogueEntry) -> None:
    size = adapter_files(entry, replace(trained(), rank=32), "real")[ADAPTER_MODEL].size
    assert 100 << 20 < size < 20 << 30
    twice = adapter_files(entry, replace(trained(), rank=64), "real")[ADAPTER_MODEL].size
    assert twice == pytest.approx(2 * size, rel=1e-3)


def test_the_real_shapes_of_a_known_model() -> None:
    """Qwen3-8B: 36 layers of 4096, 32 heads and 8 for keys and values of 128, 12,288 in between, 151,936 ids."""
    layer = (4096 + 4096) * 2 + (4096 + 1024) * 2 + (4096 + 12288) * 3
    numbers = 32 * (36 * layer + 4096 + QWEN.vocab_size)
    file = adapter_files(QWEN, replace(trained(), rank=32), "real")[ADAPTER_MODEL]
    header = int.from_bytes(next(file.read(0, 8)), "little")
    assert file.size == 8 + header + 4 * numbers
