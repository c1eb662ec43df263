"""Contracts drafted from samples: what the values show is written down, and the draft is a sound contract."""

from __future__ import annotations

import sqlite3
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from sample_city.generate import generate
from schemas.codes import CodeLibrary
from schemas.contract.library import load_library
from schemas.contract.model import Column, Contract
from schemas.contract.odcs import read_contract
from schemas.lint import lint
from warehouse.collect.infer.draft import draft_contract
from warehouse.collect.readers.layout import UnreadableFile

CASES = Path(__file__).parents[3] / "data" / "layouts"
BUS = Path(__file__).parents[4] / "docs" / "tutorial" / "bus.sql"

# Valid identifiers from the test suites of other projects, see tests/data/identifier_vectors.csv.
PERSONS = ["440308199901101512", "810000199408230021", "830000199201300022"]
ENTERPRISES = ["91310110666007217T", "91230184MA1BUFLT44", "92371000MA3MXH0E3W"]

Draft = Callable[..., Contract]


@pytest.fixture
def draft(tmp_path: Path) -> Draft:
    """Drafts a contract and reads it back."""

    def drafted(file: Path, id_: str = "office.thing", table: str | None = None) -> Contract:
        path = tmp_path / f"{id_}.yaml"
        path.write_text(draft_contract(file, id_, table), encoding="utf-8")
        return read_contract(path)

    return drafted


@pytest.fixture
def csv_of(tmp_path: Path) -> Callable[..., Path]:
    """Writes lines as a delimited file."""

    def written(*lines: str, name: str = "样例.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes("\r\n".join([*lines, ""]).encode(encoding))
        return path

    return written


def types(contract: Contract) -> dict[str, str]:
    return {column.title: column.type for column in contract.columns}


def facts(column: Column) -> tuple[str, str, str | None, str | None]:
    return column.name, column.type, column.kind, column.codes


def test_a_type_holds_only_if_every_value_converts(draft: Draft, csv_of: Callable[..., Path]) -> None:
    file = csv_of(
        "事项,个数,差一个,金额,办理日期,登记时间,是否办结,年度",
        '甲,"1,200",1,12.5,2024年5月3日,2024-05-03 08:30:00,是,2023',
        "乙,7,二,3,20240504,2024-05-03 09:30:00,否,2024",
        "丙,-3,3,0,2024/5/6,2024-05-04 10:00:00,是,2024",
    )
    assert types(draft(file)) == {
        "事项": "string",
        "个数": "integer",
        "差一个": "string",
        "金额": "number",
        "办理日期": "date",
        "登记时间": "timestamp",
        "是否办结": "boolean",
        "年度": "integer",
    }


def test_digits_that_identify_stay_text(draft: Draft, csv_of: Callable[..., Path]) -> None:
    file = csv_of(
        "人数,片区,卡片,档案编号,order code",
        "10,001,6217000010001234,31,5",
        "11,002,6217000010001242,32,6",
        "12,010,6217000010001259,33,7",
    )
    assert types(draft(file)) == {
        "人数": "integer",
        "片区": "string",
        "卡片": "string",
        "档案编号": "string",
        "待填写（order code）": "string",
    }


def test_bare_numbers_of_five_digits_are_no_dates(draft: Draft, csv_of: Callable[..., Path]) -> None:
    file = csv_of("面积,日子", "45000,2023-03-15", "45001,2023-03-16")
    assert types(draft(file)) == {"面积": "integer", "日子": "date"}


def test_known_headings_take_the_names_of_the_library(draft: Draft, csv_of: Callable[..., Path]) -> None:
    rows = [f"{n},赵一,{p},男" for n, p in enumerate(PERSONS, start=101)]
    contract = draft(csv_of("受理号,姓 名,*身份证号码,性别：", *rows))
    assert [facts(column) for column in contract.columns] == [
        ("column_1", "string", None, None),
        ("name", "string", "person_name", None),
        ("resident_id", "string", "resident_id", None),
        ("sex", "string", None, "sex"),
    ]
    assert [column.classification for column in contract.columns] == ["L3", "L3", "L4", "L3"]


def test_kinds_show_in_the_values_whatever_the_heading(draft: Draft, csv_of: Callable[..., Path]) -> None:
    villages = ["370602001001", "370602001002", "370602001003"]
    rows = [
        f"{person.lower()},{firm},{village},1861234567{n}"
        for n, (person, firm, village) in enumerate(zip(PERSONS, ENTERPRISES, villages, strict=True))
    ]
    contract = draft(csv_of("甲,乙,丙,丁方电话", *rows))
    assert [(column.kind, column.codes) for column in contract.columns] == [
        ("resident_id", None),
        ("uscc", None),
        ("division_code", "division"),
        ("phone", None),
    ]
    assert [route.column for route in contract.routes] == ["column_3", "column_1"]
    assert contract.subjects[0].entity == "person"


def test_a_few_errors_do_not_hide_a_kind(draft: Draft, csv_of: Callable[..., Path]) -> None:
    numbers = ["1861234567", "18612345671", "18612345672", "18612345673", "18612345674"]
    rows = [f"{number},{number}" for number in numbers[:2]] + [f"{number},x" for number in numbers[2:]]
    contract = draft(csv_of("联系电话,备用电话", *rows))
    assert [column.kind for column in contract.columns] == ["phone", None]


def test_words_without_a_hint_are_no_names_and_digits_no_telephones(
    draft: Draft, csv_of: Callable[..., Path]
) -> None:
    contract = draft(csv_of("站点,编组", "宫家岛,6612345", "金沟寨,6612346"))
    assert [column.kind for column in contract.columns] == [None, None]


def test_an_english_name_is_a_person_s_only_beside_a_resident_id(
    draft: Draft, csv_of: Callable[..., Path]
) -> None:
    places = draft(csv_of("name,level", "烟台大学,本科", "鲁东大学,本科"))
    assert places.column("name").kind is None
    people = draft(csv_of("name,id_no", *(f"赵一,{person}" for person in PERSONS)))
    assert (people.column("name").kind, people.column("name").title) == ("person_name", "姓名")


def test_years_may_head_columns(draft: Draft, csv_of: Callable[..., Path]) -> None:
    contract = draft(csv_of("烟台市", "项目,2023,2024", "户数,10,20", "人数,30,41"))
    assert [(column.name, column.synonyms) for column in contract.columns] == [
        ("column_1", ()),
        ("column_2", ("2023",)),
        ("column_3", ("2024",)),
    ]


def test_a_code_table_must_know_every_value(draft: Draft, csv_of: Callable[..., Path]) -> None:
    file = csv_of("残情,民族情况,等,批", "视力,汉族,1,97", "听力,满族,2,98", "言语,火星族,1,97")
    codes = {column.title: column.codes for column in draft(file).columns}
    # Bare digits may be anything, even those that one table alone has for codes.
    assert codes == {"残情": "disability_type", "民族情况": None, "等": None, "批": None}


def test_required_and_key_follow_from_what_is_missing_and_what_repeats(
    draft: Draft, csv_of: Callable[..., Path]
) -> None:
    file = csv_of("序号,街道,门牌,备注", "1,南大街,5,", "2,南大街,6,无", "3,二马路,5,新")
    contract = draft(file)
    assert [column.required for column in contract.columns] == [True, True, True, False]
    # A running number is another one in the next delivery.
    assert [column.title for column in contract.key] == ["街道", "门牌"]


def test_the_first_unique_column_is_the_key(draft: Draft, csv_of: Callable[..., Path]) -> None:
    file = csv_of("类别,档号,证号", "甲,A1,B1", "甲,A2,B2", "乙,A3,B3")
    assert [column.title for column in draft(file).key] == ["档号"]


def test_an_identifier_with_a_few_doubles_goes_before_a_pair(
    draft: Draft, csv_of: Callable[..., Path]
) -> None:
    rows = [f"A{n},{n}" for n in range(100)]
    contract = draft(csv_of("档案编号,数", *rows, "A7,8"))
    assert [column.title for column in contract.key] == ["档案编号"]
    assert "1 rows repeat a value of column_1 or have none" in contract.path.read_text(encoding="utf-8")


def test_without_any_key_the_draft_says_so_and_lints_clean(draft: Draft, csv_of: Callable[..., Path]) -> None:
    contract = draft(csv_of("甲,乙", "a,b", "a,b", "c,b"))
    assert (contract.key, contract.keyless) == ((), True)
    said = contract.path.read_text(encoding="utf-8")
    assert "# Guess: no column and no pair of columns identifies a row" in said
    # Only what is to be filled in is missing.
    assert lint(load_library([contract.path.parent]), CodeLibrary()) == []


def test_a_key_means_something(draft: Draft, csv_of: Callable[..., Path]) -> None:
    """人口 and 说明 happen to be unique; 地区 and 年份 are so together, 机构代码 by what it is."""
    yearly = csv_of(
        "人口,地区,年份,说明", "105,甲区,2019,a", "99,甲区,2020,b", "77,乙区,2019,c", "78,乙区,2020,d"
    )
    assert [column.title for column in draft(yearly).key] == ["地区", "年份"]
    coded = csv_of(
        "人口,说明,机构代码",
        "105,a,330101",
        "99,b,330102",
        "77,c,330102",
        *(f"{n},x{n},{n}" for n in range(400_000, 400_100)),
    )
    assert [column.title for column in draft(coded).key] == ["机构代码"]
    named = csv_of("人口,说明,学校名称", "105,a,甲校", "99,b,乙校", "77,c,丙校")
    assert [column.title for column in draft(named).key] == ["学校名称"]


def test_digits_of_one_width_are_a_code_unless_they_are_amounts(
    draft: Draft, csv_of: Callable[..., Path]
) -> None:
    contract = draft(
        csv_of(
            "标识,产量,年,邮,长,短",
            "330101,100200,2019,264000,123456789012,12",
            "330102,300400,2020,264001,123456789013,13",
        )
    )
    assert list(types(contract).values()) == ["string", "integer", "integer", "string", "string", "integer"]
    said = contract.path.read_text(encoding="utf-8")
    assert "# guess: 6 digits in every row are a code; integer, if they are an amount" in said


@pytest.mark.parametrize("delimiter", ["|", ";", "\t", ","])
def test_a_delimiter_is_guessed_though_fields_hold_others(
    draft: Draft, csv_of: Callable[..., Path], delimiter: str
) -> None:
    others = "".join({"|", ";", "\t", ","} - {delimiter})
    rows = [
        ("名称", "地址", "备注"),
        *((f"店{n}", f"{others * n}路{n}号", f"a{others}b" * (n % 2)) for n in range(1, 9)),
    ]
    contract = draft(csv_of("商户名单", *(delimiter.join(row) for row in rows)))
    assert list(types(contract)) == ["名称", "地址", "备注"]
    assert contract.deliveries[0].delimiter == (None if delimiter == "," else delimiter)


def test_headings_in_several_rows_are_drafted_by_their_paths(draft: Draft, tmp_path: Path) -> None:
    contract = draft(CASES / "empty_spanner.xlsx")
    assert list(types(contract)) == [
        "地区",
        "水果产量",
        "水果产量-苹果",
        "水果产量-梨",
        "年末果园面积",
        "年末果园面积-苹果园",
        "年末果园面积-梨园",
    ]
    assert [column.title for column in contract.key] == ["地区"]
    assert "# Guess: the headings stand in rows 2 to 3." in contract.path.read_text(encoding="utf-8")
    assert list(types(draft(CASES / "filled_spanner.xlsx"))) == [
        "地区", "水果产量", "其中-苹果", "其中-梨", "年末果园面积", "其中面积-苹果园", "其中面积-梨园",
    ]  # fmt: skip
    assert list(types(draft(CASES / "three_level.xlsx"))) == [
        "地区", "农业-粮食-面积", "农业-粮食-产量", "农业-油料-面积", "农业-油料-产量",
    ]  # fmt: skip


def test_a_file_without_headings_is_drafted_as_one(draft: Draft, csv_of: Callable[..., Path]) -> None:
    for file in (CASES / "no_header.xlsx", csv_of("103333021102,某甲支行", "103333021103,某乙支行")):
        contract = draft(file)
        assert contract.deliveries[0].without_headings
        assert [(column.title, column.type) for column in contract.columns] == [
            ("第1列", "string"),
            ("第2列", "string"),
        ]
        assert "# Guess: the file has no headings" in contract.path.read_text(encoding="utf-8")
    people = csv_of("张三,男,汉族", "李四,女,汉族", "王五,男,回族")
    assert draft(people).deliveries[0].without_headings


def test_what_is_not_read_of_a_sample_is_said(draft: Draft, tmp_path: Path) -> None:
    said = draft(CASES / "group_rows.xlsx").path.read_text(encoding="utf-8")
    assert (
        "# Set aside: 第 4、7 行：分组行，不是数据 (a column with groupRow: true would have their text)"
        in said
    )
    said = draft(CASES / "headless_column.xlsx").path.read_text(encoding="utf-8")
    assert "# Seen: 第 3 列（C 列）没有列名" in said
    book = openpyxl.load_workbook(CASES / "headless_column.xlsx")
    book.create_sheet("口径").append(["说明"])
    book.save(tmp_path / "a.xlsx")
    said = draft(tmp_path / "a.xlsx").path.read_text(encoding="utf-8")
    assert "# Not read, the other sheets: 口径." in said


@pytest.mark.parametrize(
    ("encoding", "recorded"),
    [
        ("gb18030", ("gb18030",)),
        ("utf-8", ("utf-8-sig", "gb18030")),
        ("utf-8-sig", ("utf-8-sig", "gb18030")),
        ("utf-16", ("utf-16",)),
    ],
)
def test_any_usual_encoding_is_read_and_recorded(
    draft: Draft, csv_of: Callable[..., Path], encoding: str, recorded: tuple[str, ...]
) -> None:
    file = csv_of("社区\t户数", "二马路\t20", "南大街\t31", name="社区户数20260302.txt", encoding=encoding)
    contract = draft(file)
    (delivery,) = contract.deliveries
    assert delivery.encodings == recorded
    assert (delivery.form, delivery.pattern) == ("csv", "社区户数*.txt")
    assert types(contract) == {"社区": "string", "户数": "integer"}
    assert contract.title == "社区户数"


def test_a_workbook_may_have_a_title_notes_and_further_sheets(tmp_path: Path, draft: Draft) -> None:
    book = openpyxl.Workbook()
    book.active.title = "说明"  # type: ignore[union-attr]
    book.active.append(["填表说明"])  # type: ignore[union-attr]
    sheet = book.create_sheet("明细")
    for row in (
        ["××街道老年食堂一览表"],
        ["填报单位：××街道", None, None, "2026年3月"],
        ["食堂编号", "名称", "开业\n日期", "餐位数"],
        ["S1", "幸福食堂", date(2024, 5, 3), 40],
        ["S2", "和顺食堂", date(2025, 1, 9), 32],
        ["合计", None, None, 72],
        ["注：餐位数不含外送"],
    ):
        sheet.append(row)
    path = tmp_path / "老年食堂.xlsx"
    book.save(path)
    contract = draft(path, table="明细")
    assert [(c.name, c.title, c.type) for c in contract.columns] == [
        ("column_1", "食堂编号", "string"),
        ("name", "名称", "string"),
        ("column_3", "开业 日期", "date"),
        ("column_4", "餐位数", "integer"),
    ]
    # The total and the note are no rows: they would lack a name and a day.
    assert all(column.required for column in contract.columns)
    assert contract.deliveries[0].sheet == "明细"
    assert [column.title for column in contract.key] == ["食堂编号"]
    with pytest.raises(UnreadableFile, match="没有工作表“汇总”，有 2 张工作表：说明、明细"):
        draft_contract(path, "office.thing", "汇总")


def test_equal_headings_are_read_once_and_names_never_collide(
    draft: Draft, csv_of: Callable[..., Path]
) -> None:
    file = csv_of("姓名,name,备注,Remark,备 注,record_key,stationName", "a,b,c,d,e,f,g", "h,i,j,k,l,m,n")
    contract = draft(file)
    assert [(column.title, column.name) for column in contract.columns] == [
        ("姓名", "name_2"),
        ("待填写（name）", "name"),
        ("备注", "column_3"),
        ("待填写（Remark）", "remark"),
        ("待填写（record_key）", "record_key_2"),
        ("待填写（stationName）", "station_name"),
    ]
    assert "# The heading 备注 stands twice" in contract.path.read_text(encoding="utf-8")
    assert contract.column("station_name").synonyms == ("stationName",)


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bus") / "yantai_bus_20260302.sqlite"
    with sqlite3.connect(path) as database:
        database.executescript(BUS.read_text(encoding="utf-8"))
    database.close()
    return path


def test_a_database_with_several_tables_asks_for_one_of_them(bus: Path) -> None:
    with pytest.raises(UnreadableFile, match="有 3 张表：ytcx_line、ytcx_line_station、ytcx_station"):
        draft_contract(bus, "transport.station", None)


def test_a_real_table_is_drafted_as_it_lies(bus: Path, draft: Draft) -> None:
    contract = draft(bus, "transport.station", "ytcx_station")
    assert contract.deliveries[0].table == "ytcx_station"
    assert contract.deliveries[0].pattern == "yantai_bus*.sqlite"
    assert [(column.name, column.type, column.required) for column in contract.columns] == [
        ("id", "string", True),
        ("upordown", "string", False),
        # Two stations are called by dots, which stand for nothing.
        ("station_name", "string", False),
        ("jingdu", "number", True),
        ("weidu", "number", True),
        ("side", "string", True),
        ("siteid", "string", True),
        ("district_id", "string", True),
        ("modify_time", "string", False),
    ]
    assert [column.name for column in contract.key] == ["id"]
    assert contract.label == "station_name"


# Not drafted: an archive, and headings in two rows.
ZIPPED, HEADED_TWICE = "emergency.small_premises", "market_regulation.special_equipment"
# A DBF's field names are the first letters of the words, from which no name follows.
ABBREVIATED = ("police.cancellation", "police.vehicle")
# Digits with which nobody calculates look like a quantity.
LIKE_NUMBERS = ("school_code",)


def drafted_id(dataset: str) -> str:
    return f"draft.{dataset.replace('.', '_')}"


def test_drafts_of_the_city_s_extracts_agree_with_their_contracts_and_lint_clean(
    tmp_path: Path, bus: Path
) -> None:
    shipped = load_library()
    drafts = tmp_path / "contracts"
    drafts.mkdir()
    # Without errors: a column in which a row comes twice is rightly drafted as no key.
    for file in generate(tmp_path / "city", 500, 3, date(2026, 3, 2), clean=True).files:
        if file.dataset in (ZIPPED, HEADED_TWICE):
            continue
        table = shipped[file.dataset].deliveries[0].table
        text = draft_contract(file.path, drafted_id(file.dataset), table)
        (drafts / f"{file.dataset}.yaml").write_text(text, encoding="utf-8")
    for table in ("ytcx_line", "ytcx_station", "ytcx_line_station"):
        text = draft_contract(bus, f"transport.{table}", table)
        (drafts / f"{table}.yaml").write_text(text, encoding="utf-8")
    library = load_library([drafts])
    assert lint(library, CodeLibrary()) == []
    for contract in shipped:
        if contract.id in (ZIPPED, HEADED_TWICE):
            continue
        drafted = library[drafted_id(contract.id)]
        assert [c.key for c in drafted.columns] == [c.key for c in contract.delivered_columns]
        if contract.id in ABBREVIATED:
            found = [(c.name in c.titles, c.type) for c in drafted.columns]
            assert found == [(True, c.type) for c in contract.delivered_columns]
        else:
            found = {c.name: (c.type, c.codes) for c in drafted.columns if c.name not in LIKE_NUMBERS}
            declared = {c.name: (c.type, c.codes) for c in contract.delivered_columns}
            assert found == {name: facts for name, facts in declared.items() if name not in LIKE_NUMBERS}


def test_an_archive_is_no_sample_but_what_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "样例.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("芝罘区/样例.csv", "姓名,性别")
    with pytest.raises(UnreadableFile, match="解压"):
        draft_contract(path, "office.thing", None)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "文件是空的"),
        (b"PK\x03\x04 not a workbook", "工作簿已损坏"),
        (b"SQLite format 3\x00 not a database", "数据库已损坏"),
        ("姓名,性别\r\n赵,".encode() + b"\xff\xff", "不是有效的"),
    ],
)
def test_what_is_no_table_is_refused_in_words(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "样例.csv"
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match=said):
        draft_contract(path, "office.thing", None)
