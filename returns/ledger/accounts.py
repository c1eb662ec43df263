"""Names of accounts and units as the ledger keeps them: short, and of plain characters only."""

from __future__ import annotations

import re

from returns.ledger.chain import LedgerError

LONGEST = 128

# Letters and digits of every script; and what accounts of directories and mail addresses have.
_ACCOUNT = re.compile(r"[\w.@\\/+:$·-]+(?: [\w.@\\/+:$·-]+)*")


def checked_account(name: str) -> str:
    """The name of an account or unit, if it may stand in the ledger.

    Raises:
        LedgerError: it is empty, longer than 128 characters, or holds anything but letters, digits, single blanks
            inside, and `. _ - @ / \\ + : $ ·`; the name is not quoted.
    """
    if len(name) > LONGEST or not _ACCOUNT.fullmatch(name):
        raise LedgerError(
            f"the name of an account has 1 to {LONGEST} letters, digits, single blanks inside, or . _ - @ / \\ + : $ ·"
        )
    return name
