from __future__ import annotations

import pytest

from mock_server.api.byte_range import Unsatisfiable, requested_range


@pytest.mark.parametrize(
    ("header", "span"),
    [
        (None, None),
        ("bytes=0-0", (0, 0)),
        ("bytes=2-5", (2, 5)),
        ("bytes=2-", (2, 9)),
        ("bytes=2-999", (2, 9)),
        ("bytes=-3", (7, 9)),
        ("bytes=-999", (0, 9)),
        # What a server does not understand it ignores, and sends everything.
        ("bytes=5-2", None),
        ("bytes=-", None),
        ("bytes=0-1,3-4", None),
        ("items=0-1", None),
        ("bytes=a-b", None),
        ("bytes=²-", None),
    ],
)
def test_the_bytes_that_a_header_names_of_ten(header: str | None, span: tuple[int, int] | None) -> None:
    assert requested_range(header, 10) == span


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-20", "bytes=-0"])
def test_a_range_beyond_the_content_is_unsatisfiable(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        requested_range(header, 10)
