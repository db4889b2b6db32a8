"""What the suite found, for people and machines: one report, written as JSON, JUnit XML, HTML or lines of text.

`report_of(judgement, ...)` makes it; each other module writes it in one form. `report.schema.json` says what the JSON
holds, and its `version` grows with every change that could break a reader.
"""
