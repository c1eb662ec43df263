"""Delimited files against Python's csv module: any text under the headings, in pieces of any size."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from warehouse.collect.readers.layout import Layout, LayoutColumn, Reading, UnreadableFile
from warehouse.collect.readers.registry import read
from warehouse.collect.readers.text import encoding, record_lines

LAYOUT = Layout("csv", tuple(LayoutColumn(name, (name,), key=name == "a") for name in "abc"), delimiter=",")

Rows = dict[int, tuple[str | None, ...]]


@pytest.fixture(scope="module", autouse=True)
def small_pieces() -> Iterator[None]:
    """Files pass in pieces of a few bytes, so that every boundary falls everywhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoding, "CHUNK", 7)
        patch.setattr(record_lines, "_PART", 40)
        yield


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def read_text(connection: duckdb.DuckDBPyConnection, text: str, codec: str) -> tuple[Reading, Rows]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        path.write_bytes(text.encode(codec))
        reading = read(path, LAYOUT, connection, "t", spool=Path(folder))
    table = connection.execute("FROM t").fetchall()
    assert [row for row, *_ in table] == sorted(row for row, *_ in table)
    return reading, {row: tuple(cells) for row, *cells in table}


def as_csv_module_reads(text: str) -> tuple[list[list[str]], bool]:
    """The records, and whether every quote is closed: else the added line is drawn into the last record."""
    records = list(csv.reader(io.StringIO(text + "\nEND", newline="")))
    closed = records[-1] == ["END"]
    # After a line feed, the one that was added made a blank line of its own.
    return records[: -2 if text.endswith("\n") else -1], closed


CELLS = st.text(alphabet='x1 ,"\n\r\t中𠮷', max_size=6)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=8),
    # With "\n" as its line end, the writer leaves a carriage return unquoted unless it quotes everything.
    style=st.sampled_from([("\n", csv.QUOTE_ALL), ("\r\n", csv.QUOTE_ALL), ("\r\n", csv.QUOTE_MINIMAL)]),
    codec=st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16"]),
)
def test_what_a_csv_writer_writes_is_read_back(
    connection: duckdb.DuckDBPyConnection, rows: list[list[str]], style: tuple[str, int], codec: str
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=style[0], quoting=style[1]).writerows([["a", "b", "c"], *rows])
    reading, table = read_text(connection, out.getvalue(), codec)
    expected = {row: tuple(cell or None for cell in cells) for row, cells in enumerate(rows, start=2)}
    aside = {each.row for each in reading.set_aside}
    for row, cells in expected.items():
        blank = not "".join(cell or "" for cell in cells).strip()
        assert (row in table) + (row in aside) + blank == 1
        assert row not in aside or not (cells[0] or "").strip()
    assert table == {row: cells for row, cells in expected.items() if row in table}
    # A cell of several lines that has as many commas as so many rows may have taken rows in.
    doubtful = [
        row for row, cells in table.items() if any("\n" in cell and "," in cell for cell in cells if cell)
    ]
    assert all("跨了几行" in note.text and set(note.rows) <= set(doubtful) for note in reading.notes)


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.lists(CELLS, min_size=1, max_size=3), max_size=8), size=st.integers(1, 9))
def test_what_a_csv_writer_writes_goes_the_fast_way_as_one_line_a_record(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], size: int
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    # A writer cannot leave a line blank, a person can.
    text = out.getvalue() + "\r\n\r\n\r\n"
    pieces = (text[start : start + size] for start in range(0, len(text), size))
    spooled = record_lines.RecordSpool(pieces, ",", tmp_path_factory.mktemp("spool"))
    parts = list(spooled.parts())
    assert spooled.rest is None
    lines = b"".join(part.path.read_bytes() for part in parts).splitlines()
    assert sum(part.lines for part in parts) == len(lines) == len(rows) + 3
    assert all(lines)


@settings(max_examples=100, deadline=None)
@given(
    body=st.text(alphabet='a1,,,"\n\n\r中\x1e\ufeff', max_size=60),
    codec=st.sampled_from(["utf-8", "gb18030"]),
)
@example(body='1,"x"y,\n2,"\n",\n', codec="utf-8")
@example(body='1,x,\r\r\n2,"\r",', codec="utf-8")
@example(body="\ufeff1,2,3\n\ufeff", codec="utf-8")
@example(body='1"x"\r\n' + "2,3\r\n" * 9, codec="utf-8")
@example(body="\n\n\n\n1,2,3\n\n\n", codec="gb18030")
def test_any_text_is_split_as_the_csv_module_splits_it(
    connection: duckdb.DuckDBPyConnection, body: str, codec: str
) -> None:
    # The headings stand in a line of their own, whose end is not the text's to add to.
    text = "a,b,c\n" + body
    records, closed = as_csv_module_reads(text)
    if not closed:
        with pytest.raises(UnreadableFile, match="双引号没有配对"):
            read_text(connection, text, codec)
        return
    reading, table = read_text(connection, text, codec)
    aside = {each.row for each in reading.set_aside}
    for row, record in enumerate(records[1:], start=2):
        cells = tuple((cell or None) for cell in [*record, "", "", ""][:3])
        if row in table:
            assert table[row] == cells
        else:
            assert row in aside or not "".join(record).replace("\ufeff", "").strip()
    assert set(table) <= set(range(2, len(records) + 1))


def test_half_a_million_rows_have_their_own_numbers_whatever_reads_them(tmp_path: Path) -> None:
    # Large enough for DuckDB to read in parallel, in several spool files, with breaks within quotes and blank
    # lines in between; the row is computed from the record's number alone.
    records = 500_000
    address = "山东省烟台市芝罘区向阳街道友谊街社区居民委员会"
    with (tmp_path / "x.csv").open("w", encoding="gb18030", newline="") as file:
        file.write("a,b,c\r\n")
        for start in range(0, records, 1000):
            file.writelines(
                f'{i},"{address}\r\n{i}号",{address}\r\n'
                if i % 3 == 0
                else f"{i},{address}{i}号,{address}\r\n"
                for i in range(start, start + 1000)
            )
            file.write("\r\n")
    with pytest.MonkeyPatch.context() as patch, duckdb.connect(config={"threads": 4}) as connection:
        patch.setattr(encoding, "CHUNK", 4 << 20)
        patch.setattr(record_lines, "_PART", 70 << 20)
        reading = read(tmp_path / "x.csv", LAYOUT, connection, "t", spool=tmp_path)
        table = connection.execute("SELECT _row, CAST(a AS BIGINT) AS a, b FROM t").fetchnumpy()
    assert reading.rows == records
    numbers = np.arange(records)
    assert (np.sort(table["a"]) == numbers).all()
    assert (table["_row"] == table["a"] + table["a"] // 1000 + 2).all()
    assert all(f"{i}号" in b for i, b in zip(table["a"][::1000], table["b"][::1000], strict=True))
