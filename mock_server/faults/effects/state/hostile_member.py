"""An archive that reaches out of its folder."""

from io import BytesIO
from tarfile import LNKTYPE, SYMTYPE, TarFile, TarInfo
from typing import Final, Literal

from mock_server.faults.archives import change_archive
from mock_server.faults.registry import fault
from mock_server.faults.scene import CHECKPOINT, Corruption, Scene

_NAMES: Final = {"parent": "../evil.txt", "absolute": "/tmp/evil.txt", "symlink": "link", "hardlink": "link"}  # noqa: S108


@fault("hostile_member", "in_state")
class HostileMember(Corruption):
    """The checkpoint's file becomes its archive, with a member more that would be written outside of the folder that it
    is unpacked into: its name leads to the parent folder or is absolute, or it is a link to /etc/passwd. It can't be
    loaded any more.
    """

    checkpoint: str | None = CHECKPOINT
    member: Literal["parent", "absolute", "symlink", "hardlink"] = "parent"

    async def corrupt(self, scene: Scene) -> None:
        await change_archive(scene, self.checkpoint, self._with_member)

    def _with_member(self, content: bytes) -> bytes:
        told = b"not what you asked for\n"
        member = TarInfo(_NAMES[self.member])
        if self.member in {"symlink", "hardlink"}:
            member.type = SYMTYPE if self.member == "symlink" else LNKTYPE
            member.linkname = "/etc/passwd"
        else:
            member.size = len(told)
        file = BytesIO(content)
        with TarFile.open(fileobj=file, mode="a:") as archive:
            archive.addfile(member, BytesIO(told))
        return file.getvalue()
