"""The recordings are whole, readable, and hold nothing of whoever made them."""

from __future__ import annotations

import re

import pytest

from contracts.recorded import RECORDINGS, captures
from contracts.recorded.excuses import excuses
from contracts.recorded.messages import batch_of
from contracts.recorded.numbering import Numbering, address
from contracts.recorded.recording import FOLDER
from contracts.recorded.scene import scenes


@pytest.mark.parametrize("recording", RECORDINGS)
def test_every_line_belongs_to_one_capture(recording: str) -> None:
    lines = (FOLDER / f"{recording}.jsonl").read_text().splitlines()
    assert sum(len(capture.lines) for capture in captures(recording)) == len(lines)
    names = [capture.name for capture in captures(recording)]
    assert len(set(names)) == len(names)
    for capture in captures(recording):
        numbers = [line.number for line in capture.lines]
        assert len(set(numbers)) == len(numbers), f"{capture}: its lines can't be told apart"


def test_every_recording_is_replayed() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.jsonl")) == sorted(RECORDINGS)


@pytest.mark.parametrize("recording", RECORDINGS)
def test_no_key_and_no_machine_is_named(recording: str) -> None:
    text = (FOLDER / f"{recording}.jsonl").read_text()
    assert set(re.findall(r'"x-api-key": "(?!eyJhbGciOiAibm9uZSJ9)([^"]*)"', text)) <= {"tml-local", "tml-pasted"}
    assert "authorization" not in text.lower()
    assert not re.search(r'[" ](/home|/Users|/root|/tmp|/opt|/usr|/private)/', text)
    assert set(re.findall(r"https?://([^/\"\\ :]+)", text)) <= {"127.0.0.1", "errors.pydantic.dev"}


def test_scenes_and_exceptions_speak_of_what_was_recorded() -> None:
    named = {recording: {capture.name: capture for capture in captures(recording)} for recording in RECORDINGS}
    for recording, its_scenes in scenes().items():
        assert set(its_scenes) <= set(named[recording])
        for name, scene in its_scenes.items():
            numbers = {line.number for line in named[recording][name].lines}
            told = {*scene.results, *(n for each in scene.left_out for n in (each.before, each.like))}
            assert told <= numbers, (name, told - numbers)
    for excuse in excuses():
        assert len(excuse.reason) > 20
        assert excuse.recording in RECORDINGS
        assert excuse.line is None or excuse.capture != "*", "a line is a line of one capture"


def test_numbers_are_closed_up_and_repeats_stay_repeats() -> None:
    capture = next(capture for capture in captures("tinker-0.38.0") if capture.name.endswith("faults"))
    numbering = Numbering(capture.lines)
    addressed = [(line, address(line)) for line in capture.lines]
    run = "sess-1:train:0"
    found = [(pair[1], numbering.of(line)) for line, pair in addressed if pair is not None and pair[0] == run]
    assert found == [(2, 1), (4, 2), (5, 3), (5, 3), (6, 4)]
    with pytest.raises(KeyError):
        numbering.of(next(line for line, pair in addressed if pair is None))


def test_a_stand_in_is_put_right_within_protobuf_too() -> None:
    capture = next(capture for capture in captures("tinker-0.38.0") if capture.name.endswith("faults"))
    runs = {batch_of(line.body.content).model_id for line in capture.lines if line.body.content is not None}
    assert runs == {"sess-1:train:0", "sess-3:train:0"}
