"""The toy model by itself, in a process of its own: BLAS must be told to use one thread before numpy is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from benchmarks.series import Figure

FORWARD_BACKWARD = "toy model, forward_backward"
FORWARD = "toy model, forward"
OTHER = "toy model"
TOKENS = "times the cost, for 4 times the tokens"
VOCABULARY = "times the cost, for 100 times the vocabulary"

_PRINT = "import json; from benchmarks.toy_model_bench import measure; print(json.dumps(measure()))"


def figures() -> list[Figure]:
    """Processor time per token against that of the bare numpy products and exponentials of the same shapes."""
    answer = subprocess.run(
        [sys.executable, "-c", _PRINT],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )
    measured: dict[str, float] = json.loads(answer.stdout)
    return [
        _per_token(
            FORWARD_BACKWARD, measured["forward_backward_tokens_a_second"], measured["forward_backward_over_bare"]
        ),
        _per_token(FORWARD, measured["forward_tokens_a_second"], measured["forward_over_bare"]),
        Figure(OTHER, "small forward_backward, ms", measured["small_forward_backward_ms"]),
        Figure(OTHER, "optim_step, ms", measured["optim_step_ms"]),
        Figure(OTHER, "decoded tokens per second", measured["decode_tokens_a_second"]),
        Figure(OTHER, "samples per second", measured["sample_requests_a_second"]),
        Figure(OTHER, "MB a run", measured["bytes_a_run"] / 1e6),
        Figure(OTHER, TOKENS, measured["four_times_the_tokens"]),
        Figure(OTHER, VOCABULARY, measured["a_hundred_times_the_vocabulary"]),
    ]


def _per_token(name: str, tokens_a_second: float, over_bare: float) -> Figure:
    microseconds = 1e6 / tokens_a_second
    return Figure(name, "us a token", microseconds, microseconds / over_bare, over_bare, "products")
