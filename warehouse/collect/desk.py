"""The reception desk: a delivered file is kept untouched, recognised, and its sender gets a receipt (回执).

A file that nobody can place is set aside with the reason; nothing else stops. A database or workbook may hold
several datasets, each in a table or sheet of its own: each gets its receipt, and so does each file in an
archive. Reading the rows comes later, in `warehouse.collect.extracts`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from fnmatch import fnmatch
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from schemas.contract import Contract, Delivery
from schemas.library import Library
from warehouse.collect.archive import Member
from warehouse.collect.judgement import refuse_drift
from warehouse.collect.keeping import keep, make_whole
from warehouse.collect.layouts import layout_of
from warehouse.collect.parts import foreign_part, part_of, standing
from warehouse.collect.readers import Recognition, UnreadableFile
from warehouse.files import replace_json, sha256_of, special_kind
from warehouse.home import Home
from warehouse.isolation.reading import HarmfulFile, foreign_kind, may_be_archive, recognise, unpack

# What may lie beside a delivered file: its receipt, why it was refused, that its sender stands by it, what was read.
RECEIPT = "receipt.json"
REFUSAL = "refusal.json"
CONFIRMATION = "confirmation.json"
READING = "reading.json"

Status = Literal["received", "repeated", "confirmed", "set_aside"]

# What the sender reads for each status.
STATUSES: Mapping[Status, str] = {
    "received": "已接收",
    "repeated": "重复交付，与已接收的文件完全相同",
    "confirmed": "已确认，按文件内容采用",
    "set_aside": "未能接收",
}


@dataclass(frozen=True)
class Receipt:
    """What the sender is told of one delivered file, or of one dataset in it.

    Attributes:
        file: its name; of a file in an archive with the archive's before it.
        server: the contract's way of delivery by which it came.
        delivery: `snapshot` or `delta`.
        replaces: the delivery of the batch that no longer counts because of this one.
        unread: the other sheets of the workbook that no dataset takes.
        archive: the sha256 of the archive it was in.
        number: its place among the deliveries of the batch, from 1.
    """

    extract_id: str
    batch: date
    file: str
    size: int
    sha256: str
    status: Status
    received_at: str
    message: str
    dataset: str | None = None
    title: str | None = None
    contract_version: str | None = None
    form: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    header_row: int | None = None
    header_rows: int | None = None
    columns: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    server: str | None = None
    delivery: str | None = None
    replaces: str | None = None
    archive: str | None = None
    number: int = 0
    path: Path = field(default_factory=Path)

    def as_json(self) -> dict[str, object]:
        """The receipt as plain values, without where it lies."""
        facts = asdict(self)
        facts.pop("path")
        return {**facts, "batch": self.batch.isoformat()}


@dataclass(frozen=True)
class _Match:
    """A contract whose way of delivery fits a file."""

    contract: Contract
    delivery: Delivery
    recognition: Recognition

    @property
    def part(self) -> tuple[str | None, str | None]:
        """The sheet or table of the file that is meant."""
        return self.recognition.sheet, self.recognition.table


class _Unwelcome(UnreadableFile):
    """A file that is a contract's, by its headings, and that the contract does not take all the same."""


@dataclass(frozen=True)
class _Refusal:
    """Why a file, or the part of it that a contract names, cannot be taken in."""

    message: str
    contract: Contract | None = None


def deliver(
    home: Home,
    library: Library,
    files: Iterable[Path],
    batch: date,
    received_at: datetime,
    dataset: str | None = None,
    *,
    confirm: bool = False,
) -> list[Receipt]:
    """Take files in for a batch.

    Args:
        home: where inbox and aside lie.
        library: the contracts a file may belong to.
        files: the delivered files; they are copied, never changed.
        batch: the turn they belong to.
        received_at: the time on the receipts.
        dataset: the dataset they are of; without it each file's name and headings decide.
        confirm: whether the sender stands by the files, however unusual their number of rows.

    Returns:
        In the order of the files a receipt for each dataset found in it, or one that it was set aside.

    Raises:
        KeyError: `dataset` has no contract.
        OSError: a file cannot be read or kept, or is still being written; those before it have been taken in.
    """
    contracts = list(library) if dataset is None else [library[dataset]]
    visit = _Visit(home, contracts, batch, received_at, named=dataset is not None, confirm=confirm)
    return [receipt for path in files for receipt in visit.take_in(path)]


@dataclass(frozen=True)
class _Visit:
    """Somebody at the desk with files: for which datasets and batch, and when."""

    home: Home
    contracts: list[Contract]
    batch: date
    received_at: datetime
    named: bool
    confirm: bool

    def take_in(self, path: Path) -> Iterator[Receipt]:
        """The receipts for a file, or for those in it if it is an archive."""
        if (kind := special_kind(path)) is not None:
            # It is not opened, and so not kept either.
            message = f"文件“{path.name}”：是{kind}，不是普通文件，没有接收。请交付文件本身。"
            yield replace(self._nothing(path), message=message)
            return
        bare = self._bare(path)
        if not may_be_archive(path):
            yield from self._take_in(path, bare)
            return
        self.home.spill.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="delivery-", dir=self.home.spill) as scratch:
            try:
                members = unpack(path, Path(scratch))
            except UnreadableFile as error:
                yield _set_aside(self.home, path, _Refusal(str(error)), bare)
                return
            placed = [(member, self._place_member(path, bare, member)) for member in members or ()]
            torn = _torn_snapshots([match for _, (_, matches) in placed for match in matches])
            for member, (told, matches) in placed:
                yield from self._keep_placed(
                    member.path, told, [_unless_torn(m, torn, told) for m in matches]
                )
        if members is None:
            yield from self._take_in(path, bare)

    def _place_member(
        self, path: Path, bare: Receipt, member: Member
    ) -> tuple[Receipt, list[_Match | _Refusal]]:
        told = replace(self._bare(member.path), archive=bare.sha256, file=f"{path.name}/{member.name}")
        return told, _place(member.path, told.file, self.contracts, named=self.named)

    def _bare(self, path: Path) -> Receipt:
        return replace(self._nothing(path), size=path.stat().st_size, sha256=sha256_of(path))

    def _nothing(self, path: Path) -> Receipt:
        return Receipt(
            extract_id="",
            batch=self.batch,
            file=path.name,
            size=0,
            sha256="",
            status="set_aside",
            received_at=self.received_at.isoformat(timespec="seconds"),
            message="",
        )

    def _take_in(self, path: Path, bare: Receipt) -> Iterator[Receipt]:
        yield from self._keep_placed(path, bare, _place(path, bare.file, self.contracts, named=self.named))

    def _keep_placed(
        self, path: Path, bare: Receipt, every: Iterable[_Match | _Refusal]
    ) -> Iterator[Receipt]:
        for placed in every:
            if not isinstance(placed, _Match):
                yield _set_aside(self.home, path, placed, bare)
                continue
            receipt = _received(self.home, path, placed, bare)
            if self.confirm:
                receipt = _confirmed(receipt, self.received_at)
            yield receipt


def _torn_snapshots(matches: Iterable[_Match | _Refusal]) -> set[str]:
    """The datasets of which an archive has several snapshots, though nothing says that these are its parts."""
    whole = [
        match.contract.id
        for match in matches
        if isinstance(match, _Match) and match.delivery.mode == "snapshot" and match.delivery.parts is None
    ]
    return {dataset for dataset in whole if whole.count(dataset) > 1}


def _unless_torn(match: _Match | _Refusal, torn: set[str], bare: Receipt) -> _Match | _Refusal:
    if isinstance(match, _Refusal) or match.contract.id not in torn:
        return match
    return _Refusal(
        f"文件“{bare.file}”：同一个压缩包里有几个文件都是《{match.contract.title}》的全量数据，不知道以哪个为准，都没有采用。"
        "请只交付一个文件；如果合起来才是全部，请合并成一个文件，或在数据标准里写明各部分（parts）后重新交付。",
        match.contract,
    )


def _set_aside(home: Home, path: Path, refusal: _Refusal, bare: Receipt) -> Receipt:
    contract = refusal.contract
    receipt = replace(
        bare,
        extract_id=_extract_id(bare.batch, contract.id if contract else "", bare.sha256),
        message=refusal.message,
        dataset=contract.id if contract else None,
        title=contract.title if contract else None,
    )
    return _keep(home.aside / bare.batch.isoformat() / receipt.extract_id, path, receipt)


def _received(home: Home, path: Path, match: _Match, bare: Receipt) -> Receipt:
    extract_id = _extract_id(bare.batch, match.contract.id, bare.sha256, _telling_name(match, bare.file))
    folder = home.inbox / bare.batch.isoformat() / extract_id
    earlier = receipts(home.inbox, bare.batch)
    known = next((receipt for receipt in earlier if receipt.extract_id == extract_id), None)
    if known is not None:
        make_whole(known.path, path, known.sha256)
        return replace(known, file=bare.file, status="repeated", message=STATUSES["repeated"])
    replaced = _replaced(match, earlier, bare.file)
    seen = match.recognition
    receipt = replace(
        bare,
        extract_id=extract_id,
        status="received",
        message=_message(seen, replaced) + _waiting(home, match, [*earlier, bare]),
        dataset=match.contract.id,
        title=match.contract.title,
        contract_version=match.contract.version,
        form=seen.form,
        encoding=seen.encoding,
        sheet=seen.sheet,
        header_row=seen.header_row,
        header_rows=seen.header_rows if seen.header_row else None,
        columns=tuple(found.name for found in seen.columns),
        missing=tuple(seen.missing),
        extra=tuple(seen.extra),
        unread=tuple(seen.unread),
        server=match.delivery.name,
        delivery=match.delivery.mode,
        replaces=replaced.extract_id if replaced else None,
        number=len(earlier) + 1,
        path=folder / path.name,
    )
    return _keep(folder, path, receipt)


def _message(seen: Recognition, replaced: Receipt | None) -> str:
    """What the sender reads of a file that was received."""
    message = STATUSES["received"] + (f"，替换先前交付的 {replaced.file}" if replaced else "")
    return message + (f"；没有读取的工作表：{'、'.join(seen.unread)}" if seen.unread else "")


def _replaced(match: _Match, earlier: Iterable[Receipt], file: str) -> Receipt | None:
    """The delivery of the batch that a snapshot, or a part of one, takes the place of."""
    if match.delivery.mode != "snapshot":
        return None
    own = [receipt for receipt in earlier if receipt.dataset == match.contract.id]
    if (parts := match.delivery.parts) is not None:
        part = part_of(parts, file)
        own = [r for r in own if r.server == match.delivery.name and part_of(parts, r.file) == part]
    return own[-1] if own else None


def _waiting(home: Home, match: _Match, came: Iterable[Receipt]) -> str:
    """What the sender of a part reads of the others."""
    parts = match.delivery.parts
    if parts is None:
        return ""
    way = (match.contract.id, match.delivery.name)
    before = [
        receipt
        for batch in batches(home)
        for receipt in receipts(home.inbox, batch)
        if (receipt.dataset, receipt.server) == way and is_waiting(receipt)
    ]
    own = [r for r in came if r.dataset is None or (r.dataset, r.server) == way]
    found = [part for receipt in (*before, *own) if (part := part_of(parts, receipt.file)) is not None]
    missing = standing(parts, found).waiting
    return f"；等待其余部分，{missing}" if missing else "；各部分已到齐"


def _confirmed(receipt: Receipt, at: datetime) -> Receipt:
    """Lift the hold on a delivery."""
    path = receipt.path.parent / CONFIRMATION
    if not path.exists():
        replace_json(path, {"confirmed_at": at.isoformat(timespec="seconds")})
    return replace(receipt, status="confirmed", message=STATUSES["confirmed"])


def _telling_name(match: _Match, file: str) -> str:
    """The file's name, where values come from it: then files of the same bytes are not the same delivery."""
    return file if match.contract.reads_file_names else ""


def _extract_id(batch: date, dataset: str, sha256: str, name: str = "") -> str:
    """A delivery's identity: the same bytes for the same dataset and batch are the same delivery."""
    text = f"{batch.isoformat()}|{dataset}|{sha256}" + (f"|{name}" if name else "")
    return "E" + hashlib.sha256(text.encode()).hexdigest()[:15].upper()


def _place(path: Path, name: str, contracts: list[Contract], *, named: bool) -> list[_Match | _Refusal]:
    """The contracts a file, delivered under `name`, belongs to: by its name if that says so, else by its headings.

    A part of the file belongs to one contract, the one with the most of its columns. A contract that claims
    the file's name and a table or sheet of its own is told when the file lacks it.
    """
    ways = [(contract, delivery) for contract in contracts for delivery in contract.deliveries]
    by_name = [way for way in ways if fnmatch(path.name, way[1].pattern)]
    try:
        foreign = foreign_kind(path)
    except HarmfulFile as error:
        return [_Refusal(str(error))]
    if foreign is not None:
        named_by = {contract.id: contract for contract, _ in by_name}
        owner = next(iter(named_by.values())) if len(named_by) == 1 else None
        return [_Refusal(foreign.refusal(path.name), owner)]
    tried = by_name or [way for way in ways if path.suffix.lower() in SUFFIXES[way[1].form]]
    if not tried:
        return [_refusal(path, f"不认识这种文件，请按数据标准规定的格式（{FORMS}）交付")]
    matches: dict[tuple[str | None, str | None], _Match] = {}
    refusals, unwelcome = [], []
    for contract, delivery in tried:
        try:
            match = _match(path, name, contract, delivery, by_name=bool(by_name))
        except UnreadableFile as error:
            if isinstance(error, HarmfulFile):
                return [_Refusal(str(error))]
            refusals.append((contract, delivery, _Refusal(str(error), contract)))
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
        # Whoever's it may be, it cannot be opened.
        return [_Refusal(refusals[0][2].message)]
    return [_refusal(path, "文件名和表头都不符合任何数据标准，请核对表头，或在交付时注明数据集")]


def _with_unread(matches: list[_Match]) -> list[_Match]:
    """The matches of a workbook, each with the sheets that none of them takes."""
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


def _match(path: Path, name: str, contract: Contract, delivery: Delivery, *, by_name: bool) -> _Match:
    """What a file is as a delivery of a contract.

    Raises:
        UnreadableFile: it is none, or not as the contract wants it.
    """
    seen = recognise(path, layout_of(contract, delivery, name))
    if (problem := foreign_part(contract, delivery, name)) is not None:
        raise _Unwelcome(problem)
    try:
        refuse_drift(path, contract, seen)
    except UnreadableFile as error:
        raise _Unwelcome(str(error)) from None
    if not by_name and len({way.mode for way in contract.deliveries}) > 1:
        patterns = "、".join(way.pattern for way in contract.deliveries)
        raise _Unwelcome(
            f"文件“{path.name}”：是《{contract.title}》的数据，但从文件名看不出是全量还是增量。"
            f"请按约定命名（{patterns}）后重新交付。"
        )
    return _Match(contract, delivery, seen)


def _refusal(path: Path, reason: str) -> _Refusal:
    return _Refusal(f"文件“{path.name}”：{reason}")


FORMS = "CSV、XLSX、XLS、DBF 或 SQLite 数据库，也可压缩成 ZIP"
SUFFIXES = {
    "csv": {".csv", ".txt"},
    "xlsx": {".xlsx", ".xlsm", ".xls"},
    "sqlite": {".db", ".sqlite", ".sqlite3"},
    "dbf": {".dbf"},
}


def _keep(folder: Path, path: Path, receipt: Receipt) -> Receipt:
    keep(folder, path, receipt.sha256, (RECEIPT, receipt.as_json()))
    return receipt


def read_receipt(path: Path) -> Receipt:
    """A receipt as it lies beside its file.

    Raises:
        ValueError, KeyError or TypeError: it is none.
    """
    facts = json.loads(path.read_text(encoding="utf-8"))
    facts |= {name: tuple(facts[name]) for name in ("columns", "missing", "extra")}
    facts["unread"] = tuple(facts.get("unread", ()))
    facts["batch"] = date.fromisoformat(facts["batch"])
    return Receipt(**facts, path=path.parent / Path(facts["file"]).name)


def receipts(folder: Path, batch: date) -> list[Receipt]:
    """The receipts of a batch below `inbox` or `aside`, in the order of their arrival."""
    # A draft is not received yet.
    places = sorted((folder / batch.isoformat()).glob(f"[!.]*/{RECEIPT}"))
    found = [read_receipt(path) for path in places]
    # The number goes first: a clock that was moved back must not put an older delivery into force.
    return sorted(found, key=lambda receipt: (receipt.number, receipt.received_at, receipt.extract_id))


def refusal_of(receipt: Receipt) -> str | None:
    """Why a delivery that was taken in is not in force, if it is refused or held."""
    refusal = _refusal_of(receipt)
    return str(refusal["message"]) if refusal else None


def is_refused_as_damaged(receipt: Receipt) -> bool:
    """Whether a delivery is refused because its kept file was found damaged."""
    return bool(_refusal_of(receipt).get("damaged", False))


def is_waiting(receipt: Receipt) -> bool:
    """Whether a delivery is a part of a snapshot that waits for others."""
    return bool(_refusal_of(receipt).get("waiting", False))


def _refusal_of(receipt: Receipt) -> dict[str, object]:
    """The refusal beside a receipt; empty if there is none."""
    path = receipt.path.parent / REFUSAL
    refusal: dict[str, object] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return refusal


def batches(home: Home) -> list[date]:
    """The batches for which something was received, oldest first."""
    if not home.inbox.is_dir():
        return []
    days = []
    for child in home.inbox.iterdir():
        if child.is_dir() and any(child.glob(f"[!.]*/{RECEIPT}")):
            days.append(date.fromisoformat(child.name))
    return sorted(days)
