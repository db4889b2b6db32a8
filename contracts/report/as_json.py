"""The report as JSON, as contracts/report/report.schema.json describes it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from contracts.report.model import VERSION

if TYPE_CHECKING:
    from contracts.report.model import Report


def as_json(report: Report) -> str:
    """A document that ends with a newline."""
    values: dict[str, Any] = {"version": VERSION, **asdict(report)}
    for profile, shown in zip(report.scores, values["scores"], strict=True):
        shown["must"]["percent"], shown["should"]["percent"] = profile.must.percent, profile.should.percent
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"
