"""Text: what is dirt, what stands for nothing, what is a person's name or a telephone."""

import unicodedata
from collections.abc import Callable, Iterable
from typing import Any

import pytest

Apply = Callable[[str, Iterable[Any]], list[Any]]


def test_full_width_letters_and_digits_become_half_width(apply: Apply) -> None:
    wide = [chr(c) for c in range(0xFF01, 0xFF5F) if chr(c).isalnum()]
    assert len(wide) == 62
    assert apply("tidy_text(v)", wide) == [unicodedata.normalize("NFKC", c) for c in wide]


def test_no_ideograph_is_harmed(apply: Apply) -> None:
    """But those that Unicode has only for the sake of old code pages, which are the ideographs they equal."""
    planes = (range(0x3400, 0x4DC0), range(0x4E00, 0xA000), range(0xF900, 0xFB00), range(0x20000, 0x323B0))
    texts = ["字" + chr(c) for plane in planes for c in plane]
    assert apply("clean_text(v)", texts) == [unicodedata.normalize("NFC", text) for text in texts]


def test_radicals_are_the_ideographs_that_they_look_like(apply: Apply) -> None:
    kangxi = ["字" + chr(c) for c in range(0x2F00, 0x2FD6)]
    assert apply("clean_text(v)", kangxi) == [unicodedata.normalize("NFKC", text) for text in kangxi]
    assert apply("clean_text(v)", ["莱⼭区", "⽅⽂", "⻢⻓⻄⻋⻰⺠"]) == ["莱山区", "方文", "马长西车龙民"]


def test_private_characters_of_gb_18030_are_those_of_its_edition_of_2022(apply: Apply) -> None:
    """GB 18030-2022, annex: FE59 is U+9FB4 and no longer U+E81E, and so on."""
    private = [
        bytes.fromhex(code).decode("gb18030") for code in ("FE59", "FE61", "FEA0", "FE51", "A6D9", "A8BC")
    ]
    assert all("\ue000" <= text <= "\uf8ff" for text in private)
    assert apply("clean_text(v)", private) == ["\u9fb4", "\u9fb5", "\u9fbb", "\U00020087", "\ufe10", "\u1e3f"]


@pytest.mark.parametrize(
    ("given_", "tidy"),
    [
        ("\u3000张三\u00a0", "张三"),
        ("张\u3000 三", "张 三"),
        ("\ufeff370602\u200b\u202c", "370602"),
        ("370602\t\r\n", "370602"),
        ("'370602198001010012", "370602198001010012"),
        ('="370602198001010012"', "370602198001010012"),
        ("０５３５－６６１２３４５", "0535-6612345"),
        ("莱山区（北区），１号楼", "莱山区（北区），1号楼"),
        ("–5", "-5"),
    ],
)
def test_dirt_of_spreadsheets_and_input_methods_goes(apply: Apply, given_: str, tidy: str) -> None:
    assert apply("tidy_text(v)", [given_]) == [tidy]


def test_placeholders_are_missing_values_and_other_short_values_are_not(apply: Apply) -> None:
    missing = [
        "", " ", "-", "--", "—", "——", "_", "/", "//", "\\", "、", ".", "无", "空", "暂无", "没有", "未知",
        "不详", "不明", "未填", "未填写", "未登记", "（无）", "(空)", "（空白）", "(null)", "null", "NULL",
        "None", "nil", "NaN", "NaT", "n/a", "N/A", "NA", "undefined", "#N/A", "#NULL!", "#REF!", "#VALUE!",
        "#NAME?", "#NUM!", "#DIV/0!", "#SPILL!", "#CALC!", "#GETTING_DATA", "#FIELD!", "#BLOCKED!", "#BUSY!",
        "\\N", "<NA>", "[NULL]", "<null>", "{null}", "-nan",
    ]  # fmt: skip
    present = [
        "0",
        "1",
        "无为县",
        "吴",
        "是",
        "空军",
        "-1",
        "NAN/A",
        "a",
        "无名氏",
        "?",
        "***",
        "未知数",
        "Nana",
    ]
    assert apply("clean_text(v)", missing) == [None] * len(missing)
    assert apply("clean_text(v)", present) == present


@pytest.mark.parametrize(
    ("delivered", "normalised"),
    [
        ("138-5352-0001", "13853520001"),
        ("138 5352 0001", "13853520001"),
        ("8613853520001", "13853520001"),
        ("008613853520001", "13853520001"),
        ("＋８６ 13853520001", "13853520001"),
        ("013853520001", "13853520001"),
        ("05356612345", "0535-6612345"),
        ("0535 6612345", "0535-6612345"),
        ("(010)88993108", "010-88993108"),
        ("6612345", "6612345"),
        ("0535-6612345-801", "0535-6612345-801"),
        ("13853520001、6612345", "13853520001、6612345"),
        ("-", None),
    ],
)
def test_phones_are_normalised(apply: Apply, delivered: str, normalised: str | None) -> None:
    assert apply("normalise_phone(v)", [delivered]) == [normalised]


def test_a_normalised_phone_of_one_number_is_a_phone(apply: Apply) -> None:
    good = ["13853520001", "0535-6612345", "010-88993108", "6612345", "0535-6612345-801", "400-860-8608"]
    bad = ["13853520001、6612345", "12853520001", "1385352000", "0535-661234", "电话", "110"]
    assert apply("is_phone(v)", good) == [True] * len(good)
    assert apply("is_phone(v)", bad) == [False] * len(bad)


def test_names_in_rare_characters_and_of_ethnic_groups_are_names(apply: Apply) -> None:
    good = ["王㛃", "李𬀩", "𠅤三", "郭〇", "欧阳娜娜", "买买提·阿不都热合曼", "益西·班玛·多吉", "那英"]
    bad = [
        "王",
        "王 三",
        "·王三",
        "王三·",
        "王··三",
        "王3",
        "wang",
        "王?",
        "王\ue000",
        "王（小）",
        "王三,李四",
    ]
    assert apply("is_person_name(v)", good) == [True] * len(good)
    assert apply("is_person_name(v)", bad) == [False] * len(bad)


def test_person_names_are_normalised(apply: Apply) -> None:
    delivered = [
        "张　三",
        " 张 三 丰 ",
        "凯文•杜兰特",
        "凯文.杜兰特",
        "凯文・杜兰特",
        "John  Smith",
        "暂 无",
        "王\u200b三",
    ]
    normalised = ["张三", "张三丰", "凯文·杜兰特", "凯文·杜兰特", "凯文·杜兰特", "John Smith", None, "王三"]
    assert apply("normalise_person_name(v)", delivered) == normalised


def test_a_code_knows_its_county_and_township(apply: Apply) -> None:
    codes = ["370602001001", "370602001", "370602", "370602000000", "370600000000", "3706", "张三", "370671"]
    assert apply("county_of(v)", codes) == ["370602"] * 4 + [None, None, None, "370671"]
    assert apply("township_of(v)", codes) == ["370602001"] * 2 + [None] * 6
    assert apply("is_division_code(v)", codes) == [True] * 5 + [False, False, True]


def test_a_closed_division_becomes_the_one_that_took_its_place(apply: Apply) -> None:
    """Penglai's townships kept their last digits in 2020, Changdao's did not; 370631 was split between two."""
    now = {
        "370684": "370614",
        "370634": "370614",
        "370684004": "370614004",
        "370684001001": "370614001001",
        "370684001999": "370684001999",
        "370634201": "370634201",
        "370631": "370631",
        "370602001001": "370602001001",
        "370614001": "370614001",
        "张三": "张三",
    }
    assert apply("current_division(v)", now) == list(now.values())
    assert apply("normalise_division(v)", [" '370684 ", "３７０６８４００１", "无"]) == [
        "370614",
        "370614001",
        None,
    ]


def test_quotation_marks_that_are_part_of_a_text_stay(apply: Apply) -> None:
    # An apostrophe before a number is a spreadsheet's, single quotes around a whole field an export's.
    texts = ["'00123", " ’12 ", "'张三'", "`a`", "‘十四五’规划", "‘春风行动’", "'甲'与'乙'", "it's", "'"]
    tidied = ["00123", "12", "张三", "a", "‘十四五’规划", "‘春风行动’", "'甲'与'乙'", "it's", ""]
    assert apply("tidy_text(v)", texts) == tidied
