"""YAML 1.2 as editors and every other tool read it, where PyYAML by itself reads YAML 1.1."""

from __future__ import annotations

import re
from typing import Final

import yaml


class CoreLoader(yaml.SafeLoader):
    """YAML 1.2's core schema: `on` is a word, not a boolean; 1e-3 is a number, a day no more than text."""

    yaml_implicit_resolvers: Final[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}  # type: ignore[misc]


_NUMBER: Final = "+-0123456789."
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+", _NUMBER),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", _NUMBER),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
):
    CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), list(_first))
# YAML 1.1 takes 017 for 15.
CoreLoader.add_constructor("tag:yaml.org,2002:int", lambda _, node: int(node.value))
