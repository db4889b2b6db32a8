"""Generated requests find what is wrong with a server's answers, each failure once, within the time they are given."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from schemathesis.engine.recorder import ScenarioRecorder

from contracts.exchange import Exchange, Request, Response
from contracts.server import shape
from contracts.server.judgement import Judgement, Part
from contracts.server.shape import phases
from contracts.server.shape.checks import CHECK_OF
from contracts.server.shape.description import asked, described
from contracts.server.shape.exclusions import Exclusion, Exclusions, reviewed
from contracts.server.shape.verdict import Judge
from contracts.server.target import Target
from contracts.verdicts import CHECKS
from tests.contracts import silly

if TYPE_CHECKING:
    from contracts.server.shape.description import Asked

SOME = frozenset({"list_sessions", "get_session", "session_heartbeat", "get_archive_url", "unpublish_checkpoint"})


@pytest.fixture(autouse=True)
def little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some operations, few requests, and time enough for a busy machine."""

    def some(*arguments: Any, **options: Any) -> list[Asked]:
        return [each for each in asked(*arguments, **options) if each.id in SOME]

    monkeypatch.setattr(phases, "asked", some)
    monkeypatch.setattr(phases, "EXTENTS", {"short": phases.Extent(120.0, drawn=2, chains=2, steps=3)})


def judged(url: str, *, seconds: float = 120.0) -> Judgement:
    """The shape part alone."""
    found = Judgement()
    found.parts.append(Part("shape"))
    shape.run(Target(url, effort="short"), found, monotonic() + seconds)
    return found


def failed(found: Judgement) -> dict[str, int]:
    """How many different failures of each check of this part."""
    return {
        check: len(count.failures)
        for check, count in found.tally.counts.items()
        if count.failed and CHECKS[check].kind == "shape"
    }


@pytest.mark.breaks("no-request-breaks-it")
@pytest.mark.breaks("any-answer-has-a-known-status")
def test_a_server_that_always_breaks_is_told_so_once_an_operation() -> None:
    with silly.always(500, b'{"detail": "no", "message": "no", "category": "server"}') as url:
        found = judged(url)
    assert failed(found)["no-request-breaks-it"] == len(SOME)
    assert failed(found)["any-answer-has-a-known-status"] == len(SOME)
    assert found.tally.counts["no-request-breaks-it"].failed > 10 * len(SOME)


@pytest.mark.breaks("invalid-is-refused")
@pytest.mark.breaks("no-answer-without-a-key")
@pytest.mark.breaks("other-methods-are-refused")
@pytest.mark.breaks("any-answer-fits-its-schema")
def test_a_server_that_takes_everything_is_found_out() -> None:
    with silly.always(200, b"{}") as url:
        checks = failed(judged(url))
    assert {
        "invalid-is-refused",
        "no-answer-without-a-key",
        "other-methods-are-refused",
        "any-answer-fits-its-schema",
    } <= checks.keys()


@pytest.mark.breaks("valid-is-accepted")
@pytest.mark.breaks("any-answer-has-a-known-type")
def test_a_server_that_refuses_everything_in_words_is_found_out() -> None:
    with silly.always(422, b"no", "text/plain") as url:
        checks = failed(judged(url))
    assert {"valid-is-accepted", "any-answer-has-a-known-type"} <= checks.keys()
    assert "invalid-is-refused" not in checks


@pytest.mark.breaks("any-answer-has-its-headers")
def test_headers_that_clients_go_on_by_are_missed() -> None:
    with silly.always(503, b'{"detail": "no", "message": "no", "category": "server"}') as url:
        found = judged(url)
    (first, *_) = found.tally.counts["any-answer-has-its-headers"].failures.values()
    assert "Retry-After" in first.finding.evidence
    assert "no-request-breaks-it" not in failed(found)


@pytest.mark.breaks("every-request-is-answered")
@pytest.mark.parametrize("serve", [silly.resetting, silly.garbage], ids=lambda serve: serve.__name__)
def test_a_server_that_answers_nothing_is_given_up(serve: Any) -> None:
    with silly.raw(serve) as url:
        found = judged(url)
    assert found.tally.exchanges < 60
    assert "every-request-is-answered" in failed(found)
    assert "the server did not answer any more: nothing further was asked" in found.parts[0].notes


def test_an_operation_that_never_ends_its_answer_costs_its_timeout_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contracts.server.shape.trial.SECONDS", 0.5)
    monkeypatch.setattr("contracts.server.shape.phases.LONGEST_MAKING", 0.5)
    with silly.raw(silly.dripping) as url:
        found = judged(url)
    (first, *_) = found.tally.counts["every-request-is-answered"].failures.values()
    assert first.finding.evidence == "no answer within 0.5 seconds"


def test_the_time_is_kept_and_told() -> None:
    with silly.always(404, b'{"detail": "no", "message": "no", "category": "user"}') as url:
        found = judged(url, seconds=0.1)
    assert any(note.startswith("coverage: the time was over after 0 of ") for note in found.parts[0].notes)
    assert found.tally.exchanges < 20


# A chain, made by hand: what a server must not do after a delete.


@pytest.fixture(scope="module")
def operations() -> dict[str, Asked]:
    schema = described("http://127.0.0.1:9", None)
    return {each.id: each for each in asked(schema, ("checkpoints", "rest"), keys_are_precious=False)}


def answered(operation: Asked, status: int) -> Any:
    """A case of the operation about one checkpoint, and its answer."""
    import requests
    from schemathesis.core.transport import Response as Answer

    case = operation.generated.Case(path_parameters={"run_id": "r", "kind": "weights", "name": "n"})
    request = requests.Request(case.method, f"http://127.0.0.1:9{case.formatted_path}").prepare()
    headers = {"content-type": ["application/json"]}
    return case, Answer(status, headers, b"{}" if status == 200 else b"", request, elapsed=0.1, verify=True)


@pytest.mark.breaks("deleted-is-not-served")
@pytest.mark.parametrize(("status", "served"), [(200, True), (404, False)])
def test_what_was_deleted_is_not_there(operations: dict[str, Asked], status: int, *, served: bool) -> None:
    found = Judgement()
    judge = Judge(found, Exclusions(()))
    recorder = ScenarioRecorder(label="chain")
    parent = None
    exchange = Exchange(1, Request("GET", "/"), Response(status))
    for id_, answer in (("publish_checkpoint", 204), ("delete_checkpoint", 204), ("get_checkpoint", status)):
        case, response = answered(operations[id_], answer)
        recorder.record_case(case=case, parent_id=parent)
        recorder.record_response(case_id=case.id, response=response)
        judge.answered(operations[id_], case, response, exchange, {"headers": {"X-API-Key": "k"}}, recorder)
        parent = case.id
    assert ("deleted-is-not-served" in failed(found)) is served


# What is drawn.


def test_the_same_seed_draws_the_same_and_another_one_others(operations: dict[str, Asked]) -> None:
    from contracts.server.shape.generation import Generation

    def drawn(seed: int) -> list[str]:
        generation = Generation(seed)
        some = [operations[id_] for id_ in ("set_checkpoint_ttl", "list_sessions")]
        return [repr(case) for each in some for case in generation.fuzzing(each, 12, monotonic() + 60)]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_drawing_ends_with_the_time(operations: dict[str, Asked]) -> None:
    from contracts.server.shape.generation import Generation

    generation = Generation(0)
    assert generation.fuzzing(operations["list_sessions"], 1000, monotonic() - 1) == []
    assert 0 < len(generation.fuzzing(operations["list_sessions"], 100_000, monotonic() + 1)) < 100_000


def test_keys_that_were_given_are_not_deleted() -> None:
    schema = described("http://127.0.0.1:9", None)
    assert "delete_key" not in {each.id for each in asked(schema, ("rest",), keys_are_precious=True)}


def test_the_model_of_the_judged_server_stands_in_the_examples() -> None:
    from contracts.server.shape.generation import Generation

    schema = described("http://127.0.0.1:9", "other/model")
    (operation,) = [each for each in asked(schema, ("core",), keys_are_precious=False) if each.id == "create_model"]
    bodies: Any = [case.body for case in Generation(0).examples(operation)]
    assert {body["base_model"] for body in bodies} == {"other/model"}


# What is left out.


def test_an_exclusion_covers_one_status_of_one_operation_and_is_stale_until_then() -> None:
    one = Exclusion("valid-is-accepted", "healthz", 400, "because")
    exclusions = Exclusions((one,))
    refused, other = (Exchange(1, Request("GET", "/"), Response(status)) for status in (400, 422))
    assert not exclusions.cover("valid-is-accepted", "healthz", other)
    assert not exclusions.cover("valid-is-accepted", "list_sessions", refused)
    assert exclusions.stale() == [one]
    assert exclusions.cover("valid-is-accepted", "healthz", refused)
    assert exclusions.stale() == []


def test_the_exclusions_are_few_with_reasons_and_of_what_there_is() -> None:
    from contracts.spec import operations as contract

    assert len(reviewed()) <= 10
    for each in reviewed():
        assert each.check in CHECK_OF.values()
        assert each.operation in contract()
        assert len(each.reason.split()) > 2


def test_every_check_of_schemathesis_is_used_or_said_to_be_of_no_use() -> None:
    from schemathesis.checks import CHECKS as THEIRS
    from schemathesis.checks import load_all_checks

    load_all_checks()
    unused = {"missing_required_header", "ensure_resource_availability", "object_level_authorization"}
    assert set(THEIRS.get_all_names()) == CHECK_OF.keys() | unused | {"allow_header_conformance"}
    assert schemathesis.__version__ >= "4.32"
