"""Reports hold what was found, no key, and nothing that a server could run in its reader's browser."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import fromstring

import jsonschema_rs
import pytest

from contracts.report.as_html import as_html
from contracts.report.as_json import as_json
from contracts.report.as_junit import as_junit
from contracts.report.as_text import as_text
from contracts.report.model import VERSION
from contracts.server.judgement import Part
from contracts.verdicts import Finding
from tests.contracts.report import hostile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def schema(request: pytest.FixtureRequest) -> Any:
    path: Path = request.config.rootpath / "contracts" / "report" / "report.schema.json"
    return json.loads(path.read_text("utf-8"))


def test_no_report_tells_a_key_or_a_token() -> None:
    report = hostile.report()
    for text in (as_json(report), as_junit(report), as_html(report), "\n".join(as_text(report))):
        assert "500" in text
        assert hostile.KEY not in text
        assert hostile.JWT not in text
        assert "$TINKER_API_KEY" in text


def test_the_json_is_what_its_schema_says(schema: Any) -> None:
    values = json.loads(as_json(hostile.report()))
    jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(values)
    assert values["version"] == VERSION == schema["properties"]["version"]["const"]
    assert values["verdict"] == "broken"
    first = values["failures"][0]
    assert (first["check"], first["operation"], first["keyword"]) == ("no-internal-error", "create_session", "MUST")
    second = values["failures"][1]
    assert (second["evidence"], second["count"]) == ("answered 501", 6)
    assert second["exchanges"][0]["request_body"] == {"kind": "base64", "text": "/wAB", "size": 3, "whole": True}
    assert [each["expected"] for each in values["failures"]] == [False, False, True, False]
    assert values["stale"] == [{"check": "error-has-a-body", "operation": "", "line": 2}]
    broken = {each["name"]: each["must"]["broken"] for each in values["scores"]}
    assert (broken["form"], broken["core"], broken["rest"]) == (1, 1, 0)
    assert values["repeat"] == "tinker-mock check server http://h --seed 3"


def test_the_schema_describes_every_property(schema: Any) -> None:
    def undescribed(value: Any, path: str) -> Iterator[str]:
        for name, each in value.get("properties", {}).items():
            if "description" not in each and "$ref" not in each:
                yield f"{path}.{name}"
        for name, each in value.get("$defs", {}).items():
            yield from undescribed(each, name)

    assert list(undescribed(schema, "report")) == []


def test_junit_is_red_for_each_must_and_for_nothing_else() -> None:
    root = fromstring(as_junit(hostile.report()))
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert {name for name, case in cases.items() if case.find("failure") is not None} == {
        "no-internal-error",
        "error-has-a-body",
    }
    assert cases["error-has-a-body"].get("classname") in {"core.ERR-BODY", "expected failures"}
    heartbeat = cases["heartbeat-is-answered"].find("skipped")
    assert heartbeat is not None
    assert "fails as expected" in (heartbeat.get("message") or "")
    should = cases["error-says-what"].find("system-out")
    assert should is not None
    assert (should.text or "").startswith("SHOULD: ")
    for suite in root.iter("testsuite"):
        assert suite.get("tests") == str(len(suite.findall("testcase")))


class Page(HTMLParser):
    """Elements of a page, with their attributes and the text of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1][0] == "script":
            self.scripts.append(data)


def test_nothing_that_a_server_answers_runs_in_the_page() -> None:
    page = Page(as_html(hostile.report()))
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert not [tag for tag, _ in page.elements if tag in {"img", "link", "iframe", "object", "form", "base"}]
    links = [str(attributes.get("href")) for tag, attributes in page.elements if tag == "a"]
    assert links
    assert all(link.startswith("#") for link in links)
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    # What the policy lets run is that one script, to the last character.
    policy = next(attributes["content"] for tag, attributes in page.elements if "http-equiv" in attributes)
    digest = b64encode(sha256("".join(page.scripts).strip("\n").encode() + b"\n").digest()).decode()
    assert f"script-src 'sha256-{digest}'" in str(policy)
    assert "default-src 'none'" in str(policy)


def test_the_page_shows_what_failed_and_how_often() -> None:
    text = as_html(hostile.report())
    assert "5 more of the same" in text
    assert "&lt;script&gt;alert" in text
    assert "left behind" in text
    assert '<i class="key">&#34;detail&#34;</i>' in text


def test_the_lines_are_short_and_end_with_the_verdict() -> None:
    lines = list(as_text(hostile.report()))
    assert len(lines) < 60
    assert lines[-1].endswith("2 MUST and 1 SHOULD failed: not kept")
    assert "line 2 of the expected failures is stale: error-has-a-body does not fail any more" in lines


def test_a_suite_that_stumbled_gives_no_verdict() -> None:
    from contracts.report.build import Circumstances, report_of
    from contracts.server.judgement import Judgement
    from contracts.server.known import known_checks
    from contracts.server.target import Target

    known_checks()
    found = Judgement()
    found.parts.append(Part("shape", 1.0, "broke off: KeyError('x')", crashed=True))
    found.found(Finding("error-has-a-body", passed=True))
    report = report_of(found, Target("http://h"), Circumstances("t", hostile.STARTED, 1.0))
    assert report.verdict == "incomplete"
    root = fromstring(as_junit(report))
    assert [case.get("name") for case in root.iter("testcase") if case.find("error") is not None] == ["shape"]
