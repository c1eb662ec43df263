"""Replies: what a township may write into its workbook, what is refused and why, and what an answer does.

The tickets are made up; the sheet is written from hand-written rows, as a township would see them.
"""

from __future__ import annotations

import zipfile
from datetime import date, datetime, time, timedelta

import openpyxl
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.cn import ric

from returns.replies.corrections import corrections, ticket_replies
from returns.replies.reply_validation import comparable
from returns.workbook.model import ReturnSheet, SheetColumn, WorkbookProperties
from returns.workbook.reader import open_workbook
from returns.workbook.writer import write_workbook
from tests.returns.office import (
    ADOPT,
    ALLOWANCE,
    BATCH,
    LI,
    OLDER,
    POPULATION,
    UNIT,
    WANG,
    Office,
    Table,
    correct,
    reasons,
    ticket_rows,
    values,
)
from warehouse.lake.store import Origin

REFUSED: list[tuple[str, dict[str, object], str]] = [
    ("DONE", {"处理结果": "数据无误"}, "状态是“已办结”，不需再答复"),
    ("SENT", correct("某街1号"), "状态是“转交部门”，不需再答复"),
    ("FINE", correct("某街1号"), "状态是“数据无误”，不需再答复"),
    ("THEIRS", correct("王芳"), "工单号不存在或不属于本镇街"),
    ("SEX", {"处理结果": "同意"}, "“处理结果”不能填“同意”，请从下拉列表中选择"),
    ("NAME", {"更正值": "王芳"}, "填了“更正值”但没有选择“处理结果”"),
    ("NAME", {"说明": "已核实"}, "填了“说明”但没有选择“处理结果”"),
    ("NAME", {"处理结果": "更正为"}, "必须填写“更正值”"),
    ("NAME", correct("　 "), "必须填写“更正值”"),
    ("NAME", ADOPT, "没有建议值"),
    ("SEX", {"处理结果": "数据无误", "更正值": "男"}, "处理结果为“数据无误”时不应填写“更正值”"),
    ("SEX", {"处理结果": "采纳建议", "更正值": "男"}, "处理结果为“采纳建议”时不应填写“更正值”"),
    ("ID", correct("370602199001011234"), "更正值未通过校核：公民身份号码"),
    ("ID", correct(370602199001011233), "后几位已经丢失"),
    ("USCC", correct("92370602MADD7JXM2C"), "更正值存疑：统一社会信用代码"),
    ("BORN", correct("1985-13-02"), "更正值未通过校核：出生日期不是有效的日期"),
    ("BORN", correct(time(8, 30)), "更正值未通过校核：出生日期不是有效的日期"),
    ("BORN", correct(timedelta(hours=36)), "更正值未通过校核：出生日期不是有效的日期"),
    ("SUM", correct((0.5, "0%")), "更正值未通过校核：月保障金额不是有效的数字"),
    ("BORN", correct("1785-02-02"), "更正值未通过校核：出生日期不在合理范围"),
    ("SEX", correct("不详得很"), "更正值未通过校核：性别不在代码表"),
    ("PLACE", correct("370602004998"), "更正值未通过校核：村居代码不在代码表"),
    ("GRADE", correct("五级半"), "更正值未通过校核：残疾等级不在代码表"),
    ("SUM", correct("很多"), "更正值未通过校核：月保障金额不是有效的数字"),
    ("SUM", correct(-1), "更正值未通过校核：月保障金额不在合理范围"),
    ("PHONE", correct("12345"), "更正值未通过校核：联系电话"),
    ("PHONE", correct("1741234567"), "更正值"),
    ("SEX", correct("女"), "更正值与现值相同；如现值正确，请选“数据无误”"),
    ("ID", correct(WANG) | {"现值": "370602199001011241"}, "“现值”或“建议值”与下发的不一致"),
    ("SEX", ADOPT | {"建议值": "女"}, "“现值”或“建议值”与下发的不一致"),
    ("NAME", {"现值": "王芳"}, "“现值”或“建议值”被改动，没有读取"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("ticket", "cells", "reason"), REFUSED, ids=[f"{ticket} {cells}" for ticket, cells, _ in REFUSED]
)
def test_an_answer_that_cannot_be_taken_is_refused_with_its_reason(
    office: Office, ticket: str, cells: dict[str, object], reason: str
) -> None:
    intake = office.reply({ticket: cells})
    assert intake.accepted.is_empty()
    assert list(reasons(intake)) == [ticket]
    assert reason in reasons(intake)[ticket]
    assert not intake.complete
    assert office.ledger.replies().is_empty()


def test_a_refused_answer_does_not_hold_up_the_others(office: Office) -> None:
    intake = office.reply({"NAME": correct("王芳"), "PHONE": correct("12345"), "SUM": correct("880")})
    assert values(intake) == {"NAME": "王芳", "SUM": "880"}
    assert list(reasons(intake)) == ["PHONE"]


@pytest.mark.parametrize(
    ("ticket", "typed", "value"),
    [
        ("SEX", "男", "1"),
        ("SEX", "１", "1"),
        ("SEX", " 男性 ", "1"),
        ("NAME", "王　芳", "王芳"),
        ("ID", "37060219900101005x", "37060219900101005X"),
        ("BORN", "1985年2月2日", "1985-02-02"),
        ("BORN", date(1985, 2, 2), "1985-02-02"),
        ("BORN", "19850202", "1985-02-02"),
        ("PHONE", 17412345678, "17412345678"),
        ("PLACE", "370602004001", "370602004001"),
        ("BORN", (31080, '[$-804]yyyy"年"m"月"d"日"'), "1985-02-02"),
        ("PLACE", (370602004001, "000000000000"), "370602004001"),
        ("SUM", 880.0, "880"),
        ("SUM", "880.50", "880.5"),
        ("GRADE", "四级", "4"),
    ],
)
def test_an_accepted_value_is_kept_in_standard_form(
    office: Office, ticket: str, typed: object, value: str
) -> None:
    intake = office.reply({ticket: correct(typed)})
    assert reasons(intake) == {}
    assert values(intake) == {ticket: value}


def test_the_suggestion_is_adopted_as_the_platform_means_it(office: Office) -> None:
    intake = office.reply({"SEX": ADOPT, "BORN": ADOPT})
    assert values(intake) == {"SEX": "1", "BORN": "1985-02-02"}
    assert office.ledger.replies()["value"].to_list() == ["1", "1985-02-02"]


def test_an_identifier_typed_as_text_may_have_digits_that_a_number_could_have_too(office: Office) -> None:
    heads = (f"3706021990010{number:04d}" for number in range(1000, 9999))
    found = next(
        i for head in heads if (i := head + ric.calc_check_digit(head + "0")).isdigit() and int(i) % 64 == 0
    )
    assert int(float(found)) == int(found)
    assert values(office.reply({"ID": correct(found)})) == {"ID": found}


def test_the_same_ticket_answered_in_two_rows_is_refused_twice(office: Office) -> None:
    path = office.answered({"NAME": correct("王芳"), "PHONE": {"工单号": "NAME", **correct("王方")}})
    intake = office.take_in(path)
    assert intake.refused["ticket_id"].to_list() == ["NAME", "NAME"]
    assert set(intake.refused["reason"]) == {"同一工单号有多行答复，请只保留一行"}


def test_a_copied_row_without_an_answer_does_no_harm(office: Office) -> None:
    intake = office.reply({"NAME": correct("王芳"), "PHONE": {"工单号": "NAME"}})
    assert values(intake) == {"NAME": "王芳"}
    assert reasons(intake) == {}


def test_a_row_that_lost_its_ticket_number_is_refused(office: Office) -> None:
    intake = office.reply({"NAME": {"工单号": None, **correct("王芳")}})
    assert intake.refused["reason"].to_list() == ["缺少工单号，请按下发的工作簿恢复"]
    assert intake.refused["line"].to_list() == [6]


def test_two_tickets_of_one_field_must_not_contradict_each_other(office: Office) -> None:
    agreeing = office.reply({"SEX": ADOPT, "SEX2": correct("男")})
    assert values(agreeing) == {"SEX": "1", "SEX2": "1"}
    contrary = office.reply({"SEX": ADOPT, "SEX2": {"处理结果": "数据无误"}, "NAME": correct("王芳")})
    assert set(reasons(contrary)) == {"SEX", "SEX2"}
    assert all("互相矛盾" in reason for reason in reasons(contrary).values())
    assert values(contrary) == {"NAME": "王芳"}


def test_what_changed_since_an_older_workbook_was_made_has_to_be_looked_at_again(office: Office) -> None:
    office.issue(BATCH, ticket_rows(PHONE="1740000000", NAME="王方"))
    intake = office.reply(
        {
            "PHONE": correct("17412345678"),
            "NAME": {"处理结果": "无法核实"},
            "SEX": ADOPT,
        },
        batch=OLDER,
    )
    assert list(reasons(intake)) == ["PHONE"]
    assert "请下载最新批次的工作簿" in reasons(intake)["PHONE"]
    assert set(values(intake)) == {"NAME", "SEX"}


def test_moved_columns_sorted_and_deleted_rows_and_notes_around_are_fine(office: Office) -> None:
    path = office.answered({"NAME": correct("王芳"), "SUM": correct(880), "ID": {"处理结果": "无法核实"}})
    book = openpyxl.load_workbook(path)
    old = book["待核实"]
    table = Table(old)
    rows = [[cell.value for cell in old[number]] for number in sorted(table.rows.values(), reverse=True)]
    rows = [row for row in rows if row[0] not in ("SEX", "SEX2")]
    titles = [cell.value for cell in old[table.header]]
    del book["待核实"]
    new = book.create_sheet("待核实")
    new.append(["填表人：某某"])
    new.append([])
    order = list(reversed(range(len(titles))))
    for row in [titles, *rows]:
        new.append([None, *(row[place] for place in order)])
    new.append([])
    new.append(["盖章"])
    book.save(path)
    intake = office.take_in(path)
    assert values(intake) == {"NAME": "王芳", "SUM": "880", "ID": None}
    assert reasons(intake) == {}


def test_the_result_of_a_formula_counts(office: Office) -> None:
    path = office.answered({"NAME": {"处理结果": "更正为", "更正值": '=CONCATENATE("王","芳")'}})
    parts = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            parts[name] = archive.read(name)
    sheet = parts["xl/worksheets/sheet1.xml"].decode()
    before, formula, after = sheet.partition('<f>CONCATENATE("王","芳")</f>')
    cell = before.rfind("<c ")
    before = before[:cell] + before[cell:].replace("<c ", '<c t="str" ', 1)
    after = after.replace("<v />", "<v>王芳</v>", 1).replace("<v></v>", "<v>王芳</v>", 1)
    parts["xl/worksheets/sheet1.xml"] = (before + formula + after).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    assert values(office.take_in(path)) == {"NAME": "王芳"}


def test_tickets_that_wait_and_got_no_answer_are_counted(office: Office) -> None:
    intake = office.reply({"NAME": correct("王芳"), "PHONE": correct("12345")})
    # Ten of the township's tickets wait; one was answered, one refused.
    assert intake.unanswered == 8
    assert office.reply({}).unanswered == 10


def test_the_same_file_again_is_known_and_enters_nothing(office: Office) -> None:
    path = office.answered({"NAME": correct("王芳"), "PHONE": correct("12345")})
    office.take_in(path)
    office.issue(date(2026, 3, 4), ticket_rows(NAME="王芳"))
    again = office.take_in(path)
    assert again.repeated and again.complete
    assert again.message == "这个文件以前交过（当时接收 1 条，未接收 1 条），没有重复登记"
    assert again.accepted.is_empty() and again.refused.is_empty()
    assert len(office.ledger.entries()) == 1


def test_a_foreign_workbook_is_refused_whole(office: Office) -> None:
    book = openpyxl.Workbook()
    book.save(office.folder / "报表.xlsx")
    intake = office.take_in(office.folder / "报表.xlsx")
    assert "“报表.xlsx”不是平台下发的工作簿" in intake.message
    (office.folder / "照片.xlsx").write_bytes(b"\xff\xd8\xff\xe0 a picture")
    assert "内容是图片（JPEG），不是平台下发的工作簿" in office.take_in(office.folder / "照片.xlsx").message
    assert office.ledger.entries() == []


def test_a_workbook_without_its_sheet_is_refused_whole(office: Office) -> None:
    path = office.workbook()
    book = openpyxl.load_workbook(path)
    book["待核实"].title = "已填"
    book.save(path)
    assert "没有名为“待核实”的工作表" in office.take_in(path).message


def test_a_ticket_whose_field_is_no_more_in_the_contract_is_not_taken(office: Office) -> None:
    tickets = ticket_rows().with_columns(
        field=pl.when(ticket_id="NAME").then(pl.lit("nickname")).otherwise("field"),
        dataset=pl.when(ticket_id="SUM").then(pl.lit("police.gone")).otherwise("dataset"),
    )
    office.issue(BATCH, tickets)
    intake = office.reply({"NAME": correct("王芳"), "SUM": correct("880"), "PHONE": correct("17412345678")})
    assert set(reasons(intake)) == {"NAME", "SUM"}
    assert values(intake) == {"PHONE": "17412345678"}


def test_control_characters_do_not_reach_the_ledger(office: Office) -> None:
    intake = office.reply({"NAME": {**correct("王芳"), "说明": "本人_x0000_确认_x0007_"}})
    assert intake.accepted["note"].to_list() == ["本人确认"]


def test_the_ledger_keeps_what_was_answered_and_for_which_batches_it_works(office: Office) -> None:
    office.reply({"SEX": correct("男")}, batch=OLDER)
    (row,) = office.ledger.replies().to_dicts()
    assert row == {
        "entry_seq": 1, "act": 1, "line": 4, "ticket_id": "SEX", "dataset": POPULATION,
        "rule": "sex_matches_resident_id", "record_key": WANG, "field": "sex", "verdict": "更正为",
        "observed": "2", "delivered": "2", "value": "1", "note": None, "unit_code": UNIT,
        "after_batch": "2026-03-03",
    }  # fmt: skip
    assert office.ledger.replies("2026-03-03").is_empty()
    assert office.ledger.replies("2026-03-04").height == 1


def test_a_correction_of_what_a_correction_put_there_replaces_what_is_delivered(office: Office) -> None:
    """The police deliver 3, an earlier correction shows 2, and now a rule finds the 2."""
    with office.platform.engine.connect() as connection:
        office.platform.lake.write(
            connection, "standard", POPULATION, BATCH,
            f"SELECT '{WANG}' AS record_key, MAP {{'sex': '3'}} AS _corrected",
            Origin({}),
        )  # fmt: skip
    office.reply({"SEX": correct("男"), "NAME": correct("王芳")})
    assert office.ledger.replies().select("ticket_id", "observed", "delivered", "value").rows() == [
        ("SEX", "2", "3", "1"),
        ("NAME", None, None, "王芳"),
    ]


# What answers bring about.


def answer(seq: int, verdict: str, value: str | None = None, **more: object) -> dict[str, object]:
    plain: dict[str, object] = {
        "entry_seq": seq, "act": seq, "line": 4, "ticket_id": "T1", "dataset": POPULATION, "rule": "presence",
        "record_key": WANG, "field": "name", "verdict": verdict, "observed": "王方", "delivered": "王方",
        "value": value, "note": None, "unit_code": UNIT, "after_batch": "2026-03-02",
    }  # fmt: skip
    return plain | more


def in_place(*answers: dict[str, object]) -> list[tuple[object, ...]]:
    schema = {name: pl.Int64 if name in ("entry_seq", "act", "line") else pl.String for name in answer(1, "")}
    frame = pl.DataFrame(list(answers), schema=schema)
    return corrections(frame).select("record_key", "field", "delivered", "value").rows()


def test_the_newest_correction_of_a_field_counts() -> None:
    assert in_place(answer(2, "采纳建议", "王芳"), answer(1, "更正为", "王放")) == [
        (WANG, "name", "王方", "王芳")
    ]


def test_a_newer_answer_that_corrects_nothing_takes_the_correction_back() -> None:
    for verdict in ("数据无误", "非本辖区", "无法核实"):
        assert in_place(answer(1, "更正为", "王芳"), answer(2, verdict)) == []


def test_a_newer_answer_that_finds_the_corrected_value_right_confirms_it() -> None:
    confirmed = answer(2, "数据无误", observed="王芳", delivered="王方")
    assert in_place(answer(1, "更正为", "王芳"), confirmed) == [(WANG, "name", "王方", "王芳")]


def test_the_answers_of_other_fields_and_records_stand_beside() -> None:
    assert in_place(
        answer(1, "更正为", "王芳"),
        answer(1, "更正为", "1", line=5, field="sex", delivered="2"),
        answer(1, "数据无误", line=6, record_key=LI),
        answer(1, "更正为", "李四", line=7, record_key=LI, dataset=ALLOWANCE, delivered=None),
    ) == [
        (LI, "name", None, "李四"),
        (WANG, "name", "王方", "王芳"),
        (WANG, "sex", "2", "1"),
    ]


def test_replies_are_numbered_in_the_order_in_which_they_came() -> None:
    frame = pl.DataFrame(
        [answer(2, "数据无误", line=4), answer(1, "更正为", "王芳", line=900), answer(1, "采纳建议")]
    )
    numbered = ticket_replies(frame)
    assert numbered["verdict"].to_list() == ["采纳建议", "更正为", "数据无误"]
    assert numbered["reply_no"].is_sorted() and numbered["reply_no"].n_unique() == 3


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=0, max_size=60)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.one_of(TEXTS, st.sampled_from(["2026-03-02 00:00:00", "长" * 40_000, "=1+1"])), min_size=1)
)
def test_a_text_is_still_the_same_after_its_way_through_a_workbook(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    """Else a township could never adopt a suggestion that holds such a text."""
    path = tmp_path_factory.mktemp("way") / "w.xlsx"
    rows = pl.DataFrame({"key": [str(number) for number in range(len(texts))], "text": texts})
    columns = (SheetColumn("key", "编号", 10), SheetColumn("text", "现值", 10))
    write_workbook(
        path, [ReturnSheet("表", columns, rows)], WorkbookProperties("t", "a", datetime(2026, 3, 3))
    )
    back = open_workbook(path).read_sheet("表", {"编号": "key", "现值": "back"})
    both = rows.join(back, on="key", how="left").select(
        same=comparable("text").eq_missing(comparable("back")), text="text"
    )
    assert both.filter(~pl.col("same")).rows() == []
