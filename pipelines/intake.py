"""Taking in deliveries and answered workbooks, whoever received them: the command line, the drop folders, the demo."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from pathlib import Path

import duckdb
import polars as pl
from sqlalchemy.exc import SQLAlchemyError

from assets.platform import Platform
from returns.deliveries import enter_deliveries
from returns.ledger.chain import LedgerError
from returns.outside import known_heads
from returns.replies import Intake, take_in

# What the content or the name of one file may bring about, whichever library meets it: the other files go on. What
# befalls them all, such as a lost ledger, is not among it.
OF_ONE_FILE = (
    OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError, EOFError,
    MemoryError, pl.exceptions.PolarsError, duckdb.Error,
)  # fmt: skip


def take_in_all(platform: Platform, files: Iterable[Path], received_at: datetime) -> Iterator[Intake]:
    """Take in workbooks one after the other.

    Raises:
        OSError: a file cannot be read; those before it have been taken in.
        LedgerLoss: entries are gone from the ledger; nothing is taken in.
    """
    for _, taken in take_in_each(platform, files, received_at):
        if isinstance(taken, OSError):
            raise taken
        yield taken


def take_in_each(
    platform: Platform, files: Iterable[Path], received_at: datetime
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
        for path in files:
            taken: Intake | OSError
            try:
                taken = take_in(
                    connection, platform.lake, platform.library, platform.codes, ledger, path, received_at
                )
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
        progress: told why they could not be entered.
    """
    try:
        with platform.open_ledger() as ledger:
            enter_deliveries(ledger, platform.home, [batch], actor)
    except (SQLAlchemyError, LedgerError, OSError) as error:
        cause = str(error) if isinstance(error, LedgerError) else type(error).__name__
        progress(f"文件已收下，但暂时没有登入台账（{cause}）；下一次运行时登记")


def receipt(intake: Intake) -> dict[str, object]:
    """What a sender is told of one workbook, for programs: counts, and each refused row with its reason."""
    shown = ["line", "ticket_id", "verdict", "reason"]
    return {
        "file": intake.file,
        "unit_code": intake.unit_code,
        "batch": intake.batch,
        "accepted": intake.accepted.height,
        "refused": intake.refused.select(shown).to_dicts() if intake.refused.height else [],
        "unanswered": intake.unanswered,
        "repeated": intake.repeated,
        "message": intake.message,
    }
