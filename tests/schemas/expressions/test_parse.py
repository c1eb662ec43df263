"""SQL expressions of contracts: what they mean in DuckDB, as written and as generated; what is refused."""

import datetime
from collections.abc import Iterable
from decimal import Decimal

import duckdb
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from schemas.expressions.functions import load_functions
from schemas.expressions.parse import (
    OPERATORS,
    STANDARD_FUNCTIONS,
    Scope,
    columns_of,
    function_name,
    is_constant,
    parse,
    pattern_problem,
    problems,
    qualify,
)

COLUMNS = ("a", "b", "t", "u", "d", "e", "p", "q")
SCOPE = Scope(COLUMNS, load_functions(), {"death": {"resident_id", "death_date"}})

# A row for every mixture of missing, negative, empty and ordinary values.
ROWS = """
SELECT * FROM (VALUES
  (1, 2, 'abc', 'b', DATE '2026-03-02', DATE '2003-02-28', true, false),
  (-7, 3, '', 'a%', DATE '2024-02-29', DATE '2024-02-29', false, NULL),
  (0, -2, NULL, '张三', NULL, DATE '1999-12-31', NULL, true),
  (NULL, 0, '张三丰', NULL, DATE '2026-03-31', NULL, true, true),
  (12, NULL, ' a_c ', 'abc', DATE '2026-03-01', DATE '2026-03-31', NULL, NULL)
) AS v (a, b, t, u, d, e, p, q)
"""


@pytest.fixture(scope="module")
def con() -> Iterable[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE s AS {ROWS}")
        yield connection


# What each function and operator means, worked out by hand.
MEANINGS: list[tuple[str, object]] = [
    ("abs(-3)", 3),
    ("cast(380 as varchar)", "380"),
    ("cast(date '2026-03-02' as varchar)", "2026-03-02"),
    ("coalesce(null, null, 'c')", "c"),
    ("concat('a', null, 1, date '2026-03-02')", "a12026-03-02"),
    ("day(date '2026-03-02')", 2),
    ("month(date '2026-03-02')", 3),
    ("year(date '2026-03-02')", 2026),
    ("ends_with('芝罘区', '区')", True),
    ("starts_with('芝罘区', '区')", False),
    ("greatest(1, null, 3)", 3),
    ("least(2, null, 3)", 2),
    ("left('甲乙丙', 2)", "甲乙"),
    ("right('甲乙丙', 2)", "乙丙"),
    ("length('𠮷野家')", 3),
    ("lower('ＡbC')", "ａbc"),
    ("upper('x')", "X"),
    ("nullif('无', '无')", None),
    ("nullif('有', '无')", "有"),
    ("regexp_matches('xab', 'a')", True),
    ("regexp_matches('xab', '^a')", False),
    (r"regexp_matches('12', '^\d{2}$')", True),
    ("replace('a-b-c', '-', '')", "abc"),
    ("round(2.5)", Decimal(3)),
    ("round(-2.5)", Decimal(-3)),
    ("round(2.345, 1)", Decimal("2.3")),
    ("substr('37060219800101', 7, 8)", "19800101"),
    ("substr('甲乙丙', 2)", "乙丙"),
    ("trim('  a b ')", "a b"),
    ("trim('xxaxx', 'x')", "a"),
    ("try_cast(5 as varchar)", "5"),
    ("true and null", None),
    ("false and null", False),
    ("true or null", True),
    ("not null", None),
    ("not true or true", True),
    ("not 1 = 2", True),
    ("1 = 1 and 2 <> 2 or 3 < 4", True),
    ("1 > 2 or 2 >= 2 and 1 <= 0", False),
    ("null = null", None),
    ("null is null", True),
    ("1 is not null", True),
    ("null is true", False),
    ("(1 = 2) is false", True),
    ("null is distinct from 1", True),
    ("null is not distinct from null", True),
    ("'2' in ('1', '2')", True),
    ("'3' not in ('1', null)", None),
    ("2 between 1 and 2", True),
    ("2 not between 1 and 2", False),
    ("'张三丰' like '张%'", True),
    ("'abc' like 'A%'", False),
    ("'abc' not like '_bc'", False),
    ("1 + 2 * 3", 7),
    ("10 - 4 - 3", 3),
    ("- (2 - 3)", 1),
    ("7 / 2", 3.5),
    ("-7 % 3", -1),
    ("date '2026-03-02' - 30", datetime.date(2026, 1, 31)),
    ("date '2024-02-28' + 1", datetime.date(2024, 2, 29)),
    ("date '2026-03-02' - date '2026-02-28'", 2),
    ("date '2026-03-02' > date '2026-03-01'", True),
    ("'a' || 'b' || 'c'", "abc"),
    ("'a' || null", None),
    ("case when 1 = 2 then 'x' when null then 'y' else 'z' end", "z"),
    ("case '1' when '1' then '20' when '2' then '40' end", "20"),
    ("case '3' when '1' then '20' when '2' then '40' end", None),
    ("if(1 = 1, 'x', 'y')", "x"),
    ("'it''s'", "it's"),
    (r"'a\b'", r"a\b"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "value"), MEANINGS)
def test_an_expression_means_the_same_as_written_and_as_generated(
    con: duckdb.DuckDBPyConnection, expression: str, value: object
) -> None:
    assert problems(expression, SCOPE) == []
    assert con.execute(f"SELECT {expression}").fetchone() == (value,)
    assert con.execute(f"SELECT {qualify(expression, 's')}").fetchone() == (value,)


def test_the_meanings_above_use_every_function_and_operator() -> None:
    nodes = [node for expression, _ in MEANINGS for node in parse(expression).walk()]
    called = {function_name(node) for node in nodes if isinstance(node, exp.Func)}
    assert called >= STANDARD_FUNCTIONS.keys()
    used = {type(node) for node in nodes}
    assert used >= {kind for kinds in OPERATORS.values() for kind in kinds}


@pytest.mark.parametrize("function", load_functions().values(), ids=lambda f: f.name)
def test_every_function_of_the_library_may_be_called(function: object) -> None:
    for case in function.examples:  # type: ignore[attr-defined]
        assert problems(case.call, SCOPE) == []
        assert qualify(case.call, "s").lower() == parse(case.call).sql("duckdb").lower()


# Regeneration

ROUND_TRIPS = [
    "not a = b and p",
    "not (a = b and p)",
    "a - (b - 1)",
    "a - - b",
    "- a % 2",
    "a / nullif(b, 0) * 2",
    "a / nullif(b * 2, 0)",
    "t || u = 'abcb'",
    "t || u like 'abc%'",
    "a between b and 5 and p",
    "p = q is null",
    "a is distinct from b or p",
    "not a in (1, 2)",
    "a in (1, 2) = p",
    "p and not q or a is null and b = 2",
    "case when p then a when q then b end in (1, 12)",
    "coalesce(a, b, 0) - -2 > 1",
    "substr(t, 1, 1) = left(t, 1)",
    "d - 30 < e + a",
    "(d - e) / 365 > 20",
    "p -- a remark",
    "/* a remark */ p",
    "a\n  = b\n  or q",
    '"a" = b',
]


@pytest.mark.parametrize("expression", ROUND_TRIPS)
def test_a_generated_expression_gives_the_same_on_every_row(
    con: duckdb.DuckDBPyConnection, expression: str
) -> None:
    assert problems(expression, SCOPE) == []
    _assert_same(con, expression)


def _assert_same(con: duckdb.DuckDBPyConnection, expression: str) -> None:
    written = con.execute(f"SELECT {expression}\nFROM s").fetchall()
    generated = con.execute(f"SELECT {qualify(expression, 's')} FROM s").fetchall()
    assert repr(generated) == repr(written)


def _texts(shapes: list[str], **parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """SQL made by filling shapes such as `{num} + {num}`, without brackets of its own."""

    def filled(shape: str) -> st.SearchStrategy[str]:
        names = [piece.split("}")[0] for piece in shape.split("{")[1:]]
        return st.tuples(*(parts[name] for name in names)).map(
            lambda values: "".join(
                piece + value
                for piece, value in zip(
                    [shape.split("{")[0], *(p.split("}")[1] for p in shape.split("{")[1:])],
                    [*values, ""],
                    strict=True,
                )
            )
        )

    return st.sampled_from(shapes).flatmap(filled)


def _expressions(depth: int) -> dict[str, st.SearchStrategy[str]]:
    if depth == 0:
        return {
            "num": st.sampled_from(["a", "b", "0", "2", "-7", "null", "1.5"]),
            "text": st.sampled_from(["t", "u", "'abc'", "''", "'张%'", "null"]),
            "day": st.sampled_from(["d", "e", "date '2026-03-02'", "null"]),
            "truth": st.sampled_from(["p", "q", "true", "false", "null"]),
        }
    low = _expressions(depth - 1)
    numbers = [
        "{num}", "({num})", "{num} + {num}", "{num} - {num}", "{num} * {num}", "{num} / nullif({num}, 0)",
        "{num} % nullif({num}, 0)", "- {num}", "abs({num})", "round({num}, 1)", "length({text})", "year({day})",
        "{day} - {day}", "coalesce({num}, {num})", "nullif({num}, {num})", "greatest({num}, {num})",
        "case when {truth} then {num} else {num} end", "case {num} when {num} then {num} end",
    ]  # fmt: skip
    texts = [
        "{text}", "{text} || {text}", "substr({text}, 2, 2)", "concat({text}, {num})", "trim({text})",
        "left({text}, 1)", "replace({text}, 'a', {text})", "case when {truth} then {text} end",
    ]  # fmt: skip
    days = ["{day}", "{day} - 30", "coalesce({day}, {day})", "least({day}, {day})"]
    truths = [
        "{truth}", "({truth})", "{num} = {num}", "{num} <> {num}", "{num} < {num}", "{text} >= {text}",
        "{day} < {day}", "not {truth}", "{truth} and {truth}", "{truth} or {truth}", "{num} is null",
        "{truth} is not true", "{text} is distinct from {text}", "{num} in ({num}, 2)",
        "{text} not in ('abc', {text})", "{num} between {num} and {num}", "{text} like {text}",
        "{truth} = {truth}", "starts_with({text}, {text})", "regexp_matches({text}, '^a')",
    ]  # fmt: skip
    return {
        "num": _texts(numbers, **low),
        "text": _texts(texts, **low),
        "day": _texts(days, **low),
        "truth": _texts(truths, **low),
    }


@settings(max_examples=250, deadline=None)
@given(expression=st.one_of(*_expressions(3).values()))
@example("not a = b is null")
@example("- 2 - -7 % nullif(b, 0)")
@example("t || u || 'x' not like u || '%'")
def test_generating_an_expression_again_never_changes_its_meaning(
    con: duckdb.DuckDBPyConnection, expression: str
) -> None:
    assert problems(expression, SCOPE) == []
    try:
        con.execute(f"SELECT {expression} FROM s").fetchall()
    except duckdb.Error:
        assume(False)
    _assert_same(con, expression)


def test_columns_that_name_no_table_are_told_to_be_of_the_row() -> None:
    expression = "death.death_date < batch_date - 30 and a = 1"
    assert qualify(expression, "s") == "death.death_date < s.batch_date - 30 AND s.a = 1"
    assert columns_of(expression, "death") == {"death_date"}
    assert columns_of(expression, "birth") == set()


# Refusal

REFUSED = [
    # expression, what the message says
    ("", "there is no SQL expression"),
    ("a = ", "not one SQL expression (line 1, near `=`)"),
    ("a = 1\n and b = = 2", "line 2, near `=`"),
    ("case when p then a", "near `a`"),
    ("t = 'abc", "a quote is not closed"),
    ("a, b", "near `,`"),
    ("a as b", "near `as`"),
    ("a; drop table s", "`;` is not allowed in an expression: write one expression"),
    ("select 1", "near `select`"),
    ("drop table s", "not one SQL expression"),
    ("a from s", "near `from`"),
    ("a order by b", "not one SQL expression"),
    ("(select 1)", "a sub-query is not allowed"),
    ("exists (select 1 from s)", "a sub-query is not allowed"),
    ("a in (select 1)", "a sub-query is not allowed"),
    ("a = any (select 1)", "is not allowed"),
    ("count(*)", "`COUNT(*)` looks at several rows"),
    ("sum(a) > 1", "`SUM(a)` looks at several rows"),
    ("max(a) filter (where p)", "looks at several rows"),
    ("lag(a) over (order by d)", "looks at several rows"),
    ("row_number() over ()", "looks at several rows"),
    ("bool_and(p)", "looks at several rows"),
    ("read_csv('x.csv')", "`READ_CSV('x.csv')` calls a function that is not in the library"),
    ("read_parquet('x')", "not in the library"),
    ("read_text('/etc/passwd')", "not in the library"),
    ("glob('*')", "not in the library"),
    ("getenv('HOME')", "not in the library"),
    ("current_setting('temp_directory')", "not in the library"),
    ("query('select 1')", "not in the library"),
    ("current_date", "not in the library"),
    ("now()", "not in the library"),
    ("random()", "not in the library"),
    ("uuid()", "not in the library"),
    ("error('x')", "not in the library"),
    ("regexp_full_match(t, 'a')", "did you mean regexp_matches?"),
    ("is_residentid(t)", "did you mean is_resident_id?"),
    ("main.age_at(d, e)", "is not allowed"),
    ("t.length()", "is not allowed"),
    ("coalesce(lambda x: x)", "is not allowed"),
    ("coalesce(x -> x)", "`->` is not allowed"),
    ("*", "name the columns one by one"),
    ("death.*", "name the columns one by one"),
    ("columns('a')", "name the columns one by one"),
    ("coalesce(*)", "name the columns one by one"),
    ("?", "`?` is not allowed"),
    ("$1", "`$` is not allowed"),
    (":name", "`:` is not allowed"),
    ("[a, b]", "`[` is not allowed"),
    ("t[1]", "`[` is not allowed"),
    ("{'k': a}", "`{` is not allowed"),
    ("(a, b) = t", "`(a, b)` is not allowed"),
    ("a in b", "write the values in brackets"),
    ("a is b", "after `is` write null, true, false or distinct from"),
    ("t ~ 'a'", "write regexp_matches"),
    ("t::date", "parse_date"),
    ("a == b", "write ="),
    ("a // b", "`//` is not allowed"),
    ("a ** b", "`**` is not allowed"),
    ("a & b", "`&` is not allowed"),
    ("t ilike 'a%'", "is not allowed"),
    ("t similar to 'a'", "is not allowed"),
    ("t glob 'a*'", "is not allowed"),
    ("t like 'a!%' escape '!'", "is not allowed"),
    ("t collate nocase = 'a'", "not in the library"),
    ("E'a'", "write texts in single quotes"),
    ("$$a$$", "write texts in single quotes"),
    ("d - interval 1 month", "add or subtract days as a whole number"),
    ("extract(year from d)", "not in the library"),
    ("cast(t as date)", "parse_date"),
    ("cast(t as bigint)", "parse_integer"),
    ("try_cast(t as bigint)", "parse_integer"),
    ("a / b", "divide by a number written out"),
    ("substr(t, a)", "write the number itself"),
    ("regexp_matches(t, '\\s')", "a backslash may only stand before a mark"),
    ("try_cast(t as decimal(10, 2))", "cast to varchar only"),
    ("try_cast(t as struct(x int))", "cast to varchar only"),
    ("try_cast(t as integer[])", "`[` is not allowed"),
    ("try_cast(t as blob)", "cast to varchar only"),
    ("date '2026-02-30'", "2026-02-30 is not a date"),
    ("date '20260302'", "20260302 is not a date"),
    ("regexp_matches(t, '(')", "`(` is not a regular expression of RE2"),
    ("regexp_matches(t, '(?=a)')", "is not a regular expression of RE2"),
    ("regexp_matches(t, u)", "write the pattern itself, in quotes"),
    ("age_at(d)", "age_at takes 2 arguments, not 1"),
    ("replace(t, 'a')", "replace takes 3 arguments, not 2"),
    ("round(a, 1, 2)", "round takes 1 to 2 arguments, not 3"),
    ("batch_dat > d", "unknown column batch_dat (did you mean batch_date?)"),
    ("A = 1", "unknown column A (did you mean a?)"),
    ("rowid = 1", "unknown column rowid"),
    ("death.deathdate > d", "the joined dataset has no such column (did you mean death_date?)"),
    ("birth.place = t", "birth is not an alias under join"),
    ("health.death.resident_id = t", "write <alias>.<column>"),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "said"), REFUSED)
def test_what_is_no_expression_about_one_row_is_refused_in_clear_words(expression: str, said: str) -> None:
    found = problems(expression, SCOPE)
    assert len(found) == 1, found
    assert said in found[0]


# What of DuckDB's functions is about more than its arguments: tables and settings, by their kind or their names.
REACHING = """
SELECT DISTINCT lower(function_name) FROM duckdb_functions()
WHERE regexp_full_match(function_name, '[a-z_0-9]+') AND (
  function_type IN ('table', 'table_macro', 'pragma')
  OR regexp_matches(function_name, '(?i)read|write|file|glob|env|setting|query|secret|current|version|nextval|log$')
)
"""


def test_no_function_that_reaches_files_settings_or_tables_may_be_called(
    con: duckdb.DuckDBPyConnection,
) -> None:
    names = {name for (name,) in con.execute(REACHING).fetchall()}
    assert names >= {"read_csv", "read_text", "read_blob", "glob", "current_setting", "query", "query_table"}
    assert [name for name in sorted(names) if not problems(f"{name}('x')", SCOPE)] == []


def test_a_derived_column_does_not_know_the_batch_date() -> None:
    assert problems("batch_date", SCOPE) == []
    assert problems("batch_date", Scope(COLUMNS, {}, dated=False)) == ["unknown column batch_date"]


def test_every_fault_of_an_expression_is_told_once() -> None:
    found = problems("x = 1 and y = 2 and x = 3 and today() > d", SCOPE)
    assert [message.split(":")[0] for message in found] == [
        "unknown column x",
        "unknown column y",
        "`CURRENT_DATE` calls a function that is not in the library",
    ]


WORDS = [
    "a", "t", "death", ".", ",", "(", ")", "'", "''", '"', "--", "/*", "*/", ";", "=", "<", "~", "::", "[",
    "]", "{", "}", "$", "?", "@", "\\", "\n", "\x00", "1", "1e", "0x", "and", "not", "in", "is", "null",
    "case", "when", "then", "end", "select", "from", "with", "over", "interval", "date", "cast", "as", "int",
    "lambda", "x", ":", "->", "struct", "map", "values", "exists", "any", "filter", "extract", "like", "张",
    "%", "*", "-", "||", "substr", "trim", "both", "pivot", "try_cast", "if", "between", "distinct", "E'",
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join) | st.text(max_size=12))
def test_no_text_makes_the_judge_fail(text: str) -> None:
    found = problems(text, SCOPE)
    assert all(isinstance(message, str) and message for message in found)
    if not found:
        assert isinstance(qualify(text, "s"), str)


# Patterns and constants


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        (r"^[0-9]{17}[0-9X]$", None),
        (r"^\p{Han}+(·\p{Han}+)*$", "backslash"),
        (r"(?i)^a|b\z", "backslash"),
        ("(?i)^a|b$", None),
        ("", None),
        ("(", "missing )"),
        ("[a", "missing ]"),
        ("*", "no argument for repetition operator"),
        ("a{2,1}", "invalid repetition size"),
        (r"(a)\1", "invalid escape sequence"),
        ("(?=a)", "invalid perl operator"),
        ("(?<!a)b", "invalid"),
    ],
)
def test_a_pattern_is_one_of_re2(pattern: str, fault: str | None) -> None:
    problem = pattern_problem(pattern)
    assert problem is None if fault is None else fault in str(problem)


@pytest.mark.parametrize(
    ("text", "logical_type", "readable"),
    [
        ("12", "integer", True),
        ("-3", "integer", True),
        ("1.5", "integer", False),
        ("1_000", "integer", False),
        ("１２", "integer", False),
        ("9" * 19, "integer", False),
        ("1.5", "number", True),
        ("-1e6", "number", True),
        ("nan", "number", False),
        ("1,000", "number", False),
        ("2026-03-02", "date", True),
        ("2026-3-2", "date", False),
        ("20260302", "date", False),
        ("2026-02-29", "date", False),
        ("2026-03-02 08:30", "timestamp", True),
        ("2026-03-02T08:30:00", "timestamp", True),
        ("2026-03-02", "timestamp", False),
        ("2026-03-02 25:00", "timestamp", False),
        ("true", "boolean", False),
        ("a", "string", False),
    ],
)
def test_a_constant_is_written_in_the_one_spelling_of_its_type(
    text: str, logical_type: str, readable: bool
) -> None:
    assert is_constant(text, logical_type) == readable
