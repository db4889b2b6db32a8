"""The sizes of the real models, for checkpoints of realistic length (`checkpoint_shapes=real`).

From the models' published `config.json`; for a model that is not listed, the nearest relative stands in. These numbers
decide how long a download is, nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mock_server.domain.tokenizers import tiny_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mock_server.domain.catalogue import CatalogueEntry

Sizes = dict[str, Any]


def real_config(entry: CatalogueEntry) -> Mapping[str, Any]:
    """What of the real model's `config.json` decides a checkpoint's shapes."""
    tiny = tiny_model(entry).config
    sizes = _SIZES[entry.repository if entry.repository in _SIZES else _NEAREST[entry.arch]]
    text = dict(tiny.get("text_config", tiny)) | sizes | {"vocab_size": entry.vocab_size}
    return {**text, "model_type": tiny["model_type"]}


def _transformer(hidden: int, mlp: int, layers: int, heads: int, key_value_heads: int, head: int = 128) -> Sizes:
    return {
        "hidden_size": hidden,
        "intermediate_size": mlp,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": key_value_heads,
        "head_dim": head,
    }


def _qwen3_moe(hidden: int, layers: int, heads: int, experts: int, expert_mlp: int) -> Sizes:
    return _transformer(hidden, 0, layers, heads, 4) | {"num_experts": experts, "moe_intermediate_size": expert_mlp}


def _qwen3_5(
    hidden: int, mlp: int, layers: int, heads: int, key_value_heads: int, linear_values: int, experts: int = 0
) -> Sizes:
    """Every fourth layer has full attention. With experts, `mlp` is the size of one."""
    return _transformer(hidden, mlp, layers, heads, key_value_heads, 256) | {
        "layer_types": [*["linear_attention"] * 3, "full_attention"] * (layers // 4),
        "linear_key_head_dim": 128,
        "linear_value_head_dim": 128,
        "linear_num_key_heads": 16,
        "linear_num_value_heads": linear_values,
        "num_experts": experts,
        "moe_intermediate_size": mlp,
        "shared_expert_intermediate_size": mlp,
    }


def _deepseek(heads: int, experts: int, dense_layers: int) -> Sizes:
    return _transformer(7168, 18432, 61, heads, heads) | {
        "q_lora_rank": 1536,
        "kv_lora_rank": 512,
        "qk_nope_head_dim": 128,
        "qk_rope_head_dim": 64,
        "v_head_dim": 128,
        "moe_intermediate_size": 2048,
        "n_routed_experts": experts,
        "n_shared_experts": 1,
        "first_k_dense_replace": dense_layers,
    }


def _nemotron(hidden: int, blocks: str, mamba_heads: int, experts: int, expert_mlp: int, shared_mlp: int) -> Sizes:
    kinds = {"M": "mamba", "E": "moe", "*": "attention"}
    return _transformer(hidden, 0, len(blocks), 32, 2) | {
        "layers_block_type": [kinds[block] for block in blocks],
        "mamba_num_heads": mamba_heads,
        "mamba_head_dim": 64,
        "n_routed_experts": experts,
        "moe_intermediate_size": expert_mlp,
        "moe_shared_expert_intermediate_size": shared_mlp,
    }


_QWEN3_30B: Final = _qwen3_moe(2048, 48, 32, 128, 768)
_QWEN3_235B: Final = _qwen3_moe(4096, 94, 64, 128, 1536)
_QWEN3_5_9B: Final = _qwen3_5(4096, 12288, 32, 16, 4, 32)
_QWEN3_5_27B: Final = _qwen3_5(5120, 17408, 64, 24, 4, 48)
_QWEN3_5_35B: Final = _qwen3_5(2048, 512, 40, 16, 2, 32, experts=256)
_LLAMA_8B: Final = _transformer(4096, 14336, 32, 32, 8)
_LLAMA_70B: Final = _transformer(8192, 28672, 80, 64, 8)
_DEEPSEEK_V3: Final = _deepseek(128, 256, 3)
_KIMI_K2: Final = _deepseek(64, 384, 1)

_SIZES: Final[Mapping[str, Sizes]] = {
    "Qwen/Qwen3-4B-Instruct-2507": _transformer(2560, 9728, 36, 32, 8),
    "Qwen/Qwen3-8B": _transformer(4096, 12288, 36, 32, 8),
    "Qwen/Qwen3-8B-Base": _transformer(4096, 12288, 36, 32, 8),
    "Qwen/Qwen3-32B": _transformer(5120, 25600, 64, 64, 8),
    "Qwen/Qwen3-30B-A3B": _QWEN3_30B,
    "Qwen/Qwen3-235B-A22B-Instruct-2507": _QWEN3_235B,
    "Qwen/Qwen3-VL-30B-A3B-Instruct": _QWEN3_30B,
    "Qwen/Qwen3-VL-235B-A22B-Instruct": _QWEN3_235B,
    "Qwen/Qwen3.5-4B": _qwen3_5(2560, 9216, 32, 16, 4, 32),
    "Qwen/Qwen3.5-9B": _QWEN3_5_9B,
    "Qwen/Qwen3.5-27B": _QWEN3_5_27B,
    "Qwen/Qwen3.6-27B": _QWEN3_5_27B,
    "Qwen/Qwen3.8-27B": _QWEN3_5_27B,
    "Qwen/Qwen3.5-35B-A3B": _QWEN3_5_35B,
    "Qwen/Qwen3.5-397B-A17B": _qwen3_5(4096, 1024, 60, 32, 2, 64, experts=512),
    "meta-llama/Llama-3.1-8B": _LLAMA_8B,
    "meta-llama/Llama-3.1-70B": _LLAMA_70B,
    "meta-llama/Llama-3.3-70B-Instruct": _LLAMA_70B,
    "meta-llama/Llama-3.2-1B": _transformer(2048, 8192, 16, 32, 8, 64),
    "meta-llama/Llama-3.2-3B": _transformer(3072, 8192, 28, 24, 8),
    "openai/gpt-oss-20b": _transformer(2880, 2880, 24, 64, 8, 64) | {"num_local_experts": 32},
    "openai/gpt-oss-120b": _transformer(2880, 2880, 36, 64, 8, 64) | {"num_local_experts": 128},
    "deepseek-ai/DeepSeek-V3.1": _DEEPSEEK_V3,
    "moonshotai/Kimi-K2-Thinking": _KIMI_K2,
    "moonshotai/Kimi-K2.5": _KIMI_K2,
    "moonshotai/Kimi-K2.6": _KIMI_K2,
    "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16": _nemotron(
        2688, "MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME", 64, 128, 1856, 3712
    ),
}
"""By repository; fields of `config.json`, in its language part where it has one."""

_NEAREST: Final[Mapping[str, str]] = {
    "llama": "meta-llama/Llama-3.1-8B",
    "qwen3": "Qwen/Qwen3-8B",
    "qwen3_moe": "Qwen/Qwen3-30B-A3B",
    "qwen3_vl_moe": "Qwen/Qwen3-VL-30B-A3B-Instruct",
    "qwen3_5": "Qwen/Qwen3.5-9B",
    "qwen3_5_moe": "Qwen/Qwen3.5-35B-A3B",
    "deepseek_v3": "deepseek-ai/DeepSeek-V3.1",
    "gpt_oss": "openai/gpt-oss-20b",
    "nemotron_h": "nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16",
}
"""By architecture: whose sizes stand in for a model that is not listed."""
