"""Replies: an answered workbook comes back; each answer is accepted or refused, each refusal has its reason.

An accepted answer goes into the ledger and works from the next batch on. Nothing is changed here but the
ledger. Whether a workbook is ours is `returns.signing.identity`; which answers are refused, and why, is
`returns.replies.reply_validation`; what people changed about the sheet is `returns.replies.differences`; what
accepted answers bring about begins in `returns.replies.corrections`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl

from quality.published import TICKETS
from quality.tickets.states import TO_ANSWER
from returns.ledger.accounts import checked_account
from returns.ledger.chain import Entry, LedgerError
from returns.ledger.store import AnsweredWorkbook, Ledger
from returns.packages.sheet_spec import sheet_standard
from returns.replies.corrections import corrections_in_force
from returns.replies.differences import far_dates, row_remarks, sheet_remarks
from returns.replies.reply_validation import CORRECT, judge
from returns.replies.submission import SubmittedFile, submitted_file
from returns.signing.identity import InvalidIdentity, PackageIdentity, verified_identity
from returns.workbook.errors import WorkbookError
from returns.workbook.reader import ROW, ReturnedHeadings, ReturnedWorkbook, open_workbook
from schemas.codes import CodeLibrary
from schemas.contract.library import Library
from schemas.emit.spreadsheet import restore_text
from warehouse.collect.intake.landing import LARGEST_FILE
from warehouse.home.encryption import Keys
from warehouse.home.files import sha256_of
from warehouse.home.names import shown_name
from warehouse.lake.store import Lake

SHEET = "tickets"
TOWNSHIP = "township"

# The columns of the returned sheet that are read → what `returns.replies.reply_validation` calls them.
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
class ReplyDesk:
    """Where replies are taken in.

    Attributes:
        lake: where the tickets of the newest batch are read.
        library: the contracts.
        codes: the code tables.
        ledger: where accepted and refused answers are entered.
        keys: those whose signatures are accepted.
        scratch: a folder for what is unpacked.
        largest: how many bytes a file in a package may have.
    """

    lake: Lake
    library: Library
    codes: CodeLibrary
    ledger: Ledger
    keys: Keys
    scratch: Path
    largest: int = LARGEST_FILE


@dataclass(frozen=True)
class Submission:
    """A file that is handed in: the workbook or the package (zip) with it.

    Attributes:
        path: the file.
        actor: the account that hands it in; for whom it speaks, its signed identity says.
        received_at: the time of the entry, with a time zone.
    """

    path: Path
    actor: str
    received_at: datetime


@dataclass(frozen=True)
class Intake:
    """What became of one answered workbook.

    `accepted` and `refused` have a row per answer with the sheet's `line`; a refused one has its `reason`.
    `missing` are the tickets that were issued and are not in the sheet any more. `unanswered` counts the tickets of
    the workbook that wait for an answer and got none, missing ones too. `remarks` say what differs from the sheet as
    it was issued. A file refused whole, or one that had come before (`repeated`), has only a `message`.
    """

    file: str
    unit_code: str
    batch: str
    accepted: pl.DataFrame
    refused: pl.DataFrame
    unanswered: int
    message: str = ""
    repeated: bool = False
    missing: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether nothing of it was refused."""
        return self.refused.is_empty() and (self.repeated or not self.message)


def take_in(connection: duckdb.DuckDBPyConnection, desk: ReplyDesk, submission: Submission) -> Intake:
    """Take in one answered workbook, by itself or in the zip of its package.

    Args:
        connection: with the function library and the code tables.
        desk: where it is taken in.
        submission: the file, and who hands it in.

    Returns:
        What was accepted and refused; a file that cannot be read or is not ours is refused whole.

    Raises:
        LedgerError: the actor is no name of an account.
        OSError: the file cannot be read.
    """
    checked_account(submission.actor)
    try:
        with submitted_file(submission.path, desk.scratch, desk.largest) as file:
            return _take_in(connection, desk, submission, file)
    except WorkbookError as error:
        return _without_rows(shown_name(submission.path), message=str(error))


def _take_in(
    connection: duckdb.DuckDBPyConnection, desk: ReplyDesk, submission: Submission, file: SubmittedFile
) -> Intake:
    workbook = open_workbook(file.workbook)
    identity = _identity(workbook, desk)
    unit_code, batch = identity.unit_code, identity.batch.isoformat()
    file.check_beside(identity.files)
    digest = sha256_of(file.workbook)
    if earlier := desk.ledger.same_file(unit_code, digest):
        return _without_rows(file.name, unit_code, batch, _repeated(earlier), repeated=True)
    answers, found = _read(workbook, identity)
    newest = desk.lake.batches(*TICKETS)[-1]
    tickets = _tickets(connection, desk, identity)
    judged = judge(connection, desk.library, desk.codes, answers, tickets, older=batch != newest.isoformat())
    accepted = judged.filter(pl.col("reason").is_null() & pl.col("verdict").is_not_null())
    refused = judged.filter(pl.col("reason").is_not_null())
    came = AnsweredWorkbook(
        actor=submission.actor,
        unit_code=unit_code,
        batch=batch,
        after_batch=newest.isoformat(),
        file_name=file.name,
        file_sha256=digest,
        at=submission.received_at,
    )
    entry = desk.ledger.append_replies(came, accepted, refused)
    if entry.repeated:
        return _without_rows(file.name, unit_code, batch, _repeated(entry), repeated=True)
    there = set(answers["ticket_id"])
    missing = tuple(ticket for ticket in identity.tickets if ticket not in there)
    to_answer = pl.col("state").is_in(TO_ANSWER)
    waiting = tickets.filter(to_answer & pl.col("ticket_id").is_in(missing)).height
    blank = judged.filter(to_answer & pl.col("verdict").is_null() & pl.col("reason").is_null()).height
    return Intake(
        file=file.name,
        unit_code=unit_code,
        batch=batch,
        accepted=accepted,
        refused=refused,
        unanswered=blank + waiting,
        missing=missing,
        remarks=(
            *_sheet_remarks(found),
            *row_remarks(sheet_standard(SHEET).title, answers, missing, waiting),
            *_date_remarks(found, accepted, desk.library),
        ),
    )


def _identity(workbook: ReturnedWorkbook, desk: ReplyDesk) -> PackageIdentity:
    """For whom the workbook was made.

    Raises:
        WorkbookError: it was not made here, not for a township of the city, or for a batch that is not here any more.
    """
    try:
        identity = verified_identity(workbook.read_identity(), desk.keys)
    except InvalidIdentity as error:
        raise WorkbookError(f"文件“{workbook.file}”{error}") from error
    if identity.audience != TOWNSHIP:
        raise WorkbookError(
            f"文件“{workbook.file}”是下发给部门的工作簿，不需要交回；镇街请提交本镇街的工作簿。"
        )
    try:
        known = checked_account(identity.unit_code) in desk.codes.load("division").rows["code"]
    except LedgerError:
        known = False
    if not known:
        raise WorkbookError(
            f"文件“{workbook.file}”所属的单位不在行政区划代码表中。请联系市大数据局，或重新下载最新的工作簿。"
        )
    if identity.batch not in desk.lake.batches(*TICKETS):
        raise WorkbookError(_FOREIGN.format(file=workbook.file, batch=identity.batch))
    return identity


def _tickets(
    connection: duckdb.DuckDBPyConnection, desk: ReplyDesk, identity: PackageIdentity
) -> pl.DataFrame:
    """The unit's tickets as they are now."""
    newest = desk.lake.batches(*TICKETS)[-1]
    partition = desk.lake.partition(*TICKETS, newest)
    assert partition is not None, "a batch that is listed has its partition"
    in_force = corrections_in_force(desk.lake, desk.library, newest)
    return connection.execute(_TICKETS.format(partition.scan, in_force), [identity.unit_code]).pl()


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


def _read(workbook: ReturnedWorkbook, identity: PackageIdentity) -> tuple[pl.DataFrame, ReturnedHeadings]:
    """The answers of the returned sheet, as `returns.replies.reply_validation.judge` wants them, and the sheet
    as it stands."""
    standard = sheet_standard(SHEET)
    titles = {column.name: column.title for column in standard.columns}
    answers = workbook.read_sheet(standard.title, {titles[name]: read for name, read in _READ.items()})
    # Control characters come out of a cell's escapes; no database takes them all.
    answers = answers.rename({ROW: "line"}).with_columns(
        pl.col(pl.String).str.replace_all(r"[^\P{Cc}\n\t]", "")
    )
    # Rows may be pasted from the CSV file, where texts are neutralised.
    answers = answers.with_columns(restore_text(pl.col("typed", "note")))
    long = answers.filter(pl.col("typed").str.contains(_LONG_NUMBER))
    numbers = workbook.rows_with_numbers(standard.title, titles["value"]) if long.height else frozenset()
    rounded = long.filter(pl.col("line").is_in(list(numbers)))["line"]
    issued = pl.Series(identity.tickets, dtype=pl.String)
    return (
        answers.with_columns(
            rounded=pl.col("line").is_in(rounded.implode()),
            issued=pl.col("ticket_id").is_in(issued.implode()).fill_null(value=False),
        ),
        workbook.headings(standard.title, [titles[name] for name in _READ]),
    )


def _sheet_remarks(found: ReturnedHeadings) -> Iterator[str]:
    standard = sheet_standard(SHEET)
    titles = {column.name: column.title for column in standard.columns}
    return sheet_remarks(standard.title, found, list(titles.values()), [titles[name] for name in _READ])


def _date_remarks(found: ReturnedHeadings, accepted: pl.DataFrame, library: Library) -> Iterator[str]:
    standard = sheet_standard(SHEET)
    title = next(column.title for column in standard.columns if column.name == "value")
    letter = next(letter for letter, text in found.titles.items() if "".join(text.split()) == title)
    typed = accepted.filter(pl.col("verdict") == CORRECT)
    return far_dates(standard.title, f"“{title}”（{letter} 列）", typed, library)


def _without_rows(
    file: str, unit_code: str = "", batch: str = "", message: str = "", *, repeated: bool = False
) -> Intake:
    return Intake(file, unit_code, batch, pl.DataFrame(), pl.DataFrame(), 0, message, repeated)


def _repeated(entry: Entry) -> str:
    accepted, refused = entry.detail["accepted"], entry.detail["refused"]
    return f"这个文件以前交过（当时接收 {accepted} 条，未接收 {refused} 条），没有重复登记"
