"""The real PEFT on a real transformer: the tiny one that our hub serves under the base model's name."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import httpx
import pytest

from client_tests.harness.environments import NEWEST, interpreter
from client_tests.harness.sdk import Runner, Sdk
from client_tests.harness.server import clean_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from client_tests.harness.server import Server

PROGRAM: Final = Path(__file__).with_name("program.py")
ATTENTION: Final = ["q_proj", "k_proj", "v_proj", "o_proj"]
MLP: Final = ["gate_proj", "up_proj", "down_proj"]
QWEN, LLAMA, EXPERTS = "Qwen/Qwen3-8B", "meta-llama/Llama-3.1-8B", "Qwen/Qwen3-30B-A3B"

# The environment holds torch, and may have to be made first.
pytestmark = pytest.mark.timeout(900)


@dataclass(frozen=True)
class Case:
    """A run that was trained so many steps, and whether PEFT is told what the head is called."""

    base_model: str
    steps: int
    without: tuple[str, ...] = ()
    maps_head: bool = False


WHOLE: Final = [Case(base_model, 3, maps_head=True) for base_model in (QWEN, LLAMA)]
FRESH: Final = Case(QWEN, 0, maps_head=True)
PARTS: Final = {
    Case(QWEN, 2, ("unembed",)): ATTENTION + MLP,
    Case(QWEN, 2, ("unembed", "mlp")): ATTENTION,
    Case(QWEN, 2, ("unembed", "attn")): MLP,
    Case(QWEN, 2, ("attn", "mlp"), maps_head=True): ["lm_head"],
    Case(QWEN, 2, ("mlp",), maps_head=True): [*ATTENTION, "lm_head"],
    Case(QWEN, 2, ("attn",), maps_head=True): [*MLP, "lm_head"],
}
UNMAPPED: Final = Case(QWEN, 2)
SPARSE: Final = Case(EXPERTS, 2, ("mlp",), maps_head=True)
CASES: Final = [*WHOLE, FRESH, *PARTS, UNMAPPED, SPARSE]


@pytest.fixture(scope="session")
def reports(
    server: Server, runner_of: Callable[[str], Runner], tmp_path_factory: pytest.TempPathFactory
) -> dict[Case, Any]:
    """What PEFT says of each case: all in one process, since importing torch takes longer than all cases."""
    python = interpreter("peft")
    folder = tmp_path_factory.mktemp("peft")
    sdk = Sdk(runner_of(NEWEST), server.url, f"tml-peft-{uuid4().hex}")
    orders = [
        {
            "model": str(model_from_hub(server, case.base_model, folder / f"model-{number}")),
            "adapter": str(trained_adapter(sdk, case, folder / f"adapter-{number}")),
            "maps_head": case.maps_head,
        }
        for number, case in enumerate(CASES)
    ]
    done = subprocess.run(
        [python, PROGRAM],
        input=json.dumps(orders),
        env=clean_environment() | {"HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(CASES, json.loads(done.stdout), strict=True))


def model_from_hub(server: Server, base_model: str, folder: Path) -> Path:
    folder.mkdir()
    for name in ("config.json", "generation_config.json", "model.safetensors"):
        file = httpx.get(f"{server.url}/hf/{'0' * 16}/{base_model}/resolve/main/{name}")
        (folder / name).write_bytes(file.raise_for_status().content)
    return folder


def trained_adapter(sdk: Sdk, case: Case, folder: Path) -> Path:
    """Trains a run and unpacks its archive."""

    def program(service_client: Any, kit: Any, base_model: str, steps: int, switches: dict[str, bool]) -> str:
        client = service_client.create_lora_training_client(base_model, rank=4, seed=7, **switches)
        kit.steps(client, steps)
        return str(client.save_state("ck").result().path)

    switches = {f"train_{part}": False for part in case.without}
    path = sdk.run(program, base_model=case.base_model, steps=case.steps, switches=switches)
    run, kind, name = path.removeprefix("tinker://").split("/")
    place = f"{sdk.url}/api/v1/training_runs/{run}/checkpoints/{kind}/{name}/archive"
    answer = httpx.get(place, headers={"X-API-Key": sdk.key}, follow_redirects=True)
    with tarfile.open(fileobj=io.BytesIO(answer.raise_for_status().content)) as tar:
        tar.extractall(folder, filter="data")
    return folder


def leaves(report: dict[str, Any]) -> set[str]:
    return {module.rpartition(".")[2] for module in report["modules"]}


@pytest.mark.parametrize("case", WHOLE, ids=lambda case: case.base_model)
def test_peft_loads_a_whole_adapter_and_merges_it(reports: dict[Case, Any], case: Case) -> None:
    found = reports[case]
    assert found["warnings"] == []
    modules = [
        *(f"model.layers.{layer}.self_attn.{name}" for layer in range(2) for name in ATTENTION),
        *(f"model.layers.{layer}.mlp.{name}" for layer in range(2) for name in MLP),
        "lm_head",
    ]
    assert found["modules"] == found["merged"] == sorted(modules)
    assert found["logits_moved"] > 1e-3
    assert found["merge_error"] < 1e-4


def test_an_untrained_adapter_changes_nothing(reports: dict[Case, Any]) -> None:
    assert len(reports[FRESH]["modules"]) == 15
    assert reports[FRESH]["logits_moved"] == reports[FRESH]["merge_error"] == 0


@pytest.mark.parametrize("case", PARTS, ids=lambda case: "without " + ",".join(case.without))
def test_what_was_trained_is_adapted_and_nothing_else(reports: dict[Case, Any], case: Case) -> None:
    found = reports[case]
    assert found["warnings"] == []
    assert leaves(found) == set(PARTS[case])
    assert found["modules"] == found["merged"]
    assert found["logits_moved"] > 1e-3


def test_without_the_mapping_peft_says_that_the_head_is_missing(reports: dict[Case, Any]) -> None:
    (warning,) = reports[UNMAPPED]["warnings"]
    assert "lm_head" in warning
    assert "layers" not in warning


def test_the_attention_of_a_mixture_of_experts_loads_as_well(reports: dict[Case, Any]) -> None:
    found = reports[SPARSE]
    assert found["warnings"] == []
    assert leaves(found) == {*ATTENTION, "lm_head"}
    assert found["modules"] == found["merged"]
    assert found["merge_error"] < 1e-4
