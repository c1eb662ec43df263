"""The forms that departments send, read back by other means than those that wrote them."""

import zipfile
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import openpyxl
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sample_city.files.dbase import write_dbf
from sample_city.forms.untidy import NUMERALS, SERIAL, SHORT_YEAR, WITH_TIME, spelled
from tests.sample_city.delivered import Delivered


def test_members_of_a_zip_are_named_in_gbk_without_saying_so(city: Delivered) -> None:
    with zipfile.ZipFile(city.folder / "九小场所_20260302.zip") as archive:
        assert archive.testzip() is None
        assert all(member.flag_bits & 0x800 == 0 for member in archive.infolist())
        names = [member.filename.encode("cp437").decode("gbk") for member in archive.infolist()]
    assert len(names) >= 3
    assert all(name.endswith(("区/九小场所.csv", "市/九小场所.csv")) for name in names)


def test_each_county_has_its_own_file_and_sheet(city: Delivered) -> None:
    from schemas.codes import load_code_table

    counties = load_code_table("division").current.select("code", "label")
    names = dict(counties.filter(pl.col("code").str.len_chars() == 6).iter_rows())
    rows = city.unplanted("emergency.small_premises", "village_code")
    assert (rows["village_code"].str.head(6).replace_strict(names) == rows["_part"]).all()
    tax = city.unplanted("tax.enterprise")
    assert ("国家税务总局" + tax["_part"] + "税务局" == tax["office"]).all()
    assert tax["_part"].n_unique() >= 3


def test_rows_are_counted_anew_in_every_part(city: Delivered) -> None:
    for dataset, first in (("emergency.small_premises", 2), ("tax.enterprise", 4)):
        spans = city.raw[dataset].group_by("_part").agg(pl.min("_row"), n=pl.max("_row") - pl.min("_row") + 1)
        assert (spans["_row"] == first).all()
        assert spans["n"].sum() == len(city.raw[dataset])


def test_a_heading_in_two_rows_has_groups_over_its_columns(city: Delivered) -> None:
    sheet = openpyxl.load_workbook(city.folder / "特种设备_20260302.xlsx")["特种设备"]
    merged = {str(cells) for cells in sheet.merged_cells.ranges}
    assert merged == {"A1:J1", "A2:C2", "D2:F2", "G2:I2", "J2:J3"}
    upper, lower = ([cell.value for cell in sheet[row]] for row in (2, 3))
    assert [upper[0], upper[3], upper[6], upper[9]] == [
        "设备基本信息",
        "使用单位",
        "使用登记与检验",
        "使用状态",
    ]
    assert lower[:9] == [
        "设备代码", "设备种类", "制造日期", "统一社会信用代码", "单位名称", "联系电话", "登记日期",
        "上次检验日期", "下次检验日期",
    ]  # fmt: skip


def test_the_old_workbook_is_one(city: Delivered) -> None:
    data = (city.folder / "网格_20260302.xls").read_bytes()
    assert data.startswith(bytes.fromhex("d0cf11e0a1b11ae1"))
    assert len(city.raw["grid.grid"]) > 100


def test_a_dbase_table_says_its_code_page_its_day_and_its_dates(city: Delivered) -> None:
    data = (city.folder / "机动车_20260302.dbf").read_bytes()
    assert (data[0], tuple(data[1:4]), data[29]) == (3, (126, 3, 2), 0x4D)
    kinds = {data[at : at + 11].rstrip(b"\0"): data[at + 11 : at + 12] for at in range(32, 32 * 10, 32)}
    assert {name for name, kind in kinds.items() if kind == b"D"} == {b"CCDJRQ", b"YXQZ"}


def test_a_text_that_does_not_fit_its_field_is_refused(tmp_path: Path) -> None:
    rows = pl.DataFrame({"name": ["张三", "欧阳修"]})
    with pytest.raises(ValueError, match="6 bytes, its field 4"):
        write_dbf(tmp_path / "x.dbf", {"name": "XM"}, {"name": 4}, frozenset(), date(2026, 3, 2), [rows])


@settings(max_examples=60, deadline=None)
@given(st.dates(date(1924, 1, 1), date(2040, 12, 31)))
def test_every_spelling_is_of_the_same_day(day: date) -> None:
    def of(style: int) -> str:
        return str(spelled(pl.Series([day.isoformat()]), np.array([style])).item())

    assert date(1899, 12, 30) + timedelta(days=int(of(SERIAL))) == day
    assert of(WITH_TIME) == f"{day.isoformat()} 00:00:00"
    short = of(SHORT_YEAR)
    assert short == (
        day.isoformat() if day.year >= 2000 or day.year % 100 <= 31 else day.strftime("%y-%m-%d")
    )
    year, rest = of(NUMERALS).split("年")
    month, rest = rest.split("月")
    assert [int("〇一二三四五六七八九".index(digit)) for digit in year] == [
        int(digit) for digit in str(day.year)
    ]
    assert (_number(month), _number(rest.removesuffix("日"))) == (day.month, day.day)


def _number(words: str) -> int:
    tens, _, ones = words.rpartition("十")
    lead = 10 * ("一二三".index(tens) + 1 if tens else 1) if "十" in words else 0
    return lead + ("〇一二三四五六七八九".index(ones) if ones else 0)


def test_what_is_no_date_is_left_as_it_is() -> None:
    assert spelled(pl.Series(["", "不详"]), np.array([1, 3])).to_list() == ["", "不详"]
