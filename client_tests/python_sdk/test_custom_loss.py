"""Losses written in torch: the same numbers whether the SDK runs them itself or the server does.

`custom_loss_server_side` of client/config decides; both of its values must work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from client_tests.harness.sdk import Sdk

if TYPE_CHECKING:
    from collections.abc import Callable

    from client_tests.harness.sdk import Runner
    from client_tests.harness.server import Server

WITH_TORCH: Final = "0.38.0-torch"


@pytest.fixture
def in_client(server: Server, runner_of: Callable[[str], Runner], key: str) -> Sdk:
    """Where the SDK runs the loss: one forward to the server, torch, and one forward_backward with what came of it."""
    return Sdk(runner_of(WITH_TORCH), server.url, key)


@pytest.fixture
def on_server(server_with: Callable[..., Server], runner_of: Callable[[str], Runner], key: str) -> Sdk:
    """Where the server runs it."""
    server = server_with(client_config={"custom_loss_server_side": True})
    return Sdk(runner_of(WITH_TORCH), server.url, key)


def train_with_each_loss(service_client: Any, kit: Any, tinker: Any) -> dict[str, Any]:  # noqa: C901, PLR0915 - a list of losses
    """For each loss: its value, its metrics, the gradient's length, and the logprobs after two steps with it."""
    import math

    import torch  # type: ignore[import-not-found]  # it is in the SDK's environment only
    from torch.nn import functional as F  # type: ignore[import-not-found]  # noqa: N812 - as everybody calls it

    def likelihood(logprobs: Any, weights: Any) -> Any:
        loss = -(logprobs * weights).sum()
        return loss, {"custom/nll:sum": loss, "custom/nll:mean": loss}

    def ppo(logprobs: Any, sampled: Any, advantages: Any, mask: Any) -> Any:
        ratio = torch.exp(logprobs - sampled)
        clipped = torch.clamp(ratio, 1 - 0.2, 1 + 0.28)
        loss = -(torch.min(ratio * advantages, clipped * advantages) * mask).sum() / mask.sum().clamp(min=1)
        return loss, {"custom/clipped:mean": ((ratio != clipped) & (mask > 0)).float().mean()}

    def grpo(logprobs: Any, sampled: Any, reference: Any, reward: Any, mask: Any) -> Any:
        drift = reference - logprobs
        kl = (drift.exp() - drift - 1).clamp(max=10.0)
        ratio = (logprobs - sampled.detach()).exp()
        per_token = torch.where(mask.bool(), -ratio * reward + 0.04 * kl, torch.zeros_like(kl))
        return per_token.sum() / mask.sum(), {"custom/kl:mean": (kl * mask).sum() / mask.sum()}

    def gspo(logprobs: Any, sampled: Any, reward: Any, mask: Any) -> Any:
        marked = mask.bool()
        ratio = (logprobs - sampled)[marked].mean().exp()
        loss = -torch.minimum(ratio * reward, ratio.clip(0.2, 5.0) * reward) * math.sqrt(logprobs.shape[0])
        return loss, {}

    def dpo(logprobs: Any, reference: Any, chosen: Any, rejected: Any) -> Any:
        gained = logprobs - reference
        margin = 0.1 * ((gained * chosen).sum() - (gained * rejected).sum())
        return -F.logsigmoid(margin), {"custom/right:mean": (margin > 0).float(), "custom/margin:sum": margin}

    def simpo(logprobs: Any, chosen: Any, rejected: Any) -> Any:
        better = (logprobs * chosen).sum() / chosen.sum()
        worse = (logprobs * rejected).sum() / rejected.sum()
        return F.softplus(0.5 - 2.0 * (better - worse)), {}

    def distilled(logprobs: Any, teacher: Any) -> Any:
        student = F.log_softmax(logprobs, dim=-1)
        loss = F.kl_div(student, teacher, reduction="none").sum(-1)
        spread = -(student.exp() * student).sum(dim=-1)
        return loss.mean() - 0.01 * spread.mean(), {"custom/entropy:mean": spread.mean()}

    def contrastive(logprobs: Any, right: Any) -> Any:
        picked = logprobs.gather(1, right.unsqueeze(-1)).squeeze(-1)
        best = logprobs.max(dim=1)
        loss = (torch.logsumexp(logprobs, dim=1) - picked).sum() + F.huber_loss(picked, best.values, reduction="sum")
        return loss, {"custom/right:mean": (best.indices == right).double().mean()}

    def weighted_by_rank(logprobs: Any) -> Any:
        order = logprobs.argsort(dim=0)
        weights = torch.linspace(0, 1, logprobs.shape[0])[order]
        centred = (logprobs - logprobs.mean()) / (logprobs.std() + 1e-6)
        return (weights * centred.cumsum(0)).sum() + logprobs[-3:].square().mean(), {}

    # So large an eps makes Adam's step proportional to the gradient. With the usual one, whatever is 0 but for
    # rounding, as in a softmax's slopes, would take a full step in a random direction.
    adam = tinker.types.AdamParams(learning_rate=1.0, eps=1e5)
    tokens = kit.TOKENS
    n = len(tokens) - 1

    def datum(shift: int, targets: Any, **inputs: Any) -> Any:
        return tinker.types.Datum(
            model_input=tinker.types.ModelInput.from_ints([token + shift for token in tokens[:-1]]),
            loss_fn_inputs={"target_tokens": targets, **inputs},
        )

    one_each = [torch.tensor([token + shift for token in tokens[1:]]) for shift in (0, 3, 40)]
    two_each = [torch.stack([targets, targets + 7], dim=1) for targets in one_each]

    def flat(output: Any) -> list[float]:
        return [logprob for datum in kit.logprobs(output) for logprob in datum]

    def with_each(loss: Any, **ranks: int) -> dict[str, Any]:
        trainer = kit.trainer(service_client)
        targets = two_each if ranks["logprobs"] == 2 else one_each
        bare = [datum(i, each) for i, each in enumerate(targets)]
        now = trainer.forward(bare, "cross_entropy").result()
        data = []
        for i, each in enumerate(targets):
            noise = torch.sin(torch.arange(n) * (i + 1.0))
            half = (torch.arange(n) < n // 2).float()
            known = {
                "weights": noise,
                "sampled": now.loss_fn_outputs[i]["logprobs"].to_torch() + 0.3 * noise
                if targets is one_each
                else noise,
                "reference": noise - 5,
                "advantages": noise.flip(0),
                "mask": (noise > -0.5).long(),
                "reward": torch.tensor(0.5 - i),
                "chosen": half,
                "rejected": 1 - half,
                "teacher": torch.softmax(torch.stack([noise, -noise], dim=1), dim=-1),
                "right": (noise > 0).long(),
            }
            data.append(datum(i, each, **{name: known[name] for name in ranks if name != "logprobs"}))
        handle = service_client.create_custom_loss(loss, ranks).result()
        results = []
        for _ in range(2):
            result = trainer.forward_backward_custom(data, handle).result()
            step = trainer.optim_step(adam).result()
            metrics = {name: value for name, value in result.metrics.items() if not name.startswith("surrogate")}
            results.append({**metrics, "grad_norm": step.metrics["grad_norm"]})
        after = trainer.forward(bare, "cross_entropy").result()
        return {
            "uploaded": handle.loss_id is not None,
            "steps": results,
            "before": flat(now),
            "after": flat(after),
        }

    return {
        "likelihood": with_each(likelihood, logprobs=1, weights=1),
        "ppo": with_each(ppo, logprobs=1, sampled=1, advantages=1, mask=1),
        "grpo": with_each(grpo, logprobs=1, sampled=1, reference=1, reward=0, mask=1),
        "gspo": with_each(gspo, logprobs=1, sampled=1, reward=0, mask=1),
        "dpo": with_each(dpo, logprobs=1, reference=1, chosen=1, rejected=1),
        "simpo": with_each(simpo, logprobs=1, chosen=1, rejected=1),
        "distilled": with_each(distilled, logprobs=2, teacher=2),
        "contrastive": with_each(contrastive, logprobs=2, right=1),
        "weighted_by_rank": with_each(weighted_by_rank, logprobs=1),
    }


def test_the_server_gives_the_numbers_that_the_sdk_would(in_client: Sdk, on_server: Sdk) -> None:
    here, there = in_client.run(train_with_each_loss, timeout=170), on_server.run(train_with_each_loss, timeout=170)
    assert {loss["uploaded"] for loss in here.values()} == {False}
    assert {loss["uploaded"] for loss in there.values()} == {True}
    for name, ours in there.items():
        for mine, known in zip(ours["steps"], here[name]["steps"], strict=True):
            assert mine == pytest.approx(known, rel=1e-4, abs=1e-5), name
            assert mine["grad_norm"] > 0, name
        assert ours["after"] != pytest.approx(ours["before"], rel=1e-3, abs=1e-2), name
        assert ours["after"] == pytest.approx(here[name]["after"], rel=1e-5, abs=1e-4), name


def test_operations_mean_what_they_mean_in_torch(on_server: Sdk) -> None:
    def program(service_client: Any, kit: Any, tinker: Any) -> dict[str, list[float]]:
        import torch
        from torch.nn import functional as F  # noqa: N812

        expressions = """
            x.exp() | torch.log(-x) | torch.log1p(x.exp()) | torch.sqrt(-x) | torch.sigmoid(x) | torch.tanh(x)
            abs(x) | torch.erf(x) | x ** 2 | 2 ** x | x % 0.7 | x // 0.7 | 1 - x | x / a | torch.remainder(a, x)
            torch.fmod(a, x) | torch.add(x, a, alpha=2) | torch.div(x, a, rounding_mode="trunc")
            torch.lerp(x, a, 0.25) | torch.atan2(x, a) | torch.logaddexp(x, a) | torch.special.xlogy(-x, -x)
            torch.addcdiv(x, a, x) | torch.hypot(x, a) | x.round() | torch.where(m > 0, x, 0.0)
            x.masked_fill(m == 0, 1.5) | x.clamp(a - 1, a) | torch.clip(x, max=-3.0)
            (~((m > 0) & (x < -2))) * x | torch.logical_xor(m > 0, x < -2) * x | (x >= a).float() + x
            m / 2 + x | x.var() | x.std(unbiased=False) | x.norm(p=3) | torch.linalg.vector_norm(x) | x.prod()
            x.amin(0) | x.median() | x.argmax() + x | x.topk(2).values | torch.sort(x, descending=True)[0] * a
            x.cumprod(0) | x.cummax(0)[0] * a | torch.logcumsumexp(x, 0) | x.min(dim=0).indices + x
            torch.count_nonzero(x < -3) + x | x.any() * x | x.reshape(-1, 1) * a
            x.unsqueeze(0).expand(3, -1) * a | x.repeat(2) | torch.stack([x, a], 1).T[0] | x.flip(0) * a
            torch.roll(x, 1) * a | x.chunk(2)[1] | torch.cat([x, a]) | torch.diff(x)
            torch.tril(x[:, None] * a) | F.pad(x, (1, 0)) | x[m > 0] | x[::2] | x[-2:] | x[None, :, None]
            (x[:, None] * a)[m, m] | (x[:, None, None] * a[None, :, None])[0, :, m * 0] | x[[0, 2]]
            x.index_select(0, m) | torch.outer(x, a) | torch.zeros_like(x).scatter_add(0, m, x) ** 2
            torch.repeat_interleave(x, 2) | x @ a | (x[:, None] * a) @ x | torch.arange(x.shape[0]) * x
            torch.full(x.shape, 2) * x | x.new_ones(x.size(0)) * x | x.long() + x | F.one_hot(m, 3) * x[:, None]
            x.to(torch.float64) | x.bool() * x | x * x.numel() | F.gelu(x) | F.normalize(x, dim=0)
            F.cross_entropy(x, m[0]) | F.smooth_l1_loss(x, a, beta=0.3) | torch.cosine_similarity(x, a, dim=0)
            x.softmax(0) * a | F.binary_cross_entropy_with_logits(x, a.sigmoid())
            F.margin_ranking_loss(x, a, a)
        """
        n = len(kit.TOKENS) - 1
        a, m = torch.cos(torch.arange(n) * 1.7), torch.arange(n) % 2
        datum = kit.datum()
        data = [tinker.types.Datum(datum.model_input, {**datum.loss_fn_inputs, "a": a, "m": m})]
        trainer = kit.trainer(service_client)
        values = {}
        for text in expressions.replace("\n", "|").split("|"):
            expression = text.strip()
            if expression:
                scope = {"torch": torch, "F": F}
                result = f"({expression}).sum() + x.mean() * 1e-3, {{}}"
                exec(f"def loss(logprobs, a, m):\n x = logprobs\n return {result}", scope)
                handle = service_client.create_custom_loss(scope["loss"], {"logprobs": 1, "a": 1, "m": 1}).result()
                output = trainer.forward_backward_custom(data, handle).result()
                logprobs = output.loss_fn_outputs[0]["logprobs"].to_torch()
                values[expression] = [output.metrics["loss:sum"], handle.graph(logprobs, a, m)[0].item()]
        return values

    values = on_server.run(program, timeout=170)
    assert len(values) > 80
    wrong = {text: pair for text, pair in values.items() if pair[0] != pytest.approx(pair[1], rel=1e-4, abs=1e-4)}
    assert not wrong


def test_a_loss_that_the_server_cannot_run_says_which_operation_and_what_to_do(on_server: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        import torch

        def spectral(logprobs: Any) -> Any:
            return torch.fft.fft(logprobs).real.sum(), {}

        def noisy(logprobs: Any) -> Any:
            return (logprobs * torch.rand_like(logprobs)).sum(), {}

        return [
            kit.raised(lambda loss=loss: service_client.create_custom_loss(loss, {"logprobs": 1}).result())
            for loss in (spectral, noisy)
        ]

    spectral, noisy = on_server.run(program)
    assert spectral["type"] == noisy["type"] == "RequestFailedError"
    assert spectral["category"] == "user"
    assert "'fft_fft' calls torch._C._fft.fft_fft, which is not among the operations" in spectral["message"]
    assert "pass the function itself to forward_backward_custom" in spectral["message"]
    assert "which is random" in noisy["message"]


def test_a_datum_that_breaks_a_loss_fails_its_request_and_the_run_goes_on(on_server: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        def root(logprobs: Any, weights: Any) -> Any:
            return (logprobs - weights).sqrt().sum(), {}

        trainer = kit.trainer(service_client)
        handle = service_client.create_custom_loss(root, {"logprobs": 1, "weights": 1}).result()
        broken = kit.raised(lambda: trainer.forward_backward_custom([kit.datum()], handle).result())
        return [broken, *kit.steps(trainer, 2)]

    broken, *losses = on_server.run(program)
    assert broken["type"] == "RequestFailedError"
    assert "custom loss 'root' on datum 0: the loss is nan" in broken["message"]
    assert losses[1] < losses[0]


def test_a_loss_of_another_session_is_refused(on_server: Sdk, key: str) -> None:
    def create(service_client: Any) -> str:
        def total(logprobs: Any) -> Any:
            return logprobs.sum(), {}

        return service_client.create_custom_loss(total, {"logprobs": 1}).result().loss_id  # type: ignore[no-any-return]

    def use(service_client: Any, kit: Any, loss_id: str) -> dict[str, Any]:
        trainer = kit.trainer(service_client)
        pending = trainer.forward_backward([kit.datum()], "custom", {"loss_id": loss_id})
        return kit.raised(pending.result)  # type: ignore[no-any-return]

    loss_id = on_server.run(create)
    assert "belongs to session" in on_server.run(use, loss_id=loss_id)["message"]
    assert "does not exist" in on_server.as_tenant(f"{key}-other").run(use, loss_id=loss_id)["message"]
    assert "give loss_id alone, as text" in on_server.run(use, loss_id=7)["message"]
