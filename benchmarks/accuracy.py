"""Measures how well planted errors are found: runs a sample city through two turns and compares it with its truth.

Run `make accuracy RESIDENTS=100000 SEED=1`: prints a table of the kinds of errors and one line of JSON. The findings of
the first turn are measured. Then every township answers correctly, and the governance tables of the second turn are
compared with the true city. `sample_city/data/errors.yaml` declares the planted errors and their shares.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from datetime import date
from pathlib import Path

import dagster as dg
import duckdb

from pipelines.demonstration import FIRST_BATCH, SECOND_BATCH, Demonstration
from pipelines.platform import build_platform
from pipelines.run.turn import run_turn
from pipelines.settings import read_settings
from warehouse.publish.switch import open_published

SQL = Path(__file__).parent / "accuracy.sql"
COLUMNS = ("kind", "dataset", "field", "planted", "found", "beside", "recall", "precision", "derivable",
           "suggested", "suggested_right")  # fmt: skip


def measure(folder: Path, residents: int, seed: int) -> duckdb.DuckDBPyConnection:
    """Run the loop below a folder and compute the measures.

    Returns:
        A connection with the views of `accuracy.sql`: `kind`, `stray`, `summary`, and `file` for the governance
        tables of the second turn.
    """
    city = Demonstration(build_platform(read_settings({}, folder)), residents, seed)
    for day in (FIRST_BATCH, SECOND_BATCH):
        city.deliver(day)
        with dg.DagsterInstance.ephemeral() as instance:
            done = run_turn(city.platform, day, instance, _tell)
        if not done.done:
            raise RuntimeError(f"the turn of {day} failed: {', '.join(done.failed)}")
        if day == FIRST_BATCH:
            city.answer(day)
    return _beside_the_truth(city)


def _beside_the_truth(city: Demonstration) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    with open_published(city.platform.home) as published:
        for table in ("quality.finding", "governance.person", "governance.enterprise"):
            rows = published.execute(f"FROM {table}").to_arrow_table()
            connection.register("rows", rows)
            connection.execute(f"CREATE TABLE {table.split('.')[1]} AS FROM rows")
    for name, day in (("errors", FIRST_BATCH), ("person", SECOND_BATCH), ("enterprise", SECOND_BATCH)):
        connection.execute(
            f"CREATE TABLE true_{name} AS FROM read_csv($path, all_varchar = true)",
            {"path": str(city.truth(day) / f"{name}.csv")},
        )
    connection.execute(SQL.read_text(encoding="utf-8").replace("{batch}", _day(FIRST_BATCH)))
    return connection


def _day(day: date) -> str:
    return f"DATE '{day.isoformat()}'"


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def summary(connection: duckdb.DuckDBPyConnection, residents: int, seed: int) -> dict[str, object]:
    """The figures of one line: the worst recall and precision of all kinds, and the totals of suggestions and sides."""
    measured = connection.execute("FROM summary")
    names = [column[0] for column in measured.description]
    (row,) = measured.fetchall()
    return {"residents": residents, "seed": seed, **dict(zip(names, row, strict=True))}


def report(connection: duckdb.DuckDBPyConnection) -> str:
    """In Markdown: the table of kinds, the findings without a planted error, the governance tables."""
    lines = [f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
    rows = connection.execute(
        f"SELECT {', '.join(COLUMNS)} FROM kind ORDER BY dataset, kind, field"
    ).fetchall()
    lines += [f"| {' | '.join('' if value is None else str(value) for value in row)} |" for row in rows]
    strays = connection.execute("FROM stray ORDER BY ALL").fetchall()
    lines += ["", "| stray finding of | rule | field | severity | rows |", "|---|---|---|---|---|"]
    lines += [f"| {' | '.join(map(str, row))} |" for row in strays]
    files = connection.execute("FROM file ORDER BY entity, attribute").fetchall()
    lines += ["", "| entity | attribute | entities | right |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(map(str, row))} |" for row in files]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure one city."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--residents", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--home", type=Path, help="keep the installation in this new folder")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        connection = measure(asked.home or Path(scratch), asked.residents, asked.seed)
        sys.stdout.write(report(connection))
        sys.stdout.write(json.dumps(summary(connection, asked.residents, asked.seed)) + "\n")


if __name__ == "__main__":
    main()
