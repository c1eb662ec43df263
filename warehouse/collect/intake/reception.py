"""Reception: keep a delivered file untouched, recognise it, and answer its sender with a receipt (回执).

A file that fits no contract is set aside with the reason; all other files go on. A database or workbook may hold
several datasets, each in its own table or sheet: each dataset gets a receipt, and so does each file in an archive.
This module does not read the rows; `warehouse.collect.extracts.extract` does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from schemas.contract.library import Library
from schemas.contract.model import Contract
from warehouse.collect.intake.landing import LARGEST_FILE, keep, make_whole, openable, refuse_large
from warehouse.collect.intake.parts import part_of, standing
from warehouse.collect.intake.placement import Match, RefusedFile, place, torn_snapshots, unless_torn
from warehouse.collect.readers.layout import Recognition, UnreadableFile
from warehouse.home.files import replace_json, sha256_of, special_kind
from warehouse.home.folders import Home
from warehouse.home.lock import delivering
from warehouse.home.names import FileName
from warehouse.isolation.reading import may_be_archive, unpack

# Files that may lie beside a delivered file: its receipt, its refusal, the sender's confirmation, what was read.
RECEIPT = "receipt.json"
REFUSAL = "refusal.json"
CONFIRMATION = "confirmation.json"
READING = "reading.json"

ReceiptStatus = Literal["received", "repeated", "confirmed", "set_aside"]

# The message to the sender for each status.
STATUSES: Mapping[ReceiptStatus, str] = {
    "received": "已接收",
    "repeated": "重复交付，与已接收的文件完全相同",
    "confirmed": "已确认，按文件内容采用",
    "set_aside": "未能接收",
}


@dataclass(frozen=True)
class Receipt:
    """The answer to the sender about one delivered file, or about one dataset in it.

    Attributes:
        file: its displayed name; for a file in an archive, with the archive's name before it.
        original: its name on arrival, if the displayed or the stored name differs.
        original_bytes: the bytes of that name, percent-encoded, if they are not the name in UTF-8.
        stored: its name in the folder of the delivery.
        server: the contract's way of delivery that the file matched.
        delivery: `snapshot` or `delta`.
        replaces: the earlier delivery of the batch that this one takes out of force.
        unread: the other sheets of the workbook, which no dataset reads.
        archive: the sha256 of the archive that held the file.
        number: its position among the deliveries of the batch, from 1.
    """

    extract_id: str
    batch: date
    file: str
    size: int
    sha256: str
    status: ReceiptStatus
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
    original: str | None = None
    original_bytes: str | None = None
    stored: str | None = None
    path: Path = field(default_factory=Path)

    def named(self, message: str) -> str:
        """Put the name that the sender knows into a reader's message, in place of the stored name."""
        return message.replace(f"“{self.stored}”", f"“{self.file.rpartition('/')[2]}”")

    def as_json(self) -> dict[str, object]:
        """The receipt as plain values, without its path."""
        facts = asdict(self)
        facts.pop("path")
        return {**facts, "batch": self.batch.isoformat()}


@dataclass(frozen=True)
class Terms:
    """The terms on which files are taken in.

    Attributes:
        dataset: the dataset of the files; None to decide by each file's name and headings.
        confirm: the reason why unusual files are right; None if nobody confirms them.
        largest: the largest size of a file in bytes.
    """

    dataset: str | None = None
    confirm: str | None = None
    largest: int = LARGEST_FILE


USUAL = Terms()


def deliver(
    home: Home,
    library: Library,
    files: Iterable[Path],
    batch: date,
    received_at: datetime,
    terms: Terms = USUAL,
) -> list[Receipt]:
    """Take files in for a batch.

    Args:
        home: the home with the folders `inbox` and `aside`.
        library: the contracts that a file may belong to.
        files: the delivered files; they are copied, never changed.
        batch: the batch that the files belong to.
        received_at: the time on the receipts.
        terms: the dataset, the confirmation and the size limit.

    Returns:
        For each file, in order: a receipt for each dataset in it, or one receipt that it was set aside.

    Raises:
        KeyError: the dataset of the terms has no contract.
        OSError: a file cannot be read or kept, is too large, or is still being written. The files before it
            have been taken in.
    """
    named = terms.dataset
    contracts = list(library) if named is None else [library[named]]
    visit = _Visit(home, contracts, batch, received_at, named is not None, terms.confirm, terms.largest)
    with delivering(home):
        return [receipt for path in files for receipt in visit.take_in(path)]


@dataclass(frozen=True)
class _Visit:
    """One call of `deliver`: its home, contracts, batch, time and terms."""

    home: Home
    contracts: list[Contract]
    batch: date
    received_at: datetime
    named: bool
    confirm: str | None
    largest: int

    def take_in(self, path: Path) -> Iterator[Receipt]:
        """Yield the receipts for a file, or for each file of an archive."""
        name = FileName.of(path)
        if (kind := special_kind(path)) is not None:
            # A special file (a pipe, a device) is not opened, so that it cannot be kept.
            message = f"文件“{name.shown}”：是{kind}，不是普通文件，没有接收。请交付文件本身。"
            yield replace(self._nothing(name), message=message)
            return
        refuse_large(path, self.largest)
        with self._scratch() as scratch:
            file = openable(path, scratch / "file")
            bare = self._bare(file, name)
            try:
                members = unpack(file, scratch / "members", self.largest) if may_be_archive(file) else None
            except UnreadableFile as error:
                yield _set_aside(self.home, file, RefusedFile(str(error)), bare)
                return
            if members is None:
                yield from self._keep_placed(file, bare, self._place(file, name))
                return
            placed = []
            for member in members:
                named = member.name.within(name)
                told = replace(self._bare(member.path, named), archive=bare.sha256)
                placed.append((member.path, told, self._place(member.path, named)))
            torn = torn_snapshots([match for *_, matches in placed for match in matches])
            for at, told, matches in placed:
                yield from self._keep_placed(at, told, [unless_torn(m, torn, told.file) for m in matches])

    def _place(self, path: Path, name: FileName) -> list[Match | RefusedFile]:
        return place(path, name, self.contracts, named=self.named)

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        self.home.spill.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="delivery-", dir=self.home.spill) as folder:
            yield Path(folder)

    def _bare(self, path: Path, name: FileName) -> Receipt:
        size, digest = path.stat().st_size, sha256_of(path)
        return replace(self._nothing(name), size=size, sha256=digest, stored=path.name)

    def _nothing(self, name: FileName) -> Receipt:
        return Receipt(
            extract_id="",
            batch=self.batch,
            file=name.shown,
            size=0,
            sha256="",
            status="set_aside",
            received_at=self.received_at.isoformat(timespec="seconds"),
            message="",
            original=name.original,
            original_bytes=name.original_bytes,
            stored=name.stored,
        )

    def _keep_placed(
        self, path: Path, bare: Receipt, every: Iterable[Match | RefusedFile]
    ) -> Iterator[Receipt]:
        for placed in every:
            if not isinstance(placed, Match):
                yield _set_aside(self.home, path, placed, bare)
                continue
            receipt = _received(self.home, path, placed, bare)
            if self.confirm is not None:
                receipt = _confirmed(receipt, self.received_at, self.confirm)
            yield receipt


def _set_aside(home: Home, path: Path, refusal: RefusedFile, bare: Receipt) -> Receipt:
    contract = refusal.contract
    receipt = replace(
        bare,
        extract_id=_extract_id(bare.batch, contract.id if contract else "", bare.sha256),
        message=bare.named(refusal.message),
        dataset=contract.id if contract else None,
        title=contract.title if contract else None,
    )
    return _keep(home.aside / bare.batch.isoformat() / receipt.extract_id, path, receipt)


def _received(home: Home, path: Path, match: Match, bare: Receipt) -> Receipt:
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
    """Write the message to the sender of a file that was received."""
    message = STATUSES["received"] + (f"，替换先前交付的 {replaced.file}" if replaced else "")
    return message + (f"；没有读取的工作表：{'、'.join(seen.unread)}" if seen.unread else "")


def _replaced(match: Match, earlier: Iterable[Receipt], file: str) -> Receipt | None:
    """The delivery of the batch that a snapshot, or a part of a snapshot, replaces."""
    if match.delivery.mode != "snapshot":
        return None
    own = [receipt for receipt in earlier if receipt.dataset == match.contract.id]
    if (parts := match.delivery.parts) is not None:
        part = part_of(parts, file)
        own = [r for r in own if r.server == match.delivery.name and part_of(parts, r.file) == part]
    return own[-1] if own else None


def _waiting(home: Home, match: Match, came: Iterable[Receipt]) -> str:
    """Write the message about the other parts to the sender of a part."""
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


def _confirmed(receipt: Receipt, at: datetime, reason: str) -> Receipt:
    """Lift the hold on a delivery."""
    path = receipt.path.parent / CONFIRMATION
    if not path.exists():
        replace_json(path, {"confirmed_at": at.isoformat(timespec="seconds"), "reason": reason})
    return replace(receipt, status="confirmed", message=STATUSES["confirmed"])


def _telling_name(match: Match, file: str) -> str:
    """The file's name, if values are read from it: then equal bytes under another name are another delivery."""
    return file if match.contract.reads_file_names else ""


def _extract_id(batch: date, dataset: str, sha256: str, name: str = "") -> str:
    """A delivery's identifier: the same bytes for the same dataset and batch are the same delivery."""
    text = f"{batch.isoformat()}|{dataset}|{sha256}" + (f"|{name}" if name else "")
    return "E" + hashlib.sha256(text.encode()).hexdigest()[:15].upper()


def _keep(folder: Path, path: Path, receipt: Receipt) -> Receipt:
    keep(folder, path, receipt.sha256, (RECEIPT, receipt.as_json()))
    return receipt


def read_receipt(path: Path) -> Receipt:
    """Read the receipt that lies beside a file.

    Raises:
        ValueError, KeyError or TypeError: the file is not a receipt.
    """
    facts = json.loads(path.read_text(encoding="utf-8"))
    facts |= {name: tuple(facts[name]) for name in ("columns", "missing", "extra")}
    facts["unread"] = tuple(facts.get("unread", ()))
    facts["batch"] = date.fromisoformat(facts["batch"])
    # Receipts of earlier versions give the stored name as `file`.
    return Receipt(**facts, path=path.parent / (facts.get("stored") or Path(facts["file"]).name))


def receipts(folder: Path, batch: date) -> list[Receipt]:
    """The receipts of a batch below `inbox` or `aside`, in order of arrival."""
    # Hidden folders are drafts that are not complete.
    places = sorted((folder / batch.isoformat()).glob(f"[!.]*/{RECEIPT}"))
    found = [read_receipt(path) for path in places]
    # The number goes first: if the clock was set back, an older delivery must not come into force.
    return sorted(found, key=lambda receipt: (receipt.number, receipt.received_at, receipt.extract_id))


def confirmation_of(receipt: Receipt) -> str | None:
    """The reason why a person confirmed an unusual delivery; None if nobody did."""
    path = receipt.path.parent / CONFIRMATION
    if not path.exists():
        return None
    # Confirmations of earlier versions have no reason.
    return str(json.loads(path.read_text(encoding="utf-8")).get("reason", ""))


def hold_of(receipt: Receipt) -> Mapping[str, object] | None:
    """The hold on a delivery: `problem`, `checks`, and `contract` if rules hold it; None if it is not held."""
    held = _refusal_of(receipt).get("held")
    return held if isinstance(held, dict) else None


def refusal_of(receipt: Receipt) -> str | None:
    """The message why a received delivery is not in force; None if it is neither refused nor held."""
    refusal = _refusal_of(receipt)
    return str(refusal["message"]) if refusal else None


def is_refused_as_damaged(receipt: Receipt) -> bool:
    """Whether a delivery is refused because its kept file was found damaged."""
    return bool(_refusal_of(receipt).get("damaged", False))


def is_waiting(receipt: Receipt) -> bool:
    """Whether a delivery is a part of a snapshot that waits for others."""
    return bool(_refusal_of(receipt).get("waiting", False))


def _refusal_of(receipt: Receipt) -> dict[str, object]:
    """The refusal beside a receipt; empty if the receipt has no refusal."""
    path = receipt.path.parent / REFUSAL
    refusal: dict[str, object] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return refusal


def batches(home: Home) -> list[date]:
    """The batches with at least one receipt, oldest first."""
    folders = batch_folders(home)
    return [day for folder, day in folders.items() if any(folder.glob(f"[!.]*/{RECEIPT}"))]


def batch_folders(home: Home) -> dict[Path, date]:
    """The inbox's folders whose name is a batch, oldest first; people may have dropped other folders there."""
    children = home.inbox.iterdir() if home.inbox.is_dir() else ()
    found = {child: day for child in children if (day := _day(child.name)) is not None}
    return dict(sorted(found.items(), key=lambda item: item[1]))


def _day(name: str) -> date | None:
    """The batch whose folder has this name; None if the name is not a batch."""
    try:
        day = date.fromisoformat(name)
    except ValueError:
        return None
    return day if day.isoformat() == name else None
