"""Files in one plain tar: gzip is too much for one of the clients, links and folders for the others."""

from __future__ import annotations

from tarfile import BLOCKSIZE, PAX_FORMAT, RECORDSIZE, TarInfo
from typing import TYPE_CHECKING

from mock_server.domain.exports.content import Bytes, Joined

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mock_server.domain.exports.content import Content


def tar_of(files: Mapping[str, Content], written_at: float) -> Joined:
    """A tar with these members at its top level. Beyond 8 GB a member's length stands in a POSIX extended header."""
    parts: list[Content] = []
    for name, content in files.items():
        member = TarInfo(name)
        member.size = content.size
        member.mtime = int(written_at)
        padding = bytes(-content.size % BLOCKSIZE)
        parts += [Bytes(member.tobuf(PAX_FORMAT)), content, Bytes(padding)]
    # Two blocks of zeros are the end, and a whole number of records what the standard asks for.
    length = sum(part.size for part in parts) + 2 * BLOCKSIZE
    parts.append(Bytes(bytes(2 * BLOCKSIZE + -length % RECORDSIZE)))
    return Joined(parts)
