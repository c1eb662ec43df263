"""The acceptance suite as data: what quality/acceptance/acceptance.yaml may say, every check with its line.

Here: the shape of the file, the expectations it may use, and figures such as
`$previous_rows * 0.5`. Not here: Great Expectations, which runs the checks
(`quality.acceptance.gate`), so that reading a suite costs nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import SafeConstructor

SUITE = Path(__file__).with_name("acceptance.yaml")
SCHEMAS = frozenset({"governance", "quality", "topics", "reports", "catalog"})

# Great Expectations' names. Only those whose results are counts or names of columns may be used: a
# minimum, a list of distinct values or a sample would carry residents' data into the kept report.
COUNTING_EXPECTATIONS = frozenset(
    {
        "expect_column_pair_values_a_to_be_greater_than_b",
        "expect_column_pair_values_to_be_equal",
        "expect_column_unique_value_count_to_be_between",
        "expect_column_value_lengths_to_be_between",
        "expect_column_value_lengths_to_equal",
        "expect_column_values_to_be_between",
        "expect_column_values_to_be_in_set",
        "expect_column_values_to_be_null",
        "expect_column_values_to_be_unique",
        "expect_column_values_to_match_regex",
        "expect_column_values_to_not_be_in_set",
        "expect_column_values_to_not_be_null",
        "expect_column_values_to_not_match_regex",
        "expect_compound_columns_to_be_unique",
        "expect_table_column_count_to_equal",
        "expect_table_columns_to_match_ordered_list",
        "expect_table_columns_to_match_set",
        "expect_table_row_count_to_be_between",
        "expect_table_row_count_to_equal",
        "unexpected_rows_expectation",
    }
)
# Fields of every expectation that are the gate's to set; some could let values into the report.
RESERVED_KWARGS = frozenset(
    {"batch_id", "catch_exceptions", "description", "id", "meta", "notes", "rendered_content"}
    | {"result_format", "severity", "windows"}
)
ROUND = {"min_value": math.ceil, "max_value": math.floor}

_FIGURE = re.compile(r"\$previous_rows(?:\s*\*\s*(\d+(?:\.\d+)?))?")
_TABLE = re.compile(r"([a-z][a-z0-9_]*)\.[a-z][a-z0-9_]*")
_NEED = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?")


class SuiteError(ValueError):
    """A suite that cannot be used: the file, the 1-based line, what is wrong and what to do."""

    def __init__(self, path: Path, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}")
        self.path, self.line, self.message = path, line, message


@dataclass(frozen=True)
class GateCheck:
    """One expectation on one table, with the line it stands on in the suite's file.

    `needs` names further tables (`schema.table`) or columns (`schema.table.column`) without which
    the check says nothing. A kwarg of type `Fraction` is a share of the rows that the table had in
    the previous warehouse.
    """

    expectation: str
    kwargs: Mapping[str, Any]
    meaning: str
    needs: tuple[str, ...]
    line: int

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns the check reads by name; none for a check of the table as a whole."""
        named = [self.kwargs[key] for key in ("column", "column_A", "column_B") if key in self.kwargs]
        if self.expectation == "expect_compound_columns_to_be_unique":
            named += self.kwargs["column_list"]
        return tuple(named)

    @property
    def layout(self) -> tuple[str, ...]:
        """The columns that a check of the table's layout asks for."""
        if not self.expectation.startswith("expect_table_columns_to_match_"):
            return ()
        return tuple(self.kwargs.get("column_list") or self.kwargs.get("column_set") or ())

    @property
    def compares(self) -> bool:
        """Whether the check sets the table against the previous warehouse's."""
        return any(isinstance(value, Fraction) for value in self.kwargs.values())

    def resolved(self, previous_rows: int) -> dict[str, Any]:
        """The kwargs as plain data, every share a whole number of rows, on the strict side."""
        return {
            key: ROUND[key](value * previous_rows) if isinstance(value, Fraction) else value
            for key, value in self.kwargs.items()
        }


@dataclass(frozen=True)
class TableChecks:
    """A table, `schema.table`, and its checks.

    An optional table may be missing, unless the previous warehouse has it.
    """

    name: str
    title: str
    optional: bool
    checks: tuple[GateCheck, ...]


@dataclass(frozen=True)
class Suite:
    """The tables that are checked, and the file that declares their checks."""

    path: Path
    tables: tuple[TableChecks, ...]


def read_suite(path: Path = SUITE, generated: Sequence[TableChecks] = ()) -> Suite:
    """Read a suite's file, tables and checks in its order; the generated tables come behind.

    Args:
        path: the file.
        generated: tables with checks that follow from declarations; what the file says of one is added to them.

    Raises:
        SuiteError: the file has not the form described at the head of quality/acceptance/acceptance.yaml.
    """
    try:
        root = yaml.compose(path.read_text("utf-8"), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SuiteError(path, line, f"not YAML: {error.problem}") from error
    declared = {table.name: table for table in _SuiteReader(path).tables(root)}
    joined = [
        replace(table, checks=(*table.checks, *declared[table.name].checks))
        if table.name in declared
        else table
        for table in generated
    ]
    names = {table.name for table in generated}
    return Suite(path, (*(table for table in declared.values() if table.name not in names), *joined))


class _SuiteReader:
    """Walks the YAML nodes rather than the data, since only nodes know their lines."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @staticmethod
    def data(node: yaml.Node) -> Any:
        return SafeConstructor().construct_document(node)

    def error(self, node: yaml.Node | None, message: str) -> SuiteError:
        return SuiteError(self.path, node.start_mark.line + 1 if node else 1, message)

    def tables(self, root: yaml.Node | None) -> Iterator[TableChecks]:
        entries = self.fields(root, {"tables"}, set(), "the suite")["tables"]
        for key, entry in self.pairs(entries, "tables"):
            match = _TABLE.fullmatch(key.value)
            if not match or match[1] not in SCHEMAS:
                raise self.error(
                    key,
                    f"{key.value}: a table is schema.table, the schema one of {_listed(SCHEMAS)}",
                )
            fields = self.fields(entry, {"title", "optional", "expectations"}, set(), key.value)
            if not isinstance(fields["expectations"], yaml.SequenceNode):
                raise self.error(fields["expectations"], f"{key.value}: expectations is a list")
            yield TableChecks(
                name=key.value,
                title=self.text(fields["title"], "title"),
                optional=self.flag(fields["optional"]),
                checks=tuple(self.check(node) for node in fields["expectations"].value),
            )

    def check(self, node: yaml.Node) -> GateCheck:
        fields = self.fields(node, {"expect", "meaning"}, {"kwargs", "needs"}, "an expectation")
        name = self.text(fields["expect"], "expect")
        if name not in COUNTING_EXPECTATIONS:
            raise self.error(
                fields["expect"],
                f"{name}: unknown here; use one of {_listed(COUNTING_EXPECTATIONS)}",
            )
        kwargs = {
            key.value: self.kwarg(name, key, value)
            for key, value in (self.pairs(fields["kwargs"], "kwargs") if "kwargs" in fields else ())
        }
        needs = self.data(fields["needs"]) if "needs" in fields else []
        if not isinstance(needs, list) or not all(_NEED.fullmatch(str(need)) for need in needs):
            raise self.error(fields["needs"], "needs is a list of schema.table or schema.table.column")
        return GateCheck(
            name,
            kwargs,
            self.text(fields["meaning"], "meaning"),
            tuple(needs),
            node.start_mark.line + 1,
        )

    def kwarg(self, expectation: str, key: yaml.Node, node: yaml.Node) -> Any:
        value = self.data(node)
        if key.value in RESERVED_KWARGS:
            raise self.error(key, f"{key.value}: set by the gate, not by a suite; leave it out")
        if isinstance(value, str) and value.startswith("$"):
            figure = _FIGURE.fullmatch(value)
            if not figure or (expectation, key.value) not in _COMPARABLE:
                raise self.error(
                    node,
                    f"{value}: write `$previous_rows` or `$previous_rows * 0.5`,"
                    " as min_value or max_value of expect_table_row_count_to_be_between",
                )
            return Fraction(figure[1] or 1)
        if key.value == "regex" and not (str(value).startswith("^") and str(value).endswith("$")):
            # Great Expectations is given DuckDB's `~`, which always matches the whole value.
            raise self.error(node, f"{value}: write a pattern for the whole value, ^…$")
        if key.value == "unexpected_rows_query" and "{batch}" not in str(value):
            raise self.error(node, "the query reads the table as {batch}; other braces are doubled")
        return value

    def fields(
        self, node: yaml.Node | None, required: set[str], optional: set[str], what: str
    ) -> dict[str, yaml.Node]:
        found = {}
        for key, value in self.pairs(node, what):
            if key.value not in required | optional:
                raise self.error(
                    key, f"{what}: unknown key {key.value}; known: {_listed(required | optional)}"
                )
            found[key.value] = value
        if missing := required - found.keys():
            raise self.error(node, f"{what}: {_listed(missing)} is missing")
        return found

    def pairs(self, node: yaml.Node | None, what: str) -> list[tuple[yaml.Node, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            raise self.error(node, f"{what}: a mapping is expected")
        seen: set[str] = set()
        for key, _ in node.value:
            # YAML lets a repeated key win silently: half of a table's checks would be gone.
            if key.value in seen:
                raise self.error(key, f"{what}: {key.value} stands here a second time")
            seen.add(key.value)
        return list(node.value)

    def text(self, node: yaml.Node, what: str) -> str:
        value = self.data(node)
        if not isinstance(value, str) or not value.strip():
            raise self.error(node, f"{what}: a text is expected")
        return value

    def flag(self, node: yaml.Node) -> bool:
        value = self.data(node)
        if not isinstance(value, bool):
            raise self.error(node, "optional: true or false is expected")
        return value


_COMPARABLE = {("expect_table_row_count_to_be_between", key) for key in ROUND}


def _listed(names: set[str] | frozenset[str]) -> str:
    return ", ".join(sorted(names))
