"""The simulated officer: answers from the truth, wrongly only when asked to."""

from collections.abc import Sequence
from pathlib import Path

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from sample_city.officer.answering import answer

HEADER = [
    "工单号",
    "姓名",
    "字段",
    "现值",
    "建议值",
    "处理结果",
    "更正值",
    "说明",
    "记录主键",
    "数据集",
    "字段代码",
]
SEX = "police.population", "37060219900101001X", "sex"
NAME = "police.population", "370602199001010028", "name"
PHONE = "police.population", "370602199001010044", "phone"
COPY = "police.population", "370602199001010036", "resident_id"
SOUND = "police.population", "370602199001010052", "phone"


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    lines = [
        "dataset,row,record_key,field,kind,delivered,right",
        f"{SEX[0]},2,{SEX[1]},sex,sex_mismatch,女,1",
        f"{NAME[0]},3,{NAME[1]},name,name_missing,,于春燕",
        f"{PHONE[0]},4,{PHONE[1]},phone,phone_malformed,1741234567,17412345678",
        f"{COPY[0]},9,{COPY[1]},resident_id,duplicate_row,{COPY[1]},",
    ]
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / "errors.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path / "truth"


def _only_sheet(book: openpyxl.Workbook) -> Worksheet:
    (sheet,) = book.worksheets
    return sheet


def _book(path: Path, tickets: Sequence[tuple[tuple[str, str, str], str | None]]) -> Path:
    book = openpyxl.Workbook()
    _only_sheet(book).title = "说明"
    sheet = book.create_sheet("待核实")
    sheet.append(["烟台市某街道 待核实数据"])
    sheet.append(["请在黄色的三列中填写"])
    sheet.append(HEADER)
    for number, ((dataset, key, field), suggestion) in enumerate(tickets, start=1):
        sheet.append([f"T{number}", None, None, None, suggestion, None, None, None, key, dataset, field])
    book.save(path)
    return path


def _answers(path: Path) -> list[tuple[object, object]]:
    rows = list(openpyxl.load_workbook(path)["待核实"].iter_rows(min_row=4, values_only=True))
    return [(row[5], row[6]) for row in rows]


def test_each_ticket_gets_the_conscientious_answer(tmp_path: Path, truth: Path) -> None:
    tickets = [(SEX, "男"), (SEX, "1"), (SEX, "女"), (NAME, None), (PHONE, None), (COPY, None), (SOUND, "x")]
    book = _book(tmp_path / "book.xlsx", tickets)
    done = answer(book, truth, tmp_path / "out.xlsx", seed=1)
    assert _answers(tmp_path / "out.xlsx") == [
        ("采纳建议", None),
        ("采纳建议", None),
        ("更正为", "男"),
        ("更正为", "于春燕"),
        ("更正为", "17412345678"),
        ("无法核实", None),
        ("数据无误", None),
    ]
    assert done.verdicts == {"采纳建议": 2, "更正为": 3, "无法核实": 1, "数据无误": 1}
    assert done.mistaken == ()


def test_the_workbook_as_returned_is_left_alone(tmp_path: Path, truth: Path) -> None:
    book = _book(tmp_path / "book.xlsx", [(SEX, "男")])
    before = book.read_bytes()
    answer(book, truth, tmp_path / "out.xlsx", seed=1)
    assert book.read_bytes() == before


def test_mistakes_are_made_at_the_rate_asked_for_and_named(tmp_path: Path, truth: Path) -> None:
    book = _book(tmp_path / "book.xlsx", [(SEX, "男")] * 200)
    done = answer(book, truth, tmp_path / "out.xlsx", mistakes=0.3, seed=1)
    assert 40 < len(done.mistaken) < 80
    assert done.verdicts == {"采纳建议": 200 - len(done.mistaken), "数据无误": len(done.mistaken)}
    again = answer(book, truth, tmp_path / "again.xlsx", mistakes=0.3, seed=1)
    assert again == done


def test_a_workbook_without_the_sheet_or_its_columns_is_refused(tmp_path: Path, truth: Path) -> None:
    book = openpyxl.Workbook()
    book.save(tmp_path / "other.xlsx")
    with pytest.raises(ValueError, match="no sheet 待核实"):
        answer(tmp_path / "other.xlsx", truth, tmp_path / "out.xlsx", seed=1)
    sheet = _only_sheet(book)
    sheet.title = "待核实"
    sheet.append(["工单号", "处理结果"])
    book.save(tmp_path / "other.xlsx")
    with pytest.raises(ValueError, match="lacks 数据集"):
        answer(tmp_path / "other.xlsx", truth, tmp_path / "out.xlsx", seed=1)
