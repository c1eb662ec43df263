"""Rules: the built-in ones that follow from a contract's facts, and the declared ones, ready to run.

A rule is compiled into a `Check`: SQL over one row of the standard table (alias `s`) and the lookups beside
it. Running checks is `quality.findings`; agreement between sources is `quality.agreement`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.kinds import load_kinds

from schemas.codes import CodeLibrary
from schemas.contract import Column, Contract, Join, Rule
from schemas.emit.sql import literal, quote
from schemas.expressions import columns_of, qualify
from schemas.library import Library
from warehouse.values import LABELLED_CODES, bound, delivered_name, shown

ROW = "s"


@dataclass(frozen=True)
class Lookup:
    """A relation left-joined to every row, with at most one row per row.

    `relation` is a query in which `{dataset:<id>}` and `{codes:<id>}` stand for the tables; `on` is the join's condition.
    """

    alias: str
    relation: str
    on: str


@dataclass(frozen=True)
class Check:
    """A rule ready to run: SQL for when it is violated and what its finding shows."""

    rule: Rule
    violates: str
    observed: str
    suggestion: str | None = None
    evidence: str | None = None
    lookups: tuple[Lookup, ...] = ()

    @property
    def datasets(self) -> frozenset[str]:
        """The other datasets whose standard tables the check reads."""
        return frozenset(join.dataset for join in self.rule.joins)

    @property
    def uses_batch_date(self) -> bool:
        """Whether the same row may be judged otherwise on another day."""
        return "batch_date" in self.violates + (self.suggestion or "") + (self.evidence or "")


def checks(contract: Contract, library: Library, codes: CodeLibrary) -> tuple[Check, ...]:
    """Every check of a dataset: the built-in ones column by column, then the declared ones."""
    built_in = [
        check
        for column in contract.columns
        if column.delivered
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


def _rule(name: str, column: Column, dimension: str, description: str, **more: object) -> Rule:
    return Rule(
        name=name,
        field=column.name,
        dimension=dimension,  # type: ignore[arg-type]
        severity=more.pop("severity", "error"),  # type: ignore[arg-type]
        description=description,
        violates="",
        line=column.line,
        **more,  # type: ignore[arg-type]
    )


def _of(column: Column, contract: Contract, codes: CodeLibrary) -> Iterator[Check]:
    yield from _presence(column)
    yield from _type(column)
    yield from _format(column)
    yield from _range(column)
    yield from _kind(column)
    yield from _codes(column, codes)
    yield from _reference(column)


def _presence(column: Column) -> Iterator[Check]:
    if column.required:
        rule = _rule("presence", column, "completeness", f"{column.title}不能为空")
        yield Check(rule, f"{observed(column)} IS NULL", observed(column))


def _type(column: Column) -> Iterator[Check]:
    if column.type != "string":
        names = {
            "date": "日期",
            "timestamp": "时间",
            "integer": "整数",
            "number": "数字",
            "boolean": "是或否",
        }
        rule = _rule("type", column, "conformity", f"{column.title}不是有效的{names[column.type]}")
        yield Check(rule, f"{ROW}.{quote(delivered_name(column))} IS NOT NULL", observed(column))


def _format(column: Column) -> Iterator[Check]:
    if column.max_length is not None:
        rule = _rule("length", column, "conformity", f"{column.title}超过 {column.max_length} 个字")
        yield Check(rule, f"length({cell(column)}) > {int(column.max_length)}", observed(column))
    if column.pattern is not None:
        rule = _rule("pattern", column, "conformity", f"{column.title}不符合规定格式")
        matches = f"regexp_matches({cell(column)}, {literal(column.pattern)})"
        yield Check(rule, f"NOT {matches}", observed(column))


def _range(column: Column) -> Iterator[Check]:
    limits = [
        f"{cell(column)} {sign} {bound(text, column.type)}"
        for sign, text in (("<", column.minimum), (">", column.maximum))
        if text is not None
    ]
    if limits:
        span = f"{column.minimum or '…'} 至 {column.maximum or '…'}"
        rule = _rule("range", column, "accuracy", f"{column.title}不在合理范围（{span}）内")
        yield Check(rule, " OR ".join(limits), observed(column))


def _kind(column: Column) -> Iterator[Check]:
    kind = load_kinds()[column.kind] if column.kind else None
    if kind is None or kind.valid is None:
        return
    rule = _rule(
        "semantic_kind",
        column,
        kind.dimension,
        f"{column.title}：{kind.message}",
        severity=kind.severity,
    )
    yield Check(
        rule, f"NOT {kind.valid}({cell(column)})", observed(column), kind.suggestion(cell(column))
    )


def _well_formed(column: Column) -> str:
    kind = load_kinds()[column.kind] if column.kind else None
    return f"{kind.valid}({cell(column)})" if kind and kind.valid else f"{cell(column)} IS NOT NULL"


def _codes(column: Column, codes: CodeLibrary) -> Iterator[Check]:
    if column.codes is None:
        return
    table = codes.load(column.codes)
    rule = _rule("code_table", column, "conformity", f"{column.title}不在代码表《{table.title}》中")
    known = table.current.get_column("code").to_list()
    if len(known) <= LABELLED_CODES:
        listed = ", ".join(literal(code) for code in known)
        yield Check(rule, f"{cell(column)} NOT IN ({listed})", observed(column))
        return
    alias = f"code_{column.name}"
    lookup = Lookup(
        alias, f"SELECT code FROM {{codes:{table.id}}} WHERE valid_to IS NULL", f"{alias}.code = {cell(column)}"
    )
    violates = f"{_well_formed(column)} AND {alias}.code IS NULL"
    yield Check(rule, violates, observed(column), lookups=(lookup,))


def _reference(column: Column) -> Iterator[Check]:
    if column.references is None:
        return
    dataset, _, name = column.references.rpartition(".")
    alias = f"ref_{column.name}"
    rule = _rule(
        "reference",
        column,
        "consistency",
        f"{column.title}在所引用的数据集中查不到",
        joins=(Join(alias, dataset, column.name),),
    )
    relation = f"SELECT DISTINCT {quote(name)} AS value FROM {{dataset:{dataset}}}"
    lookup = Lookup(alias, relation, f"{alias}.value = {cell(column)}")
    violates = f"{_well_formed(column)} AND {alias}.value IS NULL"
    yield Check(rule, violates, observed(column), lookups=(lookup,))


def _uniqueness(contract: Contract) -> Iterator[Check]:
    groups = [contract.key] if contract.key else []
    groups += [(column,) for column in contract.columns if column.unique and not column.key]
    for group in groups:
        first = group[0]
        alias = f"twice_{first.name}"
        names = [quote(column.name) for column in group]
        title = "、".join(column.title for column in group)
        rule = _rule("uniqueness", first, "accuracy", f"{title}重复，同一主键出现多行")
        relation = (
            f"SELECT {', '.join(names)}, min(_row) AS first_row FROM {{dataset:{contract.id}}} "
            f"WHERE {' AND '.join(f'{name} IS NOT NULL' for name in names)} "
            f"GROUP BY ALL HAVING count(*) > 1"
        )
        on = " AND ".join(f"{alias}.{quote(c.name)} = {cell(c)}" for c in group)
        yield Check(
            rule,
            f"{ROW}._row > {alias}.first_row",
            observed(first),
            evidence="'同一主键在本次数据中已出现过'",
            lookups=(Lookup(alias, relation, on),),
        )


def _declared(rule: Rule, contract: Contract, library: Library) -> Check:
    lookups = tuple(_joined(join, contract, library) for join in rule.joins)
    column = contract.column(rule.field)
    return Check(
        rule,
        qualify(rule.violates, ROW),
        observed(column),
        shown(f"({qualify(rule.suggest, ROW)})", column.type) if rule.suggest else None,
        qualify(rule.evidence, ROW) if rule.evidence else None,
        lookups,
    )


def _joined(join: Join, contract: Contract, library: Library) -> Lookup:
    """One row per key of the other dataset: its newest, where the contract says what newest means.

    It has what any of the contract's rules asks of it: rules that join the same rows share the lookup.
    """
    other = library[join.dataset]
    entity = next(subject.entity for subject in contract.subjects if subject.key == join.by)
    key = quote(next(subject.key for subject in other.subjects if subject.entity == entity))
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
        f"SELECT {key} AS _key{picked} FROM {{dataset:{other.id}}} WHERE {key} IS NOT NULL "
        f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {order}) = 1"
    )
    on = f"{quote(join.alias)}._key = {ROW}.{quote(join.by)}"
    return Lookup(join.alias, relation, on)
