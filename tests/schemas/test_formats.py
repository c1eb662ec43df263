"""The declared file formats: no file may be taken for two of them, and each is bound to its reader once."""

from collections import Counter
from pathlib import Path

import pytest

from schemas.formats import Format, accepted, format_of, load_formats
from schemas.lints.delivery import SERVER_FACTS
from warehouse.collect.readers.registry import READERS

FORMATS = load_formats()


def test_the_readers_are_those_of_the_declared_formats() -> None:
    assert READERS.keys() == FORMATS.keys()


def test_no_suffix_and_no_mark_belongs_to_two_formats() -> None:
    suffixes = Counter(suffix for found in FORMATS.values() for suffix in found.suffixes)
    marks = Counter(mark for found in FORMATS.values() for mark, _ in found.signatures)
    assert set(suffixes.values()) == set(marks.values()) == {1}
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in suffixes)


@pytest.mark.parametrize("found", FORMATS.values(), ids=lambda found: found.name)
def test_a_contract_may_say_what_the_linter_knows(found: Format) -> None:
    assert set(found.facts) <= set(SERVER_FACTS)


def test_a_format_has_marks_if_it_is_known_by_them_and_one_takes_the_rest() -> None:
    assert all(bool(found.marks) == (found.known_by == "mark") for found in FORMATS.values())
    assert [found.known_by for found in FORMATS.values()].count("text") == 1


@pytest.mark.parametrize(
    ("name", "start", "format_"),
    [
        # File signatures: PKWARE's APPNOTE 4.3.7, [MS-CFB] 2.2, sqlite.org/fileformat.html 1.3.
        ("户籍.xlsx", b"PK\x03\x04\x14\x00", "xlsx"),
        ("户籍.xls", bytes.fromhex("d0cf11e0a1b11ae1") + b"\0", "xlsx"),
        ("户籍.csv", b"PK\x03\x04\x14\x00", "xlsx"),
        ("出生.db", b"SQLite format 3\x00\x10\x00", "sqlite"),
        ("车辆.DBF", b"\x03\x1a\x03\x02", "dbf"),
        ("车辆.dbf", b"PK\x03\x04", "dbf"),
        ("户籍.txt", "姓名,户号".encode("gb18030"), "csv"),
        ("户籍", b"", "csv"),
    ],
)
def test_a_file_is_known_by_its_mark_or_by_its_suffix(name: str, start: bytes, format_: str) -> None:
    assert format_of(Path(name).suffix, start).name == format_


def test_a_sender_is_told_the_formats_in_one_sentence() -> None:
    assert accepted() == "CSV、XLSX、XLS、DBF 或 SQLite 数据库"
