"""Rows of thousands of cells: looked at as one text, with the outcome of looking at each cell, in bounded memory."""

from __future__ import annotations

from pathlib import Path

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.contract.odcs import read_contract
from warehouse.collect.layouts import layout_of
from warehouse.collect.readers.headings.row_classify import lead_and_blank
from warehouse.isolation.reading import read

CASE = Path(__file__).parents[2] / "data" / "reading" / "cwide_receipt"
CELLS = st.lists(
    st.one_of(st.none(), st.text(alphabet=" \t\u3000\u00a0\ufeff合计-^]a", max_size=4)),
    min_size=3,
    max_size=3,
)


@settings(max_examples=200, deadline=None)
@given(cells=CELLS)
def test_one_text_of_all_cells_says_what_the_cells_say(cells: list[str | None]) -> None:
    names = [f"f{place}" for place in range(len(cells))]
    values = ", ".join(f"${name}::VARCHAR AS {name}" for name in names)
    given_cells = dict(zip(names, cells, strict=True))
    each, together = (", ".join(lead_and_blank(names, many)) for many in (3, 0))
    with duckdb.connect(config={"threads": 1}) as connection:
        query = "SELECT {} FROM (SELECT " + values + ")"
        assert (
            connection.execute(query.format(each), given_cells).fetchall()
            == connection.execute(query.format(together), given_cells).fetchall()
        )


def test_a_file_of_three_thousand_columns_is_read_within_the_limits_of_a_worker(tmp_path: Path) -> None:
    contract = read_contract(CASE / "contract.yaml")
    layout = layout_of(contract, contract.deliveries[0], "cwide_receipt.csv")
    with duckdb.connect(config={"threads": 2}) as connection:
        reading = read(CASE / "cwide_receipt.csv", layout, connection, "wide", spool=tmp_path)
    assert (reading.rows, len(reading.recognition.extra)) == (1, 3_000)
