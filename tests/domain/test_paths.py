"""The grammar of tinker:// paths and of checkpoint names."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mock_server.domain.errors import Invalid
from mock_server.domain.paths import KINDS, CheckpointPath, checkpoint_name, kind_of

NAMES = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.:=+@,~-]{0,199}", fullmatch=True)
SEGMENTS = st.text(st.characters(exclude_characters="/"), min_size=1)


@given(SEGMENTS, st.sampled_from(KINDS), SEGMENTS)
def test_a_path_reads_as_it_is_written(run: str, kind: str, name: str) -> None:
    path = CheckpointPath(run, kind_of(kind), name)
    assert CheckpointPath.parse(str(path)) == path
    assert str(CheckpointPath.parse(f"tinker://{run}/{kind}/{name}")) == f"tinker://{run}/{kind}/{name}"


@given(st.lists(st.text(), max_size=5).map("/".join) | st.text())
def test_whatever_is_no_path_is_refused_with_the_form_of_one(text: str) -> None:
    segments = text.removeprefix("tinker://").split("/")
    right = len(segments) == 3 and all(segments) and segments[1] in KINDS
    assume(not (text.startswith("tinker://") and right))
    with pytest.raises(Invalid, match=r"path is .*: give tinker://<training run>/<weights \| "):
        CheckpointPath.parse(text)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "run/weights/a",
        "tinker:/run/weights/a",
        "TINKER://run/weights/a",
        "tinker://run/weights",
        "tinker://run/weights/",
        "tinker:///weights/a",
        "tinker://run/weights/a/b",
        "tinker://run/Weights/a",
        "tinker://run//a",
        "file:///etc/passwd",
    ],
)
def test_near_misses_are_no_paths(path: str) -> None:
    with pytest.raises(Invalid, match="model_path is "):
        CheckpointPath.parse(path, "model_path")


def test_a_kind_is_one_of_three() -> None:
    assert [kind_of(kind) for kind in KINDS] == list(KINDS)
    with pytest.raises(
        Invalid, match="checkpoint kind 'optimizer' is none of weights, sampler_weights, external_weights"
    ):
        kind_of("optimizer")


@given(NAMES)
def test_a_good_name_is_taken_as_it_is(name: str) -> None:
    assert checkpoint_name(name) == name
    assert CheckpointPath.parse(f"tinker://run/weights/{name}").name == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "-x", "a/b", "a b", "a\n", "ä", "a%2fb", "a\\b", "a?b", "a#b", "x" * 201]
)
def test_a_name_that_is_no_segment_of_a_url_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match=r"path is .* which can't be a checkpoint name: use 1 to 200 of letters"):
        checkpoint_name(name)
