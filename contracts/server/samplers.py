"""A sampler of the reference client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from contracts.verdicts import Violation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from contracts.exchange import Exchange
    from contracts.server.tenant import Tenant


class Drawn(NamedTuple):
    """One sampled sequence."""

    tokens: list[int]
    logprobs: list[float]
    stop_reason: str


class Sampler:
    """A sampling session with its count of seq_ids. Submissions return the exchange."""

    def __init__(self, tenant: Tenant, sampler_id: str) -> None:
        self.tenant = tenant
        self.id = sampler_id
        self.next_seq_id = 0

    @classmethod
    def new(
        cls, tenant: Tenant, model_path: str | None = None, *, session_id: str | None = None, number: int = 0
    ) -> Sampler:
        """Of a checkpoint, or of the base model."""
        of = {"base_model": tenant.base_model()} if model_path is None else {"model_path": model_path}
        created = tenant.post(
            "/create_sampling_session",
            session_id=session_id or tenant.session(),
            sampling_session_seq_id=number,
            **of,
        )
        return cls(tenant, tenant.field(created, "sampling_session_id"))

    def ask(
        self,
        prompt: Sequence[int],
        *,
        seq_id: int | None = None,
        num_samples: int = 1,
        sampling_params: Mapping[str, object] | None = None,
        **fields: object,
    ) -> Exchange:
        """POST of a sample of at most 8 tokens, under the next number if none is given."""
        if seq_id is None:
            seq_id, self.next_seq_id = self.next_seq_id, self.next_seq_id + 1
        return self.tenant.post(
            "/asample",
            sampling_session_id=self.id,
            seq_id=seq_id,
            num_samples=num_samples,
            prompt={"chunks": [{"type": "encoded_text", "tokens": list(prompt)}]},
            sampling_params={"max_tokens": 8, "stop": []} | dict(sampling_params or {}),
            **fields,
        )

    def sample(self, prompt: Sequence[int], *, num_samples: int = 1, **sampling_params: object) -> list[Drawn]:
        """What was drawn. sampling_params: those of `asample`, where 8 tokens without a stop will not do."""
        return self.drawn(self.ask(prompt, num_samples=num_samples, sampling_params=sampling_params))

    def drawn(self, submitted: Exchange) -> list[Drawn]:
        """What was drawn for a submission."""
        result = self.tenant.result(submitted)
        try:
            return [Drawn(each["tokens"], each["logprobs"], each["stop_reason"]) for each in result["sequences"]]
        except (LookupError, TypeError):
            raise Violation(
                "the result has no sequences of tokens, logprobs and stop_reason", submitted, *self.tenant.last
            ) from None

    def prompt_logprobs(self, prompt: Sequence[int]) -> list[float | None]:
        """The log-probability of each token of a prompt, after those before it; None for the first."""
        submitted = self.ask(prompt, sampling_params={"max_tokens": 1}, prompt_logprobs=True)
        result: Any = self.tenant.result(submitted)
        found = result.get("prompt_logprobs") if isinstance(result, dict) else None
        if not isinstance(found, list) or len(found) != len(prompt):
            raise Violation(f"the result has no {len(prompt)} prompt_logprobs", submitted, *self.tenant.last)
        return found
