"""Tinker paths: tinker://{training run}/{kind}/{name}, exactly three segments (the SDK refuses any other)."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from mock_server.domain.errors import Invalid

CheckpointKind = Literal["weights", "sampler_weights", "external_weights"]
KINDS: tuple[str, ...] = get_args(CheckpointKind)
SCHEME = "tinker://"

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:=+@,~-]{0,199}")


@dataclass(frozen=True)
class CheckpointPath:
    """Where a checkpoint stands."""

    run_id: str
    kind: CheckpointKind
    name: str

    @classmethod
    def parse(cls, path: str, field: str = "path") -> "CheckpointPath":
        """Read a tinker:// path; Invalid says what a right one looks like."""
        segments = path.removeprefix(SCHEME).split("/")
        if not path.startswith(SCHEME) or len(segments) != 3 or segments[1] not in KINDS or not all(segments):
            raise Invalid(
                f"{field} is {path!r}, which is no checkpoint path: "
                f"give tinker://<training run>/<{' | '.join(KINDS)}>/<name>"
            )
        run_id, kind, name = segments
        return cls(run_id, kind_of(kind), name)

    def __str__(self) -> str:
        return f"{SCHEME}{self.run_id}/{self.kind}/{self.name}"


def kind_of(segment: str) -> CheckpointKind:
    """The kind that a path's middle segment names."""
    for kind in get_args(CheckpointKind):
        if segment == kind:
            return kind  # type: ignore[no-any-return]  # get_args forgets the literals
    raise Invalid(f"checkpoint kind {segment!r} is none of {', '.join(KINDS)}")


def checkpoint_name(name: str, field: str = "path") -> str:
    """The name if it can be a path's last segment and a URL's; Invalid otherwise."""
    if not _NAME.fullmatch(name):
        raise Invalid(
            f"{field} is {name!r}, which can't be a checkpoint name: use 1 to 200 of letters, digits and "
            "._-:=+@,~ beginning with a letter, a digit or an underscore"
        )
    return name
