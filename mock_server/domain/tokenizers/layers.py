"""The layers that tiny models are built of: their tensors' names and shapes, as in the files of transformers 5.

A linear layer is [out, in]; experts are one by one or stacked, as the architecture has them.
"""

from __future__ import annotations

from typing import Final

Shape = tuple[int, ...]
Shapes = dict[str, Shape]
"""Shapes of tensors by name."""

HIDDEN: Final = 64
HEADS: Final = 4
KEY_VALUE_HEADS: Final = 2
HEAD: Final = 16
MLP: Final = 128
EXPERTS: Final = 4
EXPERT_MLP: Final = 32
VISION: Final = 32
CONVOLUTION: Final = 4


def linear(prefix: str, **layers: tuple[int, int]) -> Shapes:
    return {f"{prefix}.{name}.weight": shape for name, shape in layers.items()}


def norms(prefix: str, size: int, *names: str) -> Shapes:
    return {f"{prefix}.{name}.weight": (size,) for name in names}


def biased(shapes: Shapes) -> Shapes:
    biases = {name.removesuffix("weight") + "bias": shape[:1] for name, shape in shapes.items()}
    return shapes | biases


def attention(layer: str, *, gated: bool = False) -> Shapes:
    """Gated: the queries bring a gate of their own size along (Qwen3.5)."""
    queries, keys = HEADS * HEAD, KEY_VALUE_HEADS * HEAD
    return linear(
        layer,
        q_proj=(2 * queries if gated else queries, HIDDEN),
        k_proj=(keys, HIDDEN),
        v_proj=(keys, HIDDEN),
        o_proj=(HIDDEN, queries),
    )


def mlp(prefix: str, size: int) -> Shapes:
    return linear(prefix, gate_proj=(size, HIDDEN), up_proj=(size, HIDDEN), down_proj=(HIDDEN, size))


def experts_one_by_one(prefix: str) -> Shapes:
    shapes = linear(prefix, gate=(EXPERTS, HIDDEN))
    for expert in range(EXPERTS):
        shapes |= mlp(f"{prefix}.experts.{expert}", EXPERT_MLP)
    return shapes


def experts_stacked(prefix: str) -> Shapes:
    return linear(prefix, gate=(EXPERTS, HIDDEN)) | {
        f"{prefix}.experts.gate_up_proj": (EXPERTS, 2 * EXPERT_MLP, HIDDEN),
        f"{prefix}.experts.down_proj": (EXPERTS, HIDDEN, EXPERT_MLP),
    }


def decoder(model: str, vocab_size: int, layers: list[Shapes]) -> Shapes:
    """Embeddings, the layers, their two norms each, the last norm and the head."""
    shapes: Shapes = {"lm_head.weight": (vocab_size, HIDDEN), f"{model}.embed_tokens.weight": (vocab_size, HIDDEN)}
    for number, layer in enumerate(layers):
        shapes |= {f"{model}.layers.{number}.{name}": shape for name, shape in layer.items()}
        shapes |= norms(f"{model}.layers.{number}", HIDDEN, "input_layernorm", "post_attention_layernorm")
    return shapes | norms(model, HIDDEN, "norm")


def qwen_attention(*, gated: bool = False) -> Shapes:
    return attention("self_attn", gated=gated) | norms("self_attn", HEAD, "q_norm", "k_norm")


def linear_attention() -> Shapes:
    keys, values = KEY_VALUE_HEADS * HEAD, HEADS * HEAD
    return {
        **linear(
            "linear_attn",
            in_proj_qkv=(2 * keys + values, HIDDEN),
            in_proj_z=(values, HIDDEN),
            in_proj_b=(HEADS, HIDDEN),
            in_proj_a=(HEADS, HIDDEN),
            out_proj=(HIDDEN, values),
        ),
        "linear_attn.conv1d.weight": (2 * keys + values, 1, CONVOLUTION),
        "linear_attn.A_log": (HEADS,),
        "linear_attn.dt_bias": (HEADS,),
        "linear_attn.norm.weight": (HEAD,),
    }


def vision() -> Shapes:
    block = "model.visual.blocks.0"
    layers = linear(f"{block}.attn", qkv=(3 * VISION, VISION), proj=(VISION, VISION))
    layers |= linear(f"{block}.mlp", linear_fc1=(2 * VISION, VISION), linear_fc2=(VISION, 2 * VISION))
    layers |= norms(block, VISION, "norm1", "norm2")
    layers["model.visual.patch_embed.proj.weight"] = (VISION, 3, 2, 16, 16)
    return biased(layers) | merger("merger", norm=VISION) | {"model.visual.pos_embed.weight": (16, VISION)}


def merger(name: str, norm: int) -> Shapes:
    """Four neighbouring patches become one token."""
    layers = linear(f"model.visual.{name}", linear_fc1=(4 * VISION, 4 * VISION), linear_fc2=(HIDDEN, 4 * VISION))
    return biased(layers | norms(f"model.visual.{name}", norm, "norm"))
