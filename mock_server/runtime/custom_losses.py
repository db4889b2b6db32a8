"""Custom losses at work: from what loss_fn_config names to a loss that the model can be trained with.

What compiles them is imported at the first need: few servers ever see a custom loss, and all of them are to start fast.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from mock_server.domain import custom_losses
from mock_server.domain.errors import Invalid
from mock_server.domain.orders import CreateCustomLossOrder
from mock_server.store import Store
from mock_server.toy_model import Datum, InvalidInput
from mock_server.toy_model.losses import Loss

if TYPE_CHECKING:
    from mock_server.toy_model.custom_loss import Program

CREATE_CUSTOM_LOSS = "create_custom_loss"
CUSTOM = "custom"
"""What loss_fn is for all of them; loss_fn_config says which one."""
KEPT_PROGRAMS = 64

Prepare = Callable[[Mapping[str, float | str], Sequence[Datum]], tuple[Loss, list[Datum]]]
"""From loss_fn_config and data to the loss and the data as it takes them. Raises what makes an operation fail."""


def problem_of(order: CreateCustomLossOrder) -> str | None:
    """Why an uploaded graph can't be a loss here; None if it can."""
    from mock_server.toy_model.custom_loss import compile_loss  # noqa: PLC0415 - see above

    try:
        compile_loss(order.name, order.inputs, order.graph)
    except InvalidInput as problem:
        return str(problem)
    return None


class CustomLosses:
    """Programs by the run that uses them. A loss never changes, so one that was found once stays right."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._programs: OrderedDict[tuple[str, str], Program] = OrderedDict()

    def of_run(self, tenant: str, run_id: str) -> Prepare:
        """To be made on the event loop, where the database is read, and called on the executor's thread."""
        loop = asyncio.get_running_loop()

        def prepare(config: Mapping[str, float | str], data: Sequence[Datum]) -> tuple[Loss, list[Datum]]:
            from mock_server.toy_model.custom_loss import compile_loss, custom_loss  # noqa: PLC0415 - see above

            loss_id = _loss_id(config)
            program = self._programs.get((run_id, loss_id))
            if program is None:
                reading = self._store.read(custom_losses.usable, tenant, run_id, loss_id)
                row = asyncio.run_coroutine_threadsafe(reading, loop).result()
                program = compile_loss(row.name, row.inputs, row.graph)
                self._programs[run_id, loss_id] = program
                if len(self._programs) > KEPT_PROGRAMS:
                    self._programs.popitem(last=False)
            self._programs.move_to_end((run_id, loss_id))
            return custom_loss(program, data)

        return prepare


def _loss_id(config: Mapping[str, float | str]) -> str:
    loss_id = config.get("loss_id")
    if not isinstance(loss_id, str) or len(config) > 1:
        raise Invalid(
            f"loss_fn_config of loss_fn {CUSTOM!r} has the keys {sorted(config)}: give loss_id alone, as text"
        )
    return loss_id
