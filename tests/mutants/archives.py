"""Servers that are wrong about signed addresses and what they lead to."""

from __future__ import annotations

import gzip
import itertools
from typing import TYPE_CHECKING, Any

from mock_server.domain import signed_urls
from mock_server.runtime import exports
from tests.mutants.surgery import Answer, answers, mutant, replaced, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable

ARCHIVE = "GET /training_runs/[^/]+/checkpoints/[^/]+/[^/]+/archive"
DOWNLOAD = "(GET|HEAD) /downloads/.*"


@mutant(killed_by="forged-address-is-refused")
def signature_skipped() -> None:
    """Does not look at an address's signature."""
    replaced(signed_urls, "reader_of", lambda path, query, secret, now: query.get("tenant", ""))


@mutant(killed_by="forged-address-is-refused")
def path_not_signed() -> None:
    """Signs addresses without their path, so that one opens all."""
    _without("path")


@mutant(killed_by=("forged-address-is-refused", "address-expires"))
def expiry_not_signed() -> None:
    """Signs addresses without their expiry, so that anybody may extend it."""
    _without("expires")


@mutant(killed_by="forged-address-is-refused")
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


@answers(ARCHIVE, killed_by=("archive-comes-as-a-redirect", "redirect-says-where-and-until"))
def archive_without_location(answer: Answer) -> None:
    """Redirects to nowhere."""
    answer.headers.pop("location", None)


@answers(ARCHIVE, killed_by="archive-is-a-plain-tar")
def archive_at_nowhere(answer: Answer) -> None:
    """Hands out an address on 0.0.0.0."""
    if location := answer.headers.get("location"):
        answer.headers["location"] = "http://0.0.0.0:1/" + location.split("/", 3)[3]


@answers(DOWNLOAD, killed_by="archive-is-a-plain-tar")
def archive_is_gzipped(answer: Answer) -> None:
    """Serves a tar.gz where clients expect a plain tar."""
    if answer.status == 200:
        answer.body = gzip.compress(answer.body)


@answers(DOWNLOAD, killed_by="download-can-go-on")
def tag_of_the_moment(answer: Answer) -> None:
    """Gives a file another ETag each time, so that no download can go on."""
    answer.headers["etag"] = f'"{next(_TAGS)}"'


_TAGS = itertools.count()


@answers(DOWNLOAD, killed_by="download-can-go-on")
def range_off_by_one(answer: Answer) -> None:
    """Serves a range one byte short."""
    if answer.status == 206:
        answer.body = answer.body[:-1]


@answers("HEAD /downloads/.*", killed_by="download-can-go-on")
def no_head(answer: Answer) -> None:
    """Does not take HEAD of a file."""
    answer.status = 405


@answers("GET .*/external_weights_urls", killed_by="external-weights-are-files")
def urls_without_expiry(answer: Answer) -> None:
    """Does not say how long its addresses live."""
    answer.drop("expires")


@answers(ARCHIVE, killed_by="address-expires")
def address_for_ever(answer: Answer) -> None:
    """Hands out addresses that work for decades."""
    answer.headers["expires"] = "Thu, 31 Dec 2099 23:59:59 GMT"


@mutant(killed_by="archive-holds-the-adapter")
def archive_of_the_first_weights() -> None:
    """Puts the weights that it exported first into every archive."""
    first: list[Any] = []

    def stale(weights: Callable[..., Any]) -> Callable[..., Any]:
        def of_state(state: Any) -> Any:
            first.append(weights(state))
            return first[0]

        return of_state

    wrapped(exports, "_weights", stale)


@answers("GET .*/external_weights_urls", killed_by=("external-weights-are-files", "external-urls-are-absolute"))
def urls_are_paths(answer: Answer) -> None:
    """Hands out paths where clients need addresses."""
    if answer.ok:
        answer.replace(urls={file: "/" + url.split("/", 3)[3] for file, url in answer.json["urls"].items()})
