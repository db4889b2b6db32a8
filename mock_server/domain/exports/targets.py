"""The modules that a LoRA of the real service adapts, by the `config.json` of their model.

Names are those of the service's own checkpoints, which programs know how to merge. They differ from the model's: there
is no prefix for a vision model's language part, the head is `unembed_tokens`, gpt-oss has `attn`, Qwen 3.5 keeps the
input projections of its linear attention apart, and experts are `w1`, `w2`, `w3`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Part = Literal["attn", "mlp", "unembed"]
Config = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """One adapted module. experts: how many matrices it has, None for a plain layer.

    shared: the side of the pair that all experts have in common.
    """

    name: str
    part: Part
    inputs: int
    outputs: int
    experts: int | None = None
    shared: Literal["A", "B"] = "A"


Layer = list[Target]


def targets_of(config: Mapping[str, Any]) -> Iterator[Target]:
    """All targets of the model with this `config.json`, layer by layer, the head last."""
    kind = config["model_type"]
    text = dict(config.get("text_config", config))
    prefix = "backbone" if kind == "nemotron_h" else "model"
    for number, layer in enumerate(_LAYERS[kind](text)):
        for target in layer:
            yield replace(target, name=f"{prefix}.layers.{number}.{target.name}")
    yield Target("model.unembed_tokens", "unembed", text["hidden_size"], text["vocab_size"])


def _attention(text: Config, name: str = "self_attn", *, gated: bool = False) -> Layer:
    hidden = text["hidden_size"]
    queries = text["num_attention_heads"] * text["head_dim"]
    keys = text["num_key_value_heads"] * text["head_dim"]
    return [
        # A gate of the queries' own size comes with them in Qwen 3.5.
        Target(f"{name}.q_proj", "attn", hidden, 2 * queries if gated else queries),
        Target(f"{name}.k_proj", "attn", hidden, keys),
        Target(f"{name}.v_proj", "attn", hidden, keys),
        Target(f"{name}.o_proj", "attn", queries, hidden),
    ]


def _linear_attention(text: Config) -> Layer:
    hidden = text["hidden_size"]
    keys = text["linear_num_key_heads"] * text["linear_key_head_dim"]
    values = text["linear_num_value_heads"] * text["linear_value_head_dim"]
    sizes = {"in_proj_q": keys, "in_proj_k": keys, "in_proj_v": values, "in_proj_z": values}
    inputs = [Target(f"linear_attn.{name}", "attn", hidden, size) for name, size in sizes.items()]
    return [*inputs, Target("linear_attn.out_proj", "attn", values, hidden)]


def _latent_attention(text: Config) -> Layer:
    hidden, heads = text["hidden_size"], text["num_attention_heads"]
    rope, values = text["qk_rope_head_dim"], text["v_head_dim"]
    query_rank, rank = text["q_lora_rank"], text["kv_lora_rank"]
    return [
        Target("self_attn.q_a_proj", "attn", hidden, query_rank),
        Target("self_attn.q_b_proj", "attn", query_rank, heads * (text["qk_nope_head_dim"] + rope)),
        Target("self_attn.kv_a_proj_with_mqa", "attn", hidden, rank + rope),
        Target("self_attn.kv_b_proj", "attn", rank, heads * (text["qk_nope_head_dim"] + values)),
        Target("self_attn.o_proj", "attn", heads * values, hidden),
    ]


def _mamba(text: Config) -> Layer:
    hidden, inner = text["hidden_size"], text["mamba_num_heads"] * text["mamba_head_dim"]
    return [
        Target("mixer.gate_proj", "attn", hidden, inner),
        Target("mixer.x_proj", "attn", hidden, inner),
        Target("mixer.out_proj", "attn", inner, hidden),
    ]


def _mlp(text: Config, size: int, name: str = "mlp") -> Layer:
    hidden = text["hidden_size"]
    return [
        Target(f"{name}.gate_proj", "mlp", hidden, size),
        Target(f"{name}.up_proj", "mlp", hidden, size),
        Target(f"{name}.down_proj", "mlp", size, hidden),
    ]


def _experts(text: Config, count: int, size: int, name: str = "mlp", *, gated: bool = True) -> Layer:
    """Ways in share their A, the way out its B: the hidden size is the same for all experts."""
    hidden = text["hidden_size"]
    ways_in = ["w1", "w3"] if gated else ["w1"]
    return [
        *(Target(f"{name}.experts.{way}", "mlp", hidden, size, count, "A") for way in ways_in),
        Target(f"{name}.experts.w2", "mlp", size, hidden, count, "B"),
    ]


def _dense(text: Config) -> list[Layer]:
    return [_attention(text) + _mlp(text, text["intermediate_size"])] * text["num_hidden_layers"]


def _qwen3_moe(text: Config) -> list[Layer]:
    experts = _experts(text, text["num_experts"], text["moe_intermediate_size"])
    return [_attention(text) + experts] * text["num_hidden_layers"]


def _qwen3_5(text: Config) -> list[Layer]:
    feed = _mlp(text, text["intermediate_size"])
    return [attention + feed for attention in _qwen3_5_attention(text)]


def _qwen3_5_moe(text: Config) -> list[Layer]:
    feed = _experts(text, text["num_experts"], text["moe_intermediate_size"])
    feed += _mlp(text, text["shared_expert_intermediate_size"], "mlp.shared_expert")
    return [attention + feed for attention in _qwen3_5_attention(text)]


def _qwen3_5_attention(text: Config) -> list[Layer]:
    kinds = {"linear_attention": _linear_attention(text), "full_attention": _attention(text, gated=True)}
    return [kinds[kind] for kind in text["layer_types"]]


def _deepseek_v3(text: Config) -> list[Layer]:
    attention, size, dense = _latent_attention(text), text["moe_intermediate_size"], text["first_k_dense_replace"]
    experts = _experts(text, text["n_routed_experts"], size)
    experts += _mlp(text, text["n_shared_experts"] * size, "mlp.shared_experts")
    first = [attention + _mlp(text, text["intermediate_size"])] * dense
    return first + [attention + experts] * (text["num_hidden_layers"] - dense)


def _gpt_oss(text: Config) -> list[Layer]:
    experts = _experts(text, text["num_local_experts"], text["intermediate_size"])
    return [_attention(text, "attn") + experts] * text["num_hidden_layers"]


def _nemotron_h(text: Config) -> list[Layer]:
    hidden, shared = text["hidden_size"], text["moe_shared_expert_intermediate_size"]
    experts = _experts(text, text["n_routed_experts"], text["moe_intermediate_size"], "mixer", gated=False)
    experts += [
        Target("mixer.shared_experts.up_proj", "mlp", hidden, shared),
        Target("mixer.shared_experts.down_proj", "mlp", shared, hidden),
    ]
    kinds = {"mamba": _mamba(text), "attention": _attention(text, "mixer"), "moe": experts}
    return [kinds[kind] for kind in text["layers_block_type"]]


_LAYERS: Final[Mapping[str, Callable[[Config], list[Layer]]]] = {
    "llama": _dense,
    "qwen3": _dense,
    "qwen3_moe": _qwen3_moe,
    "qwen3_vl_moe": _qwen3_moe,
    "qwen3_5": _qwen3_5,
    "qwen3_5_moe": _qwen3_5_moe,
    "deepseek_v3": _deepseek_v3,
    "gpt_oss": _gpt_oss,
    "nemotron_h": _nemotron_h,
}
"""By `model_type`: the targets of every layer, named within it."""
