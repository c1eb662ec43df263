"""The written zip file, as the standard library's reader and writer see it."""

import io
import random
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from returns.packages import archive
from returns.packages.archive import Archive

DAY = date(2026, 3, 2)


def written(members: Mapping[str, Iterable[bytes]], *, compressed: bool = True) -> bytes:
    buffer = io.BytesIO()
    with Archive(buffer, DAY) as target:
        for name, pieces in members.items():
            target.add(name, pieces, compressed=compressed)
    return buffer.getvalue()


MEMBERS = {
    "xl/workbook.xml": [b"<workbook/>"],
    "待核实.csv": ["工单号\n".encode(), b"T1\n"],
    "empty": [],
}


def test_members_come_back_as_they_were_in_their_order() -> None:
    with zipfile.ZipFile(io.BytesIO(written(MEMBERS))) as read:
        assert read.testzip() is None
        assert {name: read.read(name) for name in read.namelist()} == {
            name: b"".join(pieces) for name, pieces in MEMBERS.items()
        }
        assert read.namelist() == list(MEMBERS)


def test_a_file_of_stored_members_is_byte_for_byte_what_the_standard_library_writes() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, pieces in MEMBERS.items():
            info = zipfile.ZipInfo(name, (DAY.year, DAY.month, DAY.day, 0, 0, 0))
            info.create_system, info.external_attr = 3, 0o644 << 16
            target.writestr(info, b"".join(pieces))
    assert written(MEMBERS, compressed=False) == buffer.getvalue()


def test_headers_of_compressed_members_are_the_standard_library_s_too() -> None:
    with zipfile.ZipFile(io.BytesIO(written(MEMBERS))) as read:
        facts = [(i.compress_type, i.date_time, i.flag_bits, i.extract_version) for i in read.infolist()]
    deflated = (zipfile.ZIP_DEFLATED, (2026, 3, 2, 0, 0, 0))
    assert facts == [(*deflated, 0, 20), (*deflated, 0x800, 20), (*deflated, 0, 20)]


def test_what_repeats_itself_becomes_small() -> None:
    assert len(written({"a": [b'<c r="A1" s="6"/>' * 10_000]})) < 2_000


@settings(max_examples=50)
@given(st.dictionaries(st.text(st.characters(codec="utf-8", exclude_characters="\0/\\"), min_size=1, max_size=20),
                       st.lists(st.binary(max_size=200), max_size=4), max_size=4))  # fmt: skip
def test_any_member_comes_back(members: dict[str, list[bytes]]) -> None:
    with zipfile.ZipFile(io.BytesIO(written(members))) as read:
        assert {i.filename: read.read(i) for i in read.infolist()} == {
            name: b"".join(pieces) for name, pieces in members.items()
        }


def test_a_member_may_come_in_pieces_as_they_are_made() -> None:
    noise = random.Random(1).randbytes(1 << 16)

    def pieces() -> Iterator[bytes]:
        for number in range(100):
            yield number.to_bytes(4, "big") + noise

    content = written({"large": pieces()})
    with zipfile.ZipFile(io.BytesIO(content)) as read:
        assert read.read("large") == b"".join(pieces())


def test_a_member_too_large_for_the_format_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "LARGEST", 1_000)
    with pytest.raises(ValueError, match="large does not fit: it has 1,001 bytes"):
        written({"large": [b"a" * 1_001]})


def test_a_failed_write_leaves_no_directory_that_a_reader_would_trust() -> None:
    buffer = io.BytesIO()
    with pytest.raises(KeyError), Archive(buffer) as target:
        target.add("whole", [b"a"])
        raise KeyError
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(buffer)
