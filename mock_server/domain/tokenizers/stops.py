"""String stops, matched on the decoded text of what was sampled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mock_server.domain.tokenizers.bytes_and_tokens import vocabulary_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mock_server.domain.catalogue import CatalogueEntry


def stop_matcher(entry: CatalogueEntry, stops: Sequence[str]) -> Callable[[Sequence[int]], bool]:
    """A function that says, asked after each sampled token, whether the decoded text just came to contain a stop.

    It is given all ids sampled so far and looks at the last few only: a stop of n bytes costs at most n steps.
    Special tokens count as their literal text, because that is what the client's `decode` shows; a stop may begin or
    end inside a token. Ids that the served tokenizer does not know are no text. An empty stop string never matches.
    """
    needles = tuple(stop.encode(errors="replace") for stop in stops if stop)
    if not needles:
        return lambda _ids: False
    overlap = max(map(len, needles)) - 1
    piece = vocabulary_of(entry).piece

    def stopped(ids: Sequence[int]) -> bool:
        last = piece(ids[-1]) if ids else b""
        if not last:
            return False
        tail, at = last, len(ids) - 1
        while len(tail) < overlap + len(last) and at > 0:
            at -= 1
            tail = piece(ids[at]) + tail
        return any(needle in tail for needle in needles)

    return stopped
