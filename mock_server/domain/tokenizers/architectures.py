"""Tiny models, one per architecture: what stands in `config.json`, and the shapes of all tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mock_server.domain.tokenizers.layers import (
    CONVOLUTION,
    EXPERT_MLP,
    EXPERTS,
    HEAD,
    HEADS,
    HIDDEN,
    KEY_VALUE_HEADS,
    MLP,
    VISION,
    Shapes,
    attention,
    biased,
    decoder,
    experts_one_by_one,
    experts_stacked,
    linear,
    linear_attention,
    merger,
    mlp,
    norms,
    qwen_attention,
    vision,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_TEXT: Final = {
    "hidden_size": HIDDEN,
    "intermediate_size": MLP,
    "num_hidden_layers": 2,
    "num_attention_heads": HEADS,
    "num_key_value_heads": KEY_VALUE_HEADS,
    "head_dim": HEAD,
    "rms_norm_eps": 1e-6,
    "tie_word_embeddings": False,
}
_HYBRID: Final = {
    "layer_types": ["linear_attention", "full_attention"],
    "linear_conv_kernel_dim": CONVOLUTION,
    "linear_key_head_dim": HEAD,
    "linear_value_head_dim": HEAD,
    "linear_num_key_heads": KEY_VALUE_HEADS,
    "linear_num_value_heads": HEADS,
}
_MOE: Final = {"num_experts": EXPERTS, "num_experts_per_tok": 2, "moe_intermediate_size": EXPERT_MLP}


def _llama(vocab_size: int) -> tuple[dict[str, Any], Shapes]:
    layer = attention("self_attn") | mlp("mlp", MLP)
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "rope_theta": 500000.0, **_TEXT}
    return config, decoder("model", vocab_size, [layer] * 2)


def _qwen3(vocab_size: int) -> tuple[dict[str, Any], Shapes]:
    layer = qwen_attention() | mlp("mlp", MLP)
    config = {"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"], "rope_theta": 1000000.0, **_TEXT}
    return config, decoder("model", vocab_size, [layer] * 2)


def _qwen3_moe(vocab_size: int) -> tuple[dict[str, Any], Shapes]:
    layer = qwen_attention() | experts_one_by_one("mlp")
    config = {"model_type": "qwen3_moe", "architectures": ["Qwen3MoeForCausalLM"], "rope_theta": 1000000.0}
    return config | _TEXT | _MOE, decoder("model", vocab_size, [layer] * 2)


def _qwen3_vl_moe(vocab_size: int) -> tuple[dict[str, Any], Shapes]:
    layer = qwen_attention() | experts_stacked("mlp")
    rope = {"rope_type": "default", "rope_theta": 5000000, "mrope_section": [4, 2, 2], "mrope_interleaved": True}
    text = {"model_type": "qwen3_vl_moe_text", "rope_parameters": rope, **_TEXT, **_MOE}
    shapes = decoder("model.language_model", vocab_size, [layer] * 2)
    shapes |= vision() | merger("deepstack_merger_list.0", norm=4 * VISION)
    config = _with_vision("qwen3_vl_moe", "Qwen3VLMoeForConditionalGeneration", text)
    config["vision_config"]["deepstack_visual_indexes"] = [0]
    return config, shapes


def _qwen3_5(vocab_size: int) -> tuple[dict[str, Any], Shapes]:
    feed = mlp("mlp", MLP)
    text = {"model_type": "qwen3_5_text", **_TEXT, **_HYBRID}
    shapes = decoder("model.language_model", vocab_size, [linear_attention() | feed, qwen_attention(gated=True) | feed])
    return _with_vision("qwen3_5", "Qwen3_5ForConditionalGeneration", text), shapes | vision()


def _qwen3_5_moe(vocab_size: int) -> tuple[dict[str, Any], Shapes]:
    feed = experts_stacked("mlp") | mlp("mlp.shared_expert", EXPERT_MLP) | linear("mlp", shared_expert_gate=(1, HIDDEN))
    text = {"model_type": "qwen3_5_moe_text", "shared_expert_intermediate_size": EXPERT_MLP, **_TEXT, **_HYBRID, **_MOE}
    shapes = decoder("model.language_model", vocab_size, [linear_attention() | feed, qwen_attention(gated=True) | feed])
    return _with_vision("qwen3_5_moe", "Qwen3_5MoeForConditionalGeneration", text), shapes | vision()


def _with_vision(model_type: str, architecture: str, text: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "model_type": model_type,
        "architectures": [architecture],
        "tie_word_embeddings": False,
        "text_config": dict(text),
        "vision_config": {
            "depth": 1,
            "hidden_size": VISION,
            "intermediate_size": 2 * VISION,
            "num_heads": 2,
            "out_hidden_size": HIDDEN,
            "num_position_embeddings": 16,
            "patch_size": 16,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "in_channels": 3,
        },
    }


def _deepseek_v3(vocab_size: int) -> tuple[dict[str, Any], Shapes]:
    query_rank, key_value_rank, rope = 32, 16, 8
    latent = linear(
        "self_attn",
        q_a_proj=(query_rank, HIDDEN),
        q_b_proj=(HEADS * (HEAD + rope), query_rank),
        kv_a_proj_with_mqa=(key_value_rank + rope, HIDDEN),
        kv_b_proj=(HEADS * 2 * HEAD, key_value_rank),
        o_proj=(HIDDEN, HEADS * HEAD),
    )
    latent |= norms("self_attn", query_rank, "q_a_layernorm") | norms("self_attn", key_value_rank, "kv_a_layernorm")
    experts = experts_one_by_one("mlp") | mlp("mlp.shared_experts", EXPERT_MLP)
    experts["mlp.gate.e_score_correction_bias"] = (EXPERTS,)
    config = {
        "model_type": "deepseek_v3",
        "architectures": ["DeepseekV3ForCausalLM"],
        "rope_theta": 10000.0,
        **_TEXT,
        "num_key_value_heads": HEADS,
        "head_dim": rope,
        "q_lora_rank": query_rank,
        "kv_lora_rank": key_value_rank,
        "qk_nope_head_dim": HEAD,
        "qk_rope_head_dim": rope,
        "v_head_dim": HEAD,
        "moe_intermediate_size": EXPERT_MLP,
        "n_routed_experts": EXPERTS,
        "n_shared_experts": 1,
        "num_experts_per_tok": 2,
        "n_group": 1,
        "topk_group": 1,
        "first_k_dense_replace": 1,
    }
    return config, decoder("model", vocab_size, [latent | mlp("mlp", MLP), latent | experts])


def _gpt_oss(vocab_size: int) -> tuple[dict[str, Any], Shapes]:
    layer = biased(attention("self_attn") | linear("mlp", router=(EXPERTS, HIDDEN))) | {
        "self_attn.sinks": (HEADS,),
        "mlp.experts.gate_up_proj": (EXPERTS, HIDDEN, 2 * EXPERT_MLP),  # [experts, in, out], unlike all others
        "mlp.experts.gate_up_proj_bias": (EXPERTS, 2 * EXPERT_MLP),
        "mlp.experts.down_proj": (EXPERTS, EXPERT_MLP, HIDDEN),
        "mlp.experts.down_proj_bias": (EXPERTS, HIDDEN),
    }
    config = {
        "model_type": "gpt_oss",
        "architectures": ["GptOssForCausalLM"],
        **_TEXT,
        "intermediate_size": EXPERT_MLP,
        "num_local_experts": EXPERTS,
        "num_experts_per_tok": 2,
        "layer_types": ["sliding_attention", "full_attention"],
        "sliding_window": 128,
        "rope_parameters": {"rope_type": "default", "rope_theta": 150000.0},
    }
    return config, decoder("model", vocab_size, [layer] * 2)


def _nemotron_h(vocab_size: int) -> tuple[dict[str, Any], Shapes]:
    """One layer each of Mamba, attention and experts."""
    inner, state = HEADS * HEAD, 2 * 2 * HEAD  # two groups, each with B and C of 16
    mamba = linear("mixer", in_proj=(2 * inner + state + HEADS, HIDDEN), out_proj=(HIDDEN, inner)) | {
        "mixer.conv1d.weight": (inner + state, 1, CONVOLUTION),
        "mixer.conv1d.bias": (inner + state,),
        "mixer.A_log": (HEADS,),
        "mixer.D": (HEADS,),
        "mixer.dt_bias": (HEADS,),
        "mixer.norm.weight": (inner,),
    }
    experts = linear("mixer", gate=(EXPERTS, HIDDEN)) | {"mixer.gate.e_score_correction_bias": (EXPERTS,)}
    for expert in ("shared_experts", *(f"experts.{number}" for number in range(EXPERTS))):
        experts |= linear(f"mixer.{expert}", up_proj=(EXPERT_MLP, HIDDEN), down_proj=(HIDDEN, EXPERT_MLP))
    shapes: Shapes = {
        "backbone.embeddings.weight": (vocab_size, HIDDEN),
        "backbone.norm_f.weight": (HIDDEN,),
        "lm_head.weight": (vocab_size, HIDDEN),
    }
    for number, layer in enumerate([mamba, attention("mixer"), experts]):
        shapes |= {f"backbone.layers.{number}.{name}": shape for name, shape in layer.items()}
        shapes |= norms(f"backbone.layers.{number}", HIDDEN, "norm")
    config = {
        "model_type": "nemotron_h",
        "architectures": ["NemotronHForCausalLM"],
        **_TEXT,
        "num_hidden_layers": 3,
        "layers_block_type": ["mamba", "attention", "moe"],
        "mamba_num_heads": HEADS,
        "mamba_head_dim": HEAD,
        "n_groups": 2,
        "ssm_state_size": HEAD,
        "conv_kernel": CONVOLUTION,
        "expand": 1,
        "n_routed_experts": EXPERTS,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": EXPERT_MLP,
        "moe_shared_expert_intermediate_size": EXPERT_MLP,
    }
    return config, shapes


ARCHITECTURES: Final[Mapping[str, Callable[[int], tuple[dict[str, Any], Shapes]]]] = {
    "llama": _llama,
    "qwen3": _qwen3,
    "qwen3_moe": _qwen3_moe,
    "qwen3_vl_moe": _qwen3_vl_moe,
    "qwen3_5": _qwen3_5,
    "qwen3_5_moe": _qwen3_5_moe,
    "deepseek_v3": _deepseek_v3,
    "gpt_oss": _gpt_oss,
    "nemotron_h": _nemotron_h,
}
"""By the name that a catalogue gives: from the size of the vocabulary to `config.json` and the tensors' shapes."""
