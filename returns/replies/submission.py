"""The file that a unit hands in: the workbook itself, or the whole package (zip) with the workbook in it.

Exactly one workbook is read. Whatever else is in the zip must be what the platform put there, unchanged: an answer
that somebody wrote into a CSV file would otherwise be lost without a word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from returns.workbook.errors import WorkbookError
from warehouse.collect.intake.archive import ArchiveMember
from warehouse.collect.readers.layout import UnreadableFile
from warehouse.home.files import sha256_of
from warehouse.home.names import shown_name
from warehouse.isolation.reading import may_be_archive, unpack

MANIFEST = "manifest.json"
_TEXTS = {".csv", ".txt", ".tsv", ".json"}
_WORKBOOK = ".xlsx"

# Names listed in one message; of more there is the number.
_LISTED = 5


@dataclass(frozen=True)
class SubmittedFile:
    """A file opened as far as its workbook.

    Attributes:
        name: how receipts and the ledger call it; of a workbook in a zip both names.
        workbook: where the workbook lies.
        beside: what else was in the zip.
    """

    name: str
    workbook: Path
    beside: tuple[ArchiveMember, ...] = ()

    def check_beside(self, issued: Mapping[str, str]) -> None:
        """Everything beside the workbook is as the platform issued it.

        Args:
            issued: name of each file of the package that the workbook belongs to, and its sha256.

        Raises:
            WorkbookError: a file is foreign, or was changed.
        """
        for member in self.beside:
            name = PurePosixPath(member.name.shown).name
            if name == MANIFEST:
                continue
            if name not in issued:
                raise WorkbookError(
                    f"压缩包“{self._archive}”里有不属于这份返还包的文件“{member.name.shown}”。"
                    "请去掉它，或只提交填好的工作簿（.xlsx）。"
                )
            if sha256_of(member.path) != issued[name]:
                raise WorkbookError(
                    f"压缩包“{self._archive}”里的“{member.name.shown}”与下发的不一致（可能被改动或另存过）。"
                    "平台只从工作簿（.xlsx）接收答复，请把答复填在工作簿里，并只提交工作簿。"
                )

    @property
    def _archive(self) -> str:
        return self.name.partition("/")[0]


@contextmanager
def submitted_file(path: Path, scratch: Path, largest: int) -> Iterator[SubmittedFile]:
    """Open what was handed in, for as long as the `with` block lasts.

    Args:
        path: the workbook or the zip.
        scratch: a folder for what is unpacked; made if it is not there.
        largest: how many bytes a file in the zip may have.

    Raises:
        WorkbookError: a CSV or another text file; a zip that is damaged, encrypted, nested or too large, or that
            does not hold exactly one workbook.
        OSError: the file cannot be read, or not unpacked.
    """
    if path.suffix.lower() in _TEXTS:
        raise WorkbookError(
            f"文件“{shown_name(path)}”不是工作簿：平台不从 CSV 等文本文件接收答复，其中没有平台的签章。"
            "请把答复填在下发的工作簿（.xlsx）里，再提交工作簿。"
        )
    try:
        archive = may_be_archive(path)
    except UnreadableFile as error:
        raise WorkbookError(str(error)) from error
    if not archive:
        yield SubmittedFile(shown_name(path), path)
        return
    scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=scratch, prefix="reply-") as folder:
        try:
            members = unpack(path, Path(folder), largest)
        except UnreadableFile as error:
            raise WorkbookError(str(error)) from error
        if members is None:  # a workbook is a zip too
            yield SubmittedFile(shown_name(path), path)
        else:
            yield _opened(shown_name(path), members)


def _opened(archive: str, members: list[ArchiveMember]) -> SubmittedFile:
    workbooks = [member for member in members if PurePosixPath(member.name.shown).suffix.lower() == _WORKBOOK]
    if not workbooks:
        raise WorkbookError(
            f"压缩包“{archive}”里没有工作簿（.xlsx）。请把填好的工作簿放进去，或直接提交工作簿。"
        )
    if len(workbooks) > 1:
        names = "、".join(member.name.shown for member in workbooks[:_LISTED])
        more = "" if len(workbooks) <= _LISTED else " 等"
        raise WorkbookError(
            f"压缩包“{archive}”里有 {len(workbooks)} 个工作簿（{names}{more}），无法确定以哪个为准。请逐个提交。"
        )
    (workbook,) = workbooks
    beside = tuple(member for member in members if member is not workbook)
    return SubmittedFile(f"{archive}/{workbook.name.shown}", workbook.path, beside)
