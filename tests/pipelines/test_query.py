"""`zhenjie query`: every type written out, time and rows limited, refusals told and entered."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipelines.answering.answers import _told_apart
from returns.ledger.store import Ledger
from schemas.emit.spreadsheet import restore

DONE, USAGE, FAILED = 0, 2, 3
Command = Callable[..., Any]


@pytest.fixture
def query(demonstration: Any, zhenjie: Command, tmp_path: Path) -> Command:
    """Queries of the demonstration's databases, from a home with a ledger of its own."""
    for pattern in ("*.duckdb", "*.accepted.json"):
        for path in demonstration.home.glob(pattern):
            shutil.copyfile(path, tmp_path / path.name)
    return lambda *arguments, **environment: zhenjie(tmp_path, "query", *arguments, **environment)


def entered(tmp_path: Path) -> list[tuple[str, dict[str, object]]]:
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}") as ledger:
        return [(entry.kind.value, entry.detail) for entry in ledger.entries()]


# SQL → the value that a reader of JSON gets, and the cell of CSV. Numbers keep every digit.
TYPES: list[tuple[str, object, str]] = [
    ("NULL", None, ""),
    ("true", True, "true"),
    ("'NaN'::DOUBLE", "NaN", "nan"),
    ("'-Infinity'::FLOAT", "-Infinity", "-inf"),
    ("'NaN and Infinity'", "NaN and Infinity", "NaN and Infinity"),
    ("'say \"NaN\\'", 'say "NaN\\', 'say "NaN\\'),
    ("0.5::DOUBLE", Decimal("0.5"), "0.5"),
    ("9007199254740993", 9007199254740993, "9007199254740993"),
    ("170141183460469231731687303715884105727::HUGEINT", 2**127 - 1, str(2**127 - 1)),
    ("340282366920938463463374607431768211455::UHUGEINT", 2**128 - 1, str(2**128 - 1)),
    ("1.10::DECIMAL(38, 2)", Decimal("1.10"), "1.10"),
    ("DATE '2026-03-02'", "2026-03-02", "2026-03-02"),
    ("DATE '29000-01-01'", "29000-01-01", "29000-01-01"),
    ("TIMESTAMP '2026-03-02 01:02:03'", "2026-03-02 01:02:03", "2026-03-02 01:02:03"),
    ("INTERVAL '1 month 2 days'", "1 month 2 days", "1 month 2 days"),
    ("TIME '01:02:03'", "01:02:03", "01:02:03"),
    ("'\\xAA\\x00'::BLOB", "\\xAA\\x00", "\\xAA\\x00"),
    ("'101'::BIT", "101", "101"),
    ("'1'::ENUM('1', '2')", "1", "1"),
    ("uuid '00000000-0000-0000-0000-000000000001'", *["00000000-0000-0000-0000-000000000001"] * 2),
    ("[1, NULL]", [1, None], "[1, NULL]"),
    ("['NaN'::DOUBLE, 1.5]", ["NaN", Decimal("1.5")], "[nan, 1.5]"),
    ("{'a': [{'b': 'x'}]}", {"a": [{"b": "x"}]}, "{'a': [{'b': x}]}"),
    ("map {'k': 1}", {"k": 1}, "{k=1}"),
    ("union_value(k := 2)", {"k": 2}, "2"),
    ("'{\"a\": 1}'::JSON", {"a": 1}, '{"a": 1}'),
    ("chr(10) || chr(1) || '中'", "\n\x01中", "\n\x01中"),
]


def test_csv_holds_no_formula_and_its_numbers_stay(query: Command) -> None:
    said = query("SELECT '=1+1' AS \"=a\", -5 AS n, -1.5e0 AS d, '-5' AS t, [-1] AS l", "--csv")
    assert said.out == "'=a,n,d,t,l\n'=1+1,-5,-1.5,'-5,[-1]\n"


def no_constant(text: str) -> None:
    raise AssertionError(f"{text} is not JSON")


@pytest.mark.parametrize("form", ["--json", "--csv", ""])
def test_a_value_of_every_type_is_written(query: Command, form: str) -> None:
    said = query(
        "SELECT " + ", ".join(f"{sql} AS c{n}" for n, (sql, *_) in enumerate(TYPES)), *[form][: len(form)]
    )
    assert said.code == DONE, said.err
    if form == "--json":
        (row,) = json.loads(said.out, parse_float=Decimal, parse_constant=no_constant)
        assert list(row.values()) == [value for _, value, _ in TYPES]
        assert "1.10" in said.out
    elif form == "--csv":
        (cells,) = list(csv.reader(io.StringIO(said.out)))[1:]
        assert list(map(restore, cells)) == [cell for *_, cell in TYPES]
    else:
        # Too wide for a table: one field a line.
        assert any(
            line.split() == ["c8", "170141183460469231731687303715884105727"]
            for line in said.out.splitlines()
        )


def test_a_dataset_that_feeds_no_entity_is_queried_too(demonstration: Any, query: Command) -> None:
    told = query("SHOW ALL TABLES", "--json").json
    names = {table["name"] for table in told if table["database"] == "standard" and table["schema"] == "main"}
    assert names == {dataset.replace(".", "_") for dataset in demonstration.datasets}
    (counted,) = query("SELECT count(*) AS n FROM standard.police_population", "--json").json
    assert counted["n"] >= 600
    assert "没有发布名为" in query("FROM hidden.standard").err


@pytest.mark.parametrize("sql", ["SHOW TABLES", " show\ttables ; "])
def test_show_tables_lists_each_published_table_as_a_query_names_it(query: Command, sql: str) -> None:
    listed = {table["name"]: table["comment"] for table in query(sql, "--json").json}
    assert {
        "governance.person",
        "quality.ticket",
        "catalog.dataset",
        "standard.police_population",
    } <= listed.keys()
    assert not [name for name in listed if name.startswith("hidden.")]
    for name in ("quality.finding", "standard.police_population"):
        said = query(f"SELECT count(*) FROM {name}")
        assert said.code == DONE, said.err
    assert all(listed.values()), "each with its comment"


def test_one_form_of_output_is_chosen(query: Command) -> None:
    said = query("SELECT 1", "--csv", "--json")
    assert (said.code, said.out) == (USAGE, "")
    assert "只能选一个" in said.err


def test_a_narrow_result_stays_a_table(query: Command) -> None:
    assert "┃ a ┃" in query("SELECT 1 AS a, 'x' AS b").out


def test_how_many_rows_are_not_shown_is_told(query: Command) -> None:
    assert "还有 50 行没有显示" in query("FROM range(250)").err
    assert query("FROM range(200)").err == ""


@pytest.mark.parametrize("rows", [0, 1, 20_000, 45_000])
def test_json_is_one_array_however_many_batches_it_came_in(query: Command, rows: int) -> None:
    assert query(f"SELECT range AS n FROM range({rows})", "--json").json == [{"n": n} for n in range(rows)]


def test_the_order_of_the_query_is_the_order_of_the_answer(query: Command) -> None:
    sql = "SELECT range AS n FROM range(50_000) ORDER BY hash(range)"
    in_csv = [int(row["n"]) for row in csv.DictReader(io.StringIO(query(sql, "--csv").out))]
    assert in_csv == [row["n"] for row in query(sql, "--json").json]
    assert in_csv != sorted(in_csv)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["a", "a"], ["a", "a_1"]),
        (["a", "a", "a_1"], ["a", "a_2", "a_1"]),
        (["a_1", "a", "a", "a"], ["a_1", "a", "a_2", "a_3"]),
    ],
)
def test_every_column_has_a_name_of_its_own(names: list[str], told: list[str]) -> None:
    assert _told_apart(names) == told


@pytest.mark.parametrize("form", ["--csv", "--json", "--"])
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count(*) FROM range(10000000) a, range(10000000) b",
        "SELECT range FROM range(100000000000)",
    ],
)
def test_what_takes_too_long_is_broken_off(query: Command, tmp_path: Path, sql: str, form: str) -> None:
    if form == "--" and "count" not in sql:
        pytest.skip("its first rows come at once")
    said = query(form, sql, ZHENJIE_QUERY_SECONDS="1")
    assert said.code == FAILED and "查询超过 1 秒，已中止" in said.err, said.err
    assert "ZHENJIE_QUERY_SECONDS" in said.err
    assert "查询超过 1 秒" in str(entered(tmp_path)[-1][1]["failed"])


def test_a_query_beyond_the_memory_is_answered_with_the_disk(query: Command) -> None:
    sql = "SELECT r FROM (SELECT hash(range) AS r, sum(1) OVER (ORDER BY hash(range)) AS s FROM range(3_000_000))"
    said = query(f"SELECT count(*) AS n FROM ({sql})", "--json", ZHENJIE_MEMORY="80MB")
    assert said.json == [{"n": 3_000_000}], said.err


@pytest.mark.parametrize(
    ("sql", "said_in_chinese"),
    [
        ("SELEC 1", "语法错误"),
        ("SELECT no_such FROM governance.person", "用得不对"),
        ("SELECT CAST('x' AS INTEGER)", "TRY_CAST"),
        ("SELECT 1::TINYINT + 300::TINYINT", "不能转换"),
        ("SELECT unhex('zz')", "不能这样计算"),
        ("SELECT '\udcff'", "不是有效的 UTF-8"),
        ("SELECT 'a\0b'", "NUL"),
        ("SELECT " + "[" * 900 + "]" * 900, "嵌套过深"),
        ("SET threads = 1", "只能查询"),
        ("PIVOT governance.person ON sex USING count(*)", "IN"),
        ("EXPLAIN PIVOT governance.person ON sex USING count(*)", "IN"),
        ("EXPLAIN (FORMAT csv) SELECT 1", "EXPLAIN"),
    ],
)
def test_every_error_begins_in_chinese_and_is_entered(
    query: Command, tmp_path: Path, sql: str, said_in_chinese: str
) -> None:
    said = query("--", sql)
    assert said.code == USAGE and said.out == ""
    first = said.err.partition("\n")[0]
    assert said_in_chinese in first and "Error" not in first
    (_, asked), (_, result) = entered(tmp_path)
    assert result["query"] == 1 and first in (result.get("refused"), result.get("failed"))
    assert "\0" not in str(asked["sql"]) and str(asked["sql"]).isprintable()


@pytest.mark.parametrize(
    "sql",
    [
        # One call of a function, which hears no interruption.
        "SELECT levenshtein(repeat('a', 200000), repeat('b', 200000))",
        # The parser, which hears none either.
        "SELECT 1 " + "/*" * 49_000,
    ],
    ids=["function", "parser"],
)
def test_what_hears_no_interruption_is_ended_and_entered(query: Command, tmp_path: Path, sql: str) -> None:
    said = query("--", sql, ZHENJIE_QUERY_SECONDS="1")
    assert said.code == FAILED and "查询超过 1 秒，已中止" in said.err
    assert "查询超过 1 秒" in str(entered(tmp_path)[-1][1]["failed"])
    assert children() == set()


@pytest.mark.parametrize(
    "sql",
    ["SELECT len(range(2000000000))", "SELECT length(repeat(repeat('x', 1000000), 2000))"],
)
def test_what_needs_more_than_its_memory_is_ended_and_entered(
    query: Command, tmp_path: Path, sql: str
) -> None:
    said = query(sql, ZHENJIE_QUERY_MEMORY="100MB", ZHENJIE_QUERY_SECONDS="60")
    assert said.code == FAILED and said.out == ""
    assert said.err.startswith("内存不足") and "ZHENJIE_QUERY_MEMORY" in said.err
    assert str(entered(tmp_path)[-1][1]["failed"]).startswith("内存不足")


@pytest.mark.parametrize(("number", "word"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")])
def test_a_signal_ends_the_query_and_is_entered(
    query: Command, tmp_path: Path, number: signal.Signals, word: str
) -> None:
    sql = "SELECT count(*) FROM range(10000000) a, range(10000000) b"
    asking = subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", "--home", str(tmp_path), "query", sql],
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: len(entered(tmp_path)) == 1 if (tmp_path / "ledger.sqlite").exists() else False)
    wait_for(lambda: bool(children(asking.pid)))
    (child,) = children(asking.pid)
    asking.send_signal(number)
    _, said = asking.communicate(timeout=60)
    assert asking.returncode == 128 + number and "Traceback" not in said and "中止" in said
    assert word in str(entered(tmp_path)[-1][1]["stopped"])
    assert not Path(f"/proc/{child}").exists()


def children(parent: int | None = None) -> set[int]:
    """The processes that answer queries for a process."""
    folder = Path(f"/proc/{parent or os.getpid()}/task")
    found = {int(pid) for task in folder.iterdir() for pid in (task / "children").read_text().split()}
    return {pid for pid in found if b"pipelines.answering.child" in Path(f"/proc/{pid}/cmdline").read_bytes()}


def wait_for(true: Callable[[], bool]) -> None:
    for _ in range(600):
        if true():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT table_name AS name FROM duckdb_tables() WHERE schema_name = 'hidden'",
        "SELECT column_name FROM duckdb_columns() WHERE schema_name = 'hidden'",
        "SELECT name FROM (SHOW ALL TABLES) WHERE schema = 'hidden'",
        "SHOW TABLES FROM standard.hidden",
    ],
)
def test_what_no_query_can_name_is_in_no_list(query: Command, sql: str) -> None:
    assert query(sql, "--json").json == []


def test_a_replaced_file_is_refused_with_what_to_do(
    demonstration: Any, zhenjie: Command, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for name in ("warehouse.duckdb", "warehouse.accepted.json"):
        shutil.copy(demonstration.home / name, home / name)
    assert zhenjie(home, "query", "SELECT 1").code == DONE
    content = bytearray((home / "warehouse.duckdb").read_bytes())
    content[-1] ^= 1
    (home / "warehouse.duckdb").write_bytes(content)
    said = zhenjie(home, "query", "SELECT 1")
    assert (said.code, said.out) == (FAILED, "")
    assert "校验值不符" in said.err and "zhenjie doctor" in said.err


@pytest.mark.parametrize(
    ("arguments", "said_in_chinese"),
    [
        (["query"], "缺少参数 sql"),
        (["query", "a", "b"], "命令写得不对"),
        (["query", "a", "--xyz"], "没有选项 --xyz"),
        (["query", "a", "--json=3"], "选项 --json 用得不对"),
        (["sample", "d", "--residents", "many"], "选项 --residents 的值不对"),
        (["sample", "d", "--residents"], "选项 --residents 用得不对"),
        (["deliver", "no-such-file"], "参数 files 的值不对"),
        (["contract", "no-such"], "命令写得不对"),
        (["no-such"], "命令写得不对"),
        (["--no-such"], "没有选项 --no-such"),
    ],
)
def test_a_wrong_call_is_told_in_chinese_first(
    tmp_path: Path, zhenjie: Command, arguments: list[str], said_in_chinese: str
) -> None:
    said = zhenjie(tmp_path / "home", *arguments)
    assert said.code == USAGE
    assert said.err.count(said_in_chinese) == 1 and "--help" in said.err
