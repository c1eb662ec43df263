"""Claims: the values that each dataset gives for an entity, one row for each key. Faulty values are NULL.

`quality.agreement.agree` compares the claims. `warehouse.governance.fuse` chooses among them. Both must start from
the same rows; therefore this module makes the rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from schemas.contract.library import Library
from schemas.contract.model import SOMEBODY_ELSES, Column, Contract, Entity, Subject
from schemas.emit.sql import literal, quote
from schemas.expressions.parse import columns_of
from warehouse.engine.templates import template


@dataclass(frozen=True)
class Claimant:
    """One subject of one dataset as a source of an entity: attribute → the column that feeds it.

    `alias` names it in SQL.
    """

    alias: str
    contract: Contract
    subject: Subject
    columns: Mapping[str, Column]


def claimants(library: Library, entity: Entity, datasets: Collection[str]) -> dict[tuple[str, str], Claimant]:
    """Every subject of `datasets` that feeds the entity, by dataset and subject, in the order of authority."""
    fed: dict[tuple[str, str], dict[str, Column]] = {}
    for attribute, sources in library.sources(entity.name).items():
        for source in sources:
            if source.contract.id in datasets:
                fed.setdefault((source.contract.id, source.feed.subject), {})[attribute] = source.column
    return {
        (dataset, subject): Claimant(
            f"claim_{number}", library[dataset], library[dataset].subject(subject), columns
        )
        for number, ((dataset, subject), columns) in enumerate(fed.items(), start=1)
    }


def unquestioned(attribute: str) -> str:
    """The column of a claim that holds the value as delivered, even if it is faulty."""
    return quote(f"{attribute}__any")


def claims_query(
    claimant: Claimant, table: str, faults: str | None, among: str | None = None, *, few: bool = False
) -> str:
    """The SQL of one claimant's rows: `key`, `row_number`, and for each attribute `<attribute>`, `<attribute>__any`.

    Args:
        claimant: the source.
        table: its dataset's standard table as a relation in SQL.
        faults: a query with `row_number` and `field` of faulty values; None if no rules ran.
        among: a relation whose column `key` holds the wanted keys.
        few: whether the wanted keys are so few that sorting their rows is faster than three look-ups.
    """
    contract, key = claimant.contract, quote(claimant.subject.key)
    values = [
        f"{_sound(column, f's.{quote(column.name)}', faults)} AS {quote(attribute)}, "
        f"{_anybodys(contract, column, faults)} AS {unquestioned(attribute)}"
        for attribute, column in claimant.columns.items()
    ]
    newest = ""
    if contract.latest is not None:
        latest = contract.column(contract.latest)
        newest = f"{_sound(latest, f's.{quote(latest.name)}', faults)} DESC NULLS LAST, "
    parts = {
        "key": key,
        "table": table,
        "faults": _joined(faults) if faults is not None else "",
        "among": f" AND s.{key} IN (SELECT key FROM {among})" if among is not None else "",
        "newest": newest,
    }
    if few:
        newest_only = f"QUALIFY row_number() OVER (PARTITION BY s.{key} ORDER BY {newest}s._row) = 1"
    else:
        newest_only = template("warehouse", "newest_of_many").format(**parts)
    return template("warehouse", "claims").format(
        values=",\n  ".join(values), newest_only=newest_only, **parts
    )


def disowned(field: str) -> str:
    """The mark, among the faulty fields of a row, of a value that belongs to another person; `field` is SQL."""
    return f"'!' || {field}"


def _anybodys(contract: Contract, column: Column, faults: str | None) -> str:
    """The value as delivered, even if faulty; NULL where a rule says that it belongs to another person."""
    value = f"s.{quote(column.name)}"
    if faults is None or (SOMEBODY_ELSES, column.name) not in {(r.name, r.field) for r in contract.rules}:
        return value
    return (
        f"CASE WHEN list_has_any(fault.fields, [{disowned(literal(column.name))}]) THEN NULL ELSE {value} END"
    )


def _joined(faults: str) -> str:
    return (
        f"LEFT JOIN (SELECT row_number, list(field) AS fields FROM ({faults}) GROUP BY row_number) AS fault "
        "ON fault.row_number = s._row"
    )


def _sound(column: Column, value: str, faults: str | None) -> str:
    """The value; NULL if it is faulty, or if a derived column depends on a faulty column."""
    if faults is None:
        return value
    names = {column.name} if column.derive is None else columns_of(column.derive, "")
    listed = ", ".join(literal(name) for name in sorted(names))
    return f"CASE WHEN list_has_any(fault.fields, [{listed}]) THEN NULL ELSE {value} END"
