"""Property 7: it is cheap in memory, in time, and independent of the size of the vocabulary but for its root."""

import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from time import process_time

import numpy as np

from benchmarks.toy_model_bench import bare_products, seconds, training_data
from mock_server.toy_model import AdamParams, BaseModel, Datum, LoraConfig, TrainingState


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


def test_forward_backward_stays_near_the_bare_products(qwen: BaseModel) -> None:
    state, data = TrainingState.fresh(qwen, LoraConfig(rank=32)), training_data(8192, 256)

    ours, bare = seconds(
        lambda: state.forward_backward(data, "cross_entropy", {}),
        bare_products(32, state.shape.width, backward=True),
    )

    assert ours < 3 * bare


def test_a_large_batch_is_held_in_pieces(qwen: BaseModel) -> None:
    state, data = TrainingState.fresh(qwen, LoraConfig(rank=32)), training_data(65_536, 1024)
    state.forward_backward(data[:1], "cross_entropy", {})

    tracemalloc.start()
    state.forward_backward(data, "cross_entropy", {})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 20e6  # 65,536 rows of both softmaxes at once would be 200 MB


def best_of(work: Callable[[], object], rounds: int = 5) -> float:
    times = []
    for _ in range(rounds):
        start = process_time()
        work()
        times.append(process_time() - start)
    return min(times)


def test_cost_is_linear_in_tokens_and_bears_a_hundredfold_vocabulary() -> None:
    def cost(vocab_size: int, tokens: int) -> float:
        state = TrainingState.fresh(BaseModel("m", vocab_size), LoraConfig(rank=8))
        ids = np.arange(tokens) % 1000
        data = [Datum(ids, {"target_tokens": ids})]
        state.forward_backward(data, "cross_entropy", {})
        return best_of(lambda: state.forward_backward(data, "cross_entropy", {}))

    small = cost(1_500, 4096)
    assert cost(1_500, 16_384) < 7 * small
    assert cost(150_000, 4096) < 20 * small  # the root of 100 is 10


def test_importing_the_model_imports_nothing_heavy() -> None:
    script = "import sys, mock_server.toy_model; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()

    assert not {"safetensors", "google.protobuf", "zstandard", "tokenizers", "transformers", "torch"} & set(loaded)
