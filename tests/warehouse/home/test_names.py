"""Names from outside: what is shown of them, what they are stored under, and which contracts they fit."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.home.names import LONGEST_NAME, FileName, path_as_text, path_of_text, shown, stored

RAW = st.binary(min_size=1, max_size=255).filter(
    lambda raw: not {0, 0x2F} & set(raw) and raw not in (b".", b"..")
)


def named(raw: bytes) -> FileName:
    return FileName.of(Path("/inbox") / os.fsdecode(raw))


# Bytes of the GB 18030 rows are those of the standard's table: 户 BBA7, 籍 BCAE.
@pytest.mark.parametrize(
    ("raw", "text", "original_bytes"),
    [
        ("户籍.csv".encode(), "户籍.csv", None),
        (b"\xbb\xa7\xbc\xae.csv", "户籍.csv", "%BB%A7%BC%AE.csv"),
        # Neither: a byte that no encoding begins with.
        (b"\xff\xbb.csv", "\\xff\\xbb.csv", "%FF%BB.csv"),
        (b"\x1b[2J.csv", "\x1b[2J.csv", None),
    ],
)
def test_a_name_is_read_as_utf_8_then_as_gb_18030_then_byte_by_byte(
    raw: bytes, text: str, original_bytes: str | None
) -> None:
    name = named(raw)
    assert (name.text, name.original_bytes) == (text, original_bytes)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("户籍 2026　三月.csv", "户籍 2026　三月.csv"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\x9b2Jb", "a\\x9b2Jb"),
        ("a\nb\r", "a\\nb\\r"),
        ("a\u202egpj.csv", "a\\u202egpj.csv"),
        ("a\u200bb\ufeff", "a\\u200bb\\ufeff"),
        ("a\u2028b", "a\\u2028b"),
        ("a\u00a0b\u3164", "a\\xa0b\\u3164"),
        ("a\U000e0041", "a\\U000e0041"),
        ("a\udcb9", "a\\udcb9"),
        # A rare character of a newer Unicode, and a variant of one: people's names have them.
        ("\U00031350\U000e0100", "\U00031350\U000e0100"),
    ],
)
def test_what_hides_or_acts_is_shown_as_an_escape_and_all_else_as_it_is(text: str, escaped: str) -> None:
    assert shown(text) == escaped


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("户籍.csv", "户籍.csv"),
        ("2026年（一）-户籍 3.csv", "2026年（一）-户籍 3.csv"),
        (".hidden.csv", "_.hidden.csv"),
        ("-rf.csv", "_-rf.csv"),
        ("..", "_"),
        ("a.csv. ", "a.csv"),
        ("a\nb\x1b[0m.csv", "a_b__0m.csv"),
        ("con", "_con"),
        ("NUL.csv", "_NUL.csv"),
        ("com¹.txt", "_com¹.txt"),
        ("console.csv", "console.csv"),
        ("receipt.json", "_receipt.json"),
        ("Manifest.JSON", "_Manifest.JSON"),
        ("x.receipt.json", "_x.receipt.json"),
        ("a[1]*?.csv", "a_1___.csv"),
        # Normal form D, as macOS writes it, is stored in form C.
        ("e\u0301.csv", "\u00e9.csv"),
    ],
)
def test_a_name_is_stored_as_near_to_itself_as_is_safe(text: str, kept: str) -> None:
    assert stored(text) == kept


def test_a_long_name_keeps_its_ending_and_two_of_one_beginning_stay_two() -> None:
    long = "籍" * 83
    first, second = stored(long + "一.csv"), stored(long + "二.csv")
    assert first != second
    for name in (first, second):
        assert name.startswith("籍籍") and name.endswith(".csv") and len(name.encode()) <= LONGEST_NAME


@given(RAW)
def test_whatever_the_bytes_what_is_shown_is_text_and_what_is_stored_is_a_name(raw: bytes) -> None:
    name = named(raw)
    seen = name.shown
    seen.encode("utf-8")
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in seen)
    kept = name.stored
    assert 0 < len(kept.encode("utf-8")) <= LONGEST_NAME
    assert kept[0] not in ".-" and kept[-1] not in ". " and not re.search(r'[\x00-\x1f/\\:*?"<>|]', kept)
    assert stored(kept) == kept
    # What was sent can be had back.
    sent = name.original or name.text
    assert name.original_bytes is not None or sent.encode() == raw


@given(RAW)
def test_a_path_is_had_back_from_its_text(raw: bytes) -> None:
    path = Path("/inbox") / os.fsdecode(raw)
    path_as_text(path).encode("utf-8")
    assert path_of_text(path_as_text(path)) == path


def test_patterns_are_of_the_decoded_name_in_any_normal_form() -> None:
    assert named("户籍人口_2026.csv".encode("gb18030")).fits("户籍人口_*.csv")
    assert named("re\u0301sume\u0301_1.csv".encode()).fits("r\u00e9sum\u00e9_*.csv")
    assert named("户籍人口_2026.csv ".encode()).fits("户籍人口_*.csv")
    assert not named("户籍.csv".encode()).fits("户籍人口_*.csv")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("户籍.csv".encode("gb18030"), "户籍.csv"),
        # Info-ZIP on Linux writes UTF-8 and does not say so.
        ("户籍.csv".encode(), "户籍.csv"),
        # These four bytes are UTF-8 too, of two Latin letters.
        ("拢拢".encode("gb18030"), "拢拢"),
        (b"\xff.csv", "\\xff.csv"),
    ],
)
def test_a_name_in_a_zip_without_a_mark_is_gb_18030_unless_it_is_plainly_utf_8(raw: bytes, text: str) -> None:
    assert FileName.in_zip(raw).text == text
