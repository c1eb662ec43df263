"""The command line: results on stdout, progress on stderr, exit codes, and no way out of the query."""

from __future__ import annotations

import csv
import hashlib
import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml

from pipelines.cli import VERBS
from returns.ledger.store import Ledger
from schemas.contract.library import SHIPPED

DONE, SET_ASIDE, USAGE, FAILED = 0, 1, 2, 3
Command = Callable[..., Any]


def digests(home: Path) -> dict[str, str]:
    """Everything below a home but Dagster's own storage and scratch."""
    return {
        path.relative_to(home).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.rglob("*"))
        if path.is_file() and path.relative_to(home).parts[0] not in ("dagster", "spill")
    }


@pytest.fixture
def home(demonstration: Any, tmp_path: Path) -> Path:
    """A copy of the demonstration's home, to be changed."""
    shutil.copytree(demonstration.home, tmp_path / "home", ignore=shutil.ignore_patterns("spill"))
    return tmp_path / "home"


# What a command says.


def test_the_demonstration_tells_two_turns_and_where_everything_lies(demonstration: Any) -> None:
    out = demonstration.said.out
    assert "第 1 轮 2026-03-02" in out and "第 2 轮 2026-03-03" in out
    for title in ("校核行数", "问题", "待核实工单", "本批次办结"):
        assert title in out
    assert str(demonstration.home / "warehouse.duckdb") in out


def test_progress_goes_to_stderr_and_nothing_of_dagster_s_log_anywhere(demonstration: Any) -> None:
    assert "standard/police/population  6" in demonstration.said.err
    assert "standard/police/population" not in demonstration.said.out
    for stream in (demonstration.said.out, demonstration.said.err):
        for noise in ("Warning", "DEBUG", "STEP_START", "site-packages", "Traceback"):
            assert noise not in stream


def test_a_second_demonstration_changes_nothing(home: Path, zhenjie: Command) -> None:
    before = digests(home)
    said = zhenjie(home, "demo", "--residents", 600)
    assert said.code == DONE, said.err
    assert digests(home) == before
    assert "接收 0 条，未接收 0 条" in said.err


def test_the_demonstration_does_not_mix_with_real_deliveries(home: Path, zhenjie: Command) -> None:
    shutil.rmtree(home / "sample")
    said = zhenjie(home, "demo", "--residents", 600)
    assert said.code == USAGE
    assert "请用 --home 为演示指定另一个目录" in said.err


# Exit codes.


@pytest.mark.parametrize(
    ("arguments", "said_on_stderr"),
    [
        (["run", "--batch", "3月2日"], "请写成 2026-03-02 这样的日期"),
        (["run", "--batch", "20260302"], "请写成 2026-03-02 这样的日期"),
        (["deliver", "no-such-file.csv"], "no-such-file.csv"),
        (["deliver", __file__, "--batch", "1989-12-31"], "批次只能在 1990-01-01 至 2099-12-31 之间"),
        (["deliver", __file__, "--batch", "2100-01-01"], "批次只能在 1990-01-01 至 2099-12-31 之间"),
        (["run", "--batch", "1989-12-31"], "批次只能在 1990-01-01 至 2099-12-31 之间"),
        (["run", "--batch", "9999-12-31"], "批次只能在 1990-01-01 至 2099-12-31 之间"),
        (["deliver", __file__, "--batch", "2026-02-30"], "请写成 2026-03-02 这样的日期"),
        (
            ["deliver", __file__, "--dataset", "police.no_such"],
            "没有数据集 police.no_such；已有：civil_affairs.marriage",
        ),
        (["reply", "no-such-file.xlsx"], "no-such-file.xlsx"),
        (["query", "SELECT 1"], "还没有发布治理库"),
        (["run"], "还没有收到任何文件"),
        (["sample", "here", "--residents", "5"], "residents"),
        (["sample", "here", "--batch", "1999-01-01"], "1999-01-01"),
        (["contract", "show", "police.no_such"], "没有数据集 police.no_such"),
        (["contract", "show", "police.population", "--as", "poem"], "--as poem"),
        (["no-such-verb"], "no-such-verb"),
    ],
)
def test_a_wrong_call_says_what_is_wrong_and_ends_with_2(
    tmp_path: Path, zhenjie: Command, arguments: list[str], said_on_stderr: str
) -> None:
    said = zhenjie(tmp_path / "home", *arguments)
    assert said.code == USAGE, said.err
    assert said_on_stderr in said.err
    assert "Traceback" not in said.err
    assert said.out == ""


def test_the_help_tells_every_verb_and_a_misspelt_one_is_guessed(tmp_path: Path, zhenjie: Command) -> None:
    told = zhenjie(tmp_path / "home", "--help").out
    assert all(f" {verb} " in told for verb in VERBS)
    assert "接收部门交付的文件" in told and "合同（数据标准）" in told
    said = zhenjie(tmp_path / "home", "delivr")
    assert said.code == USAGE
    assert "'deliver'" in said.err


def test_a_setting_that_cannot_be_used_is_a_wrong_call(tmp_path: Path, zhenjie: Command) -> None:
    said = zhenjie(tmp_path / "home", "status", ZHENJIE_THREADS="many")
    assert (said.code, said.out) == (USAGE, "")
    assert "ZHENJIE_THREADS=many" in said.err


def test_a_dataset_that_nobody_declares_is_a_wrong_call(tmp_path: Path, zhenjie: Command) -> None:
    said = zhenjie(tmp_path / "home", "status", ZHENJIE_DATASETS="police.*,polce.vehicle")
    assert (said.code, said.out) == (USAGE, "")
    assert "ZHENJIE_DATASETS：没有名为 polce.vehicle 的数据集" in said.err


def test_a_choice_of_datasets_is_no_problem_of_the_contracts_whose_rules_name_the_others(
    tmp_path: Path, zhenjie: Command
) -> None:
    said = zhenjie(tmp_path / "home", "run", ZHENJIE_DATASETS="police.population,health.death")
    assert "还没有收到任何文件" in said.err


def test_a_contract_with_a_mistake_stops_every_command_with_its_place(
    tmp_path: Path, zhenjie: Command
) -> None:
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "broken.yaml").write_text("apiVersion: v3.2.0\nkind: [", encoding="utf-8")
    said = zhenjie(tmp_path / "home", "status", ZHENJIE_CONTRACTS=str(tmp_path / "contracts"))
    assert said.code == USAGE
    assert "broken.yaml:" in said.err and "Traceback" not in said.err


def test_a_file_that_nobody_knows_is_set_aside_with_1(tmp_path: Path, zhenjie: Command) -> None:
    (tmp_path / "照片.jpg").write_bytes(b"\xff\xd8")
    said = zhenjie(tmp_path / "home", "deliver", tmp_path / "照片.jpg", "--batch", "2026-03-02", "--json")
    assert said.code == SET_ASIDE
    (receipt,) = said.json
    assert (receipt["file"], receipt["status"], receipt["batch"]) == ("照片.jpg", "set_aside", "2026-03-02")


def test_a_turn_that_fails_ends_with_3_and_names_what_failed(
    home: Path, zhenjie: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise FileExistsError

    monkeypatch.setattr("assets.tasks.standardise", fail)
    said = zhenjie(home, "run", "--batch", "2026-03-04", "--json")
    assert said.code == FAILED
    assert said.json["done"] is False
    assert "standard__police__population (FileExistsError)" in said.json["failed"]
    assert "失败：standard__police__population (FileExistsError)" in said.err
    assert "Traceback" not in said.err


def test_a_turn_with_a_refused_file_ends_with_1_and_is_published(home: Path, zhenjie: Command) -> None:
    (home / "照片.jpg").write_bytes(b"\xff\xd8")
    zhenjie(home, "deliver", home / "照片.jpg", "--batch", "2026-03-03")
    said = zhenjie(home, "run", "--json")
    assert said.code == SET_ASIDE, said.err
    assert (said.json["done"], said.json["set_aside"], said.json["failed"]) == (True, 1, [])
    assert said.json["batch"] == "2026-03-03"
    assert said.json["rows"] > 600 and said.json["packages"] > 5


def test_replies_end_with_0_when_all_is_accepted_and_with_1_when_something_is_refused(
    home: Path, zhenjie: Command, tmp_path: Path
) -> None:
    answered = sorted((home / "sample" / "2026-03-02" / "answered").glob("*.xlsx"))
    repeated = zhenjie(home, "reply", answered[0], "--json")
    assert repeated.code == DONE
    assert repeated.json[0]["repeated"] is True
    book = openpyxl.load_workbook(answered[0])
    sheet = book["待核实"]
    header = next(row for row in sheet.iter_rows() if row[0].value == "工单号")
    verdict = next(cell.column for cell in header if cell.value == "处理结果")
    sheet.cell(header[0].row + 1, verdict).value = "同意"
    book.save(tmp_path / "改.xlsx")
    said = zhenjie(home, "reply", tmp_path / "改.xlsx", "--json")
    assert said.code == SET_ASIDE
    (receipt,) = said.json
    assert receipt["accepted"] == 0 and receipt["refused"][0]["line"] == header[0].row + 1
    told = zhenjie(home, "reply", tmp_path / "改.xlsx")
    assert "没有重复登记" in told.out.replace("\n", "")


def test_a_package_that_comes_back_whole_is_answered_by_its_workbook_and_for_whom_is_entered(
    home: Path, zhenjie: Command
) -> None:
    """The zip as it was sent, nothing answered: every file in it is what its workbook's signature says."""
    packages = (home / "returns" / "2026-03-03").glob("*.zip")
    package = max(packages, key=lambda path: (path.stat().st_size, path.name))
    said = zhenjie(home, "reply", package, "--json", ZHENJIE_USER="王芳")
    assert said.code == DONE, said.err
    (receipt,) = said.json
    assert (receipt["message"], receipt["remarks"], receipt["missing"]["count"]) == ("", [], 0)
    assert receipt["unit_code"] == package.name[:9]
    with Ledger.open(f"sqlite:///{home / 'ledger.sqlite'}") as ledger:
        entry = ledger.entries()[-1]
    assert (entry.actor, entry.subject) == ("王芳", package.name[:9])
    told = zhenjie(home, "reply", package)
    cells = [cell.strip() for line in told.out.splitlines() for cell in line.split("│")]
    assert package.stem.partition("-")[2] in cells, "the table names the township"
    assert "没有重复登记" in told.out.replace("\n", "")


def test_a_receipt_shows_what_differs_from_the_sheet_as_it_was_sent(
    home: Path, zhenjie: Command, tmp_path: Path
) -> None:
    answered = sorted((home / "sample" / "2026-03-02" / "answered").glob("*.xlsx"))
    book = openpyxl.load_workbook(answered[0])
    sheet = book["待核实"]
    header = next(row[0].row for row in sheet.iter_rows() if row[0].value == "工单号")
    gone = sheet.cell(header + 1, 1).value
    sheet.delete_rows(header + 1)
    book.save(tmp_path / "少一行.xlsx")
    said = zhenjie(home, "reply", tmp_path / "少一行.xlsx", "--json")
    assert said.json[0]["missing"] == {"count": 1, "tickets": [gone]}
    assert gone in said.json[0]["remarks"][0]
    sheet.cell(header, 30).value = "备注"
    book.save(tmp_path / "多一列.xlsx")
    told = zhenjie(home, "reply", tmp_path / "多一列.xlsx")
    assert "列的表头“备注”不是下发的列" in "".join(told.out.split()).replace("│", "")


def test_a_foreign_workbook_is_told_and_ends_with_1(home: Path, zhenjie: Command, tmp_path: Path) -> None:
    openpyxl.Workbook().save(tmp_path / "x.xlsx")
    said = zhenjie(home, "reply", tmp_path / "x.xlsx", "--json")
    assert said.code == SET_ASIDE
    assert "不是平台下发的工作簿" in said.json[0]["message"]


# Status.


def test_status_tells_datasets_tickets_and_the_published_batch(demonstration: Any, zhenjie: Command) -> None:
    facts = zhenjie(demonstration.home, "status", "--json").json
    assert facts["published_batch"] == "2026-03-03"
    datasets = {dataset["dataset"]: dataset for dataset in facts["datasets"]}
    assert datasets["police.population"]["batch"] == "2026-03-03"
    assert datasets["police.population"]["rows"] >= 600
    assert sum(ticket["tickets"] for ticket in facts["tickets"]) > 10
    assert facts["alerts"] == []
    shown = zhenjie(demonstration.home, "status")
    assert shown.code == DONE
    assert "户籍人口" in shown.out and "已办结" in shown.out


# Query.


@pytest.fixture(scope="module", autouse=True)
def place_of_queries(demonstration: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Queries are entered beside the shared demonstration, which is copied by other tests meanwhile."""
    place = tmp_path_factory.mktemp("queries")
    for pattern in ("*.duckdb", "*.accepted.json"):
        for path in demonstration.home.glob(pattern):
            shutil.copyfile(path, place / path.name)
    PLACE.append(place)
    yield place
    PLACE.clear()


PLACE: list[Path] = []


def query(zhenjie: Command, demonstration: Any, sql: str, *options: str) -> Any:
    return zhenjie(PLACE[0], "query", sql, *options)


def test_a_query_comes_as_table_csv_or_json(demonstration: Any, zhenjie: Command) -> None:
    sql = "SELECT sex, count(*) AS persons, NULL AS nothing FROM governance.person GROUP BY sex ORDER BY sex"
    rows = query(zhenjie, demonstration, sql, "--json").json
    assert [row["sex"] for row in rows] == ["1", "2"]
    assert sum(row["persons"] for row in rows) >= 600
    read = list(csv.DictReader(io.StringIO(query(zhenjie, demonstration, sql, "--csv").out)))
    assert read == [{"sex": row["sex"], "persons": str(row["persons"]), "nothing": ""} for row in rows]
    table = query(zhenjie, demonstration, sql).out
    assert "persons" in table and str(rows[0]["persons"]) in table


def test_a_long_result_is_shown_in_part_and_written_whole(demonstration: Any, zhenjie: Command) -> None:
    sql = "SELECT range AS n FROM range(250000)"
    shown = query(zhenjie, demonstration, sql)
    assert "│ 199" in shown.out and "│ 200 " not in shown.out
    assert "只显示前 200 行" in shown.err
    assert query(zhenjie, demonstration, sql, "--csv").out.split() == ["n", *map(str, range(250_000))]


def test_columns_of_one_name_are_told_apart(demonstration: Any, zhenjie: Command) -> None:
    assert query(zhenjie, demonstration, "SELECT 1 AS a, 2 AS a", "--json").json == [{"a": 1, "a_1": 2}]
    assert query(zhenjie, demonstration, "SELECT 1 AS a, 2 AS a", "--csv").out == "a,a_1\n1,2\n"


def test_what_looks_like_markup_is_shown_as_it_is(demonstration: Any, zhenjie: Command) -> None:
    assert "[bold]x[/bold]" in query(zhenjie, demonstration, "SELECT '[bold]x[/bold]' AS t").out


@pytest.mark.parametrize(
    "sql",
    [
        "SHOW ALL TABLES",
        "DESCRIBE governance.person",
        "EXPLAIN SELECT 1",
        "SUMMARIZE governance.household",
        "WITH a AS (SELECT 1) FROM a",
        "FROM quality.ticket LIMIT 1;",
    ],
)
def test_what_only_reads_is_allowed(demonstration: Any, zhenjie: Command, sql: str) -> None:
    said = query(zhenjie, demonstration, sql, "--json")
    assert said.code == DONE, said.err
    assert said.json


OUTSIDE = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/hostname')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM read_parquet('lake/**/*.parquet')",
    "SELECT * FROM read_json('https://example.org/x.json')",
    "SELECT * FROM query('SELECT * FROM read_text(''/etc/passwd'')')",
    "ATTACH '/tmp/other.duckdb' AS other",
    "ATTACH ':memory:' AS other",
    "COPY governance.person TO '/tmp/persons.csv'",
    "COPY (SELECT 1) TO '/tmp/persons.csv'",
    "EXPORT DATABASE '/tmp/all'",
    "PRAGMA database_list",
    "PRAGMA enable_profiling",
    "PRAGMA memory_limit='1MB'",
    "SET enable_external_access = true",
    "SET threads = 1",
    "RESET enable_external_access",
    "CALL pragma_version()",
    "INSTALL httpfs",
    "LOAD httpfs",
    "CREATE TABLE t AS SELECT 1",
    "CREATE TEMP TABLE t AS SELECT 1",
    "INSERT INTO governance.household SELECT * FROM governance.household",
    "UPDATE quality.ticket SET state = 'closed'",
    "DELETE FROM governance.person",
    "DROP TABLE governance.person",
    "CHECKPOINT",
    "VACUUM",
    "BEGIN",
    "USE memory",
    "SELECT 1; SELECT 2",
    "SELECT 1; COPY (SELECT 1) TO '/tmp/persons.csv'",
    "",
    "SELEC 1",
    "SELECT no_such_column FROM governance.person",
    "SELECT * FROM no_such_table",
    "SELECT CAST('x' AS INTEGER)",
]


@pytest.mark.parametrize("sql", OUTSIDE)
def test_no_query_reaches_anything_outside_or_changes_anything(
    demonstration: Any, zhenjie: Command, sql: str
) -> None:
    said = zhenjie(PLACE[0], "query", "--", sql)
    assert (said.code, said.out) == (USAGE, "")
    assert said.err.strip() and "Traceback" not in said.err
    assert "root:" not in said.err


def test_the_ledger_knows_who_asked_what_and_how_many_rows_were_given(
    demonstration: Any, zhenjie: Command, tmp_path: Path
) -> None:
    for name in ("warehouse.duckdb", "warehouse.accepted.json"):
        shutil.copyfile(demonstration.home / name, tmp_path / name)
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    environment = {"ZHENJIE_USER": "王分析"}
    long, failing, refused = "FROM range(300)", "SELECT CAST('x' AS INTEGER)", "SET threads = 1"
    for sql, *options in ((long,), (long, "--csv"), (long, "--json"), (failing,), (refused,)):
        zhenjie(tmp_path, "query", sql, *options, **environment)
    with Ledger.open(url) as ledger:
        entries = ledger.entries()
        assert ledger.verify() == []
    assert {(entry.actor, entry.subject) for entry in entries} == {("王分析", "warehouse")}
    assert [(entry.kind.value, entry.detail) for entry in entries] == [
        ("query", {"sql": long}),
        ("result", {"query": 1, "rows": 200}),
        ("query", {"sql": long}),
        ("result", {"query": 3, "rows": 300}),
        ("query", {"sql": long}),
        ("result", {"query": 5, "rows": 300}),
        ("query", {"sql": failing}),
        ("result", {"query": 7, "failed": "有的值不能转换成所要的类型；不能转换时要空值，请用 TRY_CAST"}),
        ("query", {"sql": refused}),
        (
            "result",
            {
                "query": 9,
                "refused": "只能查询（SELECT、FROM、DESCRIBE、SHOW TABLES、SUMMARIZE、EXPLAIN），"
                "不能修改数据或设置",
            },
        ),
    ]


def test_without_a_ledger_there_is_no_answer(demonstration: Any, zhenjie: Command, tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_text("no database " * 100)
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    said = zhenjie(demonstration.home, "query", "SELECT 42 AS n", ZHENJIE_LEDGER=url)
    assert said.code == FAILED and "42" not in said.out
    assert "查询未记录" in said.err


# Contracts and samples.


def test_a_sample_is_written_with_its_truth(tmp_path: Path, zhenjie: Command) -> None:
    said = zhenjie(tmp_path / "home", "sample", tmp_path / "here", "--residents", 200)
    assert said.code == DONE
    assert "户籍人口" in said.out
    assert (tmp_path / "here" / "truth" / "errors.csv").exists()


@pytest.mark.parametrize("form", ["yaml", "sql", "arrow", "pandera", "headers", "dictionary"])
def test_a_contract_is_shown_in_every_form(tmp_path: Path, zhenjie: Command, form: str) -> None:
    said = zhenjie(tmp_path / "home", "contract", "show", "police.population", "--as", form)
    assert said.code == DONE, said.err
    assert "resident_id" in said.out or "公民身份号码" in said.out


def test_a_contract_is_shown_with_the_authority_of_what_it_feeds(tmp_path: Path, zhenjie: Command) -> None:
    said = zhenjie(tmp_path / "home", "contract", "show", "police.population")
    file = SHIPPED / "police" / "population.yaml"
    assert said.out.startswith(file.read_text(encoding="utf-8"))
    assert yaml.safe_load(said.out) == yaml.safe_load(file.read_text(encoding="utf-8")), (
        "the rest is comments"
    )
    told = said.out.splitlines()
    assert "#   resident_id → person.resident_id：主键，由本数据集确立，共 1 个数据集" in told
    second = "第 2 位，共 2 个数据集（civil_affairs.marriage、police.population）"
    assert f"#   marital_status → person.marital_status：{second}" in told
    death = zhenjie(
        tmp_path / "home", "contract", "show", "health.death", ZHENJIE_DATASETS="health.death"
    ).out
    assert "#   resident_id → person.resident_id：主键，只提及，由police.population确立" in death


def test_the_shipped_contracts_have_no_problems(tmp_path: Path, zhenjie: Command) -> None:
    said = zhenjie(tmp_path / "home", "contract", "lint")
    assert (said.code, said.out) == (DONE, "")


def test_the_functions_of_rules_are_listed(tmp_path: Path, zhenjie: Command) -> None:
    assert "is_resident_id" in zhenjie(tmp_path / "home", "contract", "functions").out
