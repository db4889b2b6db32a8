"""What a tenant has is put into generated requests of the same form, and nothing of it makes a wrong one right."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from contracts.server.shape.memory import Memory
from contracts.server.shape.placing import MOST_SAMPLES, MOST_TOKENS, place, tame

PATH = "tinker://s:train:0/weights/a"


@pytest.fixture
def memory() -> Memory:
    known = Memory("a/model")
    known.learn("create_session", {"session_id": "s"})
    known.learn("create_model", {"request_id": "q", "model_id": "s:train:0"})
    known.learn("retrieve_future", {"type": "save_weights", "path": PATH})
    return known


def case(body: Any = None, **path_parameters: Any) -> Any:
    return SimpleNamespace(body=body, path_parameters=path_parameters)


def test_ids_and_paths_take_the_place_of_generated_ones(memory: Memory) -> None:
    of = case({"session_id": "x", "base_model": "y", "tags": []}, session_id="x", run_id="y")
    assert place("create_model", of, memory)
    assert of.body == {"session_id": "s", "base_model": "a/model", "tags": []}
    assert of.path_parameters == {"session_id": "s", "run_id": "s:train:0"}
    of = case(kind="weights", name="x", run_id="y")
    assert place("get_checkpoint", of, memory)
    assert of.path_parameters["name"] == "a"
    of = case({"path": "tinker://x/weights/y"})
    assert place("load_weights", of, memory)
    assert of.body == {"path": PATH}


@pytest.mark.parametrize(
    "body",
    [
        {"session_id": 5, "model_id": None},
        {"tinker_path": "weights/y", "path": "mine"},
        {"sampling_session_id": "there is none"},
        {},
        [],
        "session_id",
    ],
)
def test_what_makes_a_request_wrong_stays(memory: Memory, body: Any) -> None:
    of = case(body, kind="elsewhere", name="x")
    assert not place("weights_info", of, memory)
    assert of.body == body
    assert of.path_parameters == {"kind": "elsewhere", "name": "x"}


def test_what_a_link_has_put_there_stays(memory: Memory) -> None:
    of = case({"session_id": "linked", "model_id": "x"})
    place("create_model", of, memory, keep={"session_id"})
    assert of.body == {"session_id": "linked", "model_id": "s:train:0"}


def test_runs_are_counted_as_clients_count_and_far_numbers_cost_them(memory: Memory) -> None:
    numbers = []
    for seq_id in (0, 77, None, 5, 1 << 40):
        of = case({"model_id": "x", "seq_id": seq_id})
        place("optim_step", of, memory)
        numbers.append(of.body["seq_id"])
    assert numbers == [1, 2, None, 3, 1 << 40]
    assert memory.spent


def test_the_generated_request_is_not_changed_in_its_parts(memory: Memory) -> None:
    shared = {"target": {"sampling_session_id": "x"}, "session_id": "x"}
    of = case(shared)
    place("retrieve_futures", of, memory)
    assert of.body["session_id"] == "s"
    assert shared == {"target": {"sampling_session_id": "x"}, "session_id": "x"}


@pytest.mark.parametrize(
    ("operation", "body", "tamed"),
    [
        ("asample", {}, {"sampling_params": {"max_tokens": MOST_TOKENS}}),
        (
            "stream_sample",
            {"sampling_params": {"max_tokens": 1 << 30}},
            {"sampling_params": {"max_tokens": MOST_TOKENS}},
        ),
        ("asample", {"num_samples": 4096, "sampling_params": 1}, {"num_samples": MOST_SAMPLES, "sampling_params": 1}),
        # What is wrong stays wrong.
        ("asample", {"num_samples": 4097, "sampling_params": "x"}, {"num_samples": 4097, "sampling_params": "x"}),
        ("retrieve_futures", {"timeout": 3600}, {"timeout": 0.2}),
        ("retrieve_futures", {"timeout": -1}, {"timeout": -1}),
        ("optim_step", {"timeout": 9}, {"timeout": 9}),
    ],
)
def test_dear_requests_are_made_cheap(operation: str, body: dict[str, Any], tamed: dict[str, Any]) -> None:
    of = case(body)
    tame(operation, of)
    assert of.body == tamed
