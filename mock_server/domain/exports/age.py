"""Exported files encrypted with age (age-encryption.org), to be read by none but those whom they are meant for.

Encrypting draws random numbers, so it happens once, when the checkpoint is saved. What is stored is a tar of the
encrypted files instead of the weights: the server itself can't read them any more.
"""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, Any, Final

from mock_server.domain.errors import Invalid
from mock_server.domain.exports.archive import tar_of
from mock_server.domain.exports.content import Bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mock_server.domain.exports.content import Content

SUFFIX: Final = ".age"
MOST_RECIPIENTS: Final = 10
"""The service's own limit."""
_MAGIC: Final = slice(257, 262)


def check_recipients(recipients: Sequence[str]) -> None:
    """Raises Invalid, which names what is no recipient."""
    if len(recipients) > MOST_RECIPIENTS:
        raise Invalid(f"age_encryption_recipients has {len(recipients)} entries: give at most {MOST_RECIPIENTS}")
    for recipient in recipients:
        _parsed(recipient)


def sealed(files: Mapping[str, Content], recipients: Sequence[str]) -> bytes:
    """A tar of the files, each encrypted to all recipients and named so."""
    import pyrage  # type: ignore[import-untyped]  # noqa: PLC0415 - only who encrypts needs it

    keys = [_parsed(recipient) for recipient in recipients]
    encrypted = {
        name + SUFFIX: Bytes(pyrage.encrypt(b"".join(content.read(0, content.size)), keys))
        for name, content in files.items()
    }
    tar = tar_of(encrypted, written_at=0)
    return b"".join(tar.read(0, tar.size))


def is_sealed(stored: bytes) -> bool:
    """Whether a stored checkpoint holds encrypted files instead of weights."""
    return stored[_MAGIC] == b"ustar"


def sealed_files(stored: bytes) -> dict[str, Content]:
    """The encrypted files by name."""
    with tarfile.open(fileobj=io.BytesIO(stored), mode="r:") as tar:
        members = [(member.name, tar.extractfile(member)) for member in tar]
        return {name: Bytes(file.read()) for name, file in members if file is not None}


def _parsed(recipient: str) -> Any:
    """What pyrage makes of it: an age key of its own, or a public key of SSH."""
    from pyrage import RecipientError, ssh, x25519  # noqa: PLC0415

    kind = ssh if recipient.startswith("ssh-") else x25519
    try:
        return kind.Recipient.from_str(recipient)
    except RecipientError as error:
        raise Invalid(
            f"age_encryption_recipients holds {recipient[:80]!r}, which is no recipient ({error}): "
            "give age1… keys, or SSH public keys of type ssh-ed25519 or ssh-rsa"
        ) from error
