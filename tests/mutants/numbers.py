"""Servers whose numbers are wrong: steps, gradients, losses, log-probabilities."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mock_server.runtime import training
from mock_server.toy_model import TrainingState
from tests.mutants.surgery import mutant, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable


def _results(change: Callable[[Any], Any]) -> None:
    """Let every forward_backward and forward tell `change(its result)`."""
    wrapped(training, "encode_forward_backward", lambda encode: lambda result: encode(change(result)))


@mutant(killed_by="step-is-one-of-adam")
def step_doubled() -> None:
    """Makes each optimizer step twice."""

    def twice(step: Callable[..., Any]) -> Callable[..., Any]:
        def steps(state: TrainingState, params: Any) -> Any:
            gradient = None if state.gradient is None else state.gradient.copy()
            metrics = step(state, params)
            state.gradient = gradient
            step(state, params)
            return metrics

        return steps

    wrapped(TrainingState, "optim_step", twice)


@mutant(killed_by="every-step-lowers-the-loss")
def step_lost() -> None:
    """Reports every third optimizer step as made, and does not make it."""
    counter = itertools.count(1)

    def lose(step: Callable[..., Any]) -> Callable[..., Any]:
        def steps(state: TrainingState, params: Any) -> Any:
            if next(counter) % 3 == 0:
                state.gradient = None
            return step(state, params)

        return steps

    wrapped(TrainingState, "optim_step", lose)


@mutant(killed_by="learning-rate-counts")
def learning_rate_ignored() -> None:
    """Steps with a learning rate of its own."""

    def ignore(step: Callable[..., Any]) -> Callable[..., Any]:
        def steps(state: TrainingState, params: Any) -> Any:
            return step(state, replace(params, learning_rate=1e-4))

        return steps

    wrapped(TrainingState, "optim_step", ignore)


@mutant(killed_by="step-is-one-of-adam")
def gradients_kept() -> None:
    """Keeps the gradients after an optimizer step, so that the next one counts them again."""

    def keep(step: Callable[..., Any]) -> Callable[..., Any]:
        def steps(state: TrainingState, params: Any) -> Any:
            gradient = None if state.gradient is None else state.gradient.copy()
            metrics = step(state, params)
            state.gradient = gradient
            return metrics

        return steps

    wrapped(TrainingState, "optim_step", keep)


@mutant(killed_by="gradients-add-up")
def gradients_replaced() -> None:
    """Forgets the gradients of a batch when the next one comes, instead of adding them up."""

    def forget(run: Callable[..., Any]) -> Callable[..., Any]:
        def runs(state: TrainingState, *args: Any, forward_only: bool = False, **more: Any) -> Any:
            if not forward_only:
                state.gradient = None
            return run(state, *args, forward_only=forward_only, **more)

        return runs

    wrapped(TrainingState, "forward_backward", forget)


@mutant(killed_by="forward-leaves-no-gradients")
def forward_trains() -> None:
    """Leaves gradients behind when only a forward pass was asked for."""

    def train(run: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args, forward_only=False, **more: run(*args, forward_only=False, **more)

    wrapped(TrainingState, "forward_backward", train)


@mutant(killed_by="loss-sum-is-the-sum")
def loss_is_a_mean() -> None:
    """Tells the mean loss under the name of the sum."""

    def mean(result: Any) -> Any:
        tokens = sum(each["logprobs"].size for each in result.outputs) or 1
        return replace(result, metrics={**result.metrics, "loss:sum": result.metrics["loss:sum"] / tokens})

    _results(mean)


@mutant(killed_by="metric-keys-have-one-colon", during="loss-sum-is-the-sum")
def metrics_without_a_colon() -> None:
    """Names its metrics without how they are to be combined, on which the SDK fails."""
    _results(
        lambda result: replace(
            result, metrics={name.partition(":")[0]: value for name, value in result.metrics.items()}
        )
    )


@mutant(killed_by="logprobs-of-each-target")
def logprobs_one_short() -> None:
    """Returns one log-probability too few for each datum."""
    _results(lambda result: replace(result, outputs=[{"logprobs": each["logprobs"][:-1]} for each in result.outputs]))


@mutant(killed_by="logprobs-of-each-target")
def data_in_reverse() -> None:
    """Returns the outputs of a batch's data in reverse order."""
    _results(lambda result: replace(result, outputs=result.outputs[::-1]))


@mutant(killed_by="loss-sum-is-the-sum")
def logprobs_of_nothing() -> None:
    """Returns log-probabilities of zero, which is certainty."""
    _results(
        lambda result: replace(
            result, outputs=[{"logprobs": np.zeros_like(each["logprobs"])} for each in result.outputs]
        )
    )


@mutant(killed_by="equal-runs-are-equal")
def numbers_drift() -> None:
    """Gives two equal runs different numbers."""
    counter = itertools.count()

    def drift(result: Any) -> Any:
        return replace(result, metrics={**result.metrics, "loss:sum": result.metrics["loss:sum"] + next(counter) * 0.5})

    _results(drift)


@mutant(killed_by="loss-sum-is-the-sum")
def weights_ignored() -> None:
    """Counts every target token, whatever its weight."""

    def ignore(decode: Callable[..., Any]) -> Callable[..., Any]:
        def decodes(*args: Any) -> Any:
            request = decode(*args)
            data = [
                replace(
                    datum,
                    inputs={
                        name: np.ones_like(value) if name == "weights" else value
                        for name, value in datum.inputs.items()
                    },
                )
                for datum in request.data
            ]
            return replace(request, data=data)

        return decodes

    wrapped(training, "decode_training_request", ignore)
