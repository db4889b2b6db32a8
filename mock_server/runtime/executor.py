"""The thread that does the model's arithmetic, so that a long batch never keeps the server from answering."""

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")
Job = tuple[Callable[[], Any], asyncio.AbstractEventLoop, "asyncio.Future[Any]"]


class Executor:
    """One thread; jobs run one after another, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name="model-executor", daemon=True)
        self._thread.start()

    async def run(self, job: Callable[[], T]) -> T:
        """Run the job over there and return what it returns, or raise what it raises."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[T] = loop.create_future()
        self._jobs.put((job, loop, waiter))
        return await waiter

    def close(self) -> None:
        """Finish the job at hand, and those before this call."""
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (item := self._jobs.get()) is not None:
            job, loop, waiter = item
            if waiter.cancelled():
                continue
            try:
                result = job()
            except Exception as error:  # noqa: BLE001 - raised again where the job was asked for
                # A future can't hold a StopIteration.
                stopped = isinstance(error, StopIteration)
                _call(loop, _fail, waiter, RuntimeError(f"a job raised {error!r}") if stopped else error)
            except BaseException as error:  # noqa: BLE001 - the thread must not end: all jobs would wait for ever
                _call(loop, _fail, waiter, RuntimeError(f"a job raised {error!r}"))
            else:
                _call(loop, _succeed, waiter, result)
            del item, job, waiter  # hold no weights while waiting for the next job


def _call(loop: asyncio.AbstractEventLoop, deliver: Callable[..., None], *arguments: object) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(deliver, *arguments)


def _succeed(waiter: "asyncio.Future[Any]", result: object) -> None:
    if not waiter.done():
        waiter.set_result(result)


def _fail(waiter: "asyncio.Future[Any]", error: BaseException) -> None:
    if not waiter.done():
        waiter.set_exception(error)
