"""What the server knows of a test's tenant, whatever its clients believe."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mock_server.admin_client import AdminClient


@dataclass(frozen=True)
class Run:
    """A training run as it is stored. checkpoints: their tinker paths, oldest first. operations: counts by state."""

    id: str
    session_id: str
    base_model: str
    rank: int
    status: str
    corrupted: bool
    optimizer_steps: int
    last_seq_id: int | None
    operations: dict[str, int]
    checkpoints: list[str]


class TenantAdmin:
    """The control plane for this tenant; docs/control-plane.md has all of it, for `ask`."""

    def __init__(self, client: AdminClient, api_key: str) -> None:
        self._client = client
        self._api_key = api_key

    def runs(self) -> list[Run]:
        """All training runs, oldest first."""
        return [_run(each) for each in self._client.get("/runs", api_key=self._api_key)["runs"]]

    def run(self, run_id: str | None = None) -> Run:
        """One run; without an id the only one, and AssertionError where there are several or none."""
        found = [each for each in self.runs() if run_id in {None, each.id}]
        if len(found) != 1:
            there = ", ".join(each.id for each in self.runs()) or "none"
            raise AssertionError(f"one run {'' if run_id is None else f'{run_id} '}was looked for; there are: {there}")
        return found[0]

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Any request to `/__admin{path}`, for this tenant where the body is an object: its api_key is filled in."""
        if body is not None:
            return self._client.ask(method, path, {"api_key": self._api_key, **body})
        return self._client.ask(method, path, query={"api_key": self._api_key})


def _run(given: dict[str, Any]) -> Run:
    known = {field.name: given[field.name] for field in fields(Run)}
    return Run(**known | {"checkpoints": [each["path"] for each in given["checkpoints"]]})
