"""`unload_model`, which the SDK up to 0.25 has as a call of its inner client, and Tinkex as a public one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from client_tests.harness.sdk import Sdk


@pytest.mark.parametrize("sdk", ["0.10.0", "0.25.0"], indirect=True)
def test_an_unloaded_model_takes_no_more_work_and_leaves_its_checkpoints(sdk: Sdk) -> None:
    def program(service_client: Any, tinker: Any, kit: Any) -> dict[str, Any]:
        import time

        from tinker.lib.api_future_impl import _APIFuture
        from tinker.lib.client_connection_pool_type import ClientConnectionPoolType

        training = kit.trainer(service_client)
        kit.steps(training, 2)
        path = training.save_state("last").result().path
        expected = kit.steps(training, 1)
        model_id, holder = training.get_info().model_id, service_client.holder

        async def unload() -> Any:
            with holder.aclient(ClientConnectionPoolType.TRAIN) as client:
                return await client.models.unload(request=tinker.types.UnloadModelRequest(model_id=model_id))

        promised = holder.run_coroutine_threadsafe(unload()).result()
        answer = tinker.types.UnloadModelResponse
        unloaded = _APIFuture(answer, holder, promised, time.time(), "UnloadModel").result()
        refused = kit.raised(lambda: training.optim_step(kit.adam()).result())
        restored = kit.client(service_client.create_training_client_from_state_with_optimizer(path))
        return {
            "unloaded": [unloaded.model_id == model_id, unloaded.type],
            "refused": refused["message"],
            "expected": expected,
            "restored": kit.steps(restored, 1),
        }

    seen = sdk.run(program)
    assert seen["unloaded"] == [True, "unload_model"]
    assert "was unloaded" in seen["refused"]
    assert seen["restored"] == seen["expected"]
