"""A limit on what a small body may become in memory."""

from mock_server.codec.errors import Malformed

MAX_EXPANDED_ELEMENTS = 1 << 24


class Allowance:
    """How many elements one request may expand to beyond its own bytes.

    A CSR tensor or an image names billions of elements in a few bytes; without a limit one request takes all memory.
    """

    def __init__(self, elements: int = MAX_EXPANDED_ELEMENTS) -> None:
        self._left = elements
        self._granted = elements

    def take(self, elements: int, field: str) -> None:
        self._left -= elements
        if self._left < 0:
            raise Malformed(
                field,
                f"expands to {elements} elements, more than are left of the {self._granted} a request may expand to",
                "split the data over several requests",
            )
