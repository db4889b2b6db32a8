"""The journal: numbered by tenant, bounded in number and bytes, equal bodies once, lost answers as such, and no key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from contracts import capture
from mock_server.journal import Wanted, entry_of, export, shown
from mock_server.journal.ring import OVERHEAD
from tests.journal.heard import begin, end, hear, journal

if TYPE_CHECKING:
    from pathlib import Path

    from mock_server.journal import Format, Journal

LONG = "x" * 10_000


def numbers(keeper: Journal, **wanted: object) -> list[int]:
    return [entry.number for entry in keeper.entries(Wanted(**wanted))]  # type: ignore[arg-type]


def test_each_tenant_counts_from_one() -> None:
    keeper = journal()
    for key in ("alice", "bob", "alice"):
        hear(keeper, key=key)
    assert numbers(keeper, tenant="alice") == [1, 2]
    assert numbers(keeper, tenant="bob") == [1]
    assert [(entry.tenant, entry.number) for entry in keeper.entries(Wanted())] == [
        ("alice", 1),
        ("bob", 1),
        ("alice", 2),
    ]
    assert (keeper.last("alice"), keeper.last("carol")) == (2, 0)


def test_a_signed_address_is_whose_it_was_signed_for() -> None:
    keeper = journal()
    heard = begin(keeper, "downloads", method="GET", query="tenant=0123456789abcdef&expires=1&signature=ab", key="")
    end(keeper, heard)
    hear(keeper, "downloads", key="")
    assert [entry.tenant for entry in keeper.entries(Wanted())] == ["0123456789abcdef", ""]


def test_requests_stand_in_the_order_in_which_they_came_answered_or_not() -> None:
    keeper = journal()
    slow = begin(keeper, "retrieve_future")
    hear(keeper)
    first, second = keeper.entries(Wanted())
    assert (first.operation, first.in_flight, first.status) == ("retrieve_future", True, None)
    assert str(first) == "#1 POST /api/v1/retrieve_future -> not answered yet"
    assert (second.in_flight, second.status) == (False, 200)
    end(keeper, slow)
    assert [entry.in_flight for entry in keeper.entries(Wanted())] == [False, False]


def test_a_lost_answer_is_an_entry_without_one_and_with_the_name_of_its_fault() -> None:
    keeper = journal()
    hear(keeper, body={"seq_id": 4, "model_id": "s:train:0"}, status=None, faults=("reset",))
    (entry,) = keeper.entries(Wanted())
    assert (entry.exchange.response, entry.faults) == (None, ("reset",))
    assert (entry.facts.run, entry.facts.seq_id) == ("s:train:0", 4)
    assert str(entry) == "#1 POST /api/v1/optim_step -> no answer (reset)"


def test_the_oldest_make_room_for_new_ones_and_numbers_go_on() -> None:
    keeper = journal(exchanges=3)
    for _ in range(5):
        hear(keeper, body={"data": LONG})
    hear(keeper, key="bob")
    assert numbers(keeper, tenant="alice") == [3, 4, 5]
    assert numbers(keeper, tenant="bob") == [1]


def test_bytes_are_bounded_and_who_was_silent_longest_pays() -> None:
    keeper = journal(size=40_000)
    for number in range(3):
        hear(keeper, body={"data": f"{number}{LONG}"}, key="alice")
    for number in range(2):
        hear(keeper, body={"data": f"{number}!{LONG}"}, key="bob")
    assert keeper.statistics()["bytes"] <= 40_000
    assert (numbers(keeper, tenant="alice"), numbers(keeper, tenant="bob")) == ([3], [1, 2])
    hear(keeper, body={"data": f"more{LONG}"}, key="bob")
    assert (numbers(keeper, tenant="alice"), numbers(keeper, tenant="bob")) == ([], [1, 2, 3])
    hear(keeper, key="alice")
    assert numbers(keeper, tenant="alice") == [4]


def test_equal_bodies_are_kept_once() -> None:
    keeper = journal()
    for _ in range(50):
        hear(keeper, body={"data": LONG}, answer={"data": LONG})
    assert keeper.statistics() == {"exchanges": 50, "bytes": 50 * OVERHEAD + len(json.dumps({"data": LONG}))}
    keeper.clear()
    assert keeper.statistics() == {"exchanges": 0, "bytes": 0}


def test_an_exchange_that_was_forgotten_while_it_went_on_leaves_nothing_behind() -> None:
    keeper = journal(exchanges=1)
    slow = begin(keeper, body={"data": LONG})
    hear(keeper)
    other = begin(keeper, key="bob")
    keeper.clear("bob")
    end(keeper, slow, answer={"data": LONG})
    end(keeper, other)
    assert numbers(keeper) == [2]
    keeper.clear()
    assert keeper.statistics() == {"exchanges": 0, "bytes": 0}


def test_clearing_one_tenant_leaves_the_others_and_begins_anew() -> None:
    keeper = journal()
    for key in ("alice", "alice", "bob"):
        hear(keeper, key=key)
    assert keeper.clear("alice") == 2
    assert keeper.clear("carol") == 0
    hear(keeper, key="alice")
    assert (numbers(keeper, tenant="alice"), numbers(keeper, tenant="bob")) == ([1], [1])


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"operation": "optim_step"}, [1, 3, 4]),
        ({"status": "503"}, [3]),
        ({"status": "5xx"}, [3]),
        ({"status": "2xx"}, [1, 2]),
        ({"status": "nothing"}, [4]),
        ({"fault": "reset"}, [4]),
        ({"fault": "any"}, [3, 4]),
        ({"since": 2}, [3, 4]),
        ({"since": 1, "limit": 2}, [2, 3]),
        ({"limit": 2}, [3, 4]),
        ({"operation": "optim_step", "status": "2xx"}, [1]),
        ({"tenant": "bob"}, []),
    ],
)
def test_what_is_wanted_is_found(wanted: dict[str, object], found: list[int]) -> None:
    keeper = journal()
    hear(keeper)
    hear(keeper, "forward")
    hear(keeper, status=503, faults=("status",))
    hear(keeper, status=None, faults=("latency", "reset"))
    assert numbers(keeper, **wanted) == found


def test_an_entry_shows_heads_and_hashes_and_bodies_on_request() -> None:
    keeper = journal()
    hear(keeper, body={"seq_id": 1}, answer={"request_id": "r"}, faults=("latency",))
    (entry,) = keeper.entries(Wanted())
    brief, full = shown(entry), shown(entry, bodies=True)
    assert brief["time"] == "1970-01-01T00:16:40Z"
    assert (brief["seconds"], brief["faults"]) == (0.25, ["latency"])
    assert brief["request"]["headers"] == {"x-api-key": "tml-not-recorded", "content-type": "application/json"}
    assert brief["request"]["body"].keys() == {"bytes", "hash"}
    assert (full["request"]["body"]["json"], full["response"]["body"]["json"]) == ({"seq_id": 1}, {"request_id": "r"})


def test_a_body_too_deep_to_be_read_is_shown_as_bytes_and_has_no_fields() -> None:
    keeper = journal()
    hear(keeper, body=b'{"model_id": ' + b"[" * 100_000)
    (entry,) = keeper.entries(Wanted())
    assert (entry.request_fields, entry.facts.run) == ({}, None)
    assert "base64" in shown(entry, bodies=True)["request"]["body"]
    assert "".join(export([entry], "jsonl"))


def test_verdicts_are_shown_with_what_they_stand_for() -> None:
    keeper = journal()
    heard = begin(keeper)
    heard.verdicts = [("key-on-every-call", "the request has no X-API-Key")]
    end(keeper, heard)
    (verdict,) = shown(keeper.entries(Wanted())[0])["verdicts"]
    assert verdict == {
        "check": "key-on-every-call",
        "requirement": "C-KEY",
        "keyword": "MUST",
        "evidence": "the request has no X-API-Key",
    }


@pytest.mark.parametrize("form", ["jsonl", "har"])
def test_a_file_brings_back_what_was_exported_without_any_key(tmp_path: Path, form: Format) -> None:
    keeper = journal()
    hear(keeper, body={"seq_id": 1, "weights_access_token": "secret-one"}, key="secret-key", faults=("latency",))
    hear(keeper, "auth/token", key="secret-key", answer={"jwt": "eyJsecret"})
    hear(keeper, body=b"\x00\x01", key="secret-key", status=None, faults=("reset",))
    begin(keeper, key="secret-key")
    entries = keeper.entries(Wanted())
    text = "".join(export(entries, form))
    path = tmp_path / f"journal.{form}"
    path.write_text(text)
    back = [entry_of(exchange) for exchange in capture.read(path)]
    assert [str(entry) for entry in back] == [str(entry) for entry in entries]
    for was, now in zip(entries, back, strict=True):
        assert (now.operation, now.at, now.faults, now.in_flight) == (was.operation, was.at, was.faults, was.in_flight)
        assert now.exchange.ended - now.exchange.started == pytest.approx(was.exchange.ended - was.exchange.started)
    assert back[2].exchange.request.body == b"\x00\x01"
    everything = text + "".join(str(message) for entry in back for message in (entry.exchange, entry.request_fields))
    for secret in ("secret-one", "eyJsecret"):
        assert secret not in everything
    # The tenant's name is its key in this test alone.
    assert "secret-key" not in str([entry.exchange.request.headers for entry in back])
