"""Property 7: it is cheap in memory, and to import; what it costs in time, `make bench` measures."""

import subprocess
import sys
import tracemalloc

from benchmarks.toy_model_bench import training_data
from mock_server.toy_model import AdamParams, BaseModel, LoraConfig, TrainingState


def test_a_run_of_rank_32_costs_less_than_2_mb(qwen: BaseModel) -> None:
    state, data = TrainingState.fresh(qwen, LoraConfig(rank=32)), training_data(2048, 64)
    state.forward_backward(data, "cross_entropy", {})
    state.optim_step(AdamParams())

    tracemalloc.start()
    runs = [TrainingState.fresh(qwen, LoraConfig(rank=32, seed=i)) for i in range(4)]
    for run in runs:
        run.forward_backward(data, "cross_entropy", {})
        run.optim_step(AdamParams())
        run.forward_backward(data, "cross_entropy", {})
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert held / 4 < 2e6
    assert all(run.nbytes < 2e6 for run in runs)
    assert len(runs[0].dump(gradients=True)) < 2e6


def test_a_large_batch_is_held_in_pieces(qwen: BaseModel) -> None:
    state, data = TrainingState.fresh(qwen, LoraConfig(rank=32)), training_data(65_536, 1024)
    state.forward_backward(data[:1], "cross_entropy", {})

    tracemalloc.start()
    state.forward_backward(data, "cross_entropy", {})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 20e6  # 65,536 rows of both softmaxes at once would be 200 MB


def test_importing_the_model_imports_nothing_heavy() -> None:
    script = "import sys, mock_server.toy_model; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()

    assert not {"safetensors", "google.protobuf", "zstandard", "tokenizers", "transformers", "torch"} & set(loaded)
