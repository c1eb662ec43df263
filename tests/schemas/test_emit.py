"""What follows from a contract: Arrow, pandera, SQL, headings, the dictionary page."""

from collections.abc import Callable
from html.parser import HTMLParser

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from pandera.errors import SchemaErrors

from schemas.contract.library import load_library
from schemas.contract.model import Column, Contract, Delivery, Rule
from schemas.emit.arrow import arrow_schema
from schemas.emit.dictionary import dictionary_page
from schemas.emit.headers import headers
from schemas.emit.pandera import pandera_schema
from schemas.emit.sql import create_table, literal, quote

# Every type, and text that would break SQL and HTML if it were not escaped.
AWKWARD = 'it\'s "quoted" & <b>bold</b>'


@pytest.fixture
def contract() -> Contract:
    return Contract(
        id="market.stall",
        title="摊位",
        version="1.2.0",
        department="market",
        department_title="市场局",
        description=AWKWARD,
        columns=(
            Column("stall_no", "摊位号", required=True, key=True, classification="L1"),
            Column("order", "序号", type="integer"),
            Column("area", "面积", type="number", description=AWKWARD, minimum="1", maximum="900"),
            Column("opened_on", "开业日期", type="date", synonyms=("开业日", "起始日期")),
            Column("seen_at", "查验时间", type="timestamp"),
            Column("fire_safe", "消防合格", type="boolean"),
            Column("holder_id", "摊主身份证号", kind="resident_id", classification="L4"),
            Column("size", "大小", derive="case when area > 9 then '大' end", codes="stall_size"),
        ),
        deliveries=(Delivery("xlsx", "摊位*.xlsx", sheet="名册"), Delivery("csv", "摊位*.csv")),
        rules=(Rule("too_large", "area", "accuracy", "warning", f"面积过大 {AWKWARD}", "area > 99"),),
        frequency_days=31,
        latency_days=5,
        owner="市场科",
    )


# Arrow


def test_the_arrow_schema_has_names_types_titles_and_levels(contract: Contract) -> None:
    expected = pa.schema(
        [
            pa.field("stall_no", pa.string()),
            pa.field("order", pa.int64()),
            pa.field("area", pa.float64()),
            pa.field("opened_on", pa.date32()),
            pa.field("seen_at", pa.timestamp("us")),
            pa.field("fire_safe", pa.bool_()),
            pa.field("holder_id", pa.string()),
            pa.field("size", pa.string()),
        ]
    )
    schema = arrow_schema(contract)
    assert schema.remove_metadata().equals(expected)
    assert all(field.nullable for field in schema), "a missing value is a finding, not an error"
    assert schema.metadata == {b"dataset": b"market.stall", b"version": b"1.2.0"}
    assert schema.field("holder_id").metadata == {
        b"title": "摊主身份证号".encode(),
        b"classification": b"L4",
    }


# pandera


@pytest.fixture
def frame(contract: Contract) -> pl.DataFrame:
    frame = pl.from_arrow(arrow_schema(contract).empty_table())
    assert isinstance(frame, pl.DataFrame)
    return frame


def test_a_frame_as_the_contract_says_passes(contract: Contract, frame: pl.DataFrame) -> None:
    filled = frame.vstack(pl.DataFrame([[None]] * frame.width, schema=frame.schema))
    beside = filled.with_columns(record_key=pl.lit("1"))
    assert pandera_schema(contract).validate(beside, lazy=True).equals(beside)


@pytest.mark.parametrize(
    ("change", "column"),
    [
        (lambda frame: frame.cast({"area": pl.String}), "area"),
        (lambda frame: frame.cast({"order": pl.Int32}), "order"),
        (lambda frame: frame.cast({"seen_at": pl.Datetime("ns")}), "seen_at"),
        (lambda frame: frame.cast({"opened_on": pl.Datetime("us")}), "opened_on"),
        (lambda frame: frame.drop("size"), "size"),
    ],
)
def test_a_wrong_type_or_a_missing_column_is_refused(
    contract: Contract,
    frame: pl.DataFrame,
    change: Callable[[pl.DataFrame], pl.DataFrame],
    column: str,
) -> None:
    with pytest.raises(SchemaErrors, match=column):
        pandera_schema(contract).validate(change(frame), lazy=True)


# SQL


def test_the_created_table_says_its_types_and_comments(contract: Contract) -> None:
    with duckdb.connect() as connection:
        connection.execute(create_table(contract))
        columns = connection.execute(
            "SELECT column_name, data_type, comment FROM duckdb_columns() "
            "WHERE schema_name = 'market' AND table_name = 'stall' ORDER BY column_index"
        ).fetchall()
        table = connection.execute(
            "SELECT comment FROM duckdb_tables() WHERE schema_name = 'market'"
        ).fetchall()
    assert columns == [
        ("stall_no", "VARCHAR", "摊位号"),
        ("order", "BIGINT", "序号"),
        ("area", "DOUBLE", f"面积：{AWKWARD}"),
        ("opened_on", "DATE", "开业日期"),
        ("seen_at", "TIMESTAMP", "查验时间"),
        ("fire_safe", "BOOLEAN", "消防合格"),
        ("holder_id", "VARCHAR", "摊主身份证号"),
        ("size", "VARCHAR", "大小"),
    ]
    assert table == [(f"摊位：{AWKWARD}",)]


def test_every_shipped_table_can_be_created_and_takes_its_arrow_table() -> None:
    with duckdb.connect() as connection:
        for contract in load_library():
            connection.execute(create_table(contract))
            rows = arrow_schema(contract).empty_table()
            connection.register("rows", rows)
            name = f"{quote(contract.department)}.{quote(contract.dataset)}"
            connection.execute(f"INSERT INTO {name} FROM rows")
            assert connection.execute(f"FROM {name}").to_arrow_table().schema.names == rows.schema.names


@pytest.mark.parametrize("text", ["", "'", "''", 'a"b', "\\", "张三's", "--", "a\nb", "$$"])
def test_a_quoted_name_and_a_literal_are_read_back_as_they_were(text: str) -> None:
    row = duckdb.execute(f"SELECT {literal(text)} AS {quote(text or 'x')}")
    assert row.fetchone() == (text,)
    assert [column[0] for column in row.description] == [text or "x"]


# Headings


def test_the_headings_are_the_delivered_titles_in_order(contract: Contract) -> None:
    assert headers(contract) == (
        "摊位号", "序号", "面积", "开业日期", "查验时间", "消防合格", "摊主身份证号",
    )  # fmt: skip


# The dictionary


class _Page(HTMLParser):
    """The text of a page by element, and the elements that are not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.cells: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)
        if tag in ("td", "th", "li", "p", "h2"):
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


def test_the_page_has_every_column_of_every_dataset_and_is_well_formed() -> None:
    library = load_library()
    page = dictionary_page(library)
    assert page.encode("utf-8").decode("utf-8") == page
    parsed = _Page(page)
    assert (parsed.wrong, parsed.open) == ([], [])
    cells = {" ".join(cell.split()) for cell in parsed.cells}
    for contract in library:
        assert f"{contract.department_title}《{contract.title}》" in cells
        for column in contract.columns:
            assert column.name in cells
            assert column.title + "、".join(column.synonyms) in cells
        for rule in contract.rules:
            assert rule.description in cells


def test_the_page_says_what_a_department_must_know(contract: Contract) -> None:
    parsed = _Page(dictionary_page([contract]))
    cells = [" ".join(cell.split()) for cell in parsed.cells]
    for said in (
        "责任单位：市场科",
        "文件：摊位*.xlsx（XLSX 工作簿），工作表“名册”",
        "更新周期：31 天，允许滞后 5 天",
        "1 至 900",
        "公民身份号码",
        "L4 高敏感",
        "（由平台推导，不需交付）",
        "准确性",
        "提醒",
    ):
        assert said in cells, said


def test_text_of_a_contract_is_never_markup(contract: Contract) -> None:
    page = dictionary_page([contract])
    assert "<b>" not in page
    assert page.count("&lt;b&gt;bold&lt;/b&gt;") == 3
    assert page.count("&amp;") == 3
    assert AWKWARD in [cell.strip() for cell in _Page(page).cells]


def test_the_same_contracts_give_the_same_page(contract: Contract) -> None:
    assert dictionary_page([contract]) == dictionary_page([contract])
