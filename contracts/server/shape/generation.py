"""The generated requests of one operation: its examples, its boundary values, drawn values."""

from __future__ import annotations

import warnings
from itertools import islice, zip_longest
from time import monotonic
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

import hypothesis
from hypothesis.errors import InvalidArgument, Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.control import SkipTest
from schemathesis.generation.coverage import GenerationSession
from schemathesis.generation.drivers import CoverageGenerator, ExamplesGenerator
from schemathesis.generation.feedback import NO_FEEDBACK
from schemathesis.generation.hypothesis.reporting import ignore_hypothesis_output
from schemathesis.generation.overrides import Override

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy
    from schemathesis import Case

    from contracts.server.shape.description import Asked

    AnyCase = Case[Any]

BOTH: Final = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
QUIET: Final = hypothesis.settings(
    database=None,
    deadline=None,
    # Nothing fails while values are drawn, so there is nothing to repeat and nothing to make smaller.
    phases=[hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
    print_blob=False,
)
"""Of whatever hypothesis does here: bounded by counts and by our own clock."""


class _TimeIsOver(BaseException):
    """Enough was drawn."""


class Generation:
    """Draws the same requests for the same seed, whatever was drawn before."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._session = GenerationSession()

    def examples(self, operation: Asked) -> list[AnyCase]:
        """Those of the description."""
        generator = ExamplesGenerator(
            operation=operation.generated, override=Override(), feedback=NO_FEEDBACK, fill_missing=False
        )
        return _quietly(generator)

    def coverage(self, operation: Asked) -> list[AnyCase]:
        """One for each boundary of the schemas, valid and invalid, and one for each method that the path has not."""
        generated = operation.generated
        generator = CoverageGenerator(
            operation=generated,
            generation_modes=BOTH,
            generation_config=generated.schema.config.generation_for(operation=generated, phase="coverage"),
            auth_storage=None,
            override=Override(),
            feedback=NO_FEEDBACK,
            session=self._session,
        )
        return _quietly(generator)

    def fuzzing(self, operation: Asked, count: int, deadline: float) -> list[AnyCase]:
        """So many drawn from the whole schema, valid and invalid by turns; fewer where the time is over before."""
        drawn = [self._drawn(operation, mode, (count + 1) // 2, deadline) for mode in BOTH]
        alternating = (case for pair in zip_longest(*drawn) for case in pair if case is not None)
        return list(islice(alternating, count))

    def _drawn(self, operation: Asked, mode: GenerationMode, count: int, deadline: float) -> list[AnyCase]:
        cases: list[AnyCase] = []
        if monotonic() > deadline:
            return cases

        def collect(case: AnyCase) -> None:
            cases.append(case)
            if monotonic() > deadline:
                raise _TimeIsOver

        try:
            strategy: SearchStrategy[AnyCase] = operation.generated.as_strategy(generation_mode=mode)
            test: Callable[[], None] = hypothesis.given(strategy)(collect)
            test = hypothesis.settings(QUIET, max_examples=count)(
                hypothesis.seed(self._number(operation, mode.value))(test)
            )
            with ignore_hypothesis_output():
                test()
        except _TimeIsOver:
            return cases
        except (Unsatisfiable, InvalidArgument, SkipTest):
            # A request without any parameter can't be wrong in one.
            return cases
        return cases

    def _number(self, operation: Asked, what: str) -> int:
        return crc32(f"{self._seed} {operation.id} {what}".encode())


def _quietly(generator: CoverageGenerator | ExamplesGenerator) -> list[AnyCase]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(generator)
