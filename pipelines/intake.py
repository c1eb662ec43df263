"""Intake of deliveries and answered workbooks, for the command line, the drop folders and the demo."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from pathlib import Path

import duckdb
import polars as pl
from sqlalchemy.exc import SQLAlchemyError

from assets.platform import Platform
from pipelines.terminal.failures import database_failure, os_failure
from returns.ledger.chain import LedgerError
from returns.ledger.deliveries import enter_deliveries
from returns.ledger.outside import known_heads
from returns.packages.sheet_spec import sheet_standard
from returns.replies.take_in import SHEET, Intake, ReplyDesk, Submission, take_in
from warehouse.collect.intake.landing import refuse_large

# The most tickets that a receipt for programs lists. It has their number in any case.
LISTED = 200

# Errors that the content or the name of one file may cause, in any library: the other files go on. Errors that
# concern all files, such as a lost ledger, are not among them.
OF_ONE_FILE = (
    OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError, EOFError,
    MemoryError, pl.exceptions.PolarsError, duckdb.Error,
)  # fmt: skip


def take_in_all(
    platform: Platform, files: Iterable[Path], actor: str, received_at: datetime
) -> Iterator[Intake]:
    """Take in workbooks, or packages with them, one after the other.

    Args:
        platform: the installation.
        files: the files.
        actor: the account that hands them in.
        received_at: the time of the entries, with a time zone.

    Raises:
        LedgerError: the actor is no name of an account.
        UnusableKey: the home's signing key cannot be read.
        OSError: a file cannot be read; those before it have been taken in.
        LedgerLoss: entries are gone from the ledger; nothing is taken in.
    """
    for _, taken in take_in_each(platform, files, actor, received_at):
        if isinstance(taken, OSError):
            raise taken
        yield taken


def take_in_each(
    platform: Platform, files: Iterable[Path], actor: str, received_at: datetime
) -> Iterator[tuple[Path, Intake | OSError]]:
    """Take in workbooks one after the other; one that cannot be read holds up no other.

    Yields:
        Each file with what became of it, or why it cannot be read.

    Raises:
        LedgerLoss: entries are gone from the ledger; nothing is taken in.
    """
    known = known_heads(platform.home, platform.keys)
    with platform.open_ledger() as ledger, platform.engine.connect() as connection:
        ledger.refuse_losses(known)
        desk = ReplyDesk(
            lake=platform.lake,
            library=platform.library,
            codes=platform.codes,
            ledger=ledger,
            keys=platform.signing_keys(),
            scratch=platform.home.spill,
            largest=platform.largest_file,
        )
        for path in files:
            taken: Intake | OSError
            try:
                refuse_large(path, platform.largest_file)
                taken = take_in(connection, desk, Submission(path, actor, received_at))
            except OSError as error:
                taken = error
            yield path, taken


def enter_delivered(platform: Platform, batch: date, actor: str, progress: Callable[[str], None]) -> None:
    """Enter a batch's deliveries into the ledger.

    The files are kept already: where the ledger cannot be written, the next turn enters them.

    Args:
        platform: the installation.
        batch: the batch that was delivered for.
        actor: account of the person who took the files in.
        progress: receives the reason why they could not be entered.
    """
    try:
        with platform.open_ledger() as ledger:
            enter_deliveries(ledger, platform.home, [batch], actor)
    except (SQLAlchemyError, LedgerError, OSError) as error:
        progress(f"文件已收下，但暂时没有登入台账（{_cause(error)}）；下一次运行时登记")


def _cause(error: SQLAlchemyError | LedgerError | OSError) -> str:
    """Why the ledger could not be written, and what to do."""
    if isinstance(error, OSError):
        return os_failure(error)
    return str(error) if isinstance(error, LedgerError) else database_failure(error)


def receipt(intake: Intake) -> dict[str, object]:
    """The receipt of one workbook, for programs: counts, and each refused row with its reason."""
    shown = ["line", "ticket_id", "verdict", "reason"]
    return {
        "file": intake.file,
        "unit_code": intake.unit_code,
        "batch": intake.batch,
        "accepted": intake.accepted.height,
        "sheet": sheet_standard(SHEET).title,
        "refused": intake.refused.select(shown).to_dicts() if intake.refused.height else [],
        "unanswered": intake.unanswered,
        "missing": {"tickets": list(intake.missing[:LISTED]), "count": len(intake.missing)},
        "remarks": list(intake.remarks),
        "repeated": intake.repeated,
        "message": intake.message,
    }
