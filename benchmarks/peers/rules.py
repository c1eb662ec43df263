"""The twenty rules, declared once, independent of tools; each tool's file translates them.

A rule checks one row; uniqueness checks one column. A missing value breaks only a presence rule. `table.sql` makes a
table that breaks the rules; `resident.yaml` declares the same rules as a contract of ours.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

KEY = "resident_id"
"""The column by which every tool names a failing row."""

CODES = Path(__file__).parents[2] / "schemas" / "codes"


@dataclass(frozen=True)
class Present:
    """The value is not missing."""

    field: str


@dataclass(frozen=True)
class Unique:
    """The value appears in one row only."""

    field: str


@dataclass(frozen=True)
class Matches:
    """The regular expression is found in the text."""

    field: str
    pattern: str


@dataclass(frozen=True)
class Coded:
    """The value is a code in use of a code table."""

    field: str
    table: str

    @property
    def codes(self) -> list[str]:
        """The codes in use."""
        with (CODES / f"{self.table}.csv").open(encoding="utf-8", newline="") as file:
            return sorted(row["code"] for row in csv.DictReader(file) if not row.get("valid_to"))


@dataclass(frozen=True)
class Between:
    """The value is neither below `low` nor above `high`."""

    field: str
    low: int | date
    high: int | date


@dataclass(frozen=True)
class NotBefore:
    """The date is not before that of another column."""

    field: str
    other: str


@dataclass(frozen=True)
class Never:
    """The row is bad where `violates` is true: SQL that DuckDB and Polars read alike."""

    field: str
    violates: str


Rule = Present | Unique | Matches | Coded | Between | NotBefore | Never

_NAMED: list[tuple[str, Rule]] = [
    ("presence", Present("name")),
    ("presence", Present("birth_date")),
    ("presence", Present("household_no")),
    ("presence", Present("village_code")),
    ("uniqueness", Unique("resident_id")),
    ("pattern", Matches("resident_id", "^[0-9]{17}[0-9X]$")),
    ("pattern", Matches("household_no", "^H[0-9]{10}$")),
    ("pattern", Matches("phone", "^1[3-9][0-9]{9}$")),
    ("pattern", Matches("village_code", "^3706[0-9]{8}$")),
    ("code_table", Coded("sex", "sex")),
    ("code_table", Coded("ethnic_group", "ethnic_group")),
    ("code_table", Coded("relation", "relation")),
    ("code_table", Coded("marital_status", "marital_status")),
    ("range", Between("birth_date", date(1900, 1, 1), date(2026, 3, 2))),
    ("range", Between("monthly_income", 0, 100_000)),
    ("range", Between("household_size", 1, 20)),
    ("registered_before_birth", NotBefore("registered_on", "birth_date")),
    (
        "birth_year_matches_id",
        Never("birth_date", "try_cast(substr(resident_id, 7, 4) as integer) <> year(birth_date)"),
    ),
    (
        "sex_matches_id",
        Never(
            "sex",
            "sex in ('1', '2') and sex <> "
            "case when try_cast(substr(resident_id, 17, 1) as integer) % 2 = 1 then '1' else '2' end",
        ),
    ),
    (
        "married_under_age",
        Never(
            "marital_status",
            "marital_status in ('20', '21', '22', '23') and birth_date > date '2006-03-02'",
        ),
    ),
]

RULES: Mapping[str, Rule] = {f"{name}.{rule.field}": rule for name, rule in _NAMED}
"""Each rule under its name in our findings: rule and field."""
