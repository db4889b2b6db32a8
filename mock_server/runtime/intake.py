"""How a request is written down: a row for each, and a file for what is too long for a row."""

import asyncio
from collections.abc import Callable
from typing import Concatenate, ParamSpec

from mock_server.domain.operations import Accepted, Body, Submission
from mock_server.store import Store, Transaction

P = ParamSpec("P")


class Intake:
    """Leaves no file behind that no row points at."""

    def __init__(self, store: Store, inline_bytes: int) -> None:
        """`inline_bytes`: how long a body may be that goes into its row."""
        self._store = store
        self._inline_bytes = inline_bytes

    async def spilled(self, body: Body) -> Body:
        """The body, with a file that holds it when it is too long for a row."""
        if len(body.content) <= self._inline_bytes:
            return body
        file = await asyncio.to_thread(self._store.artifacts.write, body.content)
        return Body(body.type, body.content, file, body.digest)

    async def write_down(
        self,
        rule: Callable[Concatenate[Transaction, Submission, P], Accepted],
        submission: Submission,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Accepted:
        """Accept the submission by a rule; the file of a long body goes when no new row came to point at it."""
        try:
            accepted = await self._store.write(rule, submission, *args, **kwargs)
        except Exception:
            self.drop(submission.body)
            raise
        if not accepted.new:
            self.drop(submission.body)
        return accepted

    def drop(self, body: Body) -> None:
        """Nobody will ask for it."""
        if body.file is not None:
            self._store.artifacts.remove(body.file.id)
