"""Measures the speed of the loop for a city, compared with a floor: copying the delivered text files to Parquet once.

Run `make bench RESIDENTS=1000000`. A sample city is generated (not timed); in one process, with the same threads
and memory limit, DuckDB first copies every delivered CSV to Parquet (the floor), then the loop runs from the
extracts to the publication (through Dagster, as `zhenjie run` does) and the packages are made. Then the same files are
delivered again with 1% of the rows of each CSV changed, and the loop runs again. TURNS sets the number of turns; each
turn changes other rows. Prints a table of stages, for more than two turns the seconds of each, and one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import dagster as dg
import duckdb

from assets.platform import CHINA, Platform
from benchmarks.workbook import workbook_speed
from pipelines.demonstration import FIRST_BATCH
from pipelines.platform import build_platform
from pipelines.run.turn import run_turn
from pipelines.settings import read_settings
from warehouse.collect.intake import reception

PACKAGES, QUERIES = "returns", "queries"
CHANGED = 100
"""Each turn after the first changes one row of this number."""


@dataclass(frozen=True)
class Step:
    """An asset's work: its stage, and its begin and end in seconds of one clock."""

    stage: str
    began: float
    ended: float


@dataclass(frozen=True)
class Turn:
    """The begin of a turn, its steps, and the rows of each stage."""

    began: float
    steps: tuple[Step, ...]
    rows: Mapping[str, int]

    @property
    def loop(self) -> float:
        """Seconds from the extracts to the publication, without the packages and the tables for queries."""
        return max(step.ended for step in self.steps if step.stage not in (PACKAGES, QUERIES)) - self.began

    @property
    def packages(self) -> float:
        """Seconds from the publication to the last package."""
        return max(step.ended for step in self.steps if step.stage == PACKAGES) - self.began - self.loop

    @property
    def queries(self) -> float:
        """Seconds for the database of standard tables, at the end of the turn."""
        return sum(step.ended - step.began for step in self.steps if step.stage == QUERIES)

    @property
    def seconds(self) -> dict[str, float]:
        """The seconds of each stage. Time in which several steps run is divided among them."""
        shares: dict[str, float] = {}
        moments = sorted({moment for step in self.steps for moment in (step.began, step.ended)})
        for start, end in pairwise(moments):
            running = [step.stage for step in self.steps if step.began <= start and step.ended >= end]
            for stage in running:
                shares[stage] = shares.get(stage, 0.0) + (end - start) / len(running)
        return shares


def floor(files: list[Path], folder: Path, settings: dict[str, str | int]) -> float:
    """Seconds that DuckDB takes to copy the delivered text files to Parquet, every column as text."""
    folder.mkdir()
    with duckdb.connect(config={str(k): v for k, v in settings.items()}) as connection:
        start = time.perf_counter()
        for path in files:
            connection.execute(
                f"COPY (FROM read_csv('{path}', all_varchar = true, header = true, quote = '\"', "
                f"escape = '\"')) TO '{folder / path.stem}.parquet' (FORMAT parquet)"
            )
        return time.perf_counter() - start


def as_utf8(files: list[Path], folder: Path) -> list[Path]:
    """The CSV files in UTF-8, the only encoding that DuckDB's own reader accepts here."""
    folder.mkdir()
    made = []
    for path in files:
        if path.suffix == ".csv":
            target = folder / path.name
            with (
                path.open(encoding=_encoding(path), newline="") as source,
                target.open("w", newline="") as out,
            ):
                while chunk := source.read(1 << 24):
                    out.write(chunk)
            made.append(target)
    return made


def _encoding(path: Path) -> str:
    return "utf-8-sig" if path.open("rb").read(3) == b"\xef\xbb\xbf" else "gb18030"


def change(files: list[Path], folder: Path, which: int) -> list[Path]:
    """The files with one row of each hundred changed in every CSV: the last character differs."""
    folder.mkdir()
    made = []
    for path in files:
        target = folder / path.name
        if path.suffix == ".csv":
            with path.open("rb") as source, target.open("wb") as out:
                out.writelines(_changed(source, which))
        else:
            target.write_bytes(path.read_bytes())
        made.append(target)
    return made


def _changed(lines: Iterator[bytes], which: int) -> Iterator[bytes]:
    for number, line in enumerate(lines, start=1):
        # The first lines may be titles.
        if number > CHANGED // 2 and (number + which) % CHANGED == 0 and line[-3:-2].isdigit():
            yield line[:-3] + b"%d" % ((int(line[-3:-2]) + 1) % 10) + line[-2:]
        else:
            yield line


def turn(platform: Platform, files: list[Path], day: date) -> Turn:
    """One turn with these files, timed from the extracts on."""
    at = datetime(day.year, day.month, day.day, 8, tzinfo=CHINA)
    receipts = reception.deliver(platform.home, platform.library, files, day, at)
    aside = [receipt.file for receipt in receipts if receipt.status == "set_aside"]
    if aside:
        raise RuntimeError(f"not taken in: {', '.join(aside)}")
    rows: dict[str, int] = {}

    def count(line: str) -> None:
        """A line such as `standard/police/population  10,021 rows`."""
        name, _, told = line.partition("  ")
        stage = name.split("/")[0]
        rows[stage] = rows.get(stage, 0) + int(told.removesuffix(" rows").replace(",", "") or 0)

    with dg.DagsterInstance.ephemeral() as instance:
        began = time.time()
        done = run_turn(platform, day, instance, count)
        if not done.done:
            raise RuntimeError(f"the turn of {day} failed: {', '.join(done.failed)}")
        [run] = instance.get_runs()
        steps = tuple(
            Step(step.step_key.split("__")[0], step.start_time, step.end_time)
            for step in instance.get_run_step_stats(run.run_id)
            if step.start_time is not None and step.end_time is not None
        )
    return Turn(began, steps, rows)


def turns(platform: Platform, folder: Path, files: list[Path], count: int) -> Iterator[Turn]:
    """Run `count` turns, one for each day. Each day changes other rows."""
    for number in range(count):
        if number:
            files = change(files, folder / f"changed {number}", number - 1)
        yield turn(platform, files, FIRST_BATCH + timedelta(days=number))


def measure(folder: Path, residents: int, seed: int, count: int) -> tuple[str, dict[str, object]]:
    """The table and the figures of one city."""
    program = "from pipelines.cli import main; main()"
    asked = ["sample", str(folder / "sample"), "--residents", str(residents), "--seed", str(seed)]
    subprocess.run([sys.executable, "-c", program, *asked], check=True, stdout=subprocess.DEVNULL)
    files = sorted(path for path in (folder / "sample").iterdir() if path.is_file())
    settings = read_settings(home=folder / "home")
    limits: dict[str, str | int] = {"memory_limit": settings.memory, "threads": settings.threads}
    at_least = floor(as_utf8(files, folder / "utf8"), folder / "floor", limits)
    platform = build_platform(settings)
    first, second, *others = turns(platform, folder, files, count)
    seconds, again = first.seconds, second.seconds
    figures: dict[str, object] = {
        "residents": residents,
        "rows": first.rows["extract"],
        "floor_s": round(at_least, 2),
        "loop_s": round(first.loop, 2),
        "ratio": round(first.loop / at_least, 2),
        "packages_s": round(first.packages, 2),
        "queries_s": round(first.queries, 2),
        "workbook_rows_per_s": round(workbook_speed(200_000)),
        "verify_rows_per_s": round(first.rows["standard"] / seconds["finding"]),
        "incremental_ratio": round(second.loop / first.loop, 3),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    lines = ["| stage | seconds | rows | rows/s | second turn |", "|---|---|---|---|---|"]
    for stage, spent in seconds.items():
        if stage == QUERIES:
            continue
        rows = first.rows.get(stage, 0)
        lines.append(
            f"| {stage} | {spent:.2f} | {rows:,} | {rows / spent:,.0f} | {again.get(stage, 0):.2f} |"
        )
    lines += [
        "",
        f"Standard tables for queries, after the loop: {first.queries:.1f} s, {second.queries:.1f} s",
    ]
    if others:
        loops = ", ".join(f"{each.loop:.1f}" for each in (first, second, *others))
        lines += ["", f"Seconds of the loop, turn by turn: {loops}"]
    return "\n".join(lines) + "\n", figures


def main() -> None:
    """Measure one city."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--residents", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--turns", type=int, default=2, help="at least two")
    parser.add_argument("--folder", type=Path, help="work below this folder and keep what is made")
    asked = parser.parse_args()
    if asked.turns < 2:
        parser.error("--turns: at least two, for the second is what is compared with the first")
    with tempfile.TemporaryDirectory(dir=asked.folder) as scratch:
        table, figures = measure(Path(scratch), asked.residents, asked.seed, asked.turns)
    sys.stdout.write(table + json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
