"""Decisions about an unusual delivery: refuse it for its columns, hold it as a whole, or add a remark.

A remark names everything unusual that the contract allows. This module neither reads nor keeps files.
`warehouse.collect.comparison` finds the problems of a file as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from schemas.contract.model import Contract
from warehouse.collect.comparison.judgement import Problem
from warehouse.collect.readers.layout import Reading, Recognition, UnreadableFile
from warehouse.collect.readers.naming import named
from warehouse.home.names import shown_name
from warehouse.lake.partition import Partition

_NAMED_ROWS = 10
_NAMED_PROBLEMS = 4


def refuse_drift(path: Path, contract: Contract, seen: Recognition) -> None:
    """Refuse a file whose columns differ from the contract's, if the contract demands a refusal.

    Raises:
        UnreadableFile: the file has extra columns, or lacks columns.
    """
    if contract.drift.refuse_extra and seen.extra:
        raise UnreadableFile(
            f"文件“{shown_name(path)}”：有数据标准以外的列：{named(seen.extra)}。请去掉这些列后重新交付。"
        )
    if contract.drift.refuse_missing and seen.missing:
        raise UnreadableFile(
            f"文件“{shown_name(path)}”：缺少数据标准里的列：{_titles(contract, seen)}。请补上这些列后重新交付。"
        )


def remarks(contract: Contract, reading: Reading) -> list[str]:
    """List the remarks (Chinese) about the columns and the rows of a file that was read."""
    return list(_remarks(contract, reading))


def _remarks(contract: Contract, reading: Reading) -> Iterator[str]:
    seen = reading.recognition
    if seen.missing:
        yield f"缺少的列：{_titles(contract, seen)}"
    if seen.extra:
        yield f"多出的列（未读取）：{named(seen.extra)}"
    for note in reading.notes:
        sheet = f"工作表“{note.sheet}”：" if note.sheet else ""
        rows = "、".join(str(row) for row in note.rows[:_NAMED_ROWS])
        more = f"等 {note.count:,} 行" if note.count > _NAMED_ROWS else ""
        yield f"{sheet}{f'第 {rows} 行{more}：' if rows else ''}{note.text}"
    if reading.rows == 0:
        yield "只有表头，没有数据行"


class HeldFile(UnreadableFile):
    """A file that does not come into force because it looks wrong as a whole.

    Attributes:
        problem: a description of the fault in Chinese, without the name of the file.
        checks: the names of the failed checks.
    """

    def __init__(self, message: str, problem: str, checks: Sequence[str]) -> None:
        super().__init__(message)
        self.problem, self.checks = problem, tuple(checks)


def held(path: Path, problems: Sequence[Problem], in_force: Partition | None) -> HeldFile:
    """Build the refusal of a file that looks wrong as a whole; it holds until the file is confirmed or replaced."""
    texts = [problem.text for problem in problems[:_NAMED_PROBLEMS]]
    if len(problems) > _NAMED_PROBLEMS:
        texts.append(f"另有 {len(problems) - _NAMED_PROBLEMS} 处异常")
    problem = "；".join(texts)
    advice = "；".join(dict.fromkeys(problem.advice for problem in problems[:_NAMED_PROBLEMS]))
    message = held_message(shown_name(path), problem, advice, in_force)
    return HeldFile(message, problem, [problem.check for problem in problems])


def held_message(file: str, problem: str, advice: str, in_force: Partition | None) -> str:
    """Write the message about a held file for the sender and the bureau."""
    earlier = (
        "此前没有可用的数据"
        if in_force is None
        else f"继续使用 {in_force.batch} 批次的数据（{in_force.rows:,} 行）"
    )
    return (
        f"文件“{file}”：整份文件看起来不对，暂不采用，{earlier}。{problem}。{advice}，更正后重新交付；"
        f"确认无误的，用 zhenjie deliver 文件 --confirm 原因 再次交付同一文件。"
    )


def _titles(contract: Contract, seen: Recognition) -> str:
    return named([contract.column(name).title for name in seen.missing])
