"""How well planted errors are found: a sample city walked through two turns, held against its truth.

Run `make accuracy RESIDENTS=100000 SEED=1`: prints a table per kind of error and one line of JSON. The first turn
is measured by its findings and tickets; then every township answers rightly, and the governance tables of the second
turn are held against the city as it is. What is planted and how often is declared in `sample_city/data/errors/`.
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
TABLES = (
    ("kinds", "dataset, kind, field, planted, knowable, found, recall, suggested, suggested_right, suggested_wrong, "
     "unknowable FROM kind"),
    ("tickets on right rows, by rule", "dataset, rule, field, severity, tickets, unusual FROM stray"),
    ("unusual but right rows", 'kind, dataset, "rows", called_errors, rules FROM unusual'),
    ("governance tables", 'entity, attribute, entities, "right" FROM file'),
)  # fmt: skip
"""Heading and query of each table of the report."""


def measure(folder: Path, residents: int, seed: int) -> duckdb.DuckDBPyConnection:
    """Walk the loop below a folder and set the measures beside each other.

    Returns:
        A connection with the views of `accuracy.sql`: `kind`, `stray`, `unusual`, `summary`, and `file` for the
        governance tables of the second turn.
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
        for table in ("quality.finding", "quality.ticket", "governance.person", "governance.enterprise"):
            rows = published.execute(f"FROM {table}").to_arrow_table()
            connection.register("rows", rows)
            connection.execute(f"CREATE TABLE {table.split('.')[1]} AS FROM rows")
    for name, day in (
        ("errors", FIRST_BATCH),
        ("unusual", FIRST_BATCH),
        ("person", SECOND_BATCH),
        ("enterprise", SECOND_BATCH),
    ):
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
    """The figures of the last line: shares from 0 to 1, over all planted errors of the first turn."""
    measured = connection.execute("FROM summary")
    names = [column[0] for column in measured.description]
    (row,) = measured.fetchall()
    return {"residents": residents, "seed": seed, **dict(zip(names, row, strict=True))}


def report(connection: duckdb.DuckDBPyConnection) -> str:
    """The tables in Markdown; kinds that nobody can know of say why."""
    lines = []
    for heading, query in TABLES:
        found = connection.execute(f"SELECT {query} ORDER BY ALL")
        names = [column[0] for column in found.description]
        lines += [f"## {heading}", "", f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
        lines += [
            f"| {' | '.join('' if cell is None else str(cell) for cell in row)} |" for row in found.fetchall()
        ]
        lines.append("")
    return "\n".join(lines)


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
