"""Replies: an answered workbook comes back; each answer is accepted or refused, each refusal has its reason.

An accepted answer goes into the ledger and works from the next batch on. Nothing is changed here but the
ledger. Which answers are refused, and why, is `returns.judgement`; what accepted ones bring about begins in
`returns.effects`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl

from quality.published import TICKETS
from quality.tickets import TO_ANSWER
from returns.declared import sheet_standard
from returns.effects import corrections_in_force
from returns.judgement import judge
from returns.ledger.chain import Entry
from returns.ledger.store import Ledger
from returns.workbook.errors import WorkbookError
from returns.workbook.reader import ROW, ReturnedWorkbook, open_workbook
from schemas.codes import CodeLibrary
from schemas.library import Library
from warehouse.files import sha256_of
from warehouse.lake import Lake
from warehouse.names import shown_name

SHEET = "tickets"

# The columns of the returned sheet that are read → what `returns.judgement` calls them.
_READ = {
    "ticket_id": "ticket_id",
    "observed": "seen",
    "suggestion": "seen_suggestion",
    "verdict": "verdict",
    "value": "typed",
    "note": "note",
}

# Only a number as long as an identifier can have lost digits: a cell's number has fifteen.
_LONG_NUMBER = r"^(\d{16,}|\d(\.\d+)?E\+\d{2})$"


@dataclass(frozen=True)
class Intake:
    """What became of one answered workbook.

    `accepted` and `refused` have a row per answer with the sheet's `line`; a refused one has its `reason`.
    `unanswered` counts the rows whose ticket waits for an answer and got none. A file refused whole, or one
    that had come before (`repeated`), has only a `message`.
    """

    file: str
    unit_code: str
    batch: str
    accepted: pl.DataFrame
    refused: pl.DataFrame
    unanswered: int
    message: str = ""
    repeated: bool = False

    @property
    def complete(self) -> bool:
        """Whether nothing of it was refused."""
        return self.refused.is_empty() and (self.repeated or not self.message)


def take_in(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    library: Library,
    codes: CodeLibrary,
    ledger: Ledger,
    path: Path,
    received_at: datetime,
) -> Intake:
    """Take in one answered workbook.

    Args:
        connection: with the function library and the code tables.
        lake: where the tickets of the newest batch are read.
        library: the contracts.
        codes: the code tables.
        ledger: where accepted and refused answers are entered.
        path: the workbook.
        received_at: the time of the entry, with a time zone.

    Returns:
        What was accepted and refused; a workbook that cannot be read or is not ours is refused whole.

    Raises:
        OSError: the file cannot be read.
    """
    name = shown_name(path)
    try:
        workbook = open_workbook(path)
        identity = workbook.read_identity()
        unit_code, batch = identity.get("unit_code", ""), identity.get("batch", "")
        digest = sha256_of(path)
        if unit_code and (earlier := ledger.same_file(unit_code, digest)):
            return _without_rows(name, unit_code, batch, _repeated(earlier), repeated=True)
        answers = _read(workbook)
    except WorkbookError as error:
        return _without_rows(name, message=str(error))
    batches = [day.isoformat() for day in lake.batches(*TICKETS)]
    if not unit_code or batch not in batches:
        return _without_rows(name, message=_FOREIGN.format(file=name, batch=batch or "不详"))
    newest = lake.batches(*TICKETS)[-1]
    partition = lake.partition(*TICKETS, newest)
    assert partition is not None, "a batch that is listed has its partition"
    tickets = connection.execute(
        _TICKETS.format(partition.scan, corrections_in_force(lake, library, newest)), [unit_code]
    ).pl()
    judged = judge(connection, library, codes, answers, tickets, older=batch != batches[-1])
    accepted = judged.filter(pl.col("reason").is_null() & pl.col("verdict").is_not_null())
    refused = judged.filter(pl.col("reason").is_not_null())
    entry = ledger.append_replies(
        actor=unit_code,
        unit_code=unit_code,
        batch=batch,
        after_batch=batches[-1],
        file_name=name,
        file_sha256=digest,
        accepted=accepted,
        refused=refused,
        at=received_at,
    )
    if entry.repeated:
        return _without_rows(name, unit_code, batch, _repeated(entry), repeated=True)
    waiting = pl.col("state").is_in(TO_ANSWER) & pl.col("verdict").is_null() & pl.col("reason").is_null()
    return Intake(name, unit_code, batch, accepted, refused, judged.filter(waiting).height)


# A rule may find what a correction put in place. Then the source still delivers what was corrected.
_TICKETS = """
SELECT ticket.* REPLACE (
  CASE WHEN corrected.field IS NULL THEN ticket.delivered ELSE corrected.delivered END AS delivered
)
FROM {0} AS ticket
LEFT JOIN ({1}) AS corrected USING (dataset, record_key, field)
WHERE unit_code = ?
"""

_FOREIGN = "文件“{file}”所属的批次 {batch} 不在本系统中，请重新下载最新的工作簿填写"


def _read(workbook: ReturnedWorkbook) -> pl.DataFrame:
    """The answers of the returned sheet, as `returns.judgement.judge` wants them."""
    standard = sheet_standard(SHEET)
    titles = {column.name: column.title for column in standard.columns}
    answers = workbook.read_sheet(standard.title, {titles[name]: read for name, read in _READ.items()})
    # Control characters come out of a cell's escapes; no database takes them all.
    answers = answers.rename({ROW: "line"}).with_columns(
        pl.col(pl.String).str.replace_all(r"[^\P{Cc}\n\t]", "")
    )
    long = answers.filter(pl.col("typed").str.contains(_LONG_NUMBER))
    numbers = workbook.rows_with_numbers(standard.title, titles["value"]) if long.height else frozenset()
    rounded = long.filter(pl.col("line").is_in(list(numbers)))["line"]
    return answers.with_columns(rounded=pl.col("line").is_in(rounded.implode()))


def _without_rows(
    file: str, unit_code: str = "", batch: str = "", message: str = "", *, repeated: bool = False
) -> Intake:
    return Intake(file, unit_code, batch, pl.DataFrame(), pl.DataFrame(), 0, message, repeated)


def _repeated(entry: Entry) -> str:
    accepted, refused = entry.detail["accepted"], entry.detail["refused"]
    return f"这个文件以前交过（当时接收 {accepted} 条，未接收 {refused} 条），没有重复登记"
