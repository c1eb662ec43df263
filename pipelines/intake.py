"""Taking in answered workbooks, whoever received them: the command line, the drop folder, the demo."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from assets.platform import Platform
from returns.ledger.store import Ledger
from returns.replies import Intake, take_in


def take_in_all(platform: Platform, files: Iterable[Path], received_at: datetime) -> Iterator[Intake]:
    """Take in workbooks one after the other.

    Raises:
        OSError: a file cannot be read; those before it have been taken in.
    """
    with Ledger.open(platform.ledger_url) as ledger, platform.engine.connect() as connection:
        for path in files:
            yield take_in(
                connection, platform.lake, platform.library, platform.codes, ledger, path, received_at
            )


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
