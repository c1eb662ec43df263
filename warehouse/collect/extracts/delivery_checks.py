"""Judgement of a delivery that is out of the ordinary: its columns and its number of rows, as the contract declares.

What the contract does not forbid is said in a remark. Reading and keeping files is done elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from schemas.contract.model import Contract
from warehouse.collect.readers.layout import Reading, Recognition, UnreadableFile
from warehouse.collect.readers.naming import named
from warehouse.home.names import shown_name

_NAMED_ROWS = 10


def refuse_drift(path: Path, contract: Contract, seen: Recognition) -> None:
    """Refuse a file whose columns are others than the contract's, if the contract wants that.

    Raises:
        UnreadableFile: it has columns of its own, or lacks some.
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
    """What is remarkable about a file that was read (Chinese): its columns, its rows."""
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


def unusual_volume(contract: Contract, rows: int, before: int | None) -> str | None:
    """What is wrong with the number of rows of a snapshot (Chinese), if anything is.

    Args:
        contract: says how far it may move.
        rows: the rows of the snapshot.
        before: those of the snapshot in force; None if there is none.
    """
    if not before:
        return None
    volume = contract.volume
    if rows == 0:
        return f"没有数据行，而目前使用的数据有 {before:,} 行"
    # Of ten rows seven are three tenths fewer, not 0.30000000000000004.
    moved = round(rows / before - 1, 9)
    if volume.fall is not None and moved < -volume.fall:
        return f"有 {rows:,} 行，比目前使用的 {before:,} 行少 {-moved:.0%}，超过允许的 {volume.fall:.0%}"
    if volume.rise is not None and moved > volume.rise:
        return f"有 {rows:,} 行，比目前使用的 {before:,} 行多 {moved:.0%}，超过允许的 {volume.rise:.0%}"
    return None


def held(path: Path, problem: str) -> UnreadableFile:
    """The refusal of a snapshot whose number of rows is not believed until it is confirmed."""
    return UnreadableFile(
        f"文件“{shown_name(path)}”：{problem}，暂不采用，继续使用先前的数据。"
        "请核对导出是否完整；确认无误的，用 --confirm 再次交付同一文件。"
    )


def _titles(contract: Contract, seen: Recognition) -> str:
    return named([contract.column(name).title for name in seen.missing])
