"""The report as JUnit XML, which every CI shows: a suite a profile, a test case a check.

Red is what the exit code is red for: a MUST that is not kept. A SHOULD is told in the output of a case that passes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from contracts.requirements import requirements

if TYPE_CHECKING:
    from contracts.report.model import Report, ShownCheck, ShownFailure

_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML 1.0 document may hold, not even escaped; a server may send any."""


def as_junit(report: Report) -> str:
    """A document that ends with a newline."""
    root = Element("testsuites", name="tinker-mock check server", time=str(report.seconds))
    for profile in report.profiles:
        suite = SubElement(root, "testsuite", name=profile, timestamp=report.started)
        for check in report.checks:
            if requirements()[check.requirement].profile == profile:
                _case(suite, check, [each for each in report.failures if each.check == check.id])
        _count(suite)
    rest = SubElement(root, "testsuite", name="the run itself", timestamp=report.started)
    for part in report.parts:
        case = SubElement(rest, "testcase", classname="part", name=part.name, time=str(part.seconds))
        if part.crashed:
            SubElement(case, "error", message=_clean(part.ended)).text = _clean("\n".join(part.notes))
    for stale in report.stale:
        case = SubElement(
            rest, "testcase", classname="expected failures", name=f"{stale.check} {stale.operation}".strip()
        )
        SubElement(case, "failure", message=f"line {stale.line} is stale: this does not fail any more, take it out")
    _count(rest)
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _case(suite: Element, check: ShownCheck, failures: list[ShownFailure]) -> None:
    case = SubElement(suite, "testcase", classname=f"{suite.get('name')}.{check.requirement}", name=check.id, time="0")
    unexpected = [each for each in failures if not each.expected]
    if not check.passed and not check.failed:
        SubElement(case, "skipped", message="not asked: it takes a part or an answer that was not there")
    elif unexpected and unexpected[0].keyword == "MUST":
        text = _clean(_told(unexpected))
        SubElement(case, "failure", type=check.requirement, message=_clean(unexpected[0].evidence)).text = text
    elif unexpected:
        SubElement(case, "system-out").text = _clean(f"SHOULD: {_told(unexpected)}")
    elif failures:
        SubElement(case, "skipped", message=_clean(f"fails as expected: {failures[0].evidence}"))


def _told(failures: list[ShownFailure]) -> str:
    paragraphs = ["\n".join([each.told, *(exchange.curl for exchange in each.exchanges)]) for each in failures]
    return "\n\n".join([failures[0].text, *paragraphs])


def _count(suite: Element) -> None:
    for name, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(sum(1 for _ in suite.iter(tag))))


def _clean(text: str) -> str:
    return _NOT_XML.sub("�", text)
