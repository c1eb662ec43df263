"""Packages: every ticket once, sums that agree, files that verify, the same bytes again."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
from collections import Counter
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import frictionless
import openpyxl
import polars as pl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from assets.platform import Platform
from quality.published import TICKETS, rule_rows
from quality.tickets.states import TO_ANSWER
from returns.packages import build as packages_module
from returns.packages import sheet_spec
from returns.packages.build import Package, build_packages, read_index
from schemas.emit.spreadsheet import restore
from warehouse.lake.store import Origin

BATCH = date(2026, 3, 2)
COUNTS = ["户数", "人口数", "男", "女", "0—17岁", "18—59岁", "60岁及以上", "其中80岁及以上", "年龄不详"]


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def csv_of(path: Path, title: str) -> pl.DataFrame:
    return pl.read_csv(members(path)[f"{title}.csv"], infer_schema=False)


def build(platform: Platform, batch: date = BATCH) -> tuple[Package, ...]:
    with platform.open_ledger() as ledger:
        head = ledger.head(batch.isoformat())
    with platform.open_batch(batch) as opened:
        return build_packages(opened, platform.home, platform.signing_keys(), head)


def tickets(platform: Platform) -> pl.DataFrame:
    partition = platform.lake.partition(*TICKETS, BATCH)
    assert partition is not None
    return duckdb.sql(f"FROM {partition.scan}").pl()


@pytest.fixture(scope="module")
def platform(city_after_one_turn: Any) -> Platform:
    made: Platform = city_after_one_turn.platform
    return made


@pytest.fixture(scope="module")
def packages(platform: Platform) -> dict[str, list[Path]]:
    """Audience → its packages."""
    folder = platform.home.returns(BATCH)
    index = read_index(folder)
    assert index is not None
    found: dict[str, list[Path]] = {"township": [], "department": []}
    for package in index.packages:
        found[package.audience].append(folder / package.file)
    return found


@pytest.fixture(scope="module")
def workbook(packages: dict[str, list[Path]]) -> openpyxl.Workbook:
    """The workbook of a township with tickets."""
    path = max(packages["township"], key=lambda path: csv_of(path, "待核实").height)
    content = next(content for name, content in members(path).items() if name.endswith(".xlsx"))
    return openpyxl.load_workbook(io.BytesIO(content))


def test_files_are_named_for_their_unit_and_departments_have_a_folder_of_their_own(
    platform: Platform, packages: dict[str, list[Path]]
) -> None:
    folder = platform.home.returns(BATCH)
    names = {path.relative_to(folder).as_posix() for path in packages["department"]}
    assert "departments/police-公安局.zip" in names
    for path in packages["township"]:
        code, _, name = path.stem.partition("-")
        assert path.parent == folder
        assert len(code) == 9 and code.isdigit()
        assert name.endswith(("街道", "镇", "乡", "区"))
    assert {path.relative_to(folder) for path in folder.rglob("*.zip")} == {
        path.relative_to(folder) for paths in packages.values() for path in paths
    }


def test_a_package_holds_a_workbook_and_its_tables_with_schemas(packages: dict[str, list[Path]]) -> None:
    path = packages["township"][0]
    assert list(members(path)) == [
        f"{path.stem}-2026-03-02.xlsx",
        "待核实.csv", "待核实.schema.json",
        "变动清单.csv", "变动清单.schema.json",
        "人口底册.csv", "人口底册.schema.json",
        "人口统计表.csv", "人口统计表.schema.json",
        "特殊群体统计表.csv", "特殊群体统计表.schema.json",
        "市场主体统计表.csv", "市场主体统计表.schema.json",
        "manifest.json",
    ]  # fmt: skip


def test_every_ticket_that_waits_for_a_township_is_in_exactly_one_package(
    platform: Platform, packages: dict[str, list[Path]]
) -> None:
    waiting = tickets(platform).filter(pl.col("state").is_in(TO_ANSWER) & pl.col("unit_code").is_not_null())
    assert waiting.height > 50
    expected = Counter(waiting.select("unit_code", "ticket_id").rows())
    found: Counter[tuple[str, str]] = Counter()
    for path in packages["township"]:
        found.update((path.stem[:9], ticket) for ticket in csv_of(path, "待核实")["工单号"])
    assert found == expected


def test_every_unfinished_ticket_is_in_its_department_s_package_once(
    platform: Platform, packages: dict[str, list[Path]]
) -> None:
    unfinished = tickets(platform).filter(pl.col("state") != "closed")
    expected = Counter(unfinished.select("department", "ticket_id").rows())
    found: Counter[tuple[str, str]] = Counter()
    for path in packages["department"]:
        code = path.stem.partition("-")[0]
        found.update((code, ticket) for ticket in csv_of(path, "问题清单")["工单号"])
    assert found == expected


def test_a_rule_has_one_line_in_the_catalogue_so_that_no_ticket_is_shown_twice(platform: Platform) -> None:
    rules = rule_rows(platform.library, platform.codes)
    assert not rules.select("dataset", "rule", "field").is_duplicated().any()


def test_villages_add_up_to_townships_and_townships_to_the_city(
    platform: Platform, packages: dict[str, list[Path]]
) -> None:
    partition = platform.lake.as_of("governance", "person", BATCH)
    assert partition is not None
    city = duckdb.sql(f"FROM {partition.scan} WHERE township_code IS NOT NULL").pl()
    totals = []
    for path in packages["township"]:
        rows = csv_of(path, "人口统计表").with_columns(pl.col(COUNTS).cast(pl.Int64))
        total, villages = rows.head(1), rows.slice(1)
        assert total["村居代码"].item() == "合计"
        assert villages["村居代码"].drop_nulls().str.starts_with(path.stem[:9]).all()
        assert total.select(COUNTS).row(0) == villages.select(COUNTS).sum().row(0)
        assert total["人口数"].item() == csv_of(path, "人口底册").height
        totals.append(total.with_columns(county=pl.lit(path.stem[:6])))
    all_townships = pl.concat(totals)
    by_county = dict(all_townships.group_by("county").agg(pl.col("人口数").sum()).rows())
    assert by_county == dict(city.group_by("county_code").len().rows())
    assert all_townships["人口数"].sum() == city.height
    assert all_townships["男"].sum() == city.filter(pl.col("sex") == "1").height
    household = platform.lake.as_of("governance", "household", BATCH)
    assert household is not None
    assert all_townships["户数"].sum() == household.rows


def test_ages_are_those_of_the_batch_s_day(packages: dict[str, list[Path]]) -> None:
    register = pl.concat(csv_of(path, "人口底册") for path in packages["township"])
    known = register.filter(pl.col("出生日期").is_not_null()).with_columns(
        born=pl.col("出生日期").str.to_date()
    )
    had = (
        pl.col("born").dt.month().cast(pl.Int32) * 100 + pl.col("born").dt.day()
    ) <= BATCH.month * 100 + BATCH.day
    by_hand = BATCH.year - pl.col("born").dt.year() - (~had).cast(pl.Int32)
    living = known.filter(pl.col("born") <= BATCH)
    assert (living["年龄"].cast(pl.Int32) == living.select(by_hand).to_series()).all()


def test_the_manifest_tells_every_file_and_its_checksum(packages: dict[str, list[Path]]) -> None:
    for path in (paths[0] for paths in packages.values()):
        files = members(path)
        manifest = json.loads(files.pop("manifest.json"))
        assert manifest["files"] == {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in files.items()
        }
        tables = {name[:-4]: csv_of(path, name[:-4]).height for name in files if name.endswith(".csv")}
        assert manifest["rows"] == tables
        assert (manifest["unit_code"], manifest["unit"]) == tuple(path.stem.split("-", 1))
        assert manifest["batch"] == "2026-03-02"


def test_the_index_tells_every_package_and_its_checksum(platform: Platform) -> None:
    folder = platform.home.returns(BATCH)
    index = read_index(folder)
    assert index is not None
    for package in index.packages:
        assert hashlib.sha256((folder / package.file).read_bytes()).hexdigest() == package.sha256


def test_the_tables_are_valid_against_the_schemas_beside_them(
    packages: dict[str, list[Path]], tmp_path: Path
) -> None:
    fullest = [max(paths, key=lambda path: path.stat().st_size) for paths in packages.values()]
    for path in fullest:
        folder = tmp_path / path.stem
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
        for table in folder.glob("*.csv"):
            schema = frictionless.Schema.from_descriptor(
                json.loads(table.with_suffix(".schema.json").read_text(encoding="utf-8"))
            )
            resource = frictionless.Resource(
                path=table.name, basepath=str(folder), schema=schema, encoding="utf-8-sig"
            )
            report = resource.validate()
            assert report.valid, report.flatten(["type", "message"])


def test_a_schema_says_no_to_a_table_that_does_not_fit(
    packages: dict[str, list[Path]], tmp_path: Path
) -> None:
    files = members(packages["township"][0])
    (tmp_path / "t.csv").write_bytes(files["人口统计表.csv"].replace(b",0\n", b",none\n"))
    schema = frictionless.Schema.from_descriptor(json.loads(files["人口统计表.schema.json"]))
    report = frictionless.Resource(
        path="t.csv", basepath=str(tmp_path), schema=schema, encoding="utf-8-sig"
    ).validate()
    assert not report.valid


def header_of(sheet: Worksheet) -> tuple[int, dict[str, str]]:
    """Row of the header and the letter of each title."""
    for row in sheet.iter_rows(max_row=10):
        if row[0].value == "工单号":
            return row[0].row, {cell.value: cell.column_letter for cell in row}
    raise AssertionError("no header")


def test_a_township_can_fill_in_three_columns_and_nothing_else(workbook: openpyxl.Workbook) -> None:
    sheet = workbook["待核实"]
    header, letters = header_of(sheet)
    assert sheet.protection.sheet
    for title, letter in letters.items():
        cells = [sheet[f"{letter}{row}"] for row in range(header + 1, sheet.max_row + 1)]
        assert {cell.protection.locked for cell in cells} == {title not in ("处理结果", "更正值", "说明")}


def test_verdicts_are_chosen_from_a_list(workbook: openpyxl.Workbook) -> None:
    sheet = workbook["待核实"]
    header, letters = header_of(sheet)
    lists = [rule for rule in sheet.data_validations.dataValidation if rule.type == "list"]
    assert [str(rule.sqref) for rule in lists] == [
        f"{letters['处理结果']}{header + 1}:{letters['处理结果']}{sheet.max_row}"
        if sheet.max_row > header + 1
        else f"{letters['处理结果']}{header + 1}"
    ]
    name, _, place = lists[0].formula1.replace("'", "").replace("$", "").partition("!")
    cells = workbook[name][place]
    assert [row[0].value for row in cells] == ["采纳建议", "更正为", "数据无误", "非本辖区", "无法核实"]


def test_what_only_the_way_back_needs_is_hidden(workbook: openpyxl.Workbook) -> None:
    sheet = workbook["待核实"]
    _, letters = header_of(sheet)
    hidden = {title for title, letter in letters.items() if sheet.column_dimensions[letter].hidden}
    assert hidden == {"数据集", "字段代码"}
    assert workbook["_zhenjie"].sheet_state == "veryHidden"


def test_no_cell_of_a_workbook_is_a_formula(workbook: openpyxl.Workbook) -> None:
    kinds = {cell.data_type for sheet in workbook for row in sheet.iter_rows() for cell in row}
    assert "f" not in kinds


def test_people_see_labels_and_programs_ids(packages: dict[str, list[Path]]) -> None:
    register = pl.concat(csv_of(path, "人口底册") for path in packages["township"])
    assert set(register["性别"].drop_nulls()) == {"男", "女"}
    assert register["公民身份号码"].str.len_chars().is_in([18]).sum() > 2_900
    shown = pl.concat(csv_of(path, "待核实") for path in packages["township"])
    sexes = shown.filter(pl.col("字段代码") == "sex")
    assert set(sexes["现值"]) | set(sexes["建议值"]) == {"男", "女"}


def test_two_installations_make_the_same_bytes_however_many_rows_they_fetch_at_once(
    copy: Platform, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy.home.returns(BATCH)
    shutil.rmtree(folder)
    monkeypatch.setattr(packages_module, "ROWS_AT_ONCE", 100)
    again = build(copy)
    index = read_index(platform.home.returns(BATCH))
    assert index is not None
    assert again == index.packages
    for package in again:
        original = platform.home.returns(BATCH) / package.file
        assert (folder / package.file).read_bytes() == original.read_bytes()


def times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_nothing_is_written_again_while_nothing_has_changed(copy: Platform) -> None:
    before = times(copy.home.returns(BATCH))
    packages = build(copy)
    assert times(copy.home.returns(BATCH)) == before
    assert len(packages) == len(before) - 1


def test_a_package_that_is_gone_is_made_again(copy: Platform) -> None:
    index = read_index(copy.home.returns(BATCH))
    assert index is not None
    gone = copy.home.returns(BATCH) / index.packages[0].file
    before = gone.read_bytes()
    gone.unlink()
    build(copy)
    assert gone.read_bytes() == before


def test_a_package_of_an_earlier_build_does_not_stay(copy: Platform) -> None:
    folder = copy.home.returns(BATCH)
    (folder / "index.json").unlink()
    (folder / "370699999-撤销镇.zip").write_bytes(b"old")
    (folder / ".370602001-x.zip").write_bytes(b"draft of a build that died")
    packages = build(copy)
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.zip")} == {
        package.file for package in packages
    }


def test_a_package_that_cannot_be_written_stops_the_build_and_touches_none(
    copy: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy.home.returns(BATCH)
    index = read_index(folder)
    assert index is not None
    (folder / "index.json").unlink()
    before = times(folder)
    write = packages_module._write_zip

    def full(path: Path, members: Mapping[str, bytes], batch: date) -> str:
        if path == folder / index.packages[1].file:
            raise OSError("no space left")
        return write(path, members, batch)

    monkeypatch.setattr(packages_module, "_write_zip", full)
    with pytest.raises(OSError, match="no space left"):
        build(copy)
    assert {name: time for name, time in times(folder).items() if not name.startswith(".")} == before


@pytest.fixture
def sheets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The declared sheets, to be changed."""
    folder = tmp_path / "sheets"
    shutil.copytree(sheet_spec.FOLDER, folder)
    monkeypatch.setattr(sheet_spec, "FOLDER", folder)
    sheet_spec.sheet_standard.cache_clear()
    yield folder
    sheet_spec.sheet_standard.cache_clear()


@pytest.mark.parametrize("name", ["population.yaml", "_instructions.yaml"])
def test_a_changed_declaration_makes_the_packages_anew(copy: Platform, sheets: Path, name: str) -> None:
    path = sheets / name
    path.write_text(path.read_text(encoding="utf-8").replace("平台", "系统"), encoding="utf-8")
    before = read_index(copy.home.returns(BATCH))
    packages = build(copy)
    assert before is not None
    changed = {p.sha256 for p in before.packages} - {p.sha256 for p in packages}
    assert len(changed) >= len([p for p in packages if p.audience == "township"])


def test_other_findings_make_the_packages_anew(copy: Platform) -> None:
    """The same tickets, but the file's rows stand elsewhere: departments are told where."""
    lake = copy.lake
    partition = lake.as_of("finding", "police.population", BATCH)
    assert partition is not None
    with copy.engine.connect() as connection:
        moved_tickets = connection.execute(f"SELECT ticket_id FROM {partition.scan}").pl()["ticket_id"]
        moved = f"SELECT * REPLACE (row_number + 1 AS row_number) FROM {partition.scan}"
        lake.write(connection, "finding", "police.population", BATCH, moved, Origin(partition.inputs))
    before = csv_of(copy.home.returns(BATCH) / "departments/police-公安局.zip", "问题清单")
    build(copy)
    after = csv_of(copy.home.returns(BATCH) / "departments/police-公安局.zip", "问题清单")
    own = before["工单号"].is_in(moved_tickets.implode())
    assert own.sum() > 20
    assert (after["文件行号"].cast(int) == before["文件行号"].cast(int) + own.cast(int)).all()


def test_a_batch_without_tickets_has_no_packages_to_make(platform: Platform) -> None:
    with pytest.raises(LookupError, match="2026-02-01 has no tickets"):
        build(platform, date(2026, 2, 1))


def test_a_missing_value_is_shown_with_what_stood_in_the_file(copy: Platform) -> None:
    """A department that writes 无 where a value is required is told so, beside the finding."""
    lake = copy.lake
    extract = lake.as_of("extract", "police.population", BATCH)
    finding = lake.as_of("finding", "police.population", BATCH)
    assert extract is not None and finding is not None
    with copy.engine.connect() as connection:
        written = f"SELECT * REPLACE (coalesce(nullif(trim(name), ''), '无') AS name) FROM {extract.scan}"
        lake.write(
            connection, "extract", "police.population", BATCH, written, Origin(extract.inputs, extract.facts)
        )
        same = f"SELECT * REPLACE (row_number + 1 AS row_number) FROM {finding.scan}"
        lake.write(connection, "finding", "police.population", BATCH, same, Origin(finding.inputs))
    build(copy)
    shown = csv_of(copy.home.returns(BATCH) / "departments/police-公安局.zip", "问题清单")
    nameless = tickets(copy).filter(
        (pl.col("rule") == "presence")
        & (pl.col("dataset") == "police.population")
        & (pl.col("field") == "name")
    )
    assert nameless.height > 0
    evidence = shown.select(
        nameless=pl.col("工单号").is_in(nameless["ticket_id"].implode()),
        said=pl.col("依据").str.ends_with("交付文件中填的是“无”").fill_null(False),
    )
    assert evidence["nameless"].any()
    assert (evidence["nameless"] == evidence["said"]).all()


def test_a_department_is_told_the_file_and_the_row_in_it_also_of_a_file_in_a_zip(
    city_after_one_turn: Any, packages: dict[str, list[Path]]
) -> None:
    truth = pl.read_csv(city_after_one_turn.truth(BATCH) / "errors.csv", infer_schema=False)
    planted = truth.filter(pl.col("dataset") == "emergency.small_premises")
    lines = planted.select("record_key", "row", file=pl.format("{}/{}/九小场所.csv", "file", "part"))
    assert planted.height > 2 and planted["file"].str.ends_with(".zip").all()
    (emergency,) = (path for path in packages["department"] if "emergency" in path.name)
    (police,) = (path for path in packages["department"] if path.name.startswith("police"))
    shown = csv_of(emergency, "问题清单").filter(pl.col("数据集") == "九小场所")
    told = shown.select("记录主键", "文件行号", "文件")
    # Errors fall at random: not every one has a finding, and a finding may follow from an error elsewhere.
    own = told.join(lines, left_on="记录主键", right_on="record_key", how="semi")
    assert own["记录主键"].n_unique() > 3
    assert set(own.rows()) <= set(lines.rows())
    assert own["文件"].n_unique() > 1
    assert "户籍人口_20260302.csv" in set(csv_of(police, "问题清单")["文件"])


def test_rows_of_totals_stand_out(workbook: openpyxl.Workbook) -> None:
    for title in ("人口统计表", "特殊群体统计表", "市场主体统计表"):
        sheet = workbook[title]
        header = next(row[0].row for row in sheet.iter_rows(max_row=8) if row[0].value == "村居代码")
        formulas = [rule.formula[0] for found in sheet.conditional_formatting for rule in found.rules]
        assert formulas == [f'$A{header + 1}="合计"']
        assert sheet[f"A{header + 1}"].value == "合计"


FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def test_no_cell_of_a_csv_file_is_a_formula_and_each_comes_back_as_the_workbook_has_it(
    copy: Platform,
) -> None:
    """Departments' texts may begin as formulas do; here those of every ticket."""
    partition = copy.lake.partition(*TICKETS, BATCH)
    assert partition is not None
    planted = (
        "'=HYPERLINK(\"http://x\")' AS observed, '－' || ticket_id AS suggestion, chr(39) || '+@' AS label"
    )
    with copy.engine.connect() as connection:
        connection.execute(f"CREATE TEMP TABLE planted AS SELECT * REPLACE ({planted}) FROM {partition.scan}")
        copy.lake.write(connection, *TICKETS, BATCH, "FROM planted ORDER BY ticket_id", Origin({}))
    build(copy)
    folder = copy.home.returns(BATCH)
    township = next(path for path in sorted(folder.glob("*.zip")) if csv_of(path, "待核实").height)
    for path, title in ((township, "待核实"), (folder / "departments/police-公安局.zip", "问题清单")):
        files = members(path)
        for name in (name for name in files if name.endswith(".csv")):
            schema = json.loads(files[f"{name[:-4]}.schema.json"])
            assert "单引号" in schema["description"]
            texts = csv_of(path, name[:-4]).select(
                f["name"] for f in schema["fields"] if f["type"] == "string"
            )
            assert not [text for column in texts for text in column.drop_nulls() if text.startswith(FORMULA)]
        table = csv_of(path, title).select("工单号", "现值", "建议值")
        assert set(table["现值"]) == {'\'=HYPERLINK("http://x")'}
        content = next(content for name, content in files.items() if name.endswith(".xlsx"))
        rows = openpyxl.load_workbook(io.BytesIO(content), read_only=True)[title].iter_rows(values_only=True)
        header = next(row for row in rows if "现值" in row)
        places = [header.index(column) for column in table.columns]
        assert [tuple(map(restore, row)) for row in table.rows()] == [
            tuple(row[p] for p in places) for row in rows
        ]
