"""A training run of the reference client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from contracts.server.batches import as_json, datum
from contracts.server.tenant import answer_of, header_names
from contracts.verdicts import Violation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from contracts.exchange import Exchange
    from contracts.server.batches import Datum
    from contracts.server.tenant import Tenant

TOKENS: Final = tuple(range(10, 26))
RANK: Final = 8


class Run:
    """A run with its count of seq_ids. Submissions return the exchange; `tenant.result` waits for them."""

    def __init__(self, tenant: Tenant, model_id: str) -> None:
        self.tenant = tenant
        self.id = model_id
        self.last_seq_id = 0

    @classmethod
    def new(
        cls, tenant: Tenant, session_id: str | None = None, *, model_seq_id: int = 0, seed: int = 7, **fields: Any
    ) -> Run:
        """A fresh run, ready to train. seed: of its adapter, so that two runs are alike. fields: of create_model."""
        lora_config = {"rank": RANK, "seed": seed} | fields.pop("lora_config", {})
        submitted = tenant.post(
            "/create_model",
            session_id=session_id or tenant.session(),
            model_seq_id=model_seq_id,
            base_model=tenant.base_model(),
            lora_config=lora_config,
            **fields,
        )
        return cls._made(tenant, submitted, tenant.result(submitted))

    @classmethod
    def restored(
        cls, tenant: Tenant, path: str, *, optimizer: bool = True, session_id: str | None = None, model_seq_id: int = 0
    ) -> Run:
        """A new run that begins with a checkpoint."""
        submitted = tenant.post(
            "/load_weights",
            session_id=session_id or tenant.session(),
            model_seq_id=model_seq_id,
            path=path,
            optimizer=optimizer,
        )
        tenant.result(submitted)
        return cls._made(tenant, submitted, answer_of(submitted).json)

    @classmethod
    def _made(cls, tenant: Tenant, submitted: Exchange, made: Any) -> Run:
        if not isinstance(made, dict) or not isinstance(made.get("model_id"), str):
            raise Violation("the new run is not named: no model_id", submitted)
        return cls(tenant, made["model_id"])

    def next_seq_id(self) -> int:
        self.last_seq_id += 1
        return self.last_seq_id

    def place(self, checkpoint_id: str) -> str:
        """Where a checkpoint (`weights/a`) stands below /api/v1, as clients write it: slash and colons raw."""
        return f"/training_runs/{self.id}/checkpoints/{checkpoint_id}"

    def checkpoints(self) -> list[dict[str, Any]]:
        """Its checkpoints, as its list shows them."""
        answer = self.tenant.get(f"/training_runs/{self.id}/checkpoints")
        value = self.tenant.ok(answer)
        if not isinstance(value, dict) or not isinstance(value.get("checkpoints"), list):
            raise Violation("the list has no checkpoints", answer)
        return list(value["checkpoints"])

    # Submissions, under the next number if none is given.

    def submit(self, route: str, fields: Mapping[str, object], seq_id: int | None = None, **headers: str) -> Exchange:
        """POST of a numbered operation. headers: their names with `_` for `-`."""
        number = self.next_seq_id() if seq_id is None else seq_id
        body = {"model_id": self.id, "seq_id": number, **fields}
        return self.tenant.send("POST", route, body, headers=header_names(headers))

    def forward_backward(self, *data: Datum, seq_id: int | None = None, loss_fn: str = "cross_entropy") -> Exchange:
        """Of the same datum each time, where none is given."""
        batch = as_json(data or [datum(TOKENS)], loss_fn)
        return self.submit("/forward_backward", {"forward_backward_input": batch}, seq_id)

    def forward(self, *data: Datum, seq_id: int | None = None) -> Exchange:
        """The same without gradients."""
        return self.submit("/forward", {"forward_input": as_json(data or [datum(TOKENS)])}, seq_id)

    def optim_step(self, *, seq_id: int | None = None, learning_rate: float = 1e-3, **adam: float) -> Exchange:
        """adam: beta1, beta2, eps, weight_decay, grad_clip_norm."""
        return self.submit("/optim_step", {"adam_params": {"learning_rate": learning_rate, **adam}}, seq_id)

    def load(self, path: str, *, optimizer: bool = True) -> Exchange:
        """Load a checkpoint into this run."""
        return self.submit("/load_weights", {"path": path, "optimizer": optimizer})

    # The same with what they must lead to.

    def step(self, *data: Datum, learning_rate: float = 1e-3) -> None:
        """Learn a batch once."""
        self.tenant.result(self.forward_backward(*data))
        self.tenant.result(self.optim_step(learning_rate=learning_rate))

    def loss(self, *data: Datum) -> float:
        """What `forward` tells as `loss:sum`, without leaving gradients."""
        return self.loss_of(self.forward(*data))

    def loss_of(self, submitted: Exchange) -> float:
        """The metric `loss:sum` of a batch that was submitted."""
        return loss_sum(self.tenant.result(submitted), submitted)

    def save(self, name: str, *, kind: str = "weights", **fields: object) -> str:
        """The path of a new checkpoint. kind: weights, sampler_weights or external_weights."""
        return self.saved(self.submit(SAVES[kind], {"path": name, **fields}))

    def saved(self, submitted: Exchange) -> str:
        """The path of a checkpoint whose save was submitted."""
        return self.tenant.told(submitted, "path")


def loss_sum(result: Any, shown: Exchange) -> float:
    """The metric `loss:sum` of a batch's result in JSON. Violation, with what shows it: it has none."""
    try:
        return float(result["metrics"]["loss:sum"])
    except (LookupError, TypeError, ValueError):
        raise Violation("the result has no metric loss:sum", shown) from None


SAVES: Final = {
    "weights": "/save_weights",
    "sampler_weights": "/save_weights_for_sampler",
    "external_weights": "/save_weights_external",
}
