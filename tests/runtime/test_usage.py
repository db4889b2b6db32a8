"""Tokens are counted where they are known, once, whatever becomes of the process."""

from pathlib import Path

from mock_server.domain import samplers, usage
from mock_server.domain.samplers import NewSampler
from mock_server.domain.usage import HOUR
from tests.runtime.world import MODEL, TENANT, TEXT, World, crash_image, world

STEP = len(TEXT) - 1


async def tokens(here: World) -> dict[str, float]:
    """All tokens so far by their kind."""
    await here.runtime.settle()
    hour = here.runtime.clocks.now(TENANT) // HOUR * HOUR
    window = {"starting_on": hour - HOUR, "ending_before": hour + 2 * HOUR}
    report = await here.runtime.store.read(usage.report, TENANT, **window)
    sums: dict[str, float] = {}
    for event in report.events:
        sums[event.kind] = sums.get(event.kind, 0) + event.quantity
    return sums


async def test_a_sample_counts_its_prompt_and_its_answers(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        session = await here.open_session()
        sampler = await here.runtime.store.write(samplers.create, TENANT, NewSampler(session, 0, MODEL))
        await here.result(await here.sample(sampler.id, 0, max_tokens=4, stop=[], seed=1))
        assert await tokens(here) == {"sampling_prefill": 5, "sampling_sample": 4}


async def test_what_was_told_before_it_was_written_down_counts_once_after_a_crash(tmp_path: Path) -> None:
    """Its outcome was lost with the process, so it is executed again, and only that is written down."""
    async with world(tmp_path / "first") as here:
        await here.open_session()
        run_id = await here.create_run()
        await here.runtime.settle()
        for request in await here.step(run_id, 1):
            await here.result(request)
        image = crash_image(tmp_path / "first", tmp_path / "second")
        assert await tokens(here) == {"training": STEP}
    async with world(image) as after:
        await after.result(request)
        assert await tokens(after) == {"training": STEP}


async def test_replaying_the_log_counts_nothing(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await here.open_session()
        run_id = await here.create_run()
        for request in await here.step(run_id, 1):
            await here.result(request)
    async with world(tmp_path) as later:
        await later.result(await later.forward_backward(run_id, 3))
        assert await tokens(later) == {"training": 2 * STEP}


async def test_a_failed_batch_counts_nothing(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        await here.open_session()
        run_id = await here.create_run()
        assert (await here.outcome(await here.forward_backward(run_id, 1, [0, 10**7]))).state == "failed"
        assert await tokens(here) == {}
