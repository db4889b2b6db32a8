"""What a chain of requests has come by: the ids and paths that the server answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Known(Protocol):
    """Who can say what a tenant has."""

    spent: bool

    def get(self, what: str) -> str | None:
        """The id or path of a thing; None where there is none."""
        ...

    def next_seq_id(self) -> int:
        """The next number of the run."""
        ...


class Memory:
    """Of one chain: the last of each kind of thing."""

    def __init__(self, base_model: str | None) -> None:
        self.spent = False
        self._known: dict[str, str] = {} if base_model is None else {"base_model": base_model}
        self._numbers: dict[str, int] = {}

    def get(self, what: str) -> str | None:
        """See Known."""
        return self._known.get(what)

    def next_seq_id(self) -> int:
        """See Known; each run has its own."""
        run = self._known.get("run", "")
        self._numbers[run] = self._numbers.get(run, 0) + 1
        return self._numbers[run]

    def learn(self, operation: str, answer: Any) -> None:
        """Remember what a successful answer names. answer: its JSON."""
        if not isinstance(answer, dict):
            return
        self._keep(answer, {"session_id": "session", "model_id": "run", "sampling_session_id": "sampler"})
        if operation == "asample":
            self._keep(answer, {"request_id": "sample"})
        self._keep(answer, {"request_id": "request"})
        for name in ("path", "tinker_path"):
            path = answer.get(name)
            if isinstance(path, str) and path.count("/") == 4:
                self._known[path.split("/")[3]] = path

    def _keep(self, answer: Mapping[str, Any], names: Mapping[str, str]) -> None:
        for name, what in names.items():
            if isinstance(answer.get(name), str):
                self._known[what] = answer[name]
