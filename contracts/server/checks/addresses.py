"""Signed addresses: they need no key, and open nothing but what they were signed for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from contracts.server.downloads import archive_of, external_urls, fetched, file_of, forgeries
from contracts.server.runs import Run
from contracts.server.tenant import answer_of
from contracts.verdicts import Violation, check

if TYPE_CHECKING:
    from contracts.server.asking import Asker

_LONGEST: Final = timedelta(days=7)
"""As long as object stores sign an address at most."""


@check("address-needs-no-key", requirement="URL-NO-KEY", kind="security")
def address_needs_no_key(asker: Asker) -> None:
    """The addresses of an archive and of external weights are answered without a key."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    run.save("a")
    run.save("a", kind="external_weights")
    for url in (archive_of(run, "weights/a")[1], *external_urls(run, "a")[1].values()):
        if not file_of(tenant, url):
            raise Violation("the file is empty", *tenant.last)


@check("forged-address-is-refused", requirement="URL-FORGED", kind="security")
def forged_address_is_refused(asker: Asker) -> None:
    """An address with any parameter changed or left out, or for another's path, is refused with 403 and a reason."""
    tenant = asker.tenant()
    run = Run.new(tenant)
    urls = []
    for name in ("a", "b"):
        run.save(name)
        urls.append(archive_of(run, f"weights/{name}")[1])
    for what, url in forgeries(*urls):
        answer = fetched(tenant, url)
        if answer_of(answer).status != 403 or not answer_of(answer).body:
            raise Violation(f"{what}: status {answer_of(answer).status} where 403 and a reason was due", answer)


@check("address-expires", requirement="URL-EXPIRED", kind="security")
def address_expires(asker: Asker) -> None:
    """An address says until when it works, a moment between now and a week from now, and none of a past moment works.

    Whether it is refused afterwards can't be seen without waiting for as long; what can be seen is that whoever moves
    the moment, to and fro, is refused.
    """
    tenant = asker.tenant()
    run = Run.new(tenant)
    run.save("a")
    answer, url = archive_of(run, "weights/a")
    told = answer_of(answer).headers.get("expires", "")
    try:
        lives = parsedate_to_datetime(told) - datetime.now(UTC)
    except ValueError:
        raise Violation(f"Expires {told!r} is no date", answer) from None
    if not timedelta(0) < lives < _LONGEST:
        raise Violation(f"the address works for {lives}", answer)
    parts = urlsplit(url)
    query = parse_qsl(parts.query)
    moments = [place for place, (name, _) in enumerate(query) if "expires" in name.lower()]
    if not moments:
        raise Violation("the address names no expiry that could have been signed", answer)
    for place in moments:
        name, value = query[place]
        for moved in ("1", "0", "-1", "", "never", f"{value}0"):
            changed = [*query[:place], (name, moved), *query[place + 1 :]]
            tenant.refused(fetched(tenant, urlunsplit(parts._replace(query=urlencode(changed)))), 400, 403)
