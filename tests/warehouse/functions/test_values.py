"""Dates, ages, numbers and booleans."""

import datetime
from collections.abc import Callable, Iterable
from typing import Any

import duckdb
import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openpyxl.utils.datetime import from_excel

Apply = Callable[[str, Iterable[Any]], list[Any]]


SPELLINGS: list[Callable[[datetime.date], str]] = [
    lambda d: f"{d:%Y%m%d}",
    lambda d: f"{d.year}-{d.month}-{d.day}",
    lambda d: f"{d:%Y-%m-%d}",
    lambda d: f"{d.year}/{d.month}/{d.day}",
    lambda d: f"{d:%Y.%m.%d}",
    lambda d: f"{d.year}年{d.month}月{d.day}日",
    lambda d: f"{d:%Y年%m月%d日}",
    lambda d: f"{d:%Y-%m-%d} 00:00:00",
    lambda d: f"{d:%Y-%m-%d} 23:59:59.999",
    lambda d: f"{d.year}/{d.month}/{d.day} 9:05",
    lambda d: f"{d:%Y-%m-%d}T08:30:00+08:00",
    lambda d: f"{d:%Y%m%d} 11:11:11",
    lambda d: f"{d:%Y%m%d}235959",
    lambda d: f" '{d:%Y-%m-%d}\t",
    lambda d: "".join(chr(ord(c) + 0xFEE0) for c in f"{d:%Y%m%d}"),
]


@settings(max_examples=10, deadline=None)
@given(days=st.lists(st.dates(datetime.date(1000, 1, 1)), min_size=1, max_size=100))
def test_every_spelling_of_a_day_is_that_day(apply: Apply, days: list[datetime.date]) -> None:
    spelt = [spelling(day) for day in days for spelling in SPELLINGS]
    assert apply("parse_date(v)", spelt) == [day for day in days for _ in SPELLINGS]


NUMERALS = "〇一二三四五六七八九"


def in_numerals(number: int) -> str:
    """A number below 100 as Chinese counts: 二十一."""
    tens, ones = divmod(number, 10)
    ten = "十" if tens == 1 else NUMERALS[tens] + "十" if tens else ""
    return ten + (NUMERALS[ones] if ones else "")


def test_every_day_of_a_century_is_read_in_chinese_numerals(apply: Apply) -> None:
    first = datetime.date(1930, 1, 1)
    days = [first + datetime.timedelta(n) for n in range(36524)]
    years = ["".join(NUMERALS[int(c)] for c in str(d.year)) for d in days]
    spelt = [
        f"{year}年{in_numerals(d.month)}月{in_numerals(d.day)}日" for d, year in zip(days, years, strict=True)
    ]
    assert apply("parse_date(v)", spelt) == days
    assert apply("parse_date(translate(v, '〇', '○'))", spelt) == days
    assert apply("parse_date(translate(v, '〇', '零'))", spelt) == days


def test_numerals_as_people_and_input_methods_leave_them(apply: Apply) -> None:
    texts = [
        "二OO三年元月初三",
        "二Ｏ二三年元月三号",
        "二○二三年五月廿一日",
        "2023年五月卅日",
        "八五年三月二日",
    ]
    assert apply("parse_date(v)", texts) == [
        None, datetime.date(2023, 1, 3), datetime.date(2023, 5, 21), datetime.date(2023, 5, 30),
        datetime.date(1985, 3, 2),
    ]  # fmt: skip


def test_a_year_of_two_digits_lies_between_1930_and_2029(apply: Apply) -> None:
    days = [datetime.date(year, 5, 3) for year in range(1930, 2030)]
    for spelling in ("%y-%m-%d", "%y.5.3", "%y年5月3日"):
        assert apply("parse_date(v)", [d.strftime(spelling) for d in days]) == days


def test_a_spreadsheets_day_number_is_the_day_the_spreadsheet_shows(apply: Apply) -> None:
    serials = range(10000, 73416)
    assert apply("parse_date(CAST(v AS VARCHAR))", serials) == [from_excel(n).date() for n in serials]
    assert apply("parse_date(v)", ["45049.75", "09999", "73416", "99999"]) == [
        datetime.date(2023, 5, 3), None, None, None,
    ]  # fmt: skip


def test_the_fraction_of_a_day_number_is_the_time_of_day(apply: Apply) -> None:
    texts = ["45049.354166667", "45049.5", "45049", "45049.999999", "73416.5"]
    assert apply("parse_timestamp(v)", texts) == [
        datetime.datetime(2023, 5, 3, 8, 30), datetime.datetime(2023, 5, 3, 12), datetime.datetime(2023, 5, 3),
        datetime.datetime(2023, 5, 3, 23, 59, 59), None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "202305", "2023-05", "2023年5月", "2023", "20230230", "2023-02-30", "2023/13/1", "2023-2-29",
        "20230500", "2020-01/01", "2020-01-0100:00:00", "2020-01-01 24:00:00", "2020-01-01 23:59:61",
        "5/3/2023", "03-05-2023", "2023-05-03T16:00:00Z", "2023-05-03 abc", "3.70602E+17", "123456789",
        "二〇二三年五月", "二〇二三年十三月一日", "二〇二三年二月三十日", "二三年十十月一日", "五月三日", "长期",
        "5/3/23", "23/5/3", "230503", "3-5-3", "23-5", "30-02-30", "23.5-3",
    ],
)  # fmt: skip
def test_what_is_no_day_is_null(apply: Apply, text: str) -> None:
    assert apply("parse_date(v)", [text]) == [None]


@given(birth=st.dates(datetime.date(1850, 1, 1)), day=st.dates(datetime.date(1850, 1, 1)))
@example(birth=datetime.date(2000, 2, 29), day=datetime.date(2001, 2, 28))
@example(birth=datetime.date(2000, 2, 29), day=datetime.date(2001, 2, 27))
@example(birth=datetime.date(2000, 2, 29), day=datetime.date(2004, 2, 28))
@settings(max_examples=50, deadline=None)
def test_age_is_the_whole_years_since_birth(
    con: duckdb.DuckDBPyConnection, birth: datetime.date, day: datetime.date
) -> None:
    first, last = min(birth, day), max(birth, day)
    found = con.execute("SELECT age_at($1, $2)", [first, last]).fetchone()
    assert found == (relativedelta(last, first).years,)


def test_a_day_before_birth_gives_a_negative_age(con: duckdb.DuckDBPyConnection) -> None:
    assert con.execute("SELECT age_at(DATE '2023-05-03', DATE '2023-05-02')").fetchone() == (-1,)


@settings(max_examples=10, deadline=None)
@given(numbers=st.lists(st.decimals(-(10**12), 10**12, allow_nan=False, places=2), min_size=20, max_size=100))
def test_numbers_with_and_without_commas_are_read_exactly(apply: Apply, numbers: list[Any]) -> None:
    spelt = [text for n in numbers for text in (f"{n:f}", f"{n:,}", f" {n:f}\u3000")]
    assert apply("parse_number(v)", spelt) == [float(n) for n in numbers for _ in range(3)]


@settings(max_examples=10, deadline=None)
@given(numbers=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=20, max_size=100))
def test_every_64_bit_integer_is_read(apply: Apply, numbers: list[int]) -> None:
    assert apply("parse_integer(v)", [str(n) for n in numbers]) == numbers
    assert apply("parse_integer(v)", [f"{n:,}.00" for n in numbers]) == numbers


@pytest.mark.parametrize(
    "text",
    [
        "1,23",
        "1_000",
        "12a",
        "0x1F",
        "inf",
        "NaN",
        "1.2.3",
        "--1",
        "1e999",
        "5万",
        "50%",
        "",
        "1 2",
        "1234 567",
        "12 34",
        "1 234,567",
        "123 4567",
    ],
)
def test_what_is_no_number_is_null(apply: Apply, text: str) -> None:
    assert apply("[parse_number(v), parse_integer(v)]", [text]) == [[None, None]]


def test_blanks_between_thousands_are_no_part_of_a_number(apply: Apply) -> None:
    texts = ["  852 958", "1 867\u00a0442", "-1\u2009234.5", "721", "1\u3000000\u3000000"]
    assert apply("parse_number(v)", texts) == [852958, 1867442, -1234.5, 721, 1e6]
    assert apply("parse_integer(v)", texts) == [852958, 1867442, None, 721, 1000000]


@pytest.mark.parametrize("text", ["…", "……", "—", "――", "──", "...", "－", "‥"])
def test_the_marks_of_yearbooks_for_nothing_are_missing(apply: Apply, text: str) -> None:
    assert apply("[clean_text(v), CAST(parse_number(v) AS VARCHAR)]", [text]) == [[None, None]]


def test_whole_numbers_have_no_decimals_and_fit_64_bits(apply: Apply) -> None:
    texts = ["12.0", "12.", "+7", "12.5", "9223372036854775808", "1E+05", "1.2E+05", ".5"]
    assert apply("parse_integer(v)", texts) == [12, 12, 7, None, None, None, None, None]
    # Of 19 digits a floating-point number keeps 15 to 17; what is lost must be found.
    assert apply("parse_number(v)", texts) == [12, 12, 7, 12.5, None, 1e5, 1.2e5, 0.5]


def test_a_number_of_more_digits_than_a_float_holds_is_none(apply: Apply) -> None:
    # IEEE 754: 2^53 + 1 = 9007199254740993 is the first whole number that no double is; 15 digits always fit.
    texts = [
        "999999999999999",
        "9007199254740993",
        "9,007,199,254,740,993",
        "12345678901234567.5",
        "1" + "0" * 20,
    ]
    assert apply("parse_number(v)", texts) == [999999999999999.0, None, None, None, 1e20]


def test_yes_and_no_in_the_usual_words(apply: Apply) -> None:
    yes = ["是", "有", "1", "true", "TRUE", "Y", "yes", "√", " 是 ", "１"]
    no = ["否", "无", "没有", "0", "false", "N", "no", "×"]
    neither = ["", "不详", "2", "在", "-", "是否"]
    assert apply("parse_boolean(v)", yes) == [True] * len(yes)
    assert apply("parse_boolean(v)", no) == [False] * len(no)
    assert apply("parse_boolean(v)", neither) == [None] * len(neither)
