"""Addresses: one form for all spellings, the parts they name, and the division they lie in."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import duckdb
import polars as pl
import pytest

from schemas.codes import load_code_table
from warehouse.engine.functions import install, install_places

Apply = Callable[[str, Iterable[Any]], list[Any]]


def test_the_short_and_the_long_form_of_an_address_are_the_same(apply: Apply) -> None:
    forms = {
        "莱山区黄海路街道海天社区3号楼": [
            "山东省烟台市莱山区黄海路街道海天社区３号楼",
            "烟台市莱山区 黄海路街道海天社区3号楼",
            "烟台莱山区黄海路街道海天社区3#楼",
            "莱山区黄海路街道海天社区3号楼",
        ],
        "烟台经济技术开发区古现街道1号": [
            "烟台市开发区古现街道1号",
            "烟台市经济技术开发区古现街道1号",
            "开发区古现街道1号",
        ],
        "龙口市东莱街道": ["山东省龙口市东莱街道", "山东省烟台市龙口市东莱街道"],
        "蓬莱区登州街道（北）": ["山东省蓬莱市登州街道(北)"],
    }
    for canonical, spelt in forms.items():
        assert apply("normalise_address(v)", spelt) == [canonical] * len(spelt)


def test_an_address_elsewhere_keeps_all_it_says(apply: Apply) -> None:
    elsewhere = [
        "北京市海淀区中关村大街1号",
        "山东省青岛市市南区1号",
        "烟台市",
        "烟台市区某处",
        "3号楼",
        "市场街5号",
    ]
    assert apply("normalise_address(v)", elsewhere) == elsewhere
    assert apply("address_county(v)", elsewhere) == [None] * len(elsewhere)


def test_an_address_names_its_parts(apply: Apply) -> None:
    addresses = {
        "烟台市莱山区黄海路街道海天社区3号楼": ["莱山区", "黄海路街道", "海天社区"],
        "蓬莱区村里集镇办事处东村村12号": ["蓬莱区", "村里集镇", "东村村"],
        "莱山区丁家夼村5号": ["莱山区", None, "丁家夼村"],
        "芝罘区向阳街道友谊街社区居民委员会": ["芝罘区", "向阳街道", "友谊街社区"],
        "芝罘区南大街11号": ["芝罘区", None, None],
    }
    parts = "[address_county(v), address_township(v), address_village(v)]"
    assert apply(parts, addresses) == list(addresses.values())


def test_every_division_is_found_by_its_own_label(apply: Apply) -> None:
    rows = load_code_table("division").current
    label = dict(rows.select("code", "label").iter_rows())
    codes = [code for code in label if len(code) > 4]
    whole = ["".join(label[code[:n]] for n in (6, 9, 12) if n <= len(code)) for code in codes]
    city = {
        code: "" if text.startswith("烟台") else "烟台市" for code, text in zip(codes, whole, strict=True)
    }
    told = [f"山东省{city[code]}{text}8号楼3单元" for code, text in zip(codes, whole, strict=True)]
    assert len(codes) > 6_000
    assert apply("address_division(v)", told) == codes
    assert apply("address_division(normalise_address(v))", told) == codes
    office = [text.replace("街道", "街道办事处", 1) for text in whole]
    assert apply("address_division(v)", office) == codes


def test_an_address_lies_where_its_names_say(apply: Apply) -> None:
    addresses = {
        "莱山区黄海路街道鹿鸣社区3号楼": "370613001015",
        "莱山区黄海路办事处 鹿鸣社区居委会３号楼": "370613001015",
        "莱山区黄海路街道鹿鸣3号楼": "370613001015",
        "莱山区黄海路街道鹿鸣社区海天名人广场": "370613001015",
        "黄海路街道鹿鸣社区": "370613001015",
        "山东省烟台市黄海路街道鹿鸣社区3号": "370613001015",
        "莱山区鹿鸣社区3号": "370613001015",
        "莱山区黄海路街道观海路1号": "370613001",
        "莱山区黄海路街道没有这个社区1号": "370613001",
        "莱山区没有这个街道鹿鸣路1号": "370613",
        "莱山区向阳街道1号": "370613",
        "芝罘区南大街11号": "370602",
        "烟台市开发区古现街道": "370676002",
        "蓬莱市北沟镇舒郝村委会5号": "370614109229",
        "蓬莱区北沟镇舒郝村村民委员会": "370614109229",
        "莱州市沙河镇杲村李家12号": "370683101298",
        "莱州市沙河镇杲村集市12号": "370683101299",
        "栖霞市桃村镇上桃12号": "370686104202",
        "栖霞市桃村镇没有这庄12号": "370686104",
        "鹿鸣社区3号": None,
        "烟台市南大街11号": None,
        "北京市海淀区中关村大街1号": None,
        "3号楼": None,
    }
    assert apply("address_division(v)", addresses) == list(addresses.values())


@pytest.fixture(scope="module")
def two_counties() -> Iterator[duckdb.DuckDBPyConnection]:
    """A city of ours with names that mean two places, and with townships that are no more."""
    rows = [
        ("9901", "甲市", None, "city", None, None, None),
        ("990101", "东区", "9901", "county", None, None, None),
        ("990102", "西区", "9901", "county", None, None, None),
        ("990101001", "中山街道", "990101", "township", None, None, "中山镇"),
        ("990102001", "中山街道", "990102", "township", None, None, None),
        ("990102002", "新镇镇", "990102", "township", None, None, None),
        ("990102003", "旧镇", "990102", "township", "2010", "990102002", None),
        ("990102004", "分镇", "990102", "township", "2010", "990102001|990102002", None),
        ("990101001001", "北村委会", "990101001", "village", None, None, None),
        ("990101001002", "北村村民委员会", "990101001", "village", None, None, None),
        ("990101001003", "南关居委会", "990101001", "village", None, None, None),
        ("990101001004", "南关村委会", "990101001", "village", None, None, None),
        ("990102001001", "南关村委会", "990102001", "village", None, None, None),
        ("990102002001", "南关村委会", "990102002", "village", None, None, None),
    ]
    division = pl.DataFrame(
        rows, orient="row", schema=["code", "label", "parent", "level", "valid_to", "successor", "aliases"]
    )
    with duckdb.connect() as connection:
        install(connection)
        connection.execute("INSERT INTO codes.division BY NAME FROM division")
        install_places(connection)
        assert division.height == 14
        yield connection


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("甲市东区中山街道北村1号", "990101001"),
        ("东区中山街道南关社区1号", "990101001003"),
        ("东区中山街道南关村1号", "990101001004"),
        ("东区中山街道南关1号", "990101001"),
        ("东区中山镇南关村1号", "990101001004"),
        ("东区南关村1号", "990101001004"),
        ("西区南关村1号", "990102"),
        ("中山街道1号", None),
        ("西区旧镇南关村1号", "990102002001"),
        ("西区旧镇1号", "990102002"),
        ("西区分镇1号", "990102"),
        ("西区新镇镇南关村1号", "990102002001"),
    ],
)
def test_a_name_of_two_places_is_none_and_a_closed_place_is_its_successor(
    two_counties: duckdb.DuckDBPyConnection, address: str, code: str | None
) -> None:
    assert two_counties.execute("SELECT address_division($1)", [address]).fetchone() == (code,)
