"""The allow-list of portable SQL: what is not on it, or means something else on Spark, is refused with its line."""

import duckdb
import pytest

from schemas.expressions.functions import load_functions
from schemas.expressions.parse import OPERATORS, STANDARD_FUNCTIONS
from schemas.expressions.portable import load_allow_list, objections, pattern_objection

ALLOWED = load_allow_list()

NOT_PORTABLE = [
    ("select strptime(t, '%Y') from x", "calls a function that is not portable"),
    ("select t[1] from x", "`t[1]` is not portable"),
    ("select list_transform(l, lambda x: x) from x", "calls a function that is not portable"),
    ("select list_filter(l, x -> x is not null) from x", "write `lambda x: …`"),
    ("select regexp_replace(t, 'a', 'b') from x", "write 'g' behind it"),
    ("select regexp_replace(t, '(a)', '\\1', 'g') from x", "write the replacement itself"),
    ("select regexp_matches(t, u) from x", "write the pattern itself"),
    ("select regexp_matches(t, '\\bfoo') from x", "a backslash may only stand before a mark"),
    ("select a / b from x", "divide by a number written out"),
    ("select a % 0 from x", "divide by a number written out"),
    ("select try_cast(t as date) from x", "parse_date"),
    ("select t::integer from x", "parse_integer"),
    ("select substr(t, n) from x", "write the number itself"),
    ("select substr(t, 0, 2) from x", "write the number itself, 1 or larger"),
    ("select * replace (a + 1 as a) from x", "of stars only EXCLUDE"),
    ("select a from x union all by name select b from y", "BY NAME is not portable"),
    ("select a from x full join y using (k)", "of joins only JOIN, LEFT JOIN and ANTI JOIN"),
    ("select a from x semi join y using (k)", "of joins only JOIN, LEFT JOIN and ANTI JOIN"),
    ("select a from x using sample 10", "is not portable"),
    ("select map {'a': 1} from x", "calls a function that is not portable"),
    ("select a from read_parquet('x')", "calls a function that is not portable"),
    ("select epoch(d) from x", "calls a function that is not portable"),
    ("pragma version", "is not portable"),
]


@pytest.mark.parametrize(("sql", "said"), NOT_PORTABLE)
def test_what_means_something_else_on_spark_is_refused(sql: str, said: str) -> None:
    assert any(said in found.message for found in objections(sql)), objections(sql)


@pytest.mark.parametrize("join", ["join", "inner join", "left join", "anti join"])
def test_joins_that_both_engines_know_may_stand(join: str) -> None:
    assert objections(f"select x.a from x {join} y on y.k = x.k") == []


def test_an_objection_names_its_line() -> None:
    found = objections(
        "select a,\n  strptime(t, '%Y'),\n  t[1]\nfrom x\nwhere upper(t) = 'A'\n  and epoch(d) > 1"
    )
    assert [objection.line for objection in found] == [2, 3, 6]


def test_what_rules_may_say_is_all_on_the_list_with_a_proof() -> None:
    assert STANDARD_FUNCTIONS.keys() <= ALLOWED.functions.keys()
    assert {kind.__name__ for kinds in OPERATORS.values() for kind in kinds} <= ALLOWED.nodes
    proved = (*ALLOWED.functions.values(), *ALLOWED.operators.values())
    assert all(construct.proofs for construct in proved)
    assert not ALLOWED.functions.keys() & load_functions().keys()


@pytest.mark.parametrize("proof", ALLOWED.proofs)
def test_every_proof_is_portable_and_runs(proof: str) -> None:
    assert objections(proof) == []
    columns = "'a' AS t, 'b' AS u, 1.5::DOUBLE AS n, 1 AS i, 2 AS j, current_date AS d, current_date AS e, true AS b"
    assert len(duckdb.sql(f"SELECT {proof} FROM (SELECT {columns})").fetchall()) == 1


@pytest.mark.parametrize(
    ("pattern", "portable"),
    [
        (r"^[0-9]{12}-[0-9S][0-9]{3}$", True),
        (r"\d+\.\d", True),
        (r"[\[\]x]", True),
        (r"(?i)^(?:a|b)(c)$", True),
        (r"\x{4E00}", True),
        (r"\s", False),
        (r"\pL", False),
        (r"\Qa\E", False),
        (r"[[:alpha:]]", False),
        (r"[a&&b]", False),
        (r"(?P<n>a)", False),
        (r"(?s).", False),
    ],
)
def test_patterns_that_java_reads_otherwise_are_told(pattern: str, portable: bool) -> None:
    assert (pattern_objection(pattern) is None) is portable
