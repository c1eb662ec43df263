"""Rules: the built-in ones that follow from a contract's facts, and the declared ones, ready to run.

A rule is compiled into a `RuleCheck`: SQL over one row of the standard table (alias `s`) and the lookups beside
it. Running checks is `quality.findings.verify`; agreement between sources is `quality.agreement.agree`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from schemas.codes import CodeLibrary
from schemas.contract.library import Library
from schemas.contract.model import Column, Contract, Dimension, Join, LogicalType, Rule, Severity
from schemas.emit.sql import literal, quote
from schemas.expressions.parse import BATCH_DATE, cheap_first, columns_of, qualify
from schemas.kinds import SemanticKind, load_kinds, of
from warehouse.standard.values import bound, delivered_name, shown

ROW = "s"

# What stands for tables in the query of a lookup.
_DATASET = re.compile(r"\{dataset:([\w.]+)\}")
_CODES = re.compile(r"\{codes:(\w+)\}")

# What a value that will not convert should have been, in words.
_TYPE_TITLES: Mapping[LogicalType, str] = {
    "date": "日期",
    "timestamp": "时间",
    "integer": "整数",
    "number": "数字",
    "boolean": "是或否",
}


@dataclass(frozen=True)
class Lookup:
    """A relation left-joined to every row, with at most one row for each.

    `relation` is a query in which `{dataset:<id>}` and `{codes:<id>}` stand for the tables, `{rows}` for the rows that
    are judged; `on` is the join's condition. What it says of a row follows from those rows of `dataset` alone that
    have in `keys` what the row has in `by`; without a dataset, from code tables.
    """

    alias: str
    relation: str
    on: str
    dataset: str | None = None
    keys: tuple[str, ...] = ()
    by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        read = set(_DATASET.findall(self.relation))
        if read != {self.dataset} - {None}:
            raise ValueError(f"lookup {self.alias} reads {sorted(read)} and declares {self.dataset}")
        if bool(self.keys) != bool(self.dataset) or len(self.keys) != len(self.by):
            raise ValueError(f"lookup {self.alias} joins {self.dataset} by {self.by} = {self.keys}")

    def filled(self, table: Callable[[str], str]) -> str:
        """The query with its tables put in; `{rows}` stays.

        Args:
            table: gives the relation of a dataset.
        """
        filled = _DATASET.sub(lambda match: table(match[1]), self.relation)
        return _CODES.sub(lambda match: f"codes.{quote(match[1])}", filled)


@dataclass(frozen=True)
class RuleCheck:
    """A rule ready to run: SQL for when it is violated and what its finding shows."""

    rule: Rule
    violates: str
    observed: str
    suggestion: str | None = None
    evidence: str | None = None
    lookups: tuple[Lookup, ...] = ()

    @property
    def datasets(self) -> frozenset[str]:
        """The datasets whose standard tables the check reads beside the row: those of its lookups."""
        return frozenset(lookup.dataset for lookup in self.lookups if lookup.dataset is not None)

    @property
    def uses_batch_date(self) -> bool:
        """Whether the same row may be judged differently on another day; seen in the SQL that runs."""
        texts = [text for text in (self.violates, self.suggestion, self.evidence) if text]
        return any(BATCH_DATE in text and BATCH_DATE in columns_of(text, ROW) for text in texts)


def checks(contract: Contract, library: Library, codes: CodeLibrary) -> tuple[RuleCheck, ...]:
    """Every check of a dataset: the built-in ones column by column, then the declared ones."""
    built_in = [
        _advised(check, column)
        for column in contract.delivered_columns
        for check in _of(column, contract, codes)
    ]
    declared = [_declared(rule, contract, library) for rule in contract.rules]
    return (*built_in, *_uniqueness(contract), *declared)


def cell(column: Column) -> str:
    """The column of the row at hand."""
    return f"{ROW}.{quote(column.name)}"


def observed(column: Column) -> str:
    """What a finding shows of a column: its value as text, or the text that would not convert."""
    value = shown(cell(column), column.type)
    if column.type == "string" or not column.delivered:
        return value
    return f"coalesce({value}, {ROW}.{quote(delivered_name(column))})"


def _rule(
    name: str,
    column: Column,
    dimension: Dimension,
    description: str,
    *,
    severity: Severity = "error",
    joins: tuple[Join, ...] = (),
) -> Rule:
    return Rule(
        name=name,
        field=column.name,
        dimension=dimension,
        severity=severity,
        description=description,
        violates="",
        joins=joins,
        line=column.line,
    )


def _of(column: Column, contract: Contract, codes: CodeLibrary) -> Iterator[RuleCheck]:
    yield from _presence(column)
    yield from _type(column)
    yield from _format(column)
    yield from _range(column)
    yield from _kind(column)
    yield from _codes(column, codes)
    yield from _reference(column, contract)


def _advised(check: RuleCheck, column: Column) -> RuleCheck:
    """With what the row itself says the value should be, where the check knows nothing of its own."""
    if column.suggest is None or check.suggestion is not None:
        return check
    suggestion = shown(f"({qualify(column.suggest, ROW)})", column.type)
    return replace(check, rule=replace(check.rule, suggest=column.suggest), suggestion=suggestion)


def _presence(column: Column) -> Iterator[RuleCheck]:
    if column.required:
        rule = _rule("presence", column, "completeness", f"{column.title}不能为空")
        yield RuleCheck(rule, _missing(column), observed(column))


def _missing(column: Column) -> str:
    """The condition that nothing was delivered: neither a value nor a text that would not convert."""
    absent = f"{cell(column)} IS NULL"
    if column.type == "string" or not column.delivered:
        return absent
    return f"{absent} AND {ROW}.{quote(delivered_name(column))} IS NULL"


def _type(column: Column) -> Iterator[RuleCheck]:
    if column.type != "string":
        message = f"{column.title}不是有效的{_TYPE_TITLES[column.type]}"
        rule = _rule("type", column, "conformity", message)
        yield RuleCheck(rule, f"{ROW}.{quote(delivered_name(column))} IS NOT NULL", observed(column))


def _format(column: Column) -> Iterator[RuleCheck]:
    if column.max_length is not None:
        rule = _rule("length", column, "conformity", f"{column.title}超过 {column.max_length} 个字")
        yield RuleCheck(rule, f"length({cell(column)}) > {int(column.max_length)}", observed(column))
    if column.pattern is not None:
        rule = _rule("pattern", column, "conformity", f"{column.title}不符合规定格式")
        matches = f"regexp_matches({cell(column)}, {literal(column.pattern)})"
        yield RuleCheck(rule, f"NOT {matches}", observed(column))


def _range(column: Column) -> Iterator[RuleCheck]:
    limits = [
        f"{cell(column)} {sign} {bound(text, column.type)}"
        for sign, text in (("<", column.minimum), (">", column.maximum))
        if text is not None
    ]
    if limits:
        span = f"{column.minimum or '…'} 至 {column.maximum or '…'}"
        rule = _rule("range", column, "accuracy", f"{column.title}不在合理范围（{span}）内")
        yield RuleCheck(rule, " OR ".join(limits), observed(column))


def _kind_of(column: Column) -> SemanticKind | None:
    return load_kinds()[column.kind] if column.kind is not None else None


def _kind(column: Column) -> Iterator[RuleCheck]:
    kind = _kind_of(column)
    content = ""
    for judgement in kind.judgements if kind else ():
        message = f"{column.title}：{judgement.message}"
        rule = _rule(judgement.rule, column, judgement.dimension, message, severity=judgement.severity)
        yield RuleCheck(
            rule,
            f"{content}NOT {judgement.valid}({cell(column)})",
            observed(column),
            of(judgement.suggest, cell(column)),
            of(judgement.evidence, cell(column)),
        )
        content += f"{judgement.valid}({cell(column)}) AND "


def _well_formed(column: Column) -> str:
    """Whether it is worth looking a value up: one of the wrong form is found by its kind already."""
    kind = _kind_of(column)
    if kind is None or not kind.judgements:
        return f"{cell(column)} IS NOT NULL"
    return f"{kind.judgements[0].valid}({cell(column)})"


def _codes(column: Column, codes: CodeLibrary) -> Iterator[RuleCheck]:
    if column.codes is None:
        return
    table = codes.load(column.codes)
    rule = _rule("code_table", column, "conformity", f"{column.title}不在代码表《{table.title}》中")
    if table.is_labelled:
        listed = ", ".join(literal(code) for code in table.current.get_column("code"))
        yield RuleCheck(rule, f"{cell(column)} NOT IN ({listed})", observed(column))
        return
    alias = f"code_{column.name}"
    relation = f"SELECT code FROM {{codes:{table.id}}} WHERE valid_to IS NULL"
    lookup = Lookup(alias, relation, f"{alias}.code = {cell(column)}")
    violates = f"{alias}.code IS NULL AND {_well_formed(column)}"
    yield RuleCheck(rule, violates, observed(column), lookups=(lookup,))


def _reference(column: Column, contract: Contract) -> Iterator[RuleCheck]:
    if column.references is None:
        return
    dataset, _, name = column.references.rpartition(".")
    alias = f"ref_{column.name}"
    message = f"{column.title}在所引用的数据集中查不到"
    joins = (Join(alias, dataset, column.name),)
    rule = _rule("reference", column, "consistency", message, joins=joins)
    here, there = f"asked.{quote(column.name)}", f"known.{quote(name)}"
    # The few that are unknown there, not the many that are known: these would have to be joined with every row.
    relation = (
        f"SELECT DISTINCT {here} AS value FROM {{rows}} AS asked "
        f"ANTI JOIN {{dataset:{dataset}}} AS known ON {there} = {here} WHERE {here} IS NOT NULL"
    )
    lookup = Lookup(alias, relation, f"{alias}.value = {cell(column)}", dataset, (name,), (column.name,))
    violates = f"{alias}.value IS NOT NULL AND {_well_formed(column)}"
    yield RuleCheck(rule, violates, observed(column), lookups=(lookup,))


def _uniqueness(contract: Contract) -> Iterator[RuleCheck]:
    groups = [contract.key] if contract.key else []
    groups += [(column,) for column in contract.columns if column.unique and not column.key]
    for group in groups:
        first = group[0]
        alias = f"twice_{first.name}"
        keys = tuple(column.name for column in group)
        names = [quote(key) for key in keys]
        titles = "、".join(column.title for column in group)
        said = "同一主键" if first.key else f"同一{titles}"
        rule = _rule("uniqueness", first, "accuracy", f"{titles}重复，{said}出现多行")
        relation = (
            f"SELECT {', '.join(names)}, min(_row) AS first_row FROM {{dataset:{contract.id}}} "
            f"WHERE {' AND '.join(f'{name} IS NOT NULL' for name in names)} "
            f"GROUP BY ALL HAVING count(*) > 1"
        )
        on = " AND ".join(f"{alias}.{quote(c.name)} = {cell(c)}" for c in group)
        yield RuleCheck(
            rule,
            f"{ROW}._row > {alias}.first_row",
            observed(first),
            # Not which row: a row number changes with every delivery, and what is shown would seem to change too.
            evidence=literal(f"{said}在本次数据中已出现过"),
            lookups=(Lookup(alias, relation, on, contract.id, keys, keys),),
        )


def _declared(rule: Rule, contract: Contract, library: Library) -> RuleCheck:
    lookups = tuple(_joined(join, contract, library) for join in rule.joins)
    column = contract.column(rule.field)
    return RuleCheck(
        rule,
        qualify(cheap_first(rule.violates), ROW),
        observed(column),
        shown(f"({qualify(rule.suggest, ROW)})", column.type) if rule.suggest else None,
        qualify(rule.evidence, ROW) if rule.evidence else None,
        lookups,
    )


def _joined(join: Join, contract: Contract, library: Library) -> Lookup:
    """One row per key of the other dataset: its newest, where the contract says what newest means.

    It has what any of the contract's rules asks of it: rules that join the same rows share the lookup.
    Only keys that this dataset names are looked at, of a population often a few thousand.
    """
    other = library[join.dataset]
    entity = next(subject.entity for subject in contract.subjects if subject.key == join.by)
    known_by = next(subject.key for subject in other.subjects if subject.entity == entity)
    key = quote(known_by)
    texts = [
        text
        for rule in contract.rules
        if join in rule.joins
        for text in (rule.violates, rule.suggest, rule.evidence)
        if text
    ]
    used = sorted({name for text in texts for name in columns_of(text, join.alias)})
    order = f"{quote(other.latest)} DESC NULLS LAST, _row" if other.latest else "_row"
    picked = "".join(f", {quote(name)}" for name in used)
    relation = (
        f"SELECT {key} AS _key{picked} FROM {{dataset:{other.id}}} "
        f"WHERE {key} IN (SELECT {quote(join.by)} FROM {{rows}}) "
        f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {order}) = 1"
    )
    on = f"{quote(join.alias)}._key = {ROW}.{quote(join.by)}"
    return Lookup(join.alias, relation, on, other.id, (known_by,), (join.by,))
