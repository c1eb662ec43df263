"""The model of a contract: the description of one departmental extract, as frozen data.

It has everything the platform knows of a dataset: the delivery of its file, the meaning of its columns, the governance
attributes that they feed, the rules. `schemas.contract.odcs` reads the YAML, `schemas.lint` checks it, `schemas.emit`
turns it into other forms. This module touches no file and no database.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from schemas.contract.limits import NO_LIMITS, Limits

LogicalType = Literal["string", "integer", "number", "date", "timestamp", "boolean"]
Dimension = Literal["conformity", "completeness", "accuracy", "consistency", "timeliness", "accessibility"]
Severity = Literal["error", "warning"]
DeliveryMode = Literal["snapshot", "delta"]
VolumeHandling = Literal["warn", "hold"]
Classification = Literal["L1", "L2", "L3", "L4"]

LOGICAL_TYPES: tuple[LogicalType, ...] = get_args(LogicalType)
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
DELIVERY_MODES: tuple[DeliveryMode, ...] = get_args(DeliveryMode)
VOLUME_HANDLINGS: tuple[VolumeHandling, ...] = get_args(VolumeHandling)

# GB/T 36344-2018, the six quality dimensions with their Chinese names.
DIMENSIONS: Mapping[Dimension, str] = {
    "conformity": "规范性",
    "completeness": "完整性",
    "accuracy": "准确性",
    "consistency": "一致性",
    "timeliness": "时效性",
    "accessibility": "可访问性",
}

# The dimensions of rules. Accessibility is a property of a delivery, not of a row: it is measured, never found by a
# predicate. The Open Data Contract Standard has no such value for a rule either.
RULE_DIMENSIONS: tuple[Dimension, ...] = (
    "conformity", "completeness", "accuracy", "consistency", "timeliness",
)  # fmt: skip

# Names of the built-in rules (`quality.rules.rule`, `quality.agreement.agree`). A finding is identified by dataset,
# rule, record and field, so a declared rule may not have one of these names.
BUILT_IN_RULES: tuple[str, ...] = (
    "presence", "type", "length", "pattern", "range", "semantic_kind", "code_table", "reference",
    "uniqueness", "agreement",
)  # fmt: skip

# Levels of general data after GB/T 43697-2024, as the bureau grades them.
CLASSIFICATIONS: Mapping[Classification, str] = {
    "L1": "公开",
    "L2": "内部",
    "L3": "敏感",
    "L4": "高敏感",
}


SOMEBODY_ELSES = "another_person_by_name"
"""The name of a declared rule that finds rows with the number of another person. The value then counts for nobody."""


def comment(title: str, description: str) -> str:
    """The database comment of a table or a column: its title, and its description if there is one."""
    return f"{title}：{description}" if description else title


@dataclass(frozen=True)
class Feed:
    """A column feeds a governance attribute of one subject of the row.

    If several datasets feed one attribute, `schemas.contract.authority` has their order.
    """

    subject: str
    attribute: str


@dataclass(frozen=True)
class Subject:
    """One governance entity that a row is about. Example: a marriage has two subjects, both persons."""

    alias: str
    entity: str
    key: str


@dataclass(frozen=True)
class Route:
    """A way to find the township a row belongs to: a column of its own, or another dataset's row.

    With `dataset` unset, `column` holds a division code. With `dataset` set, the township comes from the row of that
    dataset whose key equals this row's `column`.
    """

    column: str
    dataset: str | None = None


@dataclass(frozen=True)
class Parts:
    """The files that make up one snapshot, and the condition for having all of them.

    Attributes:
        name: a pattern that finds the part's name in the file's name (its group `part`, or its only group; a group
            `of` says how many parts there are); None for the file's name without its ending.
        count: how many parts there are.
        every: the names of all parts.
    """

    name: str | None = None
    count: int | None = None
    every: tuple[str, ...] = ()


@dataclass(frozen=True)
class Delivery:
    """A way of delivery: the pattern of the file's name, its form, and the facts that a reader needs.

    `form` names a format of `schemas.formats`. `name` is the contract's name of this way. With the `mode` `snapshot`
    (全量) a file holds every row, with `delta` (增量) the changes since the file before.
    """

    form: str
    pattern: str
    encodings: tuple[str, ...] = ()
    delimiter: str | None = None
    sheet: str | None = None
    table: str | None = None
    header_row: int | None = None
    without_headings: bool = False
    name: str = ""
    mode: DeliveryMode = "snapshot"
    parts: Parts | None = None


@dataclass(frozen=True)
class Change:
    """The mark of a deleted record: a row of a delta in which the column holds one of the values."""

    column: str
    removed: tuple[str, ...]


@dataclass(frozen=True)
class Volume:
    """The tolerated change of the number of rows from one snapshot to the next, and the handling of a larger one.

    `fall` and `rise` are shares of the rows in force, None for any. An empty snapshot after one with rows is beyond any
    tolerance. `warn` adds a remark. `hold` keeps the snapshot out of force until a person confirms it.
    """

    fall: float | None = None
    rise: float | None = None
    handling: VolumeHandling = "hold"


@dataclass(frozen=True)
class Drift:
    """Whether a file is refused for unknown columns, or for missing columns that are not required."""

    refuse_extra: bool = False
    refuse_missing: bool = False


@dataclass(frozen=True)
class Column:
    """One column of an extract.

    `minimum` and `maximum` are text as written in the contract and read with the column's own type. `derive` is an SQL
    expression over the other columns; such a column is not delivered. `suggest` is an SQL expression for the right
    value, used where the value is missing or faulty and its rule suggests nothing.
    `repeats_merged` gives every row of a merged cell its text. The value may come from elsewhere than a column of the
    table: with `from_sheet_name` from the name of the sheet, with `from_group_row` from the last row across the table,
    with the patterns `from_file_name` and `from_title` from the file's name or from above the headings.
    """

    name: str
    title: str
    type: LogicalType = "string"
    description: str = ""
    synonyms: tuple[str, ...] = ()
    required: bool = False
    unique: bool = False
    key: bool = False
    kind: str | None = None
    codes: str | None = None
    classification: Classification = "L3"
    minimum: str | None = None
    maximum: str | None = None
    max_length: int | None = None
    pattern: str | None = None
    references: str | None = None
    derive: str | None = None
    suggest: str | None = None
    repeats_merged: bool = False
    from_sheet_name: bool = False
    from_group_row: bool = False
    from_file_name: str | None = None
    from_title: str | None = None
    feeds: tuple[Feed, ...] = ()
    line: int = 0

    @property
    def delivered(self) -> bool:
        """Whether the department delivers the column. False for a derived column."""
        return self.derive is None

    @property
    def titles(self) -> tuple[str, ...]:
        """Every heading under which a department may deliver the column."""
        return (self.title, *self.synonyms, self.name)

    @property
    def comment(self) -> str:
        """The database comment of the column."""
        return comment(self.title, self.description)


@dataclass(frozen=True)
class Join:
    """Another dataset's row that a rule looks at, by the key of the entity they share."""

    alias: str
    dataset: str
    by: str


@dataclass(frozen=True)
class Rule:
    """A predicate that selects bad rows, with expressions for the suggestion and the evidence.

    `violates`, `suggest` and `evidence` are SQL expressions over the dataset's columns, `batch_date` and
    the aliases of `joins`.
    """

    name: str
    field: str
    dimension: Dimension
    severity: Severity
    description: str
    violates: str
    suggest: str | None = None
    evidence: str | None = None
    joins: tuple[Join, ...] = ()
    line: int = 0


@dataclass(frozen=True)
class Contract:
    """A dataset's whole standard.

    Attributes:
        id: `<department>.<dataset>`.
        department_title: the department's Chinese name.
        label: the column that names a row to people, such as a person's name.
        latest: the column that orders several rows of one subject; the largest value is the newest.
        keyless: whether the contract declares that no column identifies a row. Its content identifies it then.
        change: the mark of a deleted record in a delta.
        volume: the tolerated change of the number of rows; None means the default limits.
        limits: limits of the whole-file comparison.
        drift: the files that are refused for their columns.
        frequency_days: days between two deliveries of the department.
        latency_days: days that a delivery may be late.
        owner: the office in charge, in Chinese.
        digest: sha256 of the contract file.
    """

    id: str
    title: str
    version: str
    department: str
    department_title: str
    description: str
    columns: tuple[Column, ...]
    deliveries: tuple[Delivery, ...]
    subjects: tuple[Subject, ...] = ()
    routes: tuple[Route, ...] = ()
    rules: tuple[Rule, ...] = ()
    label: str | None = None
    latest: str | None = None
    keyless: bool = False
    change: Change | None = None
    volume: Volume | None = None
    limits: Limits = NO_LIMITS
    drift: Drift = Drift()
    frequency_days: int | None = None
    latency_days: int | None = None
    owner: str = ""
    tags: tuple[str, ...] = ()
    path: Path = field(default_factory=Path)
    digest: str = ""

    @property
    def dataset(self) -> str:
        """The part of the id after the department."""
        return self.id.split(".", 1)[1]

    @property
    def comment(self) -> str:
        """The database comment of the table."""
        return comment(self.title, self.description)

    @property
    def key(self) -> tuple[Column, ...]:
        """The columns that identify a row, in their order."""
        return tuple(column for column in self.columns if column.key)

    @property
    def delivered_columns(self) -> tuple[Column, ...]:
        """The columns that the department delivers."""
        return tuple(column for column in self.columns if column.delivered)

    @property
    def takes_deltas(self) -> bool:
        """Whether a way of delivery is a delta."""
        return any(delivery.mode == "delta" for delivery in self.deliveries)

    @property
    def reads_file_names(self) -> bool:
        """Whether the name of a file gives a value of its rows, or its part of a snapshot."""
        return any(column.from_file_name is not None for column in self.columns) or any(
            delivery.parts is not None for delivery in self.deliveries
        )

    def delivery(self, name: str) -> Delivery:
        """The way of delivery called `name`.

        Raises:
            KeyError: the contract has no such way.
        """
        for delivery in self.deliveries:
            if delivery.name == name:
                return delivery
        raise KeyError(f"{self.id} has no server {name!r}")

    def column(self, name: str) -> Column:
        """The column called `name`.

        Raises:
            KeyError: the contract has no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.id} has no column {name!r}")

    def subject(self, alias: str) -> Subject:
        """The subject called `alias`.

        Raises:
            KeyError: the contract has no such subject.
        """
        for subject in self.subjects:
            if subject.alias == alias:
                return subject
        raise KeyError(f"{self.id} has no subject {alias!r}")


@dataclass(frozen=True)
class Entity:
    """A kind of thing with one row for each in the governance database: 一人一档, 一企一档.

    `key` is the attribute that identifies an entity; `path` and `line` are the place of its declaration.
    """

    name: str
    title: str
    key: str
    description: str = ""
    path: Path = field(default_factory=Path)
    line: int = 0
