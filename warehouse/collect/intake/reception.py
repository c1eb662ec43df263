"""The reception desk: a delivered file is kept untouched, recognised, and its sender gets a receipt (回执).

A file that nobody can place is set aside with the reason; nothing else stops. A database or workbook may hold
several datasets, each in a table or sheet of its own: each gets its receipt, and so does each file in an
archive. Reading the rows comes later, in `warehouse.collect.extracts.extract`.
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

# What may lie beside a delivered file: its receipt, why it was refused, that its sender stands by it, what was read.
RECEIPT = "receipt.json"
REFUSAL = "refusal.json"
CONFIRMATION = "confirmation.json"
READING = "reading.json"

ReceiptStatus = Literal["received", "repeated", "confirmed", "set_aside"]

# What the sender reads for each status.
STATUSES: Mapping[ReceiptStatus, str] = {
    "received": "已接收",
    "repeated": "重复交付，与已接收的文件完全相同",
    "confirmed": "已确认，按文件内容采用",
    "set_aside": "未能接收",
}


@dataclass(frozen=True)
class Receipt:
    """What the sender is told of one delivered file, or of one dataset in it.

    Attributes:
        file: its name as it is shown; of a file in an archive with the archive's before it.
        original: its name as it came, if it is shown or stored otherwise.
        original_bytes: that name's bytes, percent-encoded, if the name in UTF-8 is other bytes.
        stored: its name in the folder of the delivery.
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
        """A reader's message with the name that the sender knows in the place of the one the file is stored under."""
        return message.replace(f"“{self.stored}”", f"“{self.file.rpartition('/')[2]}”")

    def as_json(self) -> dict[str, object]:
        """The receipt as plain values, without where it lies."""
        facts = asdict(self)
        facts.pop("path")
        return {**facts, "batch": self.batch.isoformat()}


@dataclass(frozen=True)
class Terms:
    """On which terms files are taken in.

    Attributes:
        dataset: the dataset they are of; without it each file's name and headings decide.
        confirm: why the files are right, however unusual they look; None where nobody said so.
        largest: bytes that a file may have.
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
        home: where inbox and aside lie.
        library: the contracts a file may belong to.
        files: the delivered files; they are copied, never changed.
        batch: the turn they belong to.
        received_at: the time on the receipts.
        terms: which files are taken in.

    Returns:
        In the order of the files a receipt for each dataset found in it, or one that it was set aside.

    Raises:
        KeyError: the dataset of the terms has no contract.
        OSError: a file cannot be read or kept, is too large, or is still being written; those before it
            have been taken in.
    """
    named = terms.dataset
    contracts = list(library) if named is None else [library[named]]
    visit = _Visit(home, contracts, batch, received_at, named is not None, terms.confirm, terms.largest)
    with delivering(home):
        return [receipt for path in files for receipt in visit.take_in(path)]


@dataclass(frozen=True)
class _Visit:
    """Somebody at the desk with files: for which datasets and batch, and when."""

    home: Home
    contracts: list[Contract]
    batch: date
    received_at: datetime
    named: bool
    confirm: str | None
    largest: int

    def take_in(self, path: Path) -> Iterator[Receipt]:
        """The receipts for a file, or for those in it if it is an archive."""
        name = FileName.of(path)
        if (kind := special_kind(path)) is not None:
            # It is not opened, and so not kept either.
            message = f"文件“{name.shown}”：是{kind}，不是普通文件，没有接收。请交付文件本身。"
            yield replace(self._nothing(name), message=message)
            return
        refuse_large(path, self.largest)
        with self._scratch() as scratch:
            file = openable(path, scratch / "file")
            bare = self._bare(file, name)
            try:
                members = unpack(file, scratch / "members") if may_be_archive(file) else None
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
    """What the sender reads of a file that was received."""
    message = STATUSES["received"] + (f"，替换先前交付的 {replaced.file}" if replaced else "")
    return message + (f"；没有读取的工作表：{'、'.join(seen.unread)}" if seen.unread else "")


def _replaced(match: Match, earlier: Iterable[Receipt], file: str) -> Receipt | None:
    """The delivery of the batch that a snapshot, or a part of one, takes the place of."""
    if match.delivery.mode != "snapshot":
        return None
    own = [receipt for receipt in earlier if receipt.dataset == match.contract.id]
    if (parts := match.delivery.parts) is not None:
        part = part_of(parts, file)
        own = [r for r in own if r.server == match.delivery.name and part_of(parts, r.file) == part]
    return own[-1] if own else None


def _waiting(home: Home, match: Match, came: Iterable[Receipt]) -> str:
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


def _confirmed(receipt: Receipt, at: datetime, reason: str) -> Receipt:
    """Lift the hold on a delivery."""
    path = receipt.path.parent / CONFIRMATION
    if not path.exists():
        replace_json(path, {"confirmed_at": at.isoformat(timespec="seconds"), "reason": reason})
    return replace(receipt, status="confirmed", message=STATUSES["confirmed"])


def _telling_name(match: Match, file: str) -> str:
    """The file's name, where values come from it: then files of the same bytes are not the same delivery."""
    return file if match.contract.reads_file_names else ""


def _extract_id(batch: date, dataset: str, sha256: str, name: str = "") -> str:
    """A delivery's identity: the same bytes for the same dataset and batch are the same delivery."""
    text = f"{batch.isoformat()}|{dataset}|{sha256}" + (f"|{name}" if name else "")
    return "E" + hashlib.sha256(text.encode()).hexdigest()[:15].upper()


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
    # Receipts of earlier versions name the file as it was stored.
    return Receipt(**facts, path=path.parent / (facts.get("stored") or Path(facts["file"]).name))


def receipts(folder: Path, batch: date) -> list[Receipt]:
    """The receipts of a batch below `inbox` or `aside`, in the order of their arrival."""
    # A draft is not received yet.
    places = sorted((folder / batch.isoformat()).glob(f"[!.]*/{RECEIPT}"))
    found = [read_receipt(path) for path in places]
    # The number goes first: a clock that was moved back must not put an older delivery into force.
    return sorted(found, key=lambda receipt: (receipt.number, receipt.received_at, receipt.extract_id))


def confirmation_of(receipt: Receipt) -> str | None:
    """Why a person stands by a delivery, however unusual it looks; None if nobody does."""
    path = receipt.path.parent / CONFIRMATION
    if not path.exists():
        return None
    # Confirmations of earlier versions have no reason.
    return str(json.loads(path.read_text(encoding="utf-8")).get("reason", ""))


def hold_of(receipt: Receipt) -> Mapping[str, object] | None:
    """Why a delivery is held as a whole, if it is: `problem` and `checks`, and `contract` where rules say so."""
    held = _refusal_of(receipt).get("held")
    return held if isinstance(held, dict) else None


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
    folders = batch_folders(home)
    return [day for folder, day in folders.items() if any(folder.glob(f"[!.]*/{RECEIPT}"))]


def batch_folders(home: Home) -> dict[Path, date]:
    """The folders of the inbox that are a batch's, oldest first; others somebody dropped there."""
    children = home.inbox.iterdir() if home.inbox.is_dir() else ()
    found = {child: day for child in children if (day := _day(child.name)) is not None}
    return dict(sorted(found.items(), key=lambda item: item[1]))


def _day(name: str) -> date | None:
    """The batch that a folder of the inbox is of; none, if somebody dropped it there."""
    try:
        day = date.fromisoformat(name)
    except ValueError:
        return None
    return day if day.isoformat() == name else None
