"""Placement: find the contracts that a delivered file belongs to, by its name, or by its headings if no name fits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from schemas.contract.model import Contract, Delivery
from schemas.formats import accepted, load_formats
from warehouse.collect.extracts.delivery_checks import refuse_drift
from warehouse.collect.intake.parts import foreign_part
from warehouse.collect.layouts import layout_of
from warehouse.collect.readers.layout import Recognition, UnreadableFile
from warehouse.home.names import FileName, shown_name
from warehouse.isolation.reading import HarmfulFile, foreign_kind, recognise

_ZIPPED = "也可压缩成 ZIP"


@dataclass(frozen=True)
class Match:
    """A contract whose way of delivery fits a file."""

    contract: Contract
    delivery: Delivery
    recognition: Recognition

    @property
    def part(self) -> tuple[str | None, str | None]:
        """The sheet or table of the file that the contract reads."""
        return self.recognition.sheet, self.recognition.table


class _Unwelcome(UnreadableFile):
    """A file whose headings are a contract's, but that the contract refuses."""


@dataclass(frozen=True)
class RefusedFile:
    """Why a file, or the part of it that a contract names, is not taken in."""

    message: str
    contract: Contract | None = None


def place(path: Path, name: FileName, contracts: list[Contract], *, named: bool) -> list[Match | RefusedFile]:
    """Find the contracts of a file delivered under `name`: by the name if one fits, else by the headings.

    A part of the file belongs to one contract, the one with the most of its columns. If a contract claims the file's
    name and a certain table or sheet, and the file lacks it, the list has a refusal for that contract.
    """
    ways = [(contract, delivery) for contract in contracts for delivery in contract.deliveries]
    by_name = [way for way in ways if name.fits(way[1].pattern)]
    try:
        foreign = foreign_kind(path)
    except HarmfulFile as error:
        return [RefusedFile(str(error))]
    if foreign is not None:
        named_by = {contract.id: contract for contract, _ in by_name}
        owner = next(iter(named_by.values())) if len(named_by) == 1 else None
        return [RefusedFile(foreign.refusal(shown_name(path)), owner)]
    tried = by_name or [way for way in ways if path.suffix.lower() in load_formats()[way[1].form].suffixes]
    if not tried:
        return [_refusal(path, f"不认识这种文件，请按数据标准规定的格式（{accepted()}，{_ZIPPED}）交付")]
    matches: dict[tuple[str | None, str | None], Match] = {}
    refusals, unwelcome = [], []
    for contract, delivery in tried:
        try:
            match = _match(path, name, contract, delivery, by_name=bool(by_name))
        except HarmfulFile as error:
            return [RefusedFile(str(error))]
        except UnreadableFile as error:
            refusals.append((contract, delivery, RefusedFile(str(error), contract)))
            if isinstance(error, _Unwelcome):
                unwelcome.append(refusals[-1][2])
            continue
        rival = matches.setdefault(match.part, match)
        if len(match.recognition.columns) > len(rival.recognition.columns):
            matches[match.part] = match
    if matches:
        placed = {match.contract.id for match in matches.values()}
        lacking = [
            refusal
            for contract, delivery, refusal in refusals
            if by_name and (delivery.table or delivery.sheet) and contract.id not in placed
        ]
        return [*_with_unread(list(matches.values())), *lacking]
    if unwelcome:
        return [unwelcome[0]]
    if named or len({contract.id for contract, _ in by_name}) == 1:
        return [refusals[0][2]]
    if len({refusal.message for _, _, refusal in refusals}) == 1:
        # All contracts refuse it for the same reason, so that the file cannot be opened for any of them.
        return [RefusedFile(refusals[0][2].message)]
    return [_refusal(path, "文件名和表头都不符合任何数据标准，请核对表头，或在交付时注明数据集")]


def _with_unread(matches: list[Match]) -> list[Match]:
    """The matches of a workbook, each with the sheets that no match reads."""
    read = {name for match in matches for name in (match.recognition.sheet or "").split("、")}
    return [
        replace(
            match,
            recognition=replace(
                match.recognition,
                unread=tuple(name for name in match.recognition.unread if name not in read),
            ),
        )
        for match in matches
    ]


def _match(path: Path, name: FileName, contract: Contract, delivery: Delivery, *, by_name: bool) -> Match:
    """Match a file with a contract's way of delivery.

    Raises:
        UnreadableFile: the file is not such a delivery, or the contract refuses it.
    """
    seen = recognise(path, layout_of(contract, delivery, name.shown))
    if (problem := foreign_part(contract, delivery, name.shown)) is not None:
        raise _Unwelcome(problem)
    try:
        refuse_drift(path, contract, seen)
    except UnreadableFile as error:
        raise _Unwelcome(str(error)) from None
    if not by_name and len({way.mode for way in contract.deliveries}) > 1:
        patterns = "、".join(way.pattern for way in contract.deliveries)
        raise _Unwelcome(
            f"文件“{shown_name(path)}”：是《{contract.title}》的数据，但从文件名看不出是全量还是增量。"
            f"请按约定命名（{patterns}）后重新交付。"
        )
    return Match(contract, delivery, seen)


def _refusal(path: Path, reason: str) -> RefusedFile:
    return RefusedFile(f"文件“{shown_name(path)}”：{reason}")


def torn_snapshots(matches: Iterable[Match | RefusedFile]) -> set[str]:
    """The datasets with several snapshots in one archive, where the contract does not declare them as parts."""
    whole = [
        match.contract.id
        for match in matches
        if isinstance(match, Match) and match.delivery.mode == "snapshot" and match.delivery.parts is None
    ]
    return {dataset for dataset in whole if whole.count(dataset) > 1}


def unless_torn(match: Match | RefusedFile, torn: set[str], file: str) -> Match | RefusedFile:
    """A match, or the refusal of a file whose dataset has several snapshots in its archive."""
    if isinstance(match, RefusedFile) or match.contract.id not in torn:
        return match
    return RefusedFile(
        f"文件“{file}”：同一个压缩包里有几个文件都是《{match.contract.title}》的全量数据，不知道以哪个为准，都没有采用。"
        "请只交付一个文件；如果合起来才是全部，请合并成一个文件，或在数据标准里写明各部分（parts）后重新交付。",
        match.contract,
    )
