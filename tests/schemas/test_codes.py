"""The shipped code tables against their standards, and what a folder of the bureau may and may not do."""

from pathlib import Path

import polars as pl
import pytest

from schemas.codes import COLUMNS, CodeLibrary, CodeTableError, code_table_ids, load_code_table

SHIPPED = Path(__file__).parents[2] / "schemas" / "codes"

# Places of the same name, and authorities that give out plates under several letters.
NAMES_REPEAT = ("division", "area", "plate_prefix")


def write_folder(folder: Path, header: str, **tables: str) -> Path:
    folder.mkdir()
    (folder / "_tables.yaml").write_text(header, encoding="utf-8")
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def spelt(table: str, spelling: str) -> str | None:
    return load_code_table(table).spellings.get(spelling)


def test_every_file_is_declared_and_every_declared_table_has_its_file() -> None:
    assert {path.stem for path in SHIPPED.glob("*.csv")} == set(code_table_ids())


@pytest.mark.parametrize("table", code_table_ids())
def test_tables_are_stored_sorted_as_utf8_with_plain_line_ends(table: str) -> None:
    data = (SHIPPED / f"{table}.csv").read_bytes()
    assert b"\r" not in data and data.endswith(b"\n") and not data.startswith(b"\xef\xbb\xbf")
    codes = [line.split(",")[0] for line in data.decode("utf-8").splitlines()[1:]]
    assert codes == sorted(set(codes))


@pytest.mark.parametrize("table", code_table_ids())
def test_rows_have_every_column_as_text_and_parents_that_exist(table: str) -> None:
    rows = load_code_table(table).rows
    assert rows.schema == dict.fromkeys(COLUMNS, pl.String)
    assert set(rows["parent"].drop_nulls()) <= set(rows["code"])


@pytest.mark.parametrize("table", [table for table in code_table_ids() if table not in NAMES_REPEAT])
def test_no_two_codes_of_a_table_share_a_label_or_alias(table: str) -> None:
    rows = load_code_table(table).rows
    aliases = rows["aliases"].drop_nulls().str.split("|").explode()
    words = pl.concat([rows["label"], aliases])
    assert words.filter(words.is_duplicated()).to_list() == []


# How many codes each standard has.
@pytest.mark.parametrize(
    ("table", "codes"),
    [("sex", 4), ("marital_status", 8), ("education", 40), ("relation", 84), ("disability_type", 7)],
)
def test_a_table_has_as_many_codes_as_its_standard(table: str, codes: int) -> None:
    assert load_code_table(table).rows.height == codes


def test_there_are_56_ethnic_groups_and_two_codes_of_the_registers() -> None:
    rows = load_code_table("ethnic_group").rows
    groups = rows.filter(pl.col("label").str.ends_with("族"))
    assert groups["code"].to_list() == [f"{n:02}" for n in range(1, 57)]
    assert set(rows["code"]) - set(groups["code"]) == {"97", "98"}


@pytest.mark.parametrize(
    ("table", "spelling", "code"),
    [
        ("sex", "男", "1"),
        ("sex", "女性", "2"),
        ("sex", "1", "1"),
        ("ethnic_group", "汉", "01"),
        ("ethnic_group", "朝鲜族", "10"),
        ("ethnic_group", "毛难族", "36"),
        ("ethnic_group", "基诺族", "56"),
        ("marital_status", "离异", "40"),
        ("marital_status", "再婚", "22"),
        ("relation", "户主", "02"),
        ("relation", "配偶", "10"),
        ("relation", "之妻", "12"),
        ("relation", "子", "20"),
        ("relation", "女", "30"),
        ("relation", "儿媳", "38"),
        ("relation", "外孙", "43"),
        ("relation", "非亲属", "99"),
        ("education", "初中毕业", "71"),
        ("education", "大专", "30"),
        ("disability_type", "言语", "3"),
        ("disability_grade", "壹级", "1"),
        ("registration_type", "离婚登记", "2"),
        ("enterprise_status", "在业", "1"),
        ("enterprise_status", "吊销，未注销", "2"),
        ("enterprise_type", "个体户", "80"),
        ("dwelling_usage", "商业", "30"),
        ("allowance_status", "停保", "2"),
        ("division", "370602001001", "370602001001"),
        ("division", "370600", "3706"),
        ("sex", "男女", None),
    ],
)
def test_what_departments_write_means_its_code(table: str, spelling: str, code: str | None) -> None:
    assert spelt(table, spelling) == code


def test_the_city_has_13_counties_159_townships_and_6509_villages() -> None:
    levels = load_code_table("division").current.group_by("level").len().sort("level").rows()
    assert levels == [("city", 1), ("county", 13), ("township", 159), ("village", 6509)]


def test_every_division_lies_in_the_one_its_code_begins_with() -> None:
    rows = load_code_table("division").rows.filter(pl.col("parent").is_not_null())
    outside = rows.filter(~pl.col("code").str.starts_with(pl.col("parent")))
    assert outside.height == 0
    lengths = rows.select("level", pl.col("code").str.len_chars().alias("length")).unique()
    assert set(lengths.rows()) == {("county", 6), ("township", 9), ("village", 12)}


def test_a_closed_county_code_names_its_end_and_what_followed() -> None:
    rows = load_code_table("division").rows
    closed = {row["code"]: row for row in rows.filter(pl.col("valid_to").is_not_null()).to_dicts()}
    assert {code: (closed[code]["valid_to"], closed[code]["successor"]) for code in ("370684", "370634")} == {
        "370684": ("2020", "370614"),
        "370634": ("2020", "370614"),
    }
    assert closed["370631"]["successor"] == "370612|370613"
    assert closed["372122"]["label"] == "蓬莱县"
    assert not closed.keys() & set(load_code_table("division").current["code"])


def test_the_two_statistical_county_codes_are_marked() -> None:
    rows = load_code_table("division").rows.filter(pl.col("level") == "county")
    marked = rows.filter(pl.col("note").str.contains("统计用区划代码"))
    assert marked["code"].to_list() == ["370671", "370676"]


def test_a_village_name_that_occurs_twice_means_no_village() -> None:
    table = load_code_table("division")
    named = table.current.filter(pl.col("label") == "丁家夼村委会")
    assert named.height > 1
    assert spelt("division", "丁家夼村委会") is None


def test_a_folder_of_the_bureau_adds_its_tables(tmp_path: Path) -> None:
    folder = write_folder(
        tmp_path / "codes", "colour: {title: 颜色}\n", colour="code,label,aliases\n2,绿,\n1,红,赤|朱\n"
    )
    library = CodeLibrary([folder])
    table = library.load("colour")
    assert (table.title, table.standard, table.rows["code"].to_list()) == ("颜色", None, ["1", "2"])
    assert table.spellings["朱"] == "1"
    assert set(library.ids()) == {*code_table_ids(), "colour"}
    assert library.load("colour") is table


def test_a_spelling_that_is_also_a_code_means_that_code(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "codes", "a: {title: 甲}\n", a="code,label,aliases\n1,一,2\n2,二,一\n")
    spellings = CodeLibrary([folder]).load("a").spellings
    assert spellings == {"1": "1", "2": "2", "一": "1", "二": "2"}


def test_a_shipped_table_is_replaced_only_when_that_is_said(tmp_path: Path) -> None:
    sex = "code,label\n1,男\n"
    with pytest.raises(CodeTableError, match="exists already"):
        CodeLibrary([write_folder(tmp_path / "silent", "sex: {title: 性别}\n", sex=sex)])
    said = write_folder(tmp_path / "said", "sex: {title: 性别, replaces: true}\n", sex=sex)
    assert CodeLibrary([said]).load("sex").rows.height == 1


@pytest.mark.parametrize(
    ("header", "table", "complaint"),
    [
        ("a: {title: 甲}\n", "code,label\n1,一\n1,二\n", "codes twice: 1"),
        ("a: {title: 甲}\n", "code,label\n1,\n", "without code or label"),
        ("a: {title: 甲}\n", "code,name\n1,一\n", "unknown columns: name"),
        ("a: {title: 甲}\n", "code\n1\n", "needs the columns code and label"),
        ("a: {standard: x}\n", "code,label\n1,一\n", "needs a title"),
        ("a: {title: 甲, tilte: x}\n", "code,label\n1,一\n", "needs a title"),
        ("- a\n", "code,label\n1,一\n", "must say for each table"),
    ],
)
def test_a_table_that_is_wrong_says_why(tmp_path: Path, header: str, table: str, complaint: str) -> None:
    folder = write_folder(tmp_path / "codes", header, a=table)
    with pytest.raises(CodeTableError, match=complaint):
        CodeLibrary([folder]).load("a")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(CodeTableError, match="no code table 'colour'"):
        load_code_table("colour")
    with pytest.raises(CodeTableError, match=r"no _tables\.yaml"):
        CodeLibrary([tmp_path])
    folder = write_folder(tmp_path / "codes", "a: {title: 甲}\n")
    with pytest.raises(CodeTableError, match=r"a\.csv is declared"):
        CodeLibrary([folder]).load("a")
    (folder / "a.csv").write_bytes("code,label\n1,停保\n".encode("gb18030"))
    with pytest.raises(CodeTableError, match=r"a\.csv is not UTF-8"):
        CodeLibrary([folder]).load("a")
