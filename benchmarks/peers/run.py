"""Compares our verification with Pointblank, Great Expectations and pandera: same rules, same table, all failing rows.

Run `make bench-peers ROWS=1000000`. The table is made once (not timed). Then each tool checks it in a process of its
own, one after another, with two threads. All tools must name the same failing rows for each rule: each tool is the
oracle of the others. A tool that fails, or exceeds its memory or time, is reported as unable. Prints a table and one
line of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.peers.rules import RULES
from benchmarks.peers.table import make_table

ROOT = Path(__file__).parents[2]
OURS = "ours"
PEERS: Mapping[str, str] = {
    "Pointblank": "pointblank_",
    "pandera": "pandera_",
    "Great Expectations": "expectations",
}
THREADS = "2"
MEMORY_MIB = 14 * 1024
SECONDS = 15 * 60


@dataclass(frozen=True)
class Run:
    """The result of one tool: its figures, or the reason why they are missing."""

    tool: str
    figures: Mapping[str, float]
    reason: str = ""


def run_tool(tool: str, module: str, python: Path, table: Path, target: Path) -> Run:
    """Check the table with one tool in a process of its own, with limits on memory and time."""
    command = [str(python), "-m", f"benchmarks.peers.{module}", str(table), str(target)]
    threads = dict.fromkeys(
        ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "ARROW_NUM_THREADS", "ZHENJIE_THREADS"), THREADS
    )
    with (
        target.with_suffix(".log").open("w+", encoding="utf-8") as log,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **threads, "GX_ANALYTICS_ENABLED": "false"},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        reason = _watch(process)
        printed = process.stdout.read() if process.stdout else ""
        log.seek(0)
        last = (log.read().strip().splitlines() or ["no message"])[-1]
    if reason or process.returncode:
        return Run(tool, {}, reason or last)
    return Run(tool, json.loads(printed.splitlines()[-1]))


def _watch(process: subprocess.Popen[str]) -> str:
    """Wait for a process. If it exceeds a limit, end it and return the reason."""
    until = time.monotonic() + SECONDS
    while process.poll() is None:
        reason = ""
        if _resident_mib(process.pid) > MEMORY_MIB:
            reason = f"more than {MEMORY_MIB // 1024} GiB of memory"
        elif time.monotonic() > until:
            reason = f"more than {SECONDS // 60} minutes"
        if reason:
            process.kill()
            return reason
        time.sleep(0.1)
    return ""


def _resident_mib(pid: int) -> float:
    """The memory of a process in MiB (Linux); 0 after its end."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def differences(found: Mapping[str, Path]) -> list[str]:
    """Rules for which two tools name different rows, or for which no tool names a row.

    For a repeated key we name all rows except the first; other tools name all rows. Therefore the distinct keys are
    compared for all rules, and the rows for all rules except uniqueness.
    """
    wrong = []
    with duckdb.connect() as connection:
        counted = {
            tool: {
                rule: (0 if rule.startswith("uniqueness.") else rows, keys, digest)
                for rule, rows, keys, digest in connection.execute(
                    "SELECT rule, count(*), count(DISTINCT key), bit_xor(DISTINCT hash(key)) "
                    "FROM read_parquet($1) GROUP BY rule",
                    [str(path)],
                ).fetchall()
            }
            for tool, path in found.items()
        }
    for rule in sorted({*RULES, *(rule for rules in counted.values() for rule in rules)}):
        told = {tool: rules.get(rule) for tool, rules in counted.items()}
        if len(set(told.values())) > 1 or None in told.values():
            wrong.append(f"{rule}: {told}")
    return wrong


def compare(rows: int, seed: int, peers: Path, folder: Path) -> tuple[str, dict[str, object]]:
    """The table and the figures of one size.

    Raises:
        RuntimeError: the tools name different failing rows; lists the rules.
    """
    table = folder / "resident.parquet"
    make_table(table, rows, seed)
    tools = {OURS: ("ours", Path(sys.executable)), **{tool: (name, peers) for tool, name in PEERS.items()}}
    paths = {tool: folder / f"{name}.found" for tool, (name, _) in tools.items()}
    runs = [run_tool(tool, name, python, table, paths[tool]) for tool, (name, python) in tools.items()]
    wrong = differences({run.tool: paths[run.tool] for run in runs if run.figures})
    if wrong:
        raise RuntimeError("the tools do not agree:\n" + "\n".join(wrong))
    with duckdb.connect() as connection:
        counted = connection.execute("SELECT count(*) FROM read_parquet($1)", [str(paths[OURS])]).fetchone()
    assert counted is not None
    ours = runs[0].figures
    lines = [
        f"{rows:,} rows, {len(RULES)} rules, {counted[0]:,} findings",
        "",
        "| tool | seconds | CPU seconds | peak MiB | seconds to ours |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {run.tool} | {run.figures['seconds']:.2f} | {run.figures['cpu_seconds']:.2f} | "
        f"{run.figures['peak_mib']:,} | {run.figures['seconds'] / ours['seconds']:.1f} |"
        if run.figures
        else f"| {run.tool} | cannot: {run.reason} | | | |"
        for run in runs
    ]
    told: dict[str, object] = {run.tool: dict(run.figures) or {"cannot": run.reason} for run in runs}
    return "\n".join(lines) + "\n", {"rows": rows, "findings": counted[0], **told}


def main() -> None:
    """Compare at one size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--peers", type=Path, required=True, help="the Python that has the other tools")
    parser.add_argument("--folder", type=Path, help="work below this folder")
    asked = parser.parse_args()
    # The path is not resolved, because the Python of a virtual environment is a link.
    python = asked.peers.absolute()
    with tempfile.TemporaryDirectory(dir=asked.folder) as scratch:
        told, figures = compare(asked.rows, asked.seed, python, Path(scratch))
    sys.stdout.write(told + json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
