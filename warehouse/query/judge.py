"""Judges a query by DuckDB's own syntax tree: a query may read the published tables and nothing else.

The tree comes from `json_serialize_sql`. Every node, key and function in it must be in `allowed.yaml`. Every table must
be published, or be a common table expression in scope. Example: `FROM read_csv('/etc/passwd')` is refused, because
`read_csv` is not in the list. The judged text is the text that runs. This is the first wall; the second is
`connection`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import duckdb
from pydantic import TypeAdapter

from schemas.document import plain_yaml
from warehouse.publish.accepted import HIDDEN

# Characters; longer texts take the parser minutes.
LONGEST = 100_000
# The limit on nesting for DuckDB, so that no text exhausts the stack.
DEEPEST = 200

_COMMENT = r"(?:\s|--[^\n]*(?:\n|$)|/\*(?:[^*]|\*(?!/))*\*/)"
_OPTION = rf"{_COMMENT}*(?:ANALYZE|FORMAT{_COMMENT}+'?(?:text|json|yaml|html|graphviz|mermaid)'?){_COMMENT}*"
_EXPLAIN = re.compile(
    rf"{_COMMENT}*EXPLAIN\b(?:(?P<analyze>{_COMMENT}+ANALYZE\b)|{_COMMENT}*(?P<options>\({_OPTION}(?:,{_OPTION})*\)))?{_COMMENT}*",
    re.IGNORECASE,
)
_OTHER_OPTIONS = re.compile(
    rf"\({_COMMENT}*(?:ANALY[SZ]E|FORMAT|VERBOSE|COSTS|BUFFERS|TIMING|SUMMARY)\b", re.IGNORECASE
)
_SHOWN = {"tables", "__show_tables_expanded"}

TableName = tuple[str, str, str]
"""Catalogue, schema and table in lower case; a missing part is the empty text."""


class RefusedQuery(Exception):
    """A statement does more than read published tables; says why, in Chinese."""


@dataclass(frozen=True)
class Query:
    """A judged statement: a query, and the prefix EXPLAIN if DuckDB shall explain it."""

    text: str
    explain: str = ""

    @property
    def sql(self) -> str:
        """The statement to run."""
        return f"{self.explain}{self.text}"


def judge(connection: duckdb.DuckDBPyConnection, sql: str, tables: Collection[TableName]) -> Query:
    """Judge one statement.

    Args:
        connection: parses `sql` and does not run it. Its `max_expression_depth` limits the nesting.
        sql: the text that a person wrote.
        tables: the published tables, as `published_tables` names them.

    Raises:
        RefusedQuery: the text is not one query on these tables.
        duckdb.ParserException: the text is not SQL.
    """
    _check_text(sql)
    try:
        return _judged(connection, sql, tables)
    except RecursionError:
        raise RefusedQuery(_NESTED) from None


def check(connection: duckdb.DuckDBPyConnection, text: str, tables: Collection[TableName]) -> None:
    """Refuse a text that is not one query on these tables, as `judge` does."""
    try:
        _StatementJudge(frozenset(tables)).statement(_tree(connection, text))
    except RecursionError:
        raise RefusedQuery(_NESTED) from None


def _check_text(sql: str) -> None:
    for place, character in enumerate(sql, start=1):
        if "\ud800" <= character <= "\udfff":
            raise RefusedQuery(f"SQL 第 {place} 个字符不是有效的 UTF-8，请检查终端或文件的编码")
        if character == "\0":
            raise RefusedQuery(f"SQL 第 {place} 个字符是空字符（NUL），请删去")
    if len(sql) > LONGEST:
        raise RefusedQuery(f"SQL 有 {len(sql):,} 个字符，最多 {LONGEST:,} 个")


def _judged(connection: duckdb.DuckDBPyConnection, sql: str, tables: Collection[TableName]) -> Query:
    try:
        statements = connection.extract_statements(sql)
    except duckdb.PermissionException:
        # The parser itself opens the files of IMPORT DATABASE.
        raise RefusedQuery(_ONLY_READS) from None
    except duckdb.InvalidInputException:
        # The parser itself checks options.
        if _EXPLAINED.match(sql) is None:
            raise
        raise RefusedQuery(_EXPLAIN_OPTIONS) from None
    except duckdb.ParserException as error:
        if _TOO_DEEP.search(str(error)):
            raise RefusedQuery(_NESTED) from None
        raise
    kinds = [statement.type for statement in statements]
    if len(kinds) > 1 and duckdb.StatementType.CREATE in kinds and not any(s.query for s in statements):
        # DuckDB translates a PIVOT whose columns depend on the data into several statements.
        raise RefusedQuery(_DYNAMIC_PIVOT)
    if len(statements) != 1:
        raise RefusedQuery("请写一条 SQL 查询")
    text, explain = statements[0].query.strip().rstrip(";"), ""
    if kinds[0] == duckdb.StatementType.EXPLAIN:
        match = _EXPLAIN.match(text)
        if match is None:
            raise RefusedQuery("EXPLAIN 之后请直接写查询")
        text, options = text[match.end() :], match["options"]
        explain = f"EXPLAIN {options} " if options else "EXPLAIN ANALYZE " if match["analyze"] else "EXPLAIN "
        if _OTHER_OPTIONS.match(text):
            raise RefusedQuery(_EXPLAIN_OPTIONS)
        # DuckDB would parse brackets behind EXPLAIN as options.
        text = f"FROM {text}" if text.startswith("(") else text
    elif kinds[0] != duckdb.StatementType.SELECT:
        raise RefusedQuery(_ONLY_READS)
    check(connection, text, tables)
    return Query(text, explain)


_EXPLAINED = re.compile(rf"{_COMMENT}*EXPLAIN\b", re.IGNORECASE)
_EXPLAIN_OPTIONS = (
    "EXPLAIN 的选项写得不对。请写 EXPLAIN 查询、EXPLAIN ANALYZE 查询，"
    "或 EXPLAIN (FORMAT json) 查询；格式可用 text、json、yaml、html、graphviz、mermaid"
)
_DYNAMIC_PIVOT = (
    "PIVOT 的列不能由数据决定。请用 IN (…) 列出各列的取值，例如 PIVOT t ON sex IN ('1', '2') USING count(*)"
)
_NESTED = "查询的嵌套过深，请改写得浅一些"
_TOO_DEEP = re.compile("Max expression depth|memory exhausted")
_ONLY_READS = "只能查询（SELECT、FROM、DESCRIBE、SHOW TABLES、SUMMARIZE、EXPLAIN），不能修改数据或设置"


def _tree(connection: duckdb.DuckDBPyConnection, text: str) -> Mapping[str, Any]:
    row = connection.execute("SELECT json_serialize_sql(CAST(? AS VARCHAR))", [text]).fetchone()
    assert row is not None
    tree: dict[str, Any] = json.loads(row[0])
    if tree["error"]:
        if tree["error_type"] == "not implemented":
            raise RefusedQuery(_ONLY_READS)
        raise RefusedQuery(f"SQL 不能解析，请按下面指出的位置修改\n{tree['error_message']}")
    if len(tree["statements"]) != 1:
        raise RefusedQuery("请写一条 SQL 查询")
    statement: Mapping[str, Any] = tree["statements"][0]
    return statement


def published_tables(connection: duckdb.DuckDBPyConnection) -> frozenset[TableName]:
    """Every way to write the name of a table or view in the attached databases.

    A table in the schema `main` may also be named as `database.table`. A table in a schema `hidden` is internal and
    not published.
    """
    rows = connection.execute(
        "SELECT database_name, schema_name, table_name FROM duckdb_tables() WHERE NOT internal AND NOT temporary "
        "UNION ALL "
        "SELECT database_name, schema_name, view_name FROM duckdb_views() WHERE NOT internal AND NOT temporary"
    ).fetchall()
    named = (tuple(map(_lower, row)) for row in rows)
    return frozenset(name for parts in named if parts[1] != HIDDEN for name in _spellings(*parts))


def _spellings(database: str, schema: str, table: str) -> Iterator[TableName]:
    yield database, schema, table
    yield ("", database, table) if schema == "main" else ("", schema, table)


def _lower(name: str) -> str:
    """Lower case as DuckDB compares names: only ASCII letters change."""
    return name.translate(_LOWER)


_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


@dataclass(frozen=True)
class _Allowed:
    nodes: frozenset[str]
    expressions: frozenset[str]
    keys: frozenset[str]
    functions: frozenset[str]
    table_functions: frozenset[str]


@cache
def _allowed() -> _Allowed:
    text = (files("warehouse.query") / "allowed.yaml").read_text(encoding="utf-8")
    lists = TypeAdapter(dict[str, frozenset[str]]).validate_python(plain_yaml(text))
    return _Allowed(**{**lists, "functions": frozenset(map(_lower, lists["functions"]))})


class _StatementJudge:
    """Walks one tree. `scope` holds the common table expressions that a table's name may mean."""

    def __init__(self, tables: Collection[TableName]) -> None:
        self.tables = tables

    def statement(self, statement: Mapping[str, Any]) -> None:
        if statement.keys() != {"node", "named_param_map"} or statement["named_param_map"]:
            raise RefusedQuery("查询中不能有参数（?、$1、$名称），请写出值")
        self._value(statement["node"], frozenset())

    def _value(self, value: Any, scope: frozenset[str]) -> None:
        if isinstance(value, list):
            for each in value:
                self._value(each, scope)
        elif isinstance(value, dict):
            self._node(value, scope)

    def _node(self, node: Mapping[str, Any], scope: frozenset[str]) -> None:
        allowed, kind, name = _allowed(), node.get("class"), node.get("type")
        unknown = sorted(node.keys() - allowed.keys)
        if unknown:
            raise RefusedQuery(f"查询中的 {unknown[0]} 不在允许之列")
        if kind is not None and kind not in allowed.expressions:
            raise RefusedQuery(f"查询中的 {kind} 不在允许之列")
        if kind is None and isinstance(name, str) and name not in allowed.nodes:
            raise RefusedQuery(f"查询中的 {name} 不在允许之列")
        if kind in ("FUNCTION", "WINDOW"):
            self._function(node, allowed.functions)
        elif kind == "COLUMN_REF" and [*map(_lower, node["column_names"])] in _FUNCTIONS_WITHOUT_BRACKETS:
            raise RefusedQuery(f"{node['column_names'][0]} 不能在查询中使用；同名的列请写成 表名.列名")
        elif kind is None and isinstance(name, str) and name in _CHECKS:
            scope = _CHECKS[name](self, node, scope)
        self._parts(node, scope)

    def _parts(self, node: Mapping[str, Any], scope: frozenset[str]) -> None:
        """Judge the parts of a node. A common table expression is in scope of the later ones and of the node itself."""
        for entry in (node.get("cte_map") or {}).get("map", []):
            self._value(entry["value"], scope)
            scope |= {_lower(entry["key"])}
        for key, part in node.items():
            # `_table_function` judges the call of a table function.
            if key not in ("cte_map", "function"):
                self._value(part, scope)

    def _function(self, node: Mapping[str, Any], known: Collection[str]) -> None:
        name = node["function_name"]
        if _lower(name) not in known:
            raise RefusedQuery(f"函数 {name} 不能在查询中使用")
        if node.get("export_state"):
            raise RefusedQuery(f"函数 {name} 不能这样使用")

    def _table(self, node: Mapping[str, Any], scope: frozenset[str]) -> frozenset[str]:
        parts = (node["catalog_name"], node["schema_name"], node["table_name"])
        catalogue, schema, table = map(_lower, parts)
        if node["at_clause"] is not None:
            raise RefusedQuery("查询中不能用 AT 指定历史版本")
        if (catalogue, schema, table) not in self.tables and not (
            not catalogue and not schema and table in scope and _PLAIN.fullmatch(table)
        ):
            written = ".".join(part for part in parts if part)
            raise RefusedQuery(f"没有发布名为 {written} 的表；有哪些表，请查询 SHOW TABLES")
        return scope

    def _table_function(self, node: Mapping[str, Any], scope: frozenset[str]) -> frozenset[str]:
        call = node["function"]
        if call.get("class") != "FUNCTION" or call.get("schema"):
            raise RefusedQuery("FROM 之后的函数不能这样使用")
        self._function(call, _allowed().table_functions)
        self._parts(call, scope)
        return scope

    def _recursive(self, node: Mapping[str, Any], scope: frozenset[str]) -> frozenset[str]:
        return scope | {_lower(node["cte_name"])}

    def _shown(self, node: Mapping[str, Any], scope: frozenset[str]) -> frozenset[str]:
        listed = node["table_name"].strip('"')
        if node["query"] is None and node["show_type"] != "SHOW_FROM" and listed not in _SHOWN:
            raise RefusedQuery(f"SHOW {listed} 不能在查询中使用；可用 SHOW TABLES、SHOW ALL TABLES、DESCRIBE")
        return scope

    def _pivot(self, node: Mapping[str, Any], scope: frozenset[str]) -> frozenset[str]:
        if any(pivot.get("pivot_enum") for pivot in node["pivots"]):
            raise RefusedQuery(_DYNAMIC_PIVOT)
        return scope

    def _type(self, node: Mapping[str, Any], scope: frozenset[str]) -> frozenset[str]:
        if node["catalog"] or node["schema"]:
            raise RefusedQuery(f"没有名为 {node['name']} 的类型")
        return scope


# Names that DuckDB reads as functions if there is no column of the name.
_FUNCTIONS_WITHOUT_BRACKETS = (
    ["current_user"], ["session_user"], ["user"], ["current_role"], ["current_schema"], ["current_catalog"],
    ["current_database"],
)  # fmt: skip

# The name of a common table expression; DuckDB takes a name with other marks for a file.
_PLAIN = re.compile(r"[\w \-]+")

_CHECKS = {
    "BASE_TABLE": _StatementJudge._table,
    "TABLE_FUNCTION": _StatementJudge._table_function,
    "RECURSIVE_CTE_NODE": _StatementJudge._recursive,
    "SHOW_REF": _StatementJudge._shown,
    "PIVOT": _StatementJudge._pivot,
    "UNBOUND_TYPE_INFO": _StatementJudge._type,
}
