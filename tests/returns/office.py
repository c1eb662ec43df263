"""A township's desk with made-up tickets, and the bureau that takes its replies in: for tests of replies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
from openpyxl.worksheet.worksheet import Worksheet

from assets.platform import Platform
from quality.published import TICKETS
from quality.tickets.states import SCHEMA
from returns.ledger.store import Ledger
from returns.packages.sheet_spec import sheet_standard
from returns.replies.take_in import Intake, ReplyDesk, Submission, take_in
from returns.signing.identity import PackageIdentity, signed_facts
from returns.workbook.model import WorkbookProperties
from returns.workbook.writer import write_workbook
from warehouse.lake.store import Origin

UNIT, OTHER_UNIT = "370602004", "370602005"
OLDER, BATCH = date(2026, 3, 2), date(2026, 3, 3)
ACTOR = "wang.fang"
AT = datetime(2026, 3, 3, 9, tzinfo=UTC)

POPULATION, ALLOWANCE = "police.population", "civil_affairs.subsistence_allowance"
ENTERPRISE, CERTIFICATE = "market_regulation.enterprise", "disabled_persons.certificate"
WANG, LI = "370602199001011233", "370602198502021240"

# ticket, dataset, rule, record key, field, state, observed, suggestion, as shown: 现值, 建议值
ROWS = [
    ("SEX", POPULATION, "sex_matches_resident_id", WANG, "sex", "open", "2", "1", "女", "男"),
    ("SEX2", POPULATION, "agreement", WANG, "sex", "open", "2", "1", "女", "男"),
    ("NAME", POPULATION, "presence", WANG, "name", "returned", None, None, None, None),
    ("ID", POPULATION, "semantic_kind", WANG, "resident_id", "open", WANG, None, WANG, None),
    ("BORN", POPULATION, "type", LI, "birth_date", "reopened", "1985-02-30", "1985-02-02", "1985-02-30",
     "1985-02-02"),
    ("PHONE", POPULATION, "semantic_kind", LI, "phone", "open", "1741234567", None, "1741234567", None),
    ("PLACE", POPULATION, "code_table", LI, "village_code", "open", "370602004999", None, "370602004999",
     None),
    ("SUM", ALLOWANCE, "range", LI, "monthly_amount", "open", "99999", None, "99999", None),
    ("GRADE", CERTIFICATE, "code_table", LI + "1", "disability_grade", "open", "五级", None, "五级", None),
    ("USCC", ENTERPRISE, "semantic_kind", "92370602MADD7JXM2B", "uscc", "open", "92370602MADD7JXM2B", None,
     "92370602MADD7JXM2B", None),
    ("DONE", POPULATION, "presence", LI, "name", "closed", None, None, None, None),
    ("SENT", POPULATION, "presence", LI, "address", "referred", None, None, None, None),
    ("FINE", POPULATION, "presence", WANG, "address", "excepted", None, None, None, None),
    ("THEIRS", POPULATION, "presence", "x", "name", "open", None, None, None, None),
]  # fmt: skip


def ticket_rows(**observed: str) -> pl.DataFrame:
    """The tickets of `ROWS` as the lake holds them, some with another value observed."""
    filled: dict[str, object] = dict.fromkeys(SCHEMA, None)
    rows = [
        filled
        | {
            "ticket_id": ticket, "dataset": dataset, "rule": rule, "record_key": key, "field": field,
            "state": state, "observed": observed.get(ticket, now), "suggestion": suggestion,
            "delivered": observed.get(ticket, now), "unit_code": OTHER_UNIT if ticket == "THEIRS" else UNIT,
            "first_batch": OLDER, "last_batch": BATCH, "times_reopened": 0, "reply_no": None,
        }
        for ticket, dataset, rule, key, field, state, now, suggestion, *_ in ROWS
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=SCHEMA)


@dataclass(frozen=True)
class Office:
    """A township's desk: the workbook it got, and a bureau to send it to."""

    platform: Platform
    folder: Path
    ledger: Ledger

    def issue(self, batch: date, tickets: pl.DataFrame) -> None:
        """Put the tickets of a batch into the lake."""
        with self.platform.engine.connect() as connection:
            connection.register("ticket_rows", tickets)
            self.platform.lake.write(connection, *TICKETS, batch, "FROM ticket_rows", Origin({}))

    def workbook(self, batch: date = BATCH, unit: str = UNIT, audience: str = "township") -> Path:
        """The blank workbook of a batch."""
        standard = sheet_standard("tickets")
        shown = [
            {
                "ticket_id": ticket, "dataset": dataset, "record_key": key, "field": field,
                "observed": now, "suggestion": suggestion,
            }
            for ticket, dataset, _, key, field, _, _, _, now, suggestion in ROWS
        ]  # fmt: skip
        columns = {c.name: pl.Date if c.kind == "date" else pl.String for c in standard.columns}
        rows = pl.DataFrame(shown, schema=columns)
        path = self.folder / f"{unit}-{batch}.xlsx"
        made_for = PackageIdentity(audience, unit, batch, tuple(rows["ticket_id"]))
        key = self.platform.signing_keys().present
        assert key is not None
        identity = signed_facts(made_for, key)
        facts = {"unit": "通伸街道", "batch": batch, "count": rows.height}
        properties = WorkbookProperties("t", "市大数据局", datetime(2026, 3, 3), identity)
        write_workbook(path, [standard.sheet(rows, facts)], properties)
        return path

    def answered(self, edits: Mapping[str, Mapping[str, object]], **which: Any) -> Path:
        """The workbook with cells filled in: ticket → heading → value."""
        path = self.workbook(**which)
        book = openpyxl.load_workbook(path)
        table = Table(book["待核实"])
        for ticket, cells in edits.items():
            for title, value in cells.items():
                cell = table.cell(ticket, title)
                # openpyxl gives days, times and durations a format of their own; a number has the one beside it.
                cell.value, format_ = value if isinstance(value, tuple) else (value, None)
                cell.number_format = format_ or cell.number_format
        book.save(path)
        return path

    def take_in(self, path: Path) -> Intake:
        """Send it to the bureau."""
        platform = self.platform
        with platform.engine.connect() as connection:
            desk = ReplyDesk(
                platform.lake,
                platform.library,
                platform.codes,
                self.ledger,
                platform.signing_keys(),
                platform.home.spill,
            )
            return take_in(connection, desk, Submission(path, ACTOR, AT))

    def reply(self, edits: Mapping[str, Mapping[str, object]], **which: Any) -> Intake:
        """Fill in and send."""
        return self.take_in(self.answered(edits, **which))


class Table:
    """The returned sheet by tickets and headings."""

    def __init__(self, sheet: Worksheet) -> None:
        self.sheet = sheet
        self.header = next(row[0].row for row in sheet.iter_rows() if row[0].value == "工单号")
        self.columns = {cell.value: cell.column for cell in sheet[self.header]}
        self.rows = {
            row[0].value: row[0].row for row in sheet.iter_rows(min_row=self.header + 1) if row[0].value
        }

    def cell(self, ticket: str, title: str) -> Any:
        return self.sheet.cell(self.rows[ticket], self.columns[title])


def reasons(intake: Intake) -> dict[str, str]:
    """Ticket → why its answer was refused."""
    if intake.refused.is_empty():
        return {}
    return dict(intake.refused.select("ticket_id", "reason").iter_rows())


def values(intake: Intake) -> dict[str, str | None]:
    """Ticket → the value that its accepted answer stands for."""
    return dict(intake.accepted.select("ticket_id", "value").iter_rows())


def correct(value: object) -> dict[str, object]:
    return {"处理结果": "更正为", "更正值": value}


ADOPT = {"处理结果": "采纳建议"}
