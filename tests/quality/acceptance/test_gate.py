"""The acceptance gate: a sound candidate passes, damage is named, no value gets out."""

from __future__ import annotations

import base64
import logging
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from quality.acceptance import gate
from quality.acceptance.gate import Opening, Verdict
from quality.acceptance.generated import generated_checks
from quality.acceptance.suite import COUNTING_EXPECTATIONS, Suite, SuiteError, read_suite
from schemas.contract.library import load_library
from warehouse.home.encryption import Key, Keys, WrongKey, attach

# As the tables are published: 12 persons, two of them in a household, 6 findings. All made up.
SOUND = """
CREATE SCHEMA governance; CREATE SCHEMA quality; CREATE SCHEMA catalog;
CREATE TABLE catalog.dataset AS SELECT 'police.population' AS dataset, '户籍人口' AS title;
CREATE TABLE catalog.field AS
  SELECT 'police.population' AS dataset, unnest(['resident_id', 'name']) AS field;
CREATE TABLE catalog.rule AS
  SELECT 'police.population' AS dataset, 'format' AS rule, 'name' AS field;
CREATE TABLE catalog.batch AS SELECT DATE '2026-03-01' AS batch, 6 AS findings;
CREATE TABLE governance.person AS
  SELECT 'ID' || i AS resident_id, '姓名' || i AS name, '370602001' AS township_code,
  CASE WHEN i IN (1, 2) THEN 'H1' END AS household_no
  FROM range(12) AS t (i);
CREATE TABLE governance.household AS SELECT 'H1' AS household_no, 2 AS members;
CREATE TABLE quality.finding AS SELECT
  DATE '2026-03-01' AS batch, 'F' || i AS finding_id, 'police.population' AS dataset,
  'format' AS rule, 'conformity' AS dimension, 'error' AS severity, 'ID' || i AS record_key,
  'name' AS field, 'x' AS observed, NULL::VARCHAR AS suggestion, NULL::VARCHAR AS evidence,
  'police' AS department, CASE WHEN i > 0 THEN '370602001' END AS unit_code,
  'E1' AS extract_id, i + 2 AS row_number, NULL::VARCHAR AS sheet
  FROM range(6) AS t (i);
CREATE TABLE quality.ticket AS SELECT
  'T' || i AS ticket_id, 'police.population' AS dataset, 'format' AS rule, 'ID' || i AS record_key,
  'name' AS field, 'flagged' AS state, DATE '2026-02-01' AS first_batch,
  DATE '2026-03-01' AS last_batch, 'x' AS observed, NULL::VARCHAR AS suggestion,
  NULL::VARCHAR AS evidence, '370602001' AS unit_code, 'police' AS department,
  DATE '2026-03-08' AS due_date, NULL::VARCHAR AS reply
  FROM range(6) AS t (i);
"""
SECRET = "张秘密"
COMPLETE = read_suite(generated=generated_checks(load_library()))


def accept(candidate: Path, docs: Path, *, suite: Path | Suite = COMPLETE, **more: Any) -> Verdict:
    """The gate with a suite's file, or with the complete suite."""
    return gate.accept(candidate, docs, suite=read_suite(suite) if isinstance(suite, Path) else suite, **more)


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("warehouse") / "sound.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute(SOUND)
    return file


def changed(sound: Path, folder: Path, sql: str) -> Path:
    # A folder as offices name theirs: the way to the file must survive blanks and Chinese.
    candidate = folder / "数据 仓库" / "warehouse.duckdb"
    candidate.parent.mkdir()
    shutil.copy(sound, candidate)
    with duckdb.connect(str(candidate)) as connection:
        connection.execute(sql)
    return candidate


def suite_of(folder: Path, text: str) -> Path:
    file = folder / "suite.yaml"
    file.write_text(text, "utf-8")
    return file


def one_check(folder: Path, rows: str = "{min_value: 1}") -> Path:
    """A suite for what is not about the checks: the shipped one takes a second."""
    text = f"""
    tables:
      governance.person:
        title: 人口
        optional: false
        expectations:
          - expect: expect_table_row_count_to_be_between
            kwargs: {rows}
            meaning: 人数
    """
    return suite_of(folder, text)


def shipped(*tables: str) -> Suite:
    """The complete suite for a few of its tables."""
    return replace(COMPLETE, tables=tuple(table for table in COMPLETE.tables if table.name in tables))


def failures(verdict: Verdict) -> list[tuple[str, str, str | None, str]]:
    return [(f.table, f.expectation, f.column, f.observed) for f in verdict.failed]


def report_text(verdict: Verdict) -> str:
    pages = sorted(verdict.report.parent.glob("*.html"))
    return "\n".join(page.read_text("utf-8") for page in pages)


def test_a_sound_candidate_passes_and_can_be_written_to_afterwards(sound: Path, tmp_path: Path) -> None:
    candidate = changed(sound, tmp_path, "SELECT 1")
    verdict = accept(candidate, tmp_path / "docs", name="2026-03-01")
    assert verdict.passed
    assert verdict.failed == ()
    # 6 required tables, 32 checks of theirs, 3 of persons, 3 of households; no rows to compare.
    assert verdict.checks == 44
    assert verdict.report == tmp_path / "docs" / "2026-03-01" / "index.html"
    assert "通过：44项检查全部合格" in verdict.report.read_text("utf-8")
    with duckdb.connect(str(candidate)) as connection:
        connection.execute("CREATE TABLE catalog.lineage (batch DATE)")


def test_an_encrypted_candidate_is_judged_against_an_encrypted_or_plain_predecessor(
    sound: Path, tmp_path: Path
) -> None:
    keys = Keys(Key(base64.b64encode(bytes(32)).decode()))
    sealed = tmp_path / "sealed.duckdb"
    with duckdb.connect() as connection:
        keys.prepare(connection)
        attach(connection, sound, "sound", keys)
        attach(connection, sealed, "sealed", keys, read_only=False)
        connection.execute("COPY FROM DATABASE sound TO sealed")
    suite = one_check(tmp_path, "{min_value: $previous_rows, max_value: $previous_rows}")
    for previous in (sound, sealed):
        verdict = accept(
            sealed, tmp_path / "docs", previous=previous, name="one", suite=suite, opening=Opening(keys=keys)
        )
        assert (verdict.passed, verdict.checks) == (True, 2)
    with pytest.raises(WrongKey):
        accept(sealed, tmp_path / "docs", name="one", suite=suite)


def test_damaged_values_are_refused_and_each_is_named(sound: Path, tmp_path: Path) -> None:
    damage = """
    INSERT INTO governance.person SELECT * FROM governance.person WHERE resident_id = 'ID4';
    UPDATE governance.person SET resident_id = NULL WHERE resident_id = 'ID3';
    UPDATE quality.finding SET dimension = 'beauty' WHERE finding_id IN ('F1', 'F2');
    UPDATE quality.finding SET unit_code = '3706020011' WHERE finding_id = 'F1';
    UPDATE quality.finding SET dataset = 'police.vehicle' WHERE row_number > 4;
    DELETE FROM quality.finding WHERE finding_id = 'F0';
    UPDATE governance.household SET members = 3;
    UPDATE quality.ticket SET ticket_id = 'T0';
    UPDATE quality.ticket SET first_batch = DATE '2026-03-02' WHERE record_key = 'ID5';
    """
    verdict = accept(changed(sound, tmp_path, damage), tmp_path / "docs", name="one")
    assert not verdict.passed
    in_set, regex = "expect_column_values_to_be_in_set", "expect_column_values_to_match_regex"
    unique, present = "expect_column_values_to_be_unique", "expect_column_values_to_not_be_null"
    query = "unexpected_rows_expectation"
    assert failures(verdict) == [
        ("quality.finding", in_set, "dimension", "5行中有2行不符合"),
        ("quality.finding", regex, "unit_code", "5行中有1行不符合"),
        ("quality.finding", query, None, "实际为3"),
        ("quality.finding", query, None, "实际为1"),
        ("quality.ticket", unique, "ticket_id", "6行中有6行不符合"),
        ("quality.ticket", query, None, "实际为1"),
        ("governance.person", present, "resident_id", "13行中有1行不符合"),
        ("governance.person", unique, "resident_id", "13行中有2行不符合"),
        ("governance.household", query, None, "实际为1"),
    ]
    front = verdict.report.read_text("utf-8")
    assert "44项检查中有9项不合格" in front
    assert all(failed.meaning in front for failed in verdict.failed)


def test_a_damaged_structure_is_refused_and_named(sound: Path, tmp_path: Path) -> None:
    damage = """
    ALTER TABLE quality.finding DROP extract_id;
    ALTER TABLE quality.finding ADD remark VARCHAR;
    DROP TABLE quality.ticket;
    ALTER TABLE catalog.field DROP dataset;
    """
    verdict = accept(changed(sound, tmp_path, damage), tmp_path / "docs", name="one")
    layout, unique = (
        "expect_table_columns_to_match_ordered_list",
        "expect_compound_columns_to_be_unique",
    )
    query = "unexpected_rows_expectation"
    assert failures(verdict) == [
        ("quality.finding", layout, None, "缺少列extract_id；另有列remark"),
        ("quality.ticket", "table_exists", None, "缺少此表"),
        ("catalog.field", unique, "dataset, field", "缺少列dataset"),
        ("catalog.field", query, None, "检查未能执行（BinderException）"),
    ]


def test_half_of_the_published_rows_is_enough_and_one_less_is_not(sound: Path, tmp_path: Path) -> None:
    """12 persons were published: 6 pass, 5 do not."""
    keep = "DELETE FROM governance.person WHERE resident_id NOT IN ('ID1','ID2','ID3','ID4','ID5'"
    (tmp_path / "half").mkdir()
    half = changed(sound, tmp_path / "half", keep + ",'ID6')")
    fewer = changed(sound, tmp_path, keep + ")")
    docs, suite = tmp_path / "docs", shipped("governance.person")
    assert accept(half, docs, previous=sound, name="half", suite=suite).passed
    assert failures(accept(fewer, docs, previous=sound, name="fewer", suite=suite)) == [
        ("governance.person", "expect_table_row_count_to_be_between", None, "实际为5")
    ]
    assert accept(fewer, docs, name="meant", suite=suite).passed


def test_the_candidate_is_only_read_so_others_may_read_it_meanwhile(sound: Path, tmp_path: Path) -> None:
    """DuckDB lets processes share a file only if all of them open it read-only."""
    hold = "import duckdb, sys; held = duckdb.connect(sys.argv[1], read_only=True); print()"
    reader = subprocess.Popen(
        [sys.executable, "-c", f"{hold}; sys.stdout.flush(); sys.stdin.read()", sound],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert reader.stdout
    reader.stdout.readline()
    try:
        suite = one_check(tmp_path)
        assert accept(sound, tmp_path / "docs", name="one", suite=suite).passed
    finally:
        reader.communicate()


def test_an_optional_table_may_be_missing_only_if_it_was_not_published(sound: Path, tmp_path: Path) -> None:
    """A bureau that only has bus stops has no persons; one that had persons may not lose them."""
    candidate = changed(sound, tmp_path, "DROP TABLE governance.person")
    suite = shipped("governance.person", "catalog.batch")
    alone = accept(candidate, tmp_path / "docs", name="alone", suite=suite)
    assert alone.passed
    assert "本库没有此表，不作检查" in alone.report.read_text("utf-8")
    after = accept(candidate, tmp_path / "docs", previous=sound, name="after", suite=suite)
    assert failures(after) == [("governance.person", "table_exists", None, "缺少此表")]


def test_empty_tables_break_only_the_checks_that_ask_for_rows(sound: Path, tmp_path: Path) -> None:
    tables = [table.name for table in COMPLETE.tables]
    with duckdb.connect(str(sound), read_only=True) as connection:
        present = {
            f"{schema}.{name}"
            for schema, name in connection.execute(
                "SELECT table_schema, table_name FROM information_schema.tables"
            ).fetchall()
        }
    emptied = "; ".join(f"DELETE FROM {name}" for name in tables if name in present)
    verdict = accept(changed(sound, tmp_path, emptied), tmp_path / "docs", name="empty")
    assert failures(verdict) == [
        ("catalog.dataset", "expect_table_row_count_to_be_between", None, "实际为0"),
        ("catalog.batch", "expect_table_row_count_to_be_between", None, "实际为0"),
    ]


# Each expectation a suite may use, made to fail on a table whose every value is a secret, and
# queries whose error messages quote one.
BROKEN_BY_SECRETS = {
    "expect_column_pair_values_a_to_be_greater_than_b": "{column_A: name, column_B: other}",
    "expect_column_pair_values_to_be_equal": "{column_A: name, column_B: other}",
    "expect_column_unique_value_count_to_be_between": "{column: name, min_value: 9}",
    "expect_column_value_lengths_to_be_between": "{column: name, min_value: 9}",
    "expect_column_value_lengths_to_equal": "{column: name, value: 9}",
    "expect_column_values_to_be_between": "{column: number, min_value: 1, max_value: 2}",
    "expect_column_values_to_be_in_set": "{column: name, value_set: [a]}",
    "expect_column_values_to_be_null": "{column: name}",
    "expect_column_values_to_be_unique": "{column: name}",
    "expect_column_values_to_match_regex": "{column: name, regex: '^a$'}",
    "expect_column_values_to_not_be_in_set": "{column: number, value_set: [7654321]}",
    "expect_column_values_to_not_be_null": "{column: nothing}",
    "expect_column_values_to_not_match_regex": "{column: name, regex: '^.*$'}",
    "expect_compound_columns_to_be_unique": "{column_list: [name, number]}",
    "expect_table_column_count_to_equal": "{value: 1}",
    "expect_table_columns_to_match_ordered_list": "{column_list: [a]}",
    "expect_table_columns_to_match_set": "{column_set: [a]}",
    "expect_table_row_count_to_be_between": "{max_value: 1}",
    "expect_table_row_count_to_equal": "{value: 1}",
    "unexpected_rows_expectation": "{unexpected_rows_query: 'select * from {batch}'}",
}
QUOTING = [
    "{unexpected_rows_query: 'select name::int from {batch}'}",
    "{unexpected_rows_query: 'select 1 from {batch} where name::date = current_date'}",
]


def test_neither_report_nor_log_nor_verdict_shows_a_value(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    candidate = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(candidate)) as connection:
        connection.execute(
            f"""CREATE SCHEMA governance; CREATE TABLE governance.person AS
            SELECT '{SECRET}' AS name, '{SECRET}之父' AS other, 7654321 AS number, NULL AS nothing
            FROM range(3)"""
        )
    checks = [*BROKEN_BY_SECRETS.items(), *(("unexpected_rows_expectation", q) for q in QUOTING)]
    entries = "".join(
        f"      - {{expect: {name}, kwargs: {kwargs}, meaning: 要求{number}}}\n"
        for number, (name, kwargs) in enumerate(checks)
    )
    suite = suite_of(
        tmp_path,
        f"tables:\n  governance.person:\n    title: 人员\n    optional: false\n    expectations:\n{entries}",
    )
    with caplog.at_level(logging.DEBUG):
        verdict = accept(candidate, tmp_path / "docs", name="secrets", suite=suite)
    assert [f.expectation for f in verdict.failed] == [name for name, _ in checks]
    observed = [f.observed for f in verdict.failed]
    assert [o for o in observed if o.startswith("检查未能执行")] == [
        "检查未能执行（ConversionException）",
        "检查未能执行（ConversionException）",
    ]
    printed = capfd.readouterr()
    shown = report_text(verdict) + caplog.text + printed.out + printed.err + repr(verdict)
    shown = shown.replace("value_set: [7654321]", "")
    assert not [log for log in caplog.records if log.name.startswith("great_expectations")]
    assert "要求0" in shown
    assert "秘密" not in shown
    assert "7654321" not in shown


def test_every_expectation_a_suite_may_use_has_been_tried_against_secrets() -> None:
    assert BROKEN_BY_SECRETS.keys() == COUNTING_EXPECTATIONS


def test_the_report_is_the_same_bytes_again_and_asks_nothing_of_a_network(
    sound: Path, tmp_path: Path
) -> None:
    candidate = changed(
        sound,
        tmp_path,
        "UPDATE quality.finding SET severity = 'grave'; ALTER TABLE catalog.field DROP dataset",
    )
    pages = []
    suite = shipped("quality.finding", "catalog.field")
    for folder in ("first", "second"):
        verdict = accept(candidate, tmp_path / folder, name="2026-03-01", suite=suite)
        found = verdict.report.parent.iterdir()
        pages.append({page.name: page.read_bytes() for page in found})
    assert pages[0] == pages[1]
    assert "quality.finding.html" in pages[0]
    assert "严重程度应为错误" in pages[0]["quality.finding.html"].decode()
    assert not [page for page in pages[0].values() if b"http" in page]


def test_a_report_takes_the_place_of_an_earlier_one(sound: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "docs" / "2026-03-01" / "left.html"
    earlier.parent.mkdir(parents=True)
    earlier.write_text("old")
    suite = one_check(tmp_path)
    report = accept(sound, tmp_path / "docs", name="2026-03-01", suite=suite).report
    assert report.exists()
    assert not earlier.exists()
    assert [folder.name for folder in (tmp_path / "docs").iterdir()] == ["2026-03-01"]


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "../a"])
def test_a_report_stays_in_its_folder(sound: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="folder name"):
        accept(sound, tmp_path / "docs", name=name)


def test_the_suite_holds_the_six_dimensions_of_the_standard() -> None:
    """GB/T 36344-2018, chapter 5: 规范性 完整性 准确性 一致性 时效性 可访问性."""
    finding = next(table for table in COMPLETE.tables if table.name == "quality.finding")
    sets = [check.kwargs["value_set"] for check in finding.checks if "value_set" in check.kwargs]
    assert sets == [
        ["conformity", "completeness", "accuracy", "consistency", "timeliness", "accessibility"],
        ["error", "warning"],
    ]


HEAD = "tables:\n  quality.finding:\n    title: 问题清单\n    optional: false\n    expectations:\n"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (HEAD + "      - {expect: expect_beauty, meaning: 美}\n", 6, "expect_beauty: unknown"),
        (
            HEAD + "      - {expect: expect_column_max_to_be_between, meaning: 大}\n",
            6,
            "expect_column_max_to_be_between: unknown",
        ),
        ("tables:\n  quality.find:\n    columns: []\n", 3, "unknown key columns"),
        ("tables:\n  qualty.finding: {}\n", 2, "qualty.finding: a table is schema.table"),
        ("tables:\n  finding: {}\n", 2, "finding: a table is schema.table"),
        ("tables:\n  quality.finding: {title: 问题清单}\n", 2, "expectations, optional is missing"),
        (HEAD + "      []\n  quality.finding: {}\n", 7, "quality.finding stands here a second"),
        (HEAD.replace("false", "maybe") + "      []\n", 4, "true or false"),
        (HEAD + "      - expect: expect_table_row_count_to_equal\n", 6, "meaning is missing"),
        (
            HEAD + "      - expect: expect_column_values_to_be_unique\n        meaning: 不得重复\n"
            "        kwargs:\n          column: a\n          result_format: COMPLETE\n",
            10,
            "result_format: set by the gate",
        ),
        (
            HEAD + "      - expect: expect_table_row_count_to_be_between\n        meaning: 多\n"
            "        kwargs:\n          min_value: $previous_rows + 1\n",
            9,
            r"\$previous_rows \+ 1: write",
        ),
        (
            HEAD + "      - {expect: expect_column_values_to_match_regex, meaning: 数,\n"
            "         kwargs: {column: a, regex: '\\d'}}\n",
            7,
            "whole value",
        ),
        (
            HEAD + "      - {expect: unexpected_rows_expectation, meaning: 无,\n"
            "         kwargs: {unexpected_rows_query: select 1}}\n",
            7,
            "{batch}",
        ),
        (
            HEAD + "      - {expect: expect_table_row_count_to_equal, meaning: 数, needs: [x]}\n",
            6,
            "needs is a list",
        ),
        ("tables: [\n", 2, "not YAML"),
        ("", 1, "the suite: a mapping"),
    ],
)
def test_a_faulty_suite_is_an_error_with_its_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    suite = suite_of(tmp_path, text)
    with pytest.raises(SuiteError, match=message) as raised:
        read_suite(suite)
    assert str(raised.value).startswith(f"{suite}:{line}: ")


def test_arguments_an_expectation_does_not_know_are_an_error_before_anything_is_opened(
    tmp_path: Path,
) -> None:
    suite = suite_of(
        tmp_path,
        HEAD + "      - {expect: expect_column_values_to_be_unique, kwargs: {colunm: a},\n"
        "         meaning: 不得重复}\n",
    )
    with pytest.raises(SuiteError, match=r"column: field required") as raised:
        accept(tmp_path / "absent.duckdb", tmp_path / "docs", name="one", suite=suite)
    assert raised.value.line == 6
    assert not (tmp_path / "docs").exists()


def test_a_check_is_left_out_where_what_it_needs_is_missing(sound: Path, tmp_path: Path) -> None:
    """The sum over townships is compared with the persons only in a warehouse that has both."""
    suite = suite_of(
        tmp_path,
        "tables:\n  governance.person:\n    title: 人员\n    optional: false\n    expectations:\n"
        "      - expect: unexpected_rows_expectation\n"
        "        needs: [topics.township]\n"
        "        meaning: 各镇街人数之和应等于总人数\n"
        "        kwargs:\n"
        "          unexpected_rows_query: >-\n"
        "            select 1 from {batch} having count(*) <>\n"
        "            (select sum(persons) from topics.township)\n",
    )
    docs = tmp_path / "docs"
    assert accept(sound, docs, name="without", suite=suite).checks == 1
    township = "CREATE SCHEMA topics; CREATE TABLE topics.township AS SELECT unnest([7, 4]) AS persons"
    wrong = accept(changed(sound, tmp_path, township), docs, name="with", suite=suite)
    assert (wrong.passed, wrong.checks) == (False, 2)


def test_the_gate_uses_no_more_of_the_machine_than_it_may(sound: Path, tmp_path: Path) -> None:
    docs, suite = tmp_path / "docs", one_check(tmp_path)
    with pytest.raises(Exception, match="Memory must have a number"):
        accept(sound, docs, name="one", suite=suite, opening=Opening({"memory_limit": "much"}))
    limits = {"threads": 1, "memory_limit": "1GiB"}
    assert accept(sound, docs, name="one", suite=suite, opening=Opening(limits)).passed
