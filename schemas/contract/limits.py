"""Limits of the whole-file comparison: how much of a delivery may differ before it is held.

A contract may declare a share for each check. For a check of single columns it may declare a share for each column.
`warehouse.collect.comparison.checks` has the measures of the checks and their default limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

CheckName = Literal[
    "rows_fall",
    "rows_rise",
    "keys_lost",
    "rows_repeated",
    "place_lost",
    "sheet_lost",
    "cut_off",
    "empty",
    "masked",
    "scientific",
    "form",
    "one_value",
    "changed",
    "unit",
    "exchanged",
    "rule_share",
]
"""The checks of a whole file; `rule_share` counts the rows that one rule flags."""

ColumnCheckName = Literal["empty", "masked", "scientific", "form", "one_value", "changed", "unit"]

CHECK_NAMES: tuple[CheckName, ...] = get_args(CheckName)
COLUMN_CHECK_NAMES: tuple[str, ...] = get_args(ColumnCheckName)


@dataclass(frozen=True)
class Limits:
    """The limits that a contract declares.

    `shares` maps a check, or a check and a column, to a share between 0 and 1; None means that the check never holds
    a delivery.
    """

    shares: Mapping[tuple[str, str | None], float | None] = field(default_factory=dict, hash=False)

    def declares(self, check: str, column: str | None = None) -> bool:
        """Whether the contract has a limit of its own for a check."""
        return (check, column) in self.shares or (check, None) in self.shares

    def share(self, check: str, column: str | None = None) -> float | None:
        """The declared limit of a check; a limit of the column takes precedence."""
        return self.shares[check, column] if (check, column) in self.shares else self.shares[check, None]


NO_LIMITS = Limits()
