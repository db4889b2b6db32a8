"""The pytest plugin in a user's test suite: one server for all workers, a tenant for each test."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    Suite = Callable[..., pytest.RunResult]


def test_all_workers_share_a_server_and_no_two_tests_a_tenant(suite: Suite, pytester: pytest.Pytester) -> None:
    outcome = suite(
        """
        import pathlib
        import pytest
        from programs import client, new_session

        @pytest.mark.parametrize("n", range(6))
        def test_alone(tinker_mock, n):
            assert new_session().is_success
            assert len(client().get("sessions").json()["sessions"]) == 1
            with pathlib.Path("seen").open("a") as seen:
                seen.write(f"{tinker_mock.base_url} {tinker_mock.api_key}\\n")
        """,
        "-n",
        "2",
    )
    outcome.assert_outcomes(passed=6)
    urls, keys = zip(*(line.split() for line in (pytester.path / "seen").read_text().splitlines()), strict=True)
    assert len(set(urls)) == 1
    assert len(set(keys)) == 6


def test_a_fault_strikes_the_test_that_injects_it_and_no_other(suite: Suite) -> None:
    outcome = suite(
        """
        import httpx
        import pytest
        from programs import new_session

        def test_struck(tinker_mock):
            create = {"operation": "create_session"}
            busy = tinker_mock.inject("status", **create, occurrence=2, phase="before_handler", status=503)
            lost = tinker_mock.inject("reset", **create, occurrence=3, phase="after_commit")
            assert [new_session().status_code for _ in range(2)] == [200, 503]
            with pytest.raises(httpx.TransportError):
                new_session()
            assert (busy.calls, busy.struck, lost.struck) == (3, 1, 1)
            busy.lift()

        def test_spared(tinker_mock):
            assert [new_session().status_code for _ in range(3)] == [200] * 3

        def test_wrong(tinker_mock):
            tinker_mock.inject("rest", operation="create_session", phase="after_commit")
        """
    )
    outcome.assert_outcomes(passed=2, failed=1)
    outcome.stdout.fnmatch_lines(["*AdminError: *'rest'*reset*"])


def test_a_test_with_settings_has_a_server_of_its_own_and_may_kill_it(suite: Suite) -> None:
    outcome = suite(
        """
        import httpx
        import pytest
        from programs import client, new_session

        @pytest.mark.tinker_mock(settings={"client_config": {"parallel_fwdbwd_chunks": False}, "max_body_bytes": 4096})
        def test_own(tinker_mock):
            session = new_session().json()["session_id"]
            told = client().post("client/config", json={"sdk_version": "0.38.0"}).json()
            assert told["parallel_fwdbwd_chunks"] is False
            tinker_mock.server.kill()
            with pytest.raises(httpx.ConnectError):
                new_session()
            tinker_mock.server.start()
            assert client().get("sessions").json()["sessions"] == [session]
            assert "answers at" in tinker_mock.server.log

        @pytest.mark.tinker_mock(settings={"max_body_bites": 1})
        def test_mistyped(tinker_mock): ...

        @pytest.mark.tinker_mock(setings={})
        def test_misspelt(tinker_mock): ...

        def test_shared(tinker_mock):
            assert tinker_mock.server is None
        """
    )
    outcome.assert_outcomes(passed=2, errors=2)
    outcome.stdout.fnmatch_lines(
        ["*did you mean TINKER_MOCK_MAX_BODY_BYTES?*", "*'setings' is none of its options: give scenario or settings*"]
    )


def test_a_test_sees_what_crossed_the_wire_and_what_the_server_holds(suite: Suite, pytester: pytest.Pytester) -> None:
    outcome = suite(
        """
        import pathlib
        import pytest
        from programs import client, new_session

        def test_looks(tinker_mock):
            session = new_session().json()["session_id"]
            model = {"base_model": "Qwen/Qwen3-8B", "lora_config": {"rank": 4}}
            asked = client().post("create_model", json={"session_id": session, "model_seq_id": 0, **model}).json()
            client().post("retrieve_future", json={"request_id": asked["request_id"]})
            tinker_mock.journal.verify({"operation": "create_model", "request": {"lora_config.rank": 4}, "count": 1})
            assert [each["operation"] for each in tinker_mock.journal.exchanges(status=200)] == [
                "create_session", "create_model", "retrieve_future"
            ]
            tinker_mock.journal.export(pathlib.Path("journal.jsonl"))
            run = tinker_mock.admin.run()
            assert (run.id, run.rank, run.optimizer_steps, run.checkpoints) == (asked["model_id"], 4, 0, [])

        def test_expects_too_much(tinker_mock):
            new_session()
            tinker_mock.journal.verify({"operation": "create_session", "count": 2})
        """
    )
    outcome.assert_outcomes(passed=1, failed=1)
    outcome.stdout.fnmatch_lines(
        ["*AssertionError: *", "*what crossed the wire*", "#1 POST /api/v1/create_session -> 200"]
    )
    assert "tml-test-" not in (pytester.path / "journal.jsonl").read_text()


def test_a_test_moves_its_own_time_and_nobody_elses(suite: Suite) -> None:
    outcome = suite(
        """
        from programs import client, new_session

        def test_a_day(tinker_mock):
            session = new_session().json()["session_id"]
            before = tinker_mock.clock.now
            tinker_mock.clock.set("manual")
            tinker_mock.clock.advance(86_400)
            assert client().post("session_heartbeat", json={"session_id": session}).status_code == 410
            assert 86_400 <= tinker_mock.clock.now - before < 86_460
            assert tinker_mock.clock.waiting == 0

        def test_no_day(tinker_mock):
            import time

            assert abs(tinker_mock.clock.now - time.time()) < 3600
        """
    )
    outcome.assert_outcomes(passed=2)


def test_the_server_ends_with_the_tests(suite: Suite, pytester: pytest.Pytester) -> None:
    outcome = suite(
        """
        import pathlib

        def test_it(tinker_mock):
            pathlib.Path("url").write_text(tinker_mock.base_url)
        """
    )
    outcome.assert_outcomes(passed=1)
    url = (pytester.path / "url").read_text()
    for _ in range(200):
        try:
            httpx.get(f"{url}/api/v1/healthz")
        except httpx.ConnectError:
            return
        time.sleep(0.1)
    raise AssertionError("it still answers")


def test_who_asks_for_nothing_starts_nothing(suite: Suite) -> None:
    outcome = suite(
        """
        import sys

        def test_it():
            assert "mock_server.pytest_plugin" in sys.modules
            assert not {"numpy", "fastapi", "typer", "mock_server.pytest_plugin.shared_server"} & set(sys.modules)
        """
    )
    outcome.assert_outcomes(passed=1)


def test_a_running_server_can_be_used(suite: Suite) -> None:
    outcome = suite(
        """
        def test_it(tinker_mock_url):
            assert tinker_mock_url == "http://127.0.0.1:1"
        """,
        "--tinker-mock-url=http://127.0.0.1:1/",
    )
    outcome.assert_outcomes(passed=1)
