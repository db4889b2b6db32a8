"""Where a client puts its key, and where it does not."""

from __future__ import annotations

from urllib.parse import unquote

from contracts.observer.case import HOLDS, Broken, Case, Found, observed, unless


@observed("key-on-every-call", "C-KEY")
def key_on_every_call(case: Case) -> Found:
    """Every operation carries X-API-Key."""
    if case.facts.operation in {"", "healthz"} or case.signed:
        return None
    return unless("x-api-key" in case.facts.request.headers, "the request has no X-API-Key")


@observed("key-has-its-form", "C-KEY-FORM")
def key_has_its_form(case: Case) -> Found:
    """A key begins with tml- or is a JWT."""
    key = case.facts.request.headers.get("x-api-key")
    if key is None:
        return None
    return unless(key.startswith(("tml-", "eyJ")), "X-API-Key begins neither with tml- nor with eyJ")


@observed("key-only-in-its-header", "C-KEY-PLACE")
def key_only_in_its_header(case: Case) -> Found:
    """The key stands in X-API-Key and nowhere else."""
    request = case.facts.request
    key = request.headers.get("x-api-key", "")
    authorization = request.headers.get("authorization", "")
    if "tml-" in authorization or (len(key) > 7 and key in authorization):
        return Broken("the key stands in Authorization: send it in X-API-Key alone")
    # The shortest keys are words that may stand in a name as well.
    if len(key) > 7 and (key in request.path or key in unquote(request.query)):
        return Broken("the key stands in the URL, which logs and proxies keep")
    return HOLDS


@observed("no-key-to-signed-url", "C-KEY-SIGNED")
def no_key_to_signed_url(case: Case) -> Found:
    """A signed URL is fetched without the key."""
    if not case.signed:
        return None
    sent = {"x-api-key", "authorization"} & case.facts.request.headers.keys()
    return unless(not sent, f"{', '.join(sorted(sent))} sent to a signed URL")
