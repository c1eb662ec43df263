"""Taking in answered workbooks, whoever received them: the command line, the drop folder, the demo."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl

from assets.platform import Platform
from returns.ledger.store import Ledger
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
    """
    with Ledger.open(platform.ledger_url) as ledger, platform.engine.connect() as connection:
        for path in files:
            taken: Intake | OSError
            try:
                taken = take_in(
                    connection, platform.lake, platform.library, platform.codes, ledger, path, received_at
                )
            except OSError as error:
                taken = error
            yield path, taken


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
