"""Snapshots that arrive in several files: which part a file is, and which parts are missing.

A part that arrives again replaces its earlier version. As soon as all parts are there, they form one snapshot; until
then no part is in force.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from schemas.contract.model import Contract, Delivery, Parts


@dataclass(frozen=True)
class SnapshotPart:
    """A part's name, and the number of all parts, if the file's name states it."""

    name: str
    of: int | None = None


@dataclass(frozen=True)
class Standing:
    """The parts that arrived, and a description of the missing ones (Chinese; None if the snapshot is complete)."""

    names: tuple[str, ...]
    waiting: str | None


def part_of(parts: Parts, file: str) -> SnapshotPart | None:
    """The part of a snapshot that a file is, by its delivered name; None if the name does not say."""
    if parts.name is None:
        return SnapshotPart(PurePosixPath(file).stem)
    match = re.search(parts.name, file)
    if match is None:
        return None
    named = match.re.groupindex
    of = match["of"] if "of" in named else None
    if "part" in named:
        name = match["part"]
    else:
        name = next(
            (text for number, text in enumerate(match.groups(), 1) if number not in named.values()), None
        )
    if not name or (of is not None and not of.isdecimal()):
        return None
    return SnapshotPart(name, int(of) if of is not None else None)


def standing(parts: Parts, came: Sequence[SnapshotPart]) -> Standing:
    """Compare the parts that arrived with the contract.

    Args:
        parts: the contract's declaration of the parts.
        came: the parts in order of arrival, repetitions included.
    """
    names = tuple(dict.fromkeys(part.name for part in came))
    if parts.every:
        missing = [name for name in parts.every if name not in names]
        return Standing(names, f"还缺：{'、'.join(missing)}" if missing else None)
    wanted = parts.count if parts.count is not None else came[-1].of
    said = f"已收到 {len(names)} 份（{'、'.join(names)}），应有 {wanted} 份"
    if wanted is None or len(names) == wanted:
        return Standing(names, None)
    if len(names) < wanted:
        return Standing(names, f"{said}，还缺 {wanted - len(names)} 份")
    return Standing(names, f"{said}，多出 {len(names) - wanted} 份，请核对文件名或数据标准")


def foreign_part(contract: Contract, delivery: Delivery, file: str) -> str | None:
    """Why a file's name makes it no part of its snapshot (Chinese); None if it is a part, or has no parts."""
    if delivery.parts is None:
        return None
    part = part_of(delivery.parts, file)
    if part is None:
        return (
            f"文件“{file}”：从文件名看不出是《{contract.title}》的哪一部分。"
            f"请按约定命名（{delivery.parts.name}）后重新交付。"
        )
    if delivery.parts.every and part.name not in delivery.parts.every:
        return (
            f"文件“{file}”：“{part.name}”不是《{contract.title}》应有的部分，"
            f"应有：{'、'.join(delivery.parts.every)}。请核对文件名后重新交付。"
        )
    return None
