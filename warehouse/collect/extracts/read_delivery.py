"""Deliveries read and checked, alone or as the parts of a snapshot: each counts, or is refused with a reason.

`assembly` groups the deliveries of a batch; `extract` writes them into the lake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from schemas.contract.model import Contract, Delivery
from warehouse.collect.comparison.whole_file import NOTHING_COMPARED, Comparison, compare_file
from warehouse.collect.extracts.assembly import Unit
from warehouse.collect.extracts.delivered import delivered_rows
from warehouse.collect.extracts.delivery_checks import HeldFile, held, refuse_drift, remarks
from warehouse.collect.extracts.line_diff import SpoolPlace, reread
from warehouse.collect.extracts.snapshot_diff import first_number
from warehouse.collect.intake.reception import READING, REFUSAL, Receipt, confirmation_of
from warehouse.collect.layouts import layout_of
from warehouse.collect.readers.layout import Reading, Recognition, UnreadableFile
from warehouse.home.files import replace_json
from warehouse.home.folders import Home
from warehouse.incremental.context import BatchContext
from warehouse.isolation.reading import read
from warehouse.lake.partition import Partition


@dataclass(frozen=True)
class Taken:
    """A delivery that counts: its reading, the table that holds its rows, and the remarks."""

    receipt: Receipt
    delivery: Delivery
    reading: Reading
    table: str
    remarks: tuple[str, ...]
    comparison: Comparison = NOTHING_COMPARED
    reread: bool = False
    """Whether the table lacks unchanged rows; the table `same` lists them."""

    @property
    def whole(self) -> bool:
        """Whether it holds every row of the dataset."""
        return self.delivery.mode == "snapshot"


@dataclass(frozen=True)
class ReadContext:
    """The inputs for reading deliveries.

    Attributes:
        in_force: the newest earlier extract that holds every row.
        tables: delivery identifier → the table for its rows.
        base: the snapshot to compare with; None to read whole files.
    """

    context: BatchContext
    home: Home
    contract: Contract
    in_force: Partition | None
    tables: Mapping[str, str]
    base: Partition | None


def take_unit(source: ReadContext, unit: Unit) -> tuple[list[Taken], list[tuple[Receipt, str]]]:
    """Read the deliveries of a unit: either all of them count, or all are refused with reasons."""
    if unit.waiting is not None:
        return [], [refuse(receipt, _named(receipt, unit.waiting), waiting=True) for receipt in unit.receipts]
    taken: list[Taken] = []
    for receipt in unit.receipts:
        try:
            taken.append(_take(source, receipt))
        except UnreadableFile as error:
            others = [other for other in unit.receipts if other is not receipt]
            said = f"同一批数据中的“{receipt.file}”未能采用，这一部分也暂不采用。请按它的问题说明处理后重新交付。"
            return [], [
                refuse(receipt, receipt.named(str(error))),
                *(refuse(other, _named(other, said), waiting=True) for other in others),
            ]
    try:
        taken = _believed(source, taken)
    except HeldFile as error:
        hold = Hold(error.problem, error.checks)
        return [], [
            refuse(receipt, receipt.named(str(error)), waiting=unit.parted, hold=hold)
            for receipt in unit.receipts
        ]
    for one in taken:
        (one.receipt.path.parent / REFUSAL).unlink(missing_ok=True)
        replace_json(one.receipt.path.parent / READING, _told(one))
    return taken, []


def _named(receipt: Receipt, said: str) -> str:
    return f"文件“{receipt.file}”：{said}"


def _take(source: ReadContext, receipt: Receipt) -> Taken:
    """Read one delivery into a table; with a base snapshot, only the lines that changed.

    Raises:
        UnreadableFile: the file cannot be read, or the contract refuses it.
    """
    contract, home, table = source.contract, source.home, source.tables[receipt.extract_id]
    delivery = delivery_of(contract, receipt)
    layout, found = layout_of(contract, delivery, receipt.file), None
    if source.base is not None and delivery.mode == "snapshot":
        offset = first_number(receipt.batch)
        found = reread(
            source.context, source.base, receipt.path, layout, table, SpoolPlace(home.spill, offset)
        )
    changes_only = found is not None
    if found is None:
        found = read(receipt.path, layout, source.context.connection, table, spool=home.spill)
    refuse_drift(receipt.path, contract, found.recognition)
    told = remarks(contract, found)
    if receipt.unread and delivery.sheet is None:
        told.append(f"没有读取的工作表：{'、'.join(receipt.unread)}")
    return Taken(receipt, delivery, found, table, tuple(told), reread=changes_only)


def _believed(source: ReadContext, taken: Sequence[Taken]) -> list[Taken]:
    """Add to deliveries the result of the whole-file comparison.

    Raises:
        HeldFile: the deliveries look wrong as a whole, and nobody has confirmed them.
    """
    last = taken[-1]
    whole = delivered_rows(
        source.context, [(one.table, one.receipt.path, one.reading) for one in taken], reread=taken[0].reread
    )
    in_force = source.in_force if last.whole else None
    found = compare_file(source.context, source.contract, whole, in_force, is_whole=last.whole)
    reasons = [told for one in taken if (told := confirmation_of(one.receipt)) is not None]
    if found.holding and not reasons:
        raise held(last.receipt.path, found.holding, source.in_force)
    confirmed = f"（已确认：{reasons[0]}）" if reasons and reasons[0] else ""
    texts = [problem.text + confirmed for problem in found.problems]
    return [*taken[:-1], replace(last, remarks=(*last.remarks, *texts), comparison=found)]


def delivery_of(contract: Contract, receipt: Receipt) -> Delivery:
    """The way of delivery of a file; if the contract no longer has it, the first way of the same form.

    Raises:
        UnreadableFile: the contract no longer takes files of that form.
    """
    named = [delivery for delivery in contract.deliveries if delivery.name == receipt.server]
    of_form = [d for d in named or contract.deliveries if d.form == receipt.form]
    if not of_form:
        raise UnreadableFile(
            f"文件“{receipt.file}”：数据标准已不再接受这种格式的文件。请按现行的数据标准重新交付。"
        )
    return of_form[0]


@dataclass(frozen=True)
class Hold:
    """Why a delivery is held: the problem (Chinese), and the failed checks.

    `contract` is the digest of the contract whose rules flagged too many rows; empty if the file comparison holds it.
    """

    problem: str
    checks: tuple[str, ...]
    contract: str = ""


def refuse(
    receipt: Receipt,
    message: str,
    *,
    damaged: bool = False,
    waiting: bool = False,
    hold: Hold | None = None,
) -> tuple[Receipt, str]:
    """Write beside a receipt why its file is not in force: damaged, waiting for other parts, or held as a whole."""
    refusal: dict[str, object] = {"message": message, "damaged": damaged, "waiting": waiting}
    if hold is not None:
        refusal["held"] = asdict(hold)
    replace_json(receipt.path.parent / REFUSAL, refusal)
    return receipt, message


def _told(taken: Taken) -> dict[str, object]:
    """Build the record of a reading that is kept beside the receipt: recognised columns, remarks, rows set aside."""
    reading = taken.reading
    return {
        "rows": reading.rows,
        "delivery": taken.delivery.mode,
        "remarks": list(taken.remarks),
        "set_aside": [asdict(aside) for aside in reading.set_aside],
        "parts": [_recognised(seen) for seen in reading.sheets or (reading.recognition,)],
    }


def _recognised(seen: Recognition) -> dict[str, object]:
    facts = asdict(seen)
    facts["columns"] = {column.name: column.title for column in seen.columns}
    return {name: value for name, value in facts.items() if value not in (None, ())}
