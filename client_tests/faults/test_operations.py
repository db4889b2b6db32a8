"""Operations that fail, or that never or late come to an end, as the official SDK's user sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mock_server.admin_client import AdminClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from client_tests.harness.sdk import Sdk
    from client_tests.harness.server import Server


@pytest.fixture(params=[True, False], ids=["pyqwest", "httpx"])
def spoilt(request: pytest.FixtureRequest, sdk: Sdk, server_with: Callable[..., Server]) -> Sdk:
    """The SDK over either of its transports, as a tenant whose clock skips what it would only wait through."""
    return sdk.at(server_with(client_config={"use_pyqwest_transport": request.param}, clock="auto").url)


@pytest.mark.parametrize("category", ["user", "server", "unknown"])
def test_a_failed_operation_is_the_users_to_see_and_leaves_the_run_as_it_was(spoilt: Sdk, category: str) -> None:
    def program(service_client: Any, kit: Any, tinker: Any) -> list[Any]:
        training = kit.trainer(service_client)
        first = training.forward_backward([kit.datum()], "cross_entropy").result().metrics["loss:sum"]
        try:
            training.optim_step(kit.adam(1e-3)).result()
        except tinker.RequestFailedError as error:
            failed = [str(error.category.value), "no GPU left" in str(error)]
        again = training.forward([kit.datum()], "cross_entropy").result().metrics["loss:sum"]
        return [*failed, first == again]

    spoilt.inject(
        {"fail": {"message": "no GPU left", "category": category}}, "in_operation", operation="optim_step", on=1
    )
    assert spoilt.run(program) == [category, True, True]


def test_a_delayed_operation_is_waited_for_and_later_ones_are_told_first(spoilt: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[bool]:
        kit.clock("manual")
        training = kit.trainer(service_client)
        slow = training.forward_backward([kit.datum()], "cross_entropy")
        fast = training.optim_step(kit.adam(1e-3))
        fast.result()
        kit.advance(149)
        kit.until_waiting()  # the poll after the one that the advance has ended: its answer would be told by now
        ahead = not slow.future().done()
        kit.advance(1)
        return [ahead, slow.result().metrics["loss:sum"] > 0]

    spoilt.inject({"delay": {"seconds": 150}}, "in_operation", operation="forward_backward", on=1)
    assert spoilt.run(program) == [True, True]


def test_a_paused_queue_says_why_and_goes_on(spoilt: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        said = kit.pauses_said()
        training = kit.trainer(service_client)
        result = training.forward_backward([kit.datum()], "cross_entropy").result()
        return [result.metrics["loss:sum"] > 0, any("all GPUs are busy" in line for line in said)]

    pause = {"pause": {"state": "paused_capacity", "reason": "all GPUs are busy", "seconds": 150}}
    spoilt.inject(pause, "in_operation", operation="forward_backward", on=1)
    assert spoilt.run(program) == [True, True]


def test_a_stuck_operation_never_ends_and_others_are_unharmed(spoilt: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        training = kit.trainer(service_client)
        stuck = training.forward_backward([kit.datum()], "cross_entropy")
        try:
            stuck.result(timeout=1)
        except TimeoutError:
            ended = "given up"
        others = kit.trainer(service_client)
        return [ended, len(kit.steps(others, 2))]

    spoilt.inject("stuck", "in_operation", operation="forward_backward", on=1)
    assert spoilt.run(program) == ["given up", 2]


def test_a_sample_fails_alone(spoilt: Sdk) -> None:
    def program(service_client: Any, kit: Any, tinker: Any) -> list[Any]:
        sampler = service_client.create_sampling_client(base_model="Qwen/Qwen3-8B")
        outcomes: list[Any] = []
        for _ in range(2):
            try:
                answer = sampler.sample(kit.prompt(), 1, kit.greedy(2)).result()
                outcomes.append(len(answer.sequences[0].tokens))
            except tinker.RequestFailedError as error:
                outcomes.append(str(error.category.value))
        return outcomes

    spoilt.inject({"fail": {"category": "unknown"}}, "in_operation", operation="asample", on=1)
    assert spoilt.run(program) == ["unknown", 2]


def test_operations_that_end_otherwise_than_they_should(spoilt: Sdk) -> None:
    """Both results come, though out of order. A false failure and a lost promise are told, and their steps are made."""

    def program(service_client: Any, kit: Any) -> dict[str, Any]:
        training = kit.trainer(service_client)
        early = training.forward_backward([kit.datum()], "cross_entropy")
        step = training.optim_step(kit.adam())
        seen = {"late": step.result().metrics["update_norm"] > 0, "early": early.result().metrics["loss:sum"] > 0}
        seen["failed"] = kit.raised(lambda: training.optim_step(kit.adam()).result())
        seen["expired"] = kit.raised(lambda: training.optim_step(kit.adam()).result())
        return seen

    spoilt.inject({"out_of_order": {"behind": 1, "seconds": 30}}, "in_operation", operation="forward_backward", on=1)
    spoilt.inject({"false_failure": {"message": "lost a GPU"}}, "in_operation", operation="optim_step", on=2)
    spoilt.inject("expire_promise", "in_operation", operation="optim_step", on=3)
    seen = spoilt.run(program)
    assert (seen["late"], seen["early"]) == (True, True)
    assert (seen["failed"]["type"], seen["failed"]["category"]) == ("RequestFailedError", "server")
    assert seen["expired"]["type"] == "RetryableException"
    assert "Promise expired" in seen["expired"]["message"]
    (run,) = AdminClient(spoilt.url).get("/runs", api_key=spoilt.key)["runs"]
    assert run["optimizer_steps"] == 3


def test_a_sample_that_ends_twice_is_taken_once(sdk: Sdk, server_with: Callable[..., Server]) -> None:
    """By the poller for a whole sampler, which meets its completion again behind a later cursor."""

    def program(service_client: Any, kit: Any) -> list[list[int]]:
        sampler = kit.client(service_client.create_sampling_client(base_model=kit.BASE_MODEL))
        answers = [sampler.sample(kit.prompt(), 1, kit.greedy(4)).result() for _ in range(4)]
        return [list(answer.sequences[0].tokens) for answer in answers]

    here = sdk.at(server_with(client_config={"sample_use_retrieve_futures": True}, poll_seconds=1).url)
    true = here.run(program)
    here.inject({"finish_twice": {"seconds": 0.01}}, "in_operation", operation="asample")
    assert here.run(program) == true
