"""Deliveries over several batches: changes after a whole, unusual numbers of rows, columns that drift."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.warehouse.collect.school import FIRST, HEAD, REMOVED, School, SchoolOf, day
from warehouse.collect.extracts.extract import NOTHING_NEW
from warehouse.collect.extracts.snapshot_diff import deliveries_of
from warehouse.collect.intake.reception import refusal_of


def test_changes_are_laid_over_the_whole_by_normalised_key(deltas: School) -> None:
    whole = deltas.deliver("学籍全量.csv", HEAD + "A1,甲,2020-09-01,\nA2,乙,2020-09-01,\nA3,丙,2020-09-01,\n")
    assert (whole.server, whole.delivery) == ("whole", "snapshot")
    deltas.extract()
    changed = deltas.deliver(
        "学籍变更.csv", HEAD + "Ａ2 ,乙二,2021/9/1,修改\n A3,丁,,修改\nA4,戊,,新增\n", day(2)
    )
    assert (changed.server, changed.delivery) == ("changes", "delta")
    deltas.extract(day(2))
    assert deltas.rows(day(2)) == [("A1", "甲"), ("A2", "乙二"), ("A3", "丁"), ("A4", "戊")]
    assert deltas.rows(FIRST) == [("A1", "甲"), ("A2", "乙"), ("A3", "丙")]


def test_a_record_said_to_be_gone_is_gone_until_it_comes_again(deltas: School) -> None:
    deltas.deliver("学籍全量.csv", HEAD + "A1,甲,,\nA2,乙,,\n")
    deltas.deliver("学籍1.csv", HEAD + "A1,,,删除\nA2,,, d \n", day(2))
    deltas.deliver("学籍2.csv", HEAD + "A1,甲再来,,新增\n", day(3))
    for number in (1, 2, 3):
        deltas.extract(day(number))
    # `d` is not `D`: the values are compared as they stand after normalisation of the cell.
    assert deltas.rows(day(2)) == [("A2", None)]
    assert deltas.rows(day(3)) == [("A2", None), ("A1", "甲再来")]


def test_two_deltas_of_a_batch_count_in_the_order_of_their_receipt(deltas: School) -> None:
    deltas.deliver("学籍全量.csv", HEAD + "A1,甲,,\n")
    deltas.deliver("学籍乙.csv", HEAD + "A1,第一,,\nA2,第一,,\n")
    deltas.deliver("学籍甲.csv", HEAD + "A1,第二,,\n")
    done = deltas.extract()
    assert done.partition is not None and done.partition.rows == 4
    assert deltas.rows() == [("A2", "第一"), ("A1", "第二")]


def test_changes_that_come_again_say_nothing_new(deltas: School) -> None:
    deltas.deliver("学籍全量.csv", HEAD + "A1,甲,,\nA2,乙,,\n")
    first = HEAD + "A1,甲二,,修改\nA2,,,删除\n", HEAD + "A3,丙,,新增\n\n"
    for number in (2, 3, 4):
        for name, text in zip("ab", first, strict=True):
            deltas.deliver(f"学籍{name}{number}.csv", text, day(number))
    for number in (1, 2):
        deltas.extract(day(number))
    before = deltas.standard(day(2))
    for number in (3, 4):
        again = deltas.extract(day(number)).partition
        assert again is not None
        assert again.rows == 0
        assert [told["file"] for told in deliveries_of(again)] == [f"学籍a{number}.csv", f"学籍b{number}.csv"]
        assert [told["rows"] for told in deliveries_of(again)] == [2, 1]
        assert again.facts["remarks"] == [NOTHING_NEW]
        # Nothing follows from it that has not followed already.
        assert deltas.standard(day(number)) == before
    assert deltas.rows(day(4)) == [("A1", "甲二"), ("A3", "丙")]


def test_changes_that_come_again_count_where_others_came_between(deltas: School) -> None:
    deltas.deliver("学籍全量.csv", HEAD + "A1,甲,,\n")
    for number, name in ((2, "甲二"), (3, "甲三"), (4, "甲二")):
        deltas.deliver(f"学籍{number}.csv", HEAD + f"A1,{name},,修改\n", day(number))
    for number in (1, 2, 3, 4):
        deltas.extract(day(number))
        deltas.standard(day(number))
    assert deltas.rows(day(4)) == [("A1", "甲二")]


def test_changes_of_which_only_some_come_again_are_read(deltas: School) -> None:
    for number, names in ((1, "ab"), (2, "a")):
        for name in names:
            deltas.deliver(f"学籍{name}{number}.csv", HEAD + f"A1,{name},,修改\n", day(number))
        deltas.extract(day(number))
    assert deltas.rows(day(2)) == [("A1", "a")]


def test_changes_are_read_where_the_receipt_of_one_before_is_gone(deltas: School) -> None:
    first = [deltas.deliver(f"学籍{name}.csv", HEAD + f"A1,{name},,修改\n") for name in "ab"]
    deltas.extract()
    shutil.rmtree(first[1].path.parent)
    deltas.deliver("学籍a2.csv", HEAD + "A1,a,,修改\n", day(2))
    deltas.extract(day(2))
    assert deltas.rows(day(2)) == [("A1", "a")]


def test_changes_are_read_anew_once_those_before_them_are_others(deltas: School) -> None:
    deltas.deliver("学籍全量.csv", HEAD + "A1,甲,,\n")
    for number in (2, 3):
        deltas.deliver(f"学籍{number}.csv", HEAD + "A1,甲二,,修改\n", day(number))
    for number in (1, 2, 3):
        deltas.extract(day(number))
    deltas.deliver("学籍后.csv", HEAD + "A1,甲三,,修改\n", day(2))
    for number in (2, 3):
        deltas.extract(day(number))
    assert (deltas.rows(day(2)), deltas.rows(day(3))) == ([("A1", "甲三")], [("A1", "甲二")])


def test_rows_that_one_delivery_repeats_stay_for_the_rules_to_find(deltas: School) -> None:
    deltas.deliver("学籍全量.csv", HEAD + "A1,甲,,\n")
    deltas.deliver("学籍.csv", HEAD + "A1,乙,,\nA1,丙,,\n", day(2))
    deltas.extract()
    deltas.extract(day(2))
    assert deltas.rows(day(2)) == [("A1", "乙"), ("A1", "丙")]


def test_a_new_whole_ends_what_was_before_it(deltas: School) -> None:
    deltas.deliver("学籍全量.csv", HEAD + "A1,甲,,\nA2,乙,,\n")
    deltas.deliver("学籍.csv", HEAD + "A3,丙,,\n", day(2))
    deltas.deliver("学籍全量.csv", HEAD + "A1,甲,,\nA9,壬,,\n", day(3))
    for number in (1, 2, 3):
        deltas.extract(day(number))
    assert deltas.rows(day(3)) == [("A1", "甲"), ("A9", "壬")]
    assert [name for name in deltas.standard(day(3)).inputs if "extract_file" in name] == [
        "value:extract_file/2026-03-04"
    ]
    assert [name for name in deltas.standard(day(2)).inputs if "extract_file" in name] == [
        "value:extract_file/2026-03-02",
        "value:extract_file/2026-03-03",
    ]


def test_rows_are_told_apart_and_stay_traceable(deltas: School) -> None:
    first = deltas.deliver("学籍全量.csv", HEAD + "A1,甲,,\n\nA2,乙,,\n")
    second = deltas.deliver("学籍.csv", HEAD + "A3,丙,,\n", day(2))
    deltas.extract()
    deltas.extract(day(2))
    assert deltas.rows(day(2), "student_no, _row, _line, _sheet, _extract_id") == [
        ("A1", (day(1).toordinal() << 32) + 2, 2, None, first.extract_id),
        ("A2", (day(1).toordinal() << 32) + 4, 4, None, first.extract_id),
        ("A3", (day(2).toordinal() << 32) + 2, 2, None, second.extract_id),
    ]


def test_the_same_deliveries_give_the_same_bytes(school_of: SchoolOf, tmp_path: Path) -> None:
    digests = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        school = school_of(tmp_path / name, "delta", REMOVED)
        school.deliver("学籍全量.csv", HEAD + "".join(f"A{i},甲{i},,\n" for i in range(5000)))
        school.deliver("学籍.csv", HEAD + "".join(f"A{i},乙{i},,\n" for i in range(0, 6000, 7)))
        school.extract()
        digests.append(school.standard().fingerprint)
    assert digests[0] == digests[1]


def test_a_name_that_fits_no_way_does_not_say_whether_it_is_whole(deltas: School) -> None:
    receipt = deltas.deliver("导出.csv", HEAD + "A1,甲,,\n")
    assert receipt.status == "set_aside"
    assert "看不出是全量还是增量。请按约定命名（学籍全量*.csv、学籍*.csv）" in receipt.message


def test_a_snapshot_again_in_a_batch_says_what_it_replaces(school_of: SchoolOf, tmp_path: Path) -> None:
    school = school_of(tmp_path, "snapshot", "")
    first = school.deliver("学籍全量.csv", HEAD + "A1,甲,,\n")
    second = school.deliver("学籍全量2.csv", HEAD + "A1,甲,,\nA2,乙,,\n")
    assert second.replaces == first.extract_id
    assert second.message == "已接收，替换先前交付的 学籍全量.csv"
    school.extract()
    assert school.rows() == [("A1", "甲"), ("A2", "乙")]


def test_a_volume_beyond_the_tolerance_is_held_until_confirmed(school_of: SchoolOf, tmp_path: Path) -> None:
    school = school_of(tmp_path, "snapshot", "- {property: volume, value: {fall: 0.3, handling: hold}}")
    school.deliver("学籍全量.csv", HEAD + "".join(f"A{i},甲,,\n" for i in range(10)))
    school.extract()
    less = HEAD + "".join(f"A{i},甲,,\n" for i in range(6))
    receipt = school.deliver("学籍全量.csv", less, day(2))
    ((refused, message),) = school.extract(day(2)).refused
    assert refused == receipt
    assert message == (
        "文件“学籍全量.csv”：整份文件看起来不对，暂不采用，继续使用 2026-03-02 批次的数据（10 行）。"
        "有 6 行，比目前使用的 10 行少 40%，超过允许的 30%。请核对导出是否完整，更正后重新交付；"
        "确认无误的，用 zhenjie deliver 文件 --confirm 原因 再次交付同一文件。"
    )
    assert len(school.rows(day(2))) == 10
    confirmed = school.deliver("学籍全量.csv", less, day(2), confirm="已与教育局核对")
    assert (confirmed.status, confirmed.extract_id) == ("confirmed", receipt.extract_id)
    done = school.extract(day(2))
    assert done.refused == () and refusal_of(receipt) is None
    assert len(school.rows(day(2))) == 6
    assert school.extract(day(2)) == done


@pytest.mark.parametrize(
    ("volume", "rows", "in_force", "remark"),
    [
        ("{fall: 0.3, handling: hold}", 7, 7, None),
        ("{fall: 0.3, rise: 0.5, handling: hold}", 15, 15, None),
        ("{fall: 0.3, rise: 0.5, handling: hold}", 16, 10, None),
        ("{fall: 0.3, handling: warn}", 6, 6, "有 6 行，比目前使用的 10 行少 40%，超过允许的 30%"),
        ("{handling: warn}", 0, 0, "没有数据行，而目前使用的数据有 10 行"),
        ("{fall: 1.0}", 0, 10, None),
    ],
)
def test_what_becomes_of_a_number_of_rows(
    school_of: SchoolOf, tmp_path: Path, volume: str, rows: int, in_force: int, remark: str | None
) -> None:
    school = school_of(tmp_path, "snapshot", f"- {{property: volume, value: {volume}}}")
    school.deliver("学籍全量.csv", HEAD + "".join(f"A{i},甲,,\n" for i in range(10)))
    school.extract()
    school.deliver("学籍全量.csv", HEAD + "".join(f"A{i},甲,,\n" for i in range(rows)), day(2))
    partition = school.extract(day(2)).partition
    assert len(school.rows(day(2))) == in_force
    if remark is not None:
        assert partition is not None and remark in partition.facts["remarks"]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("drift", "head", "message"),
    [
        ("{extra: refuse}", "学籍号,姓名,入学日期,变更类型,备注\n", "有数据标准以外的列：备注"),
        ("{missing: refuse}", "学籍号,姓名,入学日期\n", "缺少数据标准里的列：变更类型"),
        ("{extra: ignore, missing: accept}", "学籍号,姓名,备注\n", None),
    ],
)
def test_columns_that_drift_are_refused_where_the_contract_says_so(
    school_of: SchoolOf, tmp_path: Path, drift: str, head: str, message: str | None
) -> None:
    school = school_of(tmp_path, "snapshot", f"- {{property: drift, value: {drift}}}")
    receipt = school.deliver("学籍全量.csv", head + "A1,甲,1\n")
    assert (message is None) == (receipt.status == "received")
    assert message is None or message in receipt.message


def test_what_was_read_and_set_aside_lies_beside_the_receipt(school_of: SchoolOf, tmp_path: Path) -> None:
    school = school_of(tmp_path, "snapshot", "")
    text = "全市学籍\n学籍号,姓名,备注\nA1,甲,\nA2,乙,\n合计,2,\n"
    receipt = school.deliver("学籍全量.csv", text)
    school.extract()
    told = json.loads((receipt.path.parent / "reading.json").read_text(encoding="utf-8"))
    assert told["rows"] == 2
    assert told["set_aside"] == [{"row": 5, "reason": "合计，不是数据", "sheet": None}]
    assert told["remarks"] == ["缺少的列：入学日期、变更类型", "多出的列（未读取）：备注"]
    (part,) = told["parts"]
    assert (part["encoding"], part["header_row"]) == ("utf-8", 2)
    assert part["columns"] == {"student_no": "学籍号", "name": "姓名"}
