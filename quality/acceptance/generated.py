"""The checks that follow from declarations: of the published table of every entity and of every derived table.

No dirty delivery can fail them: they hold what the platform itself promises of its tables. That a delivered column
refers to an entity which nobody delivered is a finding, and no reason to keep the findings from being published.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from quality.acceptance.suite import GateCheck, TableChecks
from schemas.contract.library import Library
from schemas.emit.sql import quote
from schemas.tables import TableStandard
from warehouse.governance.derive import derived, standard_of_derived
from warehouse.governance.fuse import standard_of
from warehouse.lake.layers import Layer

# A table that loses more than this share of its rows from one publication to the next is not published.
_LEAST = Fraction(1, 2)

# Codes of places have as many digits.
_DIGITS = {"county_code": 6, "township_code": 9}


def generated_checks(library: Library) -> tuple[TableChecks, ...]:
    """The checks of each entity's and each derived table, in the order in which they are published."""
    found = []
    for entity in library.fed_entities:
        standard = standard_of(library, entity)
        found.append(_table(standard, entity.key, {}, library, entity.line))
    for table in derived(library).values():
        line = table.document.line()
        found.append(_table(standard_of_derived(table), table.key, table.references, library, line))
    return tuple(found)


def _table(
    standard: TableStandard, key: str, references: Mapping[str, str], library: Library, line: int
) -> TableChecks:
    made = [
        *_key(standard, key, line),
        *_places(standard, line),
        *_references(standard, references, library, line),
        GateCheck(
            "expect_table_row_count_to_be_between",
            {"min_value": _LEAST},
            f"{standard.title}数与已发布的相比，不得减少一半以上",
            (),
            line,
        ),
    ]
    return TableChecks(name=standard.id, title=standard.title, optional=True, checks=tuple(made))


def _key(standard: TableStandard, key: str, line: int) -> Iterator[GateCheck]:
    (title,) = (field.title for field in standard.fields if field.name == key)
    for expectation, what in (
        ("expect_column_values_to_not_be_null", "不得为空"),
        ("expect_column_values_to_be_unique", "不得重复"),
    ):
        yield GateCheck(expectation, {"column": key}, f"{standard.title}的{title}{what}", (), line)


def _places(standard: TableStandard, line: int) -> Iterator[GateCheck]:
    for field in standard.fields:
        if digits := _DIGITS.get(field.name):
            yield GateCheck(
                "expect_column_values_to_match_regex",
                {"column": field.name, "regex": rf"^\d{{{digits}}}$"},
                f"{standard.title}的{field.title}应为{digits}位数字",
                (f"{standard.id}.{field.name}",),
                line,
            )


def _references(
    standard: TableStandard, references: Mapping[str, str], library: Library, line: int
) -> Iterator[GateCheck]:
    """A column of a derived table holds keys of an entity: each is in that entity's table."""
    titles = {field.name: field.title for field in standard.fields}
    for column, name in references.items():
        entity = library.entity(name)
        other = f"{Layer.GOVERNANCE}.{name}"
        yield GateCheck(
            "unexpected_rows_expectation",
            {
                "unexpected_rows_query": f"select {quote(column)} from {{batch}} where {quote(column)} not in "
                f"(select {quote(entity.key)} from {other})"
            },
            f"{standard.title}的{titles[column]}都应在{entity.title}表中",
            (f"{standard.id}.{column}", f"{other}.{entity.key}"),
            line,
        )
