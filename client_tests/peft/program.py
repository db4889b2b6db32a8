"""Loads and merges adapters with the real PEFT, in its own environment: orders as JSON on stdin, reports on stdout."""
# mypy: disable-error-code="import-not-found, no-untyped-call"

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

IN_FILE, IN_MODEL = "model.unembed_tokens", "lm_head"
"""What the service calls the head, and what models call it: PEFT is told so by key_mapping."""
TOKENS = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6]])


def report(model: str, adapter: str, *, maps_head: bool) -> dict[str, Any]:
    """What PEFT makes of the adapter: what it warned of, what it loaded, and how the model's numbers move."""
    base = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).eval()
    with torch.no_grad():
        before = base(TOKENS).logits
    original = {name: weight.detach().clone() for name, weight in base.state_dict().items()}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)  # PEFT's own; deprecations are between it and transformers
        mapping = {IN_FILE: IN_MODEL} if maps_head else None
        adapted = PeftModel.from_pretrained(base, adapter, key_mapping=mapping).eval()
    loaded = sorted(name for name, module in adapted.named_modules() if isinstance(module, LoraLayer))
    with torch.no_grad():
        after = adapted(TOKENS).logits
    merged = adapted.merge_and_unload().state_dict()
    expected = deltas(Path(adapter), maps_head=maps_head)
    gains = {name: merged[f"{name}.weight"] - original[f"{name}.weight"] for name in expected}
    return {
        "warnings": [str(each.message) for each in caught if each.category is UserWarning],
        "modules": [name.removeprefix("base_model.model.") for name in loaded],
        "logits_moved": (after - before).abs().max().item(),
        "merged": sorted(expected),
        "merge_error": max((gains[name] - delta).abs().max().item() for name, delta in expected.items()),
    }


def deltas(adapter: Path, *, maps_head: bool) -> dict[str, torch.Tensor]:
    """What each module's weight should gain, from the files alone."""
    config = json.loads((adapter / "adapter_config.json").read_text())
    file = load_file(adapter / "adapter_model.safetensors")
    products = {}
    for name, a in file.items():
        if ".lora_A." in name:
            module = name.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
            product = file[name.replace("lora_A", "lora_B")] @ a
            products[module] = product * (config["lora_alpha"] / config["r"])
    head = products.pop(IN_FILE, None)
    return products | ({IN_MODEL: head} if maps_head and head is not None else {})


json.dump([report(**order) for order in json.load(sys.stdin)], sys.stdout)
