from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mock_server.domain.exports.content import PIECE_BYTES, Bytes, Content, Cut, Joined, Loop


def all_of(content: Content, start: int = 0, stop: int | None = None) -> bytes:
    return b"".join(content.read(start, content.size if stop is None else stop))


def a_file() -> Joined:
    """A content of every kind, with parts longer and shorter than a piece, and one that is empty."""
    loop = Loop(bytes(range(251)))
    inner = Joined([Cut(loop, 7, 3), Cut(loop, 10, PIECE_BYTES + 11), Cut(loop, 5, 0)])
    return Joined([Bytes(b"begin"), inner, Bytes(b""), Bytes(bytes(PIECE_BYTES + 1)), Cut(loop, 250, 2), Bytes(b"end")])


FILE = a_file()
WHOLE = all_of(FILE)
POSITION = st.integers(0, FILE.size) | st.sampled_from([0, 1, 5, 8, PIECE_BYTES, PIECE_BYTES + 19, FILE.size - 1])


@given(POSITION, POSITION)
def test_any_range_is_the_slice_of_the_whole(one: int, other: int) -> None:
    start, stop = min(one, other), max(one, other)
    assert all_of(FILE, start, stop) == WHOLE[start:stop]


def test_it_has_the_length_that_it_says() -> None:
    assert len(WHOLE) == FILE.size


def test_no_piece_is_longer_than_a_reader_has_room_for() -> None:
    assert max(map(len, FILE.read(0, FILE.size))) <= PIECE_BYTES


@given(st.binary(min_size=1, max_size=40), st.integers(0, 200), st.integers(0, 200))
def test_a_cut_is_a_part_of_the_vector_repeated_without_end(vector: bytes, offset: int, size: int) -> None:
    assert all_of(Cut(Loop(vector), offset, size)) == (vector * 500)[offset:][:size]


def test_what_reads_the_same_has_one_identity_and_what_does_not_another() -> None:
    assert a_file().identity == FILE.identity
    loop = Loop(b"abc")
    contents: list[Content] = [
        Bytes(b"ab"),
        Bytes(b"ba"),
        Cut(loop, 0, 2),
        Cut(loop, 1, 2),
        Cut(loop, 0, 3),
        Cut(Loop(b"abd"), 0, 2),
        Joined([Bytes(b"a"), Bytes(b"bc")]),
        Joined([Bytes(b"ab"), Bytes(b"d")]),
    ]
    assert len({content.identity for content in contents}) == len(contents)
