"""A dataset with a column of each semantic kind, whose rows are the examples that the kinds declare."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from schemas.contract.library import Library, load_library
from schemas.contract.model import Contract
from schemas.kinds import load_kinds
from warehouse.lake.store import Lake, Origin

DAY = date(2026, 3, 2)
DATASET = "test.kinds"

_HEAD = """
apiVersion: v3.2.0
kind: DataContract
id: test.kinds
name: 各类语义
version: 1.0.0
status: active
domain: test
tenant: 测试局
description: {purpose: 测试用}
servers: [{server: delivery, type: local, path: 各类语义*.csv, format: csv}]
customProperties: [{property: delivery, value: snapshot}]
schema:
  - name: kinds
    properties:
      - {name: number, businessName: 序号, logicalType: string, required: true, primaryKey: true}
"""
_COLUMN = """
      - name: {name}
        businessName: {title}
        logicalType: string
        customProperties: [{{property: semanticKind, value: {name}}}]
"""


@dataclass(frozen=True)
class Example:
    """A text of a kind as delivered: what it becomes if it is right, else the rule that speaks of it."""

    number: str
    kind: str
    text: str
    normal: str | None = None
    rule: str | None = None


def examples() -> list[Example]:
    """Every example of every kind, numbered."""
    found = []
    for kind in load_kinds().values():
        found += [(kind.name, text, normal, None) for text, normal in kind.examples.right.items()]
        found += [
            (kind.name, text, None, rule) for rule, texts in kind.examples.wrong.items() for text in texts
        ]
    return [Example(f"{number:03}", *facts) for number, facts in enumerate(found)]


def library_of_kinds(folder: Path) -> Library:
    """The library of the one dataset."""
    text = _HEAD.strip() + "".join(
        _COLUMN.rstrip().format(name=kind.name, title=kind.title) for kind in load_kinds().values()
    )
    (folder / "kinds.yaml").write_text(text + "\n", encoding="utf-8")
    return load_library([folder], shipped=False)


def deliver(connection: duckdb.DuckDBPyConnection, lake: Lake, contract: Contract) -> None:
    """Put the examples into the lake as an extract, a row each."""
    every = examples()
    columns = {"number": [example.number for example in every]}
    for column in contract.columns[1:]:
        columns[column.name] = [e.text if e.kind == column.name else None for e in every]  # type: ignore[misc]
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String)).with_columns(
        _extract_id=pl.lit("E1"),
        _row=pl.int_range(2, len(every) + 2, dtype=pl.Int64),
        _line=pl.int_range(2, len(every) + 2, dtype=pl.Int64),
        _sheet=pl.lit(None, pl.String),
    )
    connection.register("example_rows", frame)
    lake.write(connection, "extract", contract.id, DAY, "FROM example_rows", Origin({}))
