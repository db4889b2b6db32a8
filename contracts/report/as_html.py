"""The report as one HTML file that needs nothing else: no network, no script but its own few lines.

Whatever a server answered stands in it, so all of it is escaped, and the page's policy runs no script but its own.
"""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from itertools import groupby
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

if TYPE_CHECKING:
    from jinja2 import Template

    from contracts.report.model import Report, ShownFailure
    from contracts.report.shown import ShownBody

FEW: Final = 12
"""So many failed checks are shown open; more of them are first to be overlooked as a whole."""
_JSON: Final = re.compile(
    r"""(?P<key>"(?:[^"\\]|\\.)*")(?=\s*:)|(?P<string>"(?:[^"\\]|\\.)*")|(?P<word>\b(?:true|false|null)\b|-?\d[\d.eE+-]*)""",
    re.VERBOSE,
)


def as_html(report: Report) -> str:
    """The whole page."""
    script = _text("report.js")
    policy = b64encode(sha256(script.encode()).digest()).decode()
    return _template().render(
        report=report,
        style=Markup(_text("report.css")),  # noqa: S704 - ours
        script=Markup(script),  # noqa: S704 - ours
        policy=f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{policy}'",
        unexpected=_by_profile([each for each in report.failures if not each.expected]),
        few=len({each.check for each in report.failures}) <= FEW,
        expected=_by_check([each for each in report.failures if each.expected]),
        counts={check.id: check for check in report.checks},
    )


def _by_profile(failures: list[ShownFailure]) -> list[tuple[str, str, list[list[ShownFailure]]]]:
    """Keyword, profile, and the failures of each of its checks."""
    groups = groupby(failures, key=lambda each: (each.keyword, each.profile))
    return [(keyword, profile, _by_check(list(group))) for (keyword, profile), group in groups]


def _by_check(failures: list[ShownFailure]) -> list[list[ShownFailure]]:
    return [list(group) for _, group in groupby(failures, key=lambda each: each.check)]


def _coloured(body: ShownBody) -> Markup:
    """A body's text; of JSON the keys, texts and numbers in colours of their own."""
    if body.kind != "json":
        return escape(body.text)
    pieces, end = [], 0
    for found in _JSON.finditer(body.text):
        pieces += [
            escape(body.text[end : found.start()]),
            Markup('<i class="{}">{}</i>').format(found.lastgroup, found[0]),
        ]
        end = found.end()
    return Markup("").join([*pieces, escape(body.text[end:])])


def _text(name: str) -> str:
    return (files("contracts") / "report" / name).read_text("utf-8")


@cache
def _template() -> Template:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["coloured"] = _coloured
    return environment.from_string(_text("report.html.j2"))
