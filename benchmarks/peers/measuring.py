"""Measures one tool's run in the same way for all tools: from the table in Parquet to all failing rows.

Each tool's file uses it as its main program, in a process of its own. Importing the tool is not timed. Reading the
table and setting up the tool are timed. Converting the results to the common form is not timed.
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
    """Check the table named on the command line, print a line of figures and write the failing rows.

    Args:
        check: reads the table's file and returns all failing rows in the tool's own form. This is timed.
        prepared: converts the table's file to the input of `check`. This is not timed.
        failing: converts the results to a frame of `rule` and `key`, one row per failing row and rule.
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
