"""Servers that are wrong about signed addresses and what they lead to."""

from __future__ import annotations

import gzip
import itertools
from typing import TYPE_CHECKING, Any

from mock_server.domain import signed_urls
from tests.mutants.surgery import Answer, answers, mutant, replaced, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable

ARCHIVE = "GET /training_runs/[^/]+/checkpoints/[^/]+/[^/]+/archive"
DOWNLOAD = "/downloads/.*"


@mutant(killed_by="")
def signature_skipped() -> None:
    """Does not look at an address's signature."""
    replaced(signed_urls, "reader_of", lambda path, query, secret, now: query.get("tenant", ""))


@mutant(killed_by="")
def path_not_signed() -> None:
    """Signs addresses without their path, so that one opens all."""
    _without("path")


@mutant(killed_by="")
def expiry_not_signed() -> None:
    """Signs addresses without their expiry, so that anybody may extend it."""
    _without("expires")


@mutant(killed_by="")
def tenant_not_signed() -> None:
    """Signs addresses without the tenant."""
    _without("tenant")


def _without(part: str) -> None:
    def blind(sign: Callable[..., Any]) -> Callable[..., Any]:
        def signs(path: str, tenant: str, expires: str, secret: bytes) -> Any:
            said = {"path": path, "tenant": tenant, "expires": expires} | {part: ""}
            return sign(said["path"], said["tenant"], said["expires"], secret)

        return signs

    wrapped(signed_urls, "_signature", blind)


@answers(ARCHIVE, killed_by="")
def archive_without_location(answer: Answer) -> None:
    """Redirects to nowhere."""
    answer.headers.pop("location", None)


@answers(ARCHIVE, killed_by="")
def archive_at_nowhere(answer: Answer) -> None:
    """Hands out an address on 0.0.0.0."""
    if location := answer.headers.get("location"):
        answer.headers["location"] = "http://0.0.0.0:1/" + location.split("/", 3)[3]


@answers(f"GET {DOWNLOAD}", killed_by="")
def archive_is_gzipped(answer: Answer) -> None:
    """Serves a tar.gz where clients expect a plain tar."""
    if answer.status == 200:
        answer.body = gzip.compress(answer.body)


@answers(f"GET {DOWNLOAD}", killed_by="")
def tag_of_the_moment(answer: Answer) -> None:
    """Gives a file another ETag each time, so that no download can go on."""
    answer.headers["etag"] = f'"{next(_TAGS)}"'


_TAGS = itertools.count()


@answers(f"GET {DOWNLOAD}", killed_by="")
def range_off_by_one(answer: Answer) -> None:
    """Serves a range one byte short."""
    if answer.status == 206:
        answer.body = answer.body[:-1]


@answers(f"HEAD {DOWNLOAD}", killed_by="")
def no_head(answer: Answer) -> None:
    """Does not take HEAD of a file."""
    answer.status = 405


@answers("GET .*/external_weights_urls", killed_by="")
def urls_without_expiry(answer: Answer) -> None:
    """Does not say how long its addresses live."""
    answer.drop("expires")
