"""Tinkex's recovery layer (recovery/monitor.ex, recovery/executor.ex): a corrupted run is found and restored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from client_tests.tinkex.tinkex import TinkexError

if TYPE_CHECKING:
    from client_tests.tinkex.tinkex import Tinkex


@dataclass
class Recovery:
    """events: what telemetry would tell, in order. recovered: the new model, once there is one."""

    client: Tinkex
    max_attempts: int = 3
    restore_optimizer: bool = True
    events: list[str] = field(default_factory=list)
    recovered: str | None = None
    failure: str | None = None

    def watch(self, run: str, polls: int = 5, checkpoint: str | None = None) -> None:
        """Poll a run until it is found corrupted, then recover it. checkpoint: the strategy `{:specific, path}`."""
        for _ in range(polls):
            try:
                found = self.client.call("GET", f"training_runs/{run}")
            except TinkexError:
                self.events.append("poll_error")
                continue
            if found["corrupted"] in (True, "true"):
                self.events.append("detected")
                self._execute(found, checkpoint)
                return

    def _execute(self, run: dict[str, Any], specific: str | None) -> None:
        # The run is never asked for again: every attempt uses what was found first.
        last = run["last_checkpoint"]
        for attempt in range(1, self.max_attempts + 1):
            if attempt == 1:
                self.events.append("started")
            path = specific or (last and last["tinker_path"])
            try:
                if path is None:
                    raise TinkexError("validation", "user", "missing_checkpoint")  # noqa: TRY301 - as the other failures
                if attempt == 1:
                    self.events.append("checkpoint_selected")
                self.recovered = restore(self.client, path, optimizer=self.restore_optimizer)
            except TinkexError as error:
                self.failure = error.message
                self.events.append("failed")
                self.client.sleep(min(5.0 * 2 ** (attempt - 1), 60.0))
                continue
            self.events += ["client_created", "completed"]
            return
        self.events.append("exhausted")


def restore(client: Tinkex, path: str, *, optimizer: bool) -> str:
    """create_training_client_from_state[_with_optimizer]: the model's number is counted on only by full success."""
    info = client.call("POST", "weights_info", {"tinker_path": path})
    parts = {
        name: True if info.get(name) is None else info[name] for name in ("train_mlp", "train_attn", "train_unembed")
    }
    model = client.create_model(info.get("lora_rank") or 32, info["base_model"], **parts)
    client.load(model, path, optimizer=optimizer)
    client._models += 1
    return model
