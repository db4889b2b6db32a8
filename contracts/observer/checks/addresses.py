"""Addresses that a server hands out."""

from __future__ import annotations

from contracts.observer.case import Broken, Case, Found, observed, unless


@observed("redirect-says-where-and-until", "ARC-302", on={"archive"}, of_answers=True)
def redirect_says_where_and_until(case: Case) -> Found:
    """An archive's redirect has an absolute Location and an Expires."""
    if not 300 <= case.response.status < 400:
        return None
    headers = case.response.headers
    if "://" not in headers.get("location", ""):
        return Broken(f"Location {headers.get('location')!r} is no absolute address")
    return unless(bool(headers.get("expires")), "no Expires beside Location")


@observed("external-urls-are-absolute", "EXT-URLS", on={"external_weights_urls"}, of_answers=True)
def external_urls_are_absolute(case: Case) -> Found:
    """external_weights_urls maps relative file paths to absolute URLs, and is never empty."""
    if not case.facts.accepted:
        return None
    urls = case.facts.answer.get("urls")
    if not isinstance(urls, dict) or not urls:
        return Broken(f"urls {urls!r:.60}: clients take an empty one for an error")
    bad = [f for f, u in urls.items() if f.startswith("/") or ".." in f.split("/") or "://" not in str(u)]
    return unless(not bad, f"{bad[:3]} are no relative paths to absolute URLs")
