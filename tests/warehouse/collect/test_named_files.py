"""Files whose names say something of their rows: what a sender is told, and which file counts."""

from __future__ import annotations

from pathlib import Path

from schemas.contract.library import Library
from schemas.contract.odcs import read_contract
from tests.warehouse.collect.school import School, SchoolOf, day

# The year of the roll is in the file's name.
YEAR = r"""
      - name: year
        businessName: 学年
        logicalType: integer
        customProperties: [{property: fromFileName, value: '_(\d{4})'}]
"""
HEAD = "学籍号,姓名,入学日期,变更类型\n"


def a_named_school(school_of: SchoolOf, folder: Path) -> School:
    school = school_of(folder, "snapshot", "")
    path = folder / "roll.yaml"
    path.write_text(path.read_text(encoding="utf-8").rstrip() + YEAR, encoding="utf-8")
    school.library = Library((read_contract(path),), ())
    return school


def test_the_same_bytes_under_another_name_are_another_delivery(school_of: SchoolOf, tmp_path: Path) -> None:
    school = a_named_school(school_of, tmp_path)
    first = school.deliver("学籍_2024.csv", f"{HEAD}1,甲,2020-09-01,\n")
    second = school.deliver("学籍_2025.csv", f"{HEAD}1,甲,2020-09-01,\n")
    assert (first.status, second.status) == ("received", "received")
    school.extract()
    assert school.rows(columns="student_no, year") == [("1", 2025)]


def test_a_line_that_came_before_has_the_value_of_its_new_file(school_of: SchoolOf, tmp_path: Path) -> None:
    """Enough lines that unchanged ones would rest on the snapshot before."""
    school = a_named_school(school_of, tmp_path)
    lines = "".join(f"{n},甲,2020-09-{n % 30 + 1:02},\n" for n in range(50))
    for number, year in ((1, 2024), (2, 2025), (3, 2026)):
        school.deliver(f"学籍_{year}.csv", HEAD + lines, day(number))
        school.extract(day(number))
        assert set(school.rows(day(number), "year")) == {(year,)}


def test_a_file_without_the_value_has_it_empty_with_a_remark(school_of: SchoolOf, tmp_path: Path) -> None:
    school = a_named_school(school_of, tmp_path)
    school.deliver("学籍.csv", f"{HEAD}1,甲,2020-09-01,\n")
    partition = school.extract().partition
    assert partition is not None
    assert partition.facts["remarks"] == ["文件名“学籍.csv”里找不到“学年”，这一列按空值读取"]
    assert school.rows(columns="year") == [(None,)]
