"""The reception desk: a delivered file is kept untouched, recognised, and its sender gets a receipt (回执).

A file that nobody can place is set aside with the reason; nothing else stops. Reading the rows comes later, in
`warehouse.collect.extracts`.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal
from uuid import uuid4

from schemas.contract import Contract, Delivery
from schemas.library import Library
from warehouse.collect.layouts import layout_of
from warehouse.collect.readers import Recognition, UnreadableFile, recognise
from warehouse.home import Home
from warehouse.lake import replace_json, sha256_of

RECEIPT = "receipt.json"
REFUSAL = "refusal.json"

Status = Literal["received", "repeated", "set_aside"]

# What the sender reads for each status.
STATUSES: Mapping[Status, str] = {
    "received": "已接收",
    "repeated": "重复交付，与已接收的文件完全相同",
    "set_aside": "未能接收",
}


@dataclass(frozen=True)
class Receipt:
    """What the sender is told of one delivered file."""

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
    columns: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
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


def deliver(
    home: Home,
    library: Library,
    files: Iterable[Path],
    batch: date,
    received_at: datetime,
    dataset: str | None = None,
) -> list[Receipt]:
    """Take files in for a batch.

    Args:
        home: where inbox and aside lie.
        library: the contracts a file may belong to.
        files: the delivered files; they are copied, never changed.
        batch: the turn they belong to.
        received_at: the time on the receipts.
        dataset: the dataset they are of; without it each file's name and headings decide.

    Returns:
        A receipt per file, in order.

    Raises:
        KeyError: `dataset` has no contract.
    """
    contracts = list(library) if dataset is None else [library[dataset]]
    return [
        _take_in(home, contracts, path, batch, received_at, named=dataset is not None)
        for path in files
    ]


def _take_in(
    home: Home,
    contracts: list[Contract],
    path: Path,
    batch: date,
    received_at: datetime,
    *,
    named: bool,
) -> Receipt:
    sha256 = sha256_of(path)
    common = {
        "batch": batch,
        "file": path.name,
        "size": path.stat().st_size,
        "sha256": sha256,
        "received_at": received_at.isoformat(timespec="seconds"),
    }
    try:
        match = _place(path, contracts, named=named)
    except UnreadableFile as error:
        receipt = Receipt(
            extract_id=_extract_id(batch, "", sha256),
            status="set_aside",
            message=str(error),
            **common,  # type: ignore[arg-type]
        )
        return _keep(home.aside / batch.isoformat() / receipt.extract_id, path, receipt)
    extract_id = _extract_id(batch, match.contract.id, sha256)
    folder = home.inbox / batch.isoformat() / extract_id
    seen = match.recognition
    receipt = Receipt(
        extract_id=extract_id,
        status="repeated" if (folder / RECEIPT).exists() else "received",
        message=STATUSES["repeated" if (folder / RECEIPT).exists() else "received"],
        dataset=match.contract.id,
        title=match.contract.title,
        contract_version=match.contract.version,
        form=seen.form,
        encoding=seen.encoding,
        sheet=seen.sheet,
        header_row=seen.header_row,
        columns=tuple(found.name for found in seen.columns),
        missing=tuple(seen.missing),
        extra=tuple(seen.extra),
        path=folder / path.name,
        **common,  # type: ignore[arg-type]
    )
    return receipt if receipt.status == "repeated" else _keep(folder, path, receipt)


def _extract_id(batch: date, dataset: str, sha256: str) -> str:
    """A delivery's identity: the same bytes for the same dataset and batch are the same delivery."""
    text = f"{batch.isoformat()}|{dataset}|{sha256}"
    return "E" + hashlib.sha256(text.encode()).hexdigest()[:15].upper()


def _place(path: Path, contracts: list[Contract], *, named: bool) -> _Match:
    """The contract a file belongs to: by its name if that says so, else by its headings."""
    ways = [(contract, delivery) for contract in contracts for delivery in contract.deliveries]
    by_name = [way for way in ways if fnmatch(path.name, way[1].pattern)]
    tried = by_name or [way for way in ways if path.suffix.lower() in SUFFIXES[way[1].form]]
    if not tried:
        raise UnreadableFile(
            f"文件“{path.name}”：不认识这种文件，请按数据标准规定的格式（CSV、XLSX 或 SQLite 数据库）交付"
        )
    matches, refusals = [], []
    for contract, delivery in tried:
        try:
            matches.append(_Match(contract, delivery, recognise(path, layout_of(contract, delivery))))
        except UnreadableFile as error:
            refusals.append(error)
    if len(matches) == 1:
        return matches[0]
    if len(matches) > 1:
        return max(matches, key=lambda match: len(match.recognition.columns))
    if named or len(by_name) == 1:
        raise refusals[0]
    raise UnreadableFile(
        f"文件“{path.name}”：文件名和表头都不符合任何数据标准，请核对表头，或在交付时注明数据集"
    )


SUFFIXES = {
    "csv": {".csv", ".txt"},
    "xlsx": {".xlsx", ".xlsm"},
    "sqlite": {".db", ".sqlite", ".sqlite3"},
}


def _keep(folder: Path, path: Path, receipt: Receipt) -> Receipt:
    """Copy the file and its receipt beside, then put the folder in place in one step."""
    if folder.exists():
        return receipt
    draft = folder.parent / f".draft-{uuid4().hex}"
    draft.mkdir(parents=True)
    shutil.copyfile(path, draft / path.name)
    replace_json(draft / RECEIPT, receipt.as_json())
    draft.rename(folder)
    return receipt


def receipts(folder: Path, batch: date) -> list[Receipt]:
    """The receipts of a batch below `inbox` or `aside`, in the order of their arrival."""
    found = []
    for path in sorted((folder / batch.isoformat()).glob(f"*/{RECEIPT}")):
        facts = json.loads(path.read_text(encoding="utf-8"))
        facts |= {name: tuple(facts[name]) for name in ("columns", "missing", "extra")}
        facts["batch"] = date.fromisoformat(facts["batch"])
        found.append(Receipt(**facts, path=path.parent / facts["file"]))
    return sorted(found, key=lambda receipt: (receipt.received_at, receipt.extract_id))


def batches(home: Home) -> list[date]:
    """The batches for which something was received, oldest first."""
    if not home.inbox.is_dir():
        return []
    days = []
    for child in home.inbox.iterdir():
        if child.is_dir() and any(child.glob(f"*/{RECEIPT}")):
            days.append(date.fromisoformat(child.name))
    return sorted(days)
