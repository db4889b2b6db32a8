"""A program as one of the toy model's losses: run on each datum, the losses summed, the metrics by their suffix."""

from collections.abc import Mapping, Sequence

import numpy as np

from mock_server.toy_model.custom_loss.evaluation import evaluate
from mock_server.toy_model.custom_loss.program import LossInput, Program
from mock_server.toy_model.custom_loss.tape import Work
from mock_server.toy_model.errors import InvalidInput
from mock_server.toy_model.losses import Loss, Terms
from mock_server.toy_model.values import Array, Datum, Int64s


def custom_loss(program: Program, data: Sequence[Datum]) -> tuple[Loss, list[Datum]]:
    """The loss on these data, and the data as it takes them.

    What it reads of their loss_fn_inputs is bound to it, since that may have any shape; only target_tokens are left to
    the model. What it does not read may be there too: the SDK sends data unchanged. Raises InvalidInput.
    """
    bound = [_bound(program, i, datum) for i, datum in enumerate(data)]
    targets = [
        Datum(datum.tokens, {name: value for name, value in datum.inputs.items() if name == "target_tokens"})
        for datum in data
    ]
    shapes = [datum.inputs["target_tokens"].shape for datum in data]

    def formula(logprobs: Array, _inputs: Mapping[str, Array], _settings: Mapping[str, float], starts: Int64s) -> Terms:
        work = Work()
        slope = np.zeros_like(logprobs)
        totals: dict[str, float] = {}
        for i, (start, shape, inputs) in enumerate(zip(starts.tolist(), shapes, bound, strict=True)):
            part = slice(start, start + int(np.prod(shape)))
            try:
                result = evaluate(program, logprobs[part].reshape(shape), inputs, work)
            except InvalidInput as error:
                raise InvalidInput(f"custom loss {program.name!r} on datum {i}: {error}") from error
            with np.errstate(over="ignore"):  # what does not fit in float32 becomes inf and is named here
                slope[part] = result.slope.reshape(-1)
            _check_finite(program, i, result.loss, result.metrics, slope[part])
            totals["loss:sum"] = totals.get("loss:sum", 0.0) + result.loss
            for key, value in result.metrics.items():
                share = value / len(data) if key.endswith(":mean") else value
                totals[key] = totals.get(key, 0.0) + share
        return Terms(losses=np.zeros_like(logprobs), slope=slope, totals=totals)

    # whole_data: one call sees every logprob, however the network cuts the batch.
    return Loss("custom", formula, many_targets=True, whole_data=True), targets


def _bound(program: Program, i: int, datum: Datum) -> list[Array]:
    logprobs, *others = program.inputs
    _checked(program, i, datum, logprobs, "target_tokens")
    return [_checked(program, i, datum, entry, entry.name) for entry in others]


def _checked(program: Program, i: int, datum: Datum, entry: LossInput, key: str) -> Array:
    value = datum.inputs.get(key)
    if value is None:
        raise InvalidInput(f"loss_fn_inputs.{key} of datum {i} is missing: custom loss {program.name!r} takes it")
    if entry.rank == 0 and value.shape == (1,):
        value = value.reshape(())  # the protobuf wire has one form for both
    if value.ndim != entry.rank:
        raise InvalidInput(
            f"loss_fn_inputs.{key} of datum {i} has {value.ndim} dimensions: custom loss {program.name!r} declared "
            f"{entry.name} with {entry.rank}"
        )
    return value


def _check_finite(program: Program, i: int, loss: float, metrics: Mapping[str, float], slope: Array) -> None:
    wrong = next(((key, value) for key, value in metrics.items() if not np.isfinite(value)), None)
    if not np.isfinite(loss):
        what, value = "the loss", loss
    elif not np.isfinite(slope).all():
        target = int(np.flatnonzero(~np.isfinite(slope))[0])
        what, value = f"the slope by the logprob of target {target}", slope[target]
    elif wrong is not None:
        what, value = f"the metric {wrong[0]}", wrong[1]
    else:
        return
    raise InvalidInput(
        f"custom loss {program.name!r} on datum {i}: {what} is {value}: keep logarithms, roots and divisions away "
        "from 0, and exponentials small"
    )
