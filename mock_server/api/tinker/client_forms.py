"""Which client gets which form of an answer, and why.

The form follows what the client says of itself; the meaning never does: what is accepted, executed and stored is the
same for all. Every choice that depends on the client is a field of `Forms`, and every client a line of `FORMS`
(docs/clients-forms.md is written from them).
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

from mock_server.codec import is_protobuf
from mock_server.head import header

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import Request

    from mock_server.domain.client_flags import FlagValue

log = logging.getLogger(__name__)

Product = Literal["sdk", "tinkex"]
Version = tuple[int, ...]

NEWEST: Final[Mapping[Product, Version]] = {"sdk": (0, 38, 0), "tinkex": (0, 15, 0)}
"""The newest that this server was held against. Tinkex tells the version of the SDK whose dialect it speaks."""

_AGENT: Final = re.compile(r"(?:Async)?(Tinker/Python|Tinkex/Elixir)(?: v?(\S+))?")
_VERSION: Final = re.compile(r"\d{1,6}(?:\.\d{1,6}){0,3}")
_PRODUCTS: Final[Mapping[str, Product]] = {"Tinker/Python": "sdk", "Tinkex/Elixir": "tinkex"}


@dataclass(frozen=True, slots=True)
class Forms:
    """The forms of one client."""

    clients: str
    product: Product | None
    why: str
    before: Version | None = None
    """The first version that these are not for."""
    failure: Literal["text", "status"] = "text"
    """A failed operation: {error: text, category}, or {status: failed, error: {message, category}}."""
    not_ready: Literal[408, 200] = 408
    """The status of try_again."""
    names_samplers: bool = False
    """Whether an unnamed save for a sampler is a checkpoint as well, with a path."""
    external: bool = True
    """Whether lists of checkpoints hold external weights."""
    flags: Mapping[str, FlagValue] = field(default_factory=dict)
    """Other defaults of client/config; what the operator set goes before them."""


_NO_EXTERNAL: Final = (
    "Up to 0.27 the SDK knows the checkpoint types training and sampler only: one `external` makes the whole list an "
    "APIResponseValidationError."
)

FORMS: Final = (
    Forms(
        "Tinkex",
        "tinkex",
        "It takes the SDK's failure for a success or crashes on it; it asks again without a pause after 408, with a "
        "pause after 200 try_again; it can't sample from an unnamed save without a path; it speaks the dialect of SDK "
        "0.15 and refuses paths of external weights.",
        failure="status",
        not_ready=200,
        names_samplers=True,
        external=False,
    ),
    Forms("SDK before 0.19", "sdk", _NO_EXTERNAL, before=(0, 19), external=False),
    Forms(
        "SDK 0.19 to 0.24",
        "sdk",
        f"{_NO_EXTERNAL} Its Rust transport follows the archive's 302 on its own, and a 200 in its place is a "
        "TypeError (seen with 0.22.0): with httpx the download works.",
        before=(0, 25),
        external=False,
        flags={"use_pyqwest_transport": False},
    ),
    Forms("SDK 0.25 to 0.27", "sdk", _NO_EXTERNAL, before=(0, 28), external=False),
    Forms(
        "SDK 0.28 and newer, and everything else",
        None,
        "After 408 the SDK asks again at once and silently; after 200 try_again it logs a warning each time. An "
        "`error` that is a text is shown as it is.",
    ),
)

BY_REQUEST: Final = (
    (
        "Result of forward, forward_backward, asample",
        "Protobuf where Accept has `application/x-protobuf`, else JSON.",
        (
            "The SDK takes nothing else since 0.25; before 0.22, and from Tinkex, JSON is asked for. Failures and "
            "try_again are JSON always."
        ),
    ),
    (
        "Body of forward_backward",
        "Read as protobuf where Content-Type is `application/x-protobuf`, else as JSON.",
        "Protobuf since 0.25, JSON before and from Tinkex.",
    ),
    (
        "Address of an archive",
        "302 with Location and the same as JSON; 200 with `?redirect=false`.",
        (
            "All that ask for archives (SDK up to 0.35, Tinkex) take 302; up to 0.24 the SDK fails on 200. Browsers "
            "can't see a redirect before they follow it."
        ),
    ),
    (
        "HTTP errors",
        "`detail`, `message`, `error`, `category` together.",
        "The SDK shows `detail`, Tinkex `message` and `category`; neither minds the other's.",
    ),
    (
        "`type` in JSON results, `sample_sequence_ids` and `model_id` in submissions",
        "Always there.",
        (
            "Tinkex finds a result by its `type` and needs `model_id` at once; the SDK needs `sample_sequence_ids` "
            "since 0.26, and all ignore what they do not know."
        ),
    ),
)
"""What the request itself decides, or nobody: (answer, form, why)."""


def takes_protobuf(request: Request) -> bool:
    """Whether a result with tensors may be protobuf, by the first line of BY_REQUEST."""
    return is_protobuf(header(request.scope, b"accept", ""))


def forms_of(request: Request) -> Forms:
    """The forms for who sent this request. A look into a cache for every request but a client's first."""
    # Cut, since whoever asks must not decide how much is remembered.
    agent, runtime = (header(request.scope, name, "") for name in (b"user-agent", b"x-stainless-runtime"))
    return _forms_of(agent[:200], runtime[:20])


@lru_cache(maxsize=256)
def _forms_of(agent: str, runtime: str) -> Forms:
    """The cache makes a warning appear once, too."""
    product, version = client_of(agent, runtime)
    if product is not None and (version is None or version > NEWEST[product]):
        newest = ".".join(map(str, NEWEST[product]))
        log.warning(
            "client %r is not one that this server was tested with (up to %s): it gets the newest", agent, newest
        )
    return chosen(product, version)


def chosen(product: Product | None, version: Version | None) -> Forms:
    """The first line that is for this client; for a version that can't be read, the newest of its product."""
    return next(
        forms
        for forms in FORMS
        if forms.product in {product, None}
        and (forms.before is None or (version is not None and version < forms.before))
    )


def client_of(agent: str, runtime: str = "") -> tuple[Product | None, Version | None]:
    """Who it is by its User-Agent (`AsyncTinker/Python 0.38.0`), or x-stainless-runtime where a proxy replaced that.

    None for a product or a version that isn't told.
    """
    found = _AGENT.match(agent)
    if found is None:
        return ("tinkex", NEWEST["tinkex"]) if runtime.upper() == "BEAM" else (None, None)
    numbers = _VERSION.match(found[2] or "")
    return _PRODUCTS[found[1]], None if numbers is None else tuple(map(int, numbers[0].split(".")))
