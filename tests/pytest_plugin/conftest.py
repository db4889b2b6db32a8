from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

# What a test suite of a user does: it only knows the variables.
CLIENT = """
    import os
    import httpx

    def client():
        return httpx.Client(
            base_url=os.environ["TINKER_BASE_URL"] + "/api/v1/", headers={"x-api-key": os.environ["TINKER_API_KEY"]}
        )

    def new_session():
        return client().post("create_session", json={"tags": [], "sdk_version": "0.38.0"})
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., pytest.RunResult]:
    """Runs a user's tests, given as source, with the plugin as it is installed, in processes of their own."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    pytester.makepyfile(programs=CLIENT)

    def run(source: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(test_users=source)
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", *options)

    return run
