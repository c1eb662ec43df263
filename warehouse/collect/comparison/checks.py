"""The checks of a whole file, declared as data: name, measure as SQL, default limit, and the Chinese text.

There are three kinds of checks. A check of content counts rows of the delivery itself; if an earlier delivery is in
force, only the excess over its share counts. A check of pairs counts rows that have the same key in both files. The
checks of rows, keys and places compare numbers, see `judgement`.

Example: 30 % of the names of a delivery are masked, and 28 % were masked before. The excess is 2 %, below the limit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from schemas.contract.limits import CheckName
from schemas.contract.model import Column, Contract
from schemas.emit.sql import literal
from schemas.kinds import SemanticKind, load_kinds

FEW = 10
"""Fewer rows than this never hold a delivery, except where it has no rows at all."""

SAMPLE = 1_000
"""Size of the sample in which a column's most frequent value is searched: a value that fills the column is in it."""

FACTORS: Mapping[str, str] = {
    "10": "10 倍",
    "100": "100 倍（像是把元写成了分）",
    "10000": "10,000 倍（像是把万元写成了元）",
    "0.1": "十分之一",
    "0.01": "百分之一（像是把分写成了元）",
    "0.0001": "万分之一（像是把元写成了万元）",
}
"""Factors by which numbers differ when a file uses another unit, as DuckDB writes them."""

_DATED = "[0-9〇零一二三四五六七八九元]"
# A date has at most 14 digits in a row: 20260301123000.
_NO_DATE = "[0-9]{15}"
_MASKS = "*＊×✱"
_SCIENTIFIC = r"^[0-9](\.[0-9]+)?[eE]\+?[0-9]+$"


@dataclass(frozen=True)
class ContentCheck:
    """A check that counts rows of a column in one file.

    Attributes:
        name: the check.
        measure: an SQL condition on `{cell}`; `{candidate}` is the column's most frequent value.
        columns: whether the check applies to a column.
        limit: the share of the rows by which the delivery may exceed the earlier delivery.
        says: the description of the problem (Chinese).
        advice: the action for the sender (Chinese).
        first_limit: the limit if nothing is in force; None if the check then does not apply.
        keeps: whether the earlier delivery's count is kept if only changed rows were read.
    """

    name: CheckName
    measure: Callable[[Column], str]
    columns: Callable[[Column], bool]
    limit: float
    says: str
    advice: str
    first_limit: float | None = None
    keeps: bool = False


def _is_date(column: Column) -> bool:
    return column.type in ("date", "timestamp")


def _is_number(column: Column) -> bool:
    return column.type in ("integer", "number")


def _is_text(column: Column) -> bool:
    return column.type == "string"


def _kind(column: Column) -> SemanticKind | None:
    return load_kinds()[column.kind] if column.kind is not None else None


def _has_form(column: Column) -> bool:
    kind = _kind(column)
    return _is_date(column) or (kind is not None and kind.least is not None)


def _may_be_masked(column: Column) -> bool:
    kind = _kind(column)
    return kind is not None and kind.masked


def _form(column: Column) -> str:
    if _is_date(column):
        return f"NOT regexp_matches({{cell}}, '{_DATED}') OR regexp_matches({{cell}}, '{_NO_DATE}')"
    kind = _kind(column)
    assert kind is not None and kind.least is not None
    return f"NOT regexp_matches({{cell}}, {literal(kind.least.pattern)})"


CONTENT: Sequence[ContentCheck] = (
    ContentCheck(
        "empty",
        lambda column: "{cell} IS NULL",
        lambda column: True,
        0.2,
        "“{title}”一列有 {share} 的行为空（{count:,} 行），先前的数据为 {before}",
        "请核对导出时是否选上了这一列",
    ),
    ContentCheck(
        "masked",
        # A regular expression would take four times as long.
        lambda column: " OR ".join(f"contains({{cell}}, '{mask}')" for mask in _MASKS),
        _may_be_masked,
        0.2,
        "“{title}”一列有 {share} 的行（{count:,} 行）打了星号，像是脱敏后导出的",
        "请导出没有脱敏的数据",
        first_limit=0.2,
    ),
    ContentCheck(
        "scientific",
        lambda column: (
            "CASE WHEN contains({cell}, 'E') OR contains({cell}, 'e') "
            f"THEN regexp_matches({{cell}}, '{_SCIENTIFIC}') END"
        ),
        _is_text,
        0.02,
        "“{title}”一列有 {share} 的行（{count:,} 行）是 4.0E+19 一类的科学计数，末几位已经丢失",
        "请把这一列的单元格设为文本格式，从业务系统重新导出",
        first_limit=0.02,
    ),
    ContentCheck(
        "form",
        _form,
        _has_form,
        0.3,
        "“{title}”一列有 {share} 的行（{count:,} 行）不像是{title}",
        "请核对各列是否对错了位置",
        first_limit=0.5,
    ),
    ContentCheck(
        "one_value",
        lambda column: "{cell} = {candidate}",
        lambda column: _is_date(column) or column.codes is not None,
        0.5,
        "“{title}”一列有 {share} 的行（{count:,} 行）是同一个值，像是成批填写的默认值",
        "请核对这一列是否取自业务系统的原始记录",
        keeps=True,
    ),
)

FIRST_DATE_LIMIT = 0.95
"""The limit for one date in a first delivery, as a share of its rows."""


@dataclass(frozen=True)
class PairCheck:
    """A check that counts rows of the same key in both files, column by column.

    `measure` is an SQL condition on `{now}` and `{then}`; other attributes are as in `ContentCheck`.
    """

    name: CheckName
    measure: str
    columns: Callable[[Column], bool]
    limit: Callable[[Column], float | None]
    says: str
    advice: str


def changed_limit(column: Column) -> float | None:
    """The share of a column's values that may differ; None for amounts and texts, which may all change at once.

    Amounts rise for everybody in one month, and anybody may rewrite remarks.
    """
    if _is_number(column):
        return None
    if column.kind is not None or column.codes is not None:
        return 0.2
    return 0.5 if _is_date(column) else None


CHANGED = PairCheck(
    "changed",
    "{now} IS DISTINCT FROM {then}",
    lambda column: not column.key,
    changed_limit,
    "“{title}”一列有 {share} 的值（{count:,} 行）与先前的数据不同",
    "请核对这一列是否导出错了列、错了口径",
)
UNIT = PairCheck(
    "unit",
    "round(TRY_CAST({now} AS DOUBLE) / nullif(TRY_CAST({then} AS DOUBLE), 0), 6) = {factor}",
    _is_number,
    lambda column: 0.1,
    "“{title}”一列有 {share} 的值（{count:,} 行）恰好是先前的 {factor}",
    "请核对计量单位后重新导出",
)
EXCHANGED_LIMIT = 0.2
SUSPECT_SHARE = 0.02
"""Above this share of different keys or cells, the texts are converted and compared as values."""

KEYS_LOST_LIMITS = (0.05, 0.5)
"""The share of keys that may be missing: for a register, for a list."""

ROWS_LIMITS = (0.02, 0.2)
"""The share of rows that may be missing or new: for a register, for a list."""

PLACE_LIMIT = 0.5
"""The share of rows that a county or township may lose."""

REPEATED_LIMIT = 0.1
"""The share of rows whose key occurs earlier in the same file."""

FALL_WORDS = "比目前使用的 {before:,} 行少 {share}，超过允许的 {limit}"
RISE_WORDS = "比目前使用的 {before:,} 行多 {share}，超过允许的 {limit}"


def place_column(contract: Contract) -> Column | None:
    """The delivered column that holds the division code of a row, if there is one."""
    delivered = {column.name: column for column in contract.delivered_columns}
    own = [route.column for route in contract.routes if route.dataset is None and route.column in delivered]
    return delivered[own[0]] if own else None
