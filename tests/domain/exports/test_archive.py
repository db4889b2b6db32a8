from __future__ import annotations

import io
import tarfile
from dataclasses import replace

from mock_server.domain.catalogue import Catalogue
from mock_server.domain.exports import ADAPTER_MODEL, Bytes, Content, adapter_files, tar_of
from tests.domain.exports.adapters import QWEN, bytes_of, trained


def test_a_plain_tar_with_the_files_at_its_top() -> None:
    files: dict[str, Content] = {"a.json": Bytes(b"{}"), "empty": Bytes(b""), "block": Bytes(bytes(512))}
    archive = bytes_of(tar_of(files, 1_700_000_000.7))
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:  # "r:" refuses any compression
        members = tar.getmembers()
        assert [(member.name, member.size, member.isreg(), member.mtime) for member in members] == [
            ("a.json", 2, True, 1_700_000_000),
            ("empty", 0, True, 1_700_000_000),
            ("block", 512, True, 1_700_000_000),
        ]
        read = {member.name: tar.extractfile(member).read() for member in members}  # type: ignore[union-attr]
    assert read == {name: bytes_of(content) for name, content in files.items()}
    assert len(archive) % 10240 == 0


class Readable(io.RawIOBase):
    """A content as a file that one can seek in."""

    def __init__(self, content: Content) -> None:
        self._content, self._at = content, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + {0: 0, 1: self._at, 2: self._content.size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed wants any buffer
        data = b"".join(self._content.read(self._at, min(self._content.size, self._at + len(buffer))))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def test_a_member_beyond_what_a_plain_header_can_say() -> None:
    kimi = Catalogue.default()["moonshotai/Kimi-K2.5"]
    files = adapter_files(kimi, replace(trained(), rank=32), "real")
    assert files[ADAPTER_MODEL].size > 8 << 30
    with tarfile.open(fileobj=Readable(tar_of({**files, "last": Bytes(b"here")}, 0)), mode="r:") as tar:
        sizes = {member.name: member.size for member in tar.getmembers()}
        last = tar.extractfile("last")
        assert last is not None
        assert last.read() == b"here"
    assert sizes == {name: content.size for name, content in files.items()} | {"last": 4}


def test_equal_files_give_equal_archives() -> None:
    one, other = (tar_of(adapter_files(QWEN, trained(), "tiny"), 5.0) for _ in range(2))
    assert bytes_of(one) == bytes_of(other)
    assert one.identity == other.identity
    later = tar_of(adapter_files(QWEN, trained(), "tiny"), 6.0)
    assert later.identity != one.identity
