"""Archives: a zip file is unpacked on delivery, and each file in it becomes a delivery.

No statement of an archive is trusted: neither names nor sizes. This module does not know the datasets of the members;
`warehouse.collect.intake.placement` finds them.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass, replace
from errno import EINVAL
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO

from schemas.formats import load_formats
from warehouse.collect.readers.layout import UnreadableFile, unreadable
from warehouse.collect.readers.text.encoding import ZIP
from warehouse.home.names import FileName, shown

MOST_MEMBERS = 1000
# Bytes of all members together, and their largest ratio to the size of the archive. Text shrinks to a tenth, repetitive
# text to a fiftieth; an archive that shrinks to a thousandth was made to fill a disk.
MOST_BYTES = 16 << 30
MOST_RATIO = 400
_SMALL = 64 << 20
_CHUNK = 1 << 20

# The first bytes of an archive without members.
_EMPTY = b"PK\x05\x06"
_ENCRYPTED = 0x1
_IN_UTF_8 = 0x800
# Files that packing programs add.
_CLUTTER = {"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"}
_WORKBOOK = {"xl/workbook.xml", "xl/workbook.bin", "[Content_Types].xml", "mimetype"}
_NESTED = {".zip", ".rar", ".7z", ".gz", ".tar"}

# The errors that reading a damaged zip raises.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True)
class ArchiveMember:
    """A file from an archive: its name there with its folders, and the path of the unpacked copy."""

    name: FileName
    path: Path


def is_archive(path: Path) -> bool:
    """Whether a file is a zip archive. A workbook is a zip too, but is no archive, even if it is damaged."""
    if any(
        found.takes("sheet") and path.suffix.lower() in found.suffixes for found in load_formats().values()
    ):
        return False
    with path.open("rb") as file:
        if not file.read(len(ZIP)).startswith((ZIP, _EMPTY)):
            return False
    try:
        with zipfile.ZipFile(path) as archive:
            return not _WORKBOOK.intersection(archive.namelist())
    except _DAMAGED:
        return path.suffix.lower() == ".zip"
    except OSError as error:
        if error.errno != EINVAL:
            raise
        # The zip's directory points to a place before the start of the file.
        return path.suffix.lower() == ".zip"


def unpack(path: Path, folder: Path, largest: int = MOST_BYTES) -> list[ArchiveMember]:
    """Unpack an archive, each member into its own folder, in the order of the archive.

    `FileName.in_zip` decodes names without the UTF-8 flag.

    Args:
        path: the archive.
        folder: where its members go.
        largest: how many bytes a member may have.

    Raises:
        UnreadableFile: the archive is damaged, encrypted, nested, unreasonably large or empty, or a name points
            outside the archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [
                (info, name) for info in archive.infolist() if not _is_clutter(info, name := _name(info))
            ]
            _refuse(path, infos)
            room = _room(path)
            members = []
            for number, (info, name) in enumerate(infos):
                # Each member gets its own folder: two members may have the same name.
                target = folder / f"{number:04d}" / name.stored
                target.parent.mkdir(parents=True)
                with archive.open(info) as source:
                    room -= _copy(source, target, _Limit(path, name, room, largest))
                members.append(ArchiveMember(name, target))
    except UnicodeDecodeError:
        raise unreadable(path, "压缩包里的文件名无法识别", "改用中文 Windows 或 WPS 重新压缩") from None
    except OSError as error:
        if error.errno != EINVAL:
            raise
        raise _damaged(path) from error
    except _DAMAGED as error:
        raise _damaged(path) from error
    return members


def _name(info: zipfile.ZipInfo) -> FileName:
    """The name of a member. Without the UTF-8 flag, encoding it as code page 437 restores its bytes."""
    if info.flag_bits & _IN_UTF_8:
        name = FileName(info.orig_filename.encode("utf-8", "surrogatepass"), info.orig_filename)
    else:
        name = FileName.in_zip(info.orig_filename.encode("cp437"))
    # Other programs do not show the text behind a NUL.
    return replace(name, text=str(PurePosixPath(_slashes(name.text.partition("\0")[0]))))


def _damaged(path: Path) -> UnreadableFile:
    return unreadable(path, "压缩包已损坏，或压缩方式不受支持", "用 ZIP 格式重新压缩后交付")


def _slashes(name: str) -> str:
    return name.replace("\\", "/")


def _is_clutter(info: zipfile.ZipInfo, name: FileName) -> bool:
    parts = PurePosixPath(name.text).parts
    return info.is_dir() or not parts or not _CLUTTER.isdisjoint(parts)


def _refuse(path: Path, infos: list[tuple[zipfile.ZipInfo, FileName]]) -> None:
    """Refuse an archive by its directory, without unpacking it."""
    if not infos:
        raise unreadable(path, "压缩包里没有文件", "核对后重新压缩交付")
    if len(infos) > MOST_MEMBERS:
        raise unreadable(path, f"压缩包里有 {len(infos):,} 个文件，超过 {MOST_MEMBERS:,} 个", "分开交付")
    for info, name_in_archive in infos:
        name = name_in_archive.text
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts or ":" in parts[0]:
            raise unreadable(path, f"压缩包里的文件名“{shown(name)}”指向压缩包以外", "重新压缩后交付")
        if info.flag_bits & _ENCRYPTED:
            raise unreadable(path, "压缩包设了密码", "取消密码，重新压缩后交付")
        if PurePosixPath(name).suffix.lower() in _NESTED:
            raise unreadable(
                path, f"压缩包里还有压缩包“{shown(name)}”", "解开后把文件直接压缩在一起，或分开交付"
            )


def _room(path: Path) -> int:
    return min(MOST_BYTES, max(_SMALL, MOST_RATIO * path.stat().st_size))


@dataclass(frozen=True)
class _Limit:
    """How large a member of an archive may become: the rest of the room for all, and the largest file, in bytes."""

    archive: Path
    name: FileName
    room: int
    largest: int

    def check(self, size: int) -> None:
        if size > self.largest:
            raise unreadable(
                self.archive,
                f"压缩包里的文件“{shown(self.name.text)}”超过每个文件的上限 {self.largest:,} 字节，没有继续解压",
                "把它分成几个文件，或请管理员调大 ZHENJIE_LARGEST_FILE",
            )
        if size > self.room:
            raise unreadable(
                self.archive, "压缩包解开后大得不合理，没有继续解压", "核对压缩包的内容，分开交付"
            )


def _copy(source: IO[bytes], target: Path, limit: _Limit) -> int:
    """Unpack one member and return its size in bytes."""
    size = 0
    with target.open("wb") as file:
        while piece := source.read(_CHUNK):
            size += len(piece)
            limit.check(size)
            file.write(piece)
    return size
