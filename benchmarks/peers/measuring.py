"""One tool's run, measured alike for all: from the table in Parquet to all failing rows in hand.

Used by each tool's file as its main program; the process is the tool's own. Importing the tool is not timed, reading
the table is, and so is everything the tool sets up. What was found is put into one form afterwards, untimed.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TypeVar

import polars as pl

Found = TypeVar("Found")


def measure(
    check: Callable[[Path], Found],
    failing: Callable[[Found], pl.DataFrame],
    prepared: Callable[[Path], AbstractContextManager[Path]] = nullcontext,
) -> None:
    """Check the table named on the command line, print a line of figures and write who failed.

    Args:
        check: from the table's file to all failing rows, in whatever form the tool gives them. This is timed.
        prepared: makes of the table's file what `check` reads, untimed.
        failing: what was found as a frame of `rule` and `key`, one row per failing row and rule.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("table", type=Path)
    parser.add_argument("target", type=Path, help="where to write who failed, as Parquet")
    asked = parser.parse_args()
    with prepared(asked.table) as source:
        used, start = time.process_time(), time.perf_counter()
        found = check(source)
        figures = {
            "seconds": round(time.perf_counter() - start, 2),
            "cpu_seconds": round(time.process_time() - used, 2),
            "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }
        failing(found).write_parquet(asked.target)
    sys.stdout.write(json.dumps(figures) + "\n")
