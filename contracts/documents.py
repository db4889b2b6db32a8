"""The files of YAML that the contract is written in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def read_yaml(path: Path) -> Any:
    """The value of a file."""
    import yaml  # noqa: PLC0415 - only who asks for the contract reads it

    # The parser in C takes a tenth of the time, where it is there.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(path.read_text("utf-8"), Loader=loader)  # noqa: S506 - safe ones both
