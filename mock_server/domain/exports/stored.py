"""Archives that lie on the disk as they are handed out, whatever state they are in."""

from __future__ import annotations

from io import BytesIO
from tarfile import ReadError, TarFile
from typing import TYPE_CHECKING, Final

from mock_server.domain.exports.content import Bytes

if TYPE_CHECKING:
    from mock_server.domain.exports.content import Content

_MAGIC: Final = slice(257, 262)


def is_archive(content: bytes) -> bool:
    return content[_MAGIC] == b"ustar"


def archived_files(content: bytes) -> dict[str, Content]:
    """The regular files of a tar, as far as it can be read, by the names that it gives them."""
    files: dict[str, Content] = {}
    try:
        with TarFile.open(fileobj=BytesIO(content), mode="r:") as archive:
            for member in archive:
                if member.isreg():
                    begin = member.offset_data
                    files[member.name] = Bytes(content[begin : begin + member.size])
    except ReadError:  # what stands behind the damage is lost
        pass
    return files
