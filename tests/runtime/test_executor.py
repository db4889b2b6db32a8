"""The thread that does the arithmetic: whatever a job does, whoever waits for it is answered."""

import asyncio
from collections.abc import Iterator

import pytest

from mock_server.runtime.executor import Executor


@pytest.fixture
def executor() -> Iterator[Executor]:
    executor = Executor()
    yield executor
    executor.close()


async def test_jobs_run_in_the_order_in_which_they_were_asked_for(executor: Executor) -> None:
    order: list[int] = []

    async def ask(number: int) -> None:
        await executor.run(lambda: order.append(number))

    await asyncio.gather(*(ask(number) for number in range(20)))
    assert order == list(range(20))


@pytest.mark.parametrize("error", [ValueError("no"), StopIteration(), SystemExit(1), KeyboardInterrupt()], ids=repr)
async def test_whatever_a_job_raises_reaches_its_caller_and_the_next_job_runs(
    executor: Executor, error: BaseException
) -> None:
    def job() -> None:
        raise error

    with pytest.raises((ValueError, RuntimeError)) as raised:
        await asyncio.wait_for(executor.run(job), 5)
    assert repr(error) in repr(raised.value)
    assert await executor.run(lambda: 1) == 1


async def test_a_job_that_nobody_waits_for_any_more_is_left_out(executor: Executor) -> None:
    done: list[str] = []
    first = asyncio.create_task(executor.run(lambda: asyncio.run(asyncio.sleep(0.05))))
    second = asyncio.create_task(executor.run(lambda: done.append("second")))
    await asyncio.sleep(0.01)
    second.cancel()
    await first
    await executor.run(lambda: done.append("third"))
    assert done == ["third"]
