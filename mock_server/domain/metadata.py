"""user_metadata as answers must have it: requests may hold any JSON, answers only text (trap 20)."""

import json
from collections.abc import Mapping
from typing import Any


def as_text(value: Any) -> str:
    """One value of it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def strings(metadata: Mapping[str, Any] | None) -> dict[str, str] | None:
    """All of it, where there is any."""
    return None if metadata is None else {key: as_text(value) for key, value in metadata.items()}
