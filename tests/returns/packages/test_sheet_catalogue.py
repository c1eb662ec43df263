"""Sheets of a bureau's own folders: found, put in their package, and checked with file, line and what to do."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest

from assets.platform import Platform
from assets.tasks import PACKAGES, Stage, run_tasks
from returns.packages.sheet_catalogue import load_sheets, shipped_sheets
from returns.packages.sheet_lint import sheet_problems
from schemas.codes import CodeLibrary
from schemas.contract.library import Library
from schemas.document import ContractError
from tests.loop import NO_SUMMARY

SHEET = """\
title: 九十岁以上老人
heading: "{unit} 九十岁以上老人（{batch}）"
notes: [按出生日期排列。]
frozen_columns: 1
protected: true
about: person
attributes: {person.birth_date: date}
columns:
  - {name: name, title: 姓名, width: 12}
  - {name: birth_date, title: 出生日期, width: 13, kind: date}
"""
SQL = """\
SELECT township_code AS unit_code, name, birth_date, resident_id FROM person
WHERE township_code IS NOT NULL AND birth_date <= $batch - INTERVAL 90 YEARS
ORDER BY unit_code, birth_date, resident_id
"""
ORDER = "township: [earlier, aged]\n"


@pytest.fixture
def bureau(tmp_path: Path) -> Path:
    """A folder with one sheet of its own, after those that are shipped."""
    folder = tmp_path / "bureau" / "_sheets"
    folder.mkdir(parents=True)
    for name, text in (("aged.yaml", SHEET), ("aged.sql", SQL), ("_packages.yaml", ORDER)):
        (folder / name).write_text(text, encoding="utf-8")
    return folder.parent


def change(bureau: Path, name: str, old: str, new: str) -> Path:
    path = bureau / "_sheets" / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def problems(bureau: Path, library: Library, tmp_path: Path) -> list[str]:
    found = sheet_problems(load_sheets([bureau]), library, CodeLibrary(), tmp_path / "scratch")
    return [str(problem) for problem in found]


def test_the_shipped_sheets_have_no_problems(library: Library, tmp_path: Path) -> None:
    assert sheet_problems(load_sheets(), library, CodeLibrary(), tmp_path) == []
    titles = [sheet.title for sheet in shipped_sheets().of("township")]
    assert titles == ["待核实", "变动清单", "人口底册", "人口统计表", "特殊群体统计表", "市场主体统计表"]
    titles = [sheet.title for sheet in shipped_sheets().of("department")]
    assert titles == ["问题清单", "已确认更正", "质量概况"]


def test_a_sheet_of_the_bureau_is_in_the_package_with_its_rows(
    bureau: Path, city_after_one_turn: Any, install: Callable[[Path], Platform], library: Library,
    tmp_path: Path, days: Any,
) -> None:  # fmt: skip
    assert problems(bureau, library, tmp_path) == []
    made = city_after_one_turn.platform
    people = made.lake.as_of("governance", "person", days[0])
    with made.engine.connect() as connection:
        expected = connection.execute(
            f"SELECT township_code, name FROM {people.scan} WHERE birth_date <= DATE '1936-03-02' "
            "AND township_code IS NOT NULL"
        ).pl()
    assert expected.height > 5, "the city has such people"
    home = tmp_path / "home"
    home.mkdir()
    (home / "lake").symlink_to(made.home.lake)
    for part in ("inbox", "ledger.sqlite"):
        (home / part).symlink_to(made.home.root / part)
    platform = replace(install(home), sheets=load_sheets([bureau]))
    with platform.open_batch(days[0]) as opened:
        packages = run_tasks(platform, opened, only=[Stage.RETURNS], instead=NO_SUMMARY)[PACKAGES]
    shown: list[tuple[str, str]] = []
    for package in packages:
        if package.audience == "department":
            assert "九十岁以上老人" not in package.rows
            continue
        with zipfile.ZipFile(platform.home.returns(days[0]) / package.file) as archive:
            rows = pl.read_csv(archive.read("九十岁以上老人.csv"), infer_schema=False)
            (book,) = [name for name in archive.namelist() if name.endswith(".xlsx")]
            with archive.open(book) as file:
                names = openpyxl.load_workbook(file, read_only=True).sheetnames
        assert names[names.index("市场主体统计表") + 1] == "九十岁以上老人"
        assert rows.columns == ["姓名", "出生日期"]
        shown += [(package.unit_code, name) for name in rows["姓名"]]
    assert sorted(shown) == sorted(expected.rows())


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("aged.yaml", "title: 九", "tittle: 九", "aged.yaml:1: unknown key tittle: did you mean title?"),
        ("aged.yaml", "frozen_columns: 1\n", "", "aged.yaml:1: frozen_columns is missing: add it"),
        ("aged.yaml", "notes: [按", "notes: 按", "aged.yaml:3: notes is no list of texts"),
        ("aged.yaml", "width: 12", "widht: 12", "aged.yaml:9: unknown key widht: did you mean width?"),
        ("aged.yaml", ", width: 13", "", "aged.yaml:10: width is missing: add it"),
        (
            "aged.yaml",
            "width: 12}",
            "width: 12, choices: none}",
            "aged.yaml:9: columns: choices is none: write verdicts",
        ),
        (
            "aged.yaml",
            "birth_date: date}",
            "birth_date: day}",
            "aged.yaml:7: person.birth_date is day: write one",
        ),
        (
            "aged.yaml",
            "kind: date}",
            "needs: [person.phone]}",
            "aged.yaml:10: needs ['person.phone'], which are",
        ),
        ("aged.yaml", "\ncolumns:", "\nmeasures:", "aged.yaml:10: unknown key kind: write one of"),
        (
            "_packages.yaml",
            "township",
            "townships",
            "_packages.yaml:1: unknown package townships: did you mean",
        ),
        (
            "_packages.yaml",
            "aged]",
            "agde]",
            "_packages.yaml:1: township: no sheet is called agde: did you mean",
        ),
        (
            "_packages.yaml",
            "[earlier, aged]",
            "[aged, earlier]",
            "_packages.yaml:1: township: the first sheet is",
        ),
        ("_packages.yaml", "aged]", "register]", "_packages.yaml:1: township: register is there twice"),
    ],
)
def test_a_sheet_that_cannot_be_read_is_refused_with_its_place(
    bureau: Path, name: str, old: str, new: str, said: str
) -> None:
    change(bureau, name, old, new)
    with pytest.raises(ContractError) as error:
        load_sheets([bureau])
    assert str(error.value).startswith(f"{bureau}/_sheets/{said}")


def test_a_sheet_cannot_take_a_name_that_is_taken_and_needs_its_query(bureau: Path) -> None:
    path = bureau / "_sheets" / "register.yaml"
    path.write_text(SHEET, encoding="utf-8")
    with pytest.raises(ContractError, match=r"register\.yaml:1: a sheet register is already declared in"):
        load_sheets([bureau])
    other = path.rename(path.with_name("others.yaml"))
    with pytest.raises(
        ContractError, match=r"others\.yaml:1: there is no others\.sql beside it: write the query"
    ):
        load_sheets([bureau])
    other.rename(path.with_suffix(".yml"))
    with pytest.raises(
        ContractError, match=r"register\.yml:1: a sheet's file name ends in \.yaml: rename it"
    ):
        load_sheets([bureau])


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        (
            "_packages.yaml",
            "[earlier, aged]",
            "[earlier]",
            "aged.yaml:1: no package has the sheet aged: name it in",
        ),
        (
            "aged.yaml",
            "title: 九十岁以上老人",
            "title: 人口底册",
            "the title 人口底册 is that of register too",
        ),
        (
            "aged.yaml",
            "title: 九十岁以上老人",
            "title: Aged",
            "aged.yaml:1: the title is 'Aged': say it in Chinese",
        ),
        (
            "aged.yaml",
            "about: person",
            "about: persons",
            "aged.yaml:1: about persons, which is no entity: did you",
        ),
        ("aged.yaml", "（{batch}）", "（{day}）", "names 'day' in braces: known are unit, batch"),
        ("aged.sql", "SELECT", "DELETE FROM person; SELECT", "aged.yaml:1: the SQL is not a single SELECT"),
        (
            "aged.sql",
            "SELECT township_code AS unit_code, name",
            "COPY (SELECT name",
            "the query cannot be read",
        ),
        ("aged.sql", "WHERE town", "WHEN town", "aged.yaml:1: the query cannot be read: Parser Error"),
        (
            "aged.sql",
            "FROM person",
            "FROM persons",
            "aged.sql:1: Catalog Error: Table with name persons does not",
        ),
        (
            "aged.sql",
            "name, birth",
            "nam, birth",
            'aged.sql:1: Binder Error: Referenced column "nam" not found',
        ),
        ("aged.sql", "township_code AS unit_code", "township_code", "aged.sql:1: "),
        ("aged.sql", "birth_date, resident_id FROM", "resident_id FROM", "lack column 'birth_date'"),
        (
            "aged.sql",
            "name, birth",
            "1 AS name, birth",
            "aged.sql:1: Sheet '九十岁以上老人': column 'name' is text",
        ),
    ],
)
def test_what_is_wrong_with_a_sheet_is_told_with_its_file(
    bureau: Path, library: Library, tmp_path: Path, name: str, old: str, new: str, said: str
) -> None:
    change(bureau, name, old, new)
    found = problems(bureau, library, tmp_path)
    assert len(found) == 1 and said in found[0], found
    assert found[0].startswith(f"{bureau}/_sheets/aged.")


def test_a_change_of_a_sheet_or_of_an_order_is_another_digest(bureau: Path) -> None:
    digests = {shipped_sheets().digest, load_sheets([bureau]).digest}
    change(bureau, "aged.sql", "90 YEARS", "95 YEARS")
    digests.add(load_sheets([bureau]).digest)
    change(bureau, "_packages.yaml", "[earlier, aged]", "[tickets, aged]")
    changed = load_sheets([bureau])
    digests.add(changed.digest)
    assert len(digests) == 4
    assert [sheet.name for sheet in changed.of("township")] == ["tickets", "aged"], "a whole list replaces"
