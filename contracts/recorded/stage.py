"""Gives the judged server what a capture's server had before its first request: sessions, runs, checkpoints."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from contracts.recorded.caller import PREFIX

if TYPE_CHECKING:
    from contracts.recorded.caller import Caller
    from contracts.recorded.names import Names
    from contracts.recorded.scene import Scene

BASE_MODEL: Final = "Qwen/Qwen3-8B"
RANK: Final = 16
"""That of the runs which the recorded clients load its checkpoints into."""
METADATA: Final = {"a": "b"}
TTL_SECONDS: Final = 86400
"""So that all that a checkpoint may say of itself is there."""
SAVES: Final = {
    "weights": "/save_weights",
    "sampler_weights": "/save_weights_for_sampler",
    "external_weights": "/save_weights_external",
}


class Stage:
    """The props. A checkpoint that a client deleted is made again for the next request that names it.

    Most captures' servers deleted nothing, so their clients used what they had deleted.
    """

    def __init__(self, caller: Caller, names: Names, scene: Scene) -> None:
        self._caller = caller
        self._names = names
        self._scene = scene
        self._seq_ids: dict[str, int] = {}
        self._missing: set[tuple[str, str]] = set()

    def set_up(self) -> None:
        """NoAnswer: the server can't hold it."""
        for session in self._scene.sessions:
            self._names.learn(session, self._session())
        for run, checkpoints in self._scene.runs.items():
            new = {
                "session_id": self._session(),
                "model_seq_id": 0,
                "base_model": BASE_MODEL,
                "lora_config": {"rank": RANK},
                "user_metadata": METADATA,
            }
            self._names.learn(run, self._caller.name("model_id", "/create_model", new))
            for checkpoint in checkpoints:
                self._save(run, checkpoint)

    def prepare(self, path: str, body: str) -> None:
        """Make again what this recorded request names; for a signed address, which hides what it names, everything."""
        for run, checkpoint in sorted(self._missing):
            if not path.startswith(PREFIX) or _mentions(f"{path} {body}", run, checkpoint):
                self._save(run, checkpoint)

    def deleted(self, path: str) -> None:
        """A client deleted what this recorded path names."""
        for run, checkpoints in self._scene.runs.items():
            for checkpoint in checkpoints:
                if path.endswith(f"/{run}/checkpoints/{checkpoint}"):
                    self._missing.add((run, checkpoint))

    def _session(self) -> str:
        return self._caller.name("session_id", "/create_session", {"tags": [], "sdk_version": "0.38.0"})

    def _save(self, run: str, checkpoint: str) -> None:
        kind, _, name = checkpoint.partition("/")
        self._seq_ids[run] = self._seq_ids.get(run, 0) + 1
        save = {"model_id": self._names.text(run), "seq_id": self._seq_ids[run], "path": name}
        self._caller.ask(SAVES[kind], save | {"user_metadata": METADATA, "ttl_seconds": TTL_SECONDS})
        self._missing.discard((run, checkpoint))


def _mentions(request: str, run: str, checkpoint: str) -> bool:
    return (
        re.search(rf"(?<![\w-]){re.escape(run)}/(checkpoints/)?{re.escape(checkpoint)}(?![\w-])", request) is not None
    )
