"""Texts in CSV files: no spreadsheet takes one for a formula, and every text comes back as it was."""

from __future__ import annotations

import csv
import io

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.emit.spreadsheet import neutralise, neutralise_frame, restore, restore_text

# OWASP's list, and what full-width input turns into.
OWASP = ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"]

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
LIKE_FORMULAS = st.builds(
    lambda marks, start, rest: "'" * marks + start + rest,
    st.integers(0, 4),
    st.sampled_from([*OWASP, "", "a", "'"]),
    TEXTS,
)


@given(st.one_of(TEXTS, LIKE_FORMULAS))
def test_every_text_comes_back_as_it_was(text: str) -> None:
    assert restore(neutralise(text)) == text


@given(st.one_of(TEXTS, LIKE_FORMULAS))
def test_no_neutralised_text_begins_a_formula(text: str) -> None:
    assert not neutralise(text).startswith(tuple(OWASP))


@given(st.lists(st.one_of(st.none(), TEXTS, LIKE_FORMULAS)))
def test_a_table_is_neutralised_and_restored_as_its_texts_are(texts: list[str | None]) -> None:
    rows = pl.DataFrame({"text": texts}, schema={"text": pl.String})
    safe = neutralise_frame(rows)
    assert safe["text"].to_list() == [None if text is None else neutralise(text) for text in texts]
    assert safe.select(restore_text(pl.col("text")))["text"].to_list() == texts


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=cmd|'/c calc'!A0", "'=cmd|'/c calc'!A0"),
        ("-5", "'-5"),
        ("－－", "'－－"),
        ("\t=1", "'\t=1"),
        ("'=1", "''=1"),
        ("'quoted'", "'quoted'"),
        ("王芳", "王芳"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_only_the_beginning_of_a_formula_is_marked(text: str, safe: str) -> None:
    assert neutralise(text) == safe


def test_numbers_stay_numbers_and_headings_are_texts() -> None:
    rows = pl.DataFrame(
        {"=sum": [-5, 3], "rate": [-0.5, None], "kind": pl.Series(["-a", "b"], dtype=pl.Enum(["-a", "b"]))}
    )
    read = list(csv.reader(io.StringIO(neutralise_frame(rows).write_csv())))
    assert read == [["'=sum", "rate", "kind"], ["-5", "-0.5", "'-a"], ["3", "", "b"]]
